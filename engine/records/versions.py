"""Earlier versions of a record: what it said then, and bringing some of it back.

Enters: a record's id and the number of a version. Leaves: the values it had, worked out backwards from those it has
now, without what the actor may not see; or the record with chosen fields as they were. Must not write around
``commands``: what is brought back is judged like anything typed.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from engine.compiler.app import Entity, Field
from engine.errors import FieldError, InvalidValues, NotFound
from engine.people.actor import Actor
from engine.records.commands import apply_values, require_version, require_write
from engine.records.differences import from_json
from engine.records.history import Entry, list_history
from engine.records.queries import get_record
from engine.records.record import Record, without_hidden
from engine.records.rights import Rights, find_rights, get_entity
from engine.records.writing import lock_record, save_changes
from engine.storage.store import Session

_PAGE = 200


@dataclass(frozen=True)
class Version:
    """A record as it was: ``entry`` brought this version about, ``since`` is what happened after it, newest first.

    ``values`` are typed; ``differs`` names those that are others now, in the order of the form, and ``restorable`` the
    fields among them that the actor may bring back.
    """

    number: int
    entry: Entry
    since: tuple[Entry, ...]
    now: Record
    values: Mapping[str, Any]
    differs: tuple[str, ...]
    restorable: tuple[str, ...]

    @property
    def at(self) -> datetime:
        """Return when it came about."""
        return self.entry.at


def read_version(session: Session, entity: str, id: int, number: int, *, actor: Actor) -> Version:
    """Return a record as it was in version ``number``; raises ``NotFound`` like reading it, or for no such version."""
    compiled = get_entity(session.app, entity)
    record = get_record(session, entity, id, actor=actor)
    since, entry = _entries(session, record, number, actor)
    values = _undone(compiled, record.values, since)
    keys = (*compiled.fields, "stage", "owner")
    shown = [key for key in keys if key not in record.hidden]
    differs = tuple(key for key in shown if _differs(compiled.fields.get(key), values.get(key), record.values.get(key)))
    rights = find_rights(session.app, compiled, actor).on(record.hidden)
    restorable = [key for key in differs if record.can_write and _is_restorable(compiled.fields.get(key), rights)]
    return Version(number, entry, since, record, values, differs, tuple(restorable))


def restore_version(
    session: Session, entity: str, id: int, number: int, fields: Iterable[str], *, version: int, actor: Actor
) -> Record:
    """Give ``fields`` the values they had in version ``number``; ``version`` is the one the actor sees now.

    Raises ``NotFound``, ``NotAllowed``, ``Stale``, and ``InvalidValues`` beside each field that cannot be brought back
    or whose old value may no longer be entered.
    """
    compiled = get_entity(session.app, entity)
    record = lock_record(session, compiled, id, actor=actor)
    require_write(record)
    require_version(session, record, version)
    found = read_version(session, entity, id, number, actor=actor)
    wanted = list(dict.fromkeys(fields))
    errors = [FieldError(key, "record.not_restorable") for key in wanted if key not in found.restorable]
    if errors or not wanted:
        raise InvalidValues(errors or [FieldError("fields", "record.nothing_to_restore")])
    rights = find_rights(session.app, compiled, actor).on(record.hidden)
    raw = {key: _raw(compiled.fields[key], found.values.get(key), record.values.get(key), rights) for key in wanted}
    changes = apply_values(session, compiled, record, raw, actor=actor)
    told = {"restored": number}
    saved = save_changes(
        session, compiled, record, changes, actor=actor, action="update", event="updated", details=told
    )
    return without_hidden(saved)


def _entries(session: Session, record: Record, number: int, actor: Actor) -> tuple[tuple[Entry, ...], Entry]:
    """Return what happened after version ``number``, newest first, and what brought it about.

    Decisions and shares are told under the version they found; the first entry of a version made it.
    """
    since: list[Entry] = []
    made: Entry | None = None
    for entry in _all_entries(session, record, actor):
        if entry.version < number:
            break
        if entry.version == number:
            made = entry
        else:
            since.append(entry)
    if made is None:
        raise NotFound("record.no_version", version=number)
    return tuple(since), made


def _all_entries(session: Session, record: Record, actor: Actor) -> Iterator[Entry]:
    before: int | None = None
    while True:
        page = list_history(session, record.entity, record.id, actor=actor, before=before, limit=_PAGE)
        yield from page
        if len(page) < _PAGE:
            return
        before = page[-1].id


def _undone(entity: Entity, now: Mapping[str, Any], since: Iterable[Entry]) -> dict[str, Any]:
    """Return the values before everything in ``since`` (newest first) happened."""
    values = dict(now)
    for entry in since:
        for key, (old, _) in entry.changes.items():
            field = entity.fields.get(key)
            values[key] = from_json(field, old) if field is not None else old
    return values


def _is_restorable(field: Field | None, rights: Rights) -> bool:
    """Tell whether somebody may enter the field: not what is worked out, drawn, moved or attached."""
    if field is None or field.key in rights.readonly or field.key in rights.hidden:
        return False
    return _is_entered(field) and not field.type.has_files and (field.stored or field.type.has_rows)


def _is_entered(field: Field) -> bool:
    return field.computed is None and not field.readonly and not field.type.drawn and not field.retired


def _raw(field: Field, then: Any, now: Any, rights: Rights) -> Any:
    """Return what is entered to bring a value back; a line that is gone comes back as a new one."""
    if not field.type.has_rows:
        return then
    there = {row.get("id") for row in now or ()}
    shut = {path.partition(".")[2] for path in rights.readonly | rights.hidden if path.startswith(f"{field.key}.")}
    kept = [key for key, column in field.fields.items() if key not in shut and _is_entered(column)]
    return [
        {key: row[key] for key in kept if key in row} | ({"id": row["id"]} if row.get("id") in there else {})
        for row in then or ()
    ]


def _differs(field: Field | None, then: Any, now: Any) -> bool:
    """Tell whether a reader would see a difference; of files it is which ones there are."""
    if field is not None and field.type.has_files:
        return [one["id"] for one in then or ()] != [one["id"] for one in now or ()]
    if field is not None and field.type.has_rows:
        return [_filled(row) for row in then or ()] != [_filled(row) for row in now or ()]
    return (then or None) != (now or None) if isinstance(then or now, str | list) else then != now


def _filled(row: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in row.items() if value not in (None, "", [])}
