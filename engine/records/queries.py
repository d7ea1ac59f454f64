"""Reading records: one, a page, by search, for a picker. Everything passes the actor's row scope and field rules.

Enters: a session, an entity's key, what is wanted, the actor. Leaves: records without what the actor may not see.
Must not let a field somebody may not see be sorted, filtered or searched by: it is answered like one that does not
exist.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, exists, literal, select

from engine.compiler.app import Entity
from engine.errors import NotAllowed, NotFound
from engine.expression.sql import compile_where
from engine.people.actor import Actor
from engine.records import cursors
from engine.records.attachments import read_attachments
from engine.records.evaluation import parameters
from engine.records.listing import (
    COUNTED,
    MOST,
    NEVER_HIDDEN,
    LinkCondition,
    ListPlan,
    ListQuery,
    readable_keys,
    reading_of,
    scope_key,
)
from engine.records.record import Labels, Record, display
from engine.records.rights import ALL, Rights, find_rights, get_entity, scope_condition
from engine.storage.store import Session
from engine.storage.system_tables import approvals, tasks
from engine.storage.table_source import TableSource

__all__ = [
    "COUNTED", "MOST", "Found", "ListQuery", "Page", "count_records", "get_record", "list_records", "pick",
    "readable_keys", "require_read", "search",
]  # fmt: skip


@dataclass(slots=True)
class Page:
    """A page of records in order. ``next`` is the cursor of the page after, None on the last."""

    records: list[Record]
    labels: Labels
    next: str | None
    columns: tuple[str, ...] = ()
    sort: str = "id"
    descending: bool = True


@dataclass(frozen=True, slots=True)
class Found:
    """One record found by search or offered by a picker."""

    entity: str
    id: int
    text: str
    number: str | None = None
    stage: str | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)


def get_record(session: Session, entity: str, id: int, *, actor: Actor) -> Record:
    """Return one record with its lines, files and labels. Raises ``NotFound`` alike for absent and not visible."""
    compiled = get_entity(session.app, entity)
    rights = require_read(session, compiled, actor)
    table = session.tables.entity[entity]
    keys = tuple(key for key in compiled.value_keys if key not in rights.hidden)
    reading = reading_of(session, entity, table, compiled.stored_fields, keys)

    def build() -> Select[Any]:
        mine = scope_condition(session.tables, compiled, table, rights.read)
        writable = scope_condition(session.tables, compiled, table, rights.write)
        asked = _asked(compiled, table) if ALL not in rights.read else literal(False)
        columns = [*reading.columns, writable.label("can_write")]
        found = select(*columns).select_from(reading.source)
        return found.where(table.c.id == bindparam("record_id"), table.c.deleted_at.is_(None), mine | asked)

    if not 0 < id < 2**63:
        raise NotFound()
    key = ("get", entity, scope_key(rights.read), scope_key(rights.write), rights.hidden)
    row = session.prepared(key, build).fetch_one(session.connection, parameters(session, actor) | {"record_id": id})
    if row is None:
        raise NotFound()
    values, labels = reading.values(row), Labels()
    reading.add_labels(row, values, labels)
    for lines in compiled.line_fields:
        if lines.key not in rights.hidden:
            values[lines.key] = _read_lines(session, compiled, lines.key, id, labels, rights)
    files = read_attachments(session, compiled, id) if compiled.file_fields else {}
    values |= {key: found for key, found in files.items() if key not in rights.hidden}
    version = values.pop("version")
    return Record(entity, id, version, values, labels, can_write=bool(row[-1]), hidden=rights.hidden)


def list_records(session: Session, entity: str, query: ListQuery, *, actor: Actor) -> Page:
    """Return a page of the records the actor may see; raises ``InvalidValues`` for an unknown field or a bad cursor."""
    compiled = get_entity(session.app, entity)
    rights = require_read(session, compiled, actor)
    plan = ListPlan(session, compiled, rights, query)
    rows = plan.fetch(session, actor)
    limit = plan.limit
    labels: Labels = {}
    records = []
    for row in rows[:limit]:
        values = plan.reading.values(row)
        plan.reading.add_labels(row, values, labels)
        records.append(Record(entity, values["id"], values.pop("version"), values, labels, hidden=rights.hidden))
    following = None
    if len(rows) > limit:
        last = records[-1].values
        following = cursors.encode(last[plan.sort], last["id"])
    return Page(records, labels, following, plan.columns, plan.sort, plan.descending)


def count_records(session: Session, entity: str, query: ListQuery, *, actor: Actor) -> int:
    """Return how many records a list has in all, counting to ``COUNTED + 1`` at most."""
    compiled = get_entity(session.app, entity)
    rights = require_read(session, compiled, actor)
    plan = ListPlan(session, compiled, rights, query)
    return plan.count(session, actor)


def search(session: Session, text: str, *, actor: Actor, limit: int = 10) -> dict[str, list[Found]]:
    """Return, for each entity the actor may see, the newest records whose number, name or links contain ``text``."""
    wanted = cursors.folded(text)
    if not wanted:
        return {}
    found = {}
    for key in dict.fromkeys([*session.app.menu, *session.app.entities]):
        if find_rights(session.app, session.app.entities[key], actor).read:
            hits = pick(session, key, text, actor=actor, limit=limit)
            if hits:
                found[key] = hits
    return found


def pick(
    session: Session, entity: str, text: str, *, actor: Actor, limit: int = 20, link: tuple[str, str] | None = None
) -> list[Found]:
    """Return records to choose from, newest first; ``link`` is the (entity, field) whose ``where`` they must meet.

    For the field of a line table the field is written ``items.product``.
    """
    compiled = get_entity(session.app, entity)
    rights = require_read(session, compiled, actor)
    shown = tuple(key for _, key in compiled.display if key and key not in NEVER_HIDDEN)
    query = ListQuery(sort="id", descending=True, text=text, limit=limit, columns=shown)
    plan = ListPlan(session, compiled, rights, query, link=_link_condition(session, link))
    found = []
    for row in plan.fetch(session, actor)[: plan.limit]:
        values = plan.reading.values(row)
        found.append(Found(entity, values["id"], display(compiled, values), values["number"], values["stage"]))
    return found


def require_read(session: Session, entity: Entity, actor: Actor) -> Rights:
    """Return the actor's rights; raises ``NotAllowed`` when no role of theirs may read records of ``entity``."""
    rights = find_rights(session.app, entity, actor)
    if not rights.read:
        raise NotAllowed("record.no_read", entity=entity.label)
    return rights


