"""What is asked of a report: which figures are there for somebody, by what divided, narrowed to what, over what time.

Enters: keys, texts and values as pages, commands and examples give them. Leaves: compiled figures and dimensions,
``Narrowing`` and ``Period`` values. Must not let a figure or dimension that reads what somebody may not see be told
from one that does not exist.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from engine.compiler.app import Dimension, Figure, Funnel, Report
from engine.compiler.app.reports import OWN_DATE, SPANS, Span
from engine.errors import FieldError, InvalidValues, NotFound
from engine.expression import Kind
from engine.people.actor import Actor
from engine.records.evaluation import site_zone
from engine.records.filters import ME
from engine.records.values import said
from engine.reports.dividing import MOST_VALUES, Narrowing
from engine.reports.periods import Period, find_period
from engine.reports.seeing import may_read
from engine.reports.statement import Question
from engine.storage.store import Session

Filters = Mapping[str, Any]
"""By the key of a dimension the value rows must have, or a list of those they may have; None for none at all."""

MISSING: Final = "-"
"""Stands for no value where a filter is written as text."""


def find_figure(session: Session, key: str, *, actor: Actor) -> Figure:
    """Return a figure; raises ``NotFound`` for one that is not there for the actor."""
    found = session.app.figures.get(key)
    if found is None or not sees_figure(session, found, actor):
        raise NotFound("report.no_figure", name=said(key))
    return found


def find_report(session: Session, key: str, *, actor: Actor) -> tuple[Report, tuple[Figure, ...]]:
    """Return a report and its figures that are there for the actor; raises ``NotFound`` when none is."""
    found = session.app.reports.get(key)
    figures = () if found is None else tuple(seen_figures(session, found.show, found.by, actor))
    if found is None or not figures:
        raise NotFound("report.no_report", name=said(key))
    return found, figures


def find_funnel(session: Session, key: str, *, actor: Actor) -> Funnel:
    """Return a funnel; raises ``NotFound`` for one that is not there for the actor."""
    found = session.app.funnels.get(key)
    if found is None or not may_read(session.app, found.reads, found.rows.entity, actor):
        raise NotFound("report.no_funnel", name=said(key))
    return found


def list_reports(session: Session, *, actor: Actor) -> list[Report]:
    """Return the reports that have a figure for the actor."""
    reports = session.app.reports.values()
    return [one for one in reports if any(True for _ in seen_figures(session, one.show, one.by, actor))]


def list_funnels(session: Session, *, actor: Actor) -> list[Funnel]:
    """Return the funnels that are there for the actor."""
    funnels = session.app.funnels.values()
    return [one for one in funnels if may_read(session.app, one.reads, one.rows.entity, actor)]


def seen_figures(session: Session, keys: Iterable[str], by: Sequence[str], actor: Actor) -> Iterable[Figure]:
    """Yield those of some figures that are there for the actor, divided so."""
    for key in keys:
        figure = session.app.figures[key]
        divided = [find_dimension(session, figure, one, actor) for one in by if not is_own_date(one)]
        if sees_figure(session, figure, actor) and None not in divided:
            yield figure


def sees_figure(session: Session, figure: Figure, actor: Actor) -> bool:
    """Tell whether a figure is there for the actor."""
    return may_read(session.app, figure.reads, figure.rows.entity, actor)


def sees_dimension(session: Session, figure: Figure | Funnel, dimension: Dimension, actor: Actor) -> bool:
    """Tell whether the actor may divide and filter by a dimension."""
    return may_read(session.app, dimension.reads, figure.rows.entity, actor)


def dimensions_of(session: Session, figure: Figure | Funnel, *, actor: Actor) -> dict[str, Dimension]:
    """Return the dimensions the actor may divide a figure by, beside that of its own date."""
    found = {key: find_dimension(session, figure, key, actor) for key in figure.rows.dimensions}
    return {key: one for key, one in found.items() if one is not None}


def list_by_person(session: Session, entity: str, *, actor: Actor) -> list[Figure]:
    """Return the figures over an entity that the actor may divide by people: what they are told of each of them."""
    return [
        one
        for one in session.app.figures.values()
        if one.rows.entity == entity
        and sees_figure(session, one, actor)
        and any(known.target == "user" for known in dimensions_of(session, one, actor=actor).values())
    ]


def find_dimension(session: Session, figure: Figure | Funnel, key: str, actor: Actor) -> Dimension | None:
    """Return a dimension of a figure, if the actor may divide by it and what the figure is made with has it too."""
    found = figure.rows.dimensions.get(key)
    if found is None or not sees_dimension(session, figure, found, actor):
        return None
    inputs = figure.inputs if isinstance(figure, Figure) else ()
    others = (session.app.figures[one.figure] for one in inputs if one.each != key)
    return found if all(find_dimension(session, one, key, actor) is not None for one in others) else None


def is_own_date(key: str) -> bool:
    """Tell whether a key divides by the date of each figure (``date.month``)."""
    first, _, span = key.partition(".")
    return first == OWN_DATE and span in SPANS


def own_span(by: Sequence[str]) -> Span | None:
    """Return the span by which the date of each figure is divided, if it is."""
    found = [one.partition(".")[2] for one in by if is_own_date(one)]
    return next((span for span in SPANS if span in found), None)


def divided_by(session: Session, figure: Figure | Funnel, by: Sequence[str], actor: Actor) -> tuple[Dimension, ...]:
    """Return the dimensions of these keys, less that of the figure's own date; raises ``InvalidValues``."""
    return tuple(_require(session, figure, key, actor) for key in by if not is_own_date(key))


