"""The second page of the sign-in: a code of the app, or a recovery code.

Enters: a code, from somebody whose password was right. Leaves: a session. Must not be reached without that, nor tell
a code that was used from one that is wrong; its attempts are counted together with those of the password.
"""

from typing import Any

from flask import Blueprint, make_response, redirect, render_template, request, url_for

from engine.errors import NotPossibleNow
from engine.people import second_factor
from web.gate import locale, open_to_all, settings, store
from web.letting_in import Waiting, count_attempt, find_waiting, lead_in, note_refused, open_session
from web.security import safe_next
from web.shell import add_toast, make_shell
from web.throttle import TooManyAttempts

blueprint = Blueprint("second_step", __name__)


@blueprint.get("/login/code")
@open_to_all
def ask() -> Any:
    """Show the page that asks for the code."""
    return _begin_again() if find_waiting() is None else _page()


@blueprint.post("/login/code")
@open_to_all
def take() -> Any:
    """Sign in with a code."""
    waiting = find_waiting()
    if waiting is None:
        return _begin_again()
    try:
        count_attempt(waiting.login)
        return _take(waiting, request.form.get("code", ""))
    except TooManyAttempts as refused:
        note_refused(None, "throttled")
        return _page(refused.text(locale().language), 429, refused.retry_after)
    except NotPossibleNow as refused:
        return _page(refused.text(locale().language), 409)


def _take(waiting: Waiting, code: str) -> Any:
    user_id = waiting.proven.user_id
    with store().write() as session:
        by = second_factor.take_code(session, user_id, code, key=settings().secret_key)
        key = open_session(session, waiting.proven, by=by) if by is not None else None
        left = second_factor.find_standing(session.connection, user_id).codes_left
    if by is None:
        note_refused(waiting.login, "code", user_id)
        return _page(locale().say("people.code_wrong"), 422)
    if key is None:  # disabled, or the password changed, since it was typed
        return _begin_again()
    led = lead_in(key, by=waiting.by, login=waiting.login, to=request.form.get("next"))
    if by == "recovery":
        add_toast(locale().t("second_factor.recovery_used", left=left), "warn")
    return led


def _begin_again() -> Any:
    add_toast(locale().say("people.sign_in_again"), "warn")
    return redirect(url_for("auth.login", next=safe_next(request.values.get("next"), "") or None), 303)


def _page(error: str | None = None, status: int = 200, retry_after: int | None = None) -> Any:
    page = {
        "action_url": url_for("second_step.take"),
        "next": safe_next(request.values.get("next"), "") or None,
        "error": error,
        "back_url": url_for("auth.login"),
    }
    answer = make_response(render_template("pages/login_code.html", page=page, shell=make_shell()), status)
    if retry_after is not None:
        answer.headers["Retry-After"] = str(retry_after)
    return answer
