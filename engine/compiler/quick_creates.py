"""Whether a record can be made in the small dialog that a link offers (``quick_create:``).

Enters: the definition. Leaves: problems. Must not accept a dialog that nobody could ever send: what a record cannot do
without is asked for, and what is asked for can be typed there.
"""

from collections.abc import Iterator

from engine.compiler.compilation import Compilation
from engine.compiler.dead_ends import must_be_typed
from engine.compiler.field_types import find_type
from engine.compiler.shapes import has_rows
from engine.definition.model import EntityDefinition, FieldDefinition


def check_quick_creates(compilation: Compilation) -> None:
    """Note a problem for each field that cannot be typed in such a dialog, and for each that is missing from one."""
    for entity in compilation.definition.entities.values():
        for field in _links(entity):
            target = compilation.definition.entities.get(field.to.name) if field.to is not None else None
            if target is not None and field.quick_create:
                _check(compilation, field, target)


def _links(entity: EntityDefinition) -> Iterator[FieldDefinition]:
    for field in entity.fields.values():
        yield field
        yield from field.fields.values()


def _check(compilation: Compilation, field: FieldDefinition, target: EntityDefinition) -> None:
    for reference in field.quick_create:
        asked = compilation.require(reference, target.fields, "E002", entity=target.key)
        if asked is not None and not _is_typeable(target.fields[asked]):
            compilation.refuse("E046", reference.location, name=asked, entity=target.key)
    named = {reference.name for reference in field.quick_create}
    for key, needed in target.fields.items():
        if key not in named and needed.retired is None and (must_be_typed(needed) or needed.min_rows > 0):
            compilation.refuse("E047", field.quick_create[0].location, name=key, entity=target.key)


def _is_typeable(field: FieldDefinition) -> bool:
    declared = find_type(field.type.name)
    fixed = field.readonly or field.computed is not None or field.retired is not None
    return not (fixed or has_rows(field) or (declared is not None and declared.drawn))
