"""What stands still with nobody to move it: found, each with the command that sets it going again.

Enters: a session. Leaves: ``Stranded`` rows, or after ``fix`` the thing going again. Must not mend anything by itself.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import ColumnElement, literal_column, select, update

from engine.changing import leaving
from engine.compiler.app import Entity, Label
from engine.errors import FieldError, InvalidValues, NotAllowed, NotFound
from engine.people import directory
from engine.people.actor import Actor
from engine.storage.approval_tables import approvals, tasks
from engine.storage.journal import write_audit
from engine.storage.stage_tables import timers
from engine.storage.store import Session
from engine.storage.system_tables import users
from engine.workflow.approval import commands, log

Kind = Literal["task", "approval", "timer", "record"]

_BATCH = 500
_PARKED: ColumnElement[str] = literal_column("'parked'")
"""Not a parameter: only so do the databases know that the index of what is parked serves."""


@dataclass(frozen=True)
class Stranded:
    """One thing that stands still. ``kind`` and ``id`` are its address, such as ``task/12``.

    ``task``: held by somebody disabled; ``approval``: nobody to decide; ``timer``: failed too often; ``record``: in a
    stage that no move leaves. ``params`` fill in the sentence ``stranded.<kind>``.
    """

    kind: Kind
    id: int
    entity: str
    record_id: int
    params: dict[str, Label | str]

    @property
    def address(self) -> str:
        """How it is named to ``fix``."""
        return f"{self.kind}/{self.id}"


def find_stranded(session: Session) -> Iterator[Stranded]:
    """Yield everything that stands still: tasks, approvals, timers, records."""
    yield from _tasks(session)
    yield from _approvals(session)
    yield from _timers(session)
    yield from _records(session)


def fix(session: Session, kind: str, id: int, *, to: int | None, reason: str, actor: Actor) -> None:
    """Set one thing going again: give a task to ``to`` (else to the manager of its holder), let an approval look for
    people again, or end it when a ``reason`` is given, let a timer fire.

    Administrators only. Raises ``NotFound`` when it does not stand still, and what the commands below raise.
    """
    if not actor.is_admin:
        raise NotAllowed("people.not_admin")
    found = next((one for one in find_stranded(session) if (one.kind, one.id) == (kind, id)), None)
    if found is None:
        raise NotFound("stranded.not_found", address=f"{kind}/{id}")
    if kind == "task":
        heir = to or _manager_of_holder(session, id)
        if heir is None:
            raise InvalidValues([FieldError("to", "stranded.to_needed")])
        leaving.reassign(session, id, heir, reason=reason, actor=actor)
    elif kind == "approval" and reason:
        commands.terminate(session, id, reason=reason, actor=actor)
    elif kind == "approval":
        commands.resume(session, id, actor=actor)
    elif kind == "timer":
        _rearm(session, id, actor)
    else:
        raise InvalidValues([FieldError("record", "stranded.needs_move")])


def _tasks(session: Session) -> Iterator[Stranded]:
    c = tasks.c
    joined = tasks.join(approvals, approvals.c.id == c.approval_id).join(users, users.c.id == c.holder_id)
    held = select(c.id, approvals.c.entity, approvals.c.record_id, users.c.name, approvals.c.approval)
    held = held.select_from(joined).where(c.state == "open", approvals.c.state == "running")
    for row in session.connection.execute(held.where(users.c.disabled_at.is_not(None)).order_by(c.id)).all():
        approval = session.app.approvals.get(row[4])
        yield Stranded(
            "task", row[0], row[1], row[2], {"who": row[3], "approval": approval.label if approval else row[4]}
        )


def _approvals(session: Session) -> Iterator[Stranded]:
    c, after = approvals.c, 0
    while True:
        running = select(c.id).where(c.state == "running", c.id > after).order_by(c.id).limit(_BATCH)
        ids = list(session.connection.scalars(running))
        for id_ in ids:
            kept = log.read(session, id_)
            step = kept.state.stranded if kept is not None and kept.state.running else None
            if kept is not None and step is not None:
                approval = session.app.approvals.get(kept.state.approval)
                label: Label | str = approval.label if approval else kept.state.approval
                yield Stranded(
                    "approval", id_, kept.entity, kept.record_id, {"approval": label, "step": step.plan.label}
                )
        if len(ids) < _BATCH:
            return
        after = ids[-1]


def _timers(session: Session) -> Iterator[Stranded]:
    c = timers.c
    parked = select(c.id, c.entity, c.record_id, c.key, c.error).where(c.state == _PARKED).order_by(c.id)
    for row in session.connection.execute(parked).all():
        yield Stranded("timer", row[0], row[1], row[2], {"timer": row[3], "why": row[4] or "–"})


def _records(session: Session) -> Iterator[Stranded]:
    """Find records in a stage, not an outcome, that no move leaves, or that the workflow does not know."""
    for entity in session.app.entities.values():
        workflow = entity.workflow
        if workflow is None:
            continue
        for id_, stage in list_stuck(session, entity):
            label: Label | str = workflow.stages[stage].label if stage in workflow.stages else stage
            yield Stranded("record", id_, entity.key, id_, {"stage": label})


def list_stuck(session: Session, entity: Entity) -> list[tuple[int, str]]:
    """Return the records of an entity that stand in a stage nothing leads out of, each with its stage."""
    workflow = entity.workflow
    if workflow is None:
        return []
    left = {stage for move in workflow.moves.values() if not move.retired for stage in move.from_}
    waits = {move.during for move in workflow.moves.values()}
    fine = [one.key for one in workflow.stages.values() if one.outcome or one.key in left or one.key in waits]
    table = session.tables.entity[entity.key]
    inside = select(table.c.id, table.c.stage).where(table.c.stage.not_in(fine), table.c.deleted_at.is_(None))
    return [(row[0], row[1]) for row in session.connection.execute(inside.order_by(table.c.id))]


def _manager_of_holder(session: Session, task_id: int) -> int | None:
    found = log.find_task(session, task_id, actor=0)
    manager = directory.manager_of(session.connection, found.holder) if found is not None else None
    return None if manager is None else manager.id


def _rearm(session: Session, id: int, actor: Actor) -> None:
    """Let a timer that was put aside after too many failures be tried again at the next look."""
    parked = update(timers).where(timers.c.id == id, timers.c.state == "parked")
    session.connection.execute(parked.values(state="pending", attempts=0, available_at=session.now(), error=None))
    write_audit(session, "timer.rearm", f"timer:{id}", actor=actor)
