"""Every way a request can fail, mapped once: a page for people, RFC 9457 problem+json for programs.

Enters: an exception. Leaves: an answer with its status and the request's id. Must not show an error's own text when it
is our bug, and must not tell a stranger more than a member.
"""

import json
import logging
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any

from flask import Flask, Response, g, redirect, render_template, request, url_for
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import DataError
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge, SecurityError, TooManyRequests

from engine import messages
from engine.errors import DefinitionError, FieldError, InvalidValues, Missing, NotAllowed, NotFound, NotPossibleNow
from engine.records.duplicates import Other
from engine.storage.faults import Unavailable
from web.gate import NotSignedIn, SecondFactorMissing, find_reader, locale, settings, store
from web.security import safe_next
from web.shell import make_shell
from web.whereabouts import own_page, page_behind

log = logging.getLogger("formwork")
PROBLEM = "application/problem+json"


class ConditionMissing(NotPossibleNow):
    """A condition the request had to carry (``If-Match``) is not there (HTTP 428)."""


class Malformed(NotPossibleNow):
    """The request cannot be read at all (HTTP 400)."""


def handle_errors(app: Flask) -> None:
    """Register the one handler of each branch."""
    for kind, handler in _HANDLERS.items():
        app.register_error_handler(kind, handler)


def answer(status: int, code: str, detail: str, /, **more: Any) -> Response:
    """Return the problem as a page or as problem+json, whichever was asked for."""
    return problem(status, code, detail, **more) if is_api() else _page(status, detail)


def write_errors(errors: Iterable[FieldError], language: str) -> list[dict[str, Any]]:
    """Return wrong values as plain data; ``params`` name the records in the way, those the reader may see."""
    found = []
    for error in errors:
        said: dict[str, Any] = {"path": error.path, "code": error.code, "text": error.text(language)}
        records = [{"entity": one.entity, "id": one.id} for one in others_in_the_way(error)]
        found.append(said | ({"params": {"records": records}} if records else {}))
    return found


def others_in_the_way(error: FieldError) -> list[Other]:
    """Return the records that an error speaks of, as far as the reader may see them."""
    return [one for one in getattr(error.params.get("others"), "others", ()) if one.id is not None]


def write_missing(missing: Iterable[Missing], language: str) -> list[dict[str, Any]]:
    """Return what is missing before a move as plain data."""
    return [
        {"key": item.key, "kind": item.kind, "text": messages.say(item.message, language), "fields": list(item.fields)}
        for item in missing
    ]


def is_api() -> bool:
    """Return whether a program asks, not a browser."""
    return request.path.startswith(("/api/", "/hooks/"))


def problem(status: int, code: str, detail: str, /, **more: Any) -> Response:
    """Return an RFC 9457 answer: ``type``, ``title``, ``status``, ``detail``, ``code``, ``request_id`` and ``more``."""
    said = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
        "request_id": g.get("request_id"),
        **more,
    }
    return Response(json.dumps(said, ensure_ascii=False, default=str), status, mimetype=PROBLEM)


def _page(status: int, detail: str) -> Response:
    find_reader()
    error = {
        "code": status,
        "kind": _KINDS.get(status, "server" if status >= 500 else "bad_request"),
        "text": detail,
        "reference": g.get("request_id") if status >= 500 else None,
        "back_url": safe_next(_came_from(), "") or None,
        "retry": status in (429, 503),
    }
    try:
        html = render_template("pages/error.html", error=error, shell=make_shell())
    except Exception:  # the page itself may be what is broken: whoever asked still gets the sentence
        log.exception("the error page could not be drawn, request %s", g.get("request_id"))
        return Response(detail, status, mimetype="text/plain")
    return Response(html, status, mimetype="text/html")


def _came_from() -> str | None:
    """Return the path of the page on this site that led here, unless it is this one."""
    behind = page_behind()
    return behind if behind != request.path else None


# ---- the branches


def _invalid_values(error: InvalidValues) -> Response:
    language = locale().language
    errors = write_errors(error.errors, language)
    missing = write_missing(error.missing, language)
    code = "invalid_values" if errors else "people.missing"
    said = messages.text(code, language, count=len(errors) or len(missing))
    if request.method == "GET" and not is_api():  # an address that is wrong: nobody was saving anything
        said = " ".join(dict.fromkeys(one["text"] for one in errors)) or said
    return answer(422, code, said, errors=errors, missing=missing)


def _not_allowed(error: NotAllowed) -> Response:
    return answer(403, error.code, error.text(locale().language))


def _not_possible(error: NotPossibleNow) -> Response:
    return answer(409, error.code, error.text(locale().language))


