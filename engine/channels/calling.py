"""What came of a call: a dialler answers to the address it was told, signed as webhooks are.

Enters: the id of a message, headers and body as they arrived. Leaves: the result at the delivery, and an event
``call.ended`` that automations follow; once, however often it is told. Must not say whether there is such a call to
whoever cannot sign.
"""

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import select, update

from engine.channels.addresses import Unreachable
from engine.channels.kinds.webhooks import is_signed
from engine.channels.registry import open_channel
from engine.errors import FieldError, InvalidValues, NotFound
from engine.storage.delivery_tables import channels, deliveries
from engine.storage.journal import write_event
from engine.storage.store import Session

LARGEST = 16 * 1024
_LONGEST_CALL = 24 * 3600


def read_result(
    session: Session, message_id: str, headers: Mapping[str, str], body: bytes, *, key: str | None
) -> dict[str, Any]:
    """Return the result that a dialler told: ``answered``, ``duration`` (seconds), ``intent``, ``do_not_call``.

    ``headers`` have lower-case names. Raises ``NotFound`` for no such call as for no such signature, and
    ``InvalidValues``.
    """
    row = session.connection.execute(select(deliveries).where(deliveries.c.message_id == message_id)).first()
    own = channels.c.kind == "dialler", channels.c.name == (row.channel if row is not None else "")
    channel = session.connection.execute(select(channels).where(*own)).first()
    if row is None or channel is None:
        raise NotFound("channel.no_call")
    try:
        opened = open_channel(channel, key=key, now=session.now())
    except Unreachable:
        raise NotFound("channel.no_call") from None
    if not is_signed(opened.secrets, headers, body, now=session.now().timestamp()):
        raise NotFound("channel.no_call")
    return _read(body)


def keep_result(session: Session, message_id: str, result: Mapping[str, Any]) -> bool:
    """Keep the result of a call and tell of it; False when there is one already."""
    c = deliveries.c
    first = update(deliveries).where(c.message_id == message_id, c.result.is_(None)).values(result=dict(result))
    told = session.connection.execute(first.returning(c.id, c.entity, c.record_id)).first()
    if told is None:
        return False
    write_event(session, "call.ended", told.entity, told.record_id, {"delivery": told.id, **result})
    return True


def _read(body: bytes) -> dict[str, Any]:
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        raise InvalidValues([FieldError("", "channel.bad_result")]) from None
    if not isinstance(said, dict) or not isinstance(said.get("answered"), bool):
        raise InvalidValues([FieldError("answered", "channel.bad_result")])
    duration, intent = said.get("duration", 0), said.get("intent", "")
    if type(duration) is not int or not 0 <= duration <= _LONGEST_CALL or not isinstance(intent, str):
        raise InvalidValues([FieldError("duration", "channel.bad_result")])
    return {
        "answered": said["answered"],
        "duration": duration,
        "intent": intent[:200],
        "do_not_call": said.get("do_not_call") is True,
    }
