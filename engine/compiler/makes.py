"""How a record is made from another: every name resolved, every expression checked.

Enters: ``MakeDefinition``. Leaves: ``Make``. Must not let through a value nobody could type into the new record.
"""

from collections.abc import Mapping

from engine.compiler.app import Make, MakeLines
from engine.compiler.compilation import Compilation
from engine.compiler.shapes import field_type, has_rows, leads_to
from engine.definition.model import FieldDefinition, MakeDefinition, MakeLinesDefinition, Reference
from engine.expression import BOOLEAN, Type


def compile_make(compilation: Compilation, written: MakeDefinition, source: str, path: str) -> Make:
    """Return how a record of another entity is made from one of ``source``."""
    target = compilation.require(written.entity, compilation.definition.entities, "E001")
    target_fields = compilation.definition.entities[target].fields if target else {}
    links = [key for key, field in target_fields.items() if leads_to(field) == source]
    if target:
        compilation.require(written.back, links, "E019", entity=target, source=source)
        _check_fillable(compilation, written.back, target_fields, target)
    lines = {}
    for key, rows in written.lines.items():
        linking = {name: one for name, one in compilation.shapes[source].collections.items() if one.of_records}
        table = compilation.require(rows.rows, [*_line_tables(compilation, source), *linking], "E002", entity=source)
        into = target_fields.get(key)
        if target and (into is None or not has_rows(into)):
            compilation.refuse("E002", rows.location, name=key, entity=target)
        elif table:
            expected = {
                name: kind for name, column in (into.fields if into else {}).items() if (kind := field_type(column))
            }
            _check_targets(compilation, rows.set, into.fields if into else {}, f"{target}.{key}")
            lines[key] = _make_lines(compilation, rows, source, table, into, expected)
    _check_targets(compilation, written.set, target_fields, target or "")
    expected = {name: kind for name, field in target_fields.items() if (kind := field_type(field))}
    return Make(
        key=written.key,
        label=compilation.label(f"{path}.makes.{written.key}", written.label),
        entity=target or "",
        back=written.back.name,
        when=compilation.expression(written.when, source, BOOLEAN),
        set=compilation.expressions(written.set, source, expected),
        lines=lines,
    )


def _make_lines(
    compilation: Compilation,
    written: MakeLinesDefinition,
    source: str,
    table: str,
    into: FieldDefinition | None,
    expected: Mapping[str, Type],
) -> MakeLines:
    collection = compilation.shapes[source].collections[table]
    leading = [key for key, one in (into.fields if into else {}).items() if leads_to(one) == collection.entity]
    link: str | None = None
    if written.link is not None:
        link = compilation.require(written.link, leading, "E019", entity=table, source=table)
    return MakeLines(
        table,
        compilation.expressions(written.set, collection.entity, expected),
        where=compilation.expression(written.where, collection.entity, BOOLEAN),
        of=collection.entity if collection.of_records else "",
        via=collection.via or "",
        link=link or "",
    )


def _line_tables(compilation: Compilation, entity: str) -> list[str]:
    fields = compilation.definition.entities[entity].fields
    return [key for key, field in fields.items() if has_rows(field)]


def _check_targets(
    compilation: Compilation, written: Mapping[str, object], fields: Mapping[str, FieldDefinition], entity: str
) -> None:
    for key, expression in written.items():
        location = getattr(expression, "location", None)
        if fields and location is not None:
            target = Reference(key, location)
            compilation.require(target, fields, "E002", entity=entity)
            _check_fillable(compilation, target, fields, entity)


def _check_fillable(
    compilation: Compilation, target: Reference, fields: Mapping[str, FieldDefinition], entity: str
) -> None:
    """A record made is filled in like a form: what nobody may type cannot be given to it."""
    field = fields.get(target.name)
    if field is not None and (field.readonly or field.computed is not None):
        compilation.refuse("E066", target.location, name=target.name, entity=entity)
