"""Telling somebody something: rows written in the transaction of whoever has something to say.

Enters: a message, to whom, and a key. Leaves: a notice inside for each person, and a row of ``fw_deliveries`` for each
channel it is to leave by; ``working`` sends them after the commit. Must not talk to the outside.

How to use it::

    post(
        session,
        Message(
            kind="reminder",                                  # approval, reminder, mention or report
            title={"zh": "报价将到期", "en": "Quote runs out"},  # or notice="stage_due", params={...}
            text="…",
            facts=(({"zh": "金额", "en": "Amount"}, "¥1,200.00"),),
            about=("quotes", 12),                             # the record that the link opens
        ),
        to=[Person(7), Robot("销售群"), Email("x@example.com"), Endpoint("erp"), Dialler("calls", "13800000000")],
        key="quote-expiry/quotes/12/2026-03-02",              # (rule, record, date)
    )

The same ``key`` to the same receiver by the same channel is sent once, however often it is posted. A channel is meant
by its name only: one that does not exist, or is turned off, leaves a parked row that an administrator sees and can send
later; it never fails the caller. Facts must be what every receiver may see: they are not checked again.
A person always gets the notice; what else, they choose themselves (``choices``): at once, after their quiet hours or in
their morning digest. The smallest ``priority`` leaves first; left out, it follows the kind, approvals first.
"""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select

from engine.channels.choices import find_choices, list_offered, pick_channels, some_offered, when_to_send
from engine.channels.message import TOLD, Message
from engine.channels.pace import spread
from engine.records.sql import insert_into
from engine.storage.delivery_tables import channels, deliveries
from engine.storage.store import Session
from engine.storage.system_tables import notices, users

PRIORITIES = {"approval": 10, "mention": 30, "reminder": 50, "report": 70}
"""What leaves first when nothing else is said."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with an account: the notice inside, and the channels they chose."""

    id: int


@dataclass(frozen=True, slots=True)
class Robot:
    """The group behind a robot (DingTalk, WeCom, Feishu)."""

    channel: str


