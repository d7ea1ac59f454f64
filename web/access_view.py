"""Where somebody is signed in, and which tokens act as them: for their own page and for administrators.

Enters: a person and how the address is made that ends one. Leaves: rows for ``parts/access.html``. Must not hold a
secret: there is none to be read.
"""

from collections.abc import Callable
from typing import Any

from flask import g

from engine.people import sessions, tokens
from engine.people.token_scopes import Scope
from web.gate import locale, now

EndUrl = Callable[[int], str]
_PROGRAMS = {"MicroMessenger": "WeChat", "DingTalk": "DingTalk", "Edg": "Edge", "Firefox": "Firefox",
             "Chrome": "Chrome", "Safari": "Safari"}  # fmt: skip
_SYSTEMS = {"iPhone": "iPhone", "iPad": "iPad", "Android": "Android", "Windows": "Windows", "Mac OS X": "macOS",
            "Linux": "Linux"}  # fmt: skip


def view_devices(user_id: int, end_url: EndUrl) -> list[dict[str, Any]]:
    """Return the sessions of a person that are still good, the newest first."""
    return [
        {
            "agent": name_agent(device.agent or ""),
            "ip": device.ip or "",
            "seen": locale().ago(device.last_seen_at, now()),
            "seen_at": locale().datetime(device.last_seen_at),
            "current": device.id == g.signed_in.id and user_id == g.actor.id,
            "end_url": end_url(device.id),
        }
        for device in sessions.list_devices(g.session.connection, user_id, now=now())
    ]


def view_tokens(user_id: int, revoke_url: EndUrl) -> list[dict[str, Any]]:
    """Return the tokens of a person that were not revoked, the newest first."""
    text = locale()
    return [
        {
            "label": token.label,
            "made": text.t("access.made", date=text.date(token.created_at)),
            "expires": text.t("access.until", date=text.date(token.expires_at)) if token.expires_at else None,
            "used": text.t("token.used", when=text.ago(token.last_used_at, now()))
            if token.last_used_at
            else text.t("token.never_used"),
            "reach": _say_reach(token.scope),
            "over": token.expires_at is not None and token.expires_at <= now(),
            "revoke_url": revoke_url(token.id),
        }
        for token in tokens.list_tokens(g.session.connection, user_id)
    ]


def _say_reach(scope: Scope | None) -> str:
    """Return what a token is narrowed to in a few words; an entity that has gone keeps its key."""
    text, entities = locale(), g.session.app.entities
    if scope is None:
        return text.t("token.whole")
    known = (text.label(entities[one.entity].label) if one.entity in entities else one.entity for one in scope)
    return text.t("token.narrowed", entities=text.t("text.comma").join(known))


def name_agent(agent: str) -> str:
    """Return a browser in short, ``Chrome · Windows``; what is not known stays as it calls itself."""
    known = [next((name for word, name in names.items() if word in agent), "") for names in (_PROGRAMS, _SYSTEMS)]
    return " · ".join(filter(None, known)) or agent[:80]
