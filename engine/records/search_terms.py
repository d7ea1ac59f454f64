"""The terms by which records are found, kept beside them.

Enters: the values of records before and after they are written. Leaves: rows in ``fw_search_terms``, in the same
transaction. Must not decide who may find a record, nor hold what a link leads to is called: that is found through the
link (``finding.py``), so a rename is in force at once and everywhere.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from enum import IntEnum
from operator import itemgetter
from typing import Any

from sqlalchemy import ARRAY, BigInteger, Integer, Text, bindparam, cast, column, delete, func, insert, select

from engine.compiler.app import Entity
from engine.records.aliases import aliases_of
from engine.records.columns import record_columns, to_values
from engine.records.likeness import text_key
from engine.records.sql import NotByIndex
from engine.romanised import has_characters, syllables
from engine.storage.journal import write_event
from engine.storage.search_tables import search_terms
from engine.storage.store import Session

LONGEST = 20
"""Characters of a term; a longer word is looked up in pieces."""
REBUILD = "search.rebuild"
NUMBER = "number"
_MOST_ENDS = 1_000
"""Places of one value at which a term begins: of a long text, its first thousand characters are searched."""
_BATCH = 500
_TERM = itemgetter(1)
_COLUMNS = ("entity", "term", "record_id", "field", "way")

Values = Mapping[str, Any]
Written = Iterable[tuple[int, Values, Values]]


class Way(IntEnum):
    """How a term comes from a value, the best first."""

    START = 0
    INSIDE = 1
    INITIALS = 2
    SOUND = 3
    INITIALS_INSIDE = 4
    SOUND_INSIDE = 5


# as plain numbers, which is how they are kept: a record has some fifty terms
_AS_WRITTEN = int(Way.START), int(Way.INSIDE)
_BY_INITIALS = int(Way.INITIALS), int(Way.INITIALS_INSIDE)
_SOUND, _INSIDE_SOUND = int(Way.SOUND), int(Way.SOUND_INSIDE)

Terms = dict[str, dict[str, int]]
"""By field the way of each term."""


def searched_keys(entity: Entity) -> tuple[str, ...]:
    """Return the fields of an entity's own that its records are found by."""
    return tuple(key for key in entity.search if key not in entity.fields or entity.fields[key].to_one is None)


def name_keys(entity: Entity) -> frozenset[str]:
    """Return those of them a record is called after: they are found by their sound too."""
    return frozenset(entity.display_keys).intersection(searched_keys(entity))


def value_key(entity: Entity, key: str, value: Any) -> str:
    """Return a value as it is searched: small letters and digits of one width, nothing between them."""
    if value is None or value == "":
        return ""
    field = entity.fields.get(key)
    return text_key(str(value) if field is None else field.type.to_text(value))


def terms_of(entity: Entity, values: Values, keys: Iterable[str], names: Collection[str] | None = None) -> Terms:
    """Return the terms of some fields of a record; ``names`` are its ``name_keys``, for whoever has many records."""
    found: Terms = {}
    names = name_keys(entity) if names is None else names
    for key in keys:
        if text := value_key(entity, key, values.get(key)):
            found[key] = _of_name(text) if key in names and has_characters(text) else _ends(text, *_AS_WRITTEN)
    return found


def keep_terms(session: Session, entity: Entity, written: Written) -> None:
    """Keep the terms of records right: their ids, and their values before and after (none for one that is gone)."""
    keys, names = searched_keys(entity), name_keys(entity)
    stale: dict[tuple[str, ...], list[int]] = {}
    fresh: list[tuple[int, Terms]] = []
    for id_, before, after in written:
        changed = tuple(key for key in keys if before.get(key) != after.get(key)) if before else keys
        old = tuple(key for key in changed if before.get(key) not in (None, "")) if before else ()
        if old:
            stale.setdefault(old, []).append(id_)
        if changed and (terms := terms_of(entity, after, changed, names)):
            fresh.append((id_, terms))
    for fields, ids in stale.items():
        _forget(session, entity.key, ids, fields)
    _write(session, entity.key, fresh)


def rebuild(session: Session, entity: str, *, after: int = 0) -> tuple[int, int | None]:
    """Make the terms of the next records of an entity anew, in the order of their ids.

    Return how many records they were, and the id to go on after, None at the end.
    """
    compiled = session.app.entities.get(entity)
    if compiled is None:
        return 0, None
    rows, keys = _read(session, compiled, after), searched_keys(compiled)
    others = aliases_of(session, compiled, [row["id"] for row in rows])
    _forget(session, entity, [row["id"] for row in rows], None)
    found = [(row["id"], terms_of(compiled, row, keys)) for row in rows]
    for id_, terms in found:
        _add_numbers(compiled, terms, others.get(id_, ()))
    _write(session, entity, found)
    return len(rows), rows[-1]["id"] if len(rows) == _BATCH else None


