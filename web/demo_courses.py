"""The courses of a demo: business that began and ended over the last year, drawn from a seed at any size.

Enters: an open store, the ``courses/*.yaml`` that have a ``demo``, how far the demo has come. Leaves: the next moment
at which one of them has a turn, and what it does then. Must not turn the clock: the story has its turns in between.

A course whose step is refused ends there and is told as left out: what it draws may not be what a site allows.
"""

import heapq
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from random import Random
from typing import Any

from engine.definition.yaml_reader import Document
from engine.errors import FormworkError, Problem
from engine.examples.courses import Company, Course
from engine.storage.store import Session, Store
from web.demo_place import Place, read_courses, write_course
from web.demo_story import LeftOut, Refused

_Turn = tuple[datetime, int, Course, Iterator[datetime]]


class Courses:
    """The courses of a demo that are still to be told, each at its moment."""

    def __init__(self, store: Store, place: Place, documents: list[Document], left_out: LeftOut) -> None:
        self.place, self.left_out = place, left_out
        self.company = Company(store, _keep)
        self.count = self.over = 0
        self._waiting: list[_Turn] = []
        with store.read() as session:
            before = read_courses(session)
        for document in sorted(documents, key=lambda one: str(one.data["course"])):
            for n, begins in enumerate(self._begins(document.data.get("demo")), start=1):
                self._plan(document, n, begins, before)

    @property
    def next(self) -> datetime | None:
        """The next moment a course has a turn at; None when none has one before the demo began."""
        found = self._waiting[0][0] if self._waiting else None
        return found if found is not None and found <= self.place.began else None

    def play(self) -> bool:
        """Let the course whose turn it is do what it does then; tell whether it came to its end."""
        _, order, course, steps = heapq.heappop(self._waiting)
        course.others = self.place.refs
        coming = next(steps, None)
        if coming is not None:
            heapq.heappush(self._waiting, (coming, order, course, steps))
            return False
        self.over += 1
        return True

    def _plan(self, document: Document, n: int, begins: Callable[[Random], datetime], before: dict[str, Any]) -> None:
        course = self.company.begin(document.data, n, self.place.seed, begins)
        course.others = self.place.refs
        course.told.extend(before.get(course.name, ()))
        course.resumed = bool(course.told)
        steps = self.company.go(course, document.data["steps"], partial(self._refuse, document, course))
        moment: datetime | None = course.at
        while course.told and moment is not None:
            moment = next(steps, None)
        self.count += 1
        if moment is None:
            self.over += 1
        else:
            heapq.heappush(self._waiting, (moment, self.count, course, steps))

    def _begins(self, written: Mapping[str, Any] | None) -> list[Callable[[Random], datetime]]:
        """Return when each course begins: evenly over the days there are, or with each month."""
        if written is None:
            return []
        first, last = (self.place.began - timedelta(days=int(written[end])) for end in ("from", "to"))
        if "times" not in written:
            return [partial(_always, one) for one in self._months(first, last)]
        times = max(1, round(written["times"] * self.place.size))
        part = (last - first) / times
        return [partial(_within, first + part * n, part) for n in range(times)]

    def _months(self, first: datetime, last: datetime) -> Iterator[datetime]:
        """Walk the first days of the months between two moments."""
        zone = self.company.zone
        month, until = first.astimezone(zone).date().replace(day=1), last.astimezone(zone).date()
        while month <= until:
            if month >= first.astimezone(zone).date():
                yield datetime.combine(month, time(0), zone).astimezone(UTC)
            month = date(month.year + month.month // 12, month.month % 12 + 1, 1)

    def _refuse(self, document: Document, course: Course, error: FormworkError) -> None:
        self.left_out(Problem("M001", document.at_key(("course",)), {"what": course.name, "why": Refused(error)}))


def _keep(session: Session, course: Course) -> None:
    write_course(session, course.name, course.said)


def _always(moment: datetime, random: Random) -> datetime:
    return moment


def _within(begins: datetime, part: timedelta, random: Random) -> datetime:
    return begins + part * random.random()
