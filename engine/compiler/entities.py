"""From written entities to compiled entities.

Enters: ``EntityDefinition``. Leaves: ``Entity`` with a good form and list even where the author wrote none. Must not
know the workflow's insides; it is handed in compiled.
"""

import re
from collections.abc import Mapping

from engine import messages
from engine.compiler.app import (
    SYSTEM_FIELDS,
    Access,
    Entity,
    Expression,
    Field,
    Make,
    MakeLines,
    Section,
    Workflow,
)
from engine.compiler.compilation import Compilation
from engine.compiler.fields import compile_fields, compute_order
from engine.compiler.rules import compile_rules, compile_uniques
from engine.compiler.shapes import field_type
from engine.definition.model import AccessDefinition, EntityDefinition, MakeDefinition, Reference
from engine.expression import BOOLEAN

SCOPES = ("own", "team", "all")
_SHOWN = frozenset(("text", "phone", "email", "credit_code", "integer", "decimal", "money", "date", "choice"))
"""Types whose values read well in the name of a record."""

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_COLUMNS = 7
_FILTERS = 6


def compile_entity(compilation: Compilation, written: EntityDefinition, workflow: Workflow | None) -> Entity:
    """Return the compiled entity."""
    path = f"entities.{written.key}"
    fields = compile_fields(compilation, written.fields, written.key, path)
    display = _display(compilation, written, fields)
    columns = _columns(compilation, written, fields, display, workflow)
    return Entity(
        key=written.key,
        label=compilation.label(f"{path}.label", written.label),
        help=compilation.label(f"{path}.help", written.help),
        icon=written.icon,
        location=written.location,
        fields=fields,
        shape=compilation.shapes[written.key],
        number=written.number,
        display=display,
        rules=compile_rules(compilation, written, path),
        unique=compile_uniques(compilation, written, fields, path),
        sections=_sections(compilation, written, fields, path),
        columns=columns,
        sort=_sort(compilation, written, fields),
        filters=_filters(compilation, written, fields, workflow),
        access=_access(compilation, written, fields, display),
        scopes=_scopes(compilation, written),
        makes={key: _make(compilation, make, written.key, path) for key, make in written.makes.items()},
        workflow=workflow,
        compute_order=compute_order(compilation, fields),
        search=_search(fields, display, columns),
        was=written.was,
    )


def _known(fields: Mapping[str, Field]) -> list[str]:
    return [*fields, *SYSTEM_FIELDS]


def _display(
    compilation: Compilation, written: EntityDefinition, fields: Mapping[str, Field]
) -> tuple[tuple[str, str | None], ...]:
    pattern = written.display or _default_display(written, fields)
    parts: list[tuple[str, str | None]] = []
    end = 0
    for match in _PLACEHOLDER.finditer(pattern):
        name = Reference(match.group(1), written.display_location or written.location)
        known = [*(key for key, field in fields.items() if field.type.key in _SHOWN), "id", "number"]
        if compilation.require(name, known, "E020", entity=written.key):
            parts.append((pattern[end : match.start()], name.name))
        end = match.end()
    return tuple(parts) + (((pattern[end:], None),) if pattern[end:] else ())


def _default_display(written: EntityDefinition, fields: Mapping[str, Field]) -> str:
    text = next((key for key, field in fields.items() if field.type.key == "text"), None)
    if text is not None:
        return f"{{{text}}}"
    return "{number}" if written.number else "{id}"


def _sections(
    compilation: Compilation, written: EntityDefinition, fields: Mapping[str, Field], path: str
) -> tuple[Section, ...]:
    sections = []
    for section in written.form.values():
        rows = tuple(compilation.require_all(row, fields, "E002", entity=written.key) for row in section.fields)
        label = compilation.label(f"{path}.sections.{section.key}", section.label)
        sections.append(Section(section.key, label, tuple(row for row in rows if row)))
    placed = {key for section in sections for row in section.rows for key in row}
    return tuple(sections) + _rest(compilation, fields, placed)


def _rest(compilation: Compilation, fields: Mapping[str, Field], placed: set[str]) -> tuple[Section, ...]:
    """Fields the author placed nowhere: two beside each other, line tables and long texts on their own."""
    wide: list[str] = []
    narrow: list[str] = []
    for key, field in fields.items():
        if key not in placed and not field.retired:
            (wide if field.type.key in ("lines", "long_text", "file") else narrow).append(key)
    rows = [tuple(narrow[at : at + 2]) for at in range(0, len(narrow), 2)] + [(key,) for key in wide]
    if not rows:
        return ()
    code = "form.more" if placed else "form.basics"
    label = {language: messages.text(code, language) for language in compilation.definition.languages}
    return (Section("more_fields" if placed else "basics", label, tuple(rows)),)


def _columns(
    compilation: Compilation,
    written: EntityDefinition,
    fields: Mapping[str, Field],
    display: tuple[tuple[str, str | None], ...],
    workflow: Workflow | None,
) -> tuple[str, ...]:
    if written.list is not None and written.list.columns:
        shown = [key for key, field in fields.items() if field.stored]
        return compilation.require_stored(written.list.columns, [*shown, *SYSTEM_FIELDS], written)
    keys = [key for _, key in display if key]
    keys += ["stage"] if workflow else []
    for kinds in (("link",), ("money",), ("choice",), ("date",), ("phone", "text")):
        keys += [key for key, field in fields.items() if field.type.key in kinds and not field.retired][:2]
    return tuple(dict.fromkeys(keys))[: _COLUMNS - 1] + ("owner",)


