"""The keys by which records that may be the same thing are found.

Enters: the values of records before and after they are written. Leaves: rows in ``fw_match_keys`` and
``fw_match_grams``, in the same transaction. Must not decide what is a duplicate; but the database refuses the second
record of the same key where a rule blocks, whoever was faster.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, delete, insert
from sqlalchemy.exc import IntegrityError

from engine import messages
from engine.compiler.app import CompiledApp, Duplicate, Entity
from engine.errors import FieldError, InvalidValues
from engine.expression.earth import Point
from engine.records.likeness import core_name, grams, mail_domain, text_key
from engine.records.nearby import cell_of, cells_near
from engine.records.sql import is_one_of
from engine.storage.match_tables import match_grams, match_keys
from engine.storage.store import Session

_BETWEEN = "\x1f"
_LONGEST = 200
_KEY_COLUMNS = ("entity", "rule", "record_id", "exact", "alike", "blocks")
_GRAM_COLUMNS = ("entity", "rule", "gram", "length", "record_id")


@dataclass(frozen=True)
class MatchKey:
    """What one record is compared by under one rule."""

    exact: str
    alike: tuple[str, ...]
    exacts: tuple[str, ...] = ()
    """What the other record may have in place of ``exact``: the cells around a place; empty where it is that alone."""


def match_key(entity: Entity, rule: Duplicate, values: Mapping[str, Any]) -> MatchKey | None:
    """Return what a record is compared by, or None when the rule does not apply: a value is missing, or is nobody's."""
    if any(values.get(key) in (None, "") for key in rule.fields):
        return None
    alike = tuple(core_name(values[key]) for key in rule.alike)
    exact = [
        mail_domain(values[key]) if key in rule.domains else _plain(entity, key, values[key]) for key in rule.exact
    ]
    if not all(alike) or not all(exact):
        return None
    if rule.near is None:
        return MatchKey(_joined(exact), alike)
    point = Point.of(values[rule.near])
    around = tuple(_joined([*exact, cell]) for cell in cells_near(point, rule.within))
    return MatchKey(_joined([*exact, cell_of(point, rule.within)]), (*alike, point.text), around)


def looks_in(app: CompiledApp, entity: Entity, rule: Duplicate) -> tuple[Entity, Duplicate] | None:
    """Return where a rule looks, and by which rule: itself, or that of another entity; None while that one is off."""
    if rule.among is None:
        return entity, rule
    there = app.find_open(rule.among.entity)
    return None if there is None else (there, next(one for one in there.duplicates if one.key == rule.among.rule))


def asked_key(there: Entity, by: Duplicate, rule: Duplicate, values: Mapping[str, Any]) -> MatchKey | None:
    """Return what a record is looked up by under rule ``by`` of the entity where ``rule`` looks."""
    if rule.among is not None:
        values = {theirs: values.get(own) for theirs, own in rule.among.fields.items()}
    return match_key(there, by, values)


def _joined(parts: Sequence[str]) -> str:
    joined = _BETWEEN.join(parts)
    return joined if len(joined) <= _LONGEST else hashlib.sha256(joined.encode()).hexdigest()


def keep_keys(
    session: Session,
    entity: Entity,
    written: Iterable[tuple[int, Mapping[str, Any], Mapping[str, Any]]],
    *,
    beside: bool = False,
) -> None:
    """Keep the keys of records right: their ids, and their values before and after (none for one that is gone).

    Raises ``InvalidValues`` when a rule that blocks meets a second record of the same key, unless it may stand
    ``beside`` the first: two that were there before the rule was.
    """
    rules = [rule for rule in entity.duplicates if rule.among is None]
    if not rules:
        return
    outdated: dict[str, list[int]] = {}
    fresh: list[tuple[Duplicate, int, MatchKey]] = []
    for id_, before, after in written:
        for rule in rules:
            old, new = (match_key(entity, rule, values) for values in (before, after))
            if old == new:
                continue
            if old is not None:
                outdated.setdefault(rule.key, []).append(id_)
            if new is not None:
                fresh.append((rule, id_, new))
    for rule_key, ids in outdated.items():
        _forget(session, entity, rule_key, ids)
    for rule in rules:
        _write_fresh(session, entity, rule, [(id_, key) for one, id_, key in fresh if one is rule], beside)


def _write_fresh(
    session: Session, entity: Entity, rule: Duplicate, found: Sequence[tuple[int, MatchKey]], beside: bool
) -> None:
    try:
        write_keys(session, entity, rule, [(*one, is_unique(rule)) for one in found])
    except InvalidValues:
        if not beside:
            raise
        write_keys(session, entity, rule, [(*one, False) for one in found])


def is_unique(rule: Duplicate) -> bool:
    """Tell whether the database can keep the rule by itself."""
    return rule.block and rule.among is None and not rule.alike and rule.near is None


def write_keys(session: Session, entity: Entity, rule: Duplicate, found: Sequence[tuple[int, MatchKey, bool]]) -> None:
    """Write the keys of records, each with whether nobody else may have it."""
    if not found:
        return
    rows = [
        dict(zip(_KEY_COLUMNS, (entity.key, rule.key, id_, key.exact, _BETWEEN.join(key.alike), blocks), strict=True))
        for id_, key, blocks in found
    ]
    statement = session.prepared("write match keys", lambda: insert(match_keys).inline(), _KEY_COLUMNS)
    try:
        with session.surviving() if any(blocks for _, _, blocks in found) else nullcontext():
            statement.execute_many(session.connection, rows)
    except IntegrityError as error:
        raise InvalidValues([FieldError(rule.fields[0], "value.duplicate", said(entity, rule))]) from error
    if rule.alike and not rule.exact and rule.near is None:
        pairs = [
            dict(zip(_GRAM_COLUMNS, (entity.key, rule.key, gram, len(key.alike[0]), id_), strict=True))
            for id_, key, _ in found
            for gram in grams(key.alike[0])
        ]
        statement = session.prepared("write match grams", lambda: insert(match_grams).inline(), _GRAM_COLUMNS)
        statement.execute_many(session.connection, pairs)


def forget_all(session: Session, entity: str) -> None:
    """Forget every key of an entity's records, before they are made anew."""
    for table in (match_keys, match_grams):
        session.connection.execute(delete(table).where(table.c.entity == entity))


def said(entity: Entity, rule: Duplicate, others: Any = "") -> dict[str, Any]:
    """Return the parameters of the sentence that says there is one already."""
    plain = FieldError("", "value.duplicate_default", {"label": entity.fields[rule.fields[0]].label})
    return {"message": Ended(rule.message or plain), "others": others}


class Ended:
    """The words of an author as a whole sentence: others are to stand after it."""

    def __init__(self, message: object) -> None:
        self._message = message

    def text(self, language: str) -> str:
        """Return it with its full stop."""
        return messages.ended(self._message, language)


def _forget(session: Session, entity: Entity, rule: str, ids: Sequence[int]) -> None:
    for table in (match_keys, match_grams):

        def build(table: Any = table) -> Any:
            own = (table.c.entity == bindparam("entity"), table.c.rule == bindparam("rule"))
            return delete(table).where(*own, is_one_of(table.c.record_id, "ids"))

        statement = session.prepared(("forget", table.name), build)
        statement.execute(session.connection, {"entity": entity.key, "rule": rule, "ids": list(ids)})


def _plain(entity: Entity, key: str, value: Any) -> str:
    field = entity.fields[key]
    return text_key(value) if isinstance(value, str) and not field.options else str(field.type.to_json(value))
