"""Where a link for setting a password leads: for somebody invited, or who forgot theirs.

Enters: the secret of a link and a new password. Leaves: the page to set one, the same page with what is wrong, or one
that explains that the link is over. Must not tell a link that was used from one that never was, nor keep the secret.
"""

from typing import Any

from flask import Blueprint, current_app, make_response, redirect, render_template, request, url_for

from engine.errors import InvalidValues, NotFound
from engine.people import password_links, passwords
from engine.people.password_links import OpenLink
from web.gate import locale, open_to_all, settings, store
from web.shell import add_toast, make_shell
from web.throttle import LoginThrottle, TooManyAttempts

blueprint = Blueprint("joining", __name__)


@blueprint.get("/join/<secret>")
@open_to_all
def show(secret: str) -> Any:
    """Show the page on which a password is set; a link is not used up by looking."""
    try:
        found = _find(secret)
        if found is None:
            _throttle().attempt("join", request.remote_addr or "")  # whoever tries secrets is slowed down
    except TooManyAttempts as refused:
        return _over(refused.text(locale().language), 429, refused.retry_after)
    return _over() if found is None else _page(secret, found, {})


@blueprint.post("/join/<secret>")
@open_to_all
def set_password(secret: str) -> Any:
    """Set the password and lead to the sign-in."""
    password = request.form.get("password", "")
    try:
        _throttle().attempt(f"join {secret[:100]}", request.remote_addr or "")
        if password != request.form.get("again", ""):
            found = _find(secret)
            text = locale().say("people.passwords_differ")
            return _over() if found is None else _page(secret, found, {"again": text}, 422)
        with store().write() as session:
            password_links.use_link(session, secret, password, ip=request.remote_addr)
    except TooManyAttempts as refused:
        return _over(refused.text(locale().language), 429, refused.retry_after)
    except NotFound:
        return _over()
    except InvalidValues as refused:
        found = _find(secret)
        said = {one.path: one.text(locale().language) for one in refused.errors}
        return _over() if found is None else _page(secret, found, said, 422)
    add_toast(locale().t("joining.done"))
    return redirect(url_for("auth.login"), 303)


def link_address(secret: str) -> str:
    """Return the address of a link: below the site's own, when it is set, else a path. Never from the Host header."""
    return f"{settings().public_url or ''}/join/{secret}"


def _find(secret: str) -> OpenLink | None:
    with store().read() as session:
        return password_links.find_link(session.connection, secret, now=session.now())


def _throttle() -> LoginThrottle:
    found: LoginThrottle = current_app.extensions["formwork.throttle"]
    return found


def _page(secret: str, found: OpenLink, errors: dict[str, str], status: int = 200) -> Any:
    text = locale()
    page = {
        "title": text.t(f"joining.{found.kind}"),
        "text": text.t(f"joining.{found.kind}_text", name=found.name),
        "login": found.login,
        "action_url": url_for("joining.set_password", secret=secret),
        "hint": text.say("people.password_hint"),
        "least": passwords.MIN_LENGTH,
        "errors": errors,
    }
    return make_response(render_template("pages/join.html", page=page, shell=make_shell()), status)


def _over(said: str | None = None, status: int = 410, retry_after: int | None = None) -> Any:
    text = locale()
    page = {"title": text.t("joining.over"), "text": said or text.t("joining.over_text")}
    answer = make_response(render_template("pages/join_over.html", page=page, shell=make_shell()), status)
    if retry_after is not None:
        answer.headers["Retry-After"] = str(retry_after)
    return answer
