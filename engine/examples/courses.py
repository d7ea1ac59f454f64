"""One course of business on its way: people, goods and luck drawn, its steps done one after another.

Enters: what ``courses/*.yaml`` says, an open store. Leaves: records made by the commands people use, and the moments
the course waits for. Must not write a record around the commands, nor turn the clock: whoever plays several does.

What a course looked up and made is kept as its ``said``: given again to a course that begins anew, it comes to where it
stood without doing anything twice.
"""

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from engine.automation import jobs
from engine.compiler.app import Entity, Field
from engine.errors import FormworkError
from engine.examples import steps
from engine.examples.approving import list_open
from engine.examples.drawing import Drawn, draw, draw_length, fill
from engine.examples.scene import Refs, Scene, Step
from engine.people import accounts
from engine.people.actor import Actor
from engine.records.lookups import find_ids, read_value
from engine.storage.store import Session, Store

_OPENS, _CLOSES = time(8, 40), time(17, 20)
_HOURS = ["20m", "6h"]
"""How long somebody takes to answer, when the course does not say."""

Kept = Callable[[Session, "Course"], None]


class _Ended(Exception):
    """A course came to its end before its last step."""


@dataclass(eq=False)
class Course:
    """One course: what was drawn, what its refs stand for, the moment it is at, what was said to it so far.

    ``others`` are refs of a story it is told in; ``told`` is what was said to it before an interruption.
    """

    key: str
    n: int
    seed: str
    random: Random
    drawn: Drawn
    at: datetime
    others: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    refs: Refs = field(default_factory=dict)
    said: list[Any] = field(default_factory=list)
    told: deque[Any] = field(default_factory=deque)
    resumed: bool = False

    @property
    def name(self) -> str:
        """What tells it from every other."""
        return f"{self.key} {self.n}"

    def address(self, ref: str) -> tuple[str, int]:
        """Return the record a ref stands for."""
        return self.refs[ref] if ref in self.refs else self.others[ref]


