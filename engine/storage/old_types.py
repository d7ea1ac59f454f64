"""A ``migrate:`` formula over the former values of its own field, read in the type they really have.

Enters: the formula as it was compiled, and what the field was in the release before. Leaves: the formula checked anew,
with the decimal places, options and target of the former type; or why it cannot read it. Must not run it.
"""

from collections.abc import Mapping

from engine.compiler.app import CompiledApp, Expression, Field
from engine.expression import Checked, EntityShape, ExpressionError, ExpressionErrors, Type, check, parse
from engine.storage.changes import TableOf


def read_former(
    app: CompiledApp, place: TableOf, item: Field, before: Field, formula: Expression
) -> Checked | ExpressionError:
    """Return ``formula`` with the field's own name standing for a value of the former type, or what is wrong then."""
    if (item.key,) not in formula.checked.uses:
        return formula.checked
    shapes, key = dict(_shapes(app)), formula.checked.entity
    fields = {**shapes[key].fields, item.key: _type_of(before)}
    shapes[key] = EntityShape(key, fields, shapes[key].collections)
    try:
        return check(parse(formula.text), shapes, key, expect=_type_of(item), text=formula.text)
    except ExpressionError as error:
        return error
    except ExpressionErrors as errors:
        return errors.errors[0]


def _shapes(app: CompiledApp) -> Mapping[str, EntityShape]:
    found = {entity.key: entity.shape for entity in app.entities.values()}
    for entity in app.entities.values():
        for line in entity.line_fields:
            key = f"{entity.key}.{line.key}"
            found[key] = EntityShape(key, {one.key: _type_of(one) for one in line.fields.values()})
    return found


def _type_of(field: Field) -> Type:
    return Type(field.type.kind, entity=field.to, options=tuple(field.options), scale=field.scale)
