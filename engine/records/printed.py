"""What is printed below a record: those that link to it, and when any of what is printed was changed last.

Enters: a record as somebody may see it, and one of its prints. Leaves: the records of its lists, as far as they may see
those, and a moment. Must not write.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from engine.compiler.app import Print, PrintList
from engine.people.actor import Actor
from engine.records.evaluation import make_env
from engine.records.filters import Filter
from engine.records.list_query import ListQuery, shown_keys
from engine.records.queries import list_records
from engine.records.record import Record
from engine.records.rights import find_rights
from engine.storage.store import Session
from engine.storage.system_tables import history

MOST = 200
"""Records of a list that are printed."""
_LATELY = 500
"""Entries of the history that are looked through for the last change of what is printed."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A list of a print: ``linking`` are all that somebody sees, ``records`` those that are printed, in their order."""

    list: PrintList
    linking: Sequence[Record]
    records: Sequence[Record]


def read_lists(session: Session, printed: Print, record: Record, *, actor: Actor) -> list[Listed]:
    """Return what the lists of a print show somebody; a list of what is switched off or closed to them is not there."""
    env = make_env(session, actor)
    found = []
    for one in printed.lists:
        entity = session.app.entities[one.entity]
        rights = find_rights(session.app, entity, actor)
        if one.entity in session.app.off or not rights.read or one.via in rights.hidden:
            continue
        columns = tuple(shown_keys(entity, rights))
        query = ListQuery(filters=(Filter(one.via, "eq", record.id),), sort="id", limit=MOST, columns=columns)
        linking = list_records(session, one.entity, query, actor=actor).records
        chosen = [row for row in linking if one.where is None or one.where.run(row.values, env) is True]
        found.append(Listed(one, linking, _sorted(one, chosen)))
    return found


def find_last_change(session: Session, printed: Print, record: Record, lists: Iterable[Listed]) -> datetime:
    """Return when something of what is printed was changed last, what a list leaves out by now among it."""
    written = printed.definition
    own = {ref.name for ref in (*written.head, *written.totals)}
    own |= {ref.name for ref in (written.lines, written.words) if ref is not None}
    created: datetime = record.values["created_at"]
    moments = [created, *_changes(session, record.entity, [record.id], own - record.hidden)]
    for one in lists:
        asked = one.list.where.checked.uses if one.list.where is not None else ()
        judged, shown = {path[0] for path in asked}, {row.id for row in one.records}
        gone = [row.id for row in one.linking if row.id not in shown]
        moments += _changes(session, one.list.entity, sorted(shown), judged.union(one.list.columns))
        moments += _changes(session, one.list.entity, gone, judged, later=True)
        moments += [row.values["created_at"] for row in one.records if "created_at" in row.values]
    return max(moments)


def _changes(
    session: Session, entity: str, ids: Sequence[int], keys: Iterable[str], *, later: bool = False
) -> list[datetime]:
    """Return the moment of the newest change of one of these fields in one of these records, if there is one.

    ``later`` leaves out how a record began: what was never printed did not leave the print.
    """
    if not ids:
        return []
    wanted = frozenset(keys)
    c = history.c
    mine = [c.entity == entity, c.record_id.in_(ids)]
    mine += [c.version > 1] if later else []
    newest = select(c.at, c.changes).where(*mine).order_by(c.id.desc()).limit(_LATELY)
    rows = session.connection.execute(newest)
    return next(([at] for at, changes in rows if wanted & changes.keys()), [])


def _sorted(one: PrintList, records: Sequence[Record]) -> list[Record]:
    """Return the records in the order of their list; those without a value come last."""
    if one.sort is None:
        return list(records)
    key, descending = one.sort
    known = [row for row in records if row.values.get(key) is not None]
    unknown = [row for row in records if row.values.get(key) is None]
    return [*sorted(known, key=lambda row: row.values[key], reverse=descending), *unknown]
