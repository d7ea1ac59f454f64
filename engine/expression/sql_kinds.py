"""How the database holds each kind of value.

Enters: types of expressions. Leaves: types of SQLAlchemy. Must not know nodes.
"""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.types import TypeEngine

from engine.expression import sql_terms as terms
from engine.expression.sql_terms import Exact, Moment, Place, Span
from engine.expression.types import NUMERIC, Kind, Type


def collation(type_: Type) -> str:
    """Texts are ordered by character code, as Python orders them, not by the language of the database."""
    return ' COLLATE "C"' if type_.kind is Kind.TEXT else ""


def sql_type(type_: Type) -> TypeEngine[Any]:
    """Return the type of the database for values of a type."""
    if type_.kind in NUMERIC:
        return Exact(type_.places)
    return _SQL_TYPES.get(type_.kind, terms.INTEGER)


_SQL_TYPES: dict[Kind, TypeEngine[Any]] = {
    Kind.TEXT: sa.Text(),
    Kind.CHOICE: sa.Text(),
    Kind.BOOLEAN: sa.Boolean(),
    Kind.DATE: terms.DATE,
    Kind.TIME: sa.Time(),
    Kind.DATETIME: Moment(),
    Kind.DURATION: Span(),
    Kind.PLACE: Place(),
}
