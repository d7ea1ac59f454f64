"""How a stretch of time is said, and which ones a report offers.

Enters: a ``Period`` and the reader's locale. Leaves: texts. Must not decide which period holds: the address says.
"""

from datetime import date

from engine.reports.periods import Period, find_period
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


def say_period(locale: Locale, period: Period) -> str:
    """Return a period as people say it: ``2026 年 3 月``, or its first and last day."""
    if period.kind == "all":
        return locale.t("report.all_time")
    name, first = period.name, period.first
    if ".." in name and period.kind == "month":
        return f"{say_month(locale, first)} – {say_month(locale, period.last)}"
    if ".." in name:
        return f"{locale.date(first)} – {locale.date(period.last)}"
    if period.kind == "week":
        year, week, _ = first.isocalendar()
        return locale.t("report.week", year=year, week=week)
    if period.kind == "month":
        return say_month(locale, first)
    if period.kind == "quarter":
        return locale.t("report.quarter", year=first.year, quarter=(first.month + 2) // 3)
    return locale.t("report.year", year=first.year) if period.kind == "year" else locale.date(first)


def say_span(locale: Locale, first: date, span: str, *, near: date | None = None) -> str:
    """Return the day, week, month, quarter or year that begins on a day, as it stands at an axis."""
    if span == "day":
        return locale.date(first, near=near)
    found = find_period({"month": f"{first:%Y-%m}", "year": f"{first.year:04}"}.get(span, ""), first) or find_period(
        span, first
    )
    assert found is not None  # noqa: S101 - spans are names of periods
    if span == "week":
        return locale.date(first, near=near)
    return f"{first:%Y-%m}" if span == "month" else say_period(locale, found)


def say_month(locale: Locale, first: date) -> str:
    """Return a month."""
    month = first.month if locale.language == "zh" else f"{first:%b}"
    return locale.t("report.month", year=first.year, month=month)
