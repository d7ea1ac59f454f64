"""One figure by itself, divided at will, and the rows it was worked out of.

Enters: the key of a figure, what its address asks. Leaves: pages and files. Must not show a row the reader's lists
would not: ``engine/reports`` reads them through the same gate.
"""

from typing import Any, Final

from flask import g, render_template, request
from werkzeug.datastructures import MultiDict

from engine import reports as engine_reports
from engine.compiler.app import Figure
from engine.reports import baselines
from web.gate import locale, now, reads
from web.pages.frame import page_shell
from web.reporting.address import Asked, figure_url, read_asked
from web.reporting.paper import send_paper
from web.reporting.report_page import Shown, chart_of, hand_over, show_waiting, view_report
from web.reporting.rows_page import read_offset, view_rows
from web.reporting.sheet import send_sheet
from web.reporting.view_menu import view_views

BEGIN = "month"
"""The period the page of a figure begins with."""
_BEGIN_BY = ("stage", "owner")
_MONTH = 31
_COMPARED: Final = ("previous", "target")


@reads
def show(figure: str) -> Any:
    """Show a figure."""
    try:
        asked, shown = _run(figure, engine_reports.Counting())
    except engine_reports.StillCounting as still:
        return show_waiting(*_found(figure), still)
    view = view_report(asked, shown, baselines.find_all(g.session))
    view["views"] = view_views(asked, "figure", figure)
    return render_template("pages/report.html", report=view, shell=page_shell())


@reads
def rows(figure: str) -> Any:
    """Show the rows behind a figure, or its next ones."""
    found = engine_reports.find_figure(g.session, figure, actor=g.actor)
    asked = ask_figure(figure, request.args)
    offset = read_offset(request.args)
    behind = engine_reports.rows(
        g.session, figure, actor=g.actor, period=asked.period, filters=asked.filters, cell=asked.cell, offset=offset
    )
    page = view_rows(asked, found, behind, offset, report=request.args.get("report", ""))
    if request.headers.get("HX-Request") and offset:
        return render_template("fragments/rows.html", list=page)
    return render_template("pages/report_rows.html", page=page, shell=page_shell())


@reads
def sheet(figure: str) -> Any:
    """Send a figure as a spreadsheet."""
    return hand_over(*_found(figure), "sheet", lambda counting: send_sheet(*_run(figure, counting)))


@reads
def paper(figure: str) -> Any:
    """Send a figure on paper."""

    def make(counting: engine_reports.Counting) -> Any:
        asked, shown = _run(figure, counting)
        return send_paper(asked, shown, chart_of(asked, shown, baselines.find_all(g.session)))

    return hand_over(*_found(figure), "pdf", make)


ROUTES = (
    ("/figures/<figure>", ["GET"], show),
    ("/figures/<figure>/rows", ["GET"], rows),
    ("/figures/<figure>/sheet", ["GET"], sheet),
    ("/figures/<figure>/pdf", ["GET"], paper),
)


def ask_figure(key: str, given: "MultiDict[str, str]") -> Asked:
    """Return what an address asks of a figure."""
    return read_asked(figure_url(key), given, period=BEGIN, today=locale().today(now()))


def _found(key: str) -> tuple[Asked, Figure]:
    found = engine_reports.find_figure(g.session, key, actor=g.actor)
    return ask_figure(key, request.args), found


def _run(key: str, counting: engine_reports.Counting) -> tuple[Asked, Shown]:
    found = engine_reports.find_figure(g.session, key, actor=g.actor)
    asked = ask_figure(key, request.args)
    by = _divided(found, asked) if asked.by is None else asked.by
    result = engine_reports.run_figure(
        g.session, key, actor=g.actor, period=asked.period, filters=asked.filters, by=by,
        compare=_COMPARED if asked.compared is None else asked.compared, counting=counting,
    )  # fmt: skip
    text = locale()
    title, help = text.label(found.label), text.label(found.help)
    return asked, Shown(title, help, result, "", _COMPARED, by_itself=True, as_of=counting.as_of)


def _divided(figure: Figure, asked: Asked) -> tuple[str, ...]:
    """Return what a figure is divided by before anybody says: its days or months, else stages or owners."""
    if figure.date is not None and not figure.of_now and asked.period.kind != "all":
        days = (asked.period.last - asked.period.first).days
        return ("date.day",) if days <= _MONTH else ("date.month",)
    known = engine_reports.dimensions_of(g.session, figure, actor=g.actor)
    return next(((key,) for key in _BEGIN_BY if key in known), ())
