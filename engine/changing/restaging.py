"""Records that stand in a stage nothing leads out of: each gets another one, planned first, through the one gate.

Enters: which record or stage gets which stage. Leaves: a plan that says for each record what happens, or what is
missing; then each moved in a transaction of its own, exactly as planned, with history and audit. Must not move a record
that a move of its workflow could bring on.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from engine.changing.stranded import list_stuck
from engine.compiler.app import Entity, Label
from engine.errors import FieldError, FormworkError, InvalidValues, NotAllowed, NotFound, NotPossibleNow
from engine.people.actor import Actor
from engine.records.commands import check_moved
from engine.records.evaluation import make_env
from engine.records.record import Record
from engine.records.rights import own_entity
from engine.records.writing import lock_record
from engine.storage.journal import write_audit
from engine.storage.store import Session
from engine.workflow.approval import log
from engine.workflow.refusals import checked_text
from engine.workflow.requirements import find_missing, read_whole
from engine.workflow.stages import change_stage, gate

ByStage = Mapping[tuple[str, str], str]
"""The stage for every record in a stage: ``{(entity, stage): to}``."""

ByRecord = Mapping[tuple[str, int], str]
"""The stage for one record: ``{(entity, id): to}``; it goes before that of its stage."""


@dataclass(frozen=True)
class Restaging:
    """What would happen to one record; ``refused`` says why it stays. ``version`` is the one that was looked at."""

    entity: str
    record_id: int
    from_: str
    to: str
    version: int
    from_label: Label | str
    to_label: Label | str
    refused: FormworkError | None = None

    def to_data(self) -> dict[str, Any]:
        """Return the verdict as plain JSON."""
        told = {"record": f"{self.entity}/{self.record_id}", "from": self.from_, "to": self.to, "seen": self.version}
        return told | ({"why": str(self.refused)} if self.refused is not None else {})


def plan_restaging(session: Session, by_stage: ByStage, by_record: ByRecord) -> list[Restaging]:
    """Return what would happen to the records chosen, those of a stage in the order of their ids. Reads only.

    Raises ``NotFound`` for a record or entity there is none of, ``InvalidValues`` for a stage the workflow lacks.
    """
    for (entity, _), to in [*by_stage.items(), *by_record.items()]:
        _require_stage(own_entity(session.app, entity), to)
    found = []
    for entity in dict.fromkeys(key for key, _ in [*by_stage, *by_record]):
        compiled = own_entity(session.app, entity)
        stuck = dict(list_stuck(session, compiled))
        wanted = {id_: to for (key, id_), to in by_record.items() if key == entity}
        for id_, stage in stuck.items():
            chosen = wanted.get(id_) or by_stage.get((entity, stage))
            if chosen is not None:
                found.append(_judge(session, compiled, id_, stage, chosen))
        found += list(_not_stuck(session, compiled, {id_: to for id_, to in wanted.items() if id_ not in stuck}))
    return found


def restage(session: Session, planned: Restaging, *, reason: str, actor: Actor) -> Record:
    """Bring one record into the stage that was planned: gate, history, event and audit in the caller's transaction.

    Administrators only, with a reason. Raises ``NotPossibleNow`` when it is not as it was when the plan was shown.
    """
    if not actor.is_admin:
        raise NotAllowed("people.not_admin")
    said = checked_text(reason)
    if not said:
        raise InvalidValues([FieldError("reason", "approval.reason_required")])
    if planned.refused is not None:
        raise planned.refused
    entity = own_entity(session.app, planned.entity)
    record = lock_record(session, entity, planned.record_id, actor=None)
    stuck = dict(list_stuck(session, entity))
    if stuck.get(record.id) != planned.from_:
        raise NotPossibleNow("migrate.changed", address=f"{entity.key}/{record.id}")
    now = _judge(session, entity, record.id, planned.from_, planned.to)
    if now.to_data() != planned.to_data():
        raise NotPossibleNow("migrate.changed", address=f"{entity.key}/{record.id}")
    told = {"stranded": True}
    saved = change_stage(session, entity, record, planned.to, {}, move="", reason=said, actor=actor, details=told)
    details = planned.to_data() | {"reason": said}
    write_audit(session, "stage.map", f"{entity.key}:{record.id}", details, actor=actor)
    return saved


def _judge(session: Session, entity: Entity, id_: int, stage: str, to: str) -> Restaging:
    env = make_env(session, None)
    values = read_whole(session, entity, id_, env)
    if not values:
        raise NotFound()
    found = _restaging(entity, id_, stage, to, int(values["version"]))
    if log.find_running(session, entity.key, id_) is not None:
        return replace(found, refused=NotPossibleNow("migrate.record_running"))
    known = entity.workflow is not None and stage in entity.workflow.stages
    needed = gate(entity, stage if known else None, to)
    missing = find_missing(session, entity, values, needed, env, actor=None)
    if missing:
        items = "、".join(one.message for one in missing)
        refused = NotPossibleNow("migrate.record_missing", to=found.to_label, items=items)
        return replace(found, refused=refused)
    try:
        check_moved(entity, values, {**values, "stage": to}, env)
    except InvalidValues as refused:
        return replace(found, refused=refused)
    return found


def _not_stuck(session: Session, entity: Entity, wanted: Mapping[int, str]) -> Iterator[Restaging]:
    for id_, to in wanted.items():
        values = read_whole(session, entity, id_, make_env(session, None))
        if not values:
            raise NotFound("migrate.no_record", address=f"{entity.key}/{id_}")
        found = _restaging(entity, id_, str(values.get("stage") or ""), to, int(values["version"]))
        yield replace(found, refused=NotPossibleNow("migrate.record_not_stuck"))


def _restaging(entity: Entity, id_: int, stage: str, to: str, version: int) -> Restaging:
    stages = entity.workflow.stages if entity.workflow is not None else {}
    label: Label | str = stages[stage].label if stage in stages else stage
    return Restaging(entity.key, id_, stage, to, version, label, stages[to].label)


def _require_stage(entity: Entity, to: str) -> None:
    stages = entity.workflow.stages if entity.workflow is not None else {}
    if to not in stages:
        known = ", ".join(stages) or "–"
        params = {"stage": to, "entity": entity.label, "known": known}
        raise InvalidValues([FieldError("stage", "migrate.record_unknown", params)])
