"""Undoing a merge: both records as they were, except for what was changed since.

Enters: a merge, the actor. Leaves: the record that was kept with the values it had, the other one back with all that
led to it, in one transaction; and a sentence for each thing that stays as it is because somebody changed it since.
Must not take anything back that was entered after the merge: what came to the record that was kept stays with it.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select, update

from engine import messages
from engine.compiler.app import Entity
from engine.errors import FieldError, FormworkError, InvalidValues, NotFound, NotPossibleNow
from engine.people.actor import Actor
from engine.records.commands import require_write
from engine.records.completing import compute_values
from engine.records.differences import find_changes, from_json
from engine.records.duplicates import find_duplicates
from engine.records.evaluation import make_env
from engine.records.match_keys import said
from engine.records.merges import Merged, get_merge
from engine.records.merging_traces import move_traces_back
from engine.records.record import Record
from engine.records.relinking import Turned, lock_linking, turn_back
from engine.records.removal import require_undecided
from engine.records.search_terms import keep_numbers
from engine.records.unedited import bring_back_as_it_was, keep_moved
from engine.records.writing import lock_record, save_changes
from engine.storage.comment_tables import comments, followers
from engine.storage.journal import write_audit
from engine.storage.merge_tables import merges
from engine.storage.share_tables import shares
from engine.storage.store import Session
from engine.storage.system_tables import files

_WHOLE = ("owner", "team")


def undo_merge(session: Session, id: int, *, actor: Actor) -> Merged:
    """Undo a merge and return it, with what was ``told``.

    Raises ``NotFound``, ``NotAllowed``, and ``NotPossibleNow`` when it is undone or over, when the record that was kept
    is gone or people decide about it, or when another record has taken what must be unique of the one that went.
    """
    found = get_merge(session, id, actor=actor)
    if found.undone_at is not None:
        raise NotPossibleNow("merge.undone", by=found.undone_by)
    if not found.can_undo(session.now()):
        raise NotPossibleNow("merge.too_late")
    entity, content = session.app.entities[found.entity], found.content
    turned = [Turned(*one) for one in content["links"]]
    lock_linking(session, [(one.entity, one.id, False) for one in turned if one.entity in session.app.entities])
    kept, lost = _lock_both(session, entity, found, actor)
    free = update(merges).where(merges.c.id == id, merges.c.undone_at.is_(None))
    undone = {"undone_by": actor.id, "undone_at": session.now()}
    if session.connection.execute(free.values(undone)).rowcount != 1:
        raise NotPossibleNow("merge.undone", by=actor.name)
    details = {"unmerge": {"id": id, "kept": kept.id, "lost": lost.id, "name": found.lost_name}}
    told = [_say(one) for one in _restore_kept(session, entity, kept, found, details, actor)]
    _restore_lost(session, entity, lost, found, details, actor)
    _move_talk_back(session, found)
    move_traces_back(session, found)
    keep_numbers(session, entity, kept.id, kept.values)
    refused = [turn_back(session, one, details=details, actor=actor) for one in turned]
    told += [_say(one) for one in refused if one is not None]
    session.connection.execute(update(merges).where(merges.c.id == id).values(told=told))
    write_audit(session, "merging.undone", f"{entity.key}/{kept.id}", {"merge": id, "lost": lost.id}, actor=actor)
    return get_merge(session, id, actor=actor)


def _lock_both(session: Session, entity: Entity, found: Merged, actor: Actor) -> tuple[Record, Record]:
    locked = {}
    for id_ in sorted((found.kept_id, found.lost_id)):
        gone = id_ == found.lost_id
        try:
            locked[id_] = lock_record(session, entity, id_, actor=None if gone else actor, deleted=gone)
        except NotFound:
            raise NotPossibleNow("merge.gone" if gone else "merge.kept_gone") from None
    kept, lost = locked[found.kept_id], locked[found.lost_id]
    require_write(kept)
    require_undecided(session, entity.key, kept.id)
    return kept, lost


# ---- the record that was kept


def _restore_kept(
    session: Session, entity: Entity, kept: Record, found: Merged, details: Mapping[str, Any], actor: Actor
) -> list[FieldError]:
    """Give it the values it had, and return what stays because it was changed since."""
    before, present = found.content["kept"], _told(entity, kept.values)
    changes = before["changes"]
    same = {key for key, (_, after) in changes.items() if present.get(key) == after and _is_known(entity, key)}
    left = [key for key in changes if key not in same and key != "team" and not _follows(entity, key)]
    values = {**kept.values, **{one.key: [dict(row) for row in kept.values[one.key]] for one in entity.line_fields}}
    values |= {key: _typed(entity, key, changes[key][0]) for key in same if key != "team" or "owner" in same}
    _let_files_go(session, found, same)
    told = [FieldError(key, "merge.changed_since", {"label": _label(entity, key)}) for key in left]
    if kept.version == before["version"]:
        as_edited = {"updated_at": datetime.fromisoformat(before["updated_at"]), "updated_by": before["updated_by"]}
        back = find_changes(entity, kept.values, values)
        keep_moved(session, entity, kept, values, back, action="unmerge", details=details, actor=actor,
                   system=as_edited)  # fmt: skip
    else:
        compute_values(entity, values, make_env(session, actor), [], kept.values)
        given = {key: value for key, value in values.items() if value != kept.values.get(key)}
        save_changes(session, entity, kept, given, actor=actor, action="unmerge", event="updated", details=details)
    kept.values.update(values)
    return told


def _let_files_go(session: Session, found: Merged, fields: Collection[str]) -> None:
    """Give the other record the files of some fields back, each in the place it had."""
    for id_, field, position in found.content["files"]:
        if field in fields:
            back = {"record_id": found.lost_id, "position": position, "deleted_at": None}
            here = (files.c.id == id_, files.c.record_id == found.kept_id)
            session.connection.execute(update(files).where(*here).values(**back))


def _told(entity: Entity, values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: pair[1] for key, pair in find_changes(entity, {}, values).items()}


def _follows(entity: Entity, key: str) -> bool:
    return key in entity.fields and entity.fields[key].computed is not None


def _is_known(entity: Entity, key: str) -> bool:
    return key in entity.fields or key in _WHOLE


def _typed(entity: Entity, key: str, kept: Any) -> Any:
    return from_json(entity.fields[key], kept) if key in entity.fields else kept


def _label(entity: Entity, key: str) -> object:
    if key in entity.fields:
        return entity.fields[key].label
    return {one: messages.text("merge.owner", one) for one in messages.LANGUAGES} if key == "owner" else key


# ---- the record that went


def _restore_lost(
    session: Session, entity: Entity, lost: Record, found: Merged, details: Mapping[str, Any], actor: Actor
) -> None:
    """Bring it back; raises ``NotPossibleNow`` when a third record has taken what must be unique of it."""
    errors = [
        FieldError(one.rule.fields[0], "value.duplicate", said(entity, one.rule, one))
        for one in find_duplicates(session, entity, lost.values, {}, actor=actor)
        if one.blocks and one.entity == entity.key and set(one.ids) - {found.kept_id, lost.id}
    ]
    try:
        if errors:
            raise InvalidValues(errors)
        bring_back_as_it_was(session, entity, lost, action="unmerge", details=details, actor=actor)
    except InvalidValues as refused:
        raise NotPossibleNow("merge.taken", name=found.lost_name, why=refused.errors[0]) from refused


def _move_talk_back(session: Session, found: Merged) -> None:
    """Give the other record back what was said about it, and take away who follows or sees the one kept by it only."""
    run, content = session.connection.execute, found.content
    here = (comments.c.entity == found.entity, comments.c.record_id == found.kept_id)
    run(update(comments).where(comments.c.id.in_(content["comments"]), *here).values(record_id=found.lost_id))
    f, s = followers.c, shares.c
    came = (f.entity == found.entity, f.record_id == found.kept_id, f.user_id.in_(content["followers"]))
    run(delete(followers).where(*came))
    unchanged = select(s.id).where(s.id.in_(content["shares"]), s.created_at <= found.at)
    run(delete(shares).where(s.id.in_(unchanged)))


def _say(one: FormworkError | FieldError) -> dict[str, str]:
    return {language: one.text(language) for language in messages.LANGUAGES}  # type: ignore[union-attr]
