"""Reading records: one, a page, by search, for a picker. Everything passes the actor's row scope and field rules.

Enters: a session, an entity's key, what is wanted, the actor. Leaves: records without what the actor may not see.
Must not let a field somebody may not see be sorted, filtered or searched by: it is answered like one that does not
exist.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, exists, func, literal, select

from engine.compiler.app import Entity, Field
from engine.errors import FieldError, InvalidValues, NotAllowed, NotFound
from engine.expression.sql import compile_where
from engine.people.actor import Actor
from engine.records import cursors
from engine.records.attachments import read_attachments
from engine.records.columns import column
from engine.records.evaluation import parameters, site_zone
from engine.records.filters import Filter, condition
from engine.records.reading import Reading
from engine.records.record import Labels, Record, display
from engine.records.rights import ALL, Rights, find_rights, get_entity, scope_condition
from engine.storage.ordering import largest_first, smallest_first
from engine.storage.store import Session
from engine.storage.system_tables import approvals, tasks
from engine.storage.table_source import TableSource

MOST = 200
COUNTED = 1_000
_NEVER_HIDDEN = ("id", "number", "stage", "owner", "team", "created_at", "created_by", "updated_at", "updated_by")


@dataclass(frozen=True)
class ListQuery:
    """What a list shows.

    ``sort`` None is the entity's own, ``after`` the cursor of the page before, ``text`` a search.
    """

    filters: tuple[Filter, ...] = ()
    sort: str | None = None
    descending: bool = False
    after: str | None = None
    limit: int = 50
    text: str = ""
    columns: tuple[str, ...] = ()  # empty: every field


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
    reading = _reading(session, entity, table, compiled.stored_fields, compiled.value_keys)

    def build() -> Select[Any]:
        mine = scope_condition(session.tables, compiled, table, rights.read)
        writable = scope_condition(session.tables, compiled, table, rights.write)
        asked = _asked(compiled, table) if ALL not in rights.read else literal(False)
        columns = [*reading.columns, writable.label("can_write")]
        found = select(*columns).select_from(reading.source)
        return found.where(table.c.id == bindparam("record_id"), table.c.deleted_at.is_(None), mine | asked)

    key = ("get", entity, _key(rights.read), _key(rights.write))
    row = session.prepared(key, build).fetch_one(session.connection, parameters(session, actor) | {"record_id": id})
    if row is None:
        raise NotFound()
    values, labels = reading.values(row), Labels()
    reading.add_labels(row, values, labels)
    for lines in compiled.line_fields:
        if lines.key not in rights.hidden:
            values[lines.key] = _read_lines(session, compiled, lines.key, id, labels, rights)
    values |= read_attachments(session, compiled, id) if compiled.file_fields else {}
    version = values.pop("version")
    _hide(values, rights)
    return Record(entity, id, version, values, labels, can_write=bool(row[-1]), hidden=rights.hidden)


def list_records(session: Session, entity: str, query: ListQuery, *, actor: Actor) -> Page:
    """Return a page of the records the actor may see; raises ``InvalidValues`` for an unknown field or a bad cursor."""
    compiled = get_entity(session.app, entity)
    rights = require_read(session, compiled, actor)
    plan = _ListPlan(session, compiled, rights, query)
    rows = plan.fetch(session, actor)
    limit = min(query.limit, MOST)
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
    plan = _ListPlan(session, compiled, rights, query)
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
    require_read(session, compiled, actor)
    shown = tuple(key for _, key in compiled.display if key and key not in _NEVER_HIDDEN)
    query = ListQuery(sort="id", descending=True, text=text, limit=limit, columns=shown)
    where = _link_where(session, link)
    plan = _ListPlan(session, compiled, find_rights(session.app, compiled, actor), query, where=where, where_key=link)
    found = []
    for row in plan.fetch(session, actor)[: min(limit, MOST)]:
        values = plan.reading.values(row)
        found.append(Found(entity, values["id"], display(compiled, values), values["number"], values["stage"]))
    return found


def require_read(session: Session, entity: Entity, actor: Actor) -> Rights:
    """Return the actor's rights; raises ``NotAllowed`` when no role of theirs may read records of ``entity``."""
    rights = find_rights(session.app, entity, actor)
    if not rights.read:
        raise NotAllowed("record.no_read", entity=entity.label)
    return rights


