"""What people call the rows an expression folds, and the fields of such rows.

Enters: a compiled app, the key of a shape and a name in it. Leaves: labels, None where there is no such thing. Must not
know which words stand around them.
"""

from collections.abc import Iterator

from engine import messages
from engine.compiler.app import CompiledApp, Entity, Field, Label
from engine.compiler.app.reports import CHANGES, MOVES


def find_shown_field(app: CompiledApp, shape: str, key: str) -> Field | None:
    """Return the field ``key`` of an entity, of its lines, or of what is looked at beside it (``@order.items``)."""
    name, *parts = shape.lstrip("@").split(".")
    entity = app.entities.get(name)
    if entity is None:
        return None
    own = entity.fields[parts[0]].fields if parts and parts[0] in entity.fields else {}
    return own.get(key) or entity.fields.get(key)


def name_rows(app: CompiledApp, shape: str, name: str) -> Label | None:
    """Return what the rows ``name`` of a shape are called.

    ``quote`` are quotes, ``quote_checker`` those that link here by that field, ``payment_shares`` lines of payments
    that link here, ``moves`` and ``changes`` those of the record.
    """
    if name in app.entities:
        return app.entities[name].label
    key = shape.lstrip("@").partition(".")[0]
    linking = (label for other in app.entities.values() for label in _linking(other, key, name))
    found = next(linking, None)
    if found is None and name in (MOVES, CHANGES) and key in app.entities:
        return _joined(f"report.rows_{name}")
    return found


def _linking(other: Entity, target: str, name: str) -> Iterator[Label]:
    for key, field in other.fields.items():
        if field.target == target and name == f"{other.key}_{key}":
            yield _joined("report.rows_by", rows=other.label, field=field.label)
        rows = f"{other.key}_{key}"
        columns = {one: column for one, column in field.fields.items() if column.target == target}
        if columns and name == rows:
            yield _joined("expression.say.of", link=other.label, field=field.label)
        elif name.startswith(f"{rows}_") and (column := columns.get(name.removeprefix(f"{rows}_"))):
            whose = _joined("expression.say.of", link=other.label, field=field.label)
            yield _joined("report.rows_by", rows=whose, field=column.label)


def _joined(code: str, **parts: Label) -> Label:
    return {language: messages.text(code, language, **parts) for language in messages.LANGUAGES}
