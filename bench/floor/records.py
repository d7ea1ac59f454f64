"""Reading and writing opportunities and customers.

A connection inside a transaction, an actor and raw values enter; plain data for JSON leaves. Every write leaves its
history row and its outbox row in the same transaction.
"""

import json
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection, Row, Select, Table, bindparam, insert, select, text, update

from bench.floor.access import CREATE, Actor, Refused, is_within, rows_within
from bench.floor.rules import parse_customer, parse_opportunity
from bench.floor.search import add_terms, change_terms
from bench.floor.tables import counters, customer, history, opportunity, outbox, stage_moves, stays, users

# move: (stages it leaves, stage it enters, fields that must be filled)
MOVES = {
    "propose": (("needs",), "proposal", ("need_summary", "contact_phone", "expected_close")),
    "back": (("proposal", "review"), "needs", ()),
}
FIELDS = tuple(c.name for c in opportunity.columns if c.name != "customer_id")

_COUNT = text(
    f"INSERT INTO {counters.name} (series, value) VALUES (:series, :step) "
    f"ON CONFLICT (series) DO UPDATE SET value = {counters.name}.value + :step RETURNING value"
)
_INSERT = insert(opportunity).returning(opportunity.c.id)
_INSERT_CUSTOMER = insert(customer).returning(customer.c.id)
_STAY = update(stays).where(stays.c.opportunity_id == bindparam("of"))
_UPDATE = update(opportunity).where(opportunity.c.id == bindparam("row_id"), opportunity.c.version == bindparam("seen"))


def create_opportunity(connection: Connection, actor: Actor, raw: Any) -> dict[str, Any]:
    """Raises Refused 403 and 422."""
    if not actor.roles & CREATE:
        raise Refused(403, "not_allowed")
    now = datetime.now(UTC)
    values, errors = parse_opportunity(raw, now.date())
    link = None if "customer" in errors else _link_customer(connection, actor, values, errors)
    if errors:
        raise Refused(422, "invalid", errors=errors)
    number = draw_numbers(connection, f"SJ{now.year}", 1)[0]
    row = {**values, **new_system_values(actor, now), "number": number, "stage": "needs"}
    row_id = connection.execute(_INSERT, row).scalar_one()
    changes = {name: [None, value] for name, value in values.items() if value is not None}
    record_change(connection, actor, now, "opportunity", row_id, 1, "created", changes)
    add_terms(connection, "opportunity", [(row_id, row)])
    connection.execute(insert_stays, stay_row(row_id, "needs", 1, now))
    connection.execute(insert_moves, move_row(actor, now, row_id, None, "needs", row))
    return {**row, "id": row_id, "customer": link}


def update_opportunity(connection: Connection, actor: Actor, row_id: int, seen: int, raw: Any) -> dict[str, Any]:
    """Raises Refused 404, 409 with the stored values, and 422."""
    row = lock_opportunity(connection, actor, row_id)
    now = datetime.now(UTC)
    values, errors = parse_opportunity(raw, now.date(), existing=True)
    if row.version != seen:
        stored = {name: row._mapping.get(name) for name in raw} if isinstance(raw, dict) else {}
        raise Refused(409, "changed_meanwhile", version=row.version, stored=stored, sent=raw)
    if "customer" in values and "customer" not in errors:
        _link_customer(connection, actor, values, errors)
    if errors:
        raise Refused(422, "invalid", errors=errors)
    changes = {name: [old, new] for name, new in values.items() if (old := row._mapping[name]) != new}
    if changes:
        new_values = {name: change[1] for name, change in changes.items()}
        change_opportunity(connection, actor, now, row, "updated", changes, new_values)
    return {"id": row_id, "version": row.version + bool(changes), **values}