def readable_keys(entity: Entity, rights: Rights) -> list[str]:
    """Return the stored fields and system fields the actor may see, sort and filter by."""
    fields = [item.key for item in entity.stored_fields if item.key not in rights.hidden and not item.retired]
    return [*fields, *_NEVER_HIDDEN]


class _ListPlan:
    """One list, its statement prepared for its shape."""

    def __init__(
        self,
        session: Session,
        entity: Entity,
        rights: Rights,
        query: ListQuery,
        *,
        where: Any = None,
        where_key: Any = None,
    ) -> None:
        self._entity, self._rights, self._query = entity, rights, query
        self._where, self._where_key = where, where_key
        allowed = readable_keys(entity, rights)
        self.sort, self.descending = self._sorted_by(allowed)
        errors = [_unknown(one.field) for one in query.filters if one.field not in allowed]
        wanted = query.columns or tuple(item.key for item in entity.stored_fields)
        self.columns = tuple(key for key in wanted if key in allowed)
        if errors:
            raise InvalidValues(errors)
        system = ("id", "number", "stage", "owner", "version", "updated_at")
        keys = tuple(dict.fromkeys([*system, self.sort, *self.columns]))
        self._table = session.tables.entity[entity.key]
        self.reading = _reading(session, entity.key, self._table, entity.stored_fields, keys)
        self._given: dict[str, Any] = {}
        zone = site_zone(session.app)
        for at, one in enumerate(query.filters):
            self._given |= one.parameters(entity, at, zone)
        self._words = cursors.folded(query.text).split()[:5]
        self._given |= {f"word{at}": f"%{_escaped(word)}%" for at, word in enumerate(self._words)}

    def fetch(self, session: Session, actor: Actor) -> list[tuple[Any, ...]]:
        """Return the rows of the page, and one more when there is a page after."""
        query = self._query
        after = cursors.decode(query.after, self._entity, self.sort) if query.after else None
        empty = after is not None and after[0] is None
        shape = tuple((one.field, one.operator) for one in query.filters)
        key = ("list", self._entity.key, _key(self._rights.read), self.reading.keys, shape, self.sort,
               self.descending, after is not None, empty, len(self._words), self._where_key)  # fmt: skip
        statement = session.prepared(key, lambda: self._select(session, after is not None, empty))
        given = parameters(session, actor) | self._given | {"limit": min(query.limit, MOST) + 1}
        if after is not None:
            given |= {"after": after[0], "after_id": after[1]}
        return statement.fetch_all(session.connection, given)

    def count(self, session: Session, actor: Actor) -> int:
        """Count the rows, to ``COUNTED + 1`` at most."""
        shape = tuple((one.field, one.operator) for one in self._query.filters)
        key = ("count", self._entity.key, _key(self._rights.read), shape, len(self._words))

        def build() -> Select[Any]:
            rows = select(self._table.c.id).where(*self._conditions(session)).limit(bindparam("limit")).subquery()
            return select(func.count()).select_from(rows)

        given = parameters(session, actor) | self._given | {"limit": COUNTED + 1}
        row = session.prepared(key, build).fetch_one(session.connection, given)
        return int(row[0]) if row else 0

    def _sorted_by(self, allowed: Sequence[str]) -> tuple[str, bool]:
        wanted = self._query.sort
        if wanted is None:
            own, descending = self._entity.sort
            return (own, descending) if own in allowed else ("id", True)
        declared = self._entity.fields.get(wanted)
        if wanted not in allowed or (declared is not None and not declared.type.sortable):
            raise InvalidValues([_unknown(wanted)])
        return wanted, self._query.descending

    def _select(self, session: Session, paged: bool, empty: bool) -> Select[Any]:
        table, sort = self._table, column(self._table, self.sort)
        order = largest_first if self.descending else smallest_first
        by_id = table.c.id.desc() if self.descending else table.c.id.asc()
        found = select(*self.reading.columns).select_from(self.reading.source).where(*self._conditions(session))
        if paged:
            found = found.where(self._after(sort, empty))
        orders = (
            [by_id] if self.sort == "id" else [order(sort) if sort.nullable else _plain(sort, self.descending), by_id]
        )
        return found.order_by(*orders).limit(bindparam("limit"))

    def _after(self, sort: Any, empty: bool) -> ColumnElement[bool]:
        """The rows after the cursor; missing values are the smallest of all."""
        ids = self._table.c.id
        next_id = ids < bindparam("after_id") if self.descending else ids > bindparam("after_id")
        if self.sort == "id":
            return next_id
        if empty:
            same = sort.is_(None) & next_id
            return same if self.descending else same | sort.is_not(None)
        value = bindparam("after", type_=sort.type)
        further = sort < value if self.descending else sort > value
        tie = (sort == value) & next_id
        return further | tie | sort.is_(None) if self.descending and sort.nullable else further | tie

    def _conditions(self, session: Session) -> list[ColumnElement[bool]]:
        table = self._table
        found = [table.c.deleted_at.is_(None), scope_condition(session.tables, self._entity, table, self._rights.read)]
        found += [condition(table, self._entity, one, at) for at, one in enumerate(self._query.filters)]
        found += [table.c.search_text.like(bindparam(f"word{at}"), escape="\\") for at in range(len(self._words))]
        if self._where is not None:
            found.append(self._where(table))
        return found


