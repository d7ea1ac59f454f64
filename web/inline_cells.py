"""Which cells of a list can be changed where they stand.

Enters: an entity and the rights of a reader. Leaves: keys of fields. Must not judge a record: its stage and conditions
are asked when somebody begins to type.
"""

from engine.compiler.app import Entity, Field
from engine.records.rights import Rights


def editable_keys(entity: Entity, rights: Rights) -> frozenset[str]:
    """Return the fields of simple types that the form would let this reader change."""
    if not rights.write:
        return frozenset()
    closed = rights.hidden | rights.readonly
    return frozenset(key for key, field in entity.fields.items() if key not in closed and _is_simple(field))


def _is_simple(field: Field) -> bool:
    fixed = field.readonly or field.computed is not None or field.retired or not field.stored
    declared = field.type
    several = declared.many or declared.wide or declared.points or declared.parts or declared.drawn
    return not (fixed or several or declared.has_rows or declared.has_files or declared.column == "json")
