"""What the database refused, said beside the field, with the name of the record that has the value already.

Enters: an ``IntegrityError``. Leaves: ``InvalidValues`` naming the field that repeats another record, and that record
where the actor may see it. Must not guess: an error that is no known unique index stays what it is, our bug.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.exc import IntegrityError

from engine.compiler.app import Entity
from engine.errors import FieldError, InvalidValues, NotPossibleNow
from engine.people.actor import Actor
from engine.records.duplicates import Other, show_others
from engine.records.match_keys import Ended
from engine.records.overlaps import keep_apart
from engine.records.sql import is_one_of
from engine.storage.store import Session
from engine.storage.tables import UniqueIndex, column_name

_REPEATED = "23505"
_SQLITE = re.compile(r"UNIQUE constraint failed: (.+)")

Values = Mapping[str, Any]


@contextmanager
def explained(
    session: Session, entity: Entity, written: Sequence[Values] = (), *, actor: Actor | None = None
) -> Iterator[None]:
    """Raise ``InvalidValues`` in place of the database's refusal of a repeated value.

    ``written`` are the values of the records being written: with them the other record is named to ``actor``, and the
    transaction can be gone on with, as a form that is shown again does. Without them it has to end.
    """
    keep_apart(session, entity, written, actor=actor)
    try:
        with session.surviving() if written else nullcontext():
            yield
    except IntegrityError as error:
        index = _find_index(session, entity, error)
        if index is None:
            if getattr(error.orig, "sqlstate", None) == _REPEATED:  # an index of a release that does not hold yet
                raise NotPossibleNow("storage.soon_unique") from error
            raise
        raise InvalidValues([_refusal(session, entity, index, written, actor)]) from error


def repeated(session: Session, entity: Entity, key: str, values: Values, *, actor: Actor) -> FieldError:
    """Return what is said of a field that is unique by itself and whose value another record has."""
    index = next(one for one in session.tables.uniques.values() if one.entity == entity.key and one.key == key)
    return _refusal(session, entity, index, [values], actor)


def find_taken(session: Session, entity: Entity, key: str, texts: Collection[str]) -> set[str]:
    """Return which of these texts a living record has in a field already."""
    table = session.tables.entity[entity.key]
    one = table.c[key]

    def build() -> Any:
        return select(one).where(is_one_of(one, "texts", numbers=False), table.c.deleted_at.is_(None))

    statement = session.prepared(("taken", entity.key, key), build)
    return {row[0] for row in statement.fetch_all(session.connection, {"texts": list(texts)})}


def _find_index(session: Session, entity: Entity, error: IntegrityError) -> UniqueIndex | None:
    name = getattr(getattr(error.orig, "diag", None), "constraint_name", None)
    if name is not None:
        return session.tables.uniques.get(name)
    match = _SQLITE.search(str(error.orig))
    if match is None:
        return None
    columns = tuple(part.strip().rpartition(".")[2] for part in match.group(1).split(","))
    found = (one for one in session.tables.uniques.values() if one.entity == entity.key and one.columns == columns)
    return next(found, None)


def _refusal(
    session: Session, entity: Entity, index: UniqueIndex, written: Sequence[Values], actor: Actor | None
) -> FieldError:
    message: Any = next((unique.message for unique in entity.unique if unique.key == index.key), None)
    path = index.fields[0]
    labels = [entity.fields[key].label for key in index.fields if key in entity.fields]
    plain = FieldError(path, "value.not_unique_default", {"label": labels[0] if labels else path})
    others = _Others(_find_others(session, entity, index, written, actor) if actor is not None else ())
    said = Ended(message) if message and others.others else message or plain
    return FieldError(path, "value.not_unique", {"message": said, "others": others})


class _Others:
    """The record that has the value already, where it may be named."""

    def __init__(self, others: Sequence[Other]) -> None:
        self.others = others

    def text(self, language: str) -> str:
        return "".join(other.text(language) for other in self.others)


def _find_others(
    session: Session, entity: Entity, index: UniqueIndex, written: Sequence[Values], actor: Actor
) -> tuple[Other, ...]:
    """Return the record in the way of the first of ``written`` that meets one, unless the actor may not see it."""
    for values in written:
        id_ = _find_other(session, entity, index, values)
        if id_ is not None:
            return tuple(one for one in show_others(session, entity, [id_], actor) if one.id is not None)
    return ()


def _find_other(session: Session, entity: Entity, index: UniqueIndex, values: Values) -> int | None:
    table = session.tables.entity[entity.key]

    def build() -> Any:
        same = [table.c[name] == bindparam(f"same_{name}", type_=table.c[name].type) for name in index.columns]
        found = select(table.c.id).where(*same, table.c.id != bindparam("own", type_=table.c.id.type)).limit(1)
        return found if index.where is None else found.where(index.where)

    given = {f"same_{column_name(key)}": values.get(key) for key in index.fields} | {"own": values.get("id") or 0}
    row = session.prepared(("repeated", index.name), build).fetch_one(session.connection, given)
    return None if row is None else int(row[0])
