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

from engine.errors import FormworkError, NotAllowed
from engine.people import second_factor, sessions, signed_in, tokens
from engine.people.actor import Actor, find_services
from engine.people.signed_in import SignedIn
from engine.records.rights import require_scope
from engine.storage.faults import Unavailable
from engine.storage.store import Session, Store
from web.i18n import Locale, choose_language
from web.repeats import read_repeat
from web.settings import Settings

View = TypeVar("View", bound=Callable[..., Any])
COOKIE_KEY = "key"
_MARK = "formwork_gate"
_LARGE = "formwork_takes_files"
_UNNOTICED = "formwork_unnoticed"
_COMPUTES = "formwork_computes"
_PRIVATE = "formwork_private"
_WHILE_SEEING_AS = "formwork_while_seeing_as"
_BEFORE_FACTOR = "formwork_before_second_factor"
_NARROW = "formwork_takes_narrow_tokens"


class NotSignedIn(FormworkError):
    """Nobody is signed in, or the session or token is no longer good (HTTP 401, or the sign-in page)."""


class SecondFactorMissing(FormworkError):
    """A role of whoever is signed in asks for a second factor that is not on (HTTP 403, or the page to turn it on)."""


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


def rule_place(place: object) -> str | None:
    """Return the file and line of a rule for administrators; nobody else can open that file."""
    return str(place) if place and g.actor.is_admin else None


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
    A request that was answered before gets the same answer (``web/repeats``). A GET of the same view reads only.
    """
    return _gated(view, "writes")


def unnoticed(view: View) -> View:
    """Let requests to the view be no sign that somebody is there: a page left open must not keep a session alive."""
    setattr(view, _UNNOTICED, True)
    return view


def before_second_factor(view: View) -> View:
    """Let people reach the view whose role asks for a second factor that they have not turned on yet."""
    setattr(view, _BEFORE_FACTOR, True)
    return view


def computes(view: View) -> View:
    """Mark a view that reads although it is asked by POST: it works something out of a form, and keeps nothing."""
    setattr(view, _COMPUTES, True)
    return view


def private(view: View) -> View:
    """Keep the view to the person alone: an administrator who sees as them does not see it."""
    setattr(view, _PRIVATE, True)
    return view


def while_seeing_as(view: View) -> View:
    """Let the view change something although somebody is only looking: it ends that."""
    setattr(view, _WHILE_SEEING_AS, True)
    return view


def is_seen_as() -> bool:
    """Return whether it is an administrator who sees as the actor, and not the person, who may keep things private."""
    return g.signed_in.seer is not None


def needs_second_factor() -> bool:
    """Return whether a role of whoever is signed in here asks for a second factor that is not on."""
    asked = settings().second_factor_roles & g.actor.roles
    return bool(asked) and second_factor.find_standing(g.session.connection, g.actor.id).on_since is None


def takes_narrow_tokens(view: View) -> View:
    """Let the tokens of services, and those narrowed to some records, reach the view: it asks the rights over records.

    No other view may be reached by them: what it answers or does is not bounded by fields and conditions of records.
    """
    setattr(view, _NARROW, True)
    return view


def takes_files(view: View) -> View:
    """Let requests to the view be as large as uploads may be; other bodies, and forms without files, are kept small."""
    setattr(view, _LARGE, True)
    return view


def allow_large_bodies(app: Flask) -> None:
    """Raise the limit for views that take files. Must come before whatever reads the form, CSRF protection included."""

    @app.before_request
    def raise_limit() -> None:
        sends_files = request.mimetype != "application/x-www-form-urlencoded"
        if sends_files and getattr(app.view_functions.get(request.endpoint or ""), _LARGE, False):
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
        g.signed_in, g.actor = who, who.actor
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
        _require_within(session, found)
        g.session, g.signed_in, g.actor = session, found, found.actor
        _keep_to_looking(found)
        _require_second_factor()
        answer = _answer_once(session, view, args, kwargs) if writing else view(*args, **kwargs)
    if found.is_stale and not _is_marked(_UNNOTICED):
        _touch(here, found)
    return answer


def _answer_once(session: Session, view: Callable[..., Any], args: Any, kwargs: Any) -> Response:
    """Answer a request that writes; one that was answered before gets the same answer, and is not done again."""
    repeat = read_repeat()
    earlier = repeat.find(session) if repeat is not None else None
    if earlier is not None:
        return earlier
    answer = make_response(view(*args, **kwargs))
    if answer.status_code >= 400:
        raise _Refused(answer)
    if repeat is not None:
        repeat.keep(session, answer)
    return answer


def _require_within(session: Session, who: SignedIn) -> None:
    """Keep services and narrowed tokens to views about records, and services away from pages."""
    actor = who.actor
    is_service = bool(find_services(session.app, actor.roles))
    if is_service and not who.by_token:
        raise NotSignedIn
    if (is_service or actor.scope is not None) and not _is_marked(_NARROW):
        raise NotAllowed("people.token_records_only")
    require_scope(session.app, actor)


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


def _keep_to_looking(who: SignedIn) -> None:
    """Refuse whoever only sees as somebody every change, whatever the view is, and what people keep to themselves."""
    if who.seer is None or _is_marked(_WHILE_SEEING_AS):
        return
    if request.method not in ("GET", "HEAD") and not _is_marked(_COMPUTES):
        raise NotAllowed("people.only_looking", name=who.actor.name)
    if _is_marked(_PRIVATE):
        raise NotAllowed("people.private_page", name=who.actor.name)


def _require_second_factor() -> None:
    """Let nobody in who still has to turn a second factor on; a token is a secret of its own."""
    asked = g.actor.via != "api" and not is_seen_as()
    if asked and not _is_marked(_BEFORE_FACTOR) and needs_second_factor():
        raise SecondFactorMissing


def _is_marked(mark: str) -> bool:
    return hasattr(current_app.view_functions[request.endpoint or ""], mark)


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
            if who.by_token:
                tokens.touch_token(session, who, ip=request.remote_addr)
            else:
                signed_in.touch(session, who)
    except Unavailable:
        return


def _make_locale(actor: Actor | None) -> Locale:
    app = store().app
    wanted = (actor.language if actor else None) or cookie.get("lang")
    language = choose_language(None if actor else request.accept_languages, wanted, settings().language)
    return Locale(language, app.timezone, app.currency)
