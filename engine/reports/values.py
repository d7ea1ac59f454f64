"""How a figure is said in its unit: ``¥12,300.00``, ``45.5%``, ``2 小时 5 分``.

Enters: an exact value, a unit, who is spoken to. Leaves: texts. Must not round what is compared: rounding is for
reading.
"""

from decimal import ROUND_HALF_UP, Decimal

from engine.drawing.charts.chart import NOTHING, Unit
from engine.speaking import Speaker

TENTH = Decimal("0.1")
_CENT, _ONE, _HOUR = Decimal("0.01"), Decimal(1), Decimal(60)


def say_in_unit(speaker: Speaker, value: Decimal | None, unit: Unit) -> str:
    """Return a value as it is read: ``¥12,300.00``, ``45.5%``, ``2 小时 5 分``; a dash where there is none."""
    if value is None:
        return NOTHING
    if unit == "money":
        return speaker.money(round_half_up(value, _CENT))
    if unit == "percent":
        return f"{say_plain(speaker, value * 100, TENTH)}%"
    if unit == "minutes":
        return _minutes(speaker, value)
    if unit in ("hours", "days"):
        return speaker.say(f"report.{unit}", n=say_plain(speaker, value, TENTH))
    return say_plain(speaker, value, _CENT)


def _minutes(speaker: Speaker, value: Decimal) -> str:
    if abs(value) < _HOUR:
        return speaker.say("report.minutes", n=say_plain(speaker, value, TENTH))
    whole = int(round_half_up(abs(value), _ONE))
    hours, minutes = divmod(whole, 60)
    said = speaker.say("report.hours_minutes", hours=f"{hours:,}", minutes=minutes) if minutes else speaker.say(
        "report.hours", n=f"{hours:,}"
    )  # fmt: skip
    return f"-{said}" if value < 0 else said


def say_plain(speaker: Speaker, value: Decimal, step: Decimal) -> str:
    rounded = round_half_up(value, step)
    return speaker.number(rounded.normalize() if rounded else Decimal(0))


def round_half_up(value: Decimal, step: Decimal) -> Decimal:
    return value.quantize(step, ROUND_HALF_UP)
