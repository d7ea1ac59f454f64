"""Signing in with a company account: to the provider and back.

Enters: a press of the button, later the browser with a code. Leaves: a session, or the sign-in page with one sentence.
Must not answer to what was not asked in this browser: each question is kept in its signed cookie and used once.
"""

from typing import Any

from flask import Blueprint, current_app, redirect, request, url_for
from flask import session as cookie

from engine.errors import NotAllowed, NotPossibleNow
from engine.people import identities
from web.auth import login_page
from web.gate import locale, open_to_all, settings, store
from web.letting_in import let_in, note_refused
from web.oidc import Provider, Question, SignInFailed
from web.security import safe_next
from web.settings import Settings

blueprint = Blueprint("company", __name__)
BACK = "/login/company/back"
_ASKED = "asked_company"
_MOST = 3  # pages of the sign-in that somebody may have open at a time
_LOGIN = "company"


def make_provider(settings: Settings) -> Provider | None:
    """Return the provider that the settings name; None when they name none."""
    given = settings.company
    return None if given is None else Provider(given, f"{settings.public_url}{BACK}")


@blueprint.get("/login/company")
@open_to_all
def begin() -> Any:
    """Send the browser to the provider."""
    provider = _provider()
    if provider is None:
        return redirect(url_for("auth.login"), 303)
    try:
        address, question = provider.ask()
    except SignInFailed as failed:
        return login_page(failed.text(locale().language), status=503)
    asked = [question.state, question.nonce, question.verifier, safe_next(request.args.get("next"), "")]
    cookie[_ASKED] = [*cookie.get(_ASKED, ()), asked][-_MOST:]
    return redirect(address, 303)


@blueprint.get(BACK)
@open_to_all
def finish() -> Any:
    """Let in whom the provider vouches for."""
    provider = _provider()
    if provider is None:
        return redirect(url_for("auth.login"), 303)
    try:
        question, to = _take_question(request.args.get("state", ""))
        return _finish(provider, question, to)
    except SignInFailed as failed:
        status = 503 if failed.code == "people.company_down" else 400
        return login_page(failed.text(locale().language), status=status)
    except (NotAllowed, NotPossibleNow) as refused:
        note_refused(_LOGIN, "company")
        return login_page(refused.text(locale().language), status=403)


@blueprint.get("/login/company/out")
@open_to_all
def sign_out() -> Any:
    """Lead whoever came in with a company account to where they sign out of that too."""
    provider, here = _provider(), url_for("auth.login")
    there = None if provider is None else provider.sign_out_url(f"{settings().public_url}{here}")
    return redirect(there or here, 303)


def _finish(provider: Provider, question: Question, to: str) -> Any:
    if "error" in request.args:
        denied = request.args["error"] == "access_denied"
        raise SignInFailed("people.company_denied" if denied else "people.company_refused")
    vouched = provider.redeem(request.args.get("code", ""), question, now=store().clock.now())
    with store().write() as session:
        proven = identities.recognize(session, vouched, new_roles=provider.given.new_roles)
    led = let_in(proven, by="company", login=_LOGIN, to=to)
    if led is None:
        raise NotAllowed("people.company_nobody")
    return led


def _provider() -> Provider | None:
    found: Provider | None = current_app.extensions["formwork.provider"]
    return found


def _take_question(state: str) -> tuple[Question, str]:
    """Return what this browser asked under ``state``; it is answered once."""
    kept = cookie.get(_ASKED, ())
    found = next((one for one in kept if state and one[0] == state), None)
    if found is None:
        raise SignInFailed("people.company_not_asked")
    cookie[_ASKED] = [one for one in kept if one is not found]
    return Question(*found[:3]), found[3]
