"""What waits for somebody, what they decided, started or got a copy of: pages of the queue.

Enters: an actor, a box, a cursor. Leaves: a page of items with what each record is called and the values to decide by.
Must not show tasks the actor has no right to see, and reads a bounded number of rows whatever the queue holds, in a
number of statements that does not depend on it.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from engine.compiler.app import Label
from engine.errors import FieldError, InvalidValues
from engine.people.actor import Actor
from engine.people.delegations import find_principals
from engine.people.directory import reports_of
from engine.records.calendar import add_working
from engine.records.calling import label_names, name_of
from engine.records.evaluation import Lookups, parameters
from engine.records.filters import like
from engine.records.finding import Word, split_parts
from engine.records.found_people import find_people
from engine.records.rights import NONE, find_rights
from engine.records.sql import is_one_of
from engine.storage.approval_tables import tasks
from engine.storage.store import Session
from engine.storage.system_tables import users
from engine.workflow import boxes
from engine.workflow.approval.handing import urge_limits
from engine.workflow.boxes import BOXES, COLUMNS, OLDEST_FIRST, Box
from engine.workflow.shown import Shown, read_shown

MOST = 100
COUNTED = 99
_END = 2**62


@dataclass(frozen=True)
class InboxItem:
    """One line of the queue.

    ``task`` is None for what the actor started or got a copy of. ``since`` is when it came to its holder (or was
    submitted), ``at`` when it was decided (or ended), ``decision`` what they said (``approve refuse return transfer``),
    ``status`` how the approval stands, ``waiting`` who has what the actor started, ``waiting_since`` for how long.
    ``holder`` is whose task it is when it is not the actor's own, ``kind`` what it asks (``decide work consult``).
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
    kind: str | None = "decide"
    holder: str | None = None
    waiting_since: datetime | None = None
    unread: bool = False
    can_urge: bool = False  # whether it may be urged again by now, by whoever may

    def is_late(self, now: datetime) -> bool:
        """Return whether the task is open and past its due moment."""
        return self.at is None and self.due is not None and self.due < now


@dataclass(frozen=True)
class InboxPage:
    """A page of the queue; ``next`` is the cursor of the page after it, None on the last."""

    items: tuple[InboxItem, ...]
    next: str | None


def list_tasks(
    session: Session,
    *,
    actor: Actor,
    box: Box = "mine",
    approval: str = "",
    text: str = "",
    after: str | None = None,
    limit: int = 50,
) -> InboxPage:
    """Return a page of a box, of one kind of ``approval`` and found by ``text`` where those are given.

    ``mine``, ``overdue`` and ``team`` (of people the actor manages) are open and come the oldest first; ``done`` by me,
    ``started`` by me and ``copied`` to me the newest first. Raises ``InvalidValues`` for a cursor that is not one of
    ours, or an unknown box.
    """
    if box not in BOXES:
        raise InvalidValues([FieldError("box", "approval.unknown_box")])
    most = max(1, min(limit, MOST))
    entities = {one.entity for one in session.app.approvals.values()}
    words = split_parts(text, [session.app.entities[key] for key in sorted(entities)])
    if text.strip() and not words:
        return InboxPage((), None)
    given = _for_actor(session, actor, team=box == "team")
    for at, word in enumerate(words):
        people = tuple(find_people(session, word))
        given |= Word(word, people=people).parameters(at) | {f"word{at}_anywhere": like(word)}
    given |= {"approval": approval, "after": _read_cursor(after, 0 if box in OLDEST_FIRST else _END), "limit": most + 1}
    shape = boxes.shape_of(session, actor, box, by_approval=bool(approval), words=len(words))
    statement = session.prepared(("inbox", shape), lambda: boxes.select_box(session, actor, shape))
    rows = [dict(zip(COLUMNS, row, strict=True)) for row in statement.fetch_all(session.connection, given)]
    page = rows[:most]
    following = str(page[-1]["cursor"]) if len(rows) > most else None
    return InboxPage(_to_items(session, page, actor, named=box in ("started", "copied")), following)


def find_task(session: Session, task_id: int, *, actor: Actor) -> InboxItem | None:
    """Return one task of the actor's, open or decided; None when it is somebody else's or there is none."""
    given = _for_actor(session, actor) | {"task_id": task_id}
    row = session.prepared("inbox task", lambda: boxes.select_task(session)).fetch_one(session.connection, given)
    if row is None:
        return None
    return _to_items(session, [dict(zip(COLUMNS, row, strict=True))], actor, named=False)[0]


