"""Which stored values a tighter definition would refuse.

Enters: a field as it was and as it becomes, over its table. Leaves: breaches, each with a condition in SQL that finds
the rows. Must not name a value that was refused before: only what this publish tightens counts.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Text, cast, false, func, not_, or_, select

from engine.compiler import patterns
from engine.compiler.app import Entity, Field, Rule
from engine.expression import ABOUT_USER
from engine.expression.sql import check_sql, compile_where
from engine.expression.sql_terms import INTEGER, Term
from engine.storage.changes import TableOf
from engine.storage.filling import Filling, alive
from engine.storage.table_source import TableSource

_MOST_VALUES = 10_000
"""So many different values that break a pattern are told apart; SQLite takes some 32,000 in one statement."""
_SHOWN_VALUES = 5


@dataclass(frozen=True)
class Breach:
    """Rows a tighter rule would refuse: ``code`` names the sentence of the plan that says which."""

    code: str
    rows: ColumnElement[bool]
    params: Mapping[str, str] = field(default_factory=dict)


def find_breaches(filling: Filling, place: TableOf, before: Field, item: Field) -> list[Breach]:
    """Return what the values of a field may break now, whether or not a row does."""
    column = place.table.c[item.key]
    found = [one for check in _CHECKS for one in check(filling, column, before, item)]
    return [Breach(one.code, one.rows & alive(place.table), one.params) for one in found]


def find_broken_rules(filling: Filling, place: TableOf, before: Entity) -> Iterator[tuple[Rule, ColumnElement[bool]]]:
    """Yield the rules of an entity that are new or say something else, with the living rows that break them."""
    former = {rule.key: rule.check.text for rule in before.rules}
    source = TableSource(filling.tables)
    for rule in place.entity.rules:
        checked = rule.check.checked
        if former.get(rule.key) == rule.check.text or "update" not in rule.at:
            continue
        if check_sql(checked) or checked.context & ABOUT_USER:  # asked when a record is saved: nobody asks here
            continue
        needed = [place.table.c[key].is_not(None) for key in rule.needs if key in place.table.c]
        broken = not_(func.coalesce(compile_where(checked, source, place.table), false()))
        yield rule, _all([alive(place.table), broken, *needed])


def _all(conditions: list[ColumnElement[bool]]) -> ColumnElement[bool]:
    found: ColumnElement[bool] = not_(false())
    for condition in conditions:
        found = found & condition
    return found


Check = Callable[[Filling, ColumnElement[Any], Field, Field], Iterator[Breach]]


def _length(filling: Filling, column: ColumnElement[Any], before: Field, item: Field) -> Iterator[Breach]:
    if item.type.column not in ("text", "long_text") or item.options:
        return
    if item.max_length is not None and (before.max_length is None or item.max_length < before.max_length):
        yield Breach("blocked_length", func.length(column) > item.max_length, {"limit": str(item.max_length)})
    if item.min_length is not None and item.min_length > (before.min_length or 0):
        yield Breach("blocked_short", func.length(column) < item.min_length, {"limit": str(item.min_length)})


def _bounds(filling: Filling, column: ColumnElement[Any], before: Field, item: Field) -> Iterator[Breach]:
    if item.type.column not in ("integer", "decimal"):
        return
    whole = item.type.column == "integer"
    if item.min is not None and (before.min is None or item.min > before.min):
        least = math.ceil(item.min) if whole else item.min
        yield Breach("blocked_min", column < least, {"limit": str(item.min)})
    if item.max is not None and (before.max is None or item.max < before.max):
        most = math.floor(item.max) if whole else item.max
        yield Breach("blocked_max", column > most, {"limit": str(item.max)})


def _count(filling: Filling, column: ColumnElement[Any], before: Field, item: Field) -> Iterator[Breach]:
    """Fields that lead to several records bound how many these are."""
    if item.to is None or not item.type.many or item.max is None:
        return
    if before.max is None or item.max < before.max or not before.type.many:
        size = Term(INTEGER, "coalesce(json_array_length({0}), 0)", column,
                    postgresql="coalesce(jsonb_array_length(CAST({0} AS JSONB)), 0)")  # fmt: skip
        yield Breach("blocked_count", size > int(item.max), {"limit": str(int(item.max))})


def _pattern(filling: Filling, column: ColumnElement[Any], before: Field, item: Field) -> Iterator[Breach]:
    """Ask Python: the two databases read regular expressions in other ways than the forms do."""
    if item.pattern is None or item.pattern == before.pattern or item.type.column not in ("text", "long_text"):
        return
    refused: list[str] = []
    for (value,) in filling.connection.execute(select(column).where(column.is_not(None)).distinct()):
        if not patterns.matches(item.pattern, value):
            refused.append(value)
            if len(refused) == _MOST_VALUES:
                break
    yield Breach("blocked_pattern", column.in_(refused), {"values": _shown(refused)})


def _options(filling: Filling, column: ColumnElement[Any], before: Field, item: Field) -> Iterator[Breach]:
    if not item.options or item.type.column not in ("text", "json"):
        return
    became_choice = not before.options and before.type.column in ("text", "long_text")
    gone = sorted(set(before.options) - set(item.options))
    if item.type.column == "json":
        if gone:
            rows = or_(*(holds_option(column, key) for key in gone))
            yield Breach("blocked_option", rows, {"values": _shown(gone)})
    elif gone or became_choice:
        rows = column.is_not(None) & column.not_in(list(item.options))
        values = filling.connection.scalars(select(column).where(rows).distinct().order_by(column).limit(_SHOWN_VALUES))
        yield Breach("blocked_words" if became_choice else "blocked_option", rows, {"values": _shown(list(values))})


def holds_option(column: ColumnElement[Any], key: str) -> ColumnElement[bool]:
    """Return whether a choices field, stored as compact JSON, holds an option."""
    return cast(column, Text).contains(f'"{key}"', autoescape=True)


def _shown(values: list[str]) -> str:
    return ", ".join(values[:_SHOWN_VALUES])


_CHECKS: tuple[Check, ...] = (_length, _bounds, _count, _pattern, _options)
