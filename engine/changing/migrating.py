"""Moving running approvals from the release they were submitted under to the one that holds (``formwork migrate``).

Enters: which approvals, and what whoever moves them chose. Leaves: a plan that says for each what would happen to its
votes, tasks and timers, or why it cannot be moved; then each moved in a transaction of its own, exactly as planned.
Must not move what the plan did not show: the verdict is reached again under the lock, and another one refuses.
"""

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

from sqlalchemy import or_, select

from engine.changing.classes import Class, judge_approval
from engine.changing.drafts import see
from engine.changing.mapping import check_mapping
from engine.compiler.app import Approval, Entity, Label, Move
from engine.errors import FieldError, FormworkError, InvalidValues, NotAllowed, NotFound, NotPossibleNow
from engine.expression import Env
from engine.people.actor import Actor
from engine.records.evaluation import make_env
from engine.records.record import Record
from engine.records.rights import own_entity
from engine.storage.approval_tables import approvals
from engine.storage.journal import write_audit
from engine.storage.store import Session
from engine.workflow.approval import log, moving
from engine.workflow.approval.acting import Click, Open, run
from engine.workflow.approval.calling import find_starter, passes_at_once
from engine.workflow.approval.fold import apply
from engine.workflow.approval.following import require_end, take_snapshot
from engine.workflow.approval.live_world import LiveWorld
from engine.workflow.approval.moving import Chosen, Moving
from engine.workflow.approval.people import Case
from engine.workflow.approval.plan import Person
from engine.workflow.approval.planning import (
    asked_steps,
    guarded_columns,
    hash_submitted,
    move_origin,
    plan_submission,
)
from engine.workflow.approval.rewriting import rewrite
from engine.workflow.approval.state import ApprovalState, Event
from engine.workflow.approval.task_rows import Kept
from engine.workflow.approval.world import Refusal, Submission
from engine.workflow.refusals import checked_text, to_error
from engine.workflow.requirements import read_whole
from engine.workflow.shown import collect_shown

VerdictKind = Literal["moves", "same", "refused"]

AS_IT_IS = Chosen()
"""Nothing is mapped, and timers go on."""

_BATCH = 500


@dataclass(frozen=True)
class Verdict:
    """What moving one approval would do. ``seen`` is the length of its log when it was judged, ``release`` the one it
    was submitted under (or moved to last)."""

    id: int
    entity: str
    record_id: int
    approval: str
    label: Label | str
    release: int | None
    seen: int
    kind: VerdictKind
    moving: Moving | None = None
    refused: FormworkError | None = None

    def to_data(self) -> dict[str, Any]:
        """Return the verdict as plain JSON; two equal ones do the same."""
        told: dict[str, Any] = {"approval": self.id, "seen": self.seen, "verdict": self.kind}
        if self.moving is not None:
            told |= self.moving.to_data()
        if self.refused is not None:
            told["why"] = str(self.refused)
        return told


