"""An export as it lies in the database: which list or rows of a figure, for whom, whether allowed, where its file is.

Enters: what a list shows, decisions of people. Leaves: ``Export`` values. Must not write a file: ``working.py`` does.
An export belongs to whoever asked for it; of others one sees only what one is to decide about, and never the file.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, insert, or_, select, update

from engine.compiler.app import Entity, Field
from engine.errors import FieldError, InvalidValues, NotAllowed, NotFound, NotPossibleNow
from engine.exporting.journeys import JourneyAsked, count_happenings
from engine.exporting.sealing import seal
from engine.people import directory
from engine.people.actor import Actor
from engine.records.line_rows import line_tables
from engine.records.listing import shown_keys
from engine.records.queries import ListQuery, check_list, count_records, get_record, require_read
from engine.records.rights import Rights, find_rights, get_entity
from engine.records.views import ViewContent, applied, from_plain, to_plain
from engine.reports.behind import RowsAsked, count_behind, shape_of
from engine.storage.export_tables import exports
from engine.storage.journal import write_audit, write_event
from engine.storage.store import Session

FORMATS = ("xlsx", "csv")
ASKED, RUNNING, DONE = "asked", "running", "done"
KEPT = timedelta(hours=24)
"""How long a file can be fetched."""

LEASE = timedelta(seconds=60)
"""After so long without a sign of life somebody else writes the file anew."""

MOST_ATTEMPTS = 3
MOST_ROWS = 1_000_000
"""Rows of one file at most: a sheet holds no more."""

_LONGEST_REASON = 500


@dataclass(frozen=True)
class Export:
    """One export; ``error`` says by language why it failed, ``rights`` is the seal of what its asker could see.

    ``lines`` are the line tables that leave with the list. ``behind`` are the rows of a figure that leave in its place;
    then ``content`` has nothing but columns. ``journey`` is what happened around a record, with an empty ``content``.
    """

    id: int
    entity: str
    user: int
    user_name: str
    created_at: datetime
    format: str
    language: str
    content: ViewContent
    lines: tuple[str, ...]
    behind: RowsAsked | None
    journey: JourneyAsked | None
    reason: str | None
    state: str
    total: int
    done: int
    decided_by: str | None
    decided_at: datetime | None
    answer: str | None
    ended_at: datetime | None
    expires_at: datetime | None
    sha256: str | None
    size: int | None
    rights: str | None
    attempts: int
    error: Mapping[str, str] | None

    @property
    def is_active(self) -> bool:
        """Whether its file is being written, or waits for it."""
        return self.state == RUNNING


def require_export(session: Session, entity: str, actor: Actor) -> tuple[Entity, Rights]:
    """Return the entity and the rights; raises ``NotFound``, and ``NotAllowed`` for whoever may not export it."""
    compiled = get_entity(session.app, entity)
    rights = require_read(session, compiled, actor)
    if not rights.export:
        raise NotAllowed("record.no_export", entity=compiled.label)
    return compiled, rights


def fit(entity: Entity, rights: Rights, content: ViewContent) -> ViewContent:
    """Return the list of an export: the columns of its view, or of its entity, as far as the actor sees them."""
    shown = shown_keys(entity, rights)
    return replace(content, columns=content.columns or tuple(key for key in entity.columns if key in shown), group=None)


def query_of(content: ViewContent) -> ListQuery:
    """Return the list of an export as it is asked for."""
    return applied(ListQuery(columns=content.columns), content)


def content_behind(session: Session, behind: RowsAsked, *, actor: Actor) -> tuple[str, ViewContent]:
    """Return of which entity the rows behind a figure are, and their columns; raises as ``ask`` does."""
    shape = shape_of(session, behind, actor=actor)
    _, rights = require_export(session, shape.entity, actor)
    shown = shown_keys(session.app.entities[shape.entity], rights)
    return shape.entity, ViewContent(columns=tuple(key for key in shape.columns if key in shown))


def tables_of(session: Session, entity: Entity, rights: Rights, behind: RowsAsked | None, actor: Actor) -> list[Field]:
    """Return the line tables that may leave with a list: none with rows that are no records themselves."""
    alone = behind is not None and bool(shape_of(session, behind, actor=actor).own)
    return [] if alone else list(line_tables(entity, rights))


def count(
    session: Session, entity: str, content: ViewContent, *, behind: RowsAsked | None = None,
    journey: JourneyAsked | None = None, actor: Actor,
) -> int:  # fmt: skip
    """Return how many rows an export has, of a list ``MOST_ROWS + 1`` at most; raises as ``ask`` does."""
    compiled, rights = require_export(session, entity, actor)
    if journey is not None:
        return count_happenings(session, entity, journey, actor=actor, most=MOST_ROWS)
    kept = _judged(session, compiled, rights, content, behind, actor)
    if behind is not None:
        return count_behind(session, behind, actor=actor)
    return count_records(session, entity, query_of(kept), actor=actor, most=MOST_ROWS)


def ask(
    session: Session, entity: str, content: ViewContent, *, format: str, language: str, reason: str = "",
    lines: Sequence[str] = (), behind: RowsAsked | None = None, journey: JourneyAsked | None = None, actor: Actor,
) -> Export:  # fmt: skip
    """Ask for a file of a list, with the rows of line tables; it is written at once, or after somebody allowed it.

    With ``behind`` it is a file of the rows of a figure, with the columns of ``content``; with ``journey`` one of what
    happened around a record.

    Raises ``NotFound``, ``NotAllowed``, and ``InvalidValues`` for a list that cannot be asked, an unknown format, too
    many rows, or no reason where one is needed.
    """
    compiled, rights = require_export(session, entity, actor)
    kept = ViewContent() if journey is not None else _judged(session, compiled, rights, content, behind, actor)
    if format not in FORMATS:
        raise InvalidValues([FieldError("format", "value.choice", {"options": ", ".join(FORMATS)})])
    _judge_lines([] if journey else tables_of(session, compiled, rights, behind, actor), lines, format)
    total = count(session, entity, content, behind=behind, journey=journey, actor=actor)
    if total > MOST_ROWS:
        raise InvalidValues([FieldError("", "export.too_many", {"max": MOST_ROWS})])
    waits = total > session.app.ask_export_above
    why = " ".join(reason.split())[:_LONGEST_REASON]
    if waits and not why:
        raise InvalidValues([FieldError("reason", "export.no_reason", {"most": session.app.ask_export_above})])
    if waits and not find_deciders(session, compiled, actor):
        raise NotPossibleNow("export.no_decider", entity=compiled.label)
    row = {
        "entity": entity, "user_id": actor.id, "created_at": session.now(), "format": format, "language": language,
        "content": to_plain(kept), "lines": list(lines), "behind": None if behind is None else behind.to_plain(),
        "journey": None if journey is None else journey.to_plain(), "reason": why or None,
        "state": ASKED if waits else RUNNING, "total": total,
    }  # fmt: skip
    id_ = session.connection.execute(insert(exports).values(row).returning(exports.c.id)).scalar_one()
    found = _required(session, id_)
    _audit(session, "exporting.asked", found, actor)
    if waits:
        _tell(session, found, "exporting.asked", find_deciders(session, compiled, actor), by=actor.name)
    session.has_events = True
    return found


def approve(session: Session, id: int, *, actor: Actor) -> Export:
    """Allow an export; its file is written next. Raises as ``refuse`` does."""
    found = _decided(session, id, actor, state=RUNNING)
    _audit(session, "exporting.approved", found, actor)
    session.has_events = True
    return found


def refuse(session: Session, id: int, *, reason: str, actor: Actor) -> Export:
    """Refuse an export, and say why.

    Raises ``NotFound`` for what is not the actor's to decide, ``NotPossibleNow`` when it is decided already, and
    ``InvalidValues`` without a reason.
    """
    why = " ".join(reason.split())[:_LONGEST_REASON]
    get_export(session, id, actor=actor)
    if not why:
        raise InvalidValues([FieldError("reason", "export.no_answer")])
    found = _decided(session, id, actor, state="refused", answer=why, ended_at=session.now())
    _audit(session, "exporting.refused", found, actor)
    _tell(session, found, "exporting.refused", [found.user], by=actor.name)
    return found


def stop(session: Session, id: int, *, actor: Actor) -> Export:
    """Take an export back that is asked for or being written; raises ``NotPossibleNow`` when it is over."""
    found = get_export(session, id, actor=actor)
    if found.user != actor.id:
        raise NotFound("export.none")
    stopped = {"state": "stopped", "ended_at": session.now()}
    if not change(session, id, exports.c.state.in_((ASKED, RUNNING)), **stopped):
        raise NotPossibleNow("export.over")
    _audit(session, "exporting.stopped", found, actor)
    return _required(session, id)


def get_export(session: Session, id: int, *, actor: Actor) -> Export:
    """Return an export of the actor's own, or one that is theirs to decide; raises ``NotFound``."""
    found = find_export(session, id) if 0 < id < 2**63 else None
    if found is None or session.app.find_open(found.entity) is None:
        raise NotFound("export.none")
    if found.user != actor.id and not may_decide(session, found, actor):
        raise NotFound("export.none")
    return found


