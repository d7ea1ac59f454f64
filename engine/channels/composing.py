"""From a row that is to leave to what is sent: in the language of its reader, by the rules of its channel.

Enters: a row of ``fw_deliveries`` and an opened channel. Leaves: parcels. Must not send; the same row gives the same
text at every attempt, but for the moment and signature of it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from sqlalchemy import select

from engine.channels.addresses import Unreachable
from engine.channels.kinds import dingtalk, feishu, mail, webhooks, wecom
from engine.channels.message import Message, read_message
from engine.channels.opened import ROBOTS, Envelope, Opened
from engine.channels.parcels import Answer, Parcel, Verdict
from engine.channels.pictures import find as find_picture
from engine.channels.wording import Mentioned, Said, gather, say, say_privately
from engine.storage.delivery_tables import deliveries
from engine.storage.store import Session
from engine.storage.system_tables import users

_WRITE: Mapping[str, Callable[[Said, Opened, Envelope], Sequence[Parcel]]] = MappingProxyType(
    {"dingtalk": dingtalk.write, "wecom": wecom.write, "feishu": feishu.write, "email": mail.write}
)
JUDGES: Mapping[str, Callable[[Answer], Verdict]] = MappingProxyType(
    {
        "dingtalk": dingtalk.judge,
        "wecom": wecom.judge,
        "feishu": feishu.judge,
        "webhook": webhooks.judge,
        "dialler": webhooks.judge,
    }
)
"""How the answer of each kind of channel is read."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Somebody who is told, as they are now."""

    id: int
    name: str
    email: str | None
    mobile: str | None
    language: str | None
    enabled: bool


def find_readers(session: Session, ids: set[int]) -> dict[int, Reader]:
    """Return the people behind ids."""
    c = users.c
    columns = (c.id, c.name, c.email, c.mobile, c.language, c.disabled_at)
    rows = session.connection.execute(select(*columns).where(c.id.in_(ids))) if ids else ()
    return {
        row.id: Reader(row.id, row.name, row.email, row.mobile, row.language, row.disabled_at is None) for row in rows
    }


def compose(session: Session, row: Any, channel: Opened, *, base: str | None, key: str | None = None) -> list[Parcel]:
    """Return what is to be sent for a row; raises ``Unreachable`` when nobody could be reached with it.

    ``base`` is the public address of the site, ``key`` that of the installation, which signs addresses of pictures.
    """
    message = read_message(row.message)
    if channel.kind == "webhook":
        return [*webhooks.write(message, channel, Envelope(row.message_id, row.at, session.now(), base=base))]
    parts = _parts(session, row.id) or [(message, row.user_id)]
    known = find_readers(session, _people(parts) | ({row.user_id} - {None}))
    reader = known.get(row.user_id)
    recipient = row.recipient or (reader.email if reader is not None else None)
    if channel.kind == "email" and not recipient:
        raise Unreachable("channel.no_recipient", lasting=True)
    envelope = Envelope(row.message_id, row.at, session.now(), recipient, base)
    language = (reader.language if reader is not None else None) or session.app.language
    said = tuple(_say(session, *part, channel, known, language, base=base, key=key) for part in parts)
    if channel.kind == "dialler":
        return [*webhooks.write_call(message, said[0].text or said[0].title, channel, envelope)]
    one = said[0] if len(said) == 1 else gather(session.app, said, language, base=base)
    return [*_WRITE[channel.kind](one, channel, envelope)]


def _say(
    session: Session,
    message: Message,
    user_id: int | None,
    channel: Opened,
    known: Mapping[int, Reader],
    language: str,
    *,
    base: str | None,
    key: str | None,
) -> Said:
    """Return a message in words; a group learns nothing of what is told to one of its people."""
    if user_id is not None and channel.kind in ROBOTS:
        to = Mentioned(known[user_id].name, known[user_id].mobile)
        return say_privately(session.app, message, language, base=base, to=to)
    found = [known[id] for id in message.mentions if id in known]
    mentions = tuple(Mentioned(person.name, person.mobile) for person in found)
    picture = find_picture(session, message.picture, key=key)
    return say(session.app, message, language, base=base, mentions=mentions, picture=picture)


def _parts(session: Session, delivery_id: int) -> list[tuple[Message, int | None]]:
    """Return the messages that were merged into one, with whom each is for."""
    c = deliveries.c
    found = select(c.message, c.user_id).where(c.merged_into_id == delivery_id, c.state == "merged")
    rows = session.connection.execute(found.order_by(c.priority, c.id))
    return [(read_message(row.message), row.user_id) for row in rows]


def _people(parts: Sequence[tuple[Message, int | None]]) -> set[int]:
    told = {user_id for _, user_id in parts if user_id is not None}
    return told | {one for message, _ in parts for one in message.mentions}
