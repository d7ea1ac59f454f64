"""What an expression may know beside the record: who asks, when, and where linked records come from.

Enters: nothing. Leaves: ``Env`` and the protocols its parts fulfil. Must not read a database or a clock: whoever makes
an ``Env`` does.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Protocol, TypeAlias

from engine.expression.resolved import Fold

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

    def lines(self, entity: str, name: str, id: int) -> Sequence[Row]:
        """Return the rows of line table ``name`` of the record of ``entity`` with this id; none when there is none."""
        ...

    def fold(self, fold: Fold, record: Row, env: "Env") -> tuple[Any] | None:
        """Return what the database works out over the records that link to ``record``, or None to be given the rows."""
        ...


class WorkingCalendar(Protocol):
    """What adds and counts working time; ``day`` is a local date, ``moment`` an aware datetime in UTC.

    Negative amounts go back. Adding raises ``OverflowError`` or ``ValueError`` where the calendar ends. Counting
    returns None over more years than it looks ahead, and a negative number when the second is before the first.
    """

    def add_working_days(self, day: date, days: int) -> date: ...
    def add_working_days_to_moment(self, moment: datetime, days: int) -> datetime: ...
    def add_working_hours(self, moment: datetime, hours: int) -> datetime: ...
    def count_working_days(self, first: date, last: date) -> int | None: ...
    def count_working_minutes(self, start: datetime, end: datetime) -> int | None: ...


MOST_STEPS = 2_000_000
"""What working an expression out for one record may cost: a part of it for one row is one step."""


class OutOfSteps(Exception):
    """An expression costs more than ``MOST_STEPS``; whoever runs it says so in a sentence."""


class Budget:
    """What is left to spend on the expression that is being worked out."""

    __slots__ = ("left",)

    def __init__(self) -> None:
        self.left = MOST_STEPS

    def spend(self, steps: int) -> None:
        """Take ``steps`` away; raises ``OutOfSteps`` when there are not so many."""
        self.left -= steps
        if self.left < 0:
            raise OutOfSteps


class NoLookup:
    """For expressions that follow no link: every link leads nowhere."""

    def linked(self, entity: str, id: int) -> Row | None:
        """Return None."""
        return None

    def collection(self, entity: str, name: str, record: Row) -> Sequence[Row]:
        """Return no rows."""
        return ()

    def lines(self, entity: str, name: str, id: int) -> Sequence[Row]:
        """Return no rows."""
        return ()

    def fold(self, fold: Fold, record: Row, env: "Env") -> tuple[Any] | None:
        """Return None."""
        return None


@dataclass(frozen=True, slots=True)
class Env:
    """What an expression may know beside the record.

    ``now`` is an aware datetime in UTC, ``today`` the date at the site, ``offset`` what the site's clock adds to
    UTC, ``calendar`` gives the working time of the site; without it whatever depends on working time is missing.
    ``roles`` and ``department`` are those of the user. ``record`` is the record being edited, for conditions about
    what its links may lead to; ``above`` the one whose rows are looked at; ``payload`` what another system sent;
    ``period`` that of a figure. ``budget`` is filled anew for each expression.
    """

    user: int | None
    now: datetime
    today: date
    lookup: Lookup = NoLookup()
    offset: timedelta = timedelta()
    calendar: Callable[[], WorkingCalendar] | None = None
    record: Row = field(default_factory=dict)
    above: Row = field(default_factory=dict)
    payload: Row = field(default_factory=dict)
    roles: frozenset[str] = frozenset()
    department: int | None = None
    period: Mapping[str, Any] = field(default_factory=dict)
    budget: Budget = field(default_factory=Budget, compare=False)
