"""How a stretch of time is said.

Enters: a ``Period``, or the first day of a span, and who is spoken to. Leaves: texts. Must not decide which period
holds: whoever asks for a figure says.
"""

from datetime import date

from engine.reports.periods import Period, find_period
from engine.speaking import Speaker


def say_period(speaker: Speaker, period: Period) -> str:
    """Return a period as people say it: ``2026 年 3 月``, or its first and last day."""
    if period.kind == "all":
        return speaker.say("report.all_time")
    name, first = period.name, period.first
    if ".." in name and period.kind == "month":
        return f"{say_month(speaker, first)} – {say_month(speaker, period.last)}"
    if ".." in name:
        return f"{speaker.date(first)} – {speaker.date(period.last)}"
    if period.kind == "week":
        year, week, _ = first.isocalendar()
        return speaker.say("report.week", year=year, week=week)
    if period.kind == "month":
        return say_month(speaker, first)
    if period.kind == "quarter":
        return speaker.say("report.quarter", year=first.year, quarter=(first.month + 2) // 3)
    return speaker.say("report.year", year=first.year) if period.kind == "year" else speaker.date(first)


def say_span(speaker: Speaker, first: date, span: str, *, near: date | None = None) -> str:
    """Return the day, week, month, quarter or year that begins on a day, as it stands at an axis."""
    if span == "day":
        return speaker.date(first, near=near)
    found = find_period({"month": f"{first:%Y-%m}", "year": f"{first.year:04}"}.get(span, ""), first) or find_period(
        span, first
    )
    assert found is not None  # noqa: S101 - spans are names of periods
    if span == "week":
        return speaker.date(first, near=near)
    return f"{first:%Y-%m}" if span == "month" else say_period(speaker, found)


def say_month(speaker: Speaker, first: date) -> str:
    """Return a month."""
    month = first.month if speaker.language == "zh" else f"{first:%b}"
    return speaker.say("report.month", year=first.year, month=month)
