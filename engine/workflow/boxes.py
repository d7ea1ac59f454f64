"""The boxes of the queue as SQL: what waits for me, what is late, my team's, what I decided, started, got a copy of.

Enters: which box, which kind of approval, how many words are searched for. Leaves: selects whose rows ``inbox`` reads,
each a walk along an index from a cursor on. Must not let anybody's work be seen that the reader has no right to: a
team's tasks are limited to records the reader may read.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from sqlalchemy import (
    Boolean,
    ColumnElement,
    FromClause,
    Select,
    and_,
    bindparam,
    exists,
    false,
    func,
    literal,
    null,
    or_,
    select,
    true,
    union_all,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler

from engine.people.actor import Actor
from engine.records.finding import holds_word, sources_of
from engine.records.rights import find_rights, scope_condition
from engine.records.sql import is_one_of
from engine.storage.approval_tables import approval_copies, approval_events, approvals, tasks
from engine.storage.store import Session
from engine.storage.switched import of_what_is_on
from engine.storage.system_tables import users

Box = Literal["mine", "overdue", "team", "done", "started", "copied"]
BOXES: tuple[Box, ...] = get_args(Box)
OLDEST_FIRST: tuple[Box, ...] = ("mine", "overdue", "team")
COUNTED_BOXES: tuple[Box, ...] = ("mine", "overdue", "team", "started", "copied")

COLUMNS = (
    "cursor", "task", "approval_id", "approval", "entity", "record_id", "plan", "status", "starter", "step", "since",
    "due", "at", "decision", "reason", "kind", "holder_id", "holder", "unread", "urges", "urged_at",
)  # fmt: skip
_holders = users.alias("holders")
_HELD = tasks.alias("held")


class Held(ColumnElement[bool]):
    """Whose task it is; SQLite finds the ids by the index of holders, or it would read the tasks of everybody in order.

    PostgreSQL knows how many somebody has, and would read those of everybody if it were asked in that way.
    """

    inherit_cache = False
    type = Boolean()

    def __init__(self, plain: ColumnElement[bool], by_ids: ColumnElement[bool]) -> None:
        self.plain, self.by_ids = plain, by_ids

    def self_group(self, against: Any = None) -> "Held":
        """Stay as it is: SQLAlchemy would write ``(...) = 1`` for SQLite, which no index serves."""
        return self


@compiles(Held)
def _render(element: Held, compiler: SQLCompiler, **kw: Any) -> str:
    return compiler.process(element.plain, **kw)


@compiles(Held, "sqlite")
def _render_by_ids(element: Held, compiler: SQLCompiler, **kw: Any) -> str:
    return compiler.process(element.by_ids, **kw)


@dataclass(frozen=True)
class Shape:
    """What tells the statements of two queues apart, whatever their values: parameters ``approval`` and ``word<n>``."""

    box: Box
    by_approval: bool
    words: int
    scopes: tuple[Any, ...]


def shape_of(session: Session, actor: Actor, box: Box, *, by_approval: bool, words: int) -> Shape:
    """Return the shape of a queue for this actor: the team's tasks, and what is searched, depend on their rights."""
    scopes: tuple[Any, ...] = ()
    if box == "team" or words:
        rights = [(key, find_rights(session.app, session.app.entities[key], actor)) for key in _entities(session)]
        scopes = tuple((key, one.read, one.hidden, one.masked) for key, one in rights)
    return Shape(box, by_approval, words, scopes)


def select_box(session: Session, actor: Actor, shape: Shape) -> Select[Any]:
    """Return the statement of a page: who asks (``actor_id holders reports``), ``now``, ``after`` and ``limit``."""
    found = _PAGES[shape.box]().where(_is_on(session))
    if shape.by_approval:
        found = found.where(approvals.c.approval == bindparam("approval"))
    for at in range(shape.words):
        found = found.where(_holds(session, actor, f"word{at}"))
    return found.where(_readable(session, actor)) if shape.box == "team" else found


