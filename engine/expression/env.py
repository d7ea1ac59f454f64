"""What an expression may know beside the record: who asks, when, and where linked records come from.

Enters: nothing. Leaves: ``Env`` and the protocols its parts fulfil. Must not read a database or a clock: whoever makes
an ``Env`` does.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Protocol, TypeAlias

Row: TypeAlias = Mapping[str, Any]
NOBODY = 0
"""What ``user`` is when nobody in particular acts: no record's owner, and never equal to a missing one."""


class Lookup(Protocol):
    """Where linked records come from; both return values as a record holds them."""

    def linked(self, entity: str, id: int) -> Row | None:
        """Return the record of ``entity`` with this id, or None when there is none."""
        ...

    def collection(self, entity: str, name: str, record: Row) -> Sequence[Row]:
        """Return the rows of collection ``name`` of a record of ``entity`` (line tables are not asked for)."""
        ...


class WorkingCalendar(Protocol):
    """What adds working time; ``day`` is a local date, ``moment`` an aware datetime in UTC."""

    def add_working_days(self, day: date, days: int) -> date: ...
    def add_working_days_to_moment(self, moment: datetime, days: int) -> datetime: ...
    def add_working_hours(self, moment: datetime, hours: int) -> datetime: ...


class NoLookup:
    """For expressions that follow no link: every link leads nowhere."""

    def linked(self, entity: str, id: int) -> Row | None:
        """Return None."""
        return None

    def collection(self, entity: str, name: str, record: Row) -> Sequence[Row]:
        """Return no rows."""
        return ()


@dataclass(frozen=True, slots=True)
class Env:
    """What an expression may know beside the record.

    ``now`` is an aware datetime in UTC, ``today`` the date at the site, ``offset`` what the site's clock adds to UTC.
    """

    user: int | None
    now: datetime
    today: date
    lookup: Lookup = NoLookup()
    offset: timedelta = timedelta()
    calendar: WorkingCalendar | None = None
