"""Whether a record may be the same thing as another: found by the rules of ``duplicates:``, confirmed or refused.

Enters: the complete values of a record about to be written, and why somebody says it is no duplicate. Leaves: errors
beside the fields compared, or what goes into the history. Must not show of a record the actor may not see more than
whose it is and when it was last active.
"""

import time
from collections import Counter
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Table, bindparam, func, literal, select, union_all

from engine.compiler.app import Duplicate, Entity, Field
from engine.errors import FieldError
from engine.expression.earth import Point, metres_between
from engine.people.actor import ENGINE, Actor
from engine.records.calling import label_names
from engine.records.columns import record_columns, to_values
from engine.records.evaluation import Lookups, parameters, site_zone
from engine.records.hits import keep_aside, met
from engine.records.likeness import grams, lengths_alike, lost_grams, scores
from engine.records.listing import scope_key
from engine.records.match_keys import MatchKey, asked_key, looks_in, said
from engine.records.record import display
from engine.records.rights import find_rights, scope_condition
from engine.records.sql import IsAmong, ItemOf, ListOf, is_one_of
from engine.storage.match_tables import match_grams, match_keys
from engine.storage.prepared import Prepared
from engine.storage.store import Session
from engine.storage.system_tables import users

NOT_DUPLICATE = "not_duplicate"
"""What is sent beside the fields: why this is not the same as what was found."""

_MOST, _MOST_NEAR = 500, 5_000
_BESIDE = 3
"""Times as common that a pair counts as when one beside it is asked for."""
_SHOWN = 5
_REASON = 500
_MOST_COUNTED, _MOST_REMEMBERED = 20_000, 10_000
_REMEMBERED = 600.0
"""Seconds for which a pair stays as common as it was counted: which pairs are asked for, not what is found."""


@dataclass(frozen=True)
class Other:
    """A record that may be the same; ``id`` and ``name`` are None when the actor may not see it."""

    entity: str
    id: int | None
    name: str | None
    owner: str
    day: date

    def text(self, language: str) -> str:
        """Return it in one sentence."""
        if self.name is None:
            return FieldError("", "value.duplicate_hidden", {"owner": self.owner, "day": self.day}).text(language)
        return FieldError("", "value.duplicate_known", {"name": self.name, "owner": self.owner}).text(language)


@dataclass(frozen=True)
class Found:
    """What one rule found among the records of ``entity``, and whether it refuses because of it."""

    rule: Duplicate
    entity: str
    ids: tuple[int, ...]
    others: tuple[Other, ...]
    blocks: bool

    def text(self, language: str) -> str:
        """Return the others in words."""
        return "".join(other.text(language) for other in self.others)


def find_duplicates(
    session: Session, entity: Entity, values: Mapping[str, Any], before: Mapping[str, Any], *, actor: Actor
) -> list[Found]:
    """Return what may be the same as a record with these values, by each rule that reads something that changed.

    What a rule refuses because of, no other rule asks about. A rule that looks among the records of another entity
    refuses because of those out of the actor's sight: they are of somebody else. Those in sight it asks about.
    """
    found: list[Found] = []
    refused: set[tuple[str, int]] = set()
    for rule in sorted(entity.duplicates, key=lambda one: not one.block):
        looked = looks_in(session.app, entity, rule)
        if looked is None:
            continue
        there, by = looked
        key = asked_key(there, by, rule, values)
        if key is None or (before and asked_key(there, by, rule, before) == key):
            continue
        own = before.get("id") if there is entity else None
        ids = [one for one in _find(session, there, by, key) if one != own and (there.key, one) not in refused]
        if not ids:
            continue
        others, blocks = show_others(session, there, ids[:_SHOWN], actor), rule.block
        if rule.among is not None and rule.block:
            others = tuple(sorted(show_others(session, there, ids, actor), key=lambda one: one.id is not None))[:_SHOWN]
            blocks = any(other.id is None for other in others)
        if blocks:
            refused.update((there.key, one) for one in ids)
        found.append(Found(rule, there.key, tuple(ids), others, blocks))
    return found


