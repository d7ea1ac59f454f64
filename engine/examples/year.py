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
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from engine.automation import jobs, runs, scheduling
from engine.automation.timers import sweep
from engine.clock import SetClock
from engine.compiler.app import Entity, Field
from engine.definition.parser import parse_documents
from engine.definition.source import SourceFolder
from engine.errors import FormworkError, InvalidValues
from engine.examples import steps
from engine.examples.approving import list_open
from engine.examples.drawing import Drawn, draw, draw_length, fill
from engine.examples.scene import Refs, Scene, Step
from engine.people import accounts
from engine.people.actor import Actor
from engine.records.lookups import find_ids, read_value
from engine.storage import timers
from engine.storage.store import Session, Store

DAYS = 365
_FIRST_DAYS = 5
_OPENS, _CLOSES = time(8, 40), time(17, 20)
_MOST_MOMENTS = 100_000
_HOURS = ["20m", "6h"]
"""How long somebody takes to answer, when the course does not say."""

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
    written = [document.data for document in parse_documents(folder, "course")]
    year = _Year(store, clock, days)
    for course in sorted(written, key=lambda one: (not one.get("first", False), one["course"])):
        year.plan(course, max(1, round(course["a_year"] * size * days / DAYS)), seed)
    year.play(progress)
    return year.played


class _Ended(Exception):
    """A course came to its end before its last step."""


@dataclass(eq=False)
class _Course:
    """One course on its way: what was drawn, what its refs stand for, the moment it is at."""

    key: str
    random: Random
    drawn: Drawn
    at: datetime
    refs: Refs = field(default_factory=dict)


