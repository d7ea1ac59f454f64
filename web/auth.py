"""Signing in and out, and what a person may change about themselves.

Enters: forms of ``pages/login.html`` and ``pages/account.html``. Leaves: a new session on each sign-in, its key in the
signed cookie. Must not tell a wrong password from an unknown login, nor send anyone to another site.
"""

from typing import Any

from flask import Blueprint, current_app, g, make_response, redirect, render_template, request, url_for
from flask import session as cookie

from engine.errors import InvalidValues
from engine.people import accounts, sessions
from engine.people.sessions import Proven
from web.gate import COOKIE_KEY, locale, now, open_to_all, reads, store, writes
from web.i18n import LANGUAGES
from web.security import safe_next
from web.shell import add_toast, make_shell
from web.throttle import LoginThrottle, TooManyAttempts

blueprint = Blueprint("auth", __name__)
THEMES = ("auto", "light", "dark")


@blueprint.get("/login")
@open_to_all
def login() -> Any:
    """Show the sign-in page."""
    return _login_page()


@blueprint.post("/login")
@open_to_all
def sign_in() -> Any:
    """Sign in: a fresh session, whatever cookie came along."""
    name, password = request.form.get("username", ""), request.form.get("password", "")
    address = request.remote_addr or ""
    throttle: LoginThrottle = current_app.extensions["formwork.throttle"]
    try:
        throttle.attempt(sessions.normal_login(name), address)
    except TooManyAttempts as error:
        return _login_page(error.text(locale().language), status=429, retry_after=error.retry_after)
    proven = sessions.check_login(store().database, name, password)
    key = _open_session(proven, password, address) if proven else None
    if key is None:
        return _login_page(locale().say("people.login_failed"), status=422)
    throttle.succeed(sessions.normal_login(name), address)
    _start_cookie(key)
    return redirect(safe_next(request.form.get("next")), 303)


@blueprint.post("/logout")
@open_to_all
def logout() -> Any:
    """End this device's session."""
    key = cookie.get(COOKIE_KEY)
    if key:
        with store().write() as session:
            sessions.close_by_key(session, key)
    cookie.clear()
    return redirect(url_for("auth.login"), 303)


@blueprint.post("/settings/preferences")
@open_to_all
def preferences() -> Any:
    """Set the language and the theme: kept in the cookie for strangers, the language with the person too."""
    language, theme = request.form.get("lang"), request.form.get("theme")
    if theme in THEMES:
        cookie["theme"] = theme
    if language in LANGUAGES:
        cookie["lang"] = language
        if COOKIE_KEY in cookie:
            _store_language()
    return redirect(safe_next(request.form.get("next")), 303)


@blueprint.get("/settings/account")
@reads
def account() -> Any:
    """Show a person their devices and let them change their password."""
    return _account_page()


@blueprint.post("/settings/password")
@writes
def change_password() -> Any:
    """Change one's own password; other devices and tokens end."""
    form = request.form
    try:
        accounts.change_password(
            g.session,
            current=form.get("current", ""),
            new=form.get("password", ""),
            keep=g.signed_in.id,
            actor=g.actor,
        )
    except InvalidValues as error:
        return _account_page({item.path: item.text(locale().language) for item in error.errors}), 422
    add_toast(locale().say("people.password_changed"))
    return redirect(url_for("auth.account"), 303)


@blueprint.post("/settings/sessions/<int:session_id>/end")
@writes
def end_session(session_id: int) -> Any:
    """Sign one of one's own devices out."""
    sessions.close_session(g.session, session_id, actor=g.actor)
    add_toast(locale().say("people.session_closed"))
    return redirect(url_for("auth.account"), 303)


@blueprint.post("/settings/sessions/end-others")
@writes
def end_other_sessions() -> Any:
    """Sign every other device out."""
    sessions.close_all(g.session, g.actor.id, keep=g.signed_in.id)
    add_toast(locale().say("people.session_closed"))
    return redirect(url_for("auth.account"), 303)


def _open_session(proven: Proven, password: str, address: str) -> str | None:
    with store().write() as session:
        old = cookie.get(COOKIE_KEY)
        if old:
            sessions.close_by_key(session, old)
        if proven.outdated:
            accounts.rehash_password(session, proven.user_id, password)
        return sessions.open_session(session, proven, ip=address, agent=request.user_agent.string)


def _start_cookie(key: str) -> None:
    """Begin a new cookie; only what a stranger may choose is carried over, not the CSRF token."""
    kept = {name: cookie[name] for name in ("lang", "theme") if name in cookie}
    cookie.clear()
    cookie.update(kept)
    cookie[COOKIE_KEY] = key
    cookie.permanent = True


@writes
def _store_language() -> str:
    accounts.set_language(g.session, cookie["lang"], actor=g.actor)
    return ""


def _login_page(error: str | None = None, *, status: int = 200, retry_after: int | None = None) -> Any:
    given = request.form if request.method == "POST" else request.args
    page = {
        "action_url": url_for("auth.sign_in"),
        "username": request.form.get("username", "")[:100],
        "next": safe_next(given.get("next"), "") or None,
        "error": error,
        "hint": None,
    }
    answer = make_response(render_template("pages/login.html", login=page, shell=make_shell()), status)
    if retry_after is not None:
        answer.headers["Retry-After"] = str(retry_after)
    return answer


def _account_page(errors: dict[str, str] | None = None) -> str:
    devices = [
        {
            "agent": device.agent or "",
            "ip": device.ip or "",
            "seen": locale().ago(device.last_seen_at, now()),
            "seen_at": locale().datetime(device.last_seen_at),
            "current": device.id == g.signed_in.id,
            "end_url": url_for("auth.end_session", session_id=device.id),
        }
        for device in sessions.list_devices(g.session.connection, g.actor.id, now=now())
    ]
    page = {
        "password_url": url_for("auth.change_password"),
        "end_others_url": url_for("auth.end_other_sessions"),
        "errors": errors or {},
        "devices": devices,
        "texts": {name: locale().say(f"people.{name}") for name in _TEXTS},
    }
    return render_template("pages/account.html", account=page, shell=make_shell())


_TEXTS = (
    "account",
    "change_password",
    "current_password",
    "new_password",
    "password_hint",
    "devices",
    "this_device",
    "end_device",
    "end_others",
)
