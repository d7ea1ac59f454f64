"""What a row of a report is of, said to people and written into addresses: a person, a stage, a month, a range.

Enters: an axis or dimension, one of its keys, what linked things are called. Leaves: texts. Must not look anything up.
"""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from engine.compiler.app import Dimension
from engine.expression import Kind
from engine.records.record import Labels
from engine.reports.asking import MISSING
from engine.reports.periods import Period, find_period
from engine.reports.results import Axis
from engine.reports.spans import say_period, say_span
from engine.speaking import Speaker


def say_key(speaker: Speaker, axis: Axis, key: Any, labels: Labels, *, near: date | None = None) -> str:
    """Return what a key of an axis is called."""
    if key is None:
        return speaker.say("report.missing")
    if isinstance(key, Period):
        return say_span(speaker, key.first, key.kind, near=near) if _is_whole(key) else say_period(speaker, key)
    dimension = axis.dimension
    if dimension is None:
        return str(key)
    return _say(speaker, dimension, key, labels, near)


def say_value(speaker: Speaker, dimension: Dimension, key: Any, labels: Labels) -> str:
    """Return what a value that rows are narrowed to is called."""
    return speaker.say("report.missing") if key is None else _say(speaker, dimension, key, labels, None)


def write_key(key: Any) -> str:
    """Return a key as an address has it."""
    if key is None:
        return MISSING
    if isinstance(key, Period):
        return key.name
    if isinstance(key, bool):
        return "true" if key else "false"
    return key.isoformat() if isinstance(key, date) else str(key)


def is_timeline(axis: Axis) -> bool:
    """Return whether the keys of an axis follow each other in time."""
    return axis.dimension is None or axis.dimension.span is not None


def _say(speaker: Speaker, dimension: Dimension, key: Any, labels: Labels, near: date | None) -> str:
    if dimension.span is not None and isinstance(key, date):
        return say_span(speaker, key, dimension.span, near=near)
    if dimension.buckets:
        return _range(speaker, dimension.buckets, int(key))
    if dimension.target is not None:
        return labels.get((dimension.target, key), f"#{key}")
    if str(key) in dimension.options:
        return speaker.label(dimension.options[str(key)])
    if isinstance(key, bool):
        return speaker.say("automation.yes" if key else "automation.no")
    if isinstance(key, Decimal | int):
        return speaker.percent(Decimal(key)) if dimension.type.kind is Kind.PERCENT else speaker.number(key)
    return speaker.date(key, near=near) if isinstance(key, date) else str(key)


def _range(speaker: Speaker, buckets: Sequence[Decimal], number: int) -> str:
    """Return a range between two buckets: ``<10``, ``10–30``, ``≥30``."""
    if number <= 0:
        return f"<{speaker.number(buckets[0])}"
    if number >= len(buckets):
        return f"≥{speaker.number(buckets[-1])}"
    return f"{speaker.number(buckets[number - 1])}–{speaker.number(buckets[number])}"


def _is_whole(period: Period) -> bool:
    return period.kind not in ("all", "days") and find_period(period.name, period.first) == period and (
        ".." not in period.name
    )  # fmt: skip