def move_opportunity(connection: Connection, actor: Actor, row_id: int, move: str, seen: int | None) -> dict[str, Any]:
    """Raises Refused 404, 409 and, with the list of what is missing, 422."""
    row = lock_opportunity(connection, actor, row_id)
    if move not in MOVES:
        raise Refused(404, "not_found")
    leaves, enters, required = MOVES[move]
    if seen is not None and row.version != seen:
        raise Refused(409, "changed_meanwhile", version=row.version)
    if row.stage not in leaves:
        raise Refused(409, "not_possible_now", stage=row.stage)
    if missing := [name for name in required if row._mapping[name] is None]:
        raise Refused(422, "requirements", errors=dict.fromkeys(missing, "required"))
    changes = {"stage": [row.stage, enters]}
    change_opportunity(connection, actor, datetime.now(UTC), row, "moved", changes, {"stage": enters})
    return {"id": row_id, "version": row.version + 1, "stage": enters}


def read_opportunity(connection: Connection, actor: Actor, row_id: int) -> dict[str, Any]:
    """Raises Refused 404, also for a row outside the actor's scope."""
    row = connection.execute(_detail(actor.read), {"row_id": row_id, **actor.binds}).first()
    if row is None:
        raise Refused(404, "not_found")
    writes = is_within(row, actor.write, actor)
    moves = [name for name, (leaves, _, _) in MOVES.items() if row.stage in leaves] if writes else []
    found = {name: row._mapping[name] for name in FIELDS}
    found["customer"] = {"id": row.customer_id, "name": row.customer_name}
    found["owner"] = {"id": row.owner_id, "name": row.owner_name}
    return {**found, "can": {"update": writes, "moves": moves}}


def create_customer(connection: Connection, actor: Actor, raw: Any) -> dict[str, Any]:
    """Raises Refused 403 and 422."""
    if not actor.roles & CREATE:
        raise Refused(403, "not_allowed")
    values, errors = parse_customer(raw)
    if errors:
        raise Refused(422, "invalid", errors=errors)
    now = datetime.now(UTC)
    number = draw_numbers(connection, "KH", 1)[0]
    values = {"status": "active", **values, **new_system_values(actor, now), "number": number}
    row_id = connection.execute(_INSERT_CUSTOMER, values).scalar_one()
    record_change(connection, actor, now, "customer", row_id, 1, "created", values)
    add_terms(connection, "customer", [(row_id, values)])
    return {**values, "id": row_id}


def lock_opportunity(connection: Connection, actor: Actor, row_id: int) -> Row[Any]:
    """The row, held until the transaction ends. Raises Refused 404 (unreadable) or 403 (readable only)."""
    row = connection.execute(_locked(actor.read), {"row_id": row_id, **actor.binds}).first()
    if row is None:
        raise Refused(404, "not_found")
    if not is_within(row, actor.write, actor):
        raise Refused(403, "not_allowed")
    return row


def change_opportunity(
    connection: Connection, actor: Actor, now: datetime, row: Row[Any], kind: str,
    changes: Mapping[str, Any], values: Mapping[str, Any], tell: int | None = None,
) -> None:  # fmt: skip
    """Write the new values over `row` if nobody else has, with history and outbox; `tell` is to get a notice."""
    version = row.version + 1
    system = {"version": version, "updated_by": actor.id, "updated_at": now, "row_id": row.id, "seen": row.version}
    if connection.execute(_UPDATE, {**values, **system}).rowcount != 1:
        raise Refused(409, "changed_meanwhile", version=version)
    record_change(connection, actor, now, "opportunity", row.id, version, kind, changes, tell)
    if "stage" in values:
        connection.execute(_STAY, {"of": row.id, "stage": values["stage"], "version": version, "since": now})
        moved = move_row(actor, now, row.id, row.stage, values["stage"], row._mapping)
        connection.execute(insert_moves, moved)
    change_terms(connection, "opportunity", row.id, values)


def draw_numbers(connection: Connection, series: str, count: int) -> list[str]:
    """The next numbers of a series without holes: the counter row is part of the transaction."""
    last = connection.execute(_COUNT, {"series": series, "step": count}).scalar_one()
    return [f"{series}-{value:05}" for value in range(last - count + 1, last + 1)]