def count_tasks(session: Session, *, actor: Actor) -> int:
    """Return how many tasks wait for the actor, counting to ``COUNTED + 1`` at most."""
    statement = session.prepared("inbox count", lambda: boxes.select_count(session))
    row = statement.fetch_one(session.connection, _for_actor(session, actor) | {"most": COUNTED + 1})
    return int(row[0]) if row is not None else 0


def count_boxes(session: Session, *, actor: Actor) -> dict[Box, int]:
    """Return how many things stand in each box, to ``COUNTED + 1`` at most, in one statement.

    Of what the actor started those still under way are counted, of copies the unread; what is done is not counted.
    """
    shape = boxes.shape_of(session, actor, "team", by_approval=False, words=0)
    statement = session.prepared(("inbox counts", shape), lambda: boxes.select_counts(session, actor))
    given = _for_actor(session, actor, team=True) | {"most": COUNTED + 1}
    row = statement.fetch_one(session.connection, given) or ()
    return {name: int(count) for name, count in zip(boxes.COUNTED_BOXES, row, strict=True)}


def _for_actor(session: Session, actor: Actor, *, team: bool = False) -> dict[str, Any]:
    """Return whose tasks an actor has in the queue: their own, and those of everybody whose deputy they are now."""
    given = parameters(session, actor)
    given["holders"] = [actor.id, *sorted(find_principals(session, actor.id))]
    return given | ({"reports": reports_of(session, actor.id)} if team else {})


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
        values = [lookups.linked(entity, id_) for id_ in ids[entity]]
        label_names(session.app, session.app.entities[entity], [one for one in values if one is not None], lookups)
    running = [row["approval_id"] for row in rows if row["status"] == "running"] if named else []
    waiting = _find_waiting(session, running)
    return tuple(_to_item(session, row, lookups, waiting.get(row["approval_id"], ()), actor) for row in rows)


def _to_item(
    session: Session, row: Mapping[str, Any], lookups: Lookups, waiting: Sequence["_Waiting"], actor: Actor
) -> InboxItem:
    app, plan = session.app, row["plan"] or {}
    approval, entity = app.approvals.get(row["approval"]), app.entities.get(row["entity"])
    values = lookups.linked(entity.key, row["record_id"]) if entity is not None else None
    rights = find_rights(app, entity, actor) if entity is not None else NONE
    kept = {name: row[name] for name in _KEPT}
    return InboxItem(
        **kept,
        label=approval.label if approval is not None else {app.language: row["approval"]},
        name=name_of(app, entity, values, lookups)
        if entity is not None and values is not None
        else f"#{row['record_id']}",
        step_label=(plan.get("steps") or {}).get(row["step"]) or {},
        waiting=tuple(dict.fromkeys(one.name for one in waiting)),
        shown=read_shown(app, row["approval"], plan.get("shown") or {}, rights),
        due=row["due"] or min((one.due for one in waiting if one.due is not None), default=None),
        holder=row["holder"] if row["holder_id"] not in (None, actor.id) else None,
        waiting_since=min((one.since for one in waiting), default=None),
        unread=bool(row["unread"]),
        can_urge=_can_urge(session, row),
    )


def _can_urge(session: Session, row: Mapping[str, Any]) -> bool:
    most, every = urge_limits((row["plan"] or {}).get("urge") or {})
    if row["status"] != "running" or row["urges"] >= most:
        return False
    app, last = session.app, row["urged_at"]
    return last is None or add_working(app.calendar, app.timezone, last, every) <= session.now()


_KEPT = (
    "task", "approval_id", "approval", "entity", "record_id", "step", "starter", "since", "at", "decision", "reason",
    "status", "kind",
)  # fmt: skip


@dataclass(frozen=True)
class _Waiting:
    """Who has an approval now, since when, and until when."""

    name: str
    since: datetime
    due: datetime | None


def _find_waiting(session: Session, approval_ids: Sequence[int]) -> Mapping[int, list[_Waiting]]:
    """Return who has each of these approvals now, without those asked for advice, in one query."""
    found: dict[int, list[_Waiting]] = defaultdict(list)
    if not approval_ids:
        return found

    def build() -> Any:
        columns = (tasks.c.approval_id, users.c.name, tasks.c.opened_at, tasks.c.due_at)
        names = select(*columns).join_from(tasks, users, users.c.id == tasks.c.holder_id)
        deciding = (tasks.c.state == "open", tasks.c.kind != "consult")
        return names.where(is_one_of(tasks.c.approval_id, "ids"), *deciding).order_by(tasks.c.id)

    rows = session.prepared("inbox waiting", build).fetch_all(session.connection, {"ids": approval_ids})
    for approval_id, *one in rows:
        found[approval_id].append(_Waiting(*one))
    return found
