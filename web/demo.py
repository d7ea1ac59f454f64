"""Demo data: the invented people and the story of a template, played through the same commands people use.

Enters: an open store whose clock can be set, and a template's folder with ``demo/*.yaml``. Leaves: accounts with new
passwords, and records with history, approvals and files, dated over the last months. Must not write a record around the
commands: what the story may not do, nobody may.

Both halves can be called again after an interruption: people who are there stay as they are, and the story goes on
after the last step that was committed.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from io import BytesIO
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import insert, select, update

from engine.clock import SetClock
from engine.compiler.app import Field
from engine.definition.kinds import find_kind
from engine.definition.parser import parse_documents
from engine.definition.source import SourceFolder
from engine.definition.yaml_reader import Document
from engine.errors import DefinitionError, FieldError, FormworkError, InvalidValues, Location, Problem
from engine.people import accounts
from engine.people.actor import Actor
from engine.records import commands, making
from engine.records.queries import get_record
from engine.records.record import Record
from engine.records.uploads import create_upload
from engine.storage.store import Session, Store
from engine.storage.system_tables import settings
from engine.workflow import approval_log, approvals, transitions
from web.demo_pdf import make_pdf
from web.demo_people import DemoAccount, create_people

__all__ = ["DemoAccount", "create_people", "make_pdf", "play_story"]

Progress = Callable[[int, int], None]
Refs = dict[str, tuple[str, int]]
"""Name in the story -> entity and id."""

_PLACE = "demo.place"
_DAYS = re.compile(r"-(\d+)d(?: (\d\d):(\d\d))?")
_AGO = re.compile(r"-(\d+)([hm])")
_DISTANCE = re.compile(r"([+-]\d+)d")
_MORNING = time(9)
_SOON = timedelta(minutes=7)
"""After the step before, when the moment that was written fell on a day off."""


def play_story(
    store: Store, clock: SetClock, folder: SourceFolder, progress: Progress = lambda done, total: None
) -> int:
    """Play the steps of ``demo/*.yaml`` in the order of time and return how many were played.

    ``clock`` is the one ``store`` was opened with; it stands at the present moment when called, and there again at the
    end. A step that is refused raises ``DefinitionError`` with its place and the reason.
    """
    now = clock.now()
    written = _digest(folder)
    with store.read() as session:
        place = _read_place(session) or _Place(now, written)
    if place.written != written:
        return 0  # another story than the one that is here: its steps do not continue this one
    story = _Story(store, clock, place)
    steps = story.in_order(parse_documents(folder, "demo"))
    waiting = steps[place.done :]
    try:
        for at, (moment, step) in enumerate(waiting, start=place.done + 1):
            story.play(moment, step)
            progress(at, len(steps))
    finally:
        clock.at = now
    return len(waiting)


# ---- how far the story has come


@dataclass
class _Place:
    """How far the story has come, kept with the data.

    ``began`` is the moment all its distances count from; ``written`` the sha256 of the story.
    """

    began: datetime
    written: str
    done: int = 0
    refs: Refs = field(default_factory=dict)


def _digest(folder: SourceFolder) -> str:
    return SourceFolder({path: text for path, text in folder.files.items() if find_kind(path) == "demo"}).digest


def _read_place(session: Session) -> _Place | None:
    kept = session.connection.scalar(select(settings.c.value).where(settings.c.key == _PLACE))
    if kept is None:
        return None
    refs = {name: (entity, id_) for name, (entity, id_) in kept["refs"].items()}
    return _Place(datetime.fromisoformat(kept["began"]), kept["written"], kept["done"], refs)


def _write_place(session: Session, place: _Place) -> None:
    refs = {name: list(address) for name, address in place.refs.items()}
    value = {"began": place.began.isoformat(), "written": place.written, "done": place.done, "refs": refs}
    known = session.connection.execute(update(settings).where(settings.c.key == _PLACE).values(value=value))
    if known.rowcount == 0:
        session.connection.execute(insert(settings).values(key=_PLACE, value=value))


# ---- the story


@dataclass(frozen=True)
class _Step:
    """One written step and where it stands."""

    written: Mapping[str, Any]
    location: Location


class _Refused:
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


class _Story:
    """Plays steps one after another, each in a transaction of its own at its own moment."""

    def __init__(self, store: Store, clock: SetClock, place: _Place) -> None:
        self.store, self.clock, self.place = store, clock, place
        self.zone = ZoneInfo(store.app.timezone)
        self.working_days = frozenset(store.app.calendar.days)

    def in_order(self, documents: list[Document]) -> list[tuple[datetime, _Step]]:
        """Return the steps with their moments, oldest first; the moments never go back nor lie ahead of the start."""
        steps = sorted(_steps(documents), key=lambda step: self._moment(step.written["at"]))
        found: list[tuple[datetime, _Step]] = []
        last = datetime.min.replace(tzinfo=UTC)
        for step in steps:
            wanted = self._on_a_working_day(step.written["at"])
            last = min(self.place.began, wanted if wanted >= last else last + _SOON)
            found.append((last, step))
        return found

    def play(self, moment: datetime, step: _Step) -> None:
        """Do what a step says, as who it says, at ``moment``."""
        self.clock.at = moment
        written = step.written
        act = next(action for action in _ACTIONS if action in written)
        refs = dict(self.place.refs)
        try:
            with self.store.write() as session:
                actor = _actor(session, written["as"])
                made = _ACTIONS[act](_Scene(session, actor, self, refs, moment), written)
                if made is not None and "ref" in written:
                    refs[written["ref"]] = (made.entity, made.id)
                _write_place(session, replace(self.place, done=self.place.done + 1, refs=refs))
        except FormworkError as error:
            what = f"{written['as']} {act} {written.get('ref') or written.get('of') or written[act]}"
            raise DefinitionError([Problem("M001", step.location, {"what": what, "why": _Refused(error)})]) from error
        self.place.done += 1
        self.place.refs = refs

    def _moment(self, at: str) -> datetime:
        """Return the moment written as ``-30d 10:15``, ``-3h`` or ``-40m``."""
        ago = _AGO.fullmatch(at)
        if ago:
            return self.place.began - timedelta(**{"h": {"hours": int(ago[1])}, "m": {"minutes": int(ago[1])}}[ago[2]])
        days = _DAYS.fullmatch(at)
        assert days is not None  # noqa: S101 - the schema has checked it
        day = self.place.began.astimezone(self.zone).date() - timedelta(days=int(days[1]))
        at_time = time(int(days[2]), int(days[3])) if days[2] else _MORNING
        return datetime.combine(day, at_time, self.zone).astimezone(UTC)

    def _on_a_working_day(self, at: str) -> datetime:
        """Return the moment, or the same time on the working day before; hours and minutes ago stay."""
        moment = self._moment(at)
        if _AGO.fullmatch(at):
            return moment
        local = moment.astimezone(self.zone)
        while local.isoweekday() not in self.working_days:
            local -= timedelta(days=1)
        return local.astimezone(UTC)

    def past_moment(self, at: str, latest: datetime) -> datetime:
        """Return a moment typed into a field, not after the step itself."""
        return min(self._on_a_working_day(at), latest)


def _steps(documents: list[Document]) -> Iterator[_Step]:
    for document in documents:
        for index, written in enumerate(document.data.get("steps", [])):
            yield _Step(written, document.at_key(("steps", index)))


def _actor(session: Session, login: str) -> Actor:
    user = accounts.find_user(session.connection, login)
    return accounts.get_actor(session.connection, user or 0)


@dataclass(frozen=True)
class _Scene:
    """One step being played."""

    session: Session
    actor: Actor
    story: _Story
    refs: Refs
    moment: datetime

    def record(self, ref: str) -> Record:
        """Return the record a step is about, as its actor sees it."""
        entity, id_ = self._known(ref)
        return get_record(self.session, entity, id_, actor=self.actor)

    def raw(self, entity: str, step: Mapping[str, Any]) -> dict[str, Any]:
        """Return what the actor types: refs, logins and distances replaced by what they stand for."""
        fields = self.session.app.entities[entity].fields
        typed = {key: self._typed(fields.get(key), value) for key, value in step.get("values", {}).items()}
        for key, names in step.get("files", {}).items():
            typed[key] = [_upload(self.session, name, self.actor) for name in names]
        return typed

    def _typed(self, field_: Field | None, value: Any) -> Any:
        kind = field_.type.key if field_ is not None else ""
        if field_ is not None and kind == "lines":
            return [{key: self._typed(field_.fields.get(key), one) for key, one in row.items()} for row in value]
        if isinstance(value, list):
            return [str(one) for one in value]
        return self._typed_one(kind, str(value))

    def _typed_one(self, kind: str, said: str) -> Any:
        if kind == "link":
            return self._known(said)[1]
        if kind == "user":
            return accounts.find_user(self.session.connection, said) or said
        if kind == "date" and (distance := _DISTANCE.fullmatch(said)):
            return self._day(int(distance[1])).isoformat()
        if kind == "datetime" and (_AGO.fullmatch(said) or _DAYS.fullmatch(said)):
            return self.story.past_moment(said, self.moment).isoformat()
        return said

    def _day(self, distance: int) -> date:
        return self.moment.astimezone(self.story.zone).date() + timedelta(days=distance)

    def _known(self, ref: str) -> tuple[str, int]:
        if ref not in self.refs:
            raise InvalidValues([FieldError("ref", "demo.unknown_ref", {"ref": ref})])
        return self.refs[ref]


def _create(scene: _Scene, step: Mapping[str, Any]) -> Record:
    entity = step["create"]
    return commands.create_record(scene.session, entity, scene.raw(entity, step), actor=scene.actor)


def _update(scene: _Scene, step: Mapping[str, Any]) -> Record:
    record = scene.record(step["update"])
    raw = scene.raw(record.entity, step)
    return commands.update_record(
        scene.session, record.entity, record.id, raw, version=record.version, actor=scene.actor
    )


def _delete(scene: _Scene, step: Mapping[str, Any]) -> None:
    record = scene.record(step["delete"])
    commands.delete_record(scene.session, record.entity, record.id, version=record.version, actor=scene.actor)


def _make(scene: _Scene, step: Mapping[str, Any]) -> Record:
    record = scene.record(step["from"])
    make, given = making.make_values(scene.session, record.entity, record.id, step["make"], actor=scene.actor)
    raw = {**given, **scene.raw(make.entity, step)}
    return commands.create_record(scene.session, make.entity, raw, actor=scene.actor)


def _move(scene: _Scene, step: Mapping[str, Any]) -> Record:
    record = scene.record(step["of"])
    return transitions.move_record(
        scene.session,
        record.entity,
        record.id,
        step["move"],
        raw=scene.raw(record.entity, step),
        reason=step.get("reason"),
        version=record.version,
        actor=scene.actor,
    )


def _decide(decision: str) -> Callable[[_Scene, Mapping[str, Any]], None]:
    def act(scene: _Scene, step: Mapping[str, Any]) -> None:
        task = _open_task(scene, step[decision])
        approvals.decide(scene.session, task, decision, reason=step.get("reason"), actor=scene.actor)

    return act


def _withdraw(scene: _Scene, step: Mapping[str, Any]) -> None:
    record = scene.record(step["withdraw"])
    running = approval_log.find_running(scene.session, record.entity, record.id)
    approvals.withdraw(scene.session, running or 0, reason=step.get("reason"), actor=scene.actor)


def _open_task(scene: _Scene, ref: str) -> int:
    """Return the task about this record that the actor holds; 0 when there is none, which ``decide`` refuses."""
    record = scene.record(ref)
    running = approval_log.find_running(scene.session, record.entity, record.id)
    kept = approval_log.read(scene.session, running) if running is not None else None
    mine = [task.number for task in kept.state.open_tasks if task.person.id == scene.actor.id] if kept else []
    return kept.task_ids[mine[0] - 1] if kept and mine else 0


_ACTIONS: Mapping[str, Callable[[_Scene, Mapping[str, Any]], Record | None]] = {
    "create": _create,
    "update": _update,
    "delete": _delete,
    "make": _make,
    "move": _move,
    "approve": _decide("approve"),
    "refuse": _decide("refuse"),
    "return": _decide("return"),
    "withdraw": _withdraw,
}


# ---- files


def _upload(session: Session, name: str, actor: Actor) -> int:
    """Upload a one-page PDF of this name; return its id."""
    stored = session.files.save(BytesIO(make_pdf(name)), name)
    return int(create_upload(session, stored, actor=actor)["id"])
