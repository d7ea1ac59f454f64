"""The rows a figure is made of, as its reader may see them.

Enters: the key of a figure, the keys of a cell, the actor. Leaves: ``Behind``, whose ``n`` is the ``n`` of the cell.
Must not show more than a list does: the records are read by the same gate.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import select

from engine.compiler.app import Figure, Funnel, Rows
from engine.errors import FieldError, InvalidValues
from engine.people.actor import Actor
from engine.records.columns import column
from engine.records.list_query import readable_keys
from engine.records.listing import ListPlan, ListQuery
from engine.records.record import Labels, Record, without_hidden
from engine.records.rights import find_rights
from engine.records.sql import is_one_of
from engine.reports import asking
from engine.reports.asking import Filters
from engine.reports.funnels import narrow_to_step, question_of_funnel
from engine.reports.periods import Period, find_period
from engine.reports.results import Behind
from engine.reports.statement import find_rows
from engine.storage.stage_tables import moves
from engine.storage.store import Session

MOST: Final = 200
"""Rows of a page at most."""
_OF_MOVES: Final[Mapping[str, str]] = {
    "from": "from_stage", "to": "to_stage", "at": "at", "by": "by_id", "owner": "owner_id",
}  # fmt: skip


def rows(
    session: Session,
    figure: str,
    *,
    actor: Actor,
    period: str | Period | None = None,
    cell: Mapping[str, Any] | None = None,
    filters: Filters | None = None,
    limit: int = 50,
    offset: int = 0,
) -> Behind:
    """Return the rows behind a figure, or behind one cell of it.

    ``cell`` has the value of each dimension as it stands in ``Line.keys``, by its key: ``{"owner": 5, "date.month":
    "2026-03"}``; ``period`` and ``filters`` are those the figure was run with. At most ``MOST`` rows are returned at
    once, ``offset`` leaves out so many.

    Raises as ``run_figure`` does.
    """
    found = asking.find_figure(session, figure, actor=actor)
    wanted = asking.period_of(session, period, "month")
    cell = dict(cell or {})
    for key in [one for one in cell if asking.is_own_date(one)]:
        wanted = _part(wanted, cell.pop(key))
    narrowed, _ = asking.narrowed_to(session, found, {**(filters or {})}, actor)
    narrowed += asking.narrowed_to(session, found, cell, actor)[0]
    n, ids = find_rows(
        session, asking.question_of(found), actor=actor, period=wanted, narrowed=narrowed,
        limit=max(1, min(limit, MOST)), offset=max(0, offset),
    )  # fmt: skip
    return _read(session, found, ids, n, actor)


def funnel_rows(
    session: Session,
    funnel: str,
    step: str,
    *,
    actor: Actor,
    period: str | Period | None = None,
    cell: Mapping[str, Any] | None = None,
    filters: Filters | None = None,
    limit: int = 50,
    offset: int = 0,
) -> Behind:
    """Return the rows of a cohort that got as far as a step; raises as ``run_funnel`` does."""
    found = asking.find_funnel(session, funnel, actor=actor)
    wanted = asking.period_of(session, period, found.period)
    narrowed, _ = asking.narrowed_to(session, found, {**(filters or {})}, actor)
    narrowed += asking.narrowed_to(session, found, dict(cell or {}), actor)[0]
    n, ids = find_rows(
        session, question_of_funnel(found), actor=actor, period=wanted,
        narrowed=[*narrowed, narrow_to_step(found, step)], limit=max(1, min(limit, MOST)), offset=max(0, offset),
    )  # fmt: skip
    return _read(session, found, ids, n, actor)


def _part(period: Period, written: Any) -> Period:
    """Return the part of a period that a cell is of."""
    found = written if isinstance(written, Period) else find_period(str(written), period.first)
    if found is None:
        raise InvalidValues([FieldError("period", "report.bad_period", {"name": str(written)[:40]})])
    return found


def _read(session: Session, figure: Figure | Funnel, ids: Sequence[tuple[int, int]], n: int, actor: Actor) -> Behind:
    of = figure.rows
    entity = session.app.entities[of.entity]
    rights = find_rights(session.app, entity, actor)
    known = readable_keys(entity, rights)
    read = [key for one, key in sorted(figure.reads) if one == of.entity and key in entity.fields]
    columns = tuple(key for key in dict.fromkeys([*entity.columns, *read]) if key in known)
    plan = ListPlan(session, entity, rights, ListQuery(columns=columns), actor=actor)
    labels: Labels = {}
    records: dict[int, Record] = {}
    for row in plan.among(session, sorted({record for record, _ in ids})):
        values = plan.reading.values(row)
        plan.reading.add_labels(row, values, labels)
        record = plan.masking.mark(Record(entity.key, values["id"], values.pop("version"), values, labels), row)
        records[record.id] = without_hidden(record) if record.masked else record
    there = [pair for pair in ids if pair[0] in records]
    lines = _lines(session, of, [row for _, row in there], rights.hidden)
    return Behind(n, of.entity, columns, tuple(records[one] for one, _ in there), lines, labels)


def _lines(session: Session, of: Rows, ids: Sequence[int], hidden: frozenset[str]) -> tuple[Mapping[str, Any], ...]:
    """Return the values of rows that are no records, without what is hidden."""
    if of.lines:
        table = session.tables.lines[of.entity, of.lines]
        fields = session.app.entities[of.entity].fields[of.lines].fields
        shown = [key for key, one in fields.items() if one.stored and f"{of.lines}.{key}" not in hidden]
        columns = {key: column(table, key) for key in shown}
    elif of.moves:
        table = moves
        columns = {key: moves.c[name] for key, name in _OF_MOVES.items() if key != "by" or "updated_by" not in hidden}
    else:
        return ()
    key = ("rows behind", of.shape, tuple(columns))
    build = lambda: select(table.c.id, *columns.values()).where(is_one_of(table.c.id, "ids"))  # noqa: E731
    found = session.prepared(key, build).fetch_all(session.connection, {"ids": list(ids)})
    by_id = {row[0]: dict(zip(columns, row[1:], strict=True)) for row in found}
    return tuple(by_id.get(one, {}) for one in ids)
