"""Making one record of two that are the same thing.

Enters: the record that is kept, the one that goes, which of them each value is taken from, the actor. Leaves: one
record with all that led to either, the other in no list any more, and a row of ``fw_merges`` that undoes it, in one
transaction. Must not lose anything: what is not taken stays with the record that went, until the merge is undone.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import insert, select, update

from engine.compiler.app import Entity, Field
from engine.compiler.app.ownership import POOL, PROTECTED_UNTIL
from engine.compiler.readers import Wrong
from engine.errors import FieldError, InvalidValues, NotFound, NotPossibleNow
from engine.people.actor import Actor
from engine.records.calling import name_of
from engine.records.commands import check_moved, require_version, require_write
from engine.records.completing import compute_values
from engine.records.differences import find_changes
from engine.records.duplicates import find_duplicates
from engine.records.evaluation import Lookups, make_env
from engine.records.field_states import check_sent
from engine.records.links import check_choices
from engine.records.match_keys import said
from engine.records.merges import find_holding, require_merge
from engine.records.merging_traces import move_traces
from engine.records.record import Record, without_hidden
from engine.records.relinking import find_linking, follows_by_itself, lock_linking, turn_links
from engine.records.removal import require_undecided
from engine.records.rights import ALL, TEAM, Rights, find_rights
from engine.records.search_terms import keep_numbers
from engine.records.working_time import find_working_time
from engine.records.writing import lock_record, remove_record, save_changes
from engine.storage.comment_tables import comments, followers
from engine.storage.journal import write_audit
from engine.storage.merge_tables import merges
from engine.storage.share_tables import RECIPIENTS, shares
from engine.storage.store import Session
from engine.storage.system_tables import files, history

Side = Literal["kept", "other", "both"]
KEPT: Side = "kept"
OTHER: Side = "other"
BOTH: Side = "both"
_LOOKED_BACK = 500


@dataclass(frozen=True)
class Choice:
    """One field in which two records differ: from which its value is taken unless somebody says otherwise.

    ``sides`` are those that can be chosen: one only where the actor may not change the field.
    """

    key: str
    side: Side
    sides: tuple[Side, ...]


def find_choices(session: Session, entity: Entity, kept: Record, other: Record, *, actor: Actor) -> list[Choice]:
    """Return the fields in which two records differ, in the order of the form, each with what is sensible.

    The one that is filled in is taken, of two the one that was written last; of files, tags and lines both are.
    """
    rights = find_rights(session.app, entity, actor)
    locked = _locked(entity, kept)
    times = (_written_at(session, kept), _written_at(session, other))
    found = []
    chosen = (key for key, one in entity.fields.items() if _is_kept_by_itself(one) and key not in entity.owned_keys)
    for key in ("owner", *chosen):
        mine, theirs = kept.values.get(key), other.values.get(key)
        if _same(entity.fields.get(key), mine, theirs):
            continue
        may = _may_choose(entity, key, rights, kept, other) and key not in locked
        side = _sensible(entity.fields.get(key), key, mine, theirs, times)
        side = KEPT if key in locked else side
        sides: tuple[Side, ...] = (KEPT, OTHER, BOTH) if _takes_both(entity.fields.get(key)) else (KEPT, OTHER)
        found.append(Choice(key, side, sides if may else (side,)))
    return found


def merge_records(
    session: Session,
    entity: str,
    kept: int,
    other: int,
    take: Mapping[str, str],
    *,
    versions: tuple[int, int],
    actor: Actor,
) -> tuple[Record, int]:
    """Merge record ``other`` into ``kept`` and return what was kept and the id of the merge.

    ``take`` says by field whether its value is that of the ``kept``, the ``other``, or of ``both``; for the rest
    ``find_choices`` does. ``versions`` are those of the two that the actor saw. Raises ``NotFound``, ``NotAllowed``,
    ``Stale``, ``InvalidValues`` beside fields whose values do not go together, and ``NotPossibleNow`` while people
    decide about one of them, when it went into another already, or when a record that links there is in the way.
    """
    compiled = require_merge(session, entity, actor)
    if kept == other:
        raise NotPossibleNow("merge.itself")
    mine, theirs = _lock_seen(session, compiled, (kept, other), versions, actor)
    choices = find_choices(session, compiled, mine, theirs, actor=actor)
    merge = _begin(session, compiled, mine, theirs, actor)
    details = {"merge": {"id": merge, "kept": kept, "lost": other, "name": _called(session, compiled, theirs)}}
    turned = turn_links(session, entity, other, kept, details=details, actor=actor)
    moved = _move_talk(session, entity, other, kept) | move_traces(session, entity, other, kept)
    remove_record(session, compiled, theirs, actor=actor, action="merged_away", details=details)
    mine = lock_record(session, compiled, kept, actor=actor)  # it may roll up what just came to it
    changes = _judged(session, compiled, mine, _choose(compiled, mine, theirs, choices, take), take, actor)
    moved["files"] = _move_files(session, compiled, changes, theirs, kept)
    saved = save_changes(session, compiled, mine, changes, actor=actor, action="merge", event="merged", details=details)
    keep_numbers(session, compiled, kept, saved.values)
    links = [[one.entity, one.id, one.version, dict(one.changes)] for one in turned]
    content = {"kept": _as_kept(compiled, mine, saved), "links": links, **moved}
    session.connection.execute(update(merges).where(merges.c.id == merge).values(content=content))
    write_audit(session, "merging.done", f"{entity}/{kept}", {"merge": merge, "lost": other}, actor=actor)
    return without_hidden(replace(saved, hidden=mine.hidden)), merge


def find_undo_end(session: Session, entity: Entity) -> datetime:
    """Return until when a merge made now can be undone."""
    assert entity.merge is not None  # noqa: S101 - whoever asks may merge
    return find_working_time(session).due(session.now(), entity.merge.undo)


# ---- before anything is written


def _lock_seen(
    session: Session, entity: Entity, ids: tuple[int, int], versions: tuple[int, int], actor: Actor
) -> tuple[Record, Record]:
    """Lock what links to the record that goes, then both, and return them as the actor may merge them."""
    lock_linking(session, find_linking(session, entity.key, ids[1], but=ids))
    both = _lock_both(session, entity, *ids, actor)
    for record, seen in zip(both, versions, strict=True):
        require_write(record)
        require_version(session, record, seen)
        require_undecided(session, entity.key, record.id)
    return both


def _lock_both(session: Session, entity: Entity, kept: int, other: int, actor: Actor) -> tuple[Record, Record]:
    """Lock both in the order of their ids, the one that goes alone: nobody links to it any more."""
    found = {}
    for id_ in sorted((kept, other)):
        try:
            found[id_] = lock_record(session, entity, id_, actor=actor, alone=id_ == other)
        except NotFound:
            if find_holding(session, entity.key, id_) is not None:
                raise NotPossibleNow("merge.already") from None
            raise
    return found[kept], found[other]


def _begin(session: Session, entity: Entity, kept: Record, other: Record, actor: Actor) -> int:
    row: dict[str, Any] = {
        "entity": entity.key, "kept_id": kept.id, "lost_id": other.id, "lost_number": other.values.get("number"),
        "lost_name": _called(session, entity, other), "user_id": actor.id, "at": session.now(),
        "undo_until": find_undo_end(session, entity),
        "content": {},
    }  # fmt: skip
    id_: int = session.connection.execute(insert(merges).values(row).returning(merges.c.id)).scalar_one()
    return id_


def _called(session: Session, entity: Entity, record: Record) -> str:
    return name_of(session.app, entity, record.values, Lookups(session))


# ---- which value is taken


def _is_kept_by_itself(field: Field) -> bool:
    """Tell whether the field holds something of its own: neither worked out nor drawn."""
    return field.computed is None and not field.type.drawn and field.key not in (POOL, PROTECTED_UNTIL)


def _locked(entity: Entity, kept: Record) -> frozenset[str]:
    stage = entity.workflow.stages.get(kept.values.get("stage") or "") if entity.workflow else None
    return frozenset(stage.locked) if stage is not None else frozenset()


def _may_choose(entity: Entity, key: str, rights: Rights, kept: Record, other: Record) -> bool:
    if key == "owner":
        owners = kept.values["owner"], other.values["owner"]  # one in a pool goes to whoever owns the other
        return bool(rights.write & {ALL, TEAM}) and None not in owners
    field, closed = entity.fields[key], kept.hidden | other.hidden | rights.hidden | rights.readonly
    return key not in closed and not field.readonly and not field.retired


def _sensible(field: Field | None, key: str, mine: Any, theirs: Any, times: tuple[Any, Any]) -> Side:
    if _is_empty(theirs) or (key == "owner" and mine is not None):
        return KEPT
    if _is_empty(mine):
        return OTHER
    if _takes_both(field):
        return BOTH
    if field is not None and (field.readonly or field.retired):
        return KEPT
    first, second = (changed.get(key, changed[""]) for changed in times)
    return OTHER if second > first else KEPT


def _written_at(session: Session, record: Record) -> dict[str, datetime]:
    """Return when each field was written last, as far back as is looked; under ``""`` when the record began."""
    c = history.c
    own = (c.entity == record.entity, c.record_id == record.id)
    rows = session.connection.execute(select(c.at, c.changes).where(*own).order_by(c.id.desc()).limit(_LOOKED_BACK))
    found: dict[str, datetime] = {"": record.values["created_at"]}
    for at, changes in rows:
        for key in changes:
            found.setdefault(key, at)
    return found


def _takes_both(field: Field | None) -> bool:
    if field is None:
        return False
    return field.type.has_rows or (field.type.has_files and field.many) or field.type.many


def _same(field: Field | None, mine: Any, theirs: Any) -> bool:
    if field is not None and field.type.has_rows:
        return _bare(mine) == _bare(theirs)
    return bool(mine == theirs) or (_is_empty(mine) and _is_empty(theirs))


def _is_empty(value: Any) -> bool:
    return value in (None, "", []) or value == ()


def _bare(rows: Any) -> list[dict[str, Any]]:
    return [{key: value for key, value in row.items() if key != "id"} for row in rows or ()]


def _choose(
    entity: Entity, kept: Record, other: Record, choices: list[Choice], take: Mapping[str, str]
) -> dict[str, Any]:
    """Return the typed changes of the record that is kept; raises ``InvalidValues`` for what cannot be chosen."""
    known = {one.key: one for one in choices}
    errors = [FieldError(key, "merge.no_side") for key, side in take.items() if not _can_choose(known, key, side)]
    if errors:
        raise InvalidValues(errors)
    changes: dict[str, Any] = {}
    for one in choices:
        side = take.get(one.key, one.side)
        if side != KEPT:
            changes[one.key] = _taken(entity.fields.get(one.key), side, kept.values.get(one.key), other.values[one.key])
    if "owner" in changes:
        changes["team"] = other.values["team"]
        changes |= {POOL: other.values[POOL]} if POOL in other.values else {}
    return changes | _without_themselves(entity, kept, changes, (kept.id, other.id))


def _can_choose(known: Mapping[str, Choice], key: str, side: str) -> bool:
    return side in known[key].sides if key in known else side == KEPT


def _taken(field: Field | None, side: str, mine: Any, theirs: Any) -> Any:
    if field is not None and field.type.has_rows:
        rows = _bare(theirs)
        return [dict(row) for row in mine] + [row for row in rows if row not in _bare(mine)] if side == BOTH else rows
    if side == BOTH:
        return [*(mine or ()), *(one for one in theirs or () if one not in (mine or ()))]
    return theirs


def _without_themselves(
    entity: Entity, kept: Record, changes: Mapping[str, Any], ids: tuple[int, int]
) -> dict[str, Any]:
    """Empty the links of the two to each other: a record is not linked to itself."""
    values = {**kept.values, **changes}
    found: dict[str, Any] = {}
    for one in entity.fields.values():
        value = values.get(one.key) if one.to == entity.key else None
        if isinstance(value, list):
            left = [id_ for id_ in value if id_ not in ids]
            found |= {one.key: left or None} if left != value else {}
        elif value in ids:
            found[one.key] = None
    return found


def _judged(
    session: Session, entity: Entity, kept: Record, changes: dict[str, Any], take: Mapping[str, str], actor: Actor
) -> dict[str, Any]:
    """Return the changes, without those nobody asked for that do not go together with the rest.

    Raises ``InvalidValues`` when what was asked for does not go together in one record.
    """
    errors = _find_errors(session, entity, kept, changes, actor)
    unasked = {one.path.partition(".")[0] for one in errors} & changes.keys() - take.keys()
    if unasked:
        changes = {key: value for key, value in changes.items() if key not in unasked}
        errors = _find_errors(session, entity, kept, changes, actor)
    if errors:
        raise InvalidValues(errors)
    check_moved(entity, kept.values, {**kept.values, **changes}, make_env(session, actor))
    return changes


def _find_errors(
    session: Session, entity: Entity, kept: Record, changes: Mapping[str, Any], actor: Actor
) -> list[FieldError]:
    env, errors = make_env(session, actor), list[FieldError]()
    values = {**kept.values, **changes}
    values |= {one.key: [dict(row) for row in values.get(one.key) or ()] for one in entity.line_fields}
    compute_values(entity, values, env, errors, kept.values)
    check_choices(entity, values, kept.values, env, errors)
    check_sent(entity, changes, kept.values, values, env, errors)
    for field in entity.line_fields:
        if len(values[field.key]) > field.max_rows:
            errors.append(FieldError(field.key, "value.too_many_rows", {"max": field.max_rows}))
    errors += _too_many(entity, changes)
    for one in find_duplicates(session, entity, values, kept.values, actor=actor):
        if one.blocks:
            errors.append(FieldError(one.rule.fields[0], "value.duplicate", said(entity, one.rule, one)))
    return errors


def _too_many(entity: Entity, changes: Mapping[str, Any]) -> Iterator[FieldError]:
    """Yield an error for each field that would hold more of both than it may."""
    for key in changes:
        field = entity.fields.get(key)
        if field is not None and field.type.many and changes[key]:
            try:
                field.type.parse(changes[key], field)
            except Wrong as wrong:
                yield FieldError(key, wrong.code, wrong.params)


# ---- what moves beside the values


def _move_talk(session: Session, entity: str, lost: int, kept: int) -> dict[str, list[Any]]:
    """Let what was said about a record, who follows it and who it is shared with come to the one that is kept."""
    run = session.connection.execute
    c, f, s = comments.c, followers.c, shares.c
    of_lost = update(comments).where(c.entity == entity, c.record_id == lost).values(record_id=kept)
    said_ = sorted(run(of_lost.returning(c.id)).scalars())
    follow = {row.user_id: row.since for row in run(select(followers).where(f.entity == entity, f.record_id == lost))}
    there = set(run(select(f.user_id).where(f.entity == entity, f.record_id == kept)).scalars())
    fresh = sorted(follow.keys() - there)
    for user in fresh:
        run(insert(followers).values(entity=entity, record_id=kept, user_id=user, since=follow[user]))
    with_whom = {_recipient(row) for row in run(select(shares).where(s.entity == entity, s.record_id == kept))}
    shared = []
    for row in run(select(shares).where(s.entity == entity, s.record_id == lost).order_by(s.id)).all():
        if _recipient(row) not in with_whom:
            values = {key: value for key, value in row._mapping.items() if key != "id"} | {"record_id": kept}
            shared.append(run(insert(shares).values(values).returning(s.id)).scalar_one())
    return {"comments": said_, "followers": fresh, "shares": shared}


def _recipient(row: Any) -> tuple[Any, ...]:
    return tuple(row._mapping[one] for one in RECIPIENTS)


def _move_files(
    session: Session, entity: Entity, changes: Mapping[str, Any], other: Record, kept: int
) -> list[list[Any]]:
    """Hang the files that are taken on the record that is kept; return each with its field and the place it had."""
    moved: list[list[Any]] = []
    for field in entity.file_fields:
        taken = [one["id"] for one in changes.get(field.key) or ()]
        there = enumerate(other.values.get(field.key) or ())
        moved += [[one["id"], field.key, position] for position, one in there if one["id"] in taken]
    hang = update(files).where(files.c.id.in_([id_ for id_, *_ in moved])).values(record_id=kept)
    session.connection.execute(hang)
    return moved


def _as_kept(entity: Entity, before: Record, after: Record) -> dict[str, Any]:
    """Return how the record that is kept was, as the history keeps values; without what follows from others."""
    changes = find_changes(entity, before.values, after.values)
    return {
        "version": after.version,
        "changes": {key: pair for key, pair in changes.items() if not follows_by_itself(entity, key)},
        "updated_at": before.values["updated_at"].isoformat(),
        "updated_by": before.values["updated_by"],
    }