def select_task(session: Session) -> Select[Any]:
    """Return the statement of one task of the reader's, or of somebody whose deputy they are."""
    return _tasks().where(_is_on(session), is_one_of(tasks.c.holder_id, "holders"), tasks.c.id == bindparam("task_id"))


def select_count(session: Session) -> Select[Any]:
    """Return how many tasks wait for the reader, counting to the parameter ``most``."""
    return select(_counted(_waiting(session, "holders")))


def select_counts(session: Session, actor: Actor) -> Select[Any]:
    """Return how many things stand in each of ``COUNTED_BOXES``, counting to the parameter ``most``."""
    team = _open_tasks("reports").join_from(tasks, approvals).where(_readable(session, actor))
    started = select(approvals.c.id).where(_is_mine(), approvals.c.state == "running", _is_on(session))
    unread = select(approval_copies.c.id).where(_is_my_copy(), approval_copies.c.read_at.is_(None))
    if session.app.off:
        unread = unread.join_from(approval_copies, approvals).where(_is_on(session))
    late = _waiting(session, "holders").where(_is_late())
    boxes = (_waiting(session, "holders"), late, team, started, unread)
    return select(*(_counted(one) for one in boxes))


def _waiting(session: Session, whose: str) -> Select[Any]:
    found = _open_tasks(whose)
    return found.join_from(tasks, approvals).where(_is_on(session)) if session.app.off else found


def _is_on(session: Session) -> ColumnElement[bool]:
    """What it is about is not switched off."""
    return and_(true(), *of_what_is_on(session, approvals.c.entity))


def _open_tasks(whose: str) -> Select[Any]:
    return select(tasks.c.id).where(is_one_of(tasks.c.holder_id, whose), tasks.c.state == "open")


def _counted(rows: Select[Any]) -> Any:
    few = rows.limit(bindparam("most")).subquery()
    return select(func.count()).select_from(few).scalar_subquery()


def _tasks(*, urged: bool = False) -> Select[Any]:
    c = tasks.c
    columns = (c.step, c.opened_at, c.due_at, c.decided_at, c.decision, c.reason, c.kind)
    found = _select(c.id, c.id, *columns, _holders.c.id, _holders.c.name, literal(False), *_urges(urged))
    return found.join_from(tasks, approvals).join(users, _is_starter()).join(_holders, _holders.c.id == c.holder_id)


def _open(whose: str, *more: ColumnElement[bool]) -> Select[Any]:
    c = tasks.c
    own = Held(_held(tasks, whose), c.id.in_(select(_HELD.c.id).where(_held(_HELD, whose))))
    return _tasks(urged=whose == "reports").where(own, *more).order_by(c.id).limit(bindparam("limit"))


def _held(table: FromClause, whose: str) -> ColumnElement[bool]:
    c = table.c
    return and_(is_one_of(c.holder_id, whose), c.state == "open", c.id > bindparam("after"))


def _urges(wanted: bool) -> tuple[Any, Any]:
    """How often and when last it was urged, where somebody may urge."""
    if not wanted:
        return literal(0), null()
    c = approval_events.c
    own = (c.approval_id == approvals.c.id, c.type == "urged")
    number, last = select(func.count()).where(*own), select(func.max(c.at)).where(*own)
    return number.scalar_subquery(), last.scalar_subquery()


def _done() -> Select[Any]:
    """What the reader decided, as themselves or for somebody else; what others decided for them is not theirs."""
    c = tasks.c
    done = (c.state == "done", c.id < bindparam("after"))
    own = select(c.id).where(c.holder_id == bindparam("actor_id"), c.decided_by.is_(None), *done)
    deputy = select(c.id).where(c.decided_by == bindparam("actor_id"), *done)
    pages = [one.order_by(c.id.desc()).limit(bindparam("limit")).subquery() for one in (own, deputy)]
    both = union_all(*(select(one.c.id) for one in pages))
    return _tasks().where(c.id.in_(both)).order_by(c.id.desc()).limit(bindparam("limit"))


