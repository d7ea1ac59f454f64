"""The shapes expressions are checked against: which names a record of each entity has, and of what type.

Enters: an ``AppDefinition``. Leaves: one ``EntityShape`` per entity and two per line table: ``quote.items`` for its
rows in their record, ``quote.items.row`` for them as records they link to see them. Must not check anything: a field of
an unknown type simply has no shape, the compiler reports it.
"""

from collections.abc import Iterable, Mapping

from engine.compiler.field_types import find_type
from engine.definition.model import AppDefinition, EntityDefinition, FieldDefinition
from engine.expression import Collection, EntityShape, Kind, Type
from engine.expression.types import DATETIME, DEPARTMENT_SHAPE, USER_SHAPE, row_shape


def build_shapes(definition: AppDefinition) -> dict[str, EntityShape]:
    """Return the shape of every entity and line table, of people and of departments, by key."""
    stages = {item.entity.name: tuple(item.stages) for item in definition.workflows.values()}
    shapes = _people(definition)
    # A workflow of a misspelt entity may be that of any: one problem is enough.
    unknown = None if stages.keys() <= definition.entities.keys() else ()
    linking = _linking(definition)
    for entity in definition.entities.values():
        fields = _types(entity.fields) | _system_types(stages.get(entity.key, unknown)) | _owned_types(entity)
        shapes[entity.key] = EntityShape(
            entity.key, fields, _collections(entity, linking[entity.key]), _labels(entity.fields)
        )
        for lines in entity.fields.values():
            if has_rows(lines):
                key = f"{entity.key}.{lines.key}"
                shapes[key] = EntityShape(key, _types(lines.fields), labels=_labels(lines.fields))
                whole = {entity.key: Type(Kind.LINK, entity=entity.key)} | _types(lines.fields)
                outside = row_shape(entity.key, lines.key)
                shapes[outside] = EntityShape(outside, whole, labels=_labels(lines.fields))
    return shapes


def has_rows(field: FieldDefinition) -> bool:
    """Tell whether a written field is a line table."""
    declared = find_type(field.type.name)
    return declared is not None and declared.has_rows


def has_files(field: FieldDefinition) -> bool:
    """Tell whether a written field holds attachments."""
    declared = find_type(field.type.name)
    return declared is not None and declared.has_files


def is_many(field: FieldDefinition) -> bool:
    """Tell whether a written field holds several values."""
    declared = find_type(field.type.name)
    return declared is not None and declared.many


def leads_to(field: FieldDefinition) -> str | None:
    """Return the entity of the one record a written field leads to; None when it may lead to several, or to none."""
    return None if field.to is None or is_many(field) else field.to.name


def has_kind(field: FieldDefinition, kind: Kind) -> bool:
    """Tell whether the values of a written field are of this kind."""
    declared = find_type(field.type.name)
    return declared is not None and declared.kind is kind


def kept_by_engine(field: FieldDefinition) -> bool:
    """Tell whether an automation may fill in what no person types: only what is worked out from nothing."""
    declared = find_type(field.type.name)
    worked_out = (field.computed, field.best, field.found_by or None, field.fetch or None)
    return all(one is None for one in worked_out) and declared is not None and not declared.drawn


def field_type(field: FieldDefinition) -> Type | None:
    """Return the type of a field's values in expressions, or None when its type is unknown."""
    declared = find_type(field.type.name)
    if declared is None:
        return None
    scale = field.scale if field.scale is not None else declared.scale
    to = field.to.name if field.to is not None else None
    return Type(declared.kind, entity=to, options=tuple(field.options), scale=scale)


def _people(definition: AppDefinition) -> dict[str, EntityShape]:
    """Return what is known of people and departments everywhere."""
    roles = tuple(dict.fromkeys([*definition.roles, "admin"]))
    person: dict[str, Type] = {
        "login": Type(Kind.TEXT),
        "department": Type(Kind.DEPARTMENT),
        "disabled_at": DATETIME,
        "roles": Type(Kind.CHOICES, options=roles),
    }
    owned = {key: Collection(key, via="owner") for key in definition.entities}
    shapes = (EntityShape(USER_SHAPE, person, owned), EntityShape(DEPARTMENT_SHAPE, {"key": Type(Kind.TEXT)}))
    return {shape.key: shape for shape in shapes}


