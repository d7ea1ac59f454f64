"""Figures that are still being worked out: what their reader is told meanwhile, and of when those are that were kept.

Enters: what the engine said. Leaves: texts, how far it is, where to ask again. Must not make anybody wait.
"""

from datetime import datetime
from typing import Any, Final

from flask import g

from engine.reports import StillCounting
from web.gate import locale, now

REPORTS_URL: Final = "/reports"
STOP_URL: Final = f"{REPORTS_URL}/counting/stop"
_WHOLE = 100
_MOST = 95
"""Hundredths that are shown at most of what is not there yet."""


def view_waiting(still: StillCounting, url: str) -> dict[str, Any]:
    """Return what is said while figures are worked out; ``share`` are hundredths, None where there is no telling."""
    text = locale()
    seconds = max(0, int((now() - still.since).total_seconds()))
    code = "report.counting_some" if still.total > 1 else "report.counting_since"
    said = text.t(code, done=still.done, total=still.total, seconds=seconds)
    share = still.done * _WHOLE // still.total if still.total > 1 else None
    if still.took is not None:
        took = max(1, round(still.took.total_seconds()))
        said = text.t("report.counting_took", text=said, took=took)
        share = min(_MOST, seconds * _WHOLE // took)
    return {"text": said, "share": share, "url": url, "stop_url": STOP_URL, "keys": list(still.keys)}


def say_as_of(moment: datetime | None) -> list[str]:
    """Return when kept figures were worked out; nothing for those of this moment."""
    if moment is None:
        return []
    text = locale()
    same = text.local(moment).date() == text.today(g.session.now())
    when = f"{text.local(moment):%H:%M}" if same else text.datetime(moment)
    return [text.t("report.as_of", when=when)]
