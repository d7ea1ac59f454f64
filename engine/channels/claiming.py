"""Taking the next message of a channel, so that nobody else sends it at the same time.

Enters: a session that writes, the name of a channel. Leaves: a ``Turn`` with everything to send it outside of any
transaction; or nothing, because none is due, or the provider lets none through now. Must not send.

Whoever dies while sending loses the turn after ``LEASE``; somebody else then sends the same again, under the same id.
What is to be gathered for one person, and what a robot may not send singly any more, is merged into one message here.
"""

import logging
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, insert, or_, select, update

from engine.channels.addresses import Unreachable
from engine.channels.composing import compose
from engine.channels.message import Message
from engine.channels.opened import ROBOTS, Opened
from engine.channels.pace import count_free, find_pace, keep
from engine.channels.parcels import Parcel, Verdict
from engine.channels.registry import open_channel
from engine.storage.delivery_tables import OPEN, channels, deliveries
from engine.storage.store import Session
from engine.storage.system_tables import notices, users

LEASE = timedelta(seconds=90)
"""How long an attempt may take; each part of a long message takes its own."""
MOST_GATHERED = 200
MOST_ATTEMPTS = 15
"""More than any channel is tried: whatever comes here was never answered for, because it ends whoever sends it."""

_log = logging.getLogger("formwork.channels")


@dataclass(frozen=True, slots=True)
class Turn:
    """One attempt: what is sent, or why it cannot be (``failed``)."""

    id: int
    claim: str
    attempts: int
    channel: Opened | None
    kind: str
    parts: int
    is_test: bool
    parcels: Sequence[Parcel] = field(repr=False, default=())
    failed: Verdict | None = None


def is_usable(now: Any) -> ColumnElement[bool]:
    """Return the condition that a channel is turned on, and not left alone for a while."""
    c = channels.c
    return and_(c.disabled_at.is_(None), or_(c.paused_until.is_(None), c.paused_until <= now))


def is_due(now: Any) -> ColumnElement[bool]:
    """Return the condition that a delivery is to be sent now, an attempt that nobody ended included."""
    c = deliveries.c
    left = and_(c.state == "sending", c.claimed_until <= now)
    return and_(OPEN, c.due_at <= now, or_(c.state == "waiting", left))


def claim(session: Session, name: str, *, key: str | None, base: str | None) -> Turn | None:
    """Take the next message of a channel; None when there is nothing to send now."""
    c = channels.c
    channel = session.connection.execute(select(channels).where(c.name == name).with_for_update()).first()
    now = session.now()
    if channel is None or channel.disabled_at is not None or (channel.paused_until or now) > now:
        return None
    pace = find_pace(channel.kind, channel.rate)
    free = count_free(pace, channel.sent_lately or (), now.timestamp())
    row = _choose(session, channel, free) if free else None
    if row is None:
        return None
    lately = keep(pace, channel.sent_lately or (), now.timestamp())
    session.connection.execute(update(channels).where(c.id == channel.id).values(sent_lately=lately))
    return _take(session, channel, row, key=key, base=base)


def charge(session: Session, name: str, count: int) -> None:
    """Count further messages of a channel that left as parts of one."""
    c = channels.c
    channel = session.connection.execute(select(channels).where(c.name == name).with_for_update()).first()
    if channel is not None and count > 0:
        pace = find_pace(channel.kind, channel.rate)
        lately = keep(pace, channel.sent_lately or (), session.now().timestamp(), count)
        session.connection.execute(update(channels).where(c.id == channel.id).values(sent_lately=lately))


def _choose(session: Session, channel: Any, free: int) -> Any:
    """Return the row to send next, merged where several are to be one; what nobody needs any more is dropped."""
    while True:
        row = _first(session, channel.name)
        if row is None:
            return None
        if row.attempts >= MOST_ATTEMPTS:
            _end(session, [row.id], "parked", "channel.poison")
            continue
        together = _together(session, row, channel, free)
        needless = _needless(session, together)
        if needless:
            _end(session, needless, "dropped", "channel.needless")
            continue
        return _merge(session, row, together) if len(together) > 1 else row