def check_duplicates(
    session: Session,
    entity: Entity,
    values: Mapping[str, Any],
    before: Mapping[str, Any],
    why: Any,
    *,
    actor: Actor,
    errors: list[FieldError],
) -> dict[str, Any] | None:
    """Add an error for each rule that refuses the record, or asks whether it is the same and was not told why not.

    Return what the history keeps when somebody said that it is not: ``{"why": ..., "rules": {rule: [ids]}}``. The
    engine cannot be asked: what came in from outside is not lost for it, and says itself what was found.
    """
    reason = " ".join(why.split())[:_REASON] if isinstance(why, str) else ""
    confirmed, refused, told = {}, [], ""
    for one in find_duplicates(session, entity, values, before, actor=actor):
        if not one.blocks and not reason and ENGINE in actor.roles:
            told += _noted(session, entity, one)
        elif one.blocks or not reason:
            code = "value.duplicate" if one.blocks else "value.duplicate_maybe"
            errors.append(FieldError(one.rule.fields[0], code, said(entity, one.rule, one)))
            refused.append(met(entity, one.rule, one.ids, values))
            continue
        confirmed[one.rule.key] = list(one.ids)
    keep_aside(session, refused, "refused", actor=actor)
    return {"why": reason or told[:_REASON], "rules": confirmed} if confirmed else None


def _noted(session: Session, entity: Entity, found: Found) -> str:
    """Return what a rule found, for the history of what was saved all the same: whoever reads it may not see more."""
    language = session.app.language
    of = (FieldError("", "value.duplicate_noted", {"owner": one.owner, "day": one.day}) for one in found.others)
    message: str = said(entity, found.rule)["message"].text(language)
    return message + "".join(one.text(language) for one in of)


def _find(session: Session, entity: Entity, rule: Duplicate, key: MatchKey) -> list[int]:
    """Return the ids of records whose keys match, the most alike first."""
    given = {"entity": entity.key, "rule": rule.key}
    if rule.near is not None:
        asked = given | {"exacts": list(key.exacts), "limit": _MOST_NEAR}
        rows = _within(rule, key, _around(session).fetch_all(session.connection, asked))
        key = replace(key, alike=key.alike[:-1])
    elif rule.exact:
        rows = _same(session).fetch_all(session.connection, given | {"exact": key.exact, "limit": _MOST})
    else:
        rows = _likely(session, given | _wanted(session, rule, key, given))
    scored = [(score, id_) for id_, score in _score(rule, key, rows)]
    return [id_ for score, id_ in sorted(scored, key=lambda one: (-one[0], one[1]))]


