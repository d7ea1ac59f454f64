"""An import as it lies in the database: a file, what its columns are, and the state of each of its rows.

Enters: rows of a file, choices of a person. Leaves: ``Import`` values, rows to show. Must not judge or write a record:
``working.py`` does. An import belongs to whoever brought the file; to everybody else there is none.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import Select, delete, func, select, update

from engine.compiler.app import Entity
from engine.errors import FieldError, InvalidValues, NotAllowed, NotFound, NotPossibleNow
from engine.importing.columns import Column
from engine.importing.folding import fold_rows
from engine.importing.names import NUMBER, fold
from engine.people.actor import Actor
from engine.records.rights import Rights, find_rights, get_entity
from engine.storage.import_tables import IN_WORK, import_rows, import_values, imports
from engine.storage.journal import write_audit
from engine.storage.store import Session

CREATE, UPDATE, BOTH = MODES = ("create", "update", "both")
ACTIVE = ("checking", "running", "undoing")
UNDO_WITHIN = timedelta(days=7)
"""How long a whole import can be taken back; its rows are kept as long."""

_PIECE = 500
_REMEMBERED = 20
_COLUMNS = tuple(imports.c)


@dataclass(frozen=True)
class Import:
    """One import. ``state`` is one of ``fw_imports``; ``error`` says by language why it stopped."""

    id: int
    entity: str
    user: int
    created_at: datetime
    name: str
    sha256: str
    size: int
    header_row: int
    columns: tuple[Column, ...]
    mode: str
    match_by: str | None
    reminds: bool
    state: str
    total: int
    started_at: datetime | None
    ended_at: datetime | None
    error: Mapping[str, str] | None

    @property
    def is_active(self) -> bool:
        """Whether work is going on."""
        return self.state in ACTIVE

    def can_undo(self, now: datetime) -> bool:
        """Whether what came in can still be taken back."""
        return self.state == "done" and self.ended_at is not None and now - self.ended_at <= UNDO_WITHIN


@dataclass(frozen=True)
class ImportRow:
    """One row, with the rows folded into it (``folding.py`` reads ``cells``).

    ``problems`` hold the column (``at``, None for the whole row), the ``row`` where it is one below, and a sentence by
    language.
    """

    row: int
    cells: Any
    state: str
    problems: list[dict[str, Any]]
    record_id: int | None
    version: int | None


def require_import(session: Session, entity: str, actor: Actor) -> tuple[Entity, Rights]:
    """Return the entity and the rights; raises ``NotFound``, and ``NotAllowed`` for whoever may not import it."""
    compiled = get_entity(session.app, entity)
    rights = find_rights(session.app, compiled, actor)
    if not (rights.bring_in and rights.create):
        raise NotAllowed("record.no_import", entity=compiled.label)
    return compiled, rights


def get_import(session: Session, id: int, *, actor: Actor) -> Import:
    """Return an import of the actor's own; raises ``NotFound``."""
    found = find_import(session, id) if 0 < id < 2**63 else None
    if found is None or found.user != actor.id or session.app.find_open(found.entity) is None:
        raise NotFound("import.none")
    return found


def find_import(session: Session, id: int) -> Import | None:
    """Return an import, whoever asks."""
    row = session.connection.execute(select(*_COLUMNS).where(imports.c.id == id)).first()
    return None if row is None else _to_import(row)


def lock_import(session: Session, id: int) -> Import | None:
    """Return an import that nobody else works on until this transaction ends; None when somebody does."""
    row = session.connection.execute(
        select(*_COLUMNS).where(imports.c.id == id).with_for_update(skip_locked=True)
    ).first()
    return None if row is None else _to_import(row)


def list_imports(session: Session, entity: str, *, actor: Actor, limit: int = 20) -> list[Import]:
    """Return the actor's newest imports into an entity; files that were not read to their end are not among them."""
    own = (imports.c.entity == entity, imports.c.user_id == actor.id, imports.c.state != "reading")
    rows = session.connection.execute(select(*_COLUMNS).where(*own).order_by(imports.c.id.desc()).limit(limit))
    return [_to_import(row) for row in rows]


def list_active(session: Session) -> list[int]:
    """Return the imports that work is going on for."""
    return list(session.connection.scalars(select(imports.c.id).where(IN_WORK).order_by(imports.c.id)))