def _first(session: Session, name: str) -> Any:
    c = deliveries.c
    found = select(deliveries).where(c.channel == name, is_due(session.now()))
    return session.connection.execute(found.order_by(c.priority, c.due_at, c.id).limit(1)).first()


def _together(session: Session, row: Any, channel: Any, free: int) -> list[Any]:
    """Return the rows that leave as one: those gathered for a person, or all of a robot that may send but one more."""
    c = deliveries.c
    waiting = [c.channel == channel.name, is_due(session.now()), c.state == "waiting", c.attempts == 0]
    if row.state != "waiting" or row.attempts:
        return [row]
    if row.gather and row.user_id is not None:
        waiting += [c.user_id == row.user_id, c.gather == 1]
    elif channel.kind not in ROBOTS or free > 1:
        return [row]
    found = select(deliveries).where(*waiting).order_by(c.priority, c.id).limit(MOST_GATHERED)
    return list(session.connection.execute(found))


def _needless(session: Session, rows: Sequence[Any]) -> list[int]:
    """Return what need not be sent: to people who are gone, and, of what waited to be gathered, what was read since."""
    people = {row.user_id for row in rows if row.user_id is not None}
    if not people:
        return []
    gone = select(users.c.id).where(users.c.id.in_(people), users.c.disabled_at.is_not(None))
    left = set(session.connection.scalars(gone))
    told = {f"{row.key.rpartition('/')[0]}": row.id for row in rows if row.gather and row.user_id is not None}
    read = select(notices.c.key).where(notices.c.key.in_(told), notices.c.read_at.is_not(None))
    seen = [told[key] for key in session.connection.scalars(read)] if told else []
    return [*(row.id for row in rows if row.user_id in left), *seen]


def _merge(session: Session, first: Any, rows: Sequence[Any]) -> Any:
    """Make one message of several, and return its row."""
    message = Message(kind=first.kind, title="", path="/")
    made = {
        "message_id": f"msg_{secrets.token_hex(16)}",
        "key": f"digest/{first.message_id}",
        "at": session.now(),
        "kind": first.kind,
        "channel": first.channel,
        "user_id": first.user_id if first.gather else None,
        "message": message.as_data(),
        "priority": first.priority,
        "state": "waiting",
        "due_at": session.now(),
    }
    id_ = session.connection.execute(insert(deliveries).values(made).returning(deliveries.c.id)).scalar_one()
    merged = {"state": "merged", "merged_into_id": id_, "ended_at": session.now()}
    ids = [row.id for row in rows]
    session.connection.execute(update(deliveries).where(deliveries.c.id.in_(ids)).values(merged))
    return session.connection.execute(select(deliveries).where(deliveries.c.id == id_)).one()


def _take(session: Session, channel: Any, row: Any, *, key: str | None, base: str | None) -> Turn:
    token, now = secrets.token_hex(8), session.now()
    taken = {"state": "sending", "attempts": row.attempts + 1, "claim": token, "claimed_until": now + LEASE}
    session.connection.execute(update(deliveries).where(deliveries.c.id == row.id).values(taken))
    opened, parcels, failed = None, [], None
    try:
        opened = open_channel(channel, key=key, now=now)
        parcels = compose(session, row, opened, base=base, key=key)
    except Unreachable as refused:
        failed = Verdict("refused", refused.code, refused.detail)
    except (ValueError, KeyError, TypeError, AttributeError, IndexError):
        _log.exception("Message %s of %s cannot be written", row.message_id, channel.name)
        failed = Verdict("refused", "channel.unwritable")
    test = row.message["event"] == "delivery.test"
    return Turn(row.id, token, row.attempts + 1, opened, channel.kind, row.parts, test, parcels, failed)


def _end(session: Session, ids: Sequence[int], state: str, code: str) -> None:
    ended = {"state": state, "error": code, "ended_at": session.now()}
    session.connection.execute(update(deliveries).where(deliveries.c.id.in_(ids)).values(ended))
