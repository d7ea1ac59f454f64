"""A report as a spreadsheet: real numbers in cells, how they are defined on a second sheet.

Enters: what a page shows. Leaves: an XLSX file for its reader. Must not write a number as text, nor round it: a
spreadsheet formats it.
"""

import io
from collections.abc import Collection, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from flask import Response, g, send_file

from engine.compiler.app import Figure, Funnel
from engine.drawing.charts.chart import NOTHING
from engine.drawing.charts.chart import Cell as Drawn
from engine.printing.workbook import WorkbookWriter
from engine.reports.adding import say_difference
from engine.reports.announced_words import name_of, say_announced, title_of
from engine.reports.closed import closed_months_of
from engine.reports.keys import say_key
from engine.reports.results import Announced, Cell, FunnelResult, Line, Result
from engine.reports.spans import say_period
from web.gate import locale, now
from web.reporting.address import Asked
from web.reporting.closed_view import say_open, say_version
from web.reporting.definitions import view_definition
from web.reporting.filtering import say_filters
from web.reporting.report_page import Shown, make_charting

_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_TWO = 2
_CLOSED = ("then", "on", "version", "adjusted")
_FORMATS = {"percent": "0.0%", "number": "", "minutes": "#,##0.0", "hours": "#,##0.0", "days": "#,##0.0"}


def send_sheet(asked: Asked, shown: Shown) -> Response:
    """Return a report as a file: its dimensions, its figures, how many rows each was worked out of, its totals."""
    text, result = locale(), shown.result
    file = io.BytesIO()
    heads = [text.label(axis.label) for axis in result.axes]
    width = len(heads)
    formats: dict[int, str] = {}
    closed = frozenset(figure.key for figure, *_ in closed_months_of(result))
    for figure in result.figures:
        for head, pattern in _columns(figure, shown, closed):
            formats[len(heads)] = pattern
            heads.append(head)
    if width == _TWO:
        book = _pivot(file, asked, shown)
        table = book.table(heads, name=text.t("report.sheet_lines"), formats=formats)
    else:
        book = WorkbookWriter(file, heads, name=shown.title, formats=formats)
        table = book.first
    for line in result.lines:
        named = [say_key(text, axis, key, result.labels) for axis, key in zip(result.axes, line.keys, strict=True)]
        table.add([*named, *_cells(line, shown, closed)])
    total = [text.t("chart.total"), *[""] * (width - 1)] if width else []
    table.add([*total, *_cells(result.total, shown, closed)])
    definitions = [
        f"{text.label(figure.label)} ({figure.key}): " + " · ".join(
            str(part) for part in view_definition(text, figure, result.period).values() if part
        )
        for figure in result.figures
    ]  # fmt: skip
    dimensions = result.figures[0].rows.dimensions
    narrowed = [f"{one['label']}: {one['text']}" for one in say_filters(asked.filters, dimensions)]
    if result.announced is not None:
        _announce(book, shown, result.announced)
    notes = [say_period(text, result.period), *narrowed, *definitions, *_early(shown), *say_open(text, result)]
    notes += [*_announced(result), *filter(None, [say_difference(text, result)])]
    return _sent(book, file, shown.title, notes)


def _pivot(file: io.BytesIO, asked: Asked, shown: Shown) -> WorkbookWriter:
    """Begin a file with a report of two dimensions as its page shows it: one down, one along, with all totals."""
    text, figures = locale(), shown.result.figures
    chart = make_charting(asked, {}).chart(shown.result, "pivot", shown.title)
    beside = [text.t("report.sheet_figure")] if len(figures) > 1 else []
    book = WorkbookWriter(file, [chart.across, *beside, *chart.categories, chart.totals], name=shown.title)
    for at, row in enumerate(chart.series):
        figure = figures[at % len(figures)]  # the figures of a row follow each other
        label = text.label(figure.label)
        named = [row.label.removesuffix(f" · {label}"), label] if beside else [row.label]
        cells = (*row.cells, row.total or Drawn())
        values = [one.said if one.value is None and one.said != NOTHING else one.value for one in cells]
        book.first.add([*named, *values], pattern=_pattern(figure))
    return book


def send_funnel_sheet(asked: Asked, funnel: Funnel, result: FunnelResult) -> Response:
    """Return a funnel as a file."""
    text = locale()
    file = io.BytesIO()
    title = text.label(funnel.label)
    heads = [text.say("report.steps"), text.t("figure.rows"), text.say("report.rate"), text.say("report.still_open")]
    book = WorkbookWriter(file, heads, name=title, formats={2: "0.0%", 3: "0.0%"})
    for one in result.total:
        book.add([text.label(one.step.label), one.count, one.rate, one.open])
    narrowed = [f"{one['label']}: {one['text']}" for one in say_filters(asked.filters, funnel.rows.dimensions)]
    return _sent(book, file, title, [say_period(text, result.period), *narrowed, text.label(funnel.help)])


