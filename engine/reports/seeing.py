"""What of a figure somebody may see: whether it is there for them at all, and which rows are.

Enters: an actor, a figure's reads. Leaves: yes or no, and a source of SQL in which every record reached, over a link or
a list of linked records, is one the actor may read. Must not be bypassed: every statement of a report takes its rows
from here, so that nothing somebody may not see changes an answer. What a report announces (``announcing.py``) is
worked out with the engine's own eyes, and only names and one figure of it are told.
"""

from collections.abc import Hashable, Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Text, and_, exists, func, literal, select, true, type_coerce
from sqlalchemy.types import TypeEngine

from engine.compiler.app import CompiledApp, Rows
from engine.compiler.app.reports import CHANGES, Read
from engine.expression.sql_source import Find, Linked
from engine.expression.sql_terms import never_missing, one_of
from engine.expression.types import row_place
from engine.people.actor import Actor
from engine.records.list_query import scope_key
from engine.records.rights import Rights, find_rights, scope_condition
from engine.records.sql import IsAmong
from engine.reports.field_changes import select_changes
from engine.storage.stage_tables import moves
from engine.storage.store import Session
from engine.storage.table_source import TableSource
from engine.storage.tables import column_name

_MOVES, _CHANGES = ".moves", f".{CHANGES}"
_OF_MOVES = {
    "record": "record_id", "from": "from_stage", "to": "to_stage", "at": "at", "by": "by_id", "owner": "owner_id",
    "team": "team_id",
}  # fmt: skip


def may_read(app: CompiledApp, reads: Iterable[Read], entity: str, actor: Actor) -> bool:
    """Tell whether somebody may read records of ``entity`` and every one of these fields, whole."""
    return all(_sees(app, *read, actor) for read in [(entity, "id"), *reads])


def _sees(app: CompiledApp, entity: str, key: str, actor: Actor) -> bool:
    rights = find_rights(app, app.entities[entity], actor)
    return bool(rights.read) and key not in rights.hidden and key.partition(".")[0] not in rights.hidden


