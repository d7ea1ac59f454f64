"""The rows a figure is made of, as its reader may see them.

Enters: the key of a figure, the keys of a cell, the actor. Leaves: ``Behind``, whose ``n`` is the ``n`` of the cell;
page after page of them for a file. Must not show more than a list does: the records are read by the same gate.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Select, select

from engine.compiler.app import Figure, Funnel, Rows
from engine.errors import FieldError, InvalidValues
from engine.people.actor import Actor
from engine.records.labels import people_labels
from engine.records.line_rows import line_keys
from engine.records.list_query import readable_keys
from engine.records.listing import ListPlan, ListQuery, reading_of
from engine.records.record import Labels, Record, without_hidden
from engine.records.rights import Rights, find_rights
from engine.records.sql import is_one_of
from engine.reports import asking
from engine.reports.asking import Filters
from engine.reports.dividing import Narrowing
from engine.reports.field_changes import read_changes
from engine.reports.funnels import narrow_to_step, question_of_funnel
from engine.reports.periods import Period, find_period
from engine.reports.results import Behind
from engine.reports.statement import Question, count_rows, find_rows
from engine.storage.stage_tables import moves
from engine.storage.store import Session

MOST: Final = 200
"""Rows of a page at most."""
_OF_MOVES: Final[Mapping[str, str]] = {
    "from": "from_stage", "to": "to_stage", "at": "at", "by": "by_id", "owner": "owner_id",
}  # fmt: skip
_PEOPLE: Final = ("by", "owner")
_OF_WHOEVER: Final = ("by", "via", "note")
"""What tells who acted, or why."""
_OF_CHANGES: Final = ("field", "at", "by", "via", "until", "note")


@dataclass(frozen=True)
class RowsAsked:
    """Which rows are asked for: those of the figure ``of``, or of the funnel ``of`` that got as far as ``step``.

    ``cell`` has the value of each dimension of one cell by its key; ``filters`` are those the figure was run with.
    """

    of: str
    period: Period
    filters: Filters = field(default_factory=dict)
    cell: Filters = field(default_factory=dict)
    step: str | None = None

    def to_plain(self) -> dict[str, Any]:
        """Return it as plain data, as it is stored."""
        cell = {key: one.name if isinstance(one, Period) else one for key, one in self.cell.items()}
        said = {"period": list(self.period.plain), "filters": asking.plain_filters(self.filters)}
        return {"of": self.of, "step": self.step, **said, "cell": asking.plain_filters(cell)}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> "RowsAsked":
        """Return what plain data describes."""
        cell = {key: values[0] for key, values in plain["cell"].items()}
        return cls(plain["of"], Period.of(plain["period"]), plain["filters"], cell, plain["step"])


@dataclass(frozen=True)
class Shape:
    """What the rows behind a figure look like: ``columns`` of records of ``entity``.

    Rows that are no records have columns of their own beside them (``own``): of the line table ``lines``, of stage
    moves, or of ``changes`` of fields.
    ``reads`` are the entities that decide which rows there are.
    """

    entity: str
    columns: tuple[str, ...]
    lines: str | None
    own: tuple[str, ...]
    reads: tuple[str, ...]
    changes: bool = False


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
    asked = RowsAsked(figure, asking.period_of(session, period, "month"), {**(filters or {})}, {**(cell or {})})
    return _page(session, asked, actor, limit, offset)


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
    asked = RowsAsked(funnel, wanted, {**(filters or {})}, {**(cell or {})}, step)
    return _page(session, asked, actor, limit, offset)


def shape_of(session: Session, asked: RowsAsked, *, actor: Actor) -> Shape:
    """Return what rows look like for the actor; raises ``NotFound``, ``InvalidValues`` as ``run_figure`` does."""
    found = _find(session, asked, actor).of
    of, entity = found.rows, session.app.entities[found.rows.entity]
    rights = find_rights(session.app, entity, actor)
    reads = tuple(sorted({of.entity, *(key for key, _ in found.reads)}))
    own = _own_keys(session, of, rights)
    return Shape(of.entity, _columns(session, found, rights), of.lines, own, reads, of.changes)


def count_behind(session: Session, asked: RowsAsked, *, actor: Actor) -> int:
    """Return how many rows there are; raises as ``shape_of`` does."""
    found = _find(session, asked, actor)
    return count_rows(session, found.question, actor=actor, period=found.period, narrowed=found.narrowed)


def pages_behind(
    session: Session, asked: RowsAsked, columns: Sequence[str], *, actor: Actor, most: int
) -> Iterator[Behind]:
    """Yield the rows with these columns, the newest record first, a page of them at a time, ``most`` in all."""
    found = _find(session, asked, actor)
    after: tuple[int, int] | None = None
    while most > 0:
        ids = find_rows(
            session, found.question, actor=actor, period=found.period, narrowed=found.narrowed,
            limit=min(MOST, most), after=after,
        )  # fmt: skip
        if not ids:
            return
        yield _read(session, found.of, ids, len(ids), actor, tuple(columns))
        after, most = ids[-1], most - len(ids)


@dataclass(frozen=True)
class _Found:
    """Rows that are asked for as the engine asks for them."""

    of: Figure | Funnel
    question: Question
    period: Period
    narrowed: Sequence[Narrowing]


def _find(session: Session, asked: RowsAsked, actor: Actor) -> _Found:
    found: Figure | Funnel
    if asked.step is None:
        found = asking.find_figure(session, asked.of, actor=actor)
        question, further = asking.question_of(found), []
    else:
        found = asking.find_funnel(session, asked.of, actor=actor)
        question, further = question_of_funnel(found), [narrow_to_step(found, asked.step)]
    period, cell = asked.period, dict(asked.cell)
    for key in [one for one in cell if asking.is_own_date(one)]:
        period = _part(period, cell.pop(key))
    narrowed = [some for one in (asked.filters, cell) for some in asking.narrowed_to(session, found, one, actor)[0]]
    return _Found(found, question, period, [*narrowed, *further])


def _page(session: Session, asked: RowsAsked, actor: Actor, limit: int, offset: int) -> Behind:
    found = _find(session, asked, actor)
    settings: Any = {"actor": actor, "period": found.period, "narrowed": found.narrowed}
    n = count_rows(session, found.question, **settings)
    ids = find_rows(
        session, found.question, **settings, limit=max(1, min(limit, MOST)), offset=max(0, offset)
    )  # fmt: skip
    rights = find_rights(session.app, session.app.entities[found.of.rows.entity], actor)
    return _read(session, found.of, ids, n, actor, _columns(session, found.of, rights))


def _part(period: Period, written: Any) -> Period:
    """Return the part of a period that a cell is of."""
    found = written if isinstance(written, Period) else find_period(str(written), period.first)
    if found is None:
        raise InvalidValues([FieldError("period", "report.bad_period", {"name": str(written)[:40]})])
    return found


def _columns(session: Session, found: Figure | Funnel, rights: Rights) -> tuple[str, ...]:
    """Return the columns of the records: those of their list, and the fields that the figure is made of."""
    entity = session.app.entities[found.rows.entity]
    known = readable_keys(entity, rights)
    read = [key for one, key in sorted(found.reads) if one == entity.key and key in entity.fields]
    return tuple(key for key in dict.fromkeys([*entity.columns, *read]) if key in known)


def _own_keys(session: Session, of: Rows, rights: Rights) -> tuple[str, ...]:
    """Return the columns of rows that are no records, without what is hidden."""
    if of.lines:
        return line_keys(session.app.entities[of.entity].fields[of.lines], rights)
    keys = _OF_CHANGES if of.changes else tuple(_OF_MOVES) if of.moves else ()
    return tuple(key for key in keys if key not in _OF_WHOEVER or "updated_by" not in rights.hidden)


def _read(
    session: Session,
    found: Figure | Funnel,
    ids: Sequence[tuple[int, int]],
    n: int,
    actor: Actor,
    columns: tuple[str, ...],
) -> Behind:
    of = found.rows
    entity = session.app.entities[of.entity]
    rights = find_rights(session.app, entity, actor)
    plan = ListPlan(session, entity, rights, ListQuery(columns=columns), actor=actor)
    labels: Labels = {}
    records: dict[int, Record] = {}
    for row in plan.among(session, sorted({record for record, _ in ids})):
        values = plan.reading.values(row)
        plan.reading.add_labels(row, values, labels)
        record = plan.masking.mark(Record(entity.key, values["id"], values.pop("version"), values, labels), row)
        records[record.id] = without_hidden(record) if record.masked else record
    there = [pair for pair in ids if pair[0] in records]
    lines = _own_rows(session, of, [row for _, row in there], _own_keys(session, of, rights), actor, labels)
    return Behind(n, of.entity, columns, tuple(records[one] for one, _ in there), lines, labels)


def _own_rows(
    session: Session, of: Rows, ids: Sequence[int], keys: Sequence[str], actor: Actor, labels: Labels
) -> tuple[Mapping[str, Any], ...]:
    """Return the values of rows that are no records; what they link to is added to ``labels``."""
    if of.lines:
        by_id = _line_rows(session, of.entity, of.lines, ids, keys, labels)
    elif of.moves:
        by_id = _move_rows(session, of, ids, keys, labels)
    elif of.changes:
        by_id = _change_rows(session, of, ids, keys, actor, labels)
    else:
        return ()
    return tuple(by_id.get(one, {}) for one in ids)


def _line_rows(
    session: Session, entity: str, lines: str, ids: Sequence[int], keys: Sequence[str], labels: Labels
) -> dict[int, Mapping[str, Any]]:
    table, fields = session.tables.lines[entity, lines], session.app.entities[entity].fields[lines].fields
    reading = reading_of(session, f"{entity}.{lines}", table, fields.values(), ("id", *keys))

    def build() -> Select[Any]:
        return select(*reading.columns).select_from(reading.source).where(is_one_of(table.c.id, "ids"))

    statement = session.prepared(("lines behind", entity, lines, tuple(keys)), build)
    by_id: dict[int, Mapping[str, Any]] = {}
    for row in statement.fetch_all(session.connection, {"ids": list(ids)}):
        values = reading.values(row)
        reading.add_labels(row, values, labels)
        by_id[values.pop("id")] = values
    return by_id


def _move_rows(
    session: Session, of: Rows, ids: Sequence[int], keys: Sequence[str], labels: Labels
) -> dict[int, Mapping[str, Any]]:
    columns = [moves.c[_OF_MOVES[key]] for key in keys]

    def build() -> Select[Any]:
        return select(moves.c.id, *columns).where(is_one_of(moves.c.id, "ids"))

    statement = session.prepared(("moves behind", of.shape, tuple(keys)), build)
    found = statement.fetch_all(session.connection, {"ids": list(ids)})
    by_id: dict[int, Mapping[str, Any]] = {row[0]: dict(zip(keys, row[1:], strict=True)) for row in found}
    people = {one[key] for one in by_id.values() for key in _PEOPLE if one.get(key) is not None}
    labels.update(people_labels(session, people))
    return by_id


def _change_rows(
    session: Session, of: Rows, ids: Sequence[int], keys: Sequence[str], actor: Actor, labels: Labels
) -> dict[int, Mapping[str, Any]]:
    entity = session.app.entities[of.entity]
    told = read_changes(session, entity, find_rights(session.app, entity, actor).hidden, ids)
    by_id: dict[int, Mapping[str, Any]] = {id_: {key: row[key] for key in keys} for id_, row in told.items()}
    people = {one["by"] for one in by_id.values() if one.get("by") is not None}
    labels.update(people_labels(session, people))
    return by_id
