"""Opening a report: its figures as their reader sees them, and what it announces to everybody who may open it.

Enters: a session, the key of a report, the actor, a period, filters. Leaves: a ``Result``. Must not let a reader who
may not open a report learn what it announces.
"""

from collections.abc import Sequence
from dataclasses import replace

from engine.compiler.app import Figure, Report
from engine.definition.model.reports import Against
from engine.people.actor import Actor
from engine.reports import asking
from engine.reports.announcing import announce
from engine.reports.asking import Filters
from engine.reports.cumulating import cumulate
from engine.reports.kept import Counting, StillCounting
from engine.reports.ordering import in_order
from engine.reports.periods import Period
from engine.reports.results import Announced, Result
from engine.reports.running import Wanted, lay_beside
from engine.storage.store import Session


def run(
    session: Session,
    report: str,
    *,
    actor: Actor,
    period: str | Period | None = None,
    filters: Filters | None = None,
    by: Sequence[str] | None = None,
    compare: Sequence[Against] | None = None,
    lenient: bool = False,
    counting: Counting | None = None,
) -> Result:
    """Return a report as the actor sees it.

    ``period`` is a name such as ``month``, ``2026-03`` or ``last 12 months``; that of the report unless given.
    ``filters`` narrow the rows to values of dimensions (``{"owner": 5, "region": ["east", "south"]}``; ``me`` is
    whoever looks); with ``lenient`` a figure without such a dimension stays as it is, and its key is in
    ``Result.ignored``. ``by`` divides it, and ``compare`` compares it, otherwise than written. What the report
    announces is in ``Result.announced``, whatever it is divided by and narrowed to. With ``counting`` nobody waits
    longer than that allows.

    Raises ``NotFound`` when the actor sees none of its figures, ``InvalidValues`` for a period, dimension or value that
    cannot be, ``NotPossibleNow`` where there would be too many groups, ``StillCounting`` with ``counting``.
    """
    written, figures = asking.find_report(session, report, actor=actor)
    wanted = Wanted(
        asking.period_of(session, period, written.period),
        written.by if by is None else tuple(by),
        written.compare if compare is None else tuple(compare),
        filters or {},
        lenient,
        counting,
        today=asking.today(session),
    )
    if by is not None:
        figures = tuple(asking.seen_figures(session, [one.key for one in figures], wanted.by, actor)) or figures
    found, announced = _both(session, written, figures, wanted, actor)
    found = cumulate(replace(found, lines=tuple(in_order(found, written.sort, written.then))), written)
    kept = found.lines[: written.top] if written.top is not None else found.lines
    return replace(found, report=written, lines=kept, more=len(found.lines) - len(kept), announced=announced)


def _both(
    session: Session, report: Report, figures: Sequence[Figure], wanted: Wanted, actor: Actor
) -> tuple[Result, Announced | None]:
    """Return figures beside each other and what the report announces; neither waits for the other."""
    waiting: list[StillCounting] = []
    found, announced = None, None
    try:
        found = lay_beside(session, figures, wanted, actor)
    except StillCounting as still:
        waiting.append(still)
    try:
        announced = announce(session, report, wanted.period, actor=actor, counting=wanted.counting)
    except StillCounting as still:
        waiting.append(still)
    if found is None or waiting:
        raise StillCounting.of(waiting, sum(len(one.figures) for one in (found, announced) if one is not None))
    return found, announced