def keep_numbers(session: Session, entity: Entity, id_: int, values: Values) -> None:
    """Let a record be found by its own number, and by those of the records that went into it."""
    if NUMBER not in searched_keys(entity):
        return
    terms = terms_of(entity, values, (NUMBER,))
    _add_numbers(entity, terms, aliases_of(session, entity, [id_]).get(id_, ()))
    _forget(session, entity.key, [id_], (NUMBER,))
    _write(session, entity.key, [(id_, terms)])


def rebuild_in_turns(session: Session, entity: str, *, after: int = 0) -> None:
    """Make the next terms of an entity anew now, and the rest as an event of its own."""
    _, further = rebuild(session, entity, after=after)
    if further is not None:
        write_event(session, REBUILD, entity, None, {"after": further})


def _add_numbers(entity: Entity, terms: Terms, numbers: Iterable[str]) -> None:
    """Add the numbers of the records that went into one to its terms, after its own."""
    for number in numbers if NUMBER in searched_keys(entity) else ():
        for key, found in terms_of(entity, {NUMBER: number}, (NUMBER,)).items():
            terms[key] = found | terms.get(key, {})


def _of_name(text: str) -> dict[str, int]:
    """Return the terms of a name in characters: as it is written counts before its initials, and those before sound."""
    said = syllables(text)
    sound, at = "".join(said), 0
    by_sound: dict[str, int] = {}
    for one in said[:_MOST_ENDS]:
        by_sound.setdefault(sound[at : at + LONGEST], _INSIDE_SOUND if at else _SOUND)
        at += len(one)
    initials = "".join([one[0] for one in said])
    return by_sound | _ends(initials, *_BY_INITIALS) | _ends(text, *_AS_WRITTEN)


def _ends(text: str, first: int, inside: int) -> dict[str, int]:
    if len(text) <= LONGEST:
        found = {text[at:]: inside for at in range(1, len(text))}
    else:
        found = {text[at : at + LONGEST]: inside for at in range(1, min(len(text), _MOST_ENDS))}
    found[text[:LONGEST]] = first
    return found


def _read(session: Session, entity: Entity, after: int) -> list[dict[str, Any]]:
    """Return a batch of records, locked: whoever saves one at this moment is waited for."""
    table = session.tables.entity[entity.key]

    def build() -> Any:
        found = select(*record_columns(table, entity)).where(table.c.id > bindparam("after"))
        found = found.where(table.c.deleted_at.is_(None)).order_by(table.c.id).limit(_BATCH)
        return found.with_for_update(of=table, key_share=True)

    rows = session.prepared(("found anew", entity.key), build).fetch_all(session.connection, {"after": after})
    return [to_values(entity, row) for row in rows]


def _forget(session: Session, entity: str, ids: Iterable[int], fields: Sequence[str] | None) -> None:
    """Forget the terms of records, one after the other along their index: those of some fields, or all."""

    def build() -> Any:
        of_entity = NotByIndex(search_terms.c.entity) == bindparam("of_entity")
        own = [search_terms.c.record_id == bindparam("of_record"), of_entity]
        if fields is not None:
            own.append(search_terms.c.field == bindparam("of_field"))
        return delete(search_terms).where(*own)

    given = [{"of_record": id_, "of_entity": entity} for id_ in ids]
    if fields is not None:
        given = [{**one, "of_field": field} for one in given for field in fields]
    session.prepared(("forget terms", fields is None), build).execute_many(session.connection, given)


def _write(session: Session, entity: str, found: Sequence[tuple[int, Terms]]) -> None:
    rows = [
        (entity, term, id_, field, way)
        for id_, terms in found
        for field, own in terms.items()
        for term, way in own.items()
    ]
    if not rows:
        return
    rows.sort(key=_TERM)  # neighbours are written to the same page, and two who write wait in the same order
    if session.connection.dialect.name == "postgresql":
        given = {"entity": entity, **_joined(rows)}
        session.prepared("write terms", _insert_lists).execute(session.connection, given)
    else:
        statement = session.prepared("write terms", lambda: insert(search_terms).inline(), _COLUMNS)
        statement.execute_rows(session.connection, rows)


def _joined(rows: Sequence[tuple[str, str, int, str, int]]) -> dict[str, str]:
    """Return each column as one text: no term, number or key of a field has a comma."""
    _, terms, ids, fields, ways = zip(*rows, strict=True)
    numbers = {"ids": ",".join(map(str, ids)), "ways": ",".join(map(str, ways))}
    return {"terms": ",".join(terms), "fields": ",".join(fields), **numbers}


def _insert_lists() -> Any:
    """All rows in one message: a record has some fifty terms."""
    names = {"term": "terms", "record_id": "ids", "field": "fields", "way": "ways"}
    numbers = {"ids": ARRAY(BigInteger()), "ways": ARRAY(Integer())}
    split = {one: func.string_to_array(bindparam(one, type_=Text()), ",") for one in names.values()}
    lists = [cast(split[one], numbers[one]) if one in numbers else split[one] for one in names.values()]
    rows = func.unnest(*lists).table_valued(*(column(name) for name in names)).render_derived()
    return insert(search_terms).from_select(_COLUMNS, select(bindparam("entity"), *rows.c))
