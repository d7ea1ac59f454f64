"""Which stretches of time a report offers.

Enters: the reader's locale. Leaves: names of periods and what they are called. Must not decide which period holds: the
address says.
"""

from web.i18n import Locale

OFFERED = (
    "day", "week", "month", "last month", "quarter", "year", "last 30 days", "last 12 months", "all",
)  # fmt: skip
"""Names of periods that a report can be switched to."""

_SAID = {
    "day": "this_day", "week": "this_week", "month": "this_month", "quarter": "this_quarter", "year": "this_year",
    "last month": "last_month", "last 30 days": "last_30_days", "last 12 months": "last_12_months", "all": "all_time",
}  # fmt: skip


def say_offered(locale: Locale, name: str) -> str:
    """Return what a period of ``OFFERED`` is called, whatever day it is."""
    return locale.t(f"report.{_SAID[name]}")