def count_rows(session: Session, id: int) -> dict[str, int]:
    """Return how many rows are in each state."""
    rows = select(import_rows.c.state, func.count()).where(import_rows.c.import_id == id)
    return {row[0]: int(row[1]) for row in session.connection.execute(rows.group_by(import_rows.c.state))}


def list_rows(
    session: Session,
    id: int,
    states: Sequence[str] = (),
    *,
    after: int = 0,
    limit: int = 50,
    latest_first: bool = False,
) -> list[ImportRow]:
    """Return rows in the order of the file, of those in ``states`` (all when empty), after row ``after``.

    Each state is asked for by itself, so that each is one range of an index, however many rows are in another.
    """
    if len(states) > 1:
        one = partial(list_rows, session, id, after=after, limit=limit, latest_first=latest_first)
        rows = [row for state in states for row in one((state,))]
        return sorted(rows, key=lambda row: row.row, reverse=latest_first)[:limit]
    c = import_rows.c
    found: Select[Any] = select(c.row, c.cells, c.state, c.problems, c.record_id, c.version).where(c.import_id == id)
    if states:
        found = found.where(c.state == states[0])
    found = found.order_by(c.row.desc()) if latest_first else found.where(c.row > after).order_by(c.row)
    return [
        ImportRow(row[0], row[1], row[2], row[3] or [], row[4], row[5])
        for row in session.connection.execute(found.limit(limit))
    ]


def walk_rows(session: Session, id: int, states: Sequence[str]) -> Iterator[ImportRow]:
    """Yield all rows in ``states``, a piece of them in memory at a time."""
    after = 0
    while rows := list_rows(session, id, states, after=after, limit=_PIECE):
        yield from rows
        after = rows[-1].row


def choose(
    session: Session,
    id: int,
    columns: Sequence[Column],
    mode: str,
    match_by: str | None,
    reminds: bool,
    *,
    actor: Actor,
    check: bool = True,
) -> Import:
    """Keep what a person said of the columns and of what the rows do, and begin to check; raises ``InvalidValues``.

    Without ``check`` the rows may be written next, each judged when its turn comes.
    """
    found = _own(session, id, actor, "mapping", "checked")
    entity, rights = require_import(session, found.entity, actor)
    _check_mode(entity, rights, columns, mode, match_by)
    _renew(session, id)
    folded = _folded(session, id, entity, columns)
    chosen = folded | {
        "columns": [one.to_json() for one in columns],
        "mode": mode,
        "reminds": int(reminds),
        "error": None,
    }
    match = match_by if mode != CREATE else None
    return change_import(session, id, **chosen, match_by=match, state="checking" if check else "mapping")


def match_keys(entity: Entity, columns: Sequence[Column]) -> list[str]:
    """Return by which of the columns a row can find its record: the number, or a text no two records share."""
    given = [column.key for column in columns if column.key is not None]
    return [
        key for key in given
        if key == NUMBER or (key in entity.fields and entity.fields[key].unique and entity.fields[key].type.is_text)
    ]  # fmt: skip


def map_again(session: Session, id: int, *, actor: Actor) -> Import:
    """Go back to the columns after looking at the rows; nothing has been written yet."""
    _own(session, id, actor, "mapping", "checking", "checked")
    return change_import(session, id, state="mapping")


def start(session: Session, id: int, *, actor: Actor) -> Import:
    """Begin to write the rows; raises ``NotPossibleNow`` when they have not been looked at, or were written already."""
    found = _own(session, id, actor, "mapping", "checked")
    entity, _ = require_import(session, found.entity, actor)
    folded = _folded(session, id, entity, found.columns) if found.state == "mapping" else {}
    _audit(session, "importing.started", found, actor)
    return change_import(session, id, **folded, state="running", started_at=session.now(), error=None)


def stop(session: Session, id: int, *, actor: Actor) -> Import:
    """Write no more rows; those that came in stay, and can be taken back."""
    found = _own(session, id, actor, "running")
    return finish(session, found, actor=actor)


def start_undo(session: Session, id: int, *, actor: Actor) -> Import:
    """Begin to take back what came in; raises ``NotPossibleNow`` when it is too late."""
    found = _own(session, id, actor, "done")
    require_import(session, found.entity, actor)
    if not found.can_undo(session.now()):
        raise NotPossibleNow("import.too_late", days=UNDO_WITHIN.days)
    return change_import(session, id, state="undoing", error=None)


