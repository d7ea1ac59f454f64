"""Announcing who comes first: the one thing of a report that is not inside the rights of its reader.

Enters: a report with ``announce``, its reader, the period they look at. Leaves: ``Announced``. Worked out over all
records, for a whole period that is over, under no filter, so that it is the same for everybody. Must not tell more than
it says: the name and the one figure of each of the first, and of the reader their own place and their own parts. It is
there only for who sees the report, the figure it is sorted by and what divides it: which fields are hidden from whom
holds here too, which records does not.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final

from engine.compiler.app import Report
from engine.errors import NotFound
from engine.people.actor import Actor, engine_actor
from engine.records.evaluation import site_zone
from engine.reports import asking
from engine.reports.closed import sees_whole
from engine.reports.kept import Counting, Recording
from engine.reports.naming import name_keys
from engine.reports.ordering import in_order
from engine.reports.periods import Period, find_period
from engine.reports.results import Announced, Cell, Line, Place, Result
from engine.reports.running import Wanted, lay_beside
from engine.storage.store import Session

ANNOUNCED: Final = "announced"
"""What is asked of the background: a ranking, not a figure its reader may see."""


def announce(
    session: Session,
    report: Report,
    period: Period,
    *,
    actor: Actor,
    counting: Counting | Recording | None = None,
) -> Announced | None:
    """Return what a report announces at a period; None for one that announces nothing to this reader."""
    if report.announce is None or report.sort is None:
        return None
    seen = tuple(asking.seen_figures(session, report.show, report.by, actor))
    figure = next((one for one in seen if one.key == report.sort[0]), None)
    over = _last_over(session, report, period)
    if figure is None or over is None:
        return None
    whole = engine_actor(actor.id)
    figures = tuple(asking.seen_figures(session, report.show, report.by, whole))
    asked = {"what": ANNOUNCED, "key": report.key, "period": over.plain, "by": [], "filters": {}}
    wanted = Wanted(over, report.by, (), {}, lenient=False, counting=counting, whole=asked)
    found = lay_beside(session, figures, wanted, whole)
    ranked = list(_ranked(found, report))
    first = tuple(place for place, _ in ranked if place.rank <= report.announce)
    own = next((line for line in found.lines if line.keys[0] == actor.id), None)
    shown = [at for at, one in enumerate(figures) if one in seen]
    keys = [(found.axes[0], place.person) for place in first]
    return Announced(
        period=over,
        axis=found.axes[0],
        figure=figure,
        first=first,
        most=report.announce,
        rank=next((place.rank for place, _ in ranked if place.person == actor.id), None),
        figures=tuple(figures[at] for at in shown),
        own=() if own is None else tuple(_bare(own.cells[at]) for at in shown),
        labels=name_keys(session, keys, actor=whole),
        in_part=not sees_whole(session, figure, actor=actor),
    )


def announce_again(session: Session, asked: Mapping[str, Any], *, actor: Actor, counting: Recording) -> None:
    """Work out in the background what was asked for, for whoever may still open the report."""
    report, _ = asking.find_report(session, asked["key"], actor=actor)
    if announce(session, report, Period.of(asked["period"]), actor=actor, counting=counting) is None:
        raise NotFound("report.no_report", name=report.key)


def without_own(result: Result) -> Result:
    """Return a result as a group is told it: without the place of whoever it is read for."""
    announced = result.announced
    return result if announced is None else replace(result, announced=replace(announced, rank=None, own=None))


def _last_over(session: Session, report: Report, period: Period) -> Period | None:
    """Return the last period of the report's own length that is over and ends no later than the one looked at."""
    today = session.now().astimezone(site_zone(session.app)).date()
    found = find_period(report.period, min(period.last, today))
    return found.previous if found is not None and found.last >= today else found


def _ranked(found: Result, report: Report) -> Iterator[tuple[Place, Line]]:
    """Yield everybody who has a place; those whom neither figure tells apart share one."""
    sort, then = report.sort, report.then
    if sort is None:
        return
    at = [one.key for one in found.figures].index(sort[0])
    lines = [line for line in in_order(found, sort, then) if _counts(line, at, descending=sort[1])]
    rank, before = 0, None
    for number, line in enumerate(lines, start=1):
        alike = _merit(found, line, at, then)
        rank, before = (rank if alike == before else number), alike
        yield Place(rank, line.keys[0], _value(line.cells[at])), line


def _counts(line: Line, at: int, *, descending: bool) -> bool:
    """Tell whether a line has a place: somebody with a number to judge by, above 0 where more is better."""
    cell, person = line.cells[at], line.keys[0]
    value = _value(cell)
    there = value is not None and isinstance(person, int) and cell is not None and not cell.grey
    return there and (not descending or Decimal(value) > 0)


def _merit(found: Result, line: Line, at: int, then: tuple[str, bool] | None) -> Sequence[Any]:
    """Return what decides about a place."""
    keys = [one.key for one in found.figures]
    second = keys.index(then[0]) if then is not None and then[0] in keys else None
    return _value(line.cells[at]), None if second is None else _value(line.cells[second])


def _value(cell: Cell | None) -> Any:
    return None if cell is None else cell.value


def _bare(cell: Cell | None) -> Cell | None:
    """Return a cell without what it was when a month was closed, which is told to those alone who see all of it."""
    return None if cell is None else replace(cell, closed=None)