def today(session: Session) -> date:
    """Return the day it is where the site lives."""
    return session.now().astimezone(site_zone(session.app)).date()


def period_of(session: Session, text: str | Period | None, otherwise: str) -> Period:
    """Return the period of a name, as the day it is where the site lives has it; raises ``InvalidValues``."""
    if isinstance(text, Period):
        return text
    found = find_period(text or otherwise, today(session))
    if found is None:
        raise InvalidValues([FieldError("period", "report.bad_period", {"name": said(str(text))})])
    return found


def narrowed_to(
    session: Session, figure: Figure | Funnel, filters: Filters, actor: Actor, *, lenient: bool = False
) -> tuple[list[Narrowing], list[str]]:
    """Return what filters narrow a figure to, and the keys of those that it has no dimension for.

    Raises ``InvalidValues`` for a value that cannot be, and for a missing dimension unless ``lenient``.
    """
    found, ignored = [], []
    for key, raw in filters.items():
        if lenient and find_dimension(session, figure, key, actor) is None:
            ignored.append(key)
            continue
        dimension = _require(session, figure, key, actor)
        many = raw if isinstance(raw, list | tuple) else [raw]
        found.append(Narrowing(dimension, tuple(_typed(dimension, one, actor) for one in many[:MOST_VALUES])))
    return found, ignored


def plain_filters(filters: Filters) -> dict[str, list[str]]:
    """Return filters as texts, as they are read again."""
    many = {key: raw if isinstance(raw, list | tuple) else [raw] for key, raw in filters.items()}
    return {key: [MISSING if one is None else str(one) for one in some] for key, some in many.items()}


def question_of(figure: Figure) -> Question:
    """Return what a figure asks of its rows."""
    return Question(figure.key, figure.rows, figure.date, figure.where, figure.parts, figure.reads, not figure.of_now)


def _require(session: Session, figure: Figure | Funnel, key: str, actor: Actor) -> Dimension:
    found = find_dimension(session, figure, key, actor)
    if found is None:
        raise InvalidValues([FieldError(said(key), "report.no_dimension", {"name": said(key)})])
    return found


def _typed(dimension: Dimension, raw: Any, actor: Actor) -> Any:
    """Return a value of a dimension, as typed or as it stands in a result."""
    if raw is None or raw in ("", MISSING):
        return None
    if raw == ME and dimension.target == "user":
        return actor.id
    try:
        return _read(dimension, raw)
    except (ValueError, InvalidOperation):
        params = {"name": said(dimension.key), "value": said(str(raw))}
        raise InvalidValues([FieldError(dimension.key, "report.bad_value", params)]) from None


def _read(dimension: Dimension, raw: Any) -> Any:
    kind = dimension.type.kind
    if dimension.span is not None:
        return raw if isinstance(raw, date) and not isinstance(raw, datetime) else date.fromisoformat(str(raw))
    if dimension.target is not None or dimension.buckets:
        number = int(raw)
        if not 0 <= number < 2**63:
            raise ValueError
        return number
    if kind in (Kind.CHOICE, Kind.CHOICES):
        if raw not in dimension.type.options:
            raise ValueError
        return raw
    if kind is Kind.BOOLEAN:
        if str(raw).lower() not in _SPOKEN:
            raise ValueError
        return _SPOKEN[str(raw).lower()]
    return str(raw) if kind is Kind.TEXT else Decimal(str(raw))


_SPOKEN: Final = {"true": True, "1": True, "false": False, "0": False}