def _sort(compilation: Compilation, written: EntityDefinition, fields: Mapping[str, Field]) -> tuple[str, bool]:
    if written.list is None or written.list.sort is None:
        return "id", True
    reference = written.list.sort
    name = Reference(reference.name.removeprefix("-"), reference.location)
    sortable = [key for key, field in fields.items() if field.stored and field.type.sortable]
    if compilation.require(name, [*sortable, *SYSTEM_FIELDS], "E014", entity=written.key) is None:
        return "id", True
    return name.name, reference.name.startswith("-")


def _filters(
    compilation: Compilation, written: EntityDefinition, fields: Mapping[str, Field], workflow: Workflow | None
) -> tuple[str, ...]:
    stored = [key for key, field in fields.items() if field.stored]
    if written.list is not None and written.list.filters:
        return compilation.require_all(written.list.filters, [*stored, *SYSTEM_FIELDS], "E014", entity=written.key)
    keys = ["stage"] if workflow else []
    keys += [key for key in stored if fields[key].type.key in ("choice", "link", "boolean") and not fields[key].retired]
    return (*keys[: _FILTERS - 1], "owner")


def _access(
    compilation: Compilation,
    written: EntityDefinition,
    fields: Mapping[str, Field],
    display: tuple[tuple[str, str | None], ...],
) -> dict[str, Access]:
    found = {}
    named = {key for _, key in display}
    for access in written.access.values():
        for hidden in access.hide:
            if hidden.name in named:  # what a record is called stands in links, lists and notices
                compilation.refuse("E021", hidden.location, name=hidden.name, entity=written.key)
        role = compilation.require(access.role, compilation.definition.roles, "E003")
        if role is not None:
            found[role] = _access_of(compilation, written, access, fields)
    return found


def _access_of(
    compilation: Compilation, written: EntityDefinition, access: AccessDefinition, fields: Mapping[str, Field]
) -> Access:
    def scope(reference: Reference | None) -> str | None:
        if reference is None:
            return None
        return compilation.require(reference, [*SCOPES, *written.scopes], "E004")

    # `items.cost` hides a column of a line table
    known = [*fields, *(f"{key}.{column}" for key, field in fields.items() for column in field.fields)]
    return Access(
        role=access.role.name,
        read=scope(access.read),
        write=scope(access.write),
        delete=scope(access.delete),
        create=access.create,
        bring_in=access.bring_in,
        hide=frozenset(compilation.require_all(access.hide, known, "E002", entity=written.key)),
        readonly=frozenset(compilation.require_all(access.readonly, known, "E002", entity=written.key)),
    )


def _scopes(compilation: Compilation, written: EntityDefinition) -> dict[str, Expression]:
    found = {
        key: compilation.expression(scope.where, written.key, BOOLEAN, sql=True)
        for key, scope in written.scopes.items()
    }
    return {key: expression for key, expression in found.items() if expression is not None}


def _make(compilation: Compilation, written: MakeDefinition, source: str, path: str) -> Make:
    target = compilation.require(written.entity, compilation.definition.entities, "E001")
    target_fields = compilation.definition.entities[target].fields if target else {}
    links = [key for key, field in target_fields.items() if field.to is not None and field.to.name == source]
    if target:
        compilation.require(written.back, links, "E019", entity=target, source=source)
    lines = {}
    for key, rows in written.lines.items():
        table = compilation.require(rows.rows, _line_tables(compilation, source), "E002", entity=source)
        into = target_fields.get(key)
        if target and (into is None or into.type.name != "lines"):
            compilation.refuse("E002", rows.location, name=key, entity=target)
        elif table:
            expected = {
                name: kind for name, column in (into.fields if into else {}).items() if (kind := field_type(column))
            }
            _check_targets(compilation, rows.set, into.fields if into else {}, f"{target}.{key}")
            lines[key] = MakeLines(table, compilation.expressions(rows.set, f"{source}.{table}", expected))
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


def _line_tables(compilation: Compilation, entity: str) -> list[str]:
    fields = compilation.definition.entities[entity].fields
    return [key for key, field in fields.items() if field.type.name == "lines"]


def _check_targets(
    compilation: Compilation, written: Mapping[str, object], fields: Mapping[str, object], entity: str
) -> None:
    for key, expression in written.items():
        location = getattr(expression, "location", None)
        if fields and location is not None:
            compilation.require(Reference(key, location), fields, "E002", entity=entity)


def _search(
    fields: Mapping[str, Field], display: tuple[tuple[str, str | None], ...], columns: tuple[str, ...]
) -> tuple[str, ...]:
    """Return what a record is found by: its name, what the author says, and the links its list shows."""
    keys = ["number", *(key for _, key in display if key)]
    keys += [key for key in columns if key in fields and fields[key].to is not None]
    keys += [key for key, field in fields.items() if field.search and field.stored]
    keys += [key for key, field in fields.items() if field.type.key in ("phone", "credit_code")]
    searchable = {key for key, field in fields.items() if field.type.searchable or field.type.key == "link"} | {
        "number"
    }
    return tuple(key for key in dict.fromkeys(keys) if key in searchable)
