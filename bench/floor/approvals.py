"""Approval of an opportunity by one person, the manager of its department.

A connection inside a transaction and an actor enter; plain data for JSON leaves. One open task gives one decision.
"""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, update

from bench.floor.access import Actor, Refused
from bench.floor.records import change_opportunity, lock_opportunity
from bench.floor.tables import approval_events, approvals, opportunity, tasks, user_roles, users

_INSERT_APPROVAL = insert(approvals).returning(approvals.c.id)
_INSERT_TASK = insert(tasks).returning(tasks.c.id)
_INSERT_EVENT = insert(approval_events).inline()
_RUNNING = select(approvals.c.id).where(approvals.c.opportunity_id == bindparam("row_id"), approvals.c.status == "open")
_MANAGER = (
    select(users.c.id)
    .join(user_roles)
    .where(users.c.department_id == bindparam("department"), users.c.active, user_roles.c.role == "manager")
    .order_by(users.c.id)
    .limit(1)
)
_HELD = (
    select(
        tasks.c.id.label("task_id"), tasks.c.approval_id, tasks.c.status.label("task_status"), tasks.c.decided_by,
        tasks.c.decided_at, approvals.c.started_by, opportunity.c.id, opportunity.c.version, opportunity.c.stage,
        opportunity.c.owner_id, opportunity.c.department_id,
    )
    .select_from(tasks.join(approvals).join(opportunity))
    .where(tasks.c.id == bindparam("task"), tasks.c.holder_id == bindparam("actor_id"))
    .with_for_update()
)  # fmt: skip
_DECIDE = (
    update(tasks)
    .where(tasks.c.id == bindparam("task"), tasks.c.status == "open")
    .values(status="approved", decided_by=bindparam("actor_id"), decided_at=bindparam("now"))
)
_STILL_OPEN = select(tasks.c.id).where(tasks.c.approval_id == bindparam("approval"), tasks.c.status == "open").limit(1)
_FINISH = update(approvals).where(approvals.c.id == bindparam("approval")).values(status="approved")
_INBOX = (
    select(tasks.c.id, tasks.c.step, approvals.c.started_at, opportunity.c.id, opportunity.c.name)
    .select_from(tasks.join(approvals).join(opportunity))
    .where(tasks.c.holder_id == bindparam("actor_id"), tasks.c.status == "open")
    .order_by(tasks.c.id)
    .limit(bindparam("limit"))
)


def submit_opportunity(connection: Connection, actor: Actor, row_id: int, seen: int | None) -> dict[str, Any]:
    """Open the manager's task. Raises Refused 404 and 409."""
    row = lock_opportunity(connection, actor, row_id)
    if seen is not None and row.version != seen:
        raise Refused(409, "changed_meanwhile", version=row.version)
    if row.stage != "proposal" or connection.execute(_RUNNING, {"row_id": row_id}).first():
        raise Refused(409, "not_possible_now", stage=row.stage)
    holder = connection.execute(_MANAGER, {"department": row.department_id}).scalar()
    if holder is None:
        raise Refused(409, "no_approver")
    now = datetime.now(UTC)
    opened = {"opportunity_id": row_id, "status": "open", "started_by": actor.id, "started_at": now}
    approval = connection.execute(_INSERT_APPROVAL, opened).scalar_one()
    given = {"approval_id": approval, "step": "leader", "holder_id": holder, "status": "open"}
    task = connection.execute(_INSERT_TASK, given).scalar_one()
    _note(connection, actor, now, approval, None, "submitted", None)
    changes = {"stage": [row.stage, "deciding"]}
    change_opportunity(connection, actor, now, row, "submitted", changes, {"stage": "deciding"}, tell=holder)
    return {"id": row_id, "version": row.version + 1, "stage": "deciding", "task": task}


def approve_task(connection: Connection, actor: Actor, task: int, note: str | None) -> dict[str, Any]:
    """Decide once; the last open task moves the opportunity on. Raises Refused 404 (not the holder) and 409."""
    row = connection.execute(_HELD, {"task": task, "actor_id": actor.id}).first()
    if row is None:
        raise Refused(404, "not_found")
    now = datetime.now(UTC)
    decided = connection.execute(_DECIDE, {"task": task, "actor_id": actor.id, "now": now}).rowcount
    if row.task_status != "open" or decided != 1:
        raise Refused(409, "already_decided", by=row.decided_by, at=row.decided_at)
    _note(connection, actor, now, row.approval_id, task, "approved", note)
    if connection.execute(_STILL_OPEN, {"approval": row.approval_id}).first():
        return {"task": task, "status": "approved", "stage": row.stage}
    connection.execute(_FINISH, {"approval": row.approval_id})
    changes, values = {"stage": [row.stage, "review"]}, {"stage": "review"}
    change_opportunity(connection, actor, now, row, "approved", changes, values, tell=row.started_by)
    return {"task": task, "status": "approved", "stage": "review"}


def read_inbox(connection: Connection, actor: Actor, limit: int) -> list[dict[str, Any]]:
    rows = connection.execute(_INBOX, {"actor_id": actor.id, "limit": limit}).all()
    return [{"id": row[0], "step": row[1], "since": row[2], "record": {"id": row[3], "name": row[4]}} for row in rows]


def _note(
    connection: Connection, actor: Actor, now: datetime, approval: int, task: int | None, kind: str, note: str | None
) -> None:
    event = {"approval_id": approval, "task_id": task, "kind": kind, "actor_id": actor.id, "at": now, "note": note}
    connection.execute(_INSERT_EVENT, event)
