"""The pages on which visitors of a website fill in what an automation takes.

Enters: a form posted by anybody, from anywhere, without a script or a cookie. Leaves: the page, the page again with
what was typed and a sentence at each field, or a thank-you. Must not show a record, nor keep anything but by the
function that keeps what other systems send.
"""

import secrets
from collections.abc import Iterable, Mapping
from typing import Any

from flask import Response, current_app, g, make_response, redirect, render_template, request

from engine.automation import public_forms
from engine.automation.public_forms import CONSENT, PREFIX, OpenForm
from engine.automation.receiving import keep_call
from engine.compiler.app.automations import Asked
from engine.errors import FieldError, InvalidValues, NotFound, NotPossibleNow
from web.gate import locale, open_to_all, settings, store
from web.i18n import LANGUAGES, Locale, choose_language
from web.security import let_frame
from web.throttle import AddressThrottle

LARGEST = 128 * 1024
"""Bytes of a body: a text of 10,000 characters is nine times as long on its way."""
_TRAP, _TOKEN = "_homepage", "_action_id"
_MOST_RADIOS = 4
_KINDS = frozenset({"phone", "email", "url", "credit_code", "barcode", "long_text"})
"""Inputs for texts that are more than a text, by where they go."""


@open_to_all
def show(hook: str) -> Any:
    """Show a form, or the thanks for one that was sent."""
    opened = _find(hook)
    return _page(opened, sent="sent" in request.args)


@open_to_all
def send(hook: str) -> Any:
    """Take what a visitor typed: the run is begun, and what it is for is done after the answer."""
    opened = _find(hook)
    throttle: AddressThrottle = current_app.extensions["formwork.forms"]
    rest = throttle.count(f"form {hook[:80]} {request.remote_addr}")
    request.max_content_length = LARGEST
    given = {key: values[-1] for key, values in request.form.lists()}
    if rest:
        said = locale().say("automation.too_often", seconds=rest)
        answer = _page(opened, given, note=said, status=429)
        answer.headers["Retry-After"] = str(rest)
        return answer
    if given.get(_TRAP):  # filled in by a program that fills in everything: thanked, and nothing is kept
        return _thank(opened)
    try:
        with store().read() as session:
            call = public_forms.read_answers(session, opened, given, token=given.get(_TOKEN, ""))
        with store().write() as session:
            keep_call(session, call)
    except InvalidValues as refused:
        return _page(opened, given, refused.errors, status=422)
    except (NotFound, NotPossibleNow):  # closed while it was filled in
        return _page(opened, given, note=locale().say("automation.no_form"), status=409)
    return _thank(opened)


def _find(hook: str) -> OpenForm:
    """Return the form, and speak to the visitor in the language of the link, else of the browser."""
    app = store().app
    language = choose_language(request.accept_languages, request.args.get("lang"), settings().language)
    g.locale = Locale(language, app.timezone, app.currency)
    with store().read() as session:
        return public_forms.find_form(session, hook)


def _thank(opened: OpenForm) -> Response:
    answer = redirect(_address(opened, sent=True), 303)
    return let_frame(make_response(answer), opened.form.frames)


def _page(
    opened: OpenForm,
    given: Mapping[str, str] | None = None,
    errors: Iterable[FieldError] = (),
    *,
    note: str | None = None,
    sent: bool = False,
    status: int = 200,
) -> Response:
    text, form, typed = locale(), opened.form, given or {}
    wrong = {error.path: error.text(text.language) for error in errors}
    page = {
        "title": text.label(form.title),
        "intro": text.label(form.intro),
        "done": (text.label(form.done) or text.t("public_form.done")) if sent else None,
        "action_url": _address(opened),
        "note": note or wrong.get("") or (text.t("public_form.mend", count=len(wrong)) if wrong else None),
        "fields": [_field(opened, key, one, typed.get(key, ""), wrong.get(key)) for key, one in form.asked.items()],
        "consent": _consent(opened, typed, wrong.get(CONSENT)) if form.consent else None,
        "trap": _TRAP,
        "token_name": _TOKEN,
        "token": secrets.token_hex(16) if "" in wrong else typed.get(_TOKEN) or secrets.token_hex(16),
        "lang": text.language,
        "languages": [
            {"url": _address(opened, lang=one), "label": text.t(f"public_form.in_{one}"), "lang": one}
            for one in LANGUAGES
            if one != text.language and one in form.title
        ],
    }
    answer = make_response(render_template("pages/public_form.html", page=page), status)
    return let_frame(answer, form.frames)


def _address(opened: OpenForm, *, lang: str | None = None, sent: bool = False) -> str:
    """Return the address of a form, in the language that was asked for."""
    wanted = lang or request.args.get("lang")
    asked = [f"lang={wanted}"] if wanted in LANGUAGES else []
    asked += ["sent=1"] if sent else []
    return f"{PREFIX}/{opened.automation.on.hook}" + (f"?{'&'.join(asked)}" if asked else "")


def _field(opened: OpenForm, key: str, asked: Asked, typed: str, error: str | None) -> dict[str, Any]:
    """Return one input, see ``widgets/inputs.html``."""
    text, fields = locale(), opened.fields_of(key)
    taken, *_ = fields
    kind = next((one.type.widget for one in fields if one.type.widget in _KINDS), taken.type.widget)
    limits = [one.max_length or one.type.max_length for one in fields]
    made: dict[str, Any] = {
        "key": key, "name": key, "id": f"f-{key}", "kind": "choice" if asked.options else kind,
        "label": text.label(asked.label), "help": text.label(asked.help) or None, "error": error,
        "required": opened.is_required(key), "readonly": False, "disabled": False, "value": typed,
        "max_length": min((one for one in limits if one), default=None), "rows": 5, "width": 2,
        "autocomplete": {"phone": "tel", "email": "email"}.get(kind),
    }  # fmt: skip
    if asked.options:
        made["options"] = [
            {"value": value, "label": text.label(label), "selected": value == typed}
            for value, label in asked.options.items()
        ]
        made["style"] = "radio" if len(asked.options) <= _MOST_RADIOS else "select"
    return made


def _consent(opened: OpenForm, typed: Mapping[str, str], error: str | None) -> dict[str, Any]:
    return {
        "key": CONSENT, "name": CONSENT, "id": "f-consent", "kind": "boolean",
        "label": locale().label(opened.form.consent), "help": None, "error": error, "required": True,
        "readonly": False, "disabled": False, "value": typed.get(CONSENT, ""), "width": 2,
    }  # fmt: skip
