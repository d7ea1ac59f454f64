"""A report on paper: its chart, its table, how its figures are defined.

Enters: what a page shows. Leaves: a PDF for its reader. Must not fetch anything anew.
"""

from collections.abc import Sequence
from typing import Any

from flask import Response, current_app

from engine.compiler.app import Funnel
from engine.drawing.charts.chart import Chart
from engine.drawing.charts.drawn import draw_chart
from engine.drawing.charts.svg import write_svg
from engine.printing.report import ReportBlock, ReportPage, render_report
from engine.reports.results import FunnelResult
from web.gate import locale
from web.page_kit import FONTS
from web.reporting.address import Asked
from web.reporting.chart_view import view_table
from web.reporting.definitions import view_definition
from web.reporting.filtering import say_filters
from web.reporting.period_words import say_period
from web.reporting.report_page import Shown
from web.reporting.sheet import printed_line


def send_paper(asked: Asked, shown: Shown, chart: Chart) -> Response:
    """Return a report as a PDF."""
    text, result = locale(), shown.result
    about = [(text.label(one.label), view_definition(text, one, result.period)) for one in result.figures]
    notes = [f"{label}: {text.t('text.comma').join(_parts(one))}" for label, one in about]
    narrowed = say_filters(asked.filters, result.figures[0].rows.dimensions)
    return _sent(shown.title, [say_period(text, result.period), *_said(narrowed)], chart, notes)


def send_funnel_paper(asked: Asked, funnel: Funnel, result: FunnelResult, chart: Chart) -> Response:
    """Return a funnel as a PDF."""
    text = locale()
    narrowed = say_filters(asked.filters, funnel.rows.dimensions)
    notes = [text.label(funnel.help)] if text.label(funnel.help) else []
    return _sent(chart.title, [say_period(text, result.period), *_said(narrowed)], chart, notes)


def make_block(chart: Chart, title: str = "", notes: Sequence[str] = ()) -> ReportBlock:
    """Return a chart as a block of paper: drawn where it can be, and its table."""
    return {
        "title": title,
        "lines": [],
        "charts": [write_svg(plot) for plot in draw_chart(chart)],
        "table": _table(chart),
        "notes": list(notes),
    }


def _sent(title: str, lines: Sequence[str], chart: Chart, notes: Sequence[str]) -> Response:
    page: ReportPage = {
        "lang": locale().language,
        "title": title,
        "lines": list(lines),
        "printed": printed_line(),
        "blocks": [make_block(chart, notes=notes)],
    }
    answer = current_app.response_class(render_report(page, FONTS), mimetype="application/pdf")
    answer.headers.set("Content-Disposition", "inline", filename=f"{title}.pdf")
    return answer


def _table(chart: Chart) -> Any:
    table = view_table(chart)
    heads = [{"label": table["by"], "right": False}]
    heads += [{"label": head, "right": True} for head in table["heads"]]
    rows = [[row["label"], *map(_text, row["cells"])] for row in table["rows"]]
    if table["totals"]:
        rows.append([locale().t("chart.total"), *map(_text, table["totals"])])
    return {"columns": heads, "rows": rows}


def _text(cell: dict[str, Any]) -> str:
    counted = "" if cell["n"] is None else f" (n={cell['n']})"
    return f"{cell['text']}{counted}" + "".join(f"\n{one['label']} {one['text']}" for one in cell["before"])


def _said(narrowed: Sequence[dict[str, Any]]) -> list[str]:
    return [f"{one['label']}: {one['text']}" for one in narrowed]


def _parts(about: dict[str, Any]) -> list[str]:
    return [str(part) for part in about.values() if part]
