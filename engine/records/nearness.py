"""Names that are like what somebody typed, for when none holds it as it stands.

Enters: what was typed, and what the actor may not see. Leaves: ids, the most alike first. Must not say who may see
them: whoever asks puts them through a list of the actor's.
"""

from collections import Counter
from typing import Any

from sqlalchemy import bindparam, or_, select

from engine.compiler.app import Entity
from engine.records import cursors
from engine.records.finding import Word
from engine.records.likeness import text_key
from engine.records.search_terms import LONGEST, Way, name_keys, value_key
from engine.records.sql import is_one_of
from engine.romanised import has_characters, syllables
from engine.storage.search_tables import search_terms
from engine.storage.store import Session

_RARE = 300
_OF_COMMON = 100
"""Names that are read where every part of a text stands in many: the first that share the most."""

_MOST = 200
_LOOKED_AT = 3_000
_SHORTEST = 3
_ONE_SLIP = 8
"""From so many letters on two slips are forgiven, below one."""
_SOUNDS = tuple(int(way) for way in (Way.SOUND, Way.SOUND_INSIDE))


def find_near(session: Session, entity: Entity, hidden: frozenset[str], text: str) -> list[int]:
    """Return records whose names sound like a text, then those that differ by a slip; at most 200."""
    wanted = text_key(cursors.folded(text))[:LONGEST]
    fields = tuple(sorted(name_keys(entity) - hidden - {"number"}))
    if not fields or len(wanted) < 2:
        return []
    found: list[int] = []
    chinese = has_characters(wanted)
    if chinese:
        found = _beginning(session, entity, fields, "".join(syllables(wanted))[:LONGEST], _SOUNDS)
    if len(wanted) >= _SHORTEST:
        found += _alike(session, entity, fields, wanted, chinese=chinese)
    return list(dict.fromkeys(found))[:_MOST]


def _alike(session: Session, entity: Entity, fields: tuple[str, ...], wanted: str, *, chinese: bool) -> list[int]:
    from rapidfuzz import fuzz  # with the first question: it takes memory in every process

    length = 2 if chinese else 3
    parts = dict.fromkeys(wanted[at : at + length] for at in range(len(wanted) - length + 1))
    parts = {part: None for part in parts if not part.isdecimal()}  # numbers of every kind begin so, and few names
    shared: Counter[int] = Counter()
    common: list[list[int]] = []
    for part in parts:
        ids = _beginning(session, entity, fields, part, None)
        if len(ids) > _RARE:
            common.append(ids)
        else:
            shared.update(set(ids))
    most = _RARE if shared else _OF_COMMON
    for ids in [] if shared else common:
        shared.update(set(ids))
    likely = [id_ for id_, _ in shared.most_common(most)]
    slips = 1 if len(wanted) < _ONE_SLIP else 2
    least = 100 * (1 - slips / len(wanted)) - 1
    scored: dict[int, float] = {}
    sound = not chinese and not wanted.isdecimal()
    for id_, name in _names(session, entity, fields, likely, sound=sound):
        score = fuzz.partial_ratio(wanted, name) if len(name) >= len(wanted) - slips else 0
        if score >= least:
            scored[id_] = max(score, scored.get(id_, 0))
    return sorted(scored, key=lambda id_: (-scored[id_], -id_))


def _beginning(
    session: Session, entity: Entity, fields: tuple[str, ...], term: str, ways: tuple[int, ...] | None
) -> list[int]:
    """Return records with a term in their name that begins so, one more than are rare at most.

    So many terms of other fields may begin so (all numbers of a year) that only the first are looked at.
    """
    c = search_terms.c

    def build() -> Any:
        own = (c.entity == entity.key, c.term >= bindparam("word0"), c.term < bindparam("word0_end"))
        first = select(c.record_id, c.field, c.way).where(*own).limit(_LOOKED_AT).subquery().c
        asked = [or_(*(first.field == key for key in fields))]
        if ways is not None:
            asked.append(or_(*(first.way == way for way in ways)))
        return select(first.record_id).where(*asked).limit(_RARE + 1)

    statement = session.prepared(("terms beginning", entity.key, fields, ways), build)
    return [row[0] for row in statement.fetch_all(session.connection, Word(term).parameters(0))]


def _names(
    session: Session, entity: Entity, fields: tuple[str, ...], ids: list[int], *, sound: bool
) -> list[tuple[int, str]]:
    """Return what some records are called, and with ``sound`` how that sounds."""
    table = session.tables.entity[entity.key]

    def build() -> Any:
        return select(table.c.id, *(table.c[key] for key in fields)).where(is_one_of(table.c.id, "ids"))

    if not ids:
        return []
    found = []
    statement = session.prepared(("names like", entity.key, fields), build)
    for id_, *said in statement.fetch_all(session.connection, {"ids": ids}):
        for key, value in zip(fields, said, strict=True):
            name = value_key(entity, key, value)
            found += [(id_, name), (id_, "".join(syllables(name)))] if sound else [(id_, name)]
    return found
