"""From written dashboards to compiled ones.

Enters: the definitions and what ``reports.py`` compiled. Leaves: ``Dashboard`` by key. Must not judge what each role
may see: that is asked when somebody looks.
"""

from collections.abc import Iterator, Sequence

from engine.compiler.app import Dashboard, Rows, Tile
from engine.compiler.app.reports import Read
from engine.compiler.compilation import Compilation
from engine.compiler.reports import Reporting
from engine.definition.model import DashboardDefinition, Reference, TileDefinition
from engine.drawing.charts.fitting import fitting_kinds
from engine.expression import BOOLEAN


def compile_dashboards(compilation: Compilation, reporting: Reporting) -> Iterator[Dashboard]:
    """Yield every dashboard."""
    for written in compilation.definition.dashboards.values():
        yield _Board(compilation, reporting, written).compile()


class _Board:
    """One dashboard being compiled."""

    def __init__(self, compilation: Compilation, reporting: Reporting, written: DashboardDefinition) -> None:
        self.compilation = compilation
        self.reporting = reporting
        self.written = written
        self.path = f"dashboards.{written.key}"

    def compile(self) -> Dashboard:
        written = self.written
        rows = [
            [self._tile(tile, f"{self.path}.tiles.tile_{at}_{place}") for place, tile in enumerate(row, start=1)]
            for at, row in enumerate(written.rows, start=1)
        ]
        found = tuple(tuple(one for one in row if one is not None) for row in rows)
        return Dashboard(
            key=written.key,
            label=self.compilation.label(self.path, written.label),
            location=written.location,
            roles=frozenset(self.compilation.require_all(written.for_, self.compilation.definition.roles, "E003")),
            period=written.period,
            filters=tuple(one.name for one in written.filters if self._filters(one, found)),
            rows=tuple(row for row in found if row),
            receipts=frozenset(
                self.compilation.require_all(written.receipts, self.compilation.definition.roles, "E003")
            ),
            trial=written.trial,
        )

    def _tile(self, written: TileDefinition, path: str) -> Tile | None:
        label = self.compilation.label(path, written.label)
        if written.kind == "list":
            return self._list(written, path)
        require = {
            "figure": lambda one: self.reporting.require_figure(one, ""),
            "report": self.reporting.require_report,
            "funnel": self.reporting.require_funnel,
        }[written.kind]
        name = require(written.name)
        if name is None:
            return None
        self._check_chart(written, name)
        return Tile(written.kind, name, label, period=written.period, compare=written.compare, chart=written.chart)

    def _check_chart(self, written: TileDefinition, name: str) -> None:
        """A report is drawn as what its figures and dimensions can be drawn."""
        if written.chart is None or written.kind != "report":
            return
        report, figures = self.reporting.reports[name], self.reporting.figures
        units = [figures[one].unit for one in report.show]
        fitting = fitting_kinds(len(report.by), units, adds=report.adds is not None)
        if written.chart not in fitting:
            known = ", ".join(fitting)
            self.compilation.refuse("K016", written.location, name=name, chart=written.chart, known=known)

    def _list(self, written: TileDefinition, path: str) -> Tile | None:
        compilation, entities = self.compilation, self.reporting.sources.entities
        label = compilation.label(path, written.label)
        key = compilation.require(written.name, compilation.definition.entities, "E001")
        if key is None:
            return None
        entity = entities[key]
        known = [key for key in entity.value_keys if key != "version"]
        where = compilation.expression(written.where, key, BOOLEAN, sql=True)
        reads: frozenset[Read] = self.reporting.sources.reads(where.checked if where is not None else None)
        columns = compilation.require_all(written.columns, known, "E002", entity=key)
        return Tile(
            "list", key, label, where=where, reads=reads, columns=columns or entity.columns,
            sort=self._sort(written, written.sort, key, known), then=self._sort(written, written.then, key, known),
            top=written.top or 10,
        )  # fmt: skip

    def _sort(
        self, written: TileDefinition, by: str | None, entity: str, known: Sequence[str]
    ) -> tuple[str, bool] | None:
        if by is None:
            return None
        name = Reference(by.removeprefix("-"), written.location)
        found = self.compilation.require(name, known, "E002", entity=entity)
        return None if found is None else (found, by.startswith("-"))

    def _filters(self, reference: Reference, rows: tuple[tuple[Tile | None, ...], ...]) -> bool:
        """A filter must divide what is shown by some tile; the others are shown as they are."""
        shown = [one for tiles in rows for tile in tiles if tile is not None for one in self._rows_of(tile)]
        if any(self.reporting.sources.need(one, reference.name) is not None for one in shown):
            return True
        known = sorted({key for one in shown for key in one.dimensions})
        self.compilation.require(reference, known, "K006", source=self.written.key)
        return False

    def _rows_of(self, tile: Tile) -> list[Rows]:
        reporting = self.reporting
        if tile.kind == "funnel":
            return [reporting.funnels[tile.name].rows]
        if tile.kind == "list":
            return []
        figures = [tile.name] if tile.kind == "figure" else reporting.reports[tile.name].show
        return [reporting.figures[one].rows for one in figures]
