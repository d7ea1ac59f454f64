"""Which rows of a figure or funnel are meant, in words and as the address that exports them once more.

Enters: a figure or funnel, a period, filters, a cell. Leaves: texts and addresses. Must not read a record.
"""

from urllib.parse import urlencode

from flask import g

from engine.compiler.app import Figure, Funnel
from engine.reports.asking import Filters, is_own_date
from engine.reports.behind import RowsAsked
from engine.reports.periods import Period, find_period
from engine.reports.spans import say_period
from web.gate import locale
from web.reporting.address import CELL, FILTER, figure_url, funnel_url
from web.reporting.filtering import say_filters


def say_rows(found: Figure | Funnel, period: Period, filters: Filters, cell: Filters) -> str:
    """Return which period and which groups the rows are of."""
    text, dimensions = locale(), found.rows.dimensions
    dates = {key: find_period(value, period.first) for key, value in cell.items() if is_own_date(key)}
    part = next((one for one in dates.values() if one is not None), period)
    parts = [text.say("report.of_now") if isinstance(found, Figure) and found.of_now else say_period(text, part)]
    keys = {key: (value,) for key, value in cell.items() if key not in dates}
    parts += [f"{one['label']}: {one['text']}" for some in (filters, keys) for one in say_filters(some, dimensions)]
    return " · ".join(parts)


def say_behind(behind: RowsAsked) -> str:
    """Return which rows are asked for, for whoever sees an export of them: the figure or step, the period, what of."""
    text, app = locale(), g.session.app
    found: Figure | Funnel | None = app.figures.get(behind.of) if behind.step is None else app.funnels.get(behind.of)
    if found is None:  # a newer release has no such figure
        return behind.of
    steps = found.steps if isinstance(found, Funnel) else ()
    labels = [found.label, *(one.label for one in steps if one.key == behind.step)]
    return " · ".join([*map(text.label, labels), say_rows(found, behind.period, behind.filters, behind.cell)])


def export_again_url(behind: RowsAsked) -> str:
    """Return where the rows of a figure are exported once more."""
    plain = behind.to_plain()
    given = [("period", behind.period.name)]
    given += [(f"{begin}{key}", value) for begin, part in ((FILTER, "filters"), (CELL, "cell"))
              for key, values in plain[part].items() for value in values]  # fmt: skip
    given += [("step", behind.step)] if behind.step is not None else []
    url = figure_url(behind.of) if behind.step is None else funnel_url(behind.of)
    return f"{url}/rows/export?{urlencode(given)}"