class Company:
    """Where courses are played: the store, its hours of work, and who hears of each step in its transaction."""

    def __init__(self, store: Store, kept: Kept | None = None) -> None:
        self.store, self._kept = store, kept
        self.zone = ZoneInfo(store.app.timezone)
        self.working_days = frozenset(store.app.calendar.days)

    def begin(self, written: Mapping[str, Any], n: int, seed: int, when: Callable[[Random], datetime]) -> Course:
        """Return the ``n``-th course (from 1) of those that are written so; ``when`` it begins may be drawn too."""
        own = f"{seed} {written['course']} {n}"
        random = Random(own)  # noqa: S311 - what is drawn is no secret
        begins = self.in_working_hours(when(random), random)
        return Course(written["course"], n, own, random, draw(random, written.get("draw", {}), n), begins)

    def go(self, course: Course, written: list[Step], refused: Callable[[FormworkError], None]) -> Iterator[datetime]:
        """Do the steps of a course one after another, and yield the moment each has to wait for."""
        try:
            yield from self._do_all(course, written)
        except _Ended:
            return
        except FormworkError as error:
            refused(error)

    def in_working_hours(self, moment: datetime, random: Random) -> datetime:
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

    # ---- steps

    def _do_all(self, course: Course, written: list[Step]) -> Iterator[datetime]:
        for step in written:
            yield from self._do(course, step)

    def _do(self, course: Course, step: Step) -> Iterator[datetime]:
        if course.resumed and not course.told:
            course.resumed = False
            yield course.at  # this step was not done before the interruption: it has its turn like any other
        if "after" in step or "since" in step:
            yield self._wait(course, step)
        yield from self._do_now(course, step)

    def _do_now(self, course: Course, step: Step) -> Iterator[datetime]:
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

    def _wait(self, course: Course, step: Step) -> datetime:
        start = course.at
        if "since" in step:
            said = self._ask(course, partial(self._day, course, step["since"]))
            if said is None:
                raise _Ended
            start = datetime.fromisoformat(said)
        wanted = start + draw_length(course.random, step.get("after", ["0m"]))
        course.at = self.in_working_hours(max(wanted, course.at), course.random)
        return course.at

    def _agree(self, course: Course, step: Step) -> Iterator[datetime]:
        while True:
            asked = self._ask(course, partial(self._asked, course, step))
            if not asked:
                return
            course.at += draw_length(course.random, step.get("within", _HOURS))
            course.at = self.in_working_hours(course.at, course.random)
            yield course.at
            if asked[0] in self._ask(course, partial(self._asked, course, step)):
                self._once(course, partial(self._play, course, {"approve": step["agree"]}, asked[0]))

    def _act(self, course: Course, step: Step) -> None:
        self._once(course, partial(self._act_now, course, step))
        if "ref" in step and course.said[-1] is not None:
            course.refs[step["ref"]] = _address(course.said[-1])

    def _act_now(self, course: Course, step: Step) -> None:
        with self.store.read() as session:
            known = partial(self._known, session, course)
            filled = {key: fill(value, known) for key, value in step.items() if key not in ("after", "since")}
            user = accounts.find_user(session.connection, str(filled["as"]))
        self._play(course, filled, user or 0)

    def _play(self, course: Course, step: Step, user: int) -> None:
        with self.store.write() as session:
            actor = accounts.get_actor(session.connection, user)
            made = steps.play(self._scene(session, actor, course), step)
            course.said.append(None if made is None else [made.entity, made.id])
            if self._kept is not None:
                self._kept(session, course)
        jobs.react(self.store)

    def _scene(self, session: Session, actor: Actor, course: Course) -> Scene:
        find_user = partial(accounts.find_user, session.connection)
        refs = {**course.others, **course.refs}
        return Scene(session, actor, refs, self.store.clock.now(), self.zone, lambda written: None, find_user)

    # ---- what was said before an interruption is not asked again

    def _once(self, course: Course, do: Callable[[], None]) -> None:
        if course.told:
            course.said.append(course.told.popleft())
        else:
            do()

    def _ask(self, course: Course, look: Callable[[], Any]) -> Any:
        course.said.append(course.told.popleft() if course.told else look())
        return course.said[-1]

    # ---- what records hold

    def _linked(self, course: Course, entity: str, step: Step) -> list[tuple[str, int]]:
        """Return the records that link to one by a field and hold what is asked for, the oldest first."""

        def look() -> list[int]:
            with self.store.read() as session:
                of = course.address(fill(step["of"], course.drawn.__getitem__))[1]
                return find_ids(session, entity, {step["by"]: of, **self._having(session, course, entity, step)})

        return [(entity, id_) for id_ in self._ask(course, look)]

    def _asked(self, course: Course, step: Step) -> list[int]:
        """Return whose answer is waited for."""
        with self.store.read() as session:
            return [task.person.id for _, task in list_open(session, course.address(step["agree"]))]

    def _pick(self, course: Course, step: Step) -> tuple[str, int]:
        def look() -> int | None:
            with self.store.read() as session:
                having = self._having(session, course, step["pick"], step)
                found = find_ids(session, step["pick"], having, step.get("filled", ()))
            return Random(f"{course.seed} {len(course.said)}").choice(found) if found else None  # noqa: S311

        picked = self._ask(course, look)
        if picked is None:
            raise _Ended
        return step["pick"], picked

    def _having(self, session: Session, course: Course, entity: str, step: Step) -> dict[str, Any]:
        having = fill(step.get("having", {}), partial(self._known, session, course))
        if "owner" in having:
            having["owner"] = accounts.find_user(session.connection, having["owner"])
        return _led(course, session.app.entities[entity], having)

    def _day(self, course: Course, name: str) -> str | None:
        with self.store.read() as session:
            day = _read(session, course, name)[1]
        if isinstance(day, datetime):
            return day.isoformat()
        return datetime.combine(day, time(9), self.zone).isoformat() if isinstance(day, date) else None

    def _known(self, session: Session, course: Course, name: str) -> Any:
        """Return what ``{name}`` or ``{ref.field}`` stands for; a linked record becomes a ref of its own."""
        if "." not in name:
            return course.drawn[name]
        field_, value = _read(session, course, name)
        if field_.target in session.app.entities and value is not None:
            course.refs[name] = (str(field_.target), value)
            return name
        return value.isoformat() if isinstance(value, date) else value


def _led(course: Course, entity: Entity, having: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is looked for, with the id of the record that a ref stands for where a field leads to one."""
    links = {key for key in having if key in entity.fields and entity.fields[key].to_one is not None}
    refs = {**course.others, **course.refs}
    return {key: refs[one][1] if key in links and one in refs else one for key, one in having.items()}


def _read(session: Session, course: Course, name: str) -> tuple[Field, Any]:
    ref, _, key = name.partition(".")
    entity, id_ = course.address(ref)
    return session.app.entities[entity].fields[key], read_value(session, entity, id_, key)


def _address(said: Any) -> tuple[str, int]:
    entity, id_ = said
    return entity, id_
