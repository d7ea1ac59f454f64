"""A chart as a block of a report on paper: drawn where it can be, and the table of its figures.

Enters: a chart, what a total is called. Leaves: a ``ReportBlock``. Must not leave out a figure that is drawn.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from engine.drawing.charts.chart import Chart
from engine.drawing.charts.drawn import draw_chart
from engine.drawing.charts.svg import write_svg
from engine.drawing.charts.table import view_table
from engine.printing.pdf import PrintColumn, PrintTable
from engine.printing.report import ReportBlock


def make_block(
    chart: Chart, total: str, title: str = "", notes: Sequence[str] = (), *, most: int | None = None
) -> ReportBlock:
    """Return a chart as a block; ``total`` names the row of totals, ``most`` cuts the table."""
    return {
        "title": title,
        "lines": [],
        "charts": [write_svg(plot) for plot in draw_chart(chart)],
        "table": make_table(view_table(chart), total, most=most),
        "notes": [*chart.notes, *notes],
    }


def make_announced(said: Mapping[str, Any]) -> list[ReportBlock]:
    """Return who came first as a block, and what its reader came to as another; notes stand below the last."""
    tables = [make_table(said[part]) for part in ("first", "own") if said[part] is not None]
    blocks: list[ReportBlock] = [
        {"title": "" if at else said["title"], "lines": [], "charts": [], "table": table, "notes": []}
        for at, table in enumerate(tables or [None])
    ]
    blocks[-1]["notes"] = list(said["notes"])
    return blocks


def say_cell(cell: dict[str, Any]) -> str:
    """Return a cell of a chart's table in lines: its figure, out of how many rows, and what it is compared with."""
    counted = "" if cell["n"] is None else f" (n={cell['n']})"
    return f"{cell['text']}{counted}" + "".join(f"\n{one['label']} {one['text']}" for one in cell["before"])


def make_table(table: Mapping[str, Any], total: str = "", *, most: int | None = None) -> PrintTable:
    """Return a table of figures (``by``, ``heads``, ``rows``, ``totals``) for paper; ``most`` cuts its rows."""
    rows = [[row["label"], *map(say_cell, row["cells"])] for row in table["rows"][:most]]
    if table["totals"]:
        rows.append([total, *map(say_cell, table["totals"])])
    heads: list[PrintColumn] = [{"label": head, "right": True} for head in table["heads"]]
    return {"columns": [{"label": table["by"], "right": False}, *heads], "rows": rows}
