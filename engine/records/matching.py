"""Links that lead to the best of many records (``best:``): the price that holds for this customer and this quantity.

Enters: the values of a record as they would be, and as they were. Leaves: the ids found, in the values. Must not look
again while nothing the condition reads has changed: what was agreed stays when the price list moves. A rule holds for
everybody alike, so the rights of whoever types are not asked.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, Table, bindparam, select
from sqlalchemy.sql.visitors import replacement_traverse

from engine.compiler.app import Best, Entity, Field
from engine.expression import Env
from engine.expression.names import LINE
from engine.expression.sql import compile_where, outer_parameter, sql_parameters
from engine.records.columns import column
from engine.storage.store import Session
from engine.storage.table_source import TableSource

Values = Mapping[str, Any]
_LINE = f"{LINE}."
_MOST_AT_ONCE = 64
"""Lines one statement looks for."""


def match_links(session: Session, entity: Entity, values: dict[str, Any], before: Values, env: Env) -> None:
    """Find what the links of the record itself lead to, as far as what they read differs from ``before``."""
    for field in entity.plan.matched:
        if not before or any(values.get(name) != before.get(name) for name in _reads(field)):
            values[field.key] = _find(session, field, [values], env)[0]


def match_links_of_lines(session: Session, entity: Entity, values: dict[str, Any], before: Values, env: Env) -> None:
    """Find what the links of all lines lead to, as far as what they read of line and record differs."""
    for lines in entity.line_fields:
        for field in lines.column_plan.matched:
            rows = values.get(lines.key) or ()
            wanted = list(_to_look_for(field, rows, before.get(lines.key) or (), values, before))
            found = _find(session, field, [_beside(values, row) for row in wanted], env)
            for row, id_ in zip(wanted, found, strict=True):
                row[field.key] = id_
            _read_at_once(field, rows, env)


def _to_look_for(
    field: Field, rows: Sequence[dict[str, Any]], old: Sequence[Values], values: Values, before: Values
) -> Iterator[dict[str, Any]]:
    """Yield the lines that are new, or of which (or of whose record) something that is read has changed."""
    known = {row["id"]: row for row in old}
    reads = _reads(field)
    anew = any(values.get(name) != before.get(name) for name in reads if not name.startswith(_LINE))
    own = [name.removeprefix(_LINE) for name in reads if name.startswith(_LINE)]
    for row in rows:
        was = known.get(row.get("id"))
        if anew or was is None or any(row.get(name) != was.get(name) for name in own):
            yield row


def _beside(values: Values, row: Values) -> Values:
    return {**values, **{f"{_LINE}{name}": value for name, value in row.items()}}


def _reads(field: Field) -> frozenset[str]:
    return frozenset() if field.best is None else field.best.where.checked.outer_reads


def _read_at_once(field: Field, rows: Iterable[Values], env: Env) -> None:
    found = {row[field.key] for row in rows if row.get(field.key) is not None}
    load: Any = getattr(env.lookup, "load", None)
    if found and load is not None:
        load(field.to, found)


def _find(session: Session, field: Field, records: Sequence[Values], env: Env) -> list[int | None]:
    """Return the id of the best record for each of ``records``, as few statements as there are."""
    found: list[int | None] = []
    for at in range(0, len(records), _MOST_AT_ONCE):
        found += _find_some(session, field, records[at : at + _MOST_AT_ONCE], env)
    return found


def _find_some(session: Session, field: Field, records: Sequence[Values], env: Env) -> list[int | None]:
    best, target = field.best, field.to or ""
    assert best is not None  # noqa: S101 - the plan holds those that have one
    table = session.tables.entity[target]
    size = 1 << (len(records) - 1).bit_length()  # few statements are kept: for 1, 2, 4, ... 64
    checked = best.where.checked

    def build() -> Any:
        one = compile_where(checked, TableSource(session.tables), table)
        return select(*(_first(best, table, _numbered(one, checked.outer_reads, at)) for at in range(size)))

    given: dict[str, Any] = {}
    for at in range(size):
        record = records[min(at, len(records) - 1)]
        told = sql_parameters(checked, replace(env, record=record))
        outer = {outer_parameter(name) for name in checked.outer_reads}
        given |= {f"{name}_{at}" if name in outer else name: value for name, value in told.items()}
    statement = session.prepared(("best", target, checked.tree, best.order, size), build)
    row = statement.fetch_one(session.connection, given)
    return list(row or ())[: len(records)]


def _first(best: Best, table: Table, met: ColumnElement[bool]) -> Any:
    ordered = [column(table, name) for name, _ in best.order]
    falls = [one.desc() if down else one.asc() for one, (_, down) in zip(ordered, best.order, strict=True)]
    found = select(table.c.id).where(met, table.c.deleted_at.is_(None))
    return found.order_by(*(one.nulls_last() for one in falls), table.c.id.desc()).limit(1).scalar_subquery()


def _numbered(condition: ColumnElement[bool], reads: Iterable[str], at: int) -> ColumnElement[bool]:
    """Return the condition with parameters of its own for what it reads of record and line."""
    names = {outer_parameter(name) for name in reads}

    def renamed(element: Any, **kw: Any) -> Any:
        if isinstance(element, BindParameter) and element.key in names:
            return bindparam(f"{element.key}_{at}", type_=element.type)
        return None

    return replacement_traverse(condition, {}, renamed)
