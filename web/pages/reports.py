"""Reports: which there are, what each came to, and the same as a spreadsheet and on paper.

Enters: the key of a report, what its address asks. Leaves: pages and files. Must not count anything: ``engine/reports``
does, under the rights of the reader.
"""

from typing import Any

from flask import g, redirect, render_template, request

from engine import reports as engine_reports
from engine.compiler.app import Report
from engine.reports import baselines
from web.gate import locale, now, reads, writes
from web.pages.frame import page_shell
from web.reporting.address import Asked, read_asked, report_url
from web.reporting.index_page import view_index
from web.reporting.paper import send_paper
from web.reporting.report_page import Shown, chart_of, hand_over, show_waiting, view_report
from web.reporting.sheet import send_sheet
from web.reporting.view_menu import view_views
from web.reporting.waiting import REPORTS_URL, STOP_URL


@reads
def index() -> Any:
    """Show the dashboards, reports and funnels the reader may open."""
    return render_template(
        "pages/reports.html", page=view_index(request.args.get("q", "")[:100].strip()), shell=page_shell()
    )


@reads
def show(report: str) -> Any:
    """Show a report."""
    try:
        asked, shown = _run(report, engine_reports.Counting())
    except engine_reports.StillCounting as still:
        return show_waiting(_asked(report)[0], _asked(report)[1], still)
    view = view_report(asked, shown, baselines.find_all(g.session), report)
    view["views"] = view_views(asked, "report", report)
    return render_template("pages/report.html", report=view, shell=page_shell())


@reads
def sheet(report: str) -> Any:
    """Send a report as a spreadsheet."""
    return hand_over(*_asked(report), "sheet", lambda counting: send_sheet(*_run(report, counting)))


@reads
def paper(report: str) -> Any:
    """Send a report on paper."""

    def make(counting: engine_reports.Counting) -> Any:
        asked, shown = _run(report, counting)
        return send_paper(asked, shown, chart_of(asked, shown, baselines.find_all(g.session)))

    return hand_over(*_asked(report), "pdf", make)


@writes
def stop() -> Any:
    """Call off what is being worked out for the reader."""
    engine_reports.stop_counting(g.session, request.form.getlist("key"), actor=g.actor)
    return redirect(REPORTS_URL, 303)


ROUTES = (
    (REPORTS_URL, ["GET"], index),
    (STOP_URL, ["POST"], stop),
    ("/reports/<report>", ["GET"], show),
    ("/reports/<report>/sheet", ["GET"], sheet),
    ("/reports/<report>/pdf", ["GET"], paper),
)


def _asked(key: str) -> tuple[Asked, Report]:
    written, _ = engine_reports.find_report(g.session, key, actor=g.actor)
    return read_asked(report_url(key), request.args, period=written.period, today=locale().today(now())), written


def _run(key: str, counting: engine_reports.Counting) -> tuple[Asked, Shown]:
    asked, written = _asked(key)
    result = engine_reports.run(
        g.session,
        key,
        actor=g.actor,
        period=asked.period,
        filters=asked.filters,
        by=asked.by,
        compare=asked.compared,
        counting=counting,
    )
    text = locale()
    title, help = text.label(written.label), text.label(written.help)
    return asked, Shown(title, help, result, written.chart, written.compare, as_of=counting.as_of)