_readings: dict[Any, Reading] = {}


def _reading(session: Session, of: str, table: Any, fields: Iterable[Field], keys: tuple[str, ...]) -> Reading:
    """Return the columns of a select, worked out once per release (and store: each has tables of its own)."""
    tables = session.tables.metadata
    cached = _readings.get((tables, of, keys))
    if cached is None:
        if len(_readings) > COUNTED:
            _readings.clear()
        cached = _readings[tables, of, keys] = Reading(session, table, fields, keys)
    return cached


def _plain(sort: Any, descending: bool) -> Any:
    return sort.desc() if descending else sort.asc()


def _unknown(key: str) -> FieldError:
    return FieldError(key[:60], "record.bad_filter", {"field": key[:60]})


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _key(scopes: frozenset[str]) -> Any:
    return ALL if ALL in scopes else scopes


def _asked(entity: Entity, table: Any) -> ColumnElement[bool]:
    """Whoever is or was asked to decide about a record may read it, in whatever scope their role has."""
    running = (approvals.c.entity == entity.key, approvals.c.record_id == table.c.id)
    own = tasks.c.holder_id == bindparam("actor_id")
    return exists().where(tasks.c.approval_id == approvals.c.id, own, *running)


def _hide(values: dict[str, Any], rights: Rights) -> None:
    for key in rights.hidden:
        values.pop(key, None)


def _read_lines(
    session: Session, entity: Entity, lines: str, id_: int, labels: Labels, rights: Rights
) -> list[dict[str, Any]]:
    table = session.tables.lines[entity.key, lines]
    columns = entity.fields[lines].fields
    hidden = {key.partition(".")[2] for key in rights.hidden if key.startswith(f"{lines}.")}
    keys = ("id", *(key for key, item in columns.items() if item.stored and key not in hidden))
    reading = _reading(session, f"{entity.key}.{lines}", table, columns.values(), keys)

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


def _link_where(session: Session, link: tuple[str, str] | None) -> Any:
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
    return lambda table: compile_where(checked, TableSource(session.tables), table)
