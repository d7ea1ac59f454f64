"""One's own second factor: turned on with a picture for the app and a first code, renewed, turned off.

Enters: codes and a password as typed. Leaves: pages; recovery codes on the one page that answers. Must not show the
secret once it is on, nor let codes be tried more often than at the sign-in.
"""

from collections.abc import Callable
from typing import Any

from flask import g, make_response, redirect, render_template, request, url_for

from engine.errors import InvalidValues, NotPossibleNow
from engine.people import roster, second_factor, sessions
from web.gate import before_second_factor, locale, needs_second_factor, private, reads, settings, store, writes
from web.letting_in import count_attempt, forget_attempts
from web.pages.frame import page_shell
from web.security import safe_next
from web.shell import add_toast
from web.throttle import TooManyAttempts

URL = "/settings/second-factor"


@before_second_factor
@private
@reads
def show() -> Any:
    """Show how it stands, or what to put into the app."""
    return _page()


@before_second_factor
@writes
def begin() -> Any:
    """Make a secret, to be put into the app."""
    second_factor.begin(g.session, key=settings().secret_key, actor=g.actor)
    return redirect(url_for("pages.second_factor_show", next=safe_next(request.form.get("next"), "") or None), 303)


@before_second_factor
@writes
def turn_on() -> Any:
    """Turn it on with a first code, and show the recovery codes."""
    password = request.form.get("current", "")
    return _with_code(
        lambda code: second_factor.turn_on(
            g.session, code, password=password, keep=g.signed_in.id, key=settings().secret_key, actor=g.actor
        )
    )


@writes
def renew() -> Any:
    """Show new recovery codes."""
    return _with_code(
        lambda code: second_factor.renew_recovery_codes(g.session, code, key=settings().secret_key, actor=g.actor)
    )


@writes
def turn_off() -> Any:
    """Turn it off, unless a role asks for it."""
    if settings().second_factor_roles & g.actor.roles:
        raise NotPossibleNow("people.factor_required")

    def off(code: str) -> None:
        second_factor.turn_off(g.session, code, key=settings().secret_key, actor=g.actor)

    return _with_code(off)


ROUTES = (
    (URL, ["GET"], show),
    (f"{URL}/begin", ["POST"], begin),
    (f"{URL}/on", ["POST"], turn_on),
    (f"{URL}/codes", ["POST"], renew),
    (f"{URL}/off", ["POST"], turn_off),
)


def _with_code(change: Callable[[str], tuple[str, ...] | None]) -> Any:
    """Do what a code is asked for; new recovery codes are shown, else it leads back to the page."""
    login = sessions.normal_login(g.actor.login)
    try:
        count_attempt(login)
        made = change(request.form.get("code", ""))
    except TooManyAttempts as refused:
        answer = make_response(_page(errors={"code": refused.text(locale().language)}), 429)
        answer.headers["Retry-After"] = str(refused.retry_after)
        return answer
    except InvalidValues as refused:
        return _page(errors={one.path: one.text(locale().language) for one in refused.errors}), 422
    forget_attempts(login)
    if made is not None:
        return _page(codes=made)
    add_toast(locale().t("second_factor.now_off"))
    return redirect(URL, 303)


def _page(*, errors: dict[str, str] | None = None, codes: tuple[str, ...] = ()) -> str:
    text, standing = locale(), second_factor.find_standing(g.session.connection, g.actor.id)
    required = bool(settings().second_factor_roles & g.actor.roles)
    page = {
        "url": URL,
        "next": safe_next(request.values.get("next"), "") or None,
        "on_since": text.date(standing.on_since) if standing.on_since else None,
        "left": text.t("second_factor.left", count=standing.codes_left),
        "few_left": standing.codes_left < 3,
        "required": required,
        "missing": needs_second_factor(),
        "errors": errors or {},
        "typed": "" if "code" in (errors or {}) else request.form.get("code", "")[:60],
        "codes": codes,
        "begun": None if standing.on_since else _begun(),
        "asks_password": roster.get_entry(g.session.connection, g.actor.id).has_password,
    }
    return render_template("pages/second_factor.html", page=page, shell=page_shell())


def _begun() -> dict[str, str] | None:
    """Return the picture for the app, and the secret in groups of four for whoever types it."""
    import segno  # loaded when a picture is drawn, not at every start

    secret = second_factor.find_begun(g.session.connection, g.actor.id, key=settings().secret_key)
    if secret is None:
        return None
    site = locale().label(store().app.label) or "Formwork"
    address = second_factor.address_of(secret, login=g.actor.login, site=site)
    picture = segno.make_qr(address, error="m").svg_data_uri(scale=4, border=4, light="#fff")
    return {"picture": picture, "secret": " ".join(secret[at : at + 4] for at in range(0, len(secret), 4))}