class SeenSource(TableSource):
    """The tables of a release as one actor sees them, and the rows that figures count."""

    def __init__(self, session: Session, actor: Actor, period: FromClause | None, *, gathers: bool = False) -> None:
        """``gathers``: rows that lead to records are added up for all of them at once; ``joined`` joins them then."""
        super().__init__(session.tables)
        self._session, self._actor, self._period = session, actor, period
        self._gathers, self._linked = gathers, dict[Hashable, Linked]()

    def rows(self, rows: Rows) -> FromClause:
        """Return the table that a figure counts: records, or rows with the fields of their record beside their own."""
        table = self._tables.entity[rows.entity].alias("counted" if rows.whole else "record")
        if rows.whole:
            return table
        if rows.lines:
            own = self._tables.lines[rows.entity, rows.lines]
            mine: dict[str, ColumnElement[Any]] = {one.name: one for one in own.c if one.name != "position"}
            joined = own.join(table, table.c.id == own.c.parent_id)
        elif rows.changes:
            changed = self._changes(rows.entity)
            mine = {one.name: one for one in changed.c}
            joined = changed.join(table, table.c.id == changed.c.record)
        else:
            own = moves
            mine = dict(_move_columns())
            joined = own.join(table, and_(table.c.id == moves.c.record_id, moves.c.entity == rows.entity))
        above = {column.name: column for column in table.c if column.name not in mine}
        every = {**above, rows.entity: table.c.id, **mine, _RECORD: table.c.id}
        seen = (table.c.deleted_at.is_(None), self._in_scope(table, rows.entity))
        columns = [column.label(name) for name, column in every.items()]
        return select(*columns).select_from(joined).where(*seen).subquery("counted")

    def record(self, row: FromClause, rows: Rows) -> ColumnElement[Any]:
        """Return the id of the record that a row is, or belongs to."""
        return row.c.id if rows.whole else row.c[_RECORD]

    def seen(self, row: FromClause, rows: Rows) -> list[ColumnElement[bool]]:
        """Return the conditions that a row of a figure is there for the actor."""
        if not rows.whole:
            return []  # asked of their records where they are joined to them
        return [row.c.deleted_at.is_(None), self._in_scope(row, rows.entity)]

    # ---- as expressions ask

    def table(self, shape: str) -> FromClause:
        """Return the table of a shape; stage moves and changes are those of their entity alone."""
        if not shape.endswith((_MOVES, _CHANGES)) or shape in self._session.app.entities or self._is_lines(shape):
            return super().table(shape)
        if shape.endswith(_CHANGES):
            return self._changes(shape.removesuffix(_CHANGES))
        entity = shape.removesuffix(_MOVES)
        columns = [column.label(name) for name, column in _move_columns()]
        return select(*columns).where(moves.c.entity == entity).subquery()

    def column(self, row: FromClause, shape: str, field: str) -> ColumnElement[Any]:
        """Return the column of a field; rows of a figure have those of their record too."""
        return super().column(row, shape.lstrip("@") if shape.startswith("@") and "." in shape else shape, field)

    def visible(self, row: FromClause, shape: str) -> ColumnElement[Any] | None:
        """Return the condition that a record reached from another is there for the actor."""
        place = row_place(shape)
        if place is not None:  # a row of a line table, reached from elsewhere: its record must be seen
            whole = self._tables.entity[place[0]].alias()
            own = (whole.c.id == row.c.parent_id, whole.c.deleted_at.is_(None), self._in_scope(whole, place[0]))
            return select(whole.c.id).where(*own).correlate_except(whole).exists()
        there = super().visible(row, shape)
        return there if there is None else and_(there, self._in_scope(row, shape))

    def size(self, row: FromClause, shape: str, field: str) -> ColumnElement[Any]:
        """Return how many values a field of a row has."""
        return super().size(row, shape.lstrip("@").partition(".")[0] if shape.startswith("@") else shape, field)

    def reached(self, row: FromClause, shape: str, stages: Sequence[str]) -> ColumnElement[Any]:
        """Return the condition that the record of a row is in one of ``stages``, or ever was."""
        entity = shape.lstrip("@").partition(".")[0]
        record = row.c.get(_RECORD, row.c.id)
        been = moves.alias()
        there = (been.c.entity == entity, been.c.record_id == record, _one_of(been.c.to_stage, stages))
        return _one_of(row.c.stage, stages) | exists().where(*there).correlate_except(been)

    def period(self, name: str, type_: TypeEngine[Any]) -> ColumnElement[Any]:
        """Return the bound of the period that a row is counted in."""
        return self._periods.c[f"period_{name}"]

    def together(self, row: FromClause, form: Hashable, find: Find) -> Linked | None:
        """Return the rows that are added up for all records at once, where that is wanted."""
        if not self._gathers or self._period is None:
            return None
        if form not in self._linked:
            self._linked[form] = find(f"linked{len(self._linked)}")
        return self._linked[form]

    def joined(self, scene: FromClause) -> FromClause:
        """Return what a statement selects from, with what was added up beside it; to be asked once all is written."""
        for linked in self._linked.values():
            added = self._added(linked)
            own = and_(added.c.whose == linked.mine, added.c.period_at == self._periods.c.period_at)
            scene = scene.outerjoin(added, own)
        return scene

    def _added(self, linked: Linked) -> FromClause:
        columns = [value.label(f"value{at}") for at, value in enumerate(linked.values)]
        rows = linked.row.join(self._periods, true())
        whose = (linked.back, self._periods.c.period_at)
        asked = select(linked.back.label("whose"), self._periods.c.period_at, *columns).select_from(rows)
        return asked.where(*linked.conditions).group_by(*whose).correlate(None).subquery(linked.name)

    @property
    def _periods(self) -> FromClause:
        if self._period is None:
            raise ValueError("nothing is counted in a period here")
        return self._period

    def _changes(self, entity: str) -> FromClause:
        compiled = self._session.app.entities[entity]
        dialect = self._session.connection.dialect.name
        return select_changes(compiled, self.rights(entity).hidden, dialect).subquery("changed")

    def _is_lines(self, shape: str) -> bool:
        entity, _, lines = shape.partition(".")
        return (entity, lines) in self._tables.lines

    def _in_scope(self, row: FromClause, entity: str) -> ColumnElement[bool]:
        compiled = self._session.app.entities[entity]
        found = scope_condition(self._tables, compiled, row, self.rights(entity).read)
        return found.of_each_row() if isinstance(found, IsAmong) else found

    def rights(self, entity: str) -> Rights:
        """Return the rights of whoever looks over an entity."""
        return find_rights(self._session.app, self._session.app.entities[entity], self._actor)


_RECORD = "record of row"
"""The column that holds the id of the record of a row; no author can write such a name."""


def sight_key(app: CompiledApp, reads: Iterable[Read], entity: str, actor: Actor, *, of_changes: bool = False) -> Any:
    """Return what tells the statements of two people apart, whatever records they see.

    Where changes are counted, that is also which fields are hidden: changes of those are left out.
    """
    told = tuple(reads)
    names = sorted({entity, *(key for key, _ in told)})
    changed = {key for key, one in told if one.startswith(f"{CHANGES}.")} | ({entity} if of_changes else set())
    rights = {key: find_rights(app, app.entities[key], actor) for key in names}
    return tuple(
        (key, scope_key(one.read), tuple(sorted(one.hidden)) if key in changed else ()) for key, one in rights.items()
    )


def _move_columns() -> Iterator[tuple[str, ColumnElement[Any]]]:
    """Yield the columns of stage moves, as fields are called in SQL; a move lasts until the next of its record."""
    after = moves.alias()
    next_ = (after.c.entity == moves.c.entity, after.c.record_id == moves.c.record_id, after.c.id > moves.c.id)
    until = select(func.min(after.c.at)).where(*next_).correlate_except(after).scalar_subquery()
    yield "id", moves.c.id
    yield from ((column_name(name), moves.c[column]) for name, column in _OF_MOVES.items())
    yield "until", type_coerce(until, moves.c.at.type)


def _one_of(column: ColumnElement[Any], stages: Sequence[str]) -> ColumnElement[bool]:
    return never_missing(one_of(column, [literal(one, Text()) for one in stages]))