@dataclass(frozen=True)
class MigrationPlan:
    """What moving approvals to release ``release`` would do to each of them."""

    release: int
    chosen: Chosen
    verdicts: tuple[Verdict, ...]

    @property
    def digest(self) -> str:
        """The sha256 of everything in the plan (16 hexadecimal digits): a plan of the same digest does the same."""
        told = {"release": self.release, "became": dict(self.chosen.became), "timers": self.chosen.timers}
        content = json.dumps([told, [one.to_data() for one in self.verdicts]], sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(content.encode()).hexdigest()[:16]

    @property
    def moves(self) -> tuple[Verdict, ...]:
        """Those that would be moved."""
        return tuple(one for one in self.verdicts if one.kind == "moves")


def plan_migration(
    session: Session,
    *,
    definitions: Collection[str] = (),
    ids: Collection[int] = (),
    classes: Collection[Class] = (),
    chosen: Chosen = AS_IT_IS,
) -> MigrationPlan:
    """Return what would happen to what runs under an earlier release: to all of it, or to that of these
    ``definitions``, ``ids`` and ``classes``. Reads only.

    Raises ``NotFound`` for a definition or id there is none of, ``InvalidValues`` for a mapping to a step there is none
    of, ``NotPossibleNow`` before the first publish.
    """
    if session.release_id is None:
        raise NotPossibleNow("migrate.no_release")
    check_mapping(session, chosen.became, definitions)
    verdicts = tuple(
        judge(session, kept, _read_values(session, kept), chosen, release=release)
        for kept, release in find_candidates(session, definitions, ids, classes)
    )
    return MigrationPlan(session.release_id, chosen, verdicts)


def migrate(session: Session, plan: MigrationPlan, planned: Verdict, *, reason: str, actor: Actor) -> ApprovalState:
    """Move one approval as planned, in the caller's transaction: events, tasks, timers, history, audit, outbox.

    Administrators only, with a reason. Done again it changes nothing. Raises ``NotAllowed``, ``InvalidValues`` (no
    reason), and ``NotPossibleNow`` when it is not as it was when the plan was shown, or cannot be moved.
    """
    if not actor.is_admin:
        raise NotAllowed("people.not_admin")
    said = checked_text(reason)
    if not said:
        raise InvalidValues([FieldError("reason", "approval.reason_required")])
    if planned.refused is not None:
        raise planned.refused
    kept = log.lock(session, planned.id)
    if kept is None or session.release_id != plan.release:
        raise NotPossibleNow("migrate.changed", address=f"approval/{planned.id}")
    done: list[Verdict] = []

    def act(case: Open) -> Sequence[Event]:
        found = judge(session, case.kept, case.record.values, plan.chosen, release=planned.release, by=case.by.person)
        if found.to_data() != planned.to_data():
            raise NotPossibleNow("migrate.changed", address=f"approval/{planned.id}")
        done.append(found)
        return found.moving.events if found.moving is not None else ()

    action = f"migrate-{plan.release}-{plan.digest}"
    state = run(session, kept, act, Click("migrate", actor, said, action))
    if done:
        _keep(session, planned, done[0], said, actor)
    return state


def judge(
    session: Session,
    kept: Kept,
    values: Mapping[str, Any],
    chosen: Chosen,
    *,
    release: int | None,
    by: Person | None = None,
) -> Verdict:
    """Return what moving one approval would do to it, over the values its record has."""
    state = kept.state
    approval = session.app.approvals.get(state.approval)
    label: Label | str = approval.label if approval is not None else state.approval
    verdict = Verdict(kept.id, kept.entity, kept.record_id, state.approval, label, release, len(kept.events), "same")
    if not state.running:
        return replace(verdict, kind="refused", refused=NotPossibleNow("migrate.ended", address=f"approval/{kept.id}"))
    try:
        found = _move(session, kept, values, chosen, by or state.starter)
    except Refusal as refusal:
        return replace(verdict, kind="refused", refused=to_error(session, refusal))
    except (NotPossibleNow, NotFound) as refused:
        return replace(verdict, kind="refused", refused=refused)
    return verdict if found is None else replace(verdict, kind="moves", moving=found)


# ---- one approval


def _move(session: Session, kept: Kept, values: Mapping[str, Any], chosen: Chosen, by: Person) -> Moving | None:
    state = kept.state
    entity = own_entity(session.app, kept.entity)
    approval = session.app.approvals.get(state.approval)
    if approval is None or approval.entity != entity.key:
        raise Refusal("late", "migrate.approval_gone", approval=state.approval)
    env = make_env(session, find_starter(session, state))
    submission = _submission(session, kept, entity, approval, values, env, chosen)
    picked = (submission.rules or {}).get("chosen") or {}
    case = Case(values, state.starter, chosen=picked)
    world = LiveWorld(session, case, self_=submission.self_, empty=submission.empty)
    _require_chosen(state, submission, world)
    passes = partial(passes_at_once, session, state, kept.record_id, values)
    release, now = session.release_id or 0, session.now()
    found = moving.move(state, submission, world, chosen, by=by, release=release, at=now, passes=passes)
    if found is not None and found.approves:
        _require_end(session, kept, found, values)
    return found


def _submission(
    session: Session,
    kept: Kept,
    entity: Entity,
    approval: Approval,
    values: Mapping[str, Any],
    env: Env,
    chosen: Chosen,
) -> Submission:
    """Return the submission as it would be made now: by the same person, in the same round, from the same stage."""
    state = kept.state
    shown = collect_shown(session.app, entity, approval, values, env)
    origin = _origin(entity, state, approval, shown)
    submission = plan_submission(
        entity, approval, values, env, starter=state.starter, round_=state.round, origin=origin, parent=state.parent
    )
    picked = {chosen.became.get(key, key): ids for key, ids in (state.rules.get("chosen") or {}).items()}
    picked = {key: ids for key, ids in picked.items() if key in approval.steps}
    rules = {**(submission.rules or {}), **({"chosen": picked} if picked else {})}
    origin = dict(submission.origin or {})
    if approval.withdraw.data == "restore":
        guarded = [key for key in entity.fields if key in approval.guard]
        origin["snapshot"] = take_snapshot(entity, guarded, values) | dict(state.origin.get("snapshot") or {})
    if _is_same_guard(state.origin, guarded_columns(entity, approval)):
        origin["guard"] = state.origin["guard"]
        if state.origin.get("renamed"):
            origin["renamed"] = state.origin["renamed"]
        origin["hashed"] = state.origin.get("hashed", 1)
        return replace(submission, origin=origin, rules=rules, content=hash_submitted(origin, values))
    return replace(submission, origin=origin, rules=rules)


def _origin(entity: Entity, state: ApprovalState, approval: Approval, shown: Mapping[str, Any]) -> dict[str, Any]:
    """Return where the approval ends under the present release; what deciders were shown stays as they saw it."""
    old = dict(state.origin)
    seen = {name: (old.get("shown") or {}).get(name, value) for name, value in shown.items()}
    kept: dict[str, Any] = {name: old[name] for name in ("revokes", "snapshot") if name in old}
    if not old.get("move"):
        return {**{name: old.get(name) for name in ("move", "from", "to", "during", "refused")}, **kept, "shown": seen}
    move = _find_move(entity, old["move"])
    if move is None or move.approval != approval.key:
        raise Refusal("late", "migrate.move_gone", move=old["move"])
    origin = move_origin(move, old["from"], seen) | kept
    stages = entity.workflow.stages if entity.workflow is not None else {}
    gone = next((origin[name] for name in ("from", "to", "refused") if origin[name] not in stages), None)
    if gone is not None:
        raise Refusal("late", "migrate.stage_gone", stage=gone)
    return origin


def _find_move(entity: Entity, key: str) -> Move | None:
    found = entity.workflow.moves.get(key) if entity.workflow is not None else None
    return None if found is None or found.retired else found


def _is_same_guard(origin: Mapping[str, Any], guard: Mapping[str, Sequence[str]]) -> bool:
    """Whether the same fields are guarded as when it was submitted, whatever they are called now."""
    renamed = origin.get("renamed") or {}
    return {renamed.get(key, key) for key in origin.get("guard") or {}} == set(guard)


def _require_chosen(state: ApprovalState, submission: Submission, world: LiveWorld) -> None:
    """Whom the starter has to choose cannot be made up: a step they were never asked about keeps it where it is."""
    walked = {step.key for step in state.steps if step.turn and not step.gone}
    for plan in asked_steps(submission.steps):
        if plan.key not in walked and world.is_to_choose(plan):
            raise Refusal("late", "migrate.choose", step=plan.label, who=state.starter.name)


def _require_end(session: Session, kept: Kept, found: Moving, values: Mapping[str, Any]) -> None:
    """What would pass at once must be able to end."""
    if kept.parent_id is not None:
        raise Refusal("late", "migrate.called_ends")
    state = kept.state
    for event in found.events:
        state = apply(state, event)
    record = Record(kept.entity, kept.record_id, 0, dict(values), can_write=False)
    require_end(session, replace(kept, state=state), record, None)


def _keep(session: Session, planned: Verdict, found: Verdict, reason: str, actor: Actor) -> None:
    kept = log.read(session, planned.id)
    if kept is None or found.moving is None:
        return
    rewrite(session, kept)
    told = found.to_data() | {"from": planned.release, "to": session.release_id, "reason": reason}
    write_audit(session, "approval.migrate", f"approval:{planned.id}", told, actor=actor)


# ---- which ones


def find_candidates(
    session: Session, definitions: Collection[str], ids: Collection[int], classes: Collection[Class]
) -> Iterator[tuple[Kept, int | None]]:
    """Yield what runs under another release than the one that holds, with that release; ids that were named whatever
    they run under. Raises ``NotFound`` for an id that does not run."""
    c, after = approvals.c, 0
    where = [c.state == "running"]
    if ids:
        where.append(c.id.in_(sorted(ids)))
        known = set(session.connection.scalars(select(c.id).where(*where)))
        missing = next((id_ for id_ in sorted(ids) if id_ not in known), None)
        if missing is not None:
            raise NotFound("migrate.not_running", address=f"approval/{missing}")
    else:
        where.append(or_(c.release_id != session.release_id, c.release_id.is_(None)))
    if definitions:
        where.append(c.approval.in_(sorted(definitions)))
    seen = see(session)
    while True:
        found = select(c.id, c.release_id).where(*where, c.id > after).order_by(c.id).limit(_BATCH)
        rows = session.connection.execute(found).all()
        for id_, release in rows:
            kept = log.read(session, id_)
            if kept is None or not kept.state.running:
                continue
            if not classes or judge_approval(seen, kept.entity, kept.state)[0] in classes:
                yield kept, release
        if len(rows) < _BATCH:
            return
        after = rows[-1][0]


def _read_values(session: Session, kept: Kept) -> Mapping[str, Any]:
    entity = own_entity(session.app, kept.entity)
    return read_whole(session, entity, kept.record_id, make_env(session, None))
