"""How many working days a period has.

Enters: a session, a period. Leaves: a number, by the calendar of the app and the days the site changed. Must not be
asked where nobody needs it: the days are counted one by one.
"""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from engine.records.working_time import find_working_time
from engine.reports.periods import Period
from engine.storage.store import Session

WORKING_DAYS = "working_days"


def count_working_days(session: Session, period: Period) -> Decimal | None:
    """Return the working days of a period; None where it is too long to count."""
    before = period.first - timedelta(days=1) if period.first > date.min else period.first
    found = find_working_time(session).count_working_days(before, period.last)
    return None if found is None else Decimal(found)


class Bounds(dict[str, Any]):
    """What an expression may know of a period; its working days are counted when they are asked for."""

    def __init__(self, session: Session, period: Period, bounds: dict[str, Any]) -> None:
        super().__init__(bounds)
        self._session, self._period = session, period

    def __missing__(self, key: str) -> Any:
        """Count the working days."""
        if key != WORKING_DAYS:
            raise KeyError(key)
        found = self[key] = count_working_days(self._session, self._period)
        return found