@dataclass(frozen=True, slots=True)
class Email:
    """An address, by an e-mail channel; without a name by the first there is."""

    address: str
    channel: str | None = None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A webhook: it gets ``event`` and ``data`` of the message."""

    channel: str


@dataclass(frozen=True, slots=True)
class Dialler:
    """A telephone number that a dialler calls, reading out the text of the message."""

    channel: str
    phone: str


Receiver = Person | Robot | Email | Endpoint | Dialler


def post(
    session: Session, message: Message, *, to: Receiver | Iterable[Receiver], key: str, priority: int | None = None
) -> int:
    """Leave a message for its receivers and return how many rows are new, notices included (0: all of it was posted).

    Must be called in a session that writes. See the head of this module.
    """
    rank = PRIORITIES[message.kind] if priority is None else priority
    receivers = [to] if isinstance(to, Person | Robot | Email | Endpoint | Dialler) else to
    return sum(_post_one(session, message, one, key, rank) for one in receivers)


def tell(session: Session, user_id: int, message: Message, *, key: str, at: datetime | None = None) -> int:
    """Tell one person, as ``post`` does; the notice says that it happened ``at`` (default: now)."""
    return _tell(session, user_id, message, key, PRIORITIES[message.kind], at)


def _post_one(session: Session, message: Message, to: Receiver, key: str, priority: int) -> int:
    match to:
        case Person(id=user_id):
            return _tell(session, user_id, message, key, priority, None)
        case Robot(channel=name) | Endpoint(channel=name):
            return _leave(session, message, f"{key}/{name}", name, priority)
        case Email(address=address, channel=name):
            used = name or _first_mail(session)
            return _leave(session, message, f"{key}/{used}/{address}", used, priority, recipient=address)
        case Dialler(channel=name, phone=phone):
            return _leave(session, message, f"{key}/{name}/{phone}", name, priority, recipient=phone)


def _tell(session: Session, user_id: int, message: Message, key: str, priority: int, at: datetime | None) -> int:
    own = f"{key}-{user_id}"
    written = _write_notice(session, user_id, message, own, at)
    if written is None:
        return 0
    offered = list_offered(session) if written.offers else []
    if not offered:
        return 1
    choices = find_choices(session, user_id)
    way = choices.way(message.kind)
    due, gather = when_to_send(choices, way, session.now(), session.app.timezone)
    known = _address_book(session, user_id)
    made = 1
    for channel in pick_channels(way, offered):
        reached = known.email if channel.kind == "email" else known.mobile
        if reached and known.disabled_at is None:
            made += _leave(
                session, message, f"{own}/{channel.name}", channel.name, priority,
                user_id=user_id, due=due, gather=gather,
            )  # fmt: skip
    return made


@dataclass(frozen=True, slots=True)
class _Written:
    """A notice that is new; ``offers`` says whether there are channels that people may choose."""

    offers: bool


def _write_notice(session: Session, user_id: int, message: Message, key: str, at: datetime | None) -> _Written | None:
    def build() -> Any:
        names = ("user_id", "key", "kind", "entity", "record_id", "params", "at", "path")
        row = {name: bindparam(name, type_=notices.c[name].type) for name in names}
        told = insert_into(notices, session.connection.dialect).values(row)
        return told.on_conflict_do_nothing(index_elements=[notices.c.key]).returning(some_offered())

    params = dict(message.params)
    if message.notice == TOLD:
        params |= message.as_data()
    elif message.task is not None:
        params["task"] = message.task
    if message.approval is not None:
        params["approval_id"] = message.approval
    entity, record_id = message.about or (None, None)
    given = {
        "user_id": user_id,
        "key": key,
        "kind": message.notice,
        "entity": entity,
        "record_id": record_id,
        "params": params,
        "at": at or session.now(),
        "path": message.path.partition("?")[0] if message.path else None,
    }
    row = session.prepared("notify", build).fetch_one(session.connection, given)
    return None if row is None else _Written(bool(row[0]))


def _leave(
    session: Session,
    message: Message,
    key: str,
    channel: str,
    priority: int,
    *,
    user_id: int | None = None,
    recipient: str | None = None,
    due: datetime | None = None,
    gather: bool = False,
) -> int:
    entity, record_id = message.about or (None, None)
    way = _find_way(session, channel)
    row = {
        "message_id": f"msg_{secrets.token_hex(16)}",
        "key": key,
        "at": session.now(),
        "kind": message.kind,
        "channel": channel,
        "user_id": user_id,
        "recipient": recipient,
        "message": message.as_data(),
        "entity": entity,
        "record_id": record_id,
        "priority": priority,
        "state": "waiting" if way else "parked",
        "due_at": spread(way or "", due or session.now(), session.app.timezone, key),
        "gather": int(gather),
        "error": None if way else "channel.none",
    }
    return _write_once(session, row)


def _write_once(session: Session, row: dict[str, Any]) -> int:
    def build() -> Any:
        bound = {name: bindparam(name, type_=deliveries.c[name].type) for name in row}
        left = insert_into(deliveries, session.connection.dialect).values(bound)
        return left.on_conflict_do_nothing(index_elements=[deliveries.c.key]).returning(deliveries.c.id)

    if session.prepared("leave delivery", build).fetch_one(session.connection, row) is None:
        return 0
    session.has_events = True
    return 1


def _find_way(session: Session, name: str) -> str | None:
    """Return the kind of a channel that is there and turned on."""

    def build() -> Any:
        own = (channels.c.name == bindparam("name"), channels.c.disabled_at.is_(None))
        return select(channels.c.kind).where(*own)

    found = session.prepared("kind of channel", build).fetch_one(session.connection, {"name": name})
    return None if found is None else str(found[0])


def _first_mail(session: Session) -> str:
    """Return the e-mail channel that is used when none is named; a word when there is none."""
    own = select(channels.c.name).where(channels.c.kind == "email", channels.c.disabled_at.is_(None))
    return session.connection.scalar(own.order_by(channels.c.id).limit(1)) or "email"


def _address_book(session: Session, user_id: int) -> Any:
    c = users.c
    return session.connection.execute(select(c.email, c.mobile, c.disabled_at).where(c.id == user_id)).one()
