"""The expression language: one text, checked against the fields, evaluated in Python, compiled to SQL, said in words.

Enters: the text of a condition or a computed value, and the shapes of the entities it may name. Leaves: a checked tree
with its Python form; the SQL form stands in ``engine.expression.sql`` and the words in ``engine.expression.explain``,
imported only by who needs them. Must not know definitions, storage or HTTP.
"""

from engine.expression.check import ABOUT_USER, Checked, check, check_text
from engine.expression.env import NOBODY, Env, Lookup, NoLookup, WorkingCalendar
from engine.expression.errors import ExpressionError, ExpressionErrors, caret, nearest
from engine.expression.evaluate import compile_python
from engine.expression.parse import RESERVED, parse
from engine.expression.types import BOOLEAN, Collection, EntityShape, Kind, Shapes, Type
from engine.expression.values import Value, WorkingTime

__all__ = [
    "ABOUT_USER",
    "BOOLEAN",
    "NOBODY",
    "RESERVED",
    "Checked",
    "Collection",
    "EntityShape",
    "Env",
    "ExpressionError",
    "ExpressionErrors",
    "Kind",
    "Lookup",
    "NoLookup",
    "Shapes",
    "Type",
    "Value",
    "WorkingCalendar",
    "WorkingTime",
    "caret",
    "check",
    "check_text",
    "compile_python",
    "nearest",
    "parse",
]