def _wanted(session: Session, rule: Duplicate, key: MatchKey, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the rarest pairs of a name, and how many of them a name alike enough has at least, by its length.

    Whoever may lack ``lost`` of the pairs has one of any ``lost + 1``, and two of any ``lost + 2``: of a length that
    lets fewer go, more are asked. Source: prefix filtering (Chaudhuri, Ganti and Kaushik, A Primitive Operator for
    Similarity Joins in Data Cleaning, 2006), with the lengths of both names. Pairs are counted up to a limit, and how
    common they are is remembered.
    """
    name, least = key.alike[0], next(iter(rule.alike.values()))
    shortest, longest = lengths_alike(name, least)
    lost = [lost_grams(len(name), length, least) for length in range(shortest, longest + 1)]
    found = sorted(grams(name))
    often = {gram: _count(session, given, gram) for gram in found}
    rarest = _rarest(often, max(lost) + 1)
    shared = [max(1, len(rarest) - one) for one in lost]
    return {"grams": rarest, "shared": shared, "shortest": shortest, "longest": longest, "limit": _MOST}


def _rarest(often: Mapping[str, int], most: int) -> list[str]:
    """Return the rarest pairs; one beside another that was taken counts as more common: names mostly have both."""
    taken: list[str] = []

    def cost(gram: str) -> int:
        beside = any(gram[1] == other[0] or gram[0] == other[1] for other in taken)
        count = often[gram]  # one that was not counted to its end is the last that is taken
        return min(_BESIDE * count, _MOST_COUNTED - 1) if beside and count < _MOST_COUNTED else count

    while len(taken) < min(most, len(often)):
        taken.append(min((gram for gram in often if gram not in taken), key=cost))
    return taken


def _count(session: Session, given: Mapping[str, Any], gram: str) -> int:
    """Return how many records have a pair."""
    pairs = match_grams.c

    def build() -> Any:
        own = (pairs.entity == bindparam("entity"), pairs.rule == bindparam("rule"), pairs.gram == bindparam("gram"))
        some = select(pairs.record_id).where(*own).limit(_MOST_COUNTED)
        return select(func.count()).select_from(some.subquery())

    at = (session.tables.metadata, given["entity"], given["rule"], gram)
    until, count = _common.get(at, (0.0, 0))
    if until < time.monotonic():
        row = session.prepared("count gram", build).fetch_one(session.connection, {**given, "gram": gram})
        count = int(row[0]) if row else 0
        if len(_common) >= _MOST_REMEMBERED:
            _common.clear()
        _common[at] = time.monotonic() + _REMEMBERED, count
    return count


_common: dict[Hashable, tuple[float, int]] = {}


def _score(rule: Duplicate, key: MatchKey, rows: Sequence[tuple[Any, ...]]) -> Iterator[tuple[int, float]]:
    """Yield the ids of those whose names are all alike enough, with how alike they are."""
    if len(key.alike) == 1:  # as nearly always
        yield from scores(key.alike[0], dict(rows), next(iter(rule.alike.values())))
        return
    left = {id_: (1.0, alike.split("\x1f")) for id_, alike in rows}
    for place, (name, least) in enumerate(zip(key.alike, rule.alike.values(), strict=True)):
        scored = scores(name, {id_: alike[place] for id_, (_, alike) in left.items()}, least)
        left = {id_: (min(left[id_][0], score), left[id_][1]) for id_, score in scored}
    yield from ((id_, score) for id_, (score, _) in left.items())


def _same(session: Session) -> Any:
    keys = match_keys.c

    def build() -> Any:
        own = (keys.entity == bindparam("entity"), keys.rule == bindparam("rule"), keys.exact == bindparam("exact"))
        return select(keys.record_id, keys.alike).where(*own).order_by(keys.record_id).limit(bindparam("limit"))

    return session.prepared("same keys", build)


def _within(rule: Duplicate, key: MatchKey, rows: Sequence[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Return those of the cells around a place that are near enough, without the place that ends what they kept."""
    here, found = Point.read(key.alike[-1]), []
    for id_, kept in rows:
        *alike, place = kept.split("\x1f")
        if metres_between(here, Point.read(place)) <= rule.within:
            found.append((id_, "\x1f".join(alike)))
    return found


def _around(session: Session) -> Any:
    """Records in any of the cells around a place, by the same index that finds what is exactly the same."""
    keys = match_keys.c

    def build() -> Any:
        own = (keys.entity == bindparam("entity"), keys.rule == bindparam("rule"))
        near = select(keys.record_id, keys.alike).where(*own, is_one_of(keys.exact, "exacts", numbers=False))
        return near.limit(bindparam("limit"))  # in no order: SQLite would walk along the primary key for one

    return session.prepared("keys around", build)


def _likely(session: Session, wanted: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """Return the records, with their names, that share as many of the pairs as their length asks for."""
    if session.connection.dialect.name == "postgresql":
        return _sharing(session).fetch_all(session.connection, wanted)
    shortest, shared = wanted["shortest"], wanted["shared"]
    lengths = list(range(shortest, wanted["longest"] + 1))
    given = {name: wanted[name] for name in ("entity", "rule", "grams")} | {"lengths": lengths}
    found: list[tuple[int, int]] = []
    for length, ids in _having_each(session).fetch_all(session.connection, given):
        least = shared[length - shortest]
        often = Counter(ids.split(",")) if ids else {}
        found += [(-count, int(id_)) for id_, count in often.items() if count >= least]
    most = [id_ for _, id_ in sorted(found)[: wanted["limit"]]]
    named = {"entity": wanted["entity"], "rule": wanted["rule"], "ids": most}
    return _named(session).fetch_all(session.connection, named) if most else []


def _sharing(session: Session) -> Prepared:
    keys, pairs = match_keys.c, match_grams.c

    def build() -> Any:
        own = (pairs.entity == bindparam("entity"), pairs.rule == bindparam("rule"))
        few = (
            select(pairs.record_id)
            .where(*own, is_one_of(pairs.gram, "grams", numbers=False))
            .where(pairs.length.between(bindparam("shortest"), bindparam("longest")))
            .group_by(pairs.record_id, pairs.length)
            .having(func.count() >= ItemOf("shared", pairs.length - bindparam("shortest")))
            .order_by(func.count().desc(), pairs.record_id)
            .limit(bindparam("limit"))
        )
        mine = (keys.entity == bindparam("entity"), keys.rule == bindparam("rule"))
        return select(keys.record_id, keys.alike).where(*mine, IsAmong(keys.record_id, few.scalar_subquery()))

    return session.prepared("sharing grams", build)


def _having_each(session: Session) -> Prepared:
    """For each length, the ids of all that have any of the pairs, in one text: SQLite would sort them to group them."""
    pairs = match_grams.c

    def build() -> Any:
        each = func.json_each(bindparam("lengths", type_=ListOf(numbers=True))).table_valued("value", name="each").c
        own = (pairs.entity == bindparam("entity"), pairs.rule == bindparam("rule"), pairs.length == each.value)
        ids = select(func.group_concat(pairs.record_id)).where(*own, is_one_of(pairs.gram, "grams", numbers=False))
        return select(each.value, ids.scalar_subquery())

    return session.prepared("having grams", build)


def _named(session: Session) -> Prepared:
    keys = match_keys.c

    def build() -> Any:
        own = (keys.entity == bindparam("entity"), keys.rule == bindparam("rule"))
        return select(keys.record_id, keys.alike).where(*own, is_one_of(keys.record_id, "ids"))

    return session.prepared("keys of", build)


def show_others(session: Session, entity: Entity, ids: Sequence[int], actor: Actor) -> tuple[Other, ...]:
    """Return records as far as the actor may know of them."""
    table = session.tables.entity[entity.key]
    rights = find_rights(session.app, entity, actor)

    def build() -> Any:
        visible = scope_condition(session.tables, entity, table, rights.read).label("visible")
        columns = [*record_columns(table, entity), _last_active(session, entity, table), users.c.name, visible]
        source = table.outerjoin(users, users.c.id == table.c.owner_id)
        return select(*columns).select_from(source).where(is_one_of(table.c.id, "ids"), table.c.deleted_at.is_(None))

    statement = session.prepared(("show duplicates", entity.key, scope_key(rights.read)), build)
    zone = site_zone(session.app)
    shown = []
    rows = statement.fetch_all(session.connection, parameters(session, actor) | {"ids": list(ids)})
    labels = label_names(session.app, entity, [to_values(entity, row) for row in rows], Lookups(session))
    for row in rows:
        values, sees = to_values(entity, row), bool(rights.read) and bool(row[-1])
        day = max(values["updated_at"], row[-3] or values["updated_at"]).astimezone(zone).date()
        name = display(entity, values, labels) if sees else None
        shown.append(Other(entity.key, values["id"] if sees else None, name, row[-2] or "—", day))
    return tuple(shown)


def _last_active(session: Session, entity: Entity, table: Table) -> ColumnElement[Any]:
    """Return when the last of the records that link to one was made: a visit, a quote, an order."""
    made = []
    for other in session.app.entities.values():
        linked = session.tables.entity[other.key].alias(f"of_{other.key}")
        for field in other.fields.values():
            if field.to == entity.key and not field.retired:
                of_it = (_leads_here(session, other, field, linked, table), linked.c.deleted_at.is_(None))
                made.append(select(func.max(linked.c.created_at).label("made")).where(*of_it).correlate(table))
    if not made:
        return literal(None, table.c.updated_at.type)
    newest = union_all(*made).subquery("newest")
    return select(func.max(newest.c.made, type_=table.c.updated_at.type)).scalar_subquery()


def _leads_here(session: Session, other: Entity, field: Field, linked: Any, table: Table) -> ColumnElement[bool]:
    if not field.type.many:
        leads: ColumnElement[bool] = linked.c[field.key] == table.c.id
        return leads
    entries = session.tables.entries[other.key, field.key].alias(f"of_{other.key}_{field.key}")
    found = select(entries.c.parent_id).where(entries.c.parent_id == linked.c.id, entries.c.leads_to == table.c.id)
    return found.correlate(linked, table).exists()
