"""One written step of a demo or an example, done through the commands that people use.

Enters: a step (``create: quote``, ``move: submit`` ...) and the scene it is played in. Leaves: the record it was about.
Must not write a record around the commands: what a step may not do, nobody may.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from io import BytesIO
from typing import Any
from zoneinfo import ZoneInfo

from engine.compiler.app import Field
from engine.errors import FieldError, InvalidValues
from engine.examples.sample_pdf import make_pdf
from engine.people.actor import Actor
from engine.records import commands, making
from engine.records.queries import get_record
from engine.records.record import Record
from engine.records.uploads import create_upload
from engine.storage.store import Session
from engine.workflow import approval_log, approvals, transitions

Refs = dict[str, tuple[str, int]]
"""Name in the story -> entity and id."""
Step = Mapping[str, Any]

_DISTANCE = re.compile(r"([+-]\d+)d")
_MOMENT = re.compile(r"([+-]\d+)(?:([hm])|d(?: (\d\d):(\d\d))?)")


def find_moment(written: str, base: datetime, zone: ZoneInfo) -> datetime | None:
    """Return the moment so far from ``base``: ``+2h``, ``-40m``, ``+3d``, ``-30d 10:15``; None for anything else."""
    found = _MOMENT.fullmatch(written)
    if found is None:
        return None
    if found[2]:
        return base + timedelta(**{{"h": "hours", "m": "minutes"}[found[2]]: int(found[1])})
    local = base.astimezone(zone)
    at = time(int(found[3]), int(found[4])) if found[3] else local.time()
    return datetime.combine(local.date() + timedelta(days=int(found[1])), at, zone).astimezone(UTC)


@dataclass(frozen=True)
class Scene:
    """What a step is played in: who acts when, and what the refs and logins of the story stand for.

    ``find_moment`` reads a moment typed into a field; None when it is written out.
    """

    session: Session
    actor: Actor
    refs: Refs
    moment: datetime
    zone: ZoneInfo
    find_moment: Callable[[str], datetime | None]
    find_user: Callable[[str], int | None]

    def record(self, ref: str) -> Record:
        """Return the record a step is about, as its actor sees it."""
        entity, id_ = self.address(ref)
        return get_record(self.session, entity, id_, actor=self.actor)

    def address(self, ref: str) -> tuple[str, int]:
        """Return entity and id of a ref; raises ``InvalidValues``."""
        if ref not in self.refs:
            raise InvalidValues([FieldError("ref", "demo.unknown_ref", {"ref": ref})])
        return self.refs[ref]

    def raw(self, entity: str, step: Step) -> dict[str, Any]:
        """Return what the actor types: refs, logins and distances replaced by what they stand for."""
        known = self.session.app.entities.get(entity)
        fields = known.fields if known is not None else {}
        typed = {key: self.typed(key, fields.get(key), value) for key, value in step.get("values", {}).items()}
        for key, names in step.get("files", {}).items():
            typed[key] = [_upload(self.session, name, self.actor) for name in names]
        return typed

    def typed(self, key: str, field: Field | None, value: Any) -> Any:
        """Return a written value as somebody would type it into this field."""
        kind = field.type.key if field is not None else "user" if key == "owner" else ""
        if field is not None and kind == "lines" and isinstance(value, list):
            return [self._typed_row(field, row) for row in value]
        if isinstance(value, list):
            return [str(one) for one in value]
        return value if value is None or isinstance(value, bool | Mapping) else self._typed_one(kind, str(value))

    def _typed_row(self, field: Field, row: Any) -> Any:
        if not isinstance(row, Mapping):
            return row
        return {key: self.typed(key, field.fields.get(key), one) for key, one in row.items()}

    def _typed_one(self, kind: str, said: str) -> Any:
        if kind == "link" and said:
            return self.address(said)[1]
        if kind == "user":
            return self.find_user(said) or said
        if kind == "date" and (distance := _DISTANCE.fullmatch(said)):
            return self._day(int(distance[1])).isoformat()
        if kind == "datetime" and (moment := self.find_moment(said)):
            return moment.isoformat()
        return said

    def _day(self, distance: int) -> date:
        return self.moment.astimezone(self.zone).date() + timedelta(days=distance)


def play(scene: Scene, step: Step) -> Record | None:
    """Do what a step says and return the record it made or changed; raises what the commands raise."""
    action = next(action for action in _ACTIONS if action in step)
    return _ACTIONS[action](scene, step)


def action_of(step: Step) -> str:
    """Return which action a step is."""
    return next(action for action in _ACTIONS if action in step)


def target_of(step: Step) -> str | None:
    """Return the ref of the record a step acts on; None when it makes one."""
    key = {"create": "", "make": "", "move": "of"}.get(action_of(step), action_of(step))
    return step.get(key)


def _create(scene: Scene, step: Step) -> Record:
    entity = step["create"]
    return commands.create_record(scene.session, entity, scene.raw(entity, step), actor=scene.actor)


def _change(key: str) -> Callable[[Scene, Step], Record]:
    def act(scene: Scene, step: Step) -> Record:
        record = scene.record(step[key])
        raw = scene.raw(record.entity, step)
        return commands.update_record(
            scene.session, record.entity, record.id, raw, version=record.version, actor=scene.actor
        )

    return act


def _delete(scene: Scene, step: Step) -> None:
    record = scene.record(step["delete"])
    commands.delete_record(scene.session, record.entity, record.id, version=record.version, actor=scene.actor)


def _make(scene: Scene, step: Step) -> Record:
    record = scene.record(step["from"])
    make, given = making.make_values(scene.session, record.entity, record.id, step["make"], actor=scene.actor)
    raw = {**given, **scene.raw(make.entity, step)}
    return commands.create_record(scene.session, make.entity, raw, actor=scene.actor)


def _move(scene: Scene, step: Step) -> Record:
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


def _decide(decision: str) -> Callable[[Scene, Step], None]:
    def act(scene: Scene, step: Step) -> None:
        task = _open_task(scene, step[decision])
        approvals.decide(scene.session, task, decision, reason=step.get("reason"), actor=scene.actor)

    return act


def _withdraw(scene: Scene, step: Step) -> None:
    record = scene.record(step["withdraw"])
    running = approval_log.find_running(scene.session, record.entity, record.id)
    approvals.withdraw(scene.session, running or 0, reason=step.get("reason"), actor=scene.actor)


def _open_task(scene: Scene, ref: str) -> int:
    """Return the task about this record that the actor holds; 0 when there is none, which ``decide`` refuses."""
    entity, id_ = scene.address(ref)
    running = approval_log.find_running(scene.session, entity, id_)
    kept = approval_log.read(scene.session, running) if running is not None else None
    mine = [task.number for task in kept.state.open_tasks if task.person.id == scene.actor.id] if kept else []
    return kept.task_ids[mine[0] - 1] if kept and mine else 0


_ACTIONS: Mapping[str, Callable[[Scene, Step], Record | None]] = {
    "create": _create,
    "update": _change("update"),
    "change": _change("change"),
    "delete": _delete,
    "make": _make,
    "move": _move,
    "approve": _decide("approve"),
    "refuse": _decide("refuse"),
    "return": _decide("return"),
    "withdraw": _withdraw,
}


def _upload(session: Session, name: str, actor: Actor) -> int:
    """Upload a one-page PDF of this name; return its id."""
    stored = session.files.save(BytesIO(make_pdf(name)), name)
    return int(create_upload(session, stored, actor=actor)["id"])
