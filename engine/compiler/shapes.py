"""The shapes expressions are checked against: which names a record of each entity has, and of what type.

Enters: an ``AppDefinition``. Leaves: one ``EntityShape`` per entity and per line table (``quote.items``). Must not
check anything: a field of an unknown type simply has no shape, the compiler reports it.
"""

from collections.abc import Mapping

from engine.compiler.field_types import FIELD_TYPES
from engine.definition.model import AppDefinition, EntityDefinition, FieldDefinition
from engine.expression import Collection, EntityShape, Kind, Type


def build_shapes(definition: AppDefinition) -> dict[str, EntityShape]:
    """Return the shape of every entity and line table, by key."""
    stages = {item.entity.name: tuple(item.stages) for item in definition.workflows.values()}
    shapes: dict[str, EntityShape] = {}
    for entity in definition.entities.values():
        fields = _types(entity.fields) | _system_types(stages.get(entity.key, ()))
        shapes[entity.key] = EntityShape(entity.key, fields, _collections(entity, definition))
        for lines in entity.fields.values():
            if lines.type.name == "lines":
                key = f"{entity.key}.{lines.key}"
                shapes[key] = EntityShape(key, _types(lines.fields))
    return shapes


def field_type(field: FieldDefinition) -> Type | None:
    """Return the type of a field's values in expressions, or None when its type is unknown."""
    declared = FIELD_TYPES.get(field.type.name)
    if declared is None:
        return None
    scale = field.scale if field.scale is not None else declared.scale
    to = field.to.name if field.to is not None else None
    return Type(declared.kind, entity=to, options=tuple(field.options), scale=scale)


def _types(fields: Mapping[str, FieldDefinition]) -> dict[str, Type]:
    found = {key: field_type(field) for key, field in fields.items()}
    return {key: type_ for key, type_ in found.items() if type_ is not None}


def _system_types(stages: tuple[str, ...]) -> dict[str, Type]:
    return {
        "id": Type(Kind.NUMBER, scale=0),
        "number": Type(Kind.TEXT),
        "stage": Type(Kind.CHOICE, options=stages),
        "owner": Type(Kind.USER),
        "team": Type(Kind.NUMBER, scale=0),
        "created_at": Type(Kind.DATETIME),
        "created_by": Type(Kind.USER),
        "updated_at": Type(Kind.DATETIME),
        "updated_by": Type(Kind.USER),
    }


def _collections(entity: EntityDefinition, definition: AppDefinition) -> dict[str, Collection]:
    """Line tables under their field's key; records linking here under their entity's key.

    ``quote`` names the quotes of a customer; when a quote links to customers twice, ``quote_<field>`` names each.
    """
    found = {
        key: Collection(f"{entity.key}.{key}") for key, field in entity.fields.items() if field.type.name == "lines"
    }
    for other in definition.entities.values():
        links = [key for key, field in other.fields.items() if field.to is not None and field.to.name == entity.key]
        for link in links:
            name = other.key if len(links) == 1 and other.key not in entity.fields else f"{other.key}_{link}"
            if name not in entity.fields:
                found[name] = Collection(other.key, via=link)
    return found