def find_export(session: Session, id: int) -> Export | None:
    """Return an export, whoever asks."""
    return next(iter(_to_exports(session, session.connection.execute(select(exports).where(exports.c.id == id)))), None)


def list_exports(session: Session, *, actor: Actor, limit: int = 20) -> list[Export]:
    """Return the actor's newest exports."""
    own = select(exports).where(exports.c.user_id == actor.id).order_by(exports.c.id.desc()).limit(limit)
    found = _to_exports(session, session.connection.execute(own))
    return [one for one in found if session.app.find_open(one.entity) is not None]


def list_asked(session: Session, *, actor: Actor, limit: int = 50) -> list[Export]:
    """Return the exports that wait for somebody like the actor to decide, the oldest first."""
    mine = [key for key, one in session.app.entities.items() if find_rights(session.app, one, actor).approve_export]
    waiting = (exports.c.state == ASKED, exports.c.user_id != actor.id, exports.c.entity.in_(mine))
    asked = select(exports).where(*waiting).order_by(exports.c.id).limit(limit)
    return _to_exports(session, session.connection.execute(asked))


def may_decide(session: Session, found: Export, actor: Actor) -> bool:
    """Tell whether the actor may allow or refuse an export: never one's own."""
    entity = session.app.find_open(found.entity)
    return entity is not None and found.user != actor.id and find_rights(session.app, entity, actor).approve_export