class _Year:
    def __init__(self, store: Store, clock: SetClock, days: int) -> None:
        self.store, self.clock, self.now, self.days = store, clock, clock.now(), days
        self.zone = ZoneInfo(store.app.timezone)
        self.working_days = frozenset(store.app.calendar.days)
        self.played = PlayedYear()
        self._waiting: list[tuple[datetime, int, Iterator[datetime]]] = []

    # ---- the order of time

    def plan(self, written: Mapping[str, Any], times: int, seed: int) -> None:
        """Let a course begin so many times in the year."""
        for n in range(1, times + 1):
            random = Random(f"{seed} {written['course']} {n}")  # noqa: S311 - what is drawn is no secret
            first = written.get("first", False)
            day = random.random() * (_FIRST_DAYS if first else self.days - _FIRST_DAYS) + (0 if first else _FIRST_DAYS)
            begins = self._in_working_hours(self.now - timedelta(days=self.days - day), random)
            course = _Course(written["course"], random, draw(random, written.get("draw", {}), n), begins)
            self._push(begins, self._go(course, written["steps"]))
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

    def _in_working_hours(self, moment: datetime, random: Random) -> datetime:
        """Return the moment, or soon after people next come to work."""
        local = moment.astimezone(self.zone)
        if local.time() > _CLOSES:
            local = datetime.combine(local.date() + timedelta(days=1), time(0), self.zone)
        while local.isoweekday() not in self.working_days:
            local = datetime.combine(local.date() + timedelta(days=1), time(0), self.zone)
        if local.time() < _OPENS:
            opens = datetime.combine(local.date(), _OPENS, self.zone)
            local = opens + timedelta(minutes=random.randint(0, 150))
        return local.astimezone(UTC)

    # ---- one course

    def _go(self, course: _Course, written: list[Step]) -> Iterator[datetime]:
        """Do the steps of a course one after another, and yield the moment each has to wait for."""
        try:
            yield from self._do_all(course, written)
        except _Ended:
            return
        except FormworkError as error:
            self.played.refused[f"{course.key}: {_said(error, self.store.app.language)}"] += 1

    def _do_all(self, course: _Course, written: list[Step]) -> Iterator[datetime]:
        for step in written:
            yield from self._do(course, step)

    def _do(self, course: _Course, step: Step) -> Iterator[datetime]:
        if "after" in step or "since" in step:
            yield self._wait(course, step)
        if "chance" in step:
            if course.random.randrange(100) >= step["chance"]:
                yield from self._do_all(course, step.get("otherwise", []))
                raise _Ended
        elif "agree" in step:
            yield from self._agree(course, step)
        elif "each" in step:
            for address in self._linked(course, step["each"], step):
                course.refs[step["ref"]] = address
                yield from self._do_all(course, step["do"])
        elif "pick" in step:
            course.refs[step["ref"]] = self._pick(course, step)
        elif "find" in step:
            found = self._linked(course, step["find"], step)
            if len(found) < step.get("at", 1):
                raise _Ended
            course.refs[step["ref"]] = found[step.get("at", 1) - 1]
        else:
            self._act(course, step)

    def _wait(self, course: _Course, step: Step) -> datetime:
        start = course.at
        if "since" in step:
            day = self._value(course, step["since"])
            if not isinstance(day, date):
                raise _Ended
            start = day if isinstance(day, datetime) else datetime.combine(day, time(9), self.zone).astimezone(UTC)
        wanted = start + draw_length(course.random, step.get("after", ["0m"]))
        course.at = self._in_working_hours(max(wanted, course.at), course.random)
        return course.at

    def _agree(self, course: _Course, step: Step) -> Iterator[datetime]:
        while True:
            with self.store.read() as session:
                asked = [task.person.id for _, task in list_open(session, course.refs[step["agree"]])]
            if not asked:
                return
            course.at += draw_length(course.random, step.get("within", _HOURS))
            course.at = self._in_working_hours(course.at, course.random)
            yield course.at
            with self.store.read() as session:
                still = {task.person.id for _, task in list_open(session, course.refs[step["agree"]])}
            if asked[0] in still:
                self._play(course, {"approve": step["agree"]}, asked[0])

    def _act(self, course: _Course, step: Step) -> None:
        with self.store.read() as session:
            known = partial(self._known, session, course)
            filled = {key: fill(value, known) for key, value in step.items() if key not in ("after", "since")}
            user = accounts.find_user(session.connection, str(filled["as"]))
        self._play(course, filled, user or 0)

    def _play(self, course: _Course, step: Step, user: int) -> None:
        with self.store.write() as session:
            actor = accounts.get_actor(session.connection, user)
            made = steps.play(self._scene(session, actor, course), step)
            if made is not None and "ref" in step:
                course.refs[step["ref"]] = (made.entity, made.id)
        jobs.react(self.store)

    def _scene(self, session: Session, actor: Actor, course: _Course) -> Scene:
        find_user = partial(accounts.find_user, session.connection)
        return Scene(session, actor, course.refs, self.clock.at, self.zone, lambda written: None, find_user)

    # ---- what records hold

    def _linked(self, course: _Course, entity: str, step: Step) -> list[tuple[str, int]]:
        """Return the records that link to one by a field, the oldest first."""
        with self.store.read() as session:
            ids = find_ids(session, entity, {step["by"]: course.refs[step["of"]][1]})
        return [(entity, id_) for id_ in ids]

    def _pick(self, course: _Course, step: Step) -> tuple[str, int]:
        with self.store.read() as session:
            having = fill(step.get("having", {}), partial(self._known, session, course))
            if "owner" in having:
                having["owner"] = accounts.find_user(session.connection, having["owner"])
            having = self._led(course, session.app.entities[step["pick"]], having)
            found = find_ids(session, step["pick"], having, step.get("filled", ()))
        if not found:
            raise _Ended
        return step["pick"], course.random.choice(found)

    def _led(self, course: _Course, entity: Entity, having: Mapping[str, Any]) -> dict[str, Any]:
        """Return what is looked for, with the id of the record that a ref stands for where a field leads to one."""
        links = {key for key in having if key in entity.fields and entity.fields[key].to_one is not None}
        return {key: course.refs[one][1] if key in links and one in course.refs else one for key, one in having.items()}

    def _value(self, course: _Course, name: str) -> Any:
        with self.store.read() as session:
            return _read(session, course, name)[1]

    def _known(self, session: Session, course: _Course, name: str) -> Any:
        """Return what ``{name}`` or ``{ref.field}`` stands for; a linked record becomes a ref of its own."""
        if "." not in name:
            return course.drawn[name]
        field_, value = _read(session, course, name)
        if field_.target in session.app.entities and value is not None:
            course.refs[name] = (str(field_.target), value)
            return name
        return value.isoformat() if isinstance(value, date) else value


def _quarter_after(moment: datetime) -> datetime:
    past = moment.replace(minute=moment.minute // 15 * 15, second=0, microsecond=0)
    return past if past == moment else past + timedelta(minutes=15)


def _read(session: Session, course: _Course, name: str) -> tuple[Field, Any]:
    ref, _, key = name.partition(".")
    entity, id_ = course.refs[ref]
    return session.app.entities[entity].fields[key], read_value(session, entity, id_, key)


def _said(error: FormworkError, language: str) -> str:
    """Why a step was refused, without what differs from course to course."""
    if isinstance(error, InvalidValues):
        said = [f"{item.path}: {item.text(language)}" for item in error.errors]
        return "; ".join(said + [item.message for item in error.missing])
    said_by = getattr(error, "text", None)
    return str(said_by(language) if said_by else error)
