"""Reports: figures, each with one definition, laid beside each other; funnels; dashboards; the rows behind them.

Enters: a session, the key of what is asked, the actor, a period, filters. Leaves: plain values (``results.py``). Must
not show anybody more than their lists do: rows, hidden fields, masks and scopes are those of every list, also for what
is reached over a link, so nothing that somebody may not see changes what they are told. There is one exception, which
an author writes with ``announce``: who came first in a period that is over, by name and one figure (``announcing.py``).

``run(session, "lead.response", actor=…, period="2026-03", filters={"owner": "me"})`` gives a ``Result``;
``run_figure`` one figure, divided at will; ``run_funnel`` a ``FunnelResult``; ``rows`` and ``funnel_rows`` the records
behind a cell, as many as its ``n``; ``list_reports``, ``list_dashboards`` and ``home_of`` what there is for somebody;
``seen_tiles`` and ``run_tile`` a dashboard. With a ``Counting`` whoever asks waits for a moment only; the rest is
worked out in the background and kept (``StillCounting``).
"""

from engine.reports.asking import (
    dimensions_of,
    find_figure,
    find_funnel,
    find_report,
    list_by_person,
    list_funnels,
    list_reports,
    sees_figure,
)
from engine.reports.behind import RowsAsked, funnel_rows, rows
from engine.reports.boards import (
    find_dashboard,
    home_of,
    list_dashboards,
    period_of_tile,
    run_tile,
    seen_tiles,
    sees_receipts,
)
from engine.reports.funnels import run_funnel
from engine.reports.kept import Counting, StillCounting
from engine.reports.kept import stop as stop_counting
from engine.reports.opening import run
from engine.reports.periods import Period, find_period
from engine.reports.results import Announced, Axis, Behind, Cell, FunnelResult, Line, Result, Stand
from engine.reports.running import run_figure

__all__ = [
    "Announced",
    "Axis",
    "Behind",
    "Cell",
    "Counting",
    "FunnelResult",
    "Line",
    "Period",
    "Result",
    "RowsAsked",
    "Stand",
    "StillCounting",
    "dimensions_of",
    "find_dashboard",
    "find_figure",
    "find_funnel",
    "find_period",
    "find_report",
    "funnel_rows",
    "home_of",
    "list_by_person",
    "list_dashboards",
    "list_funnels",
    "list_reports",
    "period_of_tile",
    "rows",
    "run",
    "run_figure",
    "run_funnel",
    "run_tile",
    "seen_tiles",
    "sees_receipts",
    "sees_figure",
    "stop_counting",
]
