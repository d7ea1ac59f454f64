"""The page of a report, a figure or a funnel: what it came to, how it can be looked at otherwise, how it is defined.

Enters: an ``Asked`` and what the engine answered. Leaves: the ``report`` of ``pages/report.html``. Must not put
anything into the page that is not in its address: a link to it shows the same to everybody, under their own rights.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from flask import g, render_template, request

from engine.compiler.app import Dashboard, Dimension, Figure, Funnel, Report
from engine.drawing.charts.chart import Chart
from engine.reports import Counting, StillCounting
from engine.reports.announced_words import say_announced
from engine.reports.asking import dimensions_of
from engine.reports.charting import Charting, fitting_kind, kinds_of
from engine.reports.keys import say_key, write_key
from engine.reports.periods import Period, find_period
from engine.reports.results import FunnelResult, Result, Stand
from engine.reports.spans import say_period
from engine.reports.values import say_in_unit
from web.gate import locale
from web.pages.frame import page_shell
from web.reporting.address import NONE, Asked, figure_url
from web.reporting.chart_view import view_chart
from web.reporting.closed_view import say_open, view_closed
from web.reporting.definitions import view_definition
from web.reporting.figure_view import view_figure
from web.reporting.figure_words import say_counted
from web.reporting.filtering import view_filters
from web.reporting.period_words import OFFERED, say_offered
from web.reporting.waiting import say_as_of, view_waiting

ICONS: Mapping[str, str] = {
    "tiles": "layout-grid", "table": "table", "bars": "chart-bar", "stacked": "chart-histogram", "line": "chart-line",
    "funnel": "chart-funnel", "radar": "chart-radar", "heat": "chart-grid-dots", "pivot": "table-options",
    "waterfall": "stairs-up",
}  # fmt: skip
_COMPARISONS = ("previous", "last_year")
_MOST_DIVISIONS = 24
_MOST_PARTS = 200
_LAST_YEAR = 9000
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Shown:
    """What was answered and what it is called; ``wanted`` is the kind of chart, ``begun`` what it is compared with.

    A figure ``by_itself`` stands as a tile above its chart. ``as_of`` is when it was worked out, unless now.
    """

    title: str
    help: str
    result: Result
    wanted: str
    begun: Sequence[str] = ()
    by_itself: bool = False
    as_of: datetime | None = None


def make_charting(asked: Asked, baselines: Mapping[str, Decimal], report: str = "") -> Charting:
    """Return what makes the charts of a page; the rows of a cell keep the filters of the page."""

    def rows(figure: Figure, keys: Sequence[tuple[str, str]]) -> str:
        return asked.rows_address(f"{figure_url(figure.key)}/rows", keys, **({"report": report} if report else {}))

    return Charting(locale(), rows, baselines)


def view_report(asked: Asked, shown: Shown, baselines: Mapping[str, Decimal], report: str = "") -> dict[str, Any]:
    """Return the view of a report or a figure."""
    result = shown.result
    charting = make_charting(asked, baselines, report)
    kind = fitting_kind(result, asked.chart or shown.wanted)
    tiles = kind == "tiles"
    chart = None if tiles else charting.chart(result, kind, shown.title)
    dimensions = _shared(result)
    return {
        "title": shown.title,
        "help": shown.help,
        "url": asked.url,
        "period": view_period(asked, of_now=all(one.of_now for one in result.figures)),
        "by": _by(asked, result, dimensions),
        "then": _then(asked, result, dimensions),
        "compare": _compare(asked, result, shown.begun),
        "charts": _charts(asked, result, kind),
        "chart": view_chart(chart, "chart", whole=True, earlier=earlier_of(asked, result))
        if chart is not None
        else None,
        "tiles": _tiles(result, charting, baselines) if tiles or shown.by_itself else [],
        "figures": [_defined(result, at, figure) for at, figure in enumerate(result.figures)],
        "closed": view_closed(locale(), result, charting),
        "announced": view_announced(result),
        "notes": [
            *[locale().t("report.top", count=len(result.lines))] * bool(result.more),
            *say_open(locale(), result),
            *say_as_of(shown.as_of),
        ],
        "sheet_url": asked.address(path=f"{asked.url}/sheet"),
        "pdf_url": asked.address(path=f"{asked.url}/pdf"),
        "asked": None,
        **view_filters(asked, dimensions),
    }


def show_waiting(
    asked: Asked, of: Report | Figure | Funnel | Dashboard, still: StillCounting | None, *, file: str = ""
) -> Any:
    """Answer the page of what is still being worked out, which asks again by itself.

    With ``file`` (``sheet`` or ``pdf``) it is about a file; without ``still`` that is ready to be fetched.
    """
    text = locale()
    own = asked.address(path=f"{asked.url}/{file}") if file else asked.address()
    nothing: dict[str, Any] = {"by": None, "compare": None, "charts": None, "chart": None, "tiles": [], "figures": []}
    view = nothing | {
        "title": text.label(of.label), "help": "" if isinstance(of, Dashboard) else text.label(of.help),
        "url": asked.url, "period": view_period(asked),
        "closed": None, "announced": None, "notes": [],
        "sheet_url": None if isinstance(of, Dashboard) else asked.address(path=f"{asked.url}/sheet"),
        "pdf_url": asked.address(path=f"{asked.url}/pdf"), "asked": None if still is None else view_waiting(still, own),
        "views": None, "file": {"kind": file, "url": own} if file else None,
        **view_filters(asked, {}),
    }  # fmt: skip
    return render_template("pages/report.html", report=view, shell=page_shell())


def hand_over(
    asked: Asked, of: Report | Figure | Funnel | Dashboard, file: str, make: Callable[[Counting], Any]
) -> Any:
    """Answer a file (``sheet`` or ``pdf``), or the page that waits for it; what ``make`` needs is worked out meanwhile.

    The page that waits asks again by itself, and is told where the file is once there is one.
    """
    try:
        made = make(Counting())
    except StillCounting as still:
        return show_waiting(asked, of, still, file=file)
    return show_waiting(asked, of, None, file=file) if request.headers.get("HX-Request") else made


def view_funnel(
    asked: Asked,
    funnel: Funnel,
    result: FunnelResult,
    rows: Callable[..., str],
    dimensions: Mapping[str, Dimension],
    as_of: datetime | None = None,
) -> dict[str, Any]:
    """Return the view of a funnel."""
    text = locale()
    title = text.label(funnel.label)
    charting = make_charting(asked, {})
    chart = charting.funnel(result, title, rows)
    about = {
        "help": text.label(funnel.help),
        "said": text.t("text.comma").join(text.label(one.label) for one in funnel.steps),
        "period": say_period(text, result.period),
        "version": funnel.digest[:8],
    }
    return {
        "title": title,
        "help": text.label(funnel.help),
        "url": asked.url,
        "period": view_period(asked),
        "by": _by_of_funnel(asked, result, dimensions),
        "compare": None,
        "charts": None,
        "chart": view_chart(chart, "chart", whole=True, earlier=asked.earlier_url),
        "divided": _divided(result, charting, rows) if result.axes else None,
        "tiles": [],
        "figures": [{"label": title, "count": f"n={result.n:,}", "about": about}],
        "closed": None,
        "announced": None,
        "notes": say_as_of(as_of),
        "sheet_url": asked.address(path=f"{asked.url}/sheet"),
        "pdf_url": asked.address(path=f"{asked.url}/pdf"),
        "asked": None,
        **view_filters(asked, dimensions),
    }


def view_period(asked: Asked, *, of_now: bool = False) -> dict[str, Any] | None:
    """Return the chooser of a period; None for what is of now."""
    if of_now:
        return None
    text, period = locale(), asked.period
    after = _next(period)
    return {
        "text": say_period(text, period),
        "previous_url": asked.earlier_url,
        "next_url": asked.address(period=after.name) if after else None,
        "options": [
            {"label": say_offered(text, name), "url": asked.address(period=name), "on": name == asked.named}
            for name in OFFERED
        ],
        "url": asked.url,
        "from": "" if period.kind == "all" else period.first.isoformat(),
        "to": "" if period.kind == "all" else period.last.isoformat(),
        "keep": asked.kept("period"),
    }


def chart_of(asked: Asked, shown: Shown, baselines: Mapping[str, Decimal]) -> Chart:
    """Return the chart of a page for paper and spreadsheets; tiles become a table."""
    kind = fitting_kind(shown.result, asked.chart or shown.wanted)
    return make_charting(asked, baselines).chart(shown.result, "table" if kind == "tiles" else kind, shown.title)


def view_announced(result: Result) -> dict[str, Any] | None:
    """Return what a report announces; None for one that announces nothing to its reader."""
    return None if result.announced is None else say_announced(locale(), result.announced)


def earlier_of(asked: Asked, result: Result) -> str | None:
    """Return where the same is of the period before; None for figures of now, which have none."""
    return None if all(one.of_now for one in result.figures) else asked.earlier_url


def _next(period: Period) -> Period | None:
    """Return the period of the same kind and length that begins where this one ends; None for all time."""
    if period.kind == "all" or period.last.year >= _LAST_YEAR:
        return None
    first = period.last + _DAY
    found = find_period(period.kind, first) if ".." not in period.name else None
    return found or Period("days", first, period.last + (period.last - period.first) + _DAY)


def _shared(result: Result) -> dict[str, Dimension]:
    """Return the dimensions that every figure of a result has for the reader."""
    known = [dimensions_of(g.session, figure, actor=g.actor) for figure in result.figures]
    return {key: one for key, one in known[0].items() if all(key in other for other in known)} if known else {}


def _by_of_funnel(asked: Asked, result: FunnelResult, dimensions: Mapping[str, Dimension]) -> dict[str, Any]:
    """Return the chooser of what a funnel is divided by."""
    text, now = locale(), [axis.key for axis in result.axes]
    options = [{"label": text.t("report.by_none"), "url": asked.address(by=None), "on": not now}]
    options += [
        {"label": text.label(one.label), "url": asked.address(by=key), "on": now == [key]}
        for key, one in list(dimensions.items())[:_MOST_DIVISIONS]
        if not one.span
    ]
    said = text.t("text.comma").join(text.label(axis.label) for axis in result.axes) or text.t("report.by_none")
    return {"label": said, "options": options}


def _divided(result: FunnelResult, charting: Charting, rows: Callable[..., str]) -> dict[str, Any]:
    """Return a funnel divided: a row for each value, a column for each step, the share of the step before beside it."""
    text = locale()
    by = text.t("text.comma").join(text.label(one.label) for one in result.axes)
    heads = [text.label(one.label) for one in result.funnel.steps]
    said = []
    for keys, _, stands in result.parts[:_MOST_PARTS]:
        pairs = list(zip(result.axes, keys, strict=True))
        named = " · ".join(say_key(text, axis, key, result.labels) for axis, key in pairs)
        cell = [(axis.key, write_key(key)) for axis, key in pairs]
        said.append({"label": named, "cells": [_stand(one, rows(one.step.key, cell)) for one in stands]})
    return {
        "title": text.t("report.divided"), "by": by, "heads": heads, "rows": said,
        "totals": [_stand(one, rows(one.step.key)) for one in result.total],
    }  # fmt: skip


def _stand(stand: Stand, url: str) -> dict[str, Any]:
    text = locale()
    rate = [] if stand.rate is None else [{"label": "", "text": say_in_unit(text, stand.rate, "percent")}]
    said = text.number(stand.count)
    return {"text": said, "n": None, "url": url if stand.count else None, "few": False, "before": rate}


def _by(asked: Asked, result: Result, dimensions: Mapping[str, Dimension]) -> dict[str, Any]:
    text = locale()
    now = [axis.key for axis in result.axes]
    dated = not any(figure.of_now or figure.date is None for figure in result.figures)
    options = [{"label": text.t("report.by_none"), "url": asked.address(by=NONE), "on": not now}]
    options += [
        {"label": text.t(f"report.by_{span}"), "url": asked.address(by=f"date.{span}"), "on": now == [f"date.{span}"]}
        for span in ("month", "week", "day") if dated
    ]  # fmt: skip
    options += [
        {"label": text.label(one.label), "url": asked.address(by=key), "on": now == [key]}
        for key, one in list(dimensions.items())[:_MOST_DIVISIONS]
        if not one.span
    ]
    said = text.t("text.comma").join(text.label(axis.label) for axis in result.axes) or text.t("report.by_none")
    return {"label": said, "options": options}


def _then(asked: Asked, result: Result, dimensions: Mapping[str, Dimension]) -> dict[str, Any] | None:
    """Return the chooser of a second dimension, which makes a pivot; None while there is no first."""
    if not result.axes:
        return None
    text, now = locale(), [axis.key for axis in result.axes]
    options = [{"label": text.t("report.by_none"), "url": asked.address(by=now[0]), "on": len(now) == 1}]
    options += [
        {"label": text.label(one.label), "url": asked.address(by=[now[0], key]), "on": now[1:] == [key]}
        for key, one in list(dimensions.items())[:_MOST_DIVISIONS]
        if not one.span and key != now[0]
    ]
    said = text.label(result.axes[1].label) if len(result.axes) > 1 else text.t("report.by_none")
    return {"label": said, "options": options} if len(options) > 1 else None


def _compare(asked: Asked, result: Result, begun: Sequence[str]) -> dict[str, Any] | None:
    if all(figure.of_now for figure in result.figures) or asked.period.kind == "all":
        return None
    text = locale()
    now = [name for name in (begun if asked.compare is None else asked.compare) if name in _COMPARISONS]
    options = [{"label": text.t("report.compare_none"), "url": asked.address(compare=NONE), "on": not now}]
    for name in _COMPARISONS:
        wanted = [one for one in now if one != name] if name in now else [*now, name]
        options.append({
            "label": text.say(f"report.{name}"), "url": asked.address(compare=wanted or NONE), "on": name in now,
        })  # fmt: skip
    label = text.t("text.comma").join(text.say(f"report.{name}") for name in now) or text.t("report.compare_none")
    return {"label": label, "options": options}


def _charts(asked: Asked, result: Result, kind: str) -> dict[str, Any]:
    text = locale()
    options = [
        {"label": text.t(f"report.chart_{one}"), "url": asked.address(chart=one), "on": one == kind, "icon": ICONS[one]}
        for one in kinds_of(result)
    ]
    return {"label": text.t(f"report.chart_{kind}"), "icon": ICONS[kind], "options": options}


def _tiles(result: Result, charting: Charting, baselines: Mapping[str, Decimal]) -> list[dict[str, Any]]:
    found = []
    for figure, cell in zip(result.figures, result.total.cells, strict=True):
        view = view_figure(
            locale(), figure, cell, result.period, before=(result.previous, result.last_year),
            rows_url=charting.rows(figure, ()), baseline=baselines.get(figure.key),
        )  # fmt: skip
        found.append({"label": view["label"], "figure": view})
    return found


def _defined(result: Result, at: int, figure: Figure) -> dict[str, Any]:
    cell = result.total.cells[at]
    counted = say_counted(locale(), cell.n if cell is not None else None, figure.at_least)
    about = view_definition(locale(), figure, result.period)
    return {"label": locale().label(figure.label), "count": counted["text"], "about": about}