def find_deciders(session: Session, entity: Entity, actor: Actor) -> list[int]:
    """Return who may allow an export of the actor's."""
    roles = [role for role, access in entity.access.items() if access.approve_export and access.read]
    held = {person.id for role in roles for person in directory.holders_of(session.connection, role)}
    return sorted(held - {actor.id})


def fetch(session: Session, id: int, *, actor: Actor) -> Export:
    """Return an export whose file the actor may have now, and note in the audit log that they took it.

    Raises ``NotFound`` for those of others and of a figure that is no longer there for them, ``NotAllowed`` when their
    rights are gone, and ``NotPossibleNow`` when it is not ready, no longer kept, or their rights are others than when
    it was written.
    """
    found = get_export(session, id, actor=actor)
    if found.user != actor.id:
        raise NotFound("export.none")
    require_export(session, found.entity, actor)
    if found.journey is not None:
        get_record(session, found.entity, found.journey.record_id, actor=actor)
    if found.state == DONE and found.expires_at is not None and found.expires_at <= session.now():
        raise NotPossibleNow("export.expired", hours=KEPT // timedelta(hours=1))
    if found.state == "expired":
        raise NotPossibleNow("export.expired", hours=KEPT // timedelta(hours=1))
    if found.state != DONE or found.sha256 is None:
        raise NotPossibleNow("export.not_ready")
    if found.rights != seal(session, found.entity, found.behind, found.journey, actor):
        raise NotPossibleNow("export.other_rights")
    _audit(session, "exporting.fetched", found, actor)
    return found


def list_due(session: Session) -> list[int]:
    """Return the exports that are to be written now, and those whose file is no longer kept."""
    now = session.now()
    found = select(exports.c.id).where(is_due(now, now - LEASE)).order_by(exports.c.id)
    return list(session.connection.scalars(found))


def is_due(now: Any, since: Any) -> ColumnElement[bool]:
    """Return the condition that a file is to be written, which nobody worked on ``since`` then, or no longer kept."""
    c = exports.c
    free = or_(c.worked_at.is_(None), c.worked_at <= since)
    return or_(and_(c.state == RUNNING, free), and_(c.state == DONE, c.expires_at <= now))


def change(session: Session, id: int, *still: ColumnElement[bool], **values: Any) -> bool:
    """Change what is kept of an export while conditions hold; tell whether they did."""
    changed = update(exports).where(exports.c.id == id, *still).values(**values)
    return session.connection.execute(changed).rowcount == 1


def finish(session: Session, found: Export, actor: Actor | None, state: str, **values: Any) -> None:
    """Note how the writing of a file ended, and tell its asker."""
    if change(session, found.id, exports.c.state == RUNNING, state=state, ended_at=session.now(), **values):
        now = _required(session, found.id)
        _audit(session, f"exporting.{state}", now, actor)
        _tell(session, now, f"exporting.{state}", [now.user], by="")


def _judged(
    session: Session, entity: Entity, rights: Rights, content: ViewContent, behind: RowsAsked | None, actor: Actor
) -> ViewContent:
    """Return the list with its columns; what may not be seen is refused as an unknown field is."""
    if behind is not None:
        of, own = content_behind(session, behind, actor=actor)
        if of != entity.key:
            raise NotFound("export.none")
        content = ViewContent(columns=content.columns or own.columns)
    kept = fit(entity, rights, content)
    shown = shown_keys(entity, rights)
    unknown = [key for key in kept.columns if key not in shown]
    if unknown:
        raise InvalidValues([FieldError("columns", "record.bad_filter", {"field": key[:60]}) for key in unknown])
    check_list(session, entity.key, query_of(kept), actor=actor)
    return kept


def _judge_lines(tables: Sequence[Field], lines: Sequence[str], format: str) -> None:
    known = {one.key for one in tables}
    errors = [FieldError("lines", "record.bad_filter", {"field": key[:60]}) for key in lines if key not in known]
    if format == "csv" and len(lines) > 1:
        errors.append(FieldError("lines", "export.one_table"))
    if errors:
        raise InvalidValues(errors)


def _decided(session: Session, id_: int, actor: Actor, **values: Any) -> Export:
    found = get_export(session, id_, actor=actor)
    if not may_decide(session, found, actor):
        raise NotFound("export.none")
    decided = {"decided_by": actor.id, "decided_at": session.now()} | values
    if not change(session, id_, exports.c.state == ASKED, **decided):
        raise NotPossibleNow("export.decided")
    return _required(session, id_)


def _required(session: Session, id_: int) -> Export:
    found = find_export(session, id_)
    assert found is not None  # noqa: S101 - it was there a moment ago
    return found


def _tell(session: Session, found: Export, event: str, people: list[int], *, by: str) -> None:
    told = {"export": found.id, "users": people, "by": by or found.user_name, "total": found.total}
    told["kind"] = event.partition(".")[2]
    write_event(session, event, found.entity, None, told)


def _audit(session: Session, action: str, found: Export, actor: Actor | None) -> None:
    plain = to_plain(found.content)
    details = {
        "export": found.id, "format": found.format, "rows": found.total, "columns": list(found.content.columns),
        "lines": list(found.lines) or None, "figure": None if found.behind is None else found.behind.of,
        "behind": None if found.behind is None else found.behind.to_plain(),
        "journey": None if found.journey is None else found.journey.to_plain(),
        "filter": {key: value for key, value in plain.items() if key != "columns" and value},
        "reason": found.answer if action == "exporting.refused" else found.reason, "sha256": found.sha256,
    }  # fmt: skip
    write_audit(session, action, found.entity, {key: one for key, one in details.items() if one is not None},
                actor=actor)  # fmt: skip


def _to_exports(session: Session, rows: Iterable[Any]) -> list[Export]:
    found = [dict(row._mapping) for row in rows]
    ids = [values[key] for values in found for key in ("user_id", "decided_by")]
    people = directory.people(session.connection, ids)
    made = []
    for values in found:
        user, decider = values.pop("user_id"), values["decided_by"]
        values |= {"user": user, "user_name": people[user].name, "content": from_plain(values["content"])}
        values["lines"] = tuple(values["lines"] or ())
        values["behind"] = None if values["behind"] is None else RowsAsked.from_plain(values["behind"])
        values["journey"] = None if values["journey"] is None else JourneyAsked.from_plain(values["journey"])
        values["decided_by"] = None if decider is None else people[decider].name
        del values["worked_at"]
        made.append(Export(**values))
    return made
