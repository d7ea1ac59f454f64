"""What other systems send to the address of an automation, signed by the Standard Webhooks convention.

Enters: the name of the address, headers and body as they arrived. Leaves: a run, begun once for each id of the sender.
Must not say whether there is such an address to whoever cannot sign, nor do in the request what the run is for.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import select, update

from engine.automation import states
from engine.automation.hooks import find_secrets
from engine.automation.payloads import Payload, keep_payload, parse_body, take
from engine.automation.runs import NO_RECORD, Begin, begin_runs
from engine.channels.kinds.webhooks import is_signed
from engine.compiler.app import Automation
from engine.compiler.readers import Wrong
from engine.errors import FieldError, InvalidValues, NotFound, NotPossibleNow
from engine.records.evaluation import make_env, site_zone
from engine.records.sql import insert_into
from engine.storage.automation_tables import received, runs
from engine.storage.store import Session

LARGEST = 64 * 1024
"""Bytes of a body."""
_LONGEST_ID = 200


class NotSigned(NotFound):
    """There is no such address, or whoever asks does not know its secret (HTTP 401)."""


@dataclass(frozen=True, slots=True)
class Call:
    """What came: for which automation, under which id of the sender, and what was read of it.

    ``record_id`` is the record that the link of a visitor led to.
    """

    hook: str
    message_id: str
    payload: Payload
    record_id: int | None = None


@dataclass(frozen=True, slots=True)
class Received:
    """The run that was begun; ``again`` when that had been before."""

    run_id: int
    record_id: int
    again: bool = False


def find_automation(session: Session, hook: str) -> Automation | None:
    """Return the automation that receives at an address; None when there is none."""
    return next((one for one in session.app.automations.values() if one.on.hook == hook and not one.retired), None)


def read_call(session: Session, hook: str, headers: Mapping[str, str], body: bytes, *, key: str | None) -> Call:
    """Return what somebody sent who knows the secret of an address. ``headers`` have lower-case names.

    Raises ``NotSigned`` and ``InvalidValues``.
    """
    automation = find_automation(session, hook)
    secrets = find_secrets(session, hook, key=key) if automation is not None else ()
    message_id = headers.get("webhook-id", "")
    good = 0 < len(message_id) <= _LONGEST_ID and message_id.isascii() and message_id.isprintable()
    if automation is None or not good or not is_signed(secrets, headers, body, now=session.now().timestamp()):
        raise NotSigned("automation.not_signed")
    return Call(hook, message_id, take(automation, parse_body(body), site_zone(session.app)))


def keep_call(session: Session, call: Call) -> Received:
    """Begin the run of a call; what came before under the same id is answered with the run of that time.

    Raises ``InvalidValues``, ``NotFound`` for no such record, and ``NotPossibleNow`` while the automation is set aside.
    """
    known = select(received.c.run_id).where(received.c.hook == call.hook, received.c.message_id == call.message_id)
    row = {"hook": call.hook, "message_id": call.message_id, "at": session.now()}
    first = insert_into(received, session.connection.dialect).values(row).on_conflict_do_nothing()
    if session.connection.execute(first.returning(received.c.id)).first() is None:
        before = session.connection.scalar(known)
        return Received(before or 0, NO_RECORD, again=True)
    automation = find_automation(session, call.hook)
    if automation is None or states.is_disabled(session, automation.key):
        raise NotPossibleNow("automation.receives_not", name=call.hook)
    record_id = _find_what(session, automation, call)
    occasion, about = f"webhook {call.message_id}", keep_payload(automation, call.payload)
    wanted = Begin(automation.key, automation.entity or None, record_id, occasion, session.now(), about=about)
    begin_runs(session, [wanted])
    c = runs.c
    own = (c.automation == automation.key, c.record_id == record_id, c.occasion == occasion)
    run_id = session.connection.execute(select(c.id).where(*own)).scalar_one()
    mine = (received.c.hook == call.hook, received.c.message_id == call.message_id)
    session.connection.execute(update(received).where(*mine).values(run_id=run_id))
    return Received(run_id, record_id)


def _find_what(session: Session, automation: Automation, call: Call) -> int:
    """Return the record a call is about: the one its link led to, one it names, or none."""
    if automation.on.form is not None and automation.on.form.about is not None:
        if call.record_id is None:
            raise NotPossibleNow("automation.receives_links", name=call.hook)
        return call.record_id
    return find_record(session, automation, call.payload) if automation.on.find is not None else NO_RECORD


def find_record(session: Session, automation: Automation, payload: Payload) -> int:
    """Return the record a call is about, by a value that no other record has; raises ``NotFound`` and
    ``InvalidValues``.
    """
    assert automation.on.find is not None  # noqa: S101 - asked before
    name, expression = automation.on.find
    entity = session.app.entities[automation.entity]
    value: Any = expression.run({}, replace(make_env(session, None), payload=payload))
    field = entity.fields.get(name)
    label: Any = field.label if field is not None else name
    if value is None:
        raise InvalidValues([FieldError(name, "automation.find_what", {"label": label})])
    try:
        value = field.type.parse(value, field) if field is not None else value
    except Wrong as wrong:
        raise InvalidValues([FieldError(name, wrong.code, wrong.params)]) from None
    table = session.tables.entity[entity.key]
    same = select(table.c.id).where(table.c[name] == value, table.c.deleted_at.is_(None)).limit(1)
    found = session.connection.scalar(same)
    if found is None:
        raise NotFound("automation.finds_nothing", entity=entity.label, label=label, value=str(value)[:100])
    return int(found)