def _asked(entity: Entity, table: Any) -> ColumnElement[bool]:
    """Whoever is or was asked to decide about a record may read it, in whatever scope their role has."""
    running = (approvals.c.entity == entity.key, approvals.c.record_id == table.c.id)
    own = tasks.c.holder_id == bindparam("actor_id")
    return exists().where(tasks.c.approval_id == approvals.c.id, own, *running)


def _read_lines(
    session: Session, entity: Entity, lines: str, id_: int, labels: Labels, rights: Rights
) -> list[dict[str, Any]]:
    table = session.tables.lines[entity.key, lines]
    columns = entity.fields[lines].fields
    hidden = {key.partition(".")[2] for key in rights.hidden if key.startswith(f"{lines}.")}
    keys = ("id", *(key for key, item in columns.items() if item.stored and key not in hidden))
    reading = reading_of(session, f"{entity.key}.{lines}", table, columns.values(), keys)

    def build() -> Select[Any]:
        own = table.c.parent_id == bindparam("record_id")
        return select(*reading.columns).select_from(reading.source).where(own).order_by(table.c.position, table.c.id)

    statement = session.prepared(("show lines", entity.key, keys, lines), build)
    rows = []
    for row in statement.fetch_all(session.connection, {"record_id": id_}):
        values = reading.values(row)
        reading.add_labels(row, values, labels)
        rows.append(values)
    return rows


def _link_condition(session: Session, link: tuple[str, str] | None) -> LinkCondition | None:
    if link is None:
        return None
    from_entity = session.app.entities.get(link[0])
    lines, _, name = link[1].rpartition(".")
    fields = from_entity.fields if from_entity else {}
    if lines:
        fields = fields[lines].fields if lines in fields else {}
    chosen = fields.get(name)
    if chosen is None or chosen.where is None:
        return None
    checked = chosen.where.checked
    return LinkCondition(link, lambda table: compile_where(checked, TableSource(session.tables), table))