def new_system_values(actor: Actor, now: datetime) -> dict[str, Any]:
    return {
        "version": 1, "owner_id": actor.id, "department_id": actor.department_id,
        "created_by": actor.id, "created_at": now, "updated_by": actor.id, "updated_at": now,
    }  # fmt: skip


def record_change(
    connection: Connection, actor: Actor, now: datetime, entity: str, row_id: int, version: int, kind: str,
    changes: Mapping[str, Any], tell: int | None = None,
) -> None:  # fmt: skip
    connection.execute(insert_history, history_row(actor, now, entity, row_id, version, kind, changes))
    connection.execute(insert_outbox, outbox_row(actor, now, entity, row_id, version, kind, tell))


def history_row(
    actor: Actor, now: datetime, entity: str, row_id: int, version: int, kind: str, changes: Mapping[str, Any]
) -> dict[str, Any]:
    return {
        "entity": entity, "record_id": row_id, "version": version, "kind": kind, "actor_id": actor.id, "at": now,
        "changes": json.dumps(changes, default=str, ensure_ascii=False),
    }  # fmt: skip


def outbox_row(
    actor: Actor, now: datetime, entity: str, row_id: int, version: int, kind: str, tell: int | None = None
) -> dict[str, Any]:
    payload = {"entity": entity, "id": row_id, "version": version, "actor": actor.id}
    payload |= {} if tell is None else {"tell": tell}
    return {
        "event_id": uuid.uuid4().hex, "kind": f"{entity}.{kind}", "created_at": now, "payload": json.dumps(payload)
    }  # fmt: skip


def stay_row(row_id: int, stage: str, version: int, since: datetime) -> dict[str, Any]:
    return {"opportunity_id": row_id, "stage": stage, "version": version, "since": since}


def move_row(
    actor: Actor, now: datetime, row_id: int, from_stage: str | None, to_stage: str, record: Mapping[str, Any]
) -> dict[str, Any]:
    return {
        "opportunity_id": row_id, "from_stage": from_stage, "to_stage": to_stage, "at": now, "by_id": actor.id,
        "owner_id": record["owner_id"], "department_id": record["department_id"],
    }  # fmt: skip


# Inline, or every insert would come back for an id nobody reads.
insert_history = insert(history).inline()
insert_outbox = insert(outbox).inline()
insert_stays = insert(stays).inline()
insert_moves = insert(stage_moves).inline()


def _link_customer(
    connection: Connection, actor: Actor, values: dict[str, Any], errors: dict[str, str]
) -> dict[str, Any] | None:
    """Turn the `customer` value into the column, if that customer is there for the actor and may be chosen."""
    found = connection.execute(_choosable(actor.read), {"row_id": values.pop("customer"), **actor.binds}).first()
    if found is None:
        errors["customer"] = "not_found"
        return None
    values["customer_id"] = found.id
    return {"id": found.id, "name": found.name}


@cache
def _choosable(scope: str | None) -> Select[Any]:
    chosen = select(customer.c.id, customer.c.name).where(customer.c.id == bindparam("row_id"))
    return chosen.where(customer.c.status != "blacklisted", rows_within(customer, scope))


@cache
def _locked(scope: str | None) -> Select[Any]:
    return _one(opportunity, scope, select(opportunity)).with_for_update()


@cache
def _detail(scope: str | None) -> Select[Any]:
    columns = select(opportunity, customer.c.name.label("customer_name"), users.c.name.label("owner_name"))
    joined = opportunity.join(customer).join(users, users.c.id == opportunity.c.owner_id)
    return _one(opportunity, scope, columns.select_from(joined))


def _one(table: Table, scope: str | None, query: Select[Any]) -> Select[Any]:
    return query.where(table.c.id == bindparam("row_id"), rows_within(table, scope))