def _started() -> Select[Any]:
    c = approvals.c
    columns = (null(), c.started_at, null(), c.ended_at, null(), null(), null(), null(), null(), literal(False))
    found = _select(c.id, literal(None), *columns, *_urges(True)).join_from(approvals, users, _is_starter())
    return found.where(_is_mine(), c.id < bindparam("after")).order_by(c.id.desc()).limit(bindparam("limit"))


def _copied() -> Select[Any]:
    """What a copy was sent of (抄送我的)."""
    c, copy = approvals.c, approval_copies.c
    unread = copy.read_at.is_(None)
    columns = (null(), copy.at, null(), c.ended_at, null(), null(), null(), null(), null(), unread)
    found = _select(copy.id, literal(None), *columns, *_urges(False)).join_from(
        approvals, approval_copies, copy.approval_id == c.id
    )
    found = found.join(users, _is_starter()).where(_is_my_copy(), copy.id < bindparam("after"))
    return found.order_by(copy.id.desc()).limit(bindparam("limit"))


_PAGES: Mapping[Box, Callable[[], Select[Any]]] = {
    "mine": lambda: _open("holders"),
    "overdue": lambda: _open("holders", _is_late()),
    "team": lambda: _open("reports"),
    "done": _done,
    "started": _started,
    "copied": _copied,
}


def _select(cursor: ColumnElement[Any], task: ColumnElement[Any], *columns: Any) -> Select[Any]:
    c = approvals.c
    about = (c.id, c.approval, c.entity, c.record_id, c.plan, c.state, users.c.name)
    named = zip(COLUMNS, (cursor, task, *about, *columns), strict=True)
    return select(*(one.label(name) for name, one in named))


def _is_starter() -> ColumnElement[bool]:
    return users.c.id == approvals.c.started_by


def _is_mine() -> ColumnElement[bool]:
    return approvals.c.started_by == bindparam("actor_id")


def _is_late() -> ColumnElement[bool]:
    return tasks.c.due_at < bindparam("now", type_=tasks.c.due_at.type)


def _is_my_copy() -> ColumnElement[bool]:
    return approval_copies.c.user_id == bindparam("actor_id")


# ---- what depends on records


def _entities(session: Session) -> list[str]:
    """The entities there are approvals of."""
    return sorted({approval.entity for approval in session.app.approvals.values()})


def _readable(session: Session, actor: Actor) -> ColumnElement[bool]:
    """The record is one the reader's roles let them read."""
    found: list[ColumnElement[bool]] = [false()]
    for key in _entities(session):
        entity, table = session.app.entities[key], session.tables.entity[key].alias(f"read_{key}")
        rights = find_rights(session.app, entity, actor)
        if rights.read:
            mine = scope_condition(session.tables, entity, table, rights.read)
            found.append(_of(key) & exists().where(_is_record(table), mine))
    return or_(*found)


def _holds(session: Session, actor: Actor, word: str) -> ColumnElement[bool]:
    """The word stands in what the record is found by, or in the name of whoever submitted."""
    found: list[ColumnElement[bool]] = [func.lower(users.c.name).like(bindparam(f"{word}_anywhere"), escape="\\")]
    for key in _entities(session):
        entity, table = session.app.entities[key], session.tables.entity[key]
        rights = find_rights(session.app, entity, actor)
        sources = sources_of(session.app, entity, rights)
        holds = holds_word(session.tables, entity, table, sources, word)
        found.append(_of(key) & exists().where(_is_record(table), holds))
    return or_(*found)


def _of(entity: str) -> ColumnElement[bool]:
    return approvals.c.entity == entity


def _is_record(table: Any) -> ColumnElement[bool]:
    return and_(table.c.id == approvals.c.record_id, table.c.deleted_at.is_(None))
