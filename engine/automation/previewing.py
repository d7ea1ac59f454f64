"""What an automation would do for a record now: run to its end in a transaction that is taken back.

Enters: an automation, a record. Leaves: the run with its trace, and the messages it would have left, to whom. Must not
keep or send anything.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from engine.automation.running import run_now
from engine.automation.runs import NO_RECORD, RUN, Begin, Run, find_last_id, list_runs
from engine.channels.pictures import find as find_picture
from engine.errors import NotFound
from engine.people.actor import Actor, require_admin
from engine.records.queries import get_record
from engine.storage.delivery_tables import deliveries
from engine.storage.store import Session
from engine.storage.system_tables import notices, users


@dataclass(frozen=True, slots=True)
class Said:
    """One message: to a person (``name``), or to whatever ``channel`` leads to."""

    name: str
    channel: str | None
    title: Any
    text: Any
    picture: Mapping[str, Any] | None = None  # what would be drawn


@dataclass(frozen=True, slots=True)
class Preview:
    """How it would end, and what would be said."""

    run: Run
    said: tuple[Said, ...]


def preview(session: Session, key: str, record_id: int | None, *, actor: Actor | None) -> Preview:
    """Return what an automation would do now, for administrators; what they may not see themselves stays hidden.

    Waits are passed over; what begins with a webhook is tried with what came last. Raises ``NotFound`` and
    ``NotAllowed``.
    """
    require_admin(actor)
    automation = session.app.automations.get(key)
    if automation is None:
        raise NotFound("automation.none", name=key[:80])
    if actor is not None and automation.entity:
        get_record(session, automation.entity, record_id or NO_RECORD, actor=actor)
    with session.attempt() as attempt:
        occasion = f"preview {find_last_id(session) + 1} {session.now().isoformat()}"
        about = _last_sent(session, key) if automation.on.hook else None
        wanted = Begin(key, automation.entity or None, record_id or NO_RECORD, occasion, session.now(), about=about)
        run = run_now(session, wanted, preview=True, watcher=actor)
        found = Preview(run, (*_to_people(session, run), *_to_channels(session, run)))
        attempt.undo()
    return found


def _last_sent(session: Session, key: str) -> Mapping[str, Any] | None:
    last = list_runs(session, automation=key, limit=1)
    return last[0].about if last else None


def _to_people(session: Session, run: Run) -> list[Said]:
    c = notices.c
    own = select(users.c.name, c.params).join_from(notices, users, users.c.id == c.user_id)
    rows = session.connection.execute(own.where(c.key.startswith(f"{RUN}{run.id}-")).order_by(c.id))
    return [
        Said(name, None, params.get("title"), params.get("text"), _picture(session, params)) for name, params in rows
    ]


def _to_channels(session: Session, run: Run) -> list[Said]:
    c = deliveries.c
    own = select(c.channel, c.recipient, c.message).where(c.key.startswith(f"{RUN}{run.id}-"), c.user_id.is_(None))
    rows = session.connection.execute(own.order_by(c.id))
    return [
        Said(channel, channel, message["title"], message["text"], _picture(session, message))
        for channel, _, message in rows
    ]


def _picture(session: Session, message: Mapping[str, Any]) -> Mapping[str, Any] | None:
    found = find_picture(session, message.get("picture"), key=None)
    return None if found is None else found.page
