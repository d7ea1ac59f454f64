"""What waits for somebody, what they decided, what they submitted: pages of the queue.

Enters: an actor, a box, a cursor. Leaves: a page of items with what each record is called and the values to decide by.
Must not show anybody's tasks but the actor's own, and reads a bounded number of rows whatever the queue holds.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, Select, bindparam, func, literal, null, select

from engine.compiler.app import Label
from engine.errors import FieldError, InvalidValues
from engine.people.actor import Actor
from engine.records.evaluation import Lookups
from engine.records.record import display
from engine.records.rights import NONE, find_rights
from engine.records.sql import is_one_of
from engine.storage.store import Session
from engine.storage.system_tables import approvals, tasks, users
from engine.workflow.shown import Shown, read_shown

Box = Literal["mine", "done", "started"]
MOST = 100
COUNTED = 99
_END = 2**62


@dataclass(frozen=True)
class InboxItem:
    """One line of the queue.

    ``task`` is None for what the actor started. ``since`` is when it came to them (or was submitted), ``at`` when it
    was decided (or ended), ``decision`` what they said (``approve refuse return transfer``), ``status`` how the
    approval stands, ``waiting`` who has what the actor started.
    """

    task: int | None
    approval_id: int
    approval: str
    label: Label
    entity: str
    record_id: int
    name: str
    step: str | None
    step_label: Label
    starter: str
    since: datetime
    due: datetime | None
    at: datetime | None
    decision: str | None
    reason: str | None
    status: str
    waiting: tuple[str, ...]
    shown: tuple[Shown, ...]

    def is_late(self, now: datetime) -> bool:
        """Return whether the task is open and past its due moment."""
        return self.at is None and self.due is not None and self.due < now


@dataclass(frozen=True)
class InboxPage:
    """A page of the queue; ``next`` is the cursor of the page after it, None on the last."""

    items: tuple[InboxItem, ...]
    next: str | None


def list_tasks(
    session: Session, *, actor: Actor, box: Box = "mine", after: str | None = None, limit: int = 50
) -> InboxPage:
    """Return a page of a box: ``mine`` (open, oldest first), ``done`` by me and ``started`` by me (newest first).

    Raises ``InvalidValues`` for a cursor that is not one of ours, or an unknown box.
    """
    if box not in _BOXES:
        raise InvalidValues([FieldError("box", "approval.unknown_box")])
    most = max(1, min(limit, MOST))
    start = _read_cursor(after, 0 if box == "mine" else _END)
    given = {"actor_id": actor.id, "after": start, "limit": most + 1}
    statement = session.prepared(("inbox", box), _BOXES[box])
    rows = [dict(zip(_COLUMNS, row, strict=True)) for row in statement.fetch_all(session.connection, given)]
    page = rows[:most]
    following = str(page[-1]["cursor"]) if len(rows) > most else None
    return InboxPage(_to_items(session, page, actor, named=box == "started"), following)


def find_task(session: Session, task_id: int, *, actor: Actor) -> InboxItem | None:
    """Return one task of the actor's, open or decided; None when it is somebody else's or there is none."""

    def build() -> Any:
        return _select_tasks_where(tasks.c.id == bindparam("task_id"))

    given = {"actor_id": actor.id, "task_id": task_id}
    row = session.prepared("inbox task", build).fetch_one(session.connection, given)
    if row is None:
        return None
    return _to_items(session, [dict(zip(_COLUMNS, row, strict=True))], actor, named=False)[0]


def count_tasks(session: Session, *, actor: Actor) -> int:
    """Return how many tasks wait for the actor, counting to ``COUNTED + 1`` at most."""

    def build() -> Any:
        own = (tasks.c.holder_id == bindparam("actor_id"), tasks.c.state == "open")
        few = select(tasks.c.id).where(*own).limit(COUNTED + 1).subquery()
        return select(func.count()).select_from(few)

    row = session.prepared("inbox count", build).fetch_one(session.connection, {"actor_id": actor.id})
    return int(row[0]) if row is not None else 0


_COLUMNS = (
    "cursor", "task", "approval_id", "approval", "entity", "record_id", "plan", "status", "starter", "step", "since",
    "due", "at", "decision", "reason",
)  # fmt: skip


def _select_tasks(state: str, *, newest_first: bool) -> Select[Any]:
    c = tasks.c
    further = c.id < bindparam("after") if newest_first else c.id > bindparam("after")
    found = _select_tasks_where(c.state == state, further)
    return found.order_by(c.id.desc() if newest_first else c.id).limit(bindparam("limit"))


def _select_tasks_where(*conditions: ColumnElement[bool]) -> Select[Any]:
    c = tasks.c
    columns = (c.step, c.opened_at, c.due_at, c.decided_at, c.decision, c.reason)
    found = _select_approvals(c.id, c.id.label("task"), *columns).join_from(tasks, approvals).join(users, _is_starter())
    return found.where(c.holder_id == bindparam("actor_id"), *conditions)


def _select_started() -> Select[Any]:
    c = approvals.c
    columns = (null(), c.started_at, null(), c.ended_at, null(), null())
    found = _select_approvals(c.id, literal(None).label("task"), *columns).join_from(approvals, users, _is_starter())
    own = (c.started_by == bindparam("actor_id"), c.id < bindparam("after"))
    return found.where(*own).order_by(c.id.desc()).limit(bindparam("limit"))


def _select_approvals(cursor: ColumnElement[Any], task: ColumnElement[Any], *columns: Any) -> Select[Any]:
    c = approvals.c
    about = (c.id.label("approval_id"), c.approval, c.entity, c.record_id, c.plan, c.state, users.c.name)
    return select(cursor.label("cursor"), task, *about, *columns)


def _is_starter() -> ColumnElement[bool]:
    return users.c.id == approvals.c.started_by


_BOXES: Mapping[str, Any] = {
    "mine": lambda: _select_tasks("open", newest_first=False),
    "done": lambda: _select_tasks("done", newest_first=True),
    "started": _select_started,
}


def _read_cursor(after: str | None, start: int) -> int:
    if after is None or after == "":
        return start
    if not (after.isascii() and after.isdecimal()) or len(after) > 18:
        raise InvalidValues([FieldError("after", "record.bad_cursor")])
    return int(after)


def _to_items(
    session: Session, rows: Sequence[Mapping[str, Any]], actor: Actor, *, named: bool
) -> tuple[InboxItem, ...]:
    lookups = Lookups(session)
    ids: dict[str, set[int]] = defaultdict(set)
    for row in rows:
        ids[row["entity"]].add(row["record_id"])
    for entity in ids.keys() & session.app.entities.keys():
        lookups.load(entity, ids[entity])
    running = [row["approval_id"] for row in rows if row["status"] == "running"] if named else []
    waiting = _find_waiting(session, running)
    return tuple(_to_item(session, row, lookups, waiting, actor) for row in rows)


def _to_item(
    session: Session, row: Mapping[str, Any], lookups: Lookups, waiting: Mapping[int, list[str]], actor: Actor
) -> InboxItem:
    app, plan = session.app, row["plan"] or {}
    approval, entity = app.approvals.get(row["approval"]), app.entities.get(row["entity"])
    values = lookups.linked(entity.key, row["record_id"]) if entity is not None else None
    rights = find_rights(app, entity, actor) if entity is not None else NONE
    kept = {name: row[name] for name in _KEPT}
    return InboxItem(
        **kept,
        label=approval.label if approval is not None else {app.language: row["approval"]},
        name=display(entity, values) if entity is not None and values is not None else f"#{row['record_id']}",
        step_label=(plan.get("steps") or {}).get(row["step"]) or {},
        waiting=tuple(waiting.get(row["approval_id"], ())),
        shown=read_shown(app, row["approval"], plan.get("shown") or {}, rights),
    )


_KEPT = (
    "task", "approval_id", "approval", "entity", "record_id", "step", "starter", "since", "due", "at", "decision",
    "reason", "status",
)  # fmt: skip


def _find_waiting(session: Session, approval_ids: Sequence[int]) -> Mapping[int, list[str]]:
    """Return who has each of these approvals now, in one query."""
    found: dict[int, list[str]] = defaultdict(list)
    if not approval_ids:
        return found

    def build() -> Any:
        names = select(tasks.c.approval_id, users.c.name).join_from(tasks, users, users.c.id == tasks.c.holder_id)
        return names.where(is_one_of(tasks.c.approval_id, "ids"), tasks.c.state == "open").order_by(tasks.c.id)

    rows = session.prepared("inbox waiting", build).fetch_all(session.connection, {"ids": approval_ids})
    for approval_id, name in rows:
        found[approval_id].append(name)
    return found
