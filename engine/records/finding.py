"""How records are found by words: a range of terms for each word, of their own or of what they link to.

Enters: an entity, what the actor may not see of it, words as typed. Leaves: conditions for a list, and which records
meet a word how well. Must not look into a field the actor may not see: its terms are no part of any question.

A word with few records is answered by their ids; one that stands in thousands is asked of each record of the list in
turn, which soon has a page full of them. So the cost of a page does not grow with the table.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Select,
    bindparam,
    exists,
    false,
    func,
    literal_column,
    or_,
    select,
    true,
    union_all,
)

from engine.compiler.app import USER, CompiledApp, Entity, Field
from engine.records import cursors
from engine.records.found_people import find_people
from engine.records.likeness import text_key
from engine.records.rarity import FEW
from engine.records.rights import Rights, scope_condition
from engine.records.search_terms import LONGEST, Way, name_keys, searched_keys
from engine.records.sql import IsAmong, NotByIndex, is_one_of
from engine.storage.search_tables import search_terms
from engine.storage.store import Session
from engine.storage.system_tables import users
from engine.storage.tables import Tables

_MOST_WORDS = 5
_FEW_OF_A_SOURCE = 3_000
"""Records of one source that are looked up once; of more, asking each row of the list finds a page full sooner."""
_LAST = "\U0010ffff"
_BETWEEN = re.compile(r"[\W_]+")


@dataclass(frozen=True)
class Source:
    """Where a word may stand: in fields of the entity itself, or of what ``links`` lead to, one after the other.

    The last may lead to a person (``USER``), who is found by name.
    """

    links: tuple[tuple[str, str], ...]  # field and entity
    entity: str
    fields: tuple[str, ...]
    whole: frozenset[str] | None = None  # the scopes of a masked field in which it is seen whole


@dataclass(frozen=True)
class Word:
    """One word of a search, as terms begin with it. ``few`` tells for each source whether few records have it.

    ``ids``: so few records have it in all that they can be looked up; ``known``: any has it. ``people`` are those whose
    names hold it, None where no record is called after a person.
    """

    text: str
    few: tuple[bool, ...] = ()
    ids: bool = False
    known: bool = True
    people: tuple[int, ...] | None = None

    def parameters(self, at: int) -> dict[str, Any]:
        """Return the parameters of the word that is number ``at``."""
        found: dict[str, Any] = {f"word{at}": self.text, f"word{at}_end": self.text + _LAST}
        return found if self.people is None else {**found, _people(f"word{at}"): list(self.people)}

    @property
    def shape(self) -> tuple[Any, ...]:
        """What tells the SQL of two words apart."""
        return self.ids, self.few


def split_words(text: str) -> list[str]:
    """Return what was typed in words, in small letters, as terms begin; what holds no letter or digit is no word."""
    return [key[:LONGEST] for one in cursors.folded(text).split() if (key := text_key(one))][:_MOST_WORDS]


def split_parts(text: str, entities: Iterable[Entity]) -> list[str]:
    """Return what was typed in words that end at every mark: ``BJ-12-V2`` is ``bj``, ``12`` and ``2``.

    The ``V`` there is no value: it stands in what records of one of ``entities`` are called.
    """
    said = [one for entity in entities for one in _literals(entity)]
    parts = [key for one in _BETWEEN.split(cursors.folded(text)) if (key := text_key(one))]
    return [_without(part, said)[:LONGEST] for part in parts][:_MOST_WORDS]


def sources_of(app: CompiledApp, entity: Entity, rights: Rights) -> tuple[Source, ...]:
    """Return where the words stand that records of an entity are found by, for whoever has these rights."""
    keys, hidden, masked = searched_keys(entity), rights.hidden, dict(rights.masked)
    own = tuple(key for key in keys if key not in hidden)
    found = [Source((), entity.key, own)] if own else []
    found += [Source((), entity.key, (key,), masked[key]) for key in keys if key in masked]
    found += [_by_person((), one) for one in entity.display_people if one.key not in hidden]
    for key in entity.search:
        target = entity.fields[key].to if key in entity.fields else None
        if target is not None and key not in hidden:
            found += _names(app, app.entities[target], ((key, target),))
    return tuple(found)


def find_words(session: Session, entity: Entity, sources: tuple[Source, ...], text: str) -> tuple[Word, ...]:
    """Return the words of a text, each with how often it stands where.

    What is typed with a mark in it, like ``BJ-12/甬江``, is one word if that stands somewhere, and several if not.
    """
    found: list[Word] = []
    for typed in cursors.folded(text).split()[:_MOST_WORDS]:
        words = [_count(session, entity, sources, one) for one in _pieces(text_key(typed))]
        parts = [key for one in _BETWEEN.split(typed) if (key := text_key(one))]
        if len(parts) > 1 and not all(word.known for word in words):
            words = [word for part in parts for word in _part(session, entity, sources, part)]
        found += words
    return tuple(found[: 2 * _MOST_WORDS])


def _part(session: Session, entity: Entity, sources: tuple[Source, ...], part: str) -> list[Word]:
    words = [_count(session, entity, sources, one) for one in _pieces(part)]
    value = _without(part, _literals(entity))
    if value == part or all(word.known for word in words):
        return words
    return [_count(session, entity, sources, one) for one in _pieces(value)]


def _literals(entity: Entity) -> list[str]:
    """Return the letters that stand between the values a record is called after."""
    return [key for said, _ in entity.display if (key := text_key(said))]


def _without(part: str, literals: Iterable[str]) -> str:
    """Return a number without the letters of a name before it: ``v2`` is 2."""
    for one in literals:
        if part.startswith(one) and part[len(one) :].isdecimal():
            return part[len(one) :]
    return part


def holds_word(
    tables: Tables, entity: Entity, table: FromClause, sources: tuple[Source, ...], name: str, word: Word | None = None
) -> ColumnElement[bool]:
    """Return the condition that a record has the word of the parameters ``name`` and ``name_end``.

    Without a ``word`` nothing is known of it, and each record is asked.
    """
    if not sources:
        return false()
    if word is not None and word.ids:
        return IsAmong(table.c.id, _all_ids(tables, entity, sources, name).scalar_subquery())
    found = []
    for at, source in enumerate(sources):
        held = _leads(tables, table, source, name, few=word is not None and word.few[at])
        found.append(held & _is_whole(tables, entity, table, source))
    return or_(*found)


def first_ids(
    tables: Tables, entity: Entity, sources: tuple[Source, ...], word: Word, name: str, most: int
) -> Select[tuple[int]]:
    """Select the ids of records that have a word, the first that are found along its terms, some of them twice.

    Of what stands in thousands of linked records only the first are followed, and none further away.
    """
    found = []
    for source, few in zip(sources, word.few, strict=True):
        if few or not source.links:
            found.append(_ids(tables, entity, source, name))
        elif len(source.links) == 1:
            table = tables.entity[entity.key].alias()
            linked = _having(replace(source, links=()), name).limit(literal_column(str(FEW)))
            held = IsAmong(table.c[source.links[0][0]], linked.scalar_subquery())
            found.append(select(table.c.id.label("id")).where(table.c.deleted_at.is_(None), held))
    ids = (union_all(*found) if len(found) > 1 else found[0]).subquery()
    return select(ids.c.id).limit(literal_column(str(most)))


def matches(
    session: Session, source: Source, word: Word, *, whole: bool = False, among: Sequence[int] | None = None
) -> dict[int, int]:
    """Return how well records match a word in fields of their own, the best with the smallest number.

    ``whole`` asks only for those of which a value is the word, ``among`` only for some; at most ``FEW`` are looked at.
    """
    terms = search_terms.c
    is_whole = terms.term == bindparam("word0")

    def build() -> Any:
        found = select(terms.record_id, terms.field, terms.way, is_whole)
        if whole:
            return found.where(*_is(search_terms, source, "word0"), terms.way == int(Way.START)).limit(FEW)
        found = found.where(*_in(search_terms, source, "word0"))
        return (found if among is None else found.where(is_one_of(terms.record_id, "among"))).limit(FEW)

    statement = session.prepared(("matches", source, whole, among is None), build)
    found: dict[int, int] = {}
    named = name_keys(session.app.entities[source.entity])
    given = word.parameters(0) | ({} if among is None else {"among": list(among)})
    for id_, field, way, is_all in statement.fetch_all(session.connection, given):
        rank = _rank(field, Way(way), bool(is_all), named)
        found[id_] = min(rank, found.get(id_, rank))
    return found


def newest_whole(session: Session, source: Source, word: Word, most: int) -> list[int]:
    """Return the newest records of which a value, or the end of one, is the word: as of a phone."""
    terms = search_terms.c

    def build() -> Any:
        found = select(terms.record_id).where(*_is(search_terms, source, "word0"))
        return found.order_by(terms.record_id.desc()).limit(bindparam("limit"))

    statement = session.prepared(("newest whole", source), build)
    return [row[0] for row in statement.fetch_all(session.connection, {"word0": word.text, "limit": most})]


LINKED = 8
"""The rank of what is found by the name of a thing it links to."""


def _rank(field: str, way: Way, whole: bool, named: frozenset[str]) -> int:
    if way is Way.START and whole:
        return 0 if field == "number" else 1 if field in named else 2
    if way is Way.INSIDE and whole:  # the end of a number, as of a phone
        return 5
    return {Way.START: 3, Way.INITIALS: 4, Way.SOUND: 4, Way.INSIDE: 6}.get(way, 7)


def _names(app: CompiledApp, entity: Entity, links: tuple[tuple[str, str], ...]) -> Iterator[Source]:
    """Yield where the name of what ``links`` lead to stands, as deep as names go."""
    own = tuple(sorted(name_keys(entity)))
    if own:
        yield Source(links, entity.key, own)
    for link in entity.display_links:
        to = link.to or ""
        yield from _names(app, app.entities[to], (*links, (link.key, to)))
    yield from (_by_person(links, one) for one in entity.display_people)


def _by_person(links: tuple[tuple[str, str], ...], field: Field) -> Source:
    return Source((*links, (field.key, USER)), USER, ())


def _people(name: str) -> str:
    """Return the parameter that holds the people found by the word ``name``."""
    return f"{name}_people"


def _pieces(word: str) -> list[str]:
    return [word[at : at + LONGEST] for at in range(0, len(word), LONGEST)]


def _count(session: Session, entity: Entity, sources: tuple[Source, ...], text: str) -> Word:
    """Count, no further than needed, how many records have a word where."""

    def number(rows: Any, most: int) -> Any:
        return select(func.count()).select_from(rows.limit(most + 1).subquery()).scalar_subquery()

    def each() -> Any:
        return select(*(number(_having(one, "word0"), _FEW_OF_A_SOURCE) for one in sources))

    def together() -> Any:
        everywhere = tuple(replace(one, whole=None) for one in sources)  # only how many, whoever sees them
        return select(number(select(_all_ids(session.tables, entity, everywhere, "word0").subquery().c.id), FEW))

    if not sources:
        return Word(text, known=False, ids=True)
    word = Word(text, people=_named(session, sources, text))
    given = word.parameters(0)
    counts = session.prepared(("terms", entity.key, sources), each).fetch_one(session.connection, given) or ()
    few = tuple(count <= _FEW_OF_A_SOURCE for count in counts)
    if not all(few):
        return replace(word, few=few)
    if not any(counts):
        return replace(word, few=few, ids=True, known=False)
    row = session.prepared(("records", entity.key, sources), together).fetch_one(session.connection, given)
    return replace(word, few=few, ids=row is not None and row[0] <= FEW)


def _named(session: Session, sources: tuple[Source, ...], text: str) -> tuple[int, ...] | None:
    """Return the people whose names hold a word, where records are called after people."""
    asked = any(source.entity == USER for source in sources)
    return tuple(find_people(session, text)) if asked else None


def _in(terms: Any, source: Source, name: str) -> list[ColumnElement[bool]]:
    """The term begins with the word, in a field of the source."""
    c = terms.c
    begins = c.term >= bindparam(name), c.term < bindparam(f"{name}_end")
    return [c.entity == source.entity, *begins, _of_fields(terms, source)]


def _is(terms: Any, source: Source, name: str) -> list[ColumnElement[bool]]:
    """The term is the word, in a field of the source."""
    return [terms.c.entity == source.entity, terms.c.term == bindparam(name), _of_fields(terms, source)]


def _of_fields(terms: Any, source: Source) -> ColumnElement[bool]:
    return or_(*(terms.c.field == key for key in source.fields)) if source.fields else true()


def _having(source: Source, name: str) -> Select[Any]:
    """Select the ids of what has the word."""
    if source.entity == USER:
        return select(users.c.id.label("id")).where(is_one_of(users.c.id, _people(name)))
    terms = search_terms.alias()
    return select(terms.c.record_id.label("id")).where(*_in(terms, source, name))


def _has(id_: ColumnElement[Any], source: Source, name: str) -> ColumnElement[bool]:
    """Ask whether what has this id has the word, of each row by itself.

    Not by ``EXISTS``: PostgreSQL, which cannot tell how many records have a word, would look them all up. Selects a
    constant: whatever else it selected, SQLite would do the same. And along the index of records, not by the key of
    terms, which would lead through all that have the word.
    """
    if source.entity == USER:
        return is_one_of(id_, _people(name))
    terms = search_terms.alias()
    one: Select[Any] = select(literal_column("1")).select_from(terms)
    _, *begins = _in(terms, source, name)
    own = (terms.c.record_id == id_, NotByIndex(terms.c.entity) == source.entity)
    held = one.where(*own, *begins).limit(literal_column("1"))
    return held.scalar_subquery().is_not(None)


def _leads(tables: Tables, table: FromClause, source: Source, name: str, *, few: bool) -> ColumnElement[bool]:
    """What the links of a source lead to from a row, or the row itself, has the word.

    With ``few`` those that have it are looked up once; else each row is asked.
    """
    if not source.links:
        return table.c.id.in_(_having(source, name)) if few else _has(table.c.id, source, name)
    link, target = table.c[source.links[0][0]], source.links[0][1]
    rest = replace(source, links=source.links[1:])
    if not rest.links:
        return link.in_(_having(rest, name)) if few else _has(link, rest, name)
    between = tables.entity[target].alias()
    held = _leads(tables, between, rest, name, few=few)
    return link.in_(select(between.c.id).where(held)) if few else exists().where(between.c.id == link, held)


def _all_ids(tables: Tables, entity: Entity, sources: tuple[Source, ...], name: str) -> Any:
    """Select the ids of the living records that have the word anywhere."""
    found = [_ids(tables, entity, source, name) for source in sources]
    return union_all(*found) if len(found) > 1 else found[0]


def _ids(tables: Tables, entity: Entity, source: Source, name: str) -> Select[Any]:
    if not source.links and source.whole is None:
        return _having(source, name)
    table = tables.entity[entity.key].alias()
    held = _leads(tables, table, source, name, few=True) & _is_whole(tables, entity, table, source)
    return select(table.c.id.label("id")).where(table.c.deleted_at.is_(None), held)


def _is_whole(tables: Tables, entity: Entity, table: FromClause, source: Source) -> ColumnElement[bool]:
    """A masked field finds a record only where it is seen whole."""
    return true() if source.whole is None else scope_condition(tables, entity, table, source.whole)