def printed_line() -> str:
    """Return who made a file when, and that it holds what they may see."""
    text = locale()
    return text.t("report.printed", when=text.datetime(now()), name=g.actor.name)


def _early(shown: Shown) -> Iterator[str]:
    """Yield which figures are too early to judge by, in which lines: a spreadsheet has nothing grey."""
    text, result = locale(), shown.result
    for at, figure in enumerate(result.figures):
        lines = [line for line in result.lines if (cell := line.cells[at]) is not None and cell.provisional]
        keys = [[say_key(text, axis, key, result.labels) for axis, key in zip(result.axes, one.keys, strict=True)]
                for one in lines]  # fmt: skip
        if figure.provisional is not None and keys:
            named = text.t("text.comma").join(" · ".join(one) for one in keys)
            yield f"{text.label(figure.label)}: {text.label(figure.provisional.says)} ({named})"


def _columns(figure: Figure, shown: Shown, closed: Collection[str]) -> Iterator[tuple[str, str]]:
    """Yield the head and the number format of each column of a figure; ``closed`` are those with a closed month."""
    text, result = locale(), shown.result
    label = text.label(figure.label)
    unit = text.t(f"report.unit_{figure.unit}") if figure.unit in ("minutes", "hours", "days") else ""
    pattern = _pattern(figure)
    yield f"{label} {unit}".strip(), pattern
    yield f"{label} n", "#,##0"
    if figure.key == result.cumulated:
        yield text.say("report.cumulated", label=label), _FORMATS["percent"]
    for period in (result.previous, result.last_year):
        if period is not None:
            yield text.say("report.before", label=label, period=say_period(text, period)), pattern
    if figure.key in closed:
        then, on, version, adjusted = (f"{label} {text.t(f'report.closed_{one}')}" for one in _CLOSED)
        yield from ((then, pattern), (f"{then} n", "#,##0"), (on, ""), (version, ""), (adjusted, pattern))


def _pattern(figure: Figure) -> str:
    """Return the number format of a figure."""
    if figure.unit == "money":
        return f'"{locale().money(Decimal(0), scale=0).rstrip("0")}"#,##0.00'
    return _FORMATS[figure.unit]


def _cells(line: Line, shown: Shown, closed: Collection[str]) -> Iterator[Any]:
    result = shown.result
    before: Mapping[str, Any] = {"previous": result.previous, "last_year": result.last_year}
    for figure, cell in zip(result.figures, line.cells, strict=True):
        yield None if cell is None else cell.value
        yield None if cell is None else cell.n
        if figure.key == result.cumulated:
            yield None if cell is None else cell.cumulated
        for name, period in before.items():
            if period is not None:
                earlier: Cell | None = getattr(cell, name) if cell is not None else None
                yield None if earlier is None else earlier.value
        if figure.key in closed:
            yield from _closed_cells(figure, cell)


def _announce(book: WorkbookWriter, shown: Shown, announced: Announced) -> None:
    """Write who came first on a sheet, and what their reader came to on another."""
    text, figure = locale(), announced.figure
    score, pattern = next(_columns(figure, shown, ()))
    heads = [text.say("report.announced_place"), text.label(announced.axis.label), score]
    table = book.table(heads, name=title_of(text, announced), formats={2: pattern})
    for place in announced.first:
        table.add([place.rank, name_of(announced, place), place.value])
    if announced.own:
        columns = [list(_columns(one, shown, ()))[:2] for one in announced.figures]
        heads = [text.say("report.announced_place"), *(head for some in columns for head, _ in some)]
        formats = dict(enumerate((one for some in columns for _, one in some), start=1))
        own = book.table(heads, name=text.say("report.announced_own"), formats=formats)
        cells = [(None, None) if cell is None else (cell.value, cell.n) for cell in announced.own]
        own.add([announced.rank, *(value for pair in cells for value in pair)])


def _announced(result: Result) -> list[str]:
    """Return what is said below what is announced."""
    if result.announced is None:
        return []
    said = say_announced(locale(), result.announced)
    return [said["title"], *said["notes"]]


def _closed_cells(figure: Figure, cell: Cell | None) -> Sequence[Any]:
    """Return what a figure was when its month was closed, and by how much it was adjusted since."""
    closed = cell.closed if cell is not None else None
    if cell is None or closed is None:
        return (None,) * (len(_CLOSED) + 1)
    return closed.value, closed.n, locale().local(closed.at).date(), say_version(figure, closed), cell.adjustment


def _sent(book: WorkbookWriter, file: io.BytesIO, title: str, notes: list[str]) -> Response:
    line = printed_line()
    book.sign(line)
    book.say({"title": title, "author": g.actor.name, "comments": line})
    book.note(locale().t("report.defined"), [line, *notes])
    book.close()
    file.seek(0)
    answer = send_file(file, mimetype=_XLSX, as_attachment=True, download_name=f"{title}.xlsx", max_age=0)
    answer.headers["Cache-Control"] = "no-store"
    return answer
