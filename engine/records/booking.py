"""What a record writes into ledgers when something becomes true of it (``books``), in the same transaction.

Enters: the values of records before and after a write. Leaves: the records to be written, complete and judged, and
those written; a refusal is said at the place of the record people are looking at. Must not write by itself: the
primitives that insert a record are handed in.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from engine.compiler.app import Book, Entity
from engine.errors import FieldError, InvalidValues
from engine.expression import Env
from engine.people.actor import Actor
from engine.records.completing import fitted
from engine.records.engine_rows import complete_row
from engine.records.evaluation import Lookups
from engine.records.found_links import find_links
from engine.records.rollups import ParentRefuses, Written
from engine.storage.store import Session

Values = Mapping[str, Any]
InsertAll = Callable[[Session, Entity, Sequence[dict[str, Any]], Actor, Env], object]
Prepare = Callable[[Session, Entity, dict[str, Any], Actor, Env], None]


@dataclass
class Entry:
    """One record to be written: into which ledger, what was given for it, and where a refusal is said."""

    book: Book
    ledger: Entity
    source: Values
    given: dict[str, Any]
    path: str
    values: dict[str, Any]


def find_entries(
    session: Session, entity: Entity, written: Sequence[Written], *, actor: Actor, env: Env, prepare: Prepare
) -> list[Entry]:
    """Return what the writes put into ledgers, so far as it is known before they are made.

    ``prepare`` makes what the links of a new record are to lead to. Raises ``InvalidValues``.
    """
    found = []
    for before, after in written:
        for book in entity.books:
            if book.when.run(after, env) is not True or (before and book.when.run(before, env) is True):
                continue
            for entry in _entries(session, entity, book, after, env):
                with _said_at([entry]):
                    entry.values = _complete(session, entity, entry, actor, env)
                    prepare(session, entry.ledger, entry.values, actor, env)
                found.append(entry)
    return found


def concerned(entries: Sequence[Entry]) -> list[tuple[Entity, list[Written]]]:
    """Return the records to be written, by ledger, so that what they are added up in can be locked first."""
    return [(ledger, [({}, one.values) for one in some]) for ledger, some in _by_ledger(entries)]


def write_entries(
    session: Session, entity: Entity, entries: Sequence[Entry], *, actor: Actor, env: Env, insert: InsertAll
) -> None:
    """Write the entries of a record that has been written; raises ``InvalidValues`` at its fields."""
    for ledger, some in _by_ledger(entries):
        with _said_at(some):
            for entry in some:
                if entry.values.get(entry.book.back) != entry.source["id"]:  # a new record had no id before
                    entry.values = _complete(session, entity, entry, actor, env)
            insert(session, ledger, [entry.values for entry in some], actor, env)


def _entries(session: Session, entity: Entity, book: Book, after: Values, env: Env) -> Iterator[Entry]:
    ledger = session.app.entities[book.into]
    rows: Sequence[Values] = [after] if book.rows is None else after.get(book.rows) or ()
    inner = env if book.rows is None else replace(env, record=after)
    for at, row in enumerate(rows):
        if book.where is not None and book.where.run(row, inner) is not True:
            continue
        given = {key: fitted(ledger.fields[key], one.run(row, inner)) for key, one in book.set.items()}
        given |= {"owner": after.get("owner"), "team": after.get("team")}
        path = book.beside if book.rows is None else f"{book.rows}.{at}.{book.beside}"
        yield Entry(book, ledger, after, given, path, {})


def _complete(session: Session, entity: Entity, entry: Entry, actor: Actor, env: Env) -> dict[str, Any]:
    id_ = entry.source.get("id")
    if id_ is not None and isinstance(env.lookup, Lookups):
        env.lookup.keep(entity.key, entry.source)
    given = {**entry.given, entry.book.back: id_}
    judged = id_ is not None  # what leads back to a new record is not known before that is written
    return complete_row(session, entry.ledger, given, actor=actor, env=env, find=find_links, judged=judged)


def _by_ledger(entries: Sequence[Entry]) -> list[tuple[Entity, list[Entry]]]:
    found: dict[str, list[Entry]] = {}
    for entry in entries:
        found.setdefault(entry.ledger.key, []).append(entry)
    return [(some[0].ledger, some) for some in found.values()]


@contextmanager
def _said_at(entries: Sequence[Entry]) -> Iterator[None]:
    """Say at the record people look at what is refused in what it writes."""
    try:
        yield
    except ParentRefuses as refused:
        links = {error.path for error in refused.errors}
        own = [one for one in entries if any(one.values.get(link) == refused.parent for link in links)]
        path = (own or entries)[-1].path
        raise InvalidValues([FieldError(path, one.code, one.params) for one in refused.errors]) from refused
    except InvalidValues as invalid:
        path = entries[-1].path
        raise InvalidValues([FieldError(path, one.code, one.params) for one in invalid.errors]) from invalid
