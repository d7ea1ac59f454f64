"""A report on paper: its chart, its table, its closed months, how its figures are defined; a dashboard, tile by tile.

Enters: what a page shows. Leaves: a PDF for its reader. Must not fetch anything anew.
"""

import io
from collections.abc import Mapping, Sequence
from typing import Any

from flask import Response, g, send_file

from engine.automation.picturing import make_page
from engine.automation.showing import Found, Teller
from engine.compiler.app import Dimension, Funnel
from engine.drawing.charts.chart import Chart
from engine.printing.blocks import make_announced, make_block, make_table
from engine.printing.report import ReportBlock, ReportPage, render_report
from engine.records.evaluation import make_env
from engine.reports.results import FunnelResult
from engine.reports.spans import say_period
from web.gate import locale
from web.page_kit import FONTS
from web.reporting.address import Asked
from web.reporting.closed_view import say_open, view_closed
from web.reporting.definitions import view_definition
from web.reporting.filtering import say_filters
from web.reporting.report_page import Shown, make_charting, view_announced
from web.reporting.sheet import printed_line


def send_paper(asked: Asked, shown: Shown, chart: Chart) -> Response:
    """Return a report as a PDF."""
    text, result = locale(), shown.result
    about = [(text.label(one.label), view_definition(text, one, result.period)) for one in result.figures]
    notes = [f"{label}: {text.t('text.comma').join(_parts(one))}" for label, one in about]
    narrowed = say_filters(asked.filters, result.figures[0].rows.dimensions)
    lines = [say_period(text, result.period), *_said(narrowed)]
    return _sent(
        shown.title, lines, chart, [*notes, *say_open(text, result)], [*_announced(shown), *_closed(asked, shown)]
    )


def send_funnel_paper(asked: Asked, funnel: Funnel, result: FunnelResult, chart: Chart) -> Response:
    """Return a funnel as a PDF."""
    text = locale()
    narrowed = say_filters(asked.filters, funnel.rows.dimensions)
    notes = [text.label(funnel.help)] if text.label(funnel.help) else []
    return _sent(chart.title, [say_period(text, result.period), *_said(narrowed)], chart, notes)


def send_board_paper(asked: Asked, found: Found, dimensions: Mapping[str, Dimension]) -> Response:
    """Return a dashboard as a PDF: every tile of it, also those nobody has scrolled to."""
    text = locale()
    teller = Teller(g.session, g.actor, text.language, make_env(g.session, g.actor))
    title = text.label(found.label)
    lines = [say_period(text, asked.period), *_said(say_filters(asked.filters, dimensions))]
    return _answer({**make_page(teller, found, title), "lines": lines, "printed": printed_line()})


def _announced(shown: Shown) -> list[ReportBlock]:
    """Return what the report announces."""
    said = view_announced(shown.result)
    return [] if said is None else make_announced(said)


def _closed(asked: Asked, shown: Shown) -> list[ReportBlock]:
    """Return the table of what figures were when their months were closed, where any was."""
    text = locale()
    closed = view_closed(text, shown.result, make_charting(asked, {}))
    if closed is None:
        return []
    notes = [text.t("report.closed_help")]
    return [{"title": closed["title"], "lines": [], "charts": [], "table": make_table(closed), "notes": notes}]


def _sent(
    title: str, lines: Sequence[str], chart: Chart, notes: Sequence[str], more: Sequence[ReportBlock] = ()
) -> Response:
    page: ReportPage = {
        "lang": locale().language,
        "title": title,
        "lines": list(lines),
        "printed": printed_line(),
        "blocks": [make_block(chart, locale().say("report.total"), notes=notes), *more],
    }
    return _answer(page)


def _answer(page: ReportPage) -> Response:
    content = io.BytesIO(render_report(page, FONTS))
    answer = send_file(content, mimetype="application/pdf", download_name=f"{page['title']}.pdf", max_age=0)
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _said(narrowed: Sequence[dict[str, Any]]) -> list[str]:
    return [f"{one['label']}: {one['text']}" for one in narrowed]


def _parts(about: dict[str, Any]) -> list[str]:
    return [str(part) for part in about.values() if part]
