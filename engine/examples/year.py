"""An invented year of business: courses that begin again and again, played in the order of time.

Enters: an open store whose clock can be set, a folder with ``courses/*.yaml``, a size and a seed. Leaves: records made
by the commands people use, dated over the last year (or fewer days), with everything that happens by itself in between:
timers, automations, pools. Must not write a record around the commands; what a step may not do ends its course, and is
counted.

The same seed over the same definitions gives the same people, goods and amounts, but for the days: they count back
from today.
"""

import heapq
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from random import Random
from typing import Any

from engine.automation import jobs, runs, scheduling
from engine.automation.timers import sweep
from engine.clock import SetClock
from engine.definition.parser import parse_documents
from engine.definition.source import SourceFolder
from engine.errors import FormworkError, InvalidValues
from engine.examples.courses import Company, Course
from engine.storage import timers
from engine.storage.store import Store

DAYS = 365
_FIRST_DAYS = 5
_MOST_MOMENTS = 100_000

Progress = Callable[[int, int], None]


@dataclass
class PlayedYear:
    """What came of a year: courses begun and still going on today, steps done, and why courses broke off, by reason."""

    courses: int = 0
    going_on: int = 0
    steps: int = 0
    refused: Counter[str] = field(default_factory=Counter)


def play_year(
    store: Store,
    clock: SetClock,
    folder: SourceFolder,
    *,
    size: float = 1.0,
    seed: int = 1,
    days: int = DAYS,
    progress: Progress = lambda done, total: None,
) -> PlayedYear:
    """Play every course of ``courses/*.yaml`` as often as it comes in so many ``days``, times ``size``.

    ``clock`` is the one ``store`` was opened with; it stands at the present moment when called, and there again at the
    end. Raises ``DefinitionError`` for a broken file.
    """
    written = [document.data for document in parse_documents(folder, "course") if "a_year" in document.data]
    year = _Year(store, clock, days)
    for course in sorted(written, key=lambda one: (not one.get("first", False), one["course"])):
        year.plan(course, max(1, round(course["a_year"] * size * days / DAYS)), seed)
    year.play(progress)
    return year.played


class _Year:
    def __init__(self, store: Store, clock: SetClock, days: int) -> None:
        self.store, self.clock, self.now, self.days = store, clock, clock.now(), days
        self.company = Company(store)
        self.played = PlayedYear()
        self._waiting: list[tuple[datetime, int, Iterator[datetime]]] = []

    # ---- the order of time

    def plan(self, written: Mapping[str, Any], times: int, seed: int) -> None:
        """Let a course begin so many times in the year."""
        for n in range(1, times + 1):
            course = self.company.begin(written, n, seed, partial(self._begin, written.get("first", False)))
            self._push(course.at, self.company.go(course, written["steps"], partial(self._refuse, course)))
            self.played.courses += 1

    def play(self, progress: Progress) -> None:
        """Do all steps up to the present moment, each at its own."""
        ended = 0
        try:
            while self._waiting and self._waiting[0][0] <= self.now:
                moment, _, course = heapq.heappop(self._waiting)
                self._let_pass(moment)
                coming = next(course, None)
                if coming is not None:
                    self._push(coming, course)
                else:
                    ended += 1
                    progress(ended, self.played.courses)
            self._let_pass(self.now)
        finally:
            self.clock.at = self.now
        self.played.going_on = len(self._waiting)

    def _begin(self, first: bool, random: Random) -> datetime:
        day = random.random() * (_FIRST_DAYS if first else self.days - _FIRST_DAYS) + (0 if first else _FIRST_DAYS)
        return self.now - timedelta(days=self.days - day)

    def _refuse(self, course: Course, error: FormworkError) -> None:
        self.played.refused[f"{course.key}: {_said(error, self.store.app.language)}"] += 1

    def _push(self, moment: datetime, course: Iterator[datetime]) -> None:
        self.played.steps += 1
        heapq.heappush(self._waiting, (moment, self.played.steps, course))

    def _let_pass(self, until: datetime) -> None:
        """Come to a moment by way of all that falls due before it, by the quarter of an hour."""
        for _ in range(_MOST_MOMENTS):
            coming = self._next_due()
            if coming is None or coming > until:
                break
            stood, self.clock.at = self.clock.at, min(until, max(self.clock.at, _quarter_after(coming)))
            if not self._look() and self.clock.at == stood:
                break  # what is left waits for somebody
        self.clock.at = until

    def _look(self) -> int:
        return sweep(self.store) + scheduling.keep_schedules(self.store) + jobs.react(self.store)

    def _next_due(self) -> datetime | None:
        with self.store.read() as session:
            found = [timers.find_next_moment(session), runs.find_next_moment(session)]
            if session.app.automations:
                found.append(scheduling.find_next_moment(session))
        return min((one for one in found if one is not None), default=None)


def _quarter_after(moment: datetime) -> datetime:
    past = moment.replace(minute=moment.minute // 15 * 15, second=0, microsecond=0)
    return past if past == moment else past + timedelta(minutes=15)


def _said(error: FormworkError, language: str) -> str:
    """Why a step was refused, without what differs from course to course."""
    if isinstance(error, InvalidValues):
        said = [f"{item.path}: {item.text(language)}" for item in error.errors]
        return "; ".join(said + [item.message for item in error.missing])
    said_by = getattr(error, "text", None)
    return str(said_by(language) if said_by else error)
