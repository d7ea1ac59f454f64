"""Values that go back to a type they had before, when an earlier release is published again.

Enters: a field of that release over its table, what its values are now, the history. Leaves: values in the type of that
release and items that count them: what nobody typed since is again what it was then, what was typed since is written
out by its type and read by the other one. Must not lose a value: what cannot be read is listed, stays parked and in the
history, and is what a later release gets back when it is published again.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import InvalidOperation
from functools import cached_property
from typing import Any

from sqlalchemy import ColumnElement, column, null, select
from sqlalchemy.exc import DataError, ProgrammingError

from engine.compiler.app import Field
from engine.compiler.readers import Wrong
from engine.expression import ExpressionError
from engine.storage.changes import TableOf, find_old_field, means_something_else
from engine.storage.earlier_values import EarlierValues, State
from engine.storage.filling import Filling, alive, field_item, owner_of
from engine.storage.old_types import read_former
from engine.storage.plan import PlanItem
from engine.storage.rewriting import rewrite_each
from engine.storage.tables import column_type
from engine.storage.translating import Translated, Translator, Value, is_same
from engine.storage.working_out import value_of

_SHOWN = 20


@dataclass
class Counted:
    """Rows of one outcome and some of the records they belong to."""

    rows: int = 0
    records: list[int] = field(default_factory=list)

    def add(self, record: int) -> None:
        self.rows += 1
        if len(self.records) < _SHOWN and record not in self.records:
            self.records.append(record)


def take_back(filling: Filling, place: TableOf, item: Field, parked: str, before: Field) -> Iterator[PlanItem]:
    """Give a field the values it had in that release, or the nearest it can read, and say how many of which."""
    old = former_column(parked, before)
    returning = _Returning(filling, place, item, old, before)
    returning.formula = returning.find_formula()
    rewrite_each(filling, place, item.key, returning.work, {item.key: (old, before)})
    for code, counted in returning.counted.items():
        if counted.rows:
            records = tuple(counted.records) if code in _LISTED else ()
            yield field_item(filling, "data", code, place, item, counted.rows, {"kept": parked}, records)


def restore(filling: Filling, place: TableOf, item: Field) -> Iterator[PlanItem]:
    """Give a field that can hold the values there are those that releases since put others in the place of."""
    before = find_old_field(filling.old, place, item)
    if filling.back is None or before is None or not before.stored or item.computed is not None:
        return
    returning = _Returning(filling, place, item, place.table.c[item.key], before, only_changed=True)
    if returning.history.has_any(filling.back.to):
        rewrite_each(filling, place, item.key, returning.work, {})
        yield from _say_rows(filling, place, item, "undone", returning)


def bring_again(filling: Filling, place: TableOf, item: Field, parked: str, before: Field) -> Iterator[PlanItem]:
    """Give a field the values that the type it had meanwhile could not say, where nobody typed others."""
    returning = _Returning(filling, place, item, former_column(parked, before), before, only_missing=True)
    if returning.history.has_any():
        rewrite_each(filling, place, item.key, returning.work, {})
        yield from _say_rows(filling, place, item, "brought_again", returning)


def _say_rows(filling: Filling, place: TableOf, item: Field, code: str, returning: "_Returning") -> Iterator[PlanItem]:
    if returning.counted["restored_type"].rows:
        yield field_item(filling, "data", code, place, item, returning.counted["restored_type"].rows)


_LISTED = ("rounded_type", "unread_type")


@dataclass
class _Row:
    """A row of a table as it is read: what it holds now, and what the formula of the release makes of it."""

    record: int
    id: int
    living: bool
    value: Any
    formed: Any


@dataclass
class _Returning:
    """The values of one field on their way; ``old`` is where they stand, ``before`` of which field they are.

    ``only_changed`` leaves alone what no release changed, ``only_missing`` whatever has a value.
    """

    filling: Filling
    place: TableOf
    item: Field
    old: ColumnElement[Any]
    before: Field
    only_changed: bool = False
    only_missing: bool = False
    formula: ColumnElement[Any] | None = None
    counted: dict[str, Counted] = field(
        default_factory=lambda: {
            code: Counted() for code in ("restored_type", "carried_type", "rounded_type", "unread_type")
        }
    )

    @cached_property
    def history(self) -> EarlierValues:
        return EarlierValues(self.filling, self.place, self.item)

    @cached_property
    def translator(self) -> Translator:
        return Translator(self.filling, self.item)

    def work(self, ids: Sequence[int]) -> dict[int, Any]:
        """Return the values of the rows of some records, by the id of the row."""
        self.history.load(ids)
        found: dict[int, Any] = {}
        waiting: list[tuple[_Row, Value]] = []
        for row in self._rows(ids):
            earlier = self._earlier(row)
            if earlier is not None:
                waiting.append((row, earlier))
            elif row.value is not None and self.formula is not None:
                found[row.id] = row.formed
                self._count(row, Translated(row.formed), typed=True)
            elif not (self.only_changed or self.only_missing):
                waiting.append((row, Value(row.value, self.before)))
        translated = self.translator.translate([value for _, value in waiting])
        for (row, value), one in zip(waiting, translated, strict=True):
            if one.value is not None or value.value is None:
                found[row.id] = one.value
            if value.value is not None or self.only_changed:
                self._count(row, one, typed=value.field is self.before and value.value == row.value)
        return found

    def _rows(self, ids: Sequence[int]) -> Iterator[_Row]:
        table, owner = self.place.table, owner_of(self.place)
        formed = null() if self.formula is None else self.formula
        query = select(owner, table.c.id, alive(table), self.old, formed).where(owner.in_(ids))
        if self.only_missing:
            query = query.where(self.old.is_(None), table.c[self.item.key].is_(None))
        return (_Row(*row) for row in self.filling.connection.execute(query, self.filling.parameters))

    def _earlier(self, row: _Row) -> Value | None:
        """Return what a value was in the release to go back to, or as near to it as nobody typed another."""
        found: Value | None = None
        said = None if row.value is None else self.before.type.to_json(row.value)
        until = 0 if self.filling.back is None else self.filling.back.to
        for state in self.history.walk(row.record, row.id, said, until):
            value = self._read(state)
            if value is None or (state.stood and not means_something_else(value.field, self.before, self.filling.new)):
                break
            found = value
            if self.only_missing and value.value is not None:
                return value if is_same(value, self.item, self.filling.new) else None
        return None if self.only_missing else found

    def _read(self, state: State) -> Value | None:
        """Return a value the history tells, as a value of what the field was then."""
        was = self.filling.past.find_before(state.before, self.place, self.item)
        try:
            return None if was is None else Value(None if state.said is None else was.type.from_json(state.said), was)
        except (ValueError, TypeError, InvalidOperation, Wrong):
            return None

    def find_formula(self) -> ColumnElement[Any] | None:
        """Return what the release itself says its values become of those there are now, if it can read them."""
        filling, place, item = self.filling, self.place, self.item
        if item.migrate is None or (item.key,) not in item.migrate.checked.uses:
            return None
        checked = read_former(filling.new, place, item, self.before, item.migrate)
        formula = None if isinstance(checked, ExpressionError) else value_of(filling, place, item, checked, self.old)
        try:
            with filling.connection.begin_nested():
                tried = select(null() if formula is None else formula).select_from(place.table)
                filling.connection.execute(tried, filling.parameters).all()
        except (DataError, ProgrammingError):
            return None
        return formula

    def _count(self, row: _Row, one: Translated, *, typed: bool) -> None:
        if one.value is None and not self.only_changed:
            if row.living:
                self.counted["unread_type"].add(row.record)
            return
        self.counted["carried_type" if typed or not one.exact else "restored_type"].add(row.record)
        if not one.whole:
            self.counted["rounded_type"].add(row.record)


def former_column(name: str, before: Field) -> ColumnElement[Any]:
    """Return a parked column with values of ``before``."""
    return column(name, column_type(before))
