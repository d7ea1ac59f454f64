"""The pages on which visitors of a website fill in what an automation takes.

Enters: a form posted by anybody, from anywhere, without a script or a cookie. Leaves: the page, the page again with
what was typed and a sentence at each field, or a thank-you. Must not show a record but to whoever has the link to it,
nor keep anything but by the function that keeps what other systems send.
"""

import secrets
from collections.abc import Iterable, Mapping
from typing import Any

from flask import Response, current_app, g, make_response, redirect, render_template, request

from engine.automation import public_forms, visitor_links
from engine.automation.public_forms import CONSENT, PREFIX, OpenForm
from engine.automation.receiving import find_automation, keep_call
from engine.automation.visitor_links import Link, LinkOver, OpenLink
from engine.compiler.app.automations import Asked
from engine.errors import FieldError, InvalidValues, NotFound, NotPossibleNow
from engine.records.printed import find_last_change, read_lists
from engine.storage.store import Session
from web.cells import Cells
from web.gate import locale, open_to_all, settings, store
from web.i18n import LANGUAGES, Locale, choose_language
from web.printing import view_print
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


@open_to_all
def show_link(hook: str, token: str) -> Any:
    """Show the record a link leads to, and the form below it."""
    _speak()
    link, rest = _find_link(hook, token)
    if rest:
        return _over(locale().say("automation.too_often", seconds=rest), 429, rest)
    assert link is not None  # noqa: S101 - else the address was none
    sent = "sent" in request.args
    try:
        with store().read() as session:
            if sent and not visitor_links.is_lasting(find_automation(session, hook)):
                return _over(locale().say("automation.link_answered"), 200)
            opened = visitor_links.open_link(session, link)
            paper = _paper(session, opened)
    except LinkOver as over:
        return _over(over.text(locale().language), 410)
    if request.method == "GET":
        with store().write() as session:
            visitor_links.note_opened(session, link)
    return _page(opened.form, paper=paper, token=token, sent=sent)


@open_to_all
def send_link(hook: str, token: str) -> Any:
    """Take what somebody answers who has the link to a record."""
    _speak()
    link, rest = _find_link(hook, token)
    request.max_content_length = LARGEST
    if not rest and link is not None:
        throttle: AddressThrottle = current_app.extensions["formwork.forms"]
        rest = throttle.count(f"form {hook[:80]} {request.remote_addr}")
    if rest or link is None:
        return _over(locale().say("automation.too_often", seconds=rest), 429, rest)
    given = {key: values[-1] for key, values in request.form.lists()}
    opened, paper = None, None
    try:
        with store().read() as session:
            opened = visitor_links.open_link(session, link)
            paper = _paper(session, opened)
            call = public_forms.read_answers(session, opened.form, given, token=given.get(_TOKEN, ""))
        with store().write() as session:
            keep_call(session, visitor_links.to_call(visitor_links.open_link(session, link), call))
    except InvalidValues as refused:
        assert opened is not None  # noqa: S101 - answers are read once it is
        return _page(opened.form, given, refused.errors, status=422, paper=paper, token=token)
    except LinkOver as over:
        return _over(over.text(locale().language), 410)
    return redirect(_address(opened.form, sent=True, token=token), 303)


def _find_link(hook: str, token: str) -> tuple[Link | None, int]:
    """Return what a token says that we signed, or the seconds to wait for who tries many; else it is no address."""
    link = visitor_links.read_link(hook, token, key=settings().secret_key)
    if link is not None:
        return link, 0
    throttle: AddressThrottle = current_app.extensions["formwork.forms"]
    rest = throttle.count(f"link {request.remote_addr}")
    if not rest:
        raise NotFound("automation.no_form")
    return None, rest


def _paper(session: Session, opened: OpenLink) -> dict[str, Any]:
    """Return the record as it is printed, as whoever made the link sees it, and as of when if that is long ago."""
    app, now = session.app, session.now()
    printed = app.prints[opened.about.print]
    lists = read_lists(session, printed, opened.record, actor=opened.maker)
    url = request.path
    view = view_print(
        Cells(locale(), now), session, app.entities[opened.record.entity], opened.record,
        printed, None, lists, actor=opened.maker, back_url=url, pdf_url=url,
    )  # fmt: skip
    for table in (*view.page["tables"], *view.page["lists"]):
        for row in table["rows"]:  # nothing to click: what a link leads to is for people who sign in
            row["cells"] = {key: cell | {"url": None} for key, cell in row["cells"].items()}
    as_of = None
    if opened.about.stale is not None:
        last = find_last_change(session, printed, opened.record, lists)
        as_of = locale().datetime(last) if now - last > opened.about.stale else None
    return view.page | {"as_of": locale().t("public_form.as_of", at=as_of) if as_of else None}


def _over(said: str, status: int, rest: int = 0) -> Response:
    page = {"title": locale().label(store().app.label), "said": said, "lang": locale().language, "languages": []}
    answer = make_response(render_template("pages/link_over.html", page=page), status)
    if rest:
        answer.headers["Retry-After"] = str(rest)
    return answer


def _find(hook: str) -> OpenForm:
    """Return the form, and speak to the visitor in the language of the link, else of the browser."""
    _speak()
    with store().read() as session:
        return public_forms.find_form(session, hook)


def _speak() -> None:
    app = store().app
    language = choose_language(request.accept_languages, request.args.get("lang"), settings().language)
    g.locale = Locale(language, app.timezone, app.currency)


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
    paper: Mapping[str, Any] | None = None,
    token: str = "",
) -> Response:
    text, form, typed = locale(), opened.form, given or {}
    done = (text.label(form.done) or text.t("public_form.done")) if sent else None
    wrong = {error.path: error.text(text.language) for error in errors}
    page = {
        "title": text.label(form.title),
        "intro": text.label(form.intro),
        "done": done if paper is None else None,
        "sent": done,
        "action_url": _address(opened, token=token),
        "paper": paper,
        "as_of": paper["as_of"] if paper is not None else None,
        "note": note or wrong.get("") or (text.t("public_form.mend", count=len(wrong)) if wrong else None),
        "fields": [_field(opened, key, one, typed.get(key, ""), wrong.get(key)) for key, one in form.asked.items()],
        "consent": _consent(opened, typed, wrong.get(CONSENT)) if form.consent else None,
        "trap": _TRAP,
        "token_name": _TOKEN,
        "token": secrets.token_hex(16) if "" in wrong else typed.get(_TOKEN) or secrets.token_hex(16),
        "lang": text.language,
        "languages": [
            {"url": _address(opened, lang=one, token=token), "label": text.t(f"public_form.in_{one}"), "lang": one}
            for one in LANGUAGES
            if one != text.language and one in form.title
        ],
    }
    answer = make_response(render_template("pages/public_form.html", page=page), status)
    return let_frame(answer, form.frames)


def _address(opened: OpenForm, *, lang: str | None = None, sent: bool = False, token: str = "") -> str:
    """Return the address of a form, in the language that was asked for."""
    wanted = lang or request.args.get("lang")
    asked = [f"lang={wanted}"] if wanted in LANGUAGES else []
    asked += ["sent=1"] if sent else []
    place = f"{PREFIX}/{opened.automation.on.hook}" + (f"/{token}" if token else "")
    return place + (f"?{'&'.join(asked)}" if asked else "")


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
