"""How values are written, as people read and type them: in forms, exports, searches and by ``text()``.

Enters: typed values. Leaves: texts that the readers of fields read back. Must not know nodes or missing values.
"""

from datetime import datetime, timedelta
from decimal import Decimal

_SPANS = (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1))


def short(value: Decimal | int) -> str:
    """Return a number without needless zeros: 12.5, 100."""
    said = f"{value:f}" if isinstance(value, Decimal) else str(value)
    return said.rstrip("0").rstrip(".") if "." in said else said


def as_percentage(value: Decimal) -> str:
    """Return ``15%`` for 0.15: text without the sign would be read back as a hundredth of it."""
    return short(value * 100) + "%"


def say_duration(value: timedelta) -> str:
    """Return a duration in the words of expressions: ``3d 4h``; no time at all is ``0m``."""
    seconds = value // timedelta(seconds=1)
    left, parts = abs(seconds), []
    for unit, size in _SPANS:
        count, left = divmod(left, size)
        parts += [f"{count}{unit}"] if count else []
    return ("-" if seconds < 0 else "") + (" ".join(parts) or "0m")


def say_minute(value: datetime) -> str:
    """Return a moment to the minute, by the clock it came with: ``2026-03-04 14:30``."""
    return value.replace(tzinfo=None).isoformat(" ", "minutes")
