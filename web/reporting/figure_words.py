"""How a figure is said on a page: large, how far it moved, how near it is to its target.

Enters: exact values, a unit, the reader's locale. Leaves: texts and tones. Must not compute a figure, nor round one
that is compared: rounding is for reading.
"""

from decimal import Decimal
from typing import Any, Literal

from engine.drawing.charts.chart import Unit
from engine.reports.values import TENTH, round_half_up, say_beside, say_in_unit, say_plain
from web.i18n import Locale

Better = Literal["more", "less"] | None
_ONE, _LARGE = Decimal(1), Decimal(10_000)


def say_large(locale: Locale, value: Decimal | None, unit: Unit) -> str:
    """Return a value as it stands large on a tile: an amount without cents, where it has none or is large."""
    if unit == "money" and value is not None and (abs(value) >= _LARGE or value == value.to_integral_value()):
        return locale.money(round_half_up(value, _ONE), scale=0)
    return say_in_unit(locale, value, unit)


def say_aimed(locale: Locale, value: Decimal | None, target: Decimal | None, unit: Unit) -> tuple[str, str]:
    """Return a value and its target as they stand on a tile; where they are not the same, they read differently."""
    return say_beside(locale, value, target, unit, lambda one: say_large(locale, one, unit))


def say_change(
    locale: Locale, now: Decimal | None, before: Decimal | None, unit: Unit, better: Better
) -> dict[str, str] | None:
    """Return how a value moved: ``text`` with its direction in words and its ``tone``; None where there is no telling.

    Percentages move by points; a value that was zero before moved by itself, for nothing is no part of something.
    """
    if now is None or before is None:
        return None
    moved = now - before
    if not moved:
        return {"text": locale.t("figure.same"), "tone": "grey", "icon": "minus"}
    if unit == "percent":
        said = locale.t("figure.points", n=say_plain(locale, abs(moved) * 100, TENTH))
    elif not before:
        said = say_in_unit(locale, abs(moved), unit)
    else:
        said = f"{say_plain(locale, abs(moved / before) * 100, TENTH)}%"
    up = moved > 0
    good = None if better is None else up == (better == "more")
    tone = "grey" if good is None else "green" if good else "red"
    text = locale.t("figure.up" if up else "figure.down", by=said)
    return {"text": text, "tone": tone, "icon": "arrow-up" if up else "arrow-down"}


def is_met(value: Decimal | None, target: Decimal | None, better: Better) -> bool | None:
    """Return whether a value is as good as its target; None where one of them is missing."""
    if value is None or target is None:
        return None
    return value <= target if better == "less" else value >= target


def say_counted(locale: Locale, n: int | None, at_least: int) -> dict[str, Any]:
    """Return out of how many rows a figure was worked out, and whether they are too few to judge by."""
    few = n is not None and n < at_least
    if n == 0:
        return {"text": "n=0", "few": few}
    text = "" if n is None else locale.t("figure.few", n=n, least=at_least) if few else f"n={n:,}"
    return {"text": text, "few": few}
