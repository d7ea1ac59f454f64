"""Funnels: how many rows of a cohort ever got how far, and which.

Enters: the key of a funnel, what its address asks. Leaves: pages and files. Must not call what stands in a stage now a
conversion: a funnel counts how far rows ever got.
"""

from typing import Any

from flask import g, render_template, request
from werkzeug.datastructures import MultiDict

from engine import reports as engine_reports
from engine.compiler.app import Funnel
from engine.reports.results import FunnelResult
from web.gate import locale, now, reads
from web.pages.frame import page_shell
from web.reporting.address import Asked, funnel_url, read_asked
from web.reporting.paper import send_funnel_paper
from web.reporting.report_page import hand_over, make_charting, show_waiting, view_funnel
from web.reporting.rows_page import read_offset, view_funnel_rows
from web.reporting.sheet import send_funnel_sheet
from web.reporting.view_menu import view_views


@reads
def show(funnel: str) -> Any:
    """Show a funnel."""
    counting = engine_reports.Counting()
    try:
        asked, found, result = _run(funnel, counting)
    except engine_reports.StillCounting as still:
        return show_waiting(*ask_funnel(funnel, request.args), still)
    dimensions = engine_reports.dimensions_of(g.session, found, actor=g.actor)
    view = view_funnel(asked, found, result, _rows(asked), dimensions, counting.as_of)
    view["views"] = view_views(asked, "funnel", funnel)
    return render_template("pages/report.html", report=view, shell=page_shell())


@reads
def rows(funnel: str) -> Any:
    """Show the rows that got as far as a step."""
    asked, found = ask_funnel(funnel, request.args)
    offset, step = read_offset(request.args), request.args.get("step", "")
    behind = engine_reports.funnel_rows(
        g.session, funnel, step, actor=g.actor, period=asked.period, filters=asked.filters, cell=asked.cell,
        offset=offset,
    )  # fmt: skip
    page = view_funnel_rows(asked, found, step, behind, offset)
    if request.headers.get("HX-Request") and offset:
        return render_template("fragments/rows.html", list=page)
    return render_template("pages/report_rows.html", page=page, shell=page_shell())


@reads
def sheet(funnel: str) -> Any:
    """Send a funnel as a spreadsheet."""
    return hand_over(
        *ask_funnel(funnel, request.args), "sheet", lambda counting: send_funnel_sheet(*_run(funnel, counting))
    )


@reads
def paper(funnel: str) -> Any:
    """Send a funnel on paper."""

    def make(counting: engine_reports.Counting) -> Any:
        asked, found, result = _run(funnel, counting)
        chart = make_charting(asked, {}).funnel(result, locale().label(found.label), _rows(asked))
        return send_funnel_paper(asked, found, result, chart)

    return hand_over(*ask_funnel(funnel, request.args), "pdf", make)


ROUTES = (
    ("/funnels/<funnel>", ["GET"], show),
    ("/funnels/<funnel>/rows", ["GET"], rows),
    ("/funnels/<funnel>/sheet", ["GET"], sheet),
    ("/funnels/<funnel>/pdf", ["GET"], paper),
)


def ask_funnel(key: str, given: "MultiDict[str, str]") -> tuple[Asked, Funnel]:
    """Return what an address asks of a funnel, and the funnel; raises ``NotFound``."""
    found = engine_reports.find_funnel(g.session, key, actor=g.actor)
    return read_asked(funnel_url(key), given, period=found.period, today=locale().today(now())), found


def _run(key: str, counting: engine_reports.Counting) -> tuple[Asked, Funnel, FunnelResult]:
    asked, found = ask_funnel(key, request.args)
    result = engine_reports.run_funnel(
        g.session, key, actor=g.actor, period=asked.period, filters=asked.filters, by=asked.by or (), counting=counting
    )
    return asked, found, result


def _rows(asked: Asked) -> Any:
    return lambda step, keys=(): asked.rows_address(f"{asked.url}/rows", keys, step=step)
