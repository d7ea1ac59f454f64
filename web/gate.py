"""The gate in front of every view: who asks, in which transaction, in which language.

Enters: a request. Leaves: the view called with ``g.session`` (an open transaction) and ``g.actor``, or ``NotSignedIn``.
A view that passes through none of ``reads``, ``writes`` or ``open_to_all`` stops the application from starting. Must
not decide what the actor may do with a record: the engine does.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from typing import Any, TypeVar

from flask import Flask, Response, current_app, g, make_response, request
from flask import session as cookie
from flask_wtf import CSRFProtect

from engine.errors import FormworkError
from engine.people import sessions, signed_in, tokens
from engine.people.actor import Actor
from engine.people.signed_in import SignedIn
from engine.storage.faults import Unavailable
from engine.storage.store import Session, Store
from web.i18n import Locale, choose_language
from web.settings import Settings

View = TypeVar("View", bound=Callable[..., Any])
COOKIE_KEY = "key"
_MARK = "formwork_gate"
_LARGE = "formwork_takes_files"


class NotSignedIn(FormworkError):
    """Nobody is signed in, or the session or token is no longer good (HTTP 401, or the sign-in page)."""


def store() -> Store:
    """Return the store of the running application."""
    found: Store = current_app.extensions["formwork.store"]
    return found


def settings() -> Settings:
    """Return the settings of the running application."""
    found: Settings = current_app.extensions["formwork.settings"]
    return found


def csrf() -> CSRFProtect:
    """Return the CSRF protection of the running application."""
    found: CSRFProtect = current_app.extensions["csrf"]
    return found


def now() -> datetime:
    """Return the moment of this request: that of its transaction, when one is open."""
    session: Session | None = g.get("session")
    return session.now() if session is not None else datetime.now(UTC)


def locale() -> Locale:
    """Return how the reader of this request is spoken to."""
    found: Locale | None = g.get("locale")
    if found is None:
        found = g.locale = _make_locale(g.get("actor"))
    return found


def open_to_all(view: View) -> View:
    """Mark a view anybody may reach; it gets no transaction and no actor."""
    setattr(view, _MARK, "open")
    return view


def reads(view: View) -> View:
    """Let a signed-in person reach the view, inside one read transaction."""
    return _gated(view, "reads")


def writes(view: View) -> View:
    """Let a signed-in person reach the view, inside one write transaction.

    It commits when the view answers with a status below 400, and rolls back when it answers with another or raises.
    A GET of the same view reads only.
    """
    return _gated(view, "writes")


def takes_files(view: View) -> View:
    """Let requests to the view be as large as uploads may be; every other body is kept small."""
    setattr(view, _LARGE, True)
    return view


def allow_large_bodies(app: Flask) -> None:
    """Raise the limit for views that take files. Must come before whatever reads the form, CSRF protection included."""

    @app.before_request
    def raise_limit() -> None:
        if getattr(app.view_functions.get(request.endpoint or ""), _LARGE, False):
            request.max_content_length = settings().largest_upload


def check_gates(app: Flask) -> None:
    """Refuse to start when a view passes through no gate."""
    ungated = [name for name, view in app.view_functions.items() if not hasattr(view, _MARK)]
    if ungated:
        raise RuntimeError(f"these views pass through no gate: {', '.join(ungated)}")


class _Refused(Exception):
    """Carries a refusing answer out of the transaction, so that it rolls back."""

    def __init__(self, answer: Response) -> None:
        self.answer = answer


def find_reader() -> Actor | None:
    """Return who is at the browser, for pages outside every gate, such as an unknown address; never raises."""
    if "actor" in g:
        found: Actor = g.actor
        return found
    if COOKIE_KEY not in cookie or request.blueprint == "api":
        return None
    try:
        with store().read() as session:
            who = sessions.find_by_key(session.connection, cookie[COOKIE_KEY], now=session.now())
    except FormworkError:
        return None
    if who is not None:
        g.actor = who.actor
    return who.actor if who else None


def _gated(view: View, mark: str) -> View:
    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        _require_credentials()
        here = store()
        writing = mark == "writes" and request.method not in ("GET", "HEAD")
        try:
            return _run(here, writing, view, args, kwargs)
        except _Refused as refused:
            return refused.answer
        finally:
            g.pop("session", None)

    setattr(guarded, _MARK, mark)
    return guarded  # type: ignore[return-value]


def _run(here: Store, writing: bool, view: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    with here.write() if writing else here.read() as session:
        found = _identify(session)
        g.session, g.signed_in, g.actor = session, found, found.actor
        answer = view(*args, **kwargs)
        if writing:
            answer = make_response(answer)
            if answer.status_code >= 400:
                raise _Refused(answer)
    if found.is_stale:
        _touch(here, found)
    return answer


def _require_credentials() -> None:
    """Turn strangers away before a transaction is opened for them."""
    if not (request.headers.get("Authorization") and request.blueprint == "api") and COOKIE_KEY not in cookie:
        raise NotSignedIn


def _identify(session: Session) -> SignedIn:
    """Find out who asks: a bearer token on the API, else the session cookie, whose writes carry a CSRF token."""
    if request.blueprint == "api":
        header = request.headers.get("Authorization")
        if header is not None:
            return _found(tokens.find_by_token(session.connection, _bearer(header), now=session.now()))
        csrf().protect()
    return _found(sessions.find_by_key(session.connection, cookie.get(COOKIE_KEY, ""), now=session.now()))


def _bearer(header: str) -> str:
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer":
        raise NotSignedIn
    return token.strip()


def _found(who: SignedIn | None) -> SignedIn:
    if who is None:
        raise NotSignedIn
    return who


def _touch(here: Store, who: SignedIn) -> None:
    """Note that the session is in use; what was asked for has been done, so a database that is busy is no failure."""
    try:
        with here.write() as session:
            signed_in.touch(session, who)
    except Unavailable:
        return


def _make_locale(actor: Actor | None) -> Locale:
    app = store().app
    wanted = (actor.language if actor else None) or cookie.get("lang")
    language = choose_language(None if actor else request.accept_languages, wanted, settings().language)
    return Locale(language, app.timezone, app.currency)