def _types(fields: Mapping[str, FieldDefinition]) -> dict[str, Type]:
    found = {key: field_type(field) for key, field in fields.items()}
    return {key: type_ for key, type_ in found.items() if type_ is not None}


def _labels(fields: Mapping[str, FieldDefinition]) -> dict[str, str]:
    """Return how what people see is written: a field by its key, an option by its key in quotes."""
    options = {
        word: f"'{key}'" for field in fields.values() for key, label in field.options.items() for word in (key, label)
    }
    return options | {field.label: key for key, field in fields.items()}


def _system_types(stages: tuple[str, ...] | None) -> dict[str, Type]:
    """What every record has; a stage only with a workflow, so that a condition on one that never comes is noticed."""
    return ({} if stages is None else {"stage": Type(Kind.CHOICE, options=stages)}) | {
        "id": Type(Kind.NUMBER, scale=0),
        "number": Type(Kind.TEXT),
        "owner": Type(Kind.USER),
        "team": Type(Kind.DEPARTMENT),
        "created_at": Type(Kind.DATETIME),
        "created_by": Type(Kind.USER),
        "updated_at": Type(Kind.DATETIME),
        "updated_by": Type(Kind.USER),
    }


def _owned_types(entity: EntityDefinition) -> dict[str, Type]:
    """What the engine keeps where records have pools."""
    if entity.ownership is None:
        return {}
    return {"pool": Type(Kind.CHOICE, options=tuple(entity.ownership.pools)), "protected_until": Type(Kind.DATETIME)}


def _linking(definition: AppDefinition) -> dict[str, list[EntityDefinition]]:
    """Return for each entity those with links to it, in their fields or in the columns of their line tables."""
    found: dict[str, list[EntityDefinition]] = {key: [] for key in definition.entities}
    for other in definition.entities.values():
        columns = (column for field in other.fields.values() if has_rows(field) for column in field.fields.values())
        targets = {to: None for one in (*other.fields.values(), *columns) if (to := leads_to(one)) is not None}
        for target in targets.keys() & found.keys():
            found[target].append(other)
    return found


def _collections(entity: EntityDefinition, linking: Iterable[EntityDefinition]) -> dict[str, Collection]:
    """Line tables under their field's key; records linking here under their entity's key, rows of theirs beside it.

    ``quote`` names the quotes of a customer; when a quote links to customers twice, ``quote_<field>`` names each.
    ``payment_shares`` names the rows of the line table ``shares`` of payments that link here,
    ``payment_shares_<column>`` each where they do twice.
    """
    found = {key: Collection(f"{entity.key}.{key}") for key, field in entity.fields.items() if has_rows(field)}
    for other in linking:
        links = [key for key, field in other.fields.items() if leads_to(field) == entity.key]
        for link in links:
            name = other.key if len(links) == 1 and other.key not in entity.fields else f"{other.key}_{link}"
            if name not in entity.fields:
                found[name] = Collection(other.key, via=link)
        for lines in other.fields.values():
            found |= _linking_rows(entity, other, lines, found) if has_rows(lines) else {}
    return found


def _linking_rows(
    entity: EntityDefinition, other: EntityDefinition, lines: FieldDefinition, taken: Mapping[str, Collection]
) -> dict[str, Collection]:
    links = [key for key, column in lines.fields.items() if leads_to(column) == entity.key]
    name = f"{other.key}_{lines.key}"
    names = {link: name if len(links) == 1 else f"{name}_{link}" for link in links}
    shape = row_shape(other.key, lines.key)
    return {
        one: Collection(shape, via=link) for link, one in names.items() if one not in entity.fields and one not in taken
    }