def drop(session: Session, id: int, *, actor: Actor) -> None:
    """Throw away an import of which nothing was written."""
    _own(session, id, actor, "mapping", "checking", "checked")
    session.connection.execute(delete(imports).where(imports.c.id == id))


def finish(session: Session, found: Import, *, actor: Actor) -> Import:
    """Note that all rows were gone through, and what became of them."""
    state = "undone" if found.state == "undoing" else "done"
    _audit(session, f"importing.{state}", found, actor)
    ended = {} if state == "undone" else {"ended_at": session.now()}
    return change_import(session, found.id, state=state, **ended)


def interrupt(session: Session, found: Import, error: Mapping[str, str], actor: Actor | None) -> None:
    """Stop work that cannot go on, and say why: rights that are gone, a field that is no more."""
    before = {"checking": "mapping", "running": "done", "undoing": "done"}[found.state]
    _audit(session, "importing.stopped", found, actor)
    ended = {"ended_at": session.now()} if found.state == "running" else {}
    change_import(session, found.id, state=before, error=dict(error), **ended)


def checked(session: Session, found: Import) -> None:
    """Note that every row was rehearsed."""
    change_import(session, found.id, state="checked")


def recall(session: Session, entity: str, actor: Actor) -> dict[str, dict[str, Any]]:
    """Return what each header was in earlier files: in one's own first, then in anybody's, the newest first."""
    used = (imports.c.entity == entity, imports.c.state.in_(("running", "done", "undone", "undoing")))
    mine = (imports.c.user_id == actor.id).desc()
    rows = session.connection.execute(
        select(imports.c.columns).where(*used).order_by(mine, imports.c.id.desc()).limit(_REMEMBERED)
    )
    found: dict[str, dict[str, Any]] = {}
    for (columns,) in rows:
        for column in columns:
            if column["key"] is not None:
                found.setdefault(fold(column["header"]), column)
    return found


def _check_mode(entity: Entity, rights: Rights, columns: Sequence[Column], mode: str, match_by: str | None) -> None:
    if mode not in MODES:
        raise InvalidValues([FieldError("mode", "import.no_mode")])
    if mode != CREATE and match_by not in match_keys(entity, columns):
        raise InvalidValues([FieldError("match_by", "import.no_match_key")])
    if mode != CREATE and not rights.write:
        raise NotAllowed("record.no_write")


def _renew(session: Session, id_: int) -> None:
    c = import_rows.c
    again = update(import_rows).where(c.import_id == id_, c.state != "new")
    session.connection.execute(again.values(state="new", problems=None, record_id=None, version=None))
    session.connection.execute(delete(import_values).where(import_values.c.import_id == id_))


def _folded(session: Session, id_: int, entity: Entity, columns: Sequence[Column]) -> dict[str, int]:
    """Make one row of the rows that are one record; return what is then kept of the import."""
    total = fold_rows(session, id_, columns, next(iter(match_keys(entity, columns)), None))
    return {} if total is None else {"total": total}


def _own(session: Session, id_: int, actor: Actor, *states: str) -> Import:
    get_import(session, id_, actor=actor)
    row = session.connection.execute(select(*_COLUMNS).where(imports.c.id == id_).with_for_update()).one()
    found = _to_import(row)
    if found.state not in states:
        raise NotPossibleNow("import.other_state")
    return found


def change_import(session: Session, id_: int, **values: Any) -> Import:
    """Change what is kept of an import and return it; whoever works in the background is rung when there is work."""
    session.connection.execute(update(imports).where(imports.c.id == id_).values(**values))
    session.has_events = session.has_events or values.get("state") in ACTIVE
    return _to_import(session.connection.execute(select(*_COLUMNS).where(imports.c.id == id_)).one())


def _audit(session: Session, action: str, found: Import, actor: Actor | None) -> None:
    details = {
        "import": found.id, "file": found.name, "sha256": found.sha256, "size": found.size, "mode": found.mode,
        "total": found.total,
    }  # fmt: skip
    write_audit(session, action, found.entity, details | count_rows(session, found.id), actor=actor)


def _to_import(row: Any) -> Import:
    values = dict(row._mapping)
    values["user"] = values.pop("user_id")
    values["reminds"] = bool(values["reminds"])
    values["columns"] = tuple(Column.from_json(one) for one in values["columns"])
    return Import(**values)