def _condition_missing(error: ConditionMissing) -> Response:
    return answer(428, error.code, error.text(locale().language))


def _malformed(error: Malformed) -> Response:
    return answer(400, error.code, error.text(locale().language))


def _unavailable(error: Unavailable) -> Response:
    log.warning("unavailable: %s", error)
    said = answer(503, error.code, error.text(locale().language))
    said.headers["Retry-After"] = "5"
    return said


def _not_found(error: NotFound) -> Response:
    return answer(404, error.code, error.text(locale().language))


def _definition(error: DefinitionError) -> Response:
    language = locale().language
    problems = [{"at": str(item.location), "code": item.code, "text": item.text(language)} for item in error.problems]
    return answer(422, "people.definition_refused", error.problems[0].text(language), problems=problems)


def _not_signed_in(error: NotSignedIn) -> Any:
    if is_api():
        said = problem(401, "people.not_signed_in", locale().say("people.not_signed_in"))
        said.headers["WWW-Authenticate"] = 'Bearer realm="formwork"'
        return said
    if request.headers.get("HX-Request"):  # a part of a page cannot hold the sign-in page: send the whole page there
        return Response("", 401, {"HX-Redirect": url_for("auth.login", next=own_page() or page_behind())})
    here = request.full_path.rstrip("?") if request.method == "GET" else page_behind()
    return redirect(url_for("auth.login", next=here if here != "/" else None), 303)


def _second_factor_missing(error: SecondFactorMissing) -> Any:
    if is_api():
        return problem(403, "people.factor_missing", locale().say("people.factor_missing"))
    here = request.full_path.rstrip("?") if request.method == "GET" else None
    page = url_for("pages.second_factor_show", next=here if here != "/" else None)
    if request.headers.get("HX-Request"):
        return Response("", 403, {"HX-Redirect": page})
    return redirect(page, 303)


def _csrf(error: CSRFError) -> Any:
    if not is_api() and find_reader() is None and request.endpoint not in _SIGN_IN:
        return _not_signed_in(NotSignedIn())
    said = locale().say("people.form_expired")
    return answer(400, "people.form_expired", said)


def _http(error: HTTPException) -> Any:
    """Answer what Werkzeug refused: unknown address, wrong method, a body too large or unreadable."""
    if error.code is None or error.code < 400:
        return error
    code = _HTTP_CODES.get(error.code, "people.page_failed" if error.code >= 500 else "people.bad_request")
    find_reader()  # before anything is said: no view has asked who reads, and the answer is in their language
    said = answer(error.code, code, locale().say(code))
    for name, value in error.get_headers():
        if name in ("Allow", "Retry-After"):
            said.headers[name] = value
    return said


def _foreign_host(error: SecurityError) -> Response:
    """Answer in plain text: no page can be built for a site whose name is not ours."""
    said = messages.text("people.bad_host", settings().language)
    return problem(400, "people.bad_host", said) if is_api() else Response(said, 400, mimetype="text/plain")


def _not_storable(error: DataError) -> Response:
    """Answer what the database cannot hold at all, such as a zero byte in a name to be searched for."""
    log.warning("not storable, request %s: %s %s", g.get("request_id"), request.method, request.path, exc_info=error)
    return answer(400, "people.bad_request", locale().say("people.bad_request"))


def _bug(error: Exception) -> Response:
    if store().notice_release():  # a page made of two releases may not fit together
        return _unavailable(Unavailable("storage.renewed"))
    log.exception("unexpected error, request %s: %s %s", g.get("request_id"), request.method, request.path)
    return answer(500, "people.page_failed", locale().say("people.bug", id=g.get("request_id")))


_HANDLERS: dict[type[Exception], Callable[[Any], Any]] = {
    InvalidValues: _invalid_values,
    NotAllowed: _not_allowed,
    NotPossibleNow: _not_possible,
    ConditionMissing: _condition_missing,
    Malformed: _malformed,
    Unavailable: _unavailable,
    NotFound: _not_found,
    DefinitionError: _definition,
    NotSignedIn: _not_signed_in,
    SecondFactorMissing: _second_factor_missing,
    CSRFError: _csrf,
    SecurityError: _foreign_host,
    HTTPException: _http,
    DataError: _not_storable,
    Exception: _bug,
}
_HTTP_CODES = {
    404: "people.page_not_found",
    405: "people.method_not_allowed",
    RequestEntityTooLarge.code: "people.too_large",
    TooManyRequests.code: "people.too_many",
}
_SIGN_IN = ("auth.sign_in", "second_step.take")
_KINDS = {
    401: "forbidden",
    403: "forbidden",
    404: "not_found",
    409: "conflict",
    413: "too_large",
    429: "too_many",
}
