"""What the database refused, said beside the field.

Enters: an ``IntegrityError``. Leaves: ``InvalidValues`` naming the field that repeats another record. Must not guess:
an error that is no known unique index stays what it is, our bug.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import IntegrityError

from engine.compiler.app import Entity
from engine.errors import FieldError, InvalidValues
from engine.storage.store import Session
from engine.storage.tables import UniqueIndex

_SQLITE = re.compile(r"UNIQUE constraint failed: (.+)")


@contextmanager
def explained(session: Session, entity: Entity) -> Iterator[None]:
    """Raise ``InvalidValues`` in place of the database's refusal of a repeated value."""
    try:
        yield
    except IntegrityError as error:
        index = _find_index(session, entity, error)
        if index is None:
            raise
        raise InvalidValues([_said(entity, index)]) from error


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


def _said(entity: Entity, index: UniqueIndex) -> FieldError:
    message = next((unique.message for unique in entity.unique if unique.key == index.key), None)
    path = index.fields[0]
    if message:
        return FieldError(path, "value.rule", {"message": message})
    labels = [entity.fields[key].label for key in index.fields if key in entity.fields]
    return FieldError(path, "value.not_unique", {"label": labels[0] if labels else path})
