"""Values an expression can write or produce that Python has no type for.

Enters: nothing. Leaves: ``WorkingTime`` and the ``Value`` alias. Must not know a calendar: how long a working day is,
only the calendar of the site says.
"""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class WorkingTime:
    """``2wd`` is ``WorkingTime(days=2)``, ``8wh`` is ``WorkingTime(hours=8)``; exactly one of them is not zero."""

    days: int = 0
    hours: int = 0

    def __neg__(self) -> "WorkingTime":
        return WorkingTime(-self.days, -self.hours)


Value: TypeAlias = Decimal | int | str | bool | date | datetime | time | timedelta | WorkingTime | None
