"""A report or a dashboard below the text of a message, in lines: groups and letters know no tables.

Enters: a step, whoever reads. Leaves: plain text in the reader's language. Must not show more than the reader would see
on a page: it asks for the report as they would.
"""

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from engine import messages
from engine.automation.wording import MISSING, say
from engine.compiler.app import Do, Entity, Figure, Label, Tile
from engine.errors import NotFound
from engine.expression import Env
from engine.expression.writing import as_percentage, short
from engine.people.actor import Actor
from engine.records.evaluation import site_zone
from engine.records.links import label_records
from engine.records.queries import Page
from engine.records.record import Labels, Record
from engine.reports import (
    Axis,
    Cell,
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
from engine.storage.store import Session

MOST_LINES = 30
"""Lines of one report; a table in a message is read on a phone."""


def show(session: Session, step: Do, *, actor: Actor, language: str, env: Env) -> str:
    """Return what stands below the text; raises ``NotFound`` when the reader sees none of it."""
    return "\n".join(_Speaker(session, actor, language, env).lines(step))


class _Speaker:
    """Somebody who reads, in their language."""

    def __init__(self, session: Session, actor: Actor, language: str, env: Env) -> None:
        self.session, self.actor, self.language, self.env = session, actor, language, env

    def lines(self, step: Do) -> Iterator[str]:
        if step.report:
            period = self._period(step.period)
            found = run(self.session, step.report, actor=self.actor, period=period)
            yield from self._result(found, self._label(found.report.label if found.report is not None else {}))
        else:
            yield from self._dashboard(step)

    def _dashboard(self, step: Do) -> Iterator[str]:
        board = find_dashboard(self.session, step.dashboard, actor=self.actor)
        rows = seen_tiles(self.session, board, actor=self.actor)
        if not rows:
            raise NotFound("report.no_dashboard", name=step.dashboard)
        before: list[str] = []
        for tile in (one for row in rows for one in row):
            found = run_tile(self.session, tile, actor=self.actor, period=self._period(step.period or board.period))
            lines = list(self._tile(tile, found))
            if len(before) > 1 or (before and len(lines) > 1):
                yield ""
            yield from lines
            before = lines

    def _tile(self, tile: Tile, found: Result | FunnelResult | Page) -> Iterator[str]:
        if isinstance(found, Page):
            yield from self._list(tile, found)
        elif isinstance(found, FunnelResult):
            yield self._headed(self._label(tile.label) or self._label(found.funnel.label), found.period)
            for stand in found.total:
                share = "" if stand.rate is None else f" ({as_percentage(stand.rate)})"
                yield self._pair(self._label(stand.step.label), f"{stand.count:,}{share}")
        else:
            label = self._label(tile.label) or self._label(
                found.report.label if found.report is not None else found.figures[0].label
            )
            yield from self._result(found, label)

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
            yield self._say("shown_more", n=left)
        if not found.lines:
            yield self._say("shown_none")
        elif len(found.lines) > 1 and not found.more:
            yield self._pair(self._say("shown_total"), self._cells(found, found.total))

    def _figures(self, found: Result, line: Line) -> Iterator[str]:
        for figure, cell in zip(found.figures, line.cells, strict=True):
            yield self._pair(self._label(figure.label), self._cell(figure, cell))

    def _cells(self, found: Result, line: Line) -> str:
        if len(found.figures) == 1:
            return self._cell(found.figures[0], line.cells[0])
        said = [
            f"{self._label(figure.label)} {self._cell(figure, cell)}"
            for figure, cell in zip(found.figures, line.cells, strict=True)
        ]
        return (", " if self.language == "en" else "，").join(said)

    def _cell(self, figure: Figure, cell: Cell | None) -> str:
        if cell is None:
            return MISSING
        if cell.small:
            return self._say("shown_few", n=figure.at_least)
        said = self._value(figure, cell.value)
        if cell.previous is None:
            return said
        return f"{said} ({self._say('shown_before', value=self._value(figure, cell.previous.value))})"

    def _value(self, figure: Figure, value: Any) -> str:
        if value is None:
            return MISSING
        if isinstance(value, datetime):
            return value.astimezone(site_zone(self.session.app)).strftime("%Y-%m-%d %H:%M")
        if isinstance(value, date):
            return value.isoformat()
        if figure.unit == "percent":
            return as_percentage(round(Decimal(value), 4))
        if figure.unit == "money":
            return f"{Decimal(value):,.2f}"
        number = f"{value:,}" if isinstance(value, int) else f"{Decimal(short(round(value, 2))):,}"
        return self._say(f"unit_{figure.unit}", value=number) if figure.unit in _SPANS else number

    def _keys(self, found: Result, keys: Sequence[Any]) -> str:
        return " · ".join(self._key(axis, key, found.labels) for axis, key in zip(found.axes, keys, strict=True))

    def _key(self, axis: Axis, key: Any, labels: Labels) -> str:
        if key is None:
            return MISSING
        if isinstance(key, Period):
            return key.name
        if key in axis.options:
            return self._label(axis.options[key])
        target = axis.dimension.target if axis.dimension is not None else None
        if target is not None:
            return labels.get((target, key)) or f"#{key}"
        if isinstance(key, bool):
            return messages.text("automation.yes" if key else "automation.no", self.language)
        return str(key)

    # ---- lists

    def _list(self, tile: Tile, found: Page) -> Iterator[str]:
        entity = self.session.app.entities[tile.name]
        label = self._label(tile.label) or self._label(entity.label)
        yield label if found.records else self._pair(label, self._say("shown_none"))
        names = label_records(self.session, entity.key, {one.id for one in found.records}, actor=self.actor)
        for number, record in enumerate(found.records, start=1):
            name = names.get((entity.key, record.id))
            said = [self._column(entity, record, key, found.labels) for key in found.columns if key != "number"]
            yield f"{number}. " + " | ".join(dict.fromkeys(one for one in (name, *said) if one and one != MISSING))
        if found.next:
            yield "…"

    def _column(self, entity: Entity, record: Record, key: str, labels: Labels) -> str:
        if key in record.masked:
            return record.masked[key] or MISSING
        value, type_ = record.values.get(key), entity.shape.fields.get(key)
        if value is None or type_ is None:
            return MISSING
        if key == "stage" and entity.workflow is not None and value in entity.workflow.stages:
            return self._label(entity.workflow.stages[value].label)
        if type_.target is not None:
            return labels.get((_LABELLED.get(type_.target, type_.target), value)) or f"#{value}"
        return say(self.session, value, type_, entity.fields.get(key), self.language, self.env)

    # ---- words

    def _period(self, name: str | None) -> Period | str | None:
        """Return a period as the day it is has it; names that only pages know are told as they are."""
        if name is None:
            return None
        return find_period(name, self.env.today) or name

    def _headed(self, label: str, period: Period) -> str:
        return label if period.name == "all" else f"{label} ({period.name})"

    def _pair(self, name: str, value: str) -> str:
        return f"{name}: {value}" if self.language == "en" else f"{name}：{value}"

    def _label(self, label: Label) -> str:
        return label.get(self.language) or next(iter(label.values()), "")

    def _say(self, code: str, **params: object) -> str:
        return messages.text(f"automation.{code}", self.language, **params)


_SPANS = frozenset({"minutes", "hours", "days"})
_LABELLED = {"@user": "user", "@department": "department"}
