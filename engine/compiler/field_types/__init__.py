"""Every type a field can have, each declared once.

Enters: what somebody typed, imported or sent (``raw``) and the compiled field. Leaves: a typed value, or ``Wrong`` with
the code of the sentence that says why not. Must not read a database: whether a linked record exists is asked later,
for all links of a record at once.

One module per family; ``declaration.py`` says what a type declares. A test proves that every type declares all of it,
stands in ``schemas/entity.json``, has an input and a display, and comes back whole from JSON, a sheet and a column.
"""

from engine.compiler.field_types import choices, codes, files, lines, links, numbers, places, structured, texts, times
from engine.compiler.field_types.declaration import ColumnKind, FieldType, FilterKind, Reader

__all__ = ["FIELD_TYPES", "ColumnKind", "FieldType", "FilterKind", "Reader", "find_type", "get_type"]

FIELD_TYPES: dict[str, FieldType] = {
    declared.key: declared
    for family in (texts, structured, numbers, times, choices, links, files, places, codes, lines)
    for declared in family.TYPES
}


def find_type(key: str) -> FieldType | None:
    """Return the type called ``key``, None when there is none."""
    return FIELD_TYPES.get(key)


def get_type(key: str) -> FieldType:
    """Return the type called ``key``; raises ``KeyError`` when there is none."""
    return FIELD_TYPES[key]
