"""Reports: which there are, what each came to, and the same as a spreadsheet and on paper.

Enters: the key of a report, what its address asks. Leaves: pages and files. Must not count anything: ``engine/reports``
does, under the rights of the reader.
"""

from typing import Any

from flask import g, render_template, request

from engine import reports as engine_reports
from engine.reports import baselines
from web.gate import locale, now, reads
from web.pages.frame import page_shell
from web.reporting.address import Asked, read_asked
from web.reporting.index_page import view_index
from web.reporting.paper import send_paper
from web.reporting.report_page import Shown, chart_of, report_url, view_report
from web.reporting.sheet import send_sheet


@reads
def index() -> Any:
    """Show the dashboards, reports and funnels the reader may open."""
    return render_template("pages/reports.html", page=view_index(), shell=page_shell())


@reads
def show(report: str) -> Any:
    """Show a report."""
    asked, shown = _run(report)
    view = view_report(asked, shown, baselines.find_all(g.session), report)
    return render_template("pages/report.html", report=view, shell=page_shell())


@reads
def sheet(report: str) -> Any:
    """Send a report as a spreadsheet."""
    asked, shown = _run(report)
    return send_sheet(asked, shown)


@reads
def paper(report: str) -> Any:
    """Send a report on paper."""
    asked, shown = _run(report)
    return send_paper(asked, shown, chart_of(asked, shown, baselines.find_all(g.session)))


ROUTES = (
    ("/reports", ["GET"], index),
    ("/reports/<report>", ["GET"], show),
    ("/reports/<report>/sheet", ["GET"], sheet),
    ("/reports/<report>/pdf", ["GET"], paper),
)


def _run(key: str) -> tuple[Asked, Shown]:
    written, _ = engine_reports.find_report(g.session, key, actor=g.actor)
    asked = read_asked(report_url(key), request.args, period=written.period, today=locale().today(now()))
    result = engine_reports.run(
        g.session,
        key,
        actor=g.actor,
        period=asked.period,
        filters=asked.filters,
        by=asked.by,
        compare=asked.compared,
    )
    text = locale()
    return asked, Shown(text.label(written.label), text.label(written.help), result, written.chart, written.compare)
