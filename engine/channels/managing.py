"""What an administrator sees of what leaves, and does about it: lists by state, the exact payload, sending again.

Enters: who asks, a state, a channel. Leaves: deliveries; payloads in which secrets are masked. Must not send: what is
to be sent again waits for the worker as everything does.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import func, or_, select, update

from engine.channels.addresses import Unreachable
from engine.channels.composing import compose
from engine.channels.message import Message
from engine.channels.opened import Opened
from engine.channels.parcels import MASK, Drawn, Letter, Parcel
from engine.channels.posting import Dialler, Email, Endpoint, Receiver, Robot, post
from engine.channels.registry import Channel, open_channel
from engine.errors import FieldError, InvalidValues, NotAllowed, NotFound, NotPossibleNow
from engine.people.actor import Actor, require_admin
from engine.records.queries import get_record
from engine.storage.delivery_tables import channels, deliveries
from engine.storage.journal import write_audit
from engine.storage.store import Session
from engine.storage.system_tables import users

STATES = ("waiting", "sending", "sent", "merged", "dead", "parked", "dropped")
PAGE = 50
_MOST_AT_ONCE = 10_000


@dataclass(frozen=True, slots=True)
class Delivery:
    """One delivery. ``error`` is the code of a sentence, ``person`` the name of whom it is for."""

    id: int
    message_id: str
    at: datetime
    kind: str
    channel: str
    person: str | None
    recipient: str | None
    message: dict[str, Any]
    priority: int
    state: str
    due_at: datetime
    attempts: int
    error: str | None
    answer: str | None
    ended_at: datetime | None
    merged_into: int | None


@dataclass(frozen=True, slots=True)
class Shown:
    """One request or letter as it would leave: where to, its headers, its body; secrets are masked.

    ``picture`` leads to the one that goes with it.
    """

    to: str
    headers: tuple[tuple[str, str], ...]
    body: str
    picture: str | None = None


def count_by_state(session: Session) -> dict[str, int]:
    """Return how many deliveries there are in each state that somebody may have to look after, 10,000 at most."""
    counts = {}
    for state in ("waiting", "sending", "dead", "parked"):
        few = select(deliveries.c.id).where(deliveries.c.state == state).limit(_MOST_AT_ONCE).subquery()
        counts[state] = int(session.connection.scalar(select(func.count()).select_from(few)) or 0)
    return counts


def list_deliveries(
    session: Session,
    *,
    state: str | None,
    channel: str | None,
    before: int | None,
    actor: Actor | None,
    limit: int = PAGE,
) -> list[Delivery]:
    """Return the newest deliveries (older than ``before``) of a state and a channel; raises ``NotAllowed``."""
    require_admin(actor)
    c = deliveries.c
    found = _select()
    if state is not None:
        found = found.where(c.state == state)
    if channel is not None:
        found = found.where(c.channel == channel)
    if before is not None:
        found = found.where(c.id < before)
    return [_read(row) for row in session.connection.execute(found.order_by(c.id.desc()).limit(limit))]


def find_open(session: Session, delivery_ids: Sequence[int], *, actor: Actor | None) -> set[int]:
    """Return the deliveries that may be shown to somebody: they see all of every record that these say something of.

    What was merged into one counts with it: a message is a second way to a record, its title included.
    """
    c, about = deliveries.c, {one: set[tuple[str, int]]() for one in delivery_ids}
    if actor is not None:
        own = or_(c.id.in_(delivery_ids), c.merged_into_id.in_(delivery_ids))
        query = select(c.id, c.merged_into_id, c.entity, c.record_id).where(own, c.entity.is_not(None))
        for row in session.connection.execute(query):
            for one in {row.id, row.merged_into_id} & about.keys():
                about[one].add((row.entity, row.record_id))
    seen = {one: _sees_whole(session, *one, actor) for one in set[tuple[str, int]]().union(*about.values())}
    return {id_ for id_, found in about.items() if all(seen[one] for one in found)}


def get_delivery(session: Session, delivery_id: int, *, actor: Actor | None) -> Delivery:
    """Return one delivery; raises ``NotFound`` and ``NotAllowed``."""
    require_admin(actor)
    row = session.connection.execute(_select().where(deliveries.c.id == delivery_id)).first()
    if row is None:
        raise NotFound("channel.no_delivery")
    return _read(row)


def preview(
    session: Session, delivery_id: int, *, key: str | None, base: str | None, actor: Actor | None
) -> list[Shown]:
    """Return exactly what would be sent now; raises ``NotPossibleNow`` with the reason why nothing would.

    What is about a record is shown only to whoever may see all of that record: a message is a second way to it.
    """
    require_admin(actor)
    row = session.connection.execute(select(deliveries).where(deliveries.c.id == delivery_id)).one()
    if not find_open(session, [delivery_id], actor=actor):
        raise NotPossibleNow("channel.not_shown")
    channel = session.connection.execute(select(channels).where(channels.c.name == row.channel)).first()
    if channel is None:
        raise NotPossibleNow("channel.none")
    try:
        opened = open_channel(channel, key=key, now=session.now())
        return [_show(parcel, opened) for parcel in compose(session, row, opened, base=base, key=key)]
    except Unreachable as refused:
        raise NotPossibleNow(refused.code) from None


def _sees_whole(session: Session, entity: str, record_id: int, actor: Actor | None) -> bool:
    if actor is None:
        return True
    try:
        return not get_record(session, entity, record_id, actor=actor).hidden
    except (NotFound, NotAllowed):
        return False


def replay(session: Session, delivery_id: int, *, actor: Actor | None) -> None:
    """Send what was given up or put aside again, from the beginning, under the id it had."""
    found = get_delivery(session, delivery_id, actor=actor)
    if found.state not in ("dead", "parked") or not _replay(session, [deliveries.c.id == delivery_id], found.channel):
        raise NotPossibleNow("channel.no_replay")
    write_audit(session, "delivery.replay", subject=f"delivery:{delivery_id}", actor=actor)


def replay_all(session: Session, *, state: str, channel: str | None, actor: Actor | None) -> int:
    """Do the same with everything in a state (``dead`` or ``parked``), and return how many there were."""
    require_admin(actor)
    if state not in ("dead", "parked"):
        raise NotPossibleNow("channel.no_replay")
    own = [deliveries.c.state == state]
    count = _replay(session, own, channel)
    write_audit(
        session, "delivery.replay", subject="delivery:all", details={"state": state, "count": count}, actor=actor
    )
    return count


def park(session: Session, delivery_id: int, *, actor: Actor | None) -> None:
    """Put aside what waits, until somebody sends it again or drops it."""
    _move(session, delivery_id, ("waiting",), "parked", actor)


def drop(session: Session, delivery_id: int, *, actor: Actor | None) -> None:
    """Give up what waits, was put aside or failed: nobody will send it."""
    _move(session, delivery_id, ("waiting", "parked", "dead"), "dropped", actor)


def send_test(session: Session, channel: str, to: Receiver, *, actor: Actor | None) -> int:
    """Leave a test message for a channel, tried once, and return its delivery."""
    require_admin(actor)
    name = actor.name if actor is not None else "formwork"
    message = Message(
        kind="report",
        title={"zh": "Formwork 测试消息", "en": "Test message of Formwork"},
        text={
            "zh": f"由 {name} 发出，收到即表示渠道可用。",
            "en": f"Sent by {name}: if you read it, the channel works.",
        },
        event="delivery.test",
        data={"by": name},
    )
    key = f"test/{session.now().isoformat()}/{actor.id if actor is not None else 0}"
    post(session, message, to=to, key=key, priority=0)
    write_audit(session, "delivery.test", subject=f"channel:{channel}", actor=actor)
    found = select(deliveries.c.id).where(deliveries.c.key.startswith(key, autoescape=True))
    return int(session.connection.execute(found.order_by(deliveries.c.id.desc()).limit(1)).scalar_one())


def receiver_of(channel: Channel, to: str | None) -> Receiver:
    """Return whom a test message of a channel goes to; raises ``InvalidValues`` where it must be said and is not."""
    if channel.disabled_at is not None:
        raise InvalidValues([FieldError("", "channel.none")])
    if channel.kind in ("email", "dialler") and not to:
        raise InvalidValues([FieldError("to", "people.empty")])
    if channel.kind == "email":
        return Email((to or "")[:254], channel.name)
    if channel.kind == "dialler":
        return Dialler(channel.name, (to or "")[:40])
    return Endpoint(channel.name) if channel.kind == "webhook" else Robot(channel.name)


def _replay(session: Session, own: Sequence[Any], channel: str | None) -> int:
    c = deliveries.c
    usable = select(channels.c.name).where(channels.c.disabled_at.is_(None))
    conditions = [*own, c.state.in_(("dead", "parked")), c.channel.in_(usable)]
    if channel is not None:
        conditions.append(c.channel == channel)
    again = {"state": "waiting", "attempts": 0, "due_at": session.now(), "error": None, "ended_at": None}
    session.has_events = True
    return session.connection.execute(update(deliveries).where(*conditions).values(again)).rowcount


def _move(session: Session, delivery_id: int, before: tuple[str, ...], after: str, actor: Actor | None) -> None:
    get_delivery(session, delivery_id, actor=actor)
    c = deliveries.c
    moved = update(deliveries).where(c.id == delivery_id, c.state.in_(before))
    if not session.connection.execute(moved.values(state=after, ended_at=session.now())).rowcount:
        raise NotPossibleNow("channel.too_late")
    write_audit(session, f"delivery.{'park' if after == 'parked' else 'drop'}", f"delivery:{delivery_id}", actor=actor)


def _select() -> Any:
    return select(deliveries, users.c.name.label("person")).outerjoin(users, users.c.id == deliveries.c.user_id)


def _read(row: Any) -> Delivery:
    names = (
        "id", "message_id", "at", "kind", "channel", "person", "recipient", "message", "priority", "state", "due_at",
        "attempts", "error", "answer", "ended_at",
    )  # fmt: skip
    return Delivery(**{name: getattr(row, name) for name in names}, merged_into=row.merged_into_id)


def _show(parcel: Parcel, channel: Opened) -> Shown:
    if isinstance(parcel, Drawn):
        return replace(_show(parcel.shown, channel), picture=parcel.picture.path)
    if isinstance(parcel, Letter):
        headers = tuple((name, str(value)) for name, value in parcel.mail.items())
        text = parcel.mail.get_body(("plain",))
        return Shown(channel.address, headers, text.get_content() if text is not None else "")
    named = ((name, MASK if name in parcel.hidden else value) for name, value in parcel.headers.items())
    path = parcel.picture.path if parcel.picture is not None else None
    return Shown(parcel.shown_url, tuple(named), (parcel.shown_body or parcel.body).decode(), path)
