"""How a figure is said in its unit: ``¥12,300.00``, ``45.5%``, ``2 小时 5 分``.

Enters: an exact value, a unit, who is spoken to. Leaves: texts. Must not round what is compared: rounding is for
reading, and a value that is not its target is not said as if it were.
"""

from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal

from engine.drawing.charts.chart import NOTHING, Unit
from engine.speaking import Speaker

TENTH = Decimal("0.1")
_CENT, _ONE, _HOUR = Decimal("0.01"), Decimal(1), Decimal(60)
_MOST_MORE = 6


def say_in_unit(speaker: Speaker, value: Decimal | None, unit: Unit, more: int = 0) -> str:
    """Return a value as it is read: ``¥12,300.00``, ``45.5%``, ``2 小时 5 分``; a dash where there is none.

    ``more`` digits are said beside those it has otherwise.
    """
    if value is None:
        return NOTHING
    if unit == "money":
        return speaker.money(round_half_up(value, _CENT.scaleb(-more)), scale=2 + more)
    if unit == "percent":
        return f"{say_plain(speaker, value * 100, TENTH.scaleb(-more))}%"
    if unit == "minutes":
        return _minutes(speaker, value, more)
    if unit in ("hours", "days"):
        return speaker.say(f"report.{unit}", n=say_plain(speaker, value, TENTH.scaleb(-more)))
    return say_plain(speaker, value, _CENT.scaleb(-more))


def say_beside(
    speaker: Speaker,
    value: Decimal | None,
    target: Decimal | None,
    unit: Unit,
    say: Callable[[Decimal | None], str] | None = None,
) -> tuple[str, str]:
    """Return a value and what it should be, each as it is read, or as ``say`` has it.

    Where both would read the same and are not, they are said with as few more digits as tell them apart, six at most.
    """
    said = say or (lambda one: say_in_unit(speaker, one, unit))
    plain = said(value), said(target)
    if value is None or target is None or value == target or plain[0] != plain[1]:
        return plain
    for more in range(_MOST_MORE + 1):
        found = say_in_unit(speaker, value, unit, more), say_in_unit(speaker, target, unit, more)
        if found[0] != found[1]:
            return found
    return plain


def _minutes(speaker: Speaker, value: Decimal, more: int = 0) -> str:
    if round_half_up(abs(value), TENTH.scaleb(-more)) < _HOUR:
        return speaker.say("report.minutes", n=say_plain(speaker, value, TENTH.scaleb(-more)))
    hours, minutes = divmod(round_half_up(abs(value), _ONE.scaleb(-more)), 60)
    said = speaker.say(
        "report.hours_minutes", hours=f"{hours:,.0f}", minutes=say_plain(speaker, minutes, _ONE.scaleb(-more))
    ) if minutes else speaker.say("report.hours", n=f"{hours:,.0f}")  # fmt: skip
    return f"-{said}" if value < 0 else said


def say_plain(speaker: Speaker, value: Decimal, step: Decimal) -> str:
    rounded = round_half_up(value, step)
    return speaker.number(rounded.normalize() if rounded else Decimal(0))


def round_half_up(value: Decimal, step: Decimal) -> Decimal:
    return value.quantize(step, ROUND_HALF_UP)
