"""A report or a dashboard below the text of a message, in lines: groups and letters know no tables.

Enters: a step, whoever reads. Leaves: what they see, and the same as plain text in their language. Must not show more
than the reader would see on a page: it asks for the report as they would.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from engine import messages
from engine.automation.wording import MISSING, say
from engine.compiler.app import Dashboard, Do, Entity, Figure, Label, Tile
from engine.errors import NotFound
from engine.expression import Env
from engine.people.actor import Actor
from engine.records.evaluation import site_zone
from engine.records.links import label_records
from engine.records.queries import Page
from engine.records.record import Labels, Record
from engine.reports import (
    Axis,
    Cell,
    Counting,
    FunnelResult,
    Line,
    Period,
    Result,
    find_dashboard,
    find_period,
    run,
    run_tile,
    seen_tiles,
)
from engine.reports.adding import say_difference
from engine.reports.announced_words import announced_lines
from engine.reports.announcing import without_own
from engine.reports.values import say_beside, say_in_unit
from engine.speaking import Speaker
from engine.storage.store import Session

MOST_LINES = 30
"""Lines of one report; a table in a message is read on a phone."""


@dataclass(frozen=True)
class Part:
    """What one report or tile came to; ``tile`` is None for a report by itself."""

    label: Label
    found: Result | FunnelResult | Page
    tile: Tile | None = None


@dataclass(frozen=True)
class Found:
    """A report or a dashboard as its reader sees it: what it is called, and its parts in order."""

    label: Label
    parts: tuple[Part, ...]


def find_shown(session: Session, step: Do, *, actor: Actor, env: Env, of_group: bool = False) -> Found:
    """Return what a step shows below its text; raises ``NotFound`` when the reader sees none of it.

    With ``of_group`` others read it too: nothing in it is about whoever looks.
    """
    found = _find_shown(session, step, actor=actor, env=env)
    if not of_group:
        return found
    parts = (
        replace(one, found=without_own(one.found)) if isinstance(one.found, Result) else one for one in found.parts
    )
    return replace(found, parts=tuple(parts))


def _find_shown(session: Session, step: Do, *, actor: Actor, env: Env) -> Found:
    if step.report:
        found = run(session, step.report, actor=actor, period=_period(step.period, env))
        label = found.report.label if found.report is not None else {}
        return Found(label, (Part(label, found),))
    board = find_dashboard(session, step.dashboard, actor=actor)
    return find_board(session, board, actor=actor, period=_period(step.period or board.period, env))


def find_board(
    session: Session,
    board: Dashboard,
    *,
    actor: Actor,
    period: Period | str | None,
    filters: Mapping[str, Any] | None = None,
    counting: Counting | None = None,
) -> Found:
    """Return what somebody sees of a dashboard; raises ``NotFound`` when that is nothing."""
    tiles = [one for row in seen_tiles(session, board, actor=actor) for one in row]
    if not tiles:
        raise NotFound("report.no_dashboard", name=board.key)
    parts = []
    for tile in tiles:
        there = run_tile(session, tile, actor=actor, period=period, filters=filters or {}, counting=counting)
        parts.append(Part(tile.label or _own_label(session, tile, there), there, tile))
    return Found(board.label, tuple(parts))


def path_of(step: Do) -> str | None:
    """Return the page of what a step shows, None where it shows nothing."""
    if not step.report and not step.dashboard:
        return None
    page = f"/reports/{step.report}" if step.report else f"/dashboards/{step.dashboard}"
    return f"{page}?{urlencode({'period': step.period})}" if step.period else page


def _own_label(session: Session, tile: Tile, found: Result | FunnelResult | Page) -> Label:
    if isinstance(found, Page):
        return session.app.entities[tile.name].label
    if isinstance(found, FunnelResult):
        return found.funnel.label
    return found.report.label if found.report is not None else found.figures[0].label


def _period(name: str | None, env: Env) -> Period | str | None:
    """Return a period as the day it is has it; names that only pages know are told as they are."""
    return None if name is None else find_period(name, env.today) or name


class Teller:
    """Tells somebody what was found, in their language."""

    def __init__(self, session: Session, actor: Actor, language: str, env: Env) -> None:
        self.session, self.actor, self.language, self.env = session, actor, language, env
        self.speaker = Speaker(language, session.app.timezone, session.app.currency)

    def text(self, found: Found) -> str:
        """Return everything in lines; between parts of several lines stands an empty one."""
        said: list[str] = []
        before = 0
        for part in found.parts:
            lines = list(self._part(part))
            if before > 1 or (before and len(lines) > 1):
                said.append("")
            said += lines
            before = len(lines)
        return "\n".join(said)

    def _part(self, part: Part) -> Iterator[str]:
        found, label = part.found, self.label(part.label)
        if isinstance(found, Page):
            yield from self._list(part, found)
        elif isinstance(found, FunnelResult):
            yield self._headed(label, found.period)
            for stand in found.total:
                share = "" if stand.rate is None else f" ({say_in_unit(self.speaker, stand.rate, 'percent')})"
                yield self._pair(self.label(stand.step.label), f"{stand.count:,}{share}")
        else:
            yield from self._result(found, label)
            difference = say_difference(self.speaker, found)
            if difference is not None:
                yield difference
            if found.announced is not None:
                yield from announced_lines(self.speaker, found.announced)

    def rows(self, part: Part, found: Page) -> Iterator[tuple[str, list[str]]]:
        """Yield the name and the columns of each record of a list."""
        entity = self.session.app.entities[part.tile.name if part.tile is not None else ""]
        names = label_records(self.session, entity.key, {one.id for one in found.records}, actor=self.actor)
        for record in found.records:
            columns = [self._column(entity, record, key, found.labels) for key in found.columns if key != "number"]
            yield names.get((entity.key, record.id)) or "", columns

    # ---- reports

    def _result(self, found: Result, label: str) -> Iterator[str]:
        if not found.axes:
            if len(found.figures) == 1:
                yield self._pair(label, self._cell(found.figures[0], found.total.cells[0]))
                return
            yield self._headed(label, found.period)
            yield from self._figures(found, found.total)
            return
        yield self._headed(label, found.period)
        for line in found.lines[:MOST_LINES]:
            yield self._pair(self._keys(found, line.keys), self._cells(found, line))
        left = found.more + len(found.lines[MOST_LINES:])
        if left:
            yield self.say("shown_more", n=left)
        if not found.lines:
            yield self.say("shown_none")
        elif len(found.lines) > 1 and not found.more:
            yield self._pair(self.say("shown_total"), self._cells(found, found.total))

    def _figures(self, found: Result, line: Line) -> Iterator[str]:
        for figure, cell in zip(found.figures, line.cells, strict=True):
            yield self._pair(self.label(figure.label), self._cell(figure, cell))

    def _cells(self, found: Result, line: Line) -> str:
        if len(found.figures) == 1:
            return self._cell(found.figures[0], line.cells[0])
        said = [
            f"{self.label(figure.label)} {self._cell(figure, cell)}"
            for figure, cell in zip(found.figures, line.cells, strict=True)
        ]
        return (", " if self.language == "en" else "，").join(said)

    def _cell(self, figure: Figure, cell: Cell | None) -> str:
        if cell is None:
            return MISSING
        if cell.small:
            return self.say("shown_few", n=figure.at_least)
        said = self._value(figure, cell.value, figure.target if cell.target is None else cell.target)
        if cell.provisional and figure.provisional is not None:
            said = self.say("shown_early", value=said, why=self.label(figure.provisional.says))
        if cell.previous is None:
            return said
        return f"{said} ({self.say('shown_before', value=self._value(figure, cell.previous.value))})"

    def _value(self, figure: Figure, value: Any, target: Decimal | None = None) -> str:
        """Say a value as the page of its report does."""
        if value is None:
            return MISSING
        if isinstance(value, datetime):
            return value.astimezone(site_zone(self.session.app)).strftime("%Y-%m-%d %H:%M")
        if isinstance(value, date):
            return value.isoformat()
        return say_beside(self.speaker, Decimal(value), target, figure.unit)[0]

    def _keys(self, found: Result, keys: Sequence[Any]) -> str:
        return " · ".join(self._key(axis, key, found.labels) for axis, key in zip(found.axes, keys, strict=True))

    def _key(self, axis: Axis, key: Any, labels: Labels) -> str:
        if key is None:
            return MISSING
        if isinstance(key, Period):
            return key.name
        if key in axis.options:
            return self.label(axis.options[key])
        target = axis.dimension.target if axis.dimension is not None else None
        if target is not None:
            return labels.get((target, key)) or f"#{key}"
        if isinstance(key, bool):
            return messages.text("automation.yes" if key else "automation.no", self.language)
        return str(key)

    # ---- lists

    def _list(self, part: Part, found: Page) -> Iterator[str]:
        label = self.label(part.label)
        yield label if found.records else self._pair(label, self.say("shown_none"))
        for number, (name, columns) in enumerate(self.rows(part, found), start=1):
            said = dict.fromkeys(one for one in (name, *columns) if one and one != MISSING)
            yield f"{number}. " + " | ".join(said)
        if found.next:
            yield "…"

    def _column(self, entity: Entity, record: Record, key: str, labels: Labels) -> str:
        if key in record.masked:
            return record.masked[key] or MISSING
        value, type_ = record.values.get(key), entity.shape.fields.get(key)
        if value is None or type_ is None:
            return MISSING
        if key == "stage" and entity.workflow is not None and value in entity.workflow.stages:
            return self.label(entity.workflow.stages[value].label)
        if type_.target is not None:
            target, listed = _LABELLED.get(type_.target, type_.target), isinstance(value, list)
            names = [labels.get((target, one)) or f"#{one}" for one in (value if listed else [value])]
            return ("、" if self.language == "zh" else ", ").join(names)
        return say(self.session, value, type_, entity.fields.get(key), self.language, self.env)

    # ---- words

    def _headed(self, label: str, period: Period) -> str:
        return label if period.name == "all" else f"{label} ({period.name})"

    def _pair(self, name: str, value: str) -> str:
        return f"{name}: {value}" if self.language == "en" else f"{name}：{value}"

    def label(self, label: Label) -> str:
        """Return a label in the reader's language."""
        return label.get(self.language) or next(iter(label.values()), "")

    def say(self, code: str, **params: object) -> str:
        """Return a sentence of automations."""
        return messages.text(f"automation.{code}", self.language, **params)


_LABELLED = {"@user": "user", "@department": "department"}
