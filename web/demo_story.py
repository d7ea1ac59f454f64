"""The written story of a demo: its steps in the order of time, each done at its own moment.

Enters: an open store whose clock can be set, the documents of ``demo/*.yaml``, how far it has come. Leaves: records
with history, approvals and files, and the place it has come to. Must not write a record around the commands: what the
story may not do, nobody may.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from engine.automation.jobs import react
from engine.clock import SetClock
from engine.definition.kinds import BASE
from engine.definition.yaml_reader import Document
from engine.errors import DefinitionError, FormworkError, InvalidValues, Location, Problem
from engine.examples import steps
from engine.examples.scene import Refs, Scene
from engine.people import accounts
from engine.people.actor import Actor
from engine.storage.store import Session, Store
from web.demo_place import Place, write_place

LeftOut = Callable[[Problem], None]

_DAYS = re.compile(r"-(\d+)d(?: (\d\d):(\d\d))?")
_AGO = re.compile(r"-(\d+)([hm])")
_QUARTER = re.compile(r"-(\d)q\+(\d+)d (\d\d):(\d\d)")
_MONTHS_OF_A_QUARTER = 3
_MORNING = time(9)
_SOON = timedelta(minutes=7)
"""After the step before, when the moment that was written fell on a day off."""


@dataclass(frozen=True)
class Step:
    """One written step and where it stands."""

    written: Mapping[str, Any]
    location: Location


class Refused:
    """Why a step could not be played, in the reader's language."""

    def __init__(self, error: FormworkError) -> None:
        self.error = error

    def text(self, language: str) -> str:
        """Return the reason."""
        if isinstance(self.error, InvalidValues):
            said = [f"{item.path}: {item.text(language)}" for item in self.error.errors]
            return "; ".join(said + [item.message for item in self.error.missing])
        said_by = getattr(self.error, "text", None)
        return str(said_by(language) if said_by else self.error)


class Story:
    """Plays steps one after another, each in a transaction of its own at its own moment."""

    def __init__(self, store: Store, clock: SetClock, place: Place, left_out: LeftOut) -> None:
        self.store, self.clock, self.place, self.left_out = store, clock, place, left_out
        self.zone = ZoneInfo(store.app.timezone)
        self.working_days = frozenset(store.app.calendar.days)

    def in_order(self, documents: list[Document]) -> list[tuple[datetime, Step]]:
        """Return the steps with their moments, oldest first; the moments never go back nor lie ahead of the start.

        Days of a quarter move no other step, and what a quarter has not come to yet is left out.
        """
        steps = sorted(_steps(documents), key=lambda step: self._moment(step.written["at"]))
        found: list[tuple[datetime, Step]] = []
        fixed: list[tuple[datetime, Step]] = []
        last = datetime.min.replace(tzinfo=UTC)
        for step in steps:
            wanted = self._on_a_working_day(step.written["at"])
            if _QUARTER.fullmatch(step.written["at"]):
                fixed += [(wanted, step)] if wanted <= self.place.began else []
                continue
            last = min(self.place.began, wanted if wanted >= last else last + _SOON)
            found.append((last, step))
        return sorted([*fixed, *found], key=lambda one: one[0])

    def play(self, moment: datetime, step: Step) -> None:
        """Do what a step says, as who it says, at ``moment``."""
        self.clock.at = moment
        written = step.written
        act = steps.action_of(written)
        refs = dict(self.place.refs)
        try:
            with self.store.write() as session:
                actor = _actor(session, written["as"])
                made = steps.play(self._scene(session, actor, refs, moment), written)
                if made is not None and "ref" in written:
                    refs[written["ref"]] = (made.entity, made.id)
                write_place(session, replace(self.place, done=self.place.done + 1, refs=refs))
            react(self.store)
        except FormworkError as error:
            what = f"{written['as']} {act} {written.get('ref') or written.get('of') or written[act]}"
            problem = Problem("M001", step.location, {"what": what, "why": Refused(error)})
            if not step.location.file.startswith(BASE):
                raise DefinitionError([problem]) from error
            self._leave_out(problem)
        self.place.done += 1
        self.place.refs = refs

    def _leave_out(self, problem: Problem) -> None:
        """Go on after a step that was written for the rules of a template, not for those of the site."""
        with self.store.write() as session:
            write_place(session, replace(self.place, done=self.place.done + 1))
        self.left_out(problem)

    def _moment(self, at: str) -> datetime:
        """Return the moment written as ``-30d 10:15``, ``-3h``, ``-40m``, or of a quarter as ``-0q+9d 23:55``."""
        ago = _AGO.fullmatch(at)
        if ago:
            return self.place.began - timedelta(**{"h": {"hours": int(ago[1])}, "m": {"minutes": int(ago[1])}}[ago[2]])
        today = self.place.began.astimezone(self.zone).date()
        if quarter := _QUARTER.fullmatch(at):
            months = today.year * 12 + (today.month - 1) // _MONTHS_OF_A_QUARTER * _MONTHS_OF_A_QUARTER
            year, month = divmod(months - _MONTHS_OF_A_QUARTER * int(quarter[1]), 12)
            day = date(year, month + 1, 1) + timedelta(days=int(quarter[2]))
            return datetime.combine(day, time(int(quarter[3]), int(quarter[4])), self.zone).astimezone(UTC)
        days = _DAYS.fullmatch(at)
        assert days is not None  # noqa: S101 - the schema has checked it
        day = today - timedelta(days=int(days[1]))
        at_time = time(int(days[2]), int(days[3])) if days[2] else _MORNING
        return datetime.combine(day, at_time, self.zone).astimezone(UTC)

    def _on_a_working_day(self, at: str) -> datetime:
        """Return the moment, or the same time on the working day before; hours ago and days of a quarter stay."""
        moment = self._moment(at)
        if _AGO.fullmatch(at) or _QUARTER.fullmatch(at):
            return moment
        local = moment.astimezone(self.zone)
        while local.isoweekday() not in self.working_days:
            local -= timedelta(days=1)
        return local.astimezone(UTC)

    def _scene(self, session: Session, actor: Actor, refs: Refs, moment: datetime) -> Scene:
        find_user = partial(accounts.find_user, session.connection)
        return Scene(session, actor, refs, moment, self.zone, partial(self._find_past, latest=moment), find_user)

    def _find_past(self, written: str, latest: datetime) -> datetime | None:
        """Return a moment typed into a field as it is written for steps, not after the step itself."""
        if not (_AGO.fullmatch(written) or _DAYS.fullmatch(written)):
            return None
        return min(self._on_a_working_day(written), latest)


def _steps(documents: list[Document]) -> Iterator[Step]:
    for document in documents:
        for index, written in enumerate(document.data.get("steps", [])):
            yield Step(written, document.at_key(("steps", index)))


def _actor(session: Session, login: str) -> Actor:
    user = accounts.find_user(session.connection, login)
    return accounts.get_actor(session.connection, user or 0)
