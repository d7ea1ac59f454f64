"""From written figures, reports, funnels and dashboards to compiled ones.

Enters: the definitions and the compiled entities. Leaves: ``Figure``, ``Report``, ``Funnel`` and ``Dashboard`` by key.
Must not let through what nobody could be shown: a dimension the rows do not have, a comparison with a time before for
a figure of now, a figure that depends on who asks.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Final

from engine import messages
from engine.compiler.adding import compile_adds
from engine.compiler.app import USER, Entity, Figure, Funnel, FunnelStep, Label, Report, Rows
from engine.compiler.app.reports import OWN_DATE, SPANS, Input, Provisional, Read
from engine.compiler.compilation import Compilation
from engine.compiler.cumulating import can_cumulate
from engine.compiler.report_rows import Sources
from engine.definition.model import (
    DimensionDefinition,
    ExpressionText,
    FigureDefinition,
    FunnelDefinition,
    LayoutDefinition,
    Reference,
    ReportsDefinition,
)
from engine.definition.model.reports import InputDefinition, ProvisionalDefinition, Taking, Unit
from engine.drawing.charts.fitting import fitting_kinds
from engine.expression import BOOLEAN, Checked, Kind, Type, check, compile_python, parse
from engine.expression.types import MAX_PLACES, NUMERIC

MOST_DIMENSIONS: Final = 3
_UNITS: Final[Mapping[Kind, Unit]] = {Kind.MONEY: "money", Kind.PERCENT: "percent", Kind.NUMBER: "number"}
_DATED: Final = (Kind.DATE, Kind.DATETIME)


class Reporting:
    """The reports of an app being compiled."""

    def __init__(self, compilation: Compilation, entities: Mapping[str, Entity]) -> None:
        self.compilation = compilation
        self.sources = Sources(compilation, entities)
        self.figures: dict[str, Figure] = {}
        self.reports: dict[str, Report] = {}
        self.funnels: dict[str, Funnel] = {}
        self._spoilt: set[str] = set()
        self._written: dict[str, tuple[ReportsDefinition, FigureDefinition]] = {}
        self._making: set[str] = set()

    def compile(self) -> None:
        """Compile every ``reports.yaml``, figures before what shows them."""
        files = [one for one in self.compilation.definition.reports.values() if self._entity(one) is not None]
        for file in files:
            for dimension in file.dimensions.values():
                self._dimension(file, dimension)
        for file in files:
            self._written |= {f"{file.key}.{key}": (file, figure) for key, figure in file.figures.items()}
        for key in self._written:
            self._make_figure(key)
        for file in files:
            self._targets(file)
            for layout in file.layouts.values():
                self._layout(file, layout)
            for funnel in file.funnels.values():
                self._funnel(file, funnel)

    def _entity(self, file: ReportsDefinition) -> str | None:
        known = self.compilation.require(file.entity, self.compilation.definition.entities, "E001")
        if known is None:
            self.compilation.set_aside(f"reports.{file.key}")
            self._spoilt |= {f"{file.key}.{key}" for key in (*file.figures, *file.layouts, *file.funnels)}
        return known

    # ---- dimensions

    def _dimension(self, file: ReportsDefinition, written: DimensionDefinition) -> None:
        entity, shapes = file.entity.name, self.sources.shapes
        label = self.compilation.label(f"reports.{file.key}.dimensions.{written.key}", written.label)
        value = self.compilation.counted(written.value, shapes, entity)
        if value is None:
            return
        if written.buckets and value.type.kind not in NUMERIC:
            self.compilation.refuse("K002", written.location, name=written.key)
        elif list(written.buckets) != sorted(written.buckets):
            self.compilation.refuse("K003", written.location, name=written.key)
        else:
            self.sources.add_dimension(entity, written, label)
            if self.sources.need(self.sources.rows(entity), written.key) is None:
                self.compilation.refuse("K004", written.value.location, name=written.key)

    def require_dimension(self, rows: Rows, reference: Reference, *, dated: bool) -> str | None:
        """Return the key of a dimension that these rows have, or None after noting that they do not."""
        key = reference.name
        if _is_own_date(key):
            if not dated:
                self.compilation.refuse("K005", reference.location, name=key)
            return key if dated else None
        if self.sources.need(rows, key) is not None:
            return key
        known = [*rows.dimensions, *(f"{OWN_DATE}.{one}" for one in SPANS if dated)]
        return self.compilation.require(reference, known, "K006", source=rows.shape.lstrip("@"))

    # ---- figures

    def _make_figure(self, key: str) -> Figure | None:
        """Return a figure that is written, those it is made with compiled before it; None when it is wrong."""
        if key not in self.figures and key not in self._spoilt:
            self._making.add(key)
            self._add_figure(*self._written[key])
            self._making.discard(key)
        return self.figures.get(key)

    def _inputs(self, file: ReportsDefinition, written: FigureDefinition) -> dict[Input, Figure] | None:
        """Return what a figure is made with; None after noting what is wrong with it."""
        found = {one: self._input(file, one) for one in written.with_.values()}
        made = {
            Input(one.key, figure.key, one.each.name if one.each else None, one.take): figure
            for one, figure in found.items()
            if figure is not None
        }
        return made if len(made) == len(found) else None

    def _input(self, file: ReportsDefinition, written: InputDefinition) -> Figure | None:
        key = self._require(written.figure, self._written, file.key, "K010")
        if key is not None and key in self._making:
            self.compilation.refuse("D127", written.figure.location, name=written.figure.name)
            return None
        figure = self._make_figure(key) if key is not None else None
        if figure is None or written.each is None:
            return figure
        if written.take not in ("min", "max") and figure.value.type.kind not in NUMERIC:
            self.compilation.refuse("K007", written.location, kind=_said(figure.value.type.kind))
            return None
        known = self.require_dimension(figure.rows, written.each, dated=not figure.of_now)
        return figure if known is not None else None

    def _add_figure(self, file: ReportsDefinition, written: FigureDefinition) -> None:
        compilation, key = self.compilation, f"{file.key}.{written.key}"
        path = f"reports.{file.key}.figures.{written.key}"
        label, help_ = compilation.label(path, written.label), compilation.label(f"{path}.help", written.help)
        rows = self._rows(file, written.of)
        if rows is None:
            self._spoilt.add(key)
            return
        date, where = self._date(written.date, rows), self._condition(written.where, rows)
        inputs = self._inputs(file, written)
        types = {one.name: _taken(figure.value.type, one.take) for one, figure in (inputs or {}).items()}
        value = None
        if inputs is not None:
            value = compilation.figure(written.value, self.sources.shapes, rows.shape, types)
        early = self._provisional(written.provisional, rows, types, path)
        wrong = (written.date, date), (written.where, where), (written.provisional, early)
        if value is None or inputs is None or any(said is not None and found is None for said, found in wrong):
            self._spoilt.add(key)
            return
        if value.type.kind not in (*NUMERIC, *_DATED):
            compilation.refuse("K007", written.value.location, kind=_said(value.type.kind))
        asked = tuple(one for one in (date, where, *value.asked) if one is not None)
        asked += early.when.asked if early is not None else ()
        wholes = (value.whole, *([early.when.whole] if early is not None else []))
        timed = date is not None or any(name.startswith("period.") for one in (*asked, *wholes) for name in one.context)
        timed = timed or any(not one.of_now for one in inputs.values())
        others = frozenset().union(*(self._input_reads(one, figure) for one, figure in inputs.items()))
        self.figures[key] = Figure(
            key=key, label=label, help=help_, location=written.location, rows=rows, date=date, where=where, value=value,
            unit=written.unit or _UNITS.get(value.type.kind, "number"), better=written.better, target=written.target,
            target_from=None, at_least=written.at_least or 0, hide_below=written.hide_below or 0,
            digest=_digest(rows.shape, written.date, written.where, written.value, made_with=inputs),
            reads=self.sources.reads(*asked) | others, of_now=not timed, run=compile_python(value.whole),
            was=f"{file.key}.{written.was}" if written.was else None, inputs=tuple(inputs), closes=written.closes,
            provisional=early,
        )  # fmt: skip
        if written.closes is not None and (not timed or value.type.kind not in NUMERIC):
            compilation.refuse("K017", written.location, name=written.key)

    def _provisional(
        self, written: ProvisionalDefinition | None, rows: Rows, given: Mapping[str, Type], path: str
    ) -> Provisional | None:
        if written is None:
            return None
        says = self.compilation.label(f"{path}.provisional", written.says)
        when = self.compilation.figure(written.when, self.sources.shapes, rows.shape, given, BOOLEAN)
        return None if when is None else Provisional(when, says, compile_python(when.whole))

    def _input_reads(self, one: Input, figure: Figure) -> frozenset[Read]:
        """Return what is read of another figure that one is made with, what it is taken over included."""
        found = {(figure.rows.entity, "id"), *figure.reads}
        if one.each is not None and not _is_own_date(one.each):
            for divided in self._with_inputs([figure], one.each):
                dimension = self.sources.dimension(divided.rows, one.each)
                found |= dimension.reads if dimension is not None else set()
        return frozenset(found)

    def _rows(self, file: ReportsDefinition, of: Reference | None) -> Rows | None:
        entity = file.entity.name
        if of is None:
            return self.sources.rows(entity)
        name = self.compilation.require(of, self.sources.names(entity), "K008", entity=entity)
        return None if name is None else self.sources.rows(name)

    def _date(self, written: ExpressionText | None, rows: Rows) -> Checked | None:
        found = self.compilation.counted(written, self.sources.shapes, rows.shape)
        if found is not None and written is not None and found.type.kind not in _DATED:
            self.compilation.refuse("K009", written.location, kind=_said(found.type.kind))
            return None
        return found

    def _condition(self, written: ExpressionText | None, rows: Rows) -> Checked | None:
        return self.compilation.counted(written, self.sources.shapes, rows.shape, BOOLEAN)

    def _targets(self, file: ReportsDefinition) -> None:
        for written in file.figures.values():
            found = self.figures.get(f"{file.key}.{written.key}")
            if written.target_from is not None and found is not None:
                self.figures[found.key] = replace(found, target_from=self.require_figure(written.target_from, file.key))

    def require_figure(self, reference: Reference, file: str) -> str | None:
        """Return the key of a figure, named by itself within its file; None after noting that there is none."""
        return self._require(reference, self.figures, file, "K010")

    def _require(self, reference: Reference, known: Mapping[str, object], file: str, code: str) -> str | None:
        name = reference.name if "." in reference.name else f"{file}.{reference.name}"
        if name in known or name in self._spoilt:
            return name if name in known else None
        own = [key.partition(".")[2] for key in known if key.startswith(f"{file}.")]
        return self.compilation.require(reference, [*own, *known], code)

    def require_report(self, reference: Reference) -> str | None:
        """Return the key of a report; None after noting that there is none."""
        return self._require(reference, self.reports, "", "K011")

    def require_funnel(self, reference: Reference) -> str | None:
        """Return the key of a funnel; None after noting that there is none."""
        return self._require(reference, self.funnels, "", "K012")

    # ---- reports

    def _layout(self, file: ReportsDefinition, written: LayoutDefinition) -> None:
        compilation, key = self.compilation, f"{file.key}.{written.key}"
        path = f"reports.{file.key}.layouts.{written.key}"
        label, help_ = compilation.label(path, written.label), compilation.label(f"{path}.help", written.help)
        named = {one.name: self.require_figure(one, file.key) for one in written.show}
        shown = [self.figures[one] for one in named.values() if one is not None]
        if len(shown) < len(named):
            self._spoilt.add(key)
            return
        by = tuple(one.name for one in written.by if self._divides(one, shown))
        self._check_size(by, written.by)
        timed = [one for one in shown if not one.of_now]
        if not timed and {"previous", "last_year"} & set(written.compare):
            compilation.refuse("K013", written.location, name=written.key)
        self._check_chart(written, shown)
        report = Report(
            key=key, label=label, help=help_, location=written.location, show=tuple(one.key for one in shown), by=by,
            period=written.period, compare=written.compare, chart=written.chart,
            sort=self._sort(written.sort, written, named, by), then=self._sort(written.then, written, named, by),
            top=written.top,
            was=f"{file.key}.{written.was}" if written.was else None, announce=written.announce,
            cumulative=written.cumulative, adds=compile_adds(compilation, written, named, self.figures),
        )  # fmt: skip
        self.reports[key] = report
        if written.announce is not None and not self._ranks_people(report):
            compilation.refuse("K018", written.location, name=written.key)
        if report.cumulative and not self._cumulates(report):
            compilation.refuse("K019", written.location, name=written.key)

    def _cumulates(self, report: Report) -> bool:
        figure = self.figures.get(report.sort[0]) if report.sort is not None else None
        divided = figure is not None and len(report.by) == 1 and not _is_own_date(report.by[0])
        dimension = self.sources.dimension(figure.rows, report.by[0]) if divided and figure is not None else None
        return can_cumulate(report, figure, dimension, self.figures)

    def _check_chart(self, written: LayoutDefinition, shown: Iterable[Figure]) -> None:
        """A report is drawn as what its figures and dimensions can be drawn; a table always holds them."""
        if written.chart == "waterfall" and written.adds is None:
            self.compilation.refuse("K020", written.location, name=written.key)
            return
        fitting = fitting_kinds(len(written.by), [one.unit for one in shown], adds=written.adds is not None)
        if written.chart != "table" and written.chart not in fitting:
            known = ", ".join(fitting)
            self.compilation.refuse("K016", written.location, name=written.key, chart=written.chart, known=known)

    def _ranks_people(self, report: Report) -> bool:
        """Tell whether a report says who of some people comes first over a period that ends, the best first."""
        figure = self.figures[report.sort[0]] if report.sort is not None and report.sort[0] in report.show else None
        if figure is None or report.sort is None or len(report.by) != 1 or _is_own_date(report.by[0]):
            return False
        dimension = self.sources.dimension(figure.rows, report.by[0])
        people = dimension is not None and dimension.target == USER and not dimension.many
        best = figure.better is None or report.sort[1] == (figure.better == "more")
        return people and best and not figure.of_now and figure.value.type.kind in NUMERIC and report.period in SPANS

    def _divides(self, reference: Reference, shown: Iterable[Figure]) -> bool:
        every = _each_rows(self._with_inputs(shown, reference.name))
        found = [self.require_dimension(one.rows, reference, dated=not one.of_now) for one in every]
        return bool(found) and all(one is not None for one in found)

    def _with_inputs(self, shown: Iterable[Figure], key: str) -> Iterator[Figure]:
        """Yield figures and those that are divided by ``key`` along with them."""
        for figure in shown:
            yield figure
            divided = [self.figures[one.figure] for one in figure.inputs if one.each != key]
            yield from self._with_inputs([one for one in divided if not (_is_own_date(key) and one.of_now)], key)

    def _check_size(self, by: tuple[str, ...], written: tuple[Reference, ...]) -> None:
        if len(by) > MOST_DIMENSIONS:
            self.compilation.refuse("K014", written[MOST_DIMENSIONS].location, most=MOST_DIMENSIONS)

    def _sort(
        self, said: str | None, written: LayoutDefinition, named: Mapping[str, str | None], by: tuple[str, ...]
    ) -> tuple[str, bool] | None:
        if said is None:
            return None
        name = said.removeprefix("-")
        known = self.compilation.require(Reference(name, written.location), [*named, *by], "K015")
        return None if known is None else (named.get(known) or known, said.startswith("-"))

    # ---- funnels

    def _funnel(self, file: ReportsDefinition, written: FunnelDefinition) -> None:
        compilation, key = self.compilation, f"{file.key}.{written.key}"
        path = f"reports.{file.key}.funnels.{written.key}"
        label, help_ = compilation.label(path, written.label), compilation.label(f"{path}.help", written.help)
        rows = self._rows(file, written.of)
        if rows is None:
            self._spoilt.add(key)
            return
        date, where = self._date(written.date, rows), self._condition(written.where, rows)
        steps = tuple(
            FunnelStep(
                one.key, compilation.label(f"{path}.steps.{one.key}", one.label), self._condition(one.when, rows)
            )
            for one in written.steps.values()
        )
        by = tuple(one.name for one in written.by if self.require_dimension(rows, one, dated=False) is not None)
        self._check_size(by, written.by)
        still = self._open(rows)
        whens = [one.when for one in written.steps.values()]
        self.funnels[key] = Funnel(
            key=key, label=label, help=help_, location=written.location, rows=rows, date=date, where=where, steps=steps,
            open=still, by=by, period=written.period, digest=_digest(rows.shape, written.date, written.where, *whens),
            reads=self._funnel_reads(date, where, still, steps),
            was=f"{file.key}.{written.was}" if written.was else None,
        )  # fmt: skip

    def _funnel_reads(
        self, date: Checked | None, where: Checked | None, still: Checked | None, steps: Iterable[FunnelStep]
    ) -> frozenset[Read]:
        return self.sources.reads(date, where, still, *(one.when for one in steps))

    def _open(self, rows: Rows) -> Checked | None:
        """Return what holds of a record that is in no outcome yet; None for one without stages."""
        workflow = self.sources.entities[rows.entity].workflow
        ends = [one.key for one in workflow.stages.values() if one.outcome] if workflow is not None else []
        if not ends:
            return None
        text = f"stage not in [{', '.join(repr(one) for one in ends)}]"
        return check(parse(text), self.sources.shapes, rows.shape, text=text, counted=True)


def _each_rows(shown: Iterable[Figure]) -> list[Figure]:
    """Return one figure for each kind of rows, dated or not."""
    return list({(one.rows.shape, one.of_now): one for one in shown}.values())


def _said(kind: Kind) -> Label:
    return {language: messages.text(f"expression.kind.{kind.value}", language) for language in messages.LANGUAGES}


def _taken(type_: Type, take: Taking | None) -> Type:
    """Return the type of what is made of values of a figure."""
    return replace(type_, scale=MAX_PLACES) if take in ("avg", "median", "p90") else type_


def _is_own_date(key: str) -> bool:
    """Tell whether a key divides by the date of each figure (``date.month``)."""
    first, _, span = key.partition(".")
    return first == OWN_DATE and span in SPANS


def _digest(shape: str, *texts: ExpressionText | None, made_with: Mapping[Input, Figure] | None = None) -> str:
    said = [shape, *("" if one is None else " ".join(one.text.split()) for one in texts)]
    for one, figure in (made_with or {}).items():
        said += [one.name, one.each or "", one.take or "", figure.digest]
    return hashlib.sha256("\x1f".join(said).encode()).hexdigest()[:12]
