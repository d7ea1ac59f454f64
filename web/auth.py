"""Signing in and out, and what a person may change about themselves.

Enters: forms of ``pages/login.html`` and ``pages/account.html``. Leaves: a new session on each sign-in, its key in the
signed cookie. Must not tell a wrong password from an unknown login, nor send anyone to another site.
"""

from typing import Any

from flask import Blueprint, g, make_response, redirect, render_template, request, url_for
from flask import session as cookie

from engine.errors import InvalidValues
from engine.people import accounts, roster, second_factor, sessions, tokens
from web.access_view import view_devices, view_tokens
from web.gate import COOKIE_KEY, before_second_factor, locale, open_to_all, private, reads, settings, store, writes
from web.i18n import LANGUAGES
from web.letting_in import CAME_BY_COMPANY, count_attempt, forget_attempts, let_in, note_refused
from web.security import safe_next
from web.shell import add_toast, make_shell
from web.throttle import TooManyAttempts

blueprint = Blueprint("auth", __name__)
THEMES = ("auto", "light", "dark")


@blueprint.get("/login")
@open_to_all
def login() -> Any:
    """Show the sign-in page."""
    return login_page()


@blueprint.post("/login")
@open_to_all
def sign_in() -> Any:
    """Sign in: a fresh session, whatever cookie came along."""
    name, password = request.form.get("username", ""), request.form.get("password", "")
    login = sessions.normal_login(name)
    try:
        count_attempt(login)
    except TooManyAttempts as error:
        note_refused(None, "throttled")
        return login_page(error.text(locale().language), status=429, retry_after=error.retry_after)
    proven = sessions.check_login(store().database, name, password)
    if proven is not None and proven.outdated:
        with store().write() as session:
            accounts.rehash_password(session, proven, password)
    led = let_in(proven, login=login, to=request.form.get("next")) if proven is not None else None
    if led is None:
        note_refused(login, "password")
    return led or login_page(locale().say("people.login_failed"), status=422)


@blueprint.post("/logout")
@open_to_all
def logout() -> Any:
    """End this device's session."""
    key = cookie.get(COOKIE_KEY)
    if key:
        with store().write() as session:
            sessions.close_by_key(session, key)
    left = "company" if cookie.get(CAME_BY_COMPANY) else None
    cookie.clear()
    return redirect(url_for("auth.login", left=left), 303)


@blueprint.post("/settings/preferences")
@before_second_factor
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
@private
@reads
def account() -> Any:
    """Show a person their devices and let them change their password."""
    return _account_page()


@blueprint.post("/settings/password")
@writes
def change_password() -> Any:
    """Change one's own password; other devices and tokens end."""
    form, login = request.form, sessions.normal_login(g.actor.login)
    try:
        count_attempt(login)
        accounts.change_password(
            g.session,
            current=form.get("current", ""),
            new=form.get("password", ""),
            keep=g.signed_in.id,
            actor=g.actor,
        )
    except TooManyAttempts as error:
        answer = make_response(_account_page({"current": error.text(locale().language)}), 429)
        answer.headers["Retry-After"] = str(error.retry_after)
        return answer
    except InvalidValues as error:
        return _account_page({item.path: item.text(locale().language) for item in error.errors}), 422
    forget_attempts(login)
    add_toast(locale().say("people.password_changed"))
    return redirect(url_for("auth.account"), 303)


@blueprint.post("/settings/sessions/<int:session_id>/end")
@writes
def end_session(session_id: int) -> Any:
    """Sign one of one's own devices out."""
    sessions.close_session(g.session, session_id, actor=g.actor)
    add_toast(locale().say("people.session_closed"))
    return redirect(url_for("auth.account"), 303)


@blueprint.post("/settings/tokens/<int:token_id>/revoke")
@writes
def revoke_token(token_id: int) -> Any:
    """Revoke one of one's own tokens."""
    tokens.revoke_token(g.session, token_id, actor=g.actor)
    add_toast(locale().t("access.revoked"))
    return redirect(url_for("auth.account"), 303)


@blueprint.post("/settings/sessions/end-others")
@writes
def end_other_sessions() -> Any:
    """Sign every other device out."""
    sessions.close_others(g.session, keep=g.signed_in.id, actor=g.actor)
    add_toast(locale().say("people.session_closed"))
    return redirect(url_for("auth.account"), 303)


@writes
def _store_language() -> str:
    accounts.set_language(g.session, cookie["lang"], actor=g.actor)
    return ""


def login_page(error: str | None = None, *, status: int = 200, retry_after: int | None = None) -> Any:
    """Show the sign-in page, with what went wrong."""
    given = request.form if request.method == "POST" else request.args
    page = {
        "action_url": url_for("auth.sign_in"),
        "username": request.form.get("username", "")[:100],
        "next": safe_next(given.get("next"), "") or None,
        "error": error,
        "hint": locale().t("login.forgotten"),
        "company": _company(safe_next(given.get("next"), "") or None),
        "left_company": "left" in request.args and settings().company is not None,
    }
    answer = make_response(render_template("pages/login.html", login=page, shell=make_shell()), status)
    if retry_after is not None:
        answer.headers["Retry-After"] = str(retry_after)
    return answer


def _company(to: str | None) -> dict[str, str] | None:
    """Return the button to sign in with a company account, where the settings name a provider."""
    given = settings().company
    if given is None:
        return None
    return {"url": url_for("company.begin", next=to), "label": given.label or locale().t("company.sign_in")}


def _account_page(errors: dict[str, str] | None = None) -> str:
    page = {
        "password_url": url_for("auth.change_password"),
        "end_others_url": url_for("auth.end_other_sessions"),
        "has_password": roster.get_entry(g.session.connection, g.actor.id).has_password,
        "errors": errors or {},
        "devices": view_devices(g.actor.id, lambda id_: url_for("auth.end_session", session_id=id_)),
        "tokens": view_tokens(g.actor.id, lambda id_: url_for("auth.revoke_token", token_id=id_)),
        "second_factor": _second_factor(),
        "new_token_url": "/settings/tokens/new",
        "texts": {name: locale().say(f"people.{name}") for name in _TEXTS},
    }
    return render_template("pages/account.html", account=page, shell=make_shell())


def _second_factor() -> dict[str, Any]:
    since, text = second_factor.find_standing(g.session.connection, g.actor.id).on_since, locale()
    said = text.t("second_factor.on_since", date=text.date(since)) if since else text.t("second_factor.about")
    return {"url": "/settings/second-factor", "on": since is not None, "text": said}


_TEXTS = (
    "account",
    "change_password",
    "current_password",
    "new_password",
    "password_hint",
    "devices",
    "end_others",
)
