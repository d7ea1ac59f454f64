"""Reading records: one, a page, by search, for a picker. Everything passes the actor's row scope and field rules.

Enters: a session, an entity's key, what is wanted, the actor. Leaves: records without what the actor may not see.
Must not let a field somebody may not see be sorted, filtered or searched by: it is answered like one that does not
exist.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, exists, func, literal, select

from engine.compiler.app import SYSTEM_FIELDS, CompiledApp, Entity, Field
from engine.errors import NotAllowed, NotFound
from engine.expression.sql import compile_where, outer_parameter
from engine.people.actor import Actor
from engine.records import cursors, ranking
from engine.records.attachments import read_attachments
from engine.records.evaluation import parameters
from engine.records.finding import split_words
from engine.records.found import Found, show_found
from engine.records.links import add_listed
from engine.records.listing import (
    COUNTED,
    MOST,
    LinkCondition,
    ListPlan,
    ListQuery,
    readable_keys,
    reading_of,
    scope_key,
    shown_keys,
)
from engine.records.masking import Masking
from engine.records.nearness import find_near
from engine.records.ranking import Hits, best_first, first_of
from engine.records.record import Labels, Record, without_hidden
from engine.records.rights import (
    ALL,
    NONE,
    Rights,
    find_rights,
    get_entity,
    pool_rights,
    scope_condition,
    within_token,
)
from engine.storage.approval_tables import approvals, tasks
from engine.storage.journal import BOOK
from engine.storage.store import Session
from engine.storage.system_tables import history
from engine.storage.table_source import TableSource

__all__ = [
    "COUNTED", "MOST", "Found", "Hits", "ListQuery", "Page", "check_list", "count_records", "get_record",
    "list_records", "list_seen", "pick", "read_page", "readable_keys", "recent", "require_read", "search",
    "search_counted", "shown_keys", "total_records",
]  # fmt: skip


_LATELY = 5_000
"""Entries of the history that are looked through for what somebody worked on."""


@dataclass(slots=True)
class Page:
    """A page of records in order. ``next`` is the cursor of the page after, None on the last."""

    records: list[Record]
    labels: Labels
    next: str | None
    columns: tuple[str, ...] = ()
    sort: str = "id"
    descending: bool = True


def get_record(session: Session, entity: str, id: int, *, actor: Actor) -> Record:
    """Return one record with its lines, files and labels. Raises ``NotFound`` alike for absent and not visible."""
    compiled = get_entity(session.app, entity)
    rights = require_read(session, compiled, actor)
    table = session.tables.entity[entity]
    masking = Masking(compiled, rights)
    keys = tuple(key for key in compiled.value_keys if key not in rights.hidden or key in masking.keys)
    reading = reading_of(session, entity, table, compiled.stored_fields, keys)

    def build() -> Select[Any]:
        mine = scope_condition(session.tables, compiled, table, rights.read)
        writable = scope_condition(session.tables, compiled, table, rights.write, "write")
        owned = scope_condition(session.tables, compiled, table, rights.write, "own")
        asked: ColumnElement[bool] = literal(False)
        if ALL not in rights.read:
            asked = _asked(compiled, table) & within_token(session.tables, table, rights.read)
        whole = masking.columns(session.tables, table)
        columns = [*reading.columns, *whole, table.c.release_id, owned.label("owns"), writable.label("can_write")]
        found = select(*columns).select_from(reading.source)
        return found.where(table.c.id == bindparam("record_id"), table.c.deleted_at.is_(None), mine | asked)

    if not 0 < id < 2**63:
        raise NotFound()
    key = ("get", entity, scope_key(rights.read), scope_key(rights.write), rights.hidden, rights.masked)
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
    add_listed(session, compiled, [values], labels)
    version = values.pop("version")
    can_write, owns = bool(row[-1]), bool(row[-2])
    found = Record(entity, id, version, values, labels, can_write=can_write, owns=owns, release_id=row[-3])
    found = masking.mark(found, row[:-3])
    return without_hidden(found) if found.masked else found


def list_records(session: Session, entity: str, query: ListQuery, *, actor: Actor) -> Page:
    """Return a page of the records the actor may see; raises ``InvalidValues`` for an unknown field or a bad cursor."""
    compiled = get_entity(session.app, entity)
    return read_page(session, compiled, require_read(session, compiled, actor), query, actor)


def read_page(session: Session, entity: Entity, rights: Rights, query: ListQuery, actor: Actor) -> Page:
    """Return a page of what ``rights`` let somebody see; raises as ``list_records`` does."""
    plan = ListPlan(session, entity, rights, query, actor=actor)
    rows = plan.fetch(session)
    limit = plan.limit
    labels: Labels = {}
    records = []
    for row in rows[:limit]:
        values = plan.reading.values(row)
        plan.reading.add_labels(row, values, labels)
        found = plan.masking.mark(Record(entity.key, values["id"], values.pop("version"), values, labels), row)
        records.append(without_hidden(found) if found.masked else found)
    add_listed(session, entity, [record.values for record in records], labels)
    following = None
    if len(rows) > limit:
        last = records[-1].values
        following = cursors.encode(last[plan.sort], last["id"])
    return Page(records, labels, following, plan.columns, plan.sort, plan.descending)


def check_list(session: Session, entity: str, query: ListQuery, *, actor: Actor) -> None:
    """Judge a query without asking it; raises as ``list_records`` does."""
    compiled = get_entity(session.app, entity)
    ListPlan(session, compiled, require_read(session, compiled, actor), query, actor=actor)


def list_seen(session: Session, entity: str, query: ListQuery, *, actor: Actor, most: int) -> list[tuple[int, int]]:
    """Return id and version of the records of a whole list, in its order; one more than ``most`` when there are more.

    Raises as ``list_records`` does.
    """
    found: list[tuple[int, int]] = []
    asked = replace(query, columns=("id",), limit=MOST, after=None)
    while len(found) <= most:
        page = list_records(session, entity, asked, actor=actor)
        found += [(record.id, record.version) for record in page.records]
        if page.next is None:
            break
        asked = replace(asked, after=page.next)
    return found[: most + 1]


def count_records(session: Session, entity: str, query: ListQuery, *, actor: Actor, most: int = COUNTED) -> int:
    """Return how many records a list has in all, counting to ``most + 1`` at most."""
    compiled = get_entity(session.app, entity)
    rights = require_read(session, compiled, actor)
    plan = ListPlan(session, compiled, rights, query, actor=actor)
    return plan.count(session, most)


def total_records(
    session: Session, entity: str, query: ListQuery, amount: str | None, *, actor: Actor
) -> dict[str, tuple[int, Any]]:
    """Return the number of records in each stage and the sum of ``amount`` there, of those the actor may see.

    A stage with more than ``COUNTED`` has no sum; nor is ``amount`` added up when it is a field they may not see.
    """
    compiled = get_entity(session.app, entity)
    rights = require_read(session, compiled, actor)
    shown = amount if amount is not None and amount in readable_keys(compiled, rights) else None
    plan = ListPlan(session, compiled, rights, query, actor=actor)
    stages = [] if compiled.workflow is None else [one.key for one in compiled.workflow.stages.values()]
    rows = plan.totals(session, stages, shown, COUNTED) if stages else []
    return {stage: (count, None if shown is None or count > COUNTED else sum_) for stage, count, sum_ in rows if count}


def search(session: Session, text: str, *, actor: Actor, limit: int = 10) -> dict[str, list[Found]]:
    """Return, for each entity the actor may see, the records that have all words of ``text``, the best first.

    What lies in a pool they see comes after, found by what the pool shows and nothing else. When none has the words,
    those whose names are like it: sound the same, or differ by a letter or two.
    """
    return {key: hits.found for key, hits in search_counted(session, text, actor=actor, limit=limit).items()}


def search_counted(session: Session, text: str, *, actor: Actor, limit: int = 10) -> dict[str, Hits]:
    """Do the same, and tell how many there are of each entity."""
    if not split_words(text):
        return {}
    keys = dict.fromkeys([*session.app.menu, *session.app.entities])
    sights = {key: _sights(session.app, session.app.entities[key], actor) for key in keys}
    for find in (_find, _find_near):
        found = {
            key: first_of(limit, [find(session, key, text, actor, limit, one) for one in sights[key]]) for key in keys
        }
        if any(one.found for one in found.values()):
            return {key: hits for key, hits in found.items() if hits.found}
    return {}


def _sights(app: CompiledApp, entity: Entity, actor: Actor) -> list[Rights]:
    """Return the rights by which somebody may see records of an entity: their own, and those over each pool."""
    usual = find_rights(app, entity, actor)
    pools = entity.ownership.pools if entity.ownership is not None and ALL not in usual.read else ()
    return [one for one in (usual, *(pool_rights(app, entity, pool, actor) for pool in pools)) if one.read]


def recent(session: Session, *, actor: Actor, limit: int = 8) -> list[Found]:
    """Return what the actor worked on lately, the latest first, of the newest entries of the history."""
    c = history.c

    def build() -> Any:
        newest = select(func.max(c.id)).scalar_subquery()
        mine = (
            c.id > newest - _LATELY,
            c.actor_id == bindparam("actor_id"),
            *(c.action != one for one in ("delete", "roll_up", BOOK)),
        )
        last = func.max(c.id)
        return (
            select(c.entity, c.record_id).where(*mine).group_by(c.entity, c.record_id).order_by(last.desc()).limit(30)
        )

    rows = session.prepared("recent", build).fetch_all(session.connection, {"actor_id": actor.id})
    found: dict[tuple[str, int], Found] = {}
    for entity in dict.fromkeys(row[0] for row in rows):
        compiled = session.app.entities.get(entity)
        rights = find_rights(session.app, compiled, actor) if compiled is not None else NONE
        if not rights.read:
            continue
        plan = _picking(session, entity, "", actor, limit, rights, None)
        ids = [row[1] for row in rows if row[0] == entity]
        found |= {(entity, one.id): one for one in show_found(session, entity, plan, plan.among(session, ids), ())}
    return [found[row[0], row[1]] for row in rows if (row[0], row[1]) in found][:limit]


def pick(
    session: Session,
    entity: str,
    text: str,
    *,
    actor: Actor,
    limit: int = 20,
    link: tuple[str, str] | None = None,
    record: Mapping[str, Any] = MappingProxyType({}),
) -> list[Found]:
    """Return records to choose from, the best first, the newest where no word is typed.

    ``link`` is the (entity, field) whose ``where`` they must meet. For the field of a line table the field is written
    ``items.product``. ``record`` are the values, as far as they stand, of the record that is being edited.
    """
    condition = _link_condition(session, link, record)
    rights = require_read(session, get_entity(session.app, entity), actor)
    plan = _picking(session, entity, text, actor, limit, rights, condition)
    found = show_found(session, entity, plan, best_first(session, plan)[0], split_words(text))
    return found or _find_near(session, entity, text, actor, limit, rights, condition).found


def _find(session: Session, entity: str, text: str, actor: Actor, limit: int, rights: Rights) -> Hits:
    plan = _picking(session, entity, text, actor, limit, rights, None)
    rows, count = best_first(session, plan)
    if count is None:
        count = len(rows) if len(rows) < limit else plan.count(session, ranking.MANY)
    return Hits(show_found(session, entity, plan, rows, split_words(text)), count)


def _find_near(
    session: Session,
    entity: str,
    text: str,
    actor: Actor,
    limit: int,
    rights: Rights,
    link: LinkCondition | None = None,
) -> Hits:
    """Return the records whose names are like what was typed."""
    compiled = session.app.entities[entity]
    ids = find_near(session, compiled, rights.hidden, text)
    if not ids:
        return Hits([], 0)
    plan = _picking(session, entity, "", actor, limit, rights, link)
    rows = {row[0]: row for row in plan.among(session, ids)}
    chosen = [rows[id_] for id_ in ids if id_ in rows][:limit]
    near = [replace(one, near=True) for one in show_found(session, entity, plan, chosen, ())]
    return Hits(near, len(near))


def _picking(
    session: Session, entity: str, text: str, actor: Actor, limit: int, rights: Rights, link: LinkCondition | None
) -> ListPlan:
    compiled = session.app.entities[entity]
    named = compiled.display_keys
    said = (key for key in compiled.search if key not in rights.hidden)
    shown = tuple(key for key in dict.fromkeys([*named, *said]) if key not in SYSTEM_FIELDS)
    query = ListQuery(sort="id", descending=True, text=text, limit=limit, columns=shown)
    return ListPlan(session, compiled, rights, query, actor=actor, link=link)


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


def find_link(session: Session, link: tuple[str, str] | None) -> Field | None:
    """Return the link field of (entity, ``customer``) or (entity, ``items.product``), or None when there is none."""
    if link is None:
        return None
    from_entity = session.app.entities.get(link[0])
    lines, _, name = link[1].rpartition(".")
    fields = from_entity.fields if from_entity else {}
    if lines:
        fields = fields[lines].fields if lines in fields else {}
    return fields.get(name)


def _link_condition(session: Session, link: tuple[str, str] | None, record: Mapping[str, Any]) -> LinkCondition | None:
    chosen = find_link(session, link)
    if link is None or chosen is None or chosen.where is None:
        return None
    checked = chosen.where.checked
    given = {outer_parameter(name): record.get(name) for name in checked.outer_reads}
    return LinkCondition(link, lambda table: compile_where(checked, TableSource(session.tables), table), given)
