"""What a publish means for what is under way: running approvals and records, in four classes.

Enters: a reading session and the compiled draft. Leaves: ``Found`` groups. Must not change anything. ``unaffected``
goes on as it is; ``moves`` follows by itself; ``mapping`` goes on under the rules it was submitted under, and only
``formwork migrate`` with a mapping brings it to the new ones; ``blocked`` could not end and keeps the draft back.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from sqlalchemy import func, select

from engine.changing.drafts import Seen, carried_stage, see
from engine.compiler.app import Approval, CompiledApp, Entity, Label, Requirement
from engine.storage.approval_tables import approvals
from engine.storage.changes import find_old_entity
from engine.storage.store import Session
from engine.workflow.approval import log
from engine.workflow.approval.plan import StepPlan
from engine.workflow.approval.planning import FALLBACK, plan_written
from engine.workflow.approval.sameness import is_same_step
from engine.workflow.approval.state import ApprovalState
from engine.workflow.requirements import find_missing

Class = Literal["unaffected", "moves", "mapping", "blocked"]
CLASSES: tuple[Class, ...] = ("unaffected", "moves", "mapping", "blocked")

MOST_NAMED = 20
MOST_LOOKED_AT = 2_000
"""Of one stage whose entry asks for more: how many records beyond are not looked at is said."""

_BATCH = 500
Address = tuple[str, int]


@dataclass
class Found:
    """A group with one fate: ``code`` names the sentence, ``records`` are the first of its ``count``; ``people`` how
    much of it waits for whom."""

    kind: Class
    code: str
    params: Mapping[str, Label | str | int] = field(default_factory=dict)
    count: int = 0
    records: list[Address] = field(default_factory=list)
    people: Counter[str] = field(default_factory=Counter)


def classify(session: Session, app: CompiledApp) -> list[Found]:
    """Return what publishing ``app`` would mean for everything under way, the classes in their order."""
    seen = see(session, app)
    groups: dict[tuple[Any, ...], Found] = {}
    for address, kind, code, params, people in _judge_approvals(seen):
        key = (kind, code, *sorted((name, str(value)) for name, value in params.items()))
        group = groups.setdefault(key, Found(kind, code, params))
        group.count += 1
        group.people.update(people)
        if len(group.records) < MOST_NAMED:
            group.records.append(address)
    found = [*groups.values(), *_judge_records(seen)]
    return sorted(found, key=lambda one: CLASSES.index(one.kind))


def is_blocked(found: list[Found]) -> bool:
    """Return whether something under way could not end if the draft were published."""
    return any(one.kind == "blocked" for one in found)


# ---- running approvals

Verdict = tuple[Class, str, Mapping[str, Label | str | int]]


def _judge_approvals(seen: Seen) -> Iterator[tuple[Address, Class, str, Mapping[str, Label | str | int], list[str]]]:
    c, after = approvals.c, 0
    while True:
        running = select(c.id).where(c.state == "running", c.id > after).order_by(c.id).limit(_BATCH)
        ids = list(seen.today.connection.scalars(running))
        for id_ in ids:
            kept = log.read(seen.today, id_)
            if kept is not None and kept.state.running:
                kind, code, params = judge_approval(seen, kept.entity, kept.state)
                people = [task.person.name for task in kept.state.open_tasks] if kind in ("mapping", "blocked") else []
                yield (kept.entity, kept.record_id), kind, code, params, people
        if len(ids) < _BATCH:
            return
        after = ids[-1]


def judge_approval(seen: Seen, entity_key: str, state: ApprovalState) -> Verdict:
    """Return the class of one running approval, and why."""
    old, new = seen.today.app, seen.session.app
    approval = new.approvals.get(state.approval)
    entity = next((one for one in new.entities.values() if entity_key in (one.key, one.was)), None)
    named = approval or old.approvals.get(state.approval)
    label: Label | str = named.label if named is not None else state.approval
    gone = _gone_stage(entity, state)
    if gone is not None:
        return "blocked", "class.blocked_stage", {"approval": label, "stage": _stage_label(old, entity_key, gone)}
    if approval is None:
        return "mapping", "class.approval_gone", {"approval": label}
    for step in state.steps:
        if step.status != "open" or step.key == FALLBACK:
            continue
        successor = find_step(approval, step.key)
        if successor is None:
            return "mapping", "class.step_gone", {"approval": label, "step": step.plan.label}
        if not is_same_step(step.plan, plan_written_of(approval, successor)):
            return "mapping", "class.step_changed", {"approval": label, "step": step.plan.label}
    if _is_same_plan(approval, state):
        return "unaffected", "class.approval_same", {"approval": label}
    return "moves", "class.approval_moves", {"approval": label}


def find_step(approval: Approval, key: str) -> str | None:
    """Return what a step is called in a newer definition; None when it is gone."""
    if key in approval.steps:
        return key
    return next((one.key for one in approval.steps.values() if one.was == key), None)


def plan_written_of(approval: Approval, key: str) -> StepPlan:
    """Return what a step asks for as it is written."""
    return plan_written(approval.steps[key])


def _is_same_plan(approval: Approval, state: ApprovalState) -> bool:
    kept = [step.plan for step in state.steps if step.key != FALLBACK]
    written = [plan_written(step) for step in approval.steps.values()]
    return [_comparable(plan) for plan in kept] == [_comparable(plan) for plan in written]


def _comparable(plan: StepPlan) -> dict[str, Any]:
    branches = tuple(replace(branch, applies=True) for branch in plan.branches)
    return replace(plan, applies=True, place="", branches=branches).to_data()


def _gone_stage(entity: Entity | None, state: ApprovalState) -> str | None:
    """Return a stage the approval would end in that there is none of any more."""
    if entity is None or entity.workflow is None:
        return None
    ends = [state.origin.get(name) for name in ("to", "refused", "from")]
    return next((one for one in ends if one and carried_stage(entity, one) not in entity.workflow.stages), None)


def _stage_label(app: CompiledApp, entity: str, stage: str) -> Label | str:
    workflow = app.entities[entity].workflow if entity in app.entities else None
    return workflow.stages[stage].label if workflow is not None and stage in workflow.stages else stage


# ---- records


def _judge_records(seen: Seen) -> Iterator[Found]:
    for entity in seen.session.app.entities.values():
        before = find_old_entity(seen.today.app, entity)
        if before is None or before.workflow is None or entity.workflow is None:
            continue
        calm = Found("unaffected", "class.records_same", {"entity": entity.label})
        for stage, count in _count_stages(seen.today, before).items():
            moved = _moved(seen, before, entity, stage, count)
            if moved is not None:
                yield moved
            elif _is_dead_end(entity, stage) and not _is_dead_end(before, stage):
                yield _stuck(seen, before, entity, stage, count)
            else:
                calm.count += count
                yield from _without(seen, before, entity, stage, count)
        if calm.count:
            yield calm


def _count_stages(session: Session, entity: Entity) -> dict[str, int]:
    table = session.tables.entity[entity.key]
    counted = select(table.c.stage, func.count()).where(table.c.deleted_at.is_(None), table.c.stage.is_not(None))
    return {row[0]: row[1] for row in session.connection.execute(counted.group_by(table.c.stage))}


def _moved(seen: Seen, before: Entity, entity: Entity, stage: str, count: int) -> Found | None:
    assert before.workflow is not None and entity.workflow is not None  # noqa: S101 - the caller looked
    if stage in entity.workflow.stages:
        return None
    label: Label | str = before.workflow.stages[stage].label if stage in before.workflow.stages else stage
    to = carried_stage(entity, stage)
    records = [(before.key, id_) for id_ in _ids_in(seen.today, before, stage, MOST_NAMED)]
    params: dict[str, Label | str | int] = {"entity": entity.label, "stage": label}
    if to not in entity.workflow.stages:
        return Found("blocked", "class.stage_gone", params, count, records)
    return Found("moves", "class.stage_moves", params | {"to": entity.workflow.stages[to].label}, count, records)


def _is_dead_end(entity: Entity, stage: str) -> bool:
    """Whether nothing leads out of a stage: no move, no decision that is waited for, and it is no outcome."""
    workflow = entity.workflow
    if workflow is None or stage not in workflow.stages or workflow.stages[stage].outcome:
        return False
    moves = [move for move in workflow.moves.values() if not move.retired]
    return not any(stage in move.from_ or move.during == stage for move in moves)


def _stuck(seen: Seen, before: Entity, entity: Entity, stage: str, count: int) -> Found:
    assert entity.workflow is not None  # noqa: S101 - the caller looked
    records = [(before.key, id_) for id_ in _ids_in(seen.today, before, stage, MOST_NAMED)]
    params = {"entity": entity.label, "stage": entity.workflow.stages[stage].label}
    return Found("mapping", "class.stage_stuck", params, count, records)


def _without(seen: Seen, before: Entity, entity: Entity, stage: str, count: int) -> Iterator[Found]:
    """Find records that are in a stage without what its entry asks for newly: they stay, and are listed.

    Linked records and approvals are not judged, nor records beyond ``MOST_LOOKED_AT``; both are said.
    """
    assert before.workflow is not None and entity.workflow is not None  # noqa: S101 - the caller looked
    was = {(one.key, one.kind, str(_asks(one))) for one in before.workflow.stages[stage].enter}
    new = [one for one in entity.workflow.stages[stage].enter if (one.key, one.kind, str(_asks(one))) not in was]
    params: dict[str, Label | str | int] = {"entity": entity.label, "stage": entity.workflow.stages[stage].label}
    judged = [one for one in new if one.kind in ("fields", "file", "check")]
    if judged:
        yield from _lacking(seen, before, entity, stage, tuple(judged), params)
        if count > MOST_LOOKED_AT:
            more = {"most": MOST_LOOKED_AT}
            yield Found("unaffected", "class.without_rest", params | more, count - MOST_LOOKED_AT)
    if len(judged) < len(new):
        yield Found("unaffected", "class.without_unjudged", params, count)


def _lacking(
    seen: Seen,
    before: Entity,
    entity: Entity,
    stage: str,
    asked: tuple[Requirement, ...],
    params: Mapping[str, Label | str | int],
) -> Iterator[Found]:
    found = Found("unaffected", "class.without", params)
    items: dict[str, None] = {}
    env = seen.make_env(None)
    for id_ in _ids_in(seen.today, before, stage, MOST_LOOKED_AT):
        missing = find_missing(seen.session, entity, seen.read_whole(entity, id_), asked, env, actor=None)
        if missing:
            found.count += 1
            items |= dict.fromkeys(one.message for one in missing)
            if len(found.records) < MOST_NAMED:
                found.records.append((before.key, id_))
    if found.count:
        found.params = {**found.params, "items": "、".join(list(items)[:5])}
        yield found


def _asks(requirement: Requirement) -> tuple[Any, ...]:
    check, where = (one.text if one is not None else "" for one in (requirement.check, requirement.where))
    linked = (requirement.link, where, requirement.within, requirement.newer_than, requirement.approval, requirement.of)
    return requirement.fields, requirement.file, requirement.min, sorted(requirement.accept), check, *linked


def _ids_in(session: Session, entity: Entity, stage: str, most: int) -> list[int]:
    table = session.tables.entity[entity.key]
    inside = select(table.c.id).where(table.c.stage == stage, table.c.deleted_at.is_(None))
    return list(session.connection.scalars(inside.order_by(table.c.id).limit(most)))
