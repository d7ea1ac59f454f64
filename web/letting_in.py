"""From proof to session: what happens once somebody has shown who they are.

Enters: whoever was proven, and where they wanted to go. Leaves: a new session in a new cookie and the way there; or,
where a second factor is on, the page that asks for its code, with what was proven kept in the signed cookie for ten
minutes. Must not forget failed attempts before the last step, nor send anyone to another site.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flask import current_app, redirect, request, url_for
from flask import session as cookie

from engine.people import sessions
from engine.people.sessions import Cause, How, Proven
from engine.storage.store import Session
from web.gate import COOKIE_KEY, store
from web.security import safe_next
from web.throttle import LoginThrottle

CAME_BY_COMPANY = "company"
_WAITING = "proven"
_PATIENCE = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Waiting:
    """Somebody whose code is still to come; ``login`` is what attempts are counted under, ``by`` how they came."""

    proven: Proven
    login: str
    by: How


def count_attempt(login: str) -> None:
    """Count an attempt from the address that asks; raises ``TooManyAttempts``."""
    _throttle().attempt(login, request.remote_addr or "")


def note_refused(login: str | None, cause: Cause, user_id: int | None = None) -> None:
    """Note in the audit that a sign-in was refused, as often as ``LoginThrottle.refused`` says."""
    times = _throttle().refused(login, request.remote_addr or "")
    if times is not None:
        with store().write() as session:
            sessions.note_refused(session, login, user_id=user_id, cause=cause, times=times, ip=request.remote_addr)


def forget_attempts(login: str) -> None:
    """Forget the failed attempts of somebody who got it right in the end."""
    _throttle().succeed(login, request.remote_addr or "")


def let_in(proven: Proven, *, by: How = "password", login: str, to: str | None) -> Any:
    """Lead to the page that asks for the code, or in; None when what was proven no longer holds."""
    if proven.asks_code:
        cookie[_WAITING] = [proven.user_id, proven.epoch, login, by, (_now() + _PATIENCE).timestamp()]
        return redirect(url_for("second_step.ask", next=safe_next(to, "") or None), 303)
    with store().write() as session:
        key = open_session(session, proven, by=by)
    return None if key is None else lead_in(key, by=by, login=login, to=to)


def find_waiting() -> Waiting | None:
    """Return whose code is still to come; None when nobody's is, or it took too long."""
    kept = cookie.get(_WAITING)
    if kept is None or _now().timestamp() > kept[4]:
        return None
    return Waiting(Proven(kept[0], kept[1], asks_code=True), *kept[2:4])


def open_session(session: Session, proven: Proven, *, by: How) -> str | None:
    """Open a session in this transaction, and end the one that the cookie has."""
    old = cookie.get(COOKIE_KEY)
    if old:
        sessions.close_by_key(session, old)
    return sessions.open_session(session, proven, by=by, ip=request.remote_addr, agent=request.user_agent.string)


def lead_in(key: str, *, by: How, login: str, to: str | None) -> Any:
    """Begin a new cookie and lead on; only what a stranger may choose is carried over, not the CSRF token."""
    forget_attempts(login)
    kept = {name: cookie[name] for name in ("lang", "theme") if name in cookie}
    cookie.clear()
    cookie.update(kept)
    cookie[COOKIE_KEY] = key
    if by == "company":
        cookie[CAME_BY_COMPANY] = True
    cookie.permanent = True
    return redirect(safe_next(to), 303)


def _throttle() -> LoginThrottle:
    found: LoginThrottle = current_app.extensions["formwork.throttle"]
    return found


def _now() -> datetime:
    return store().clock.now()
