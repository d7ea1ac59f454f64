"""From written fields to compiled fields, of an entity or of one of its line tables.

Enters: ``FieldDefinition`` by key. Leaves: ``Field`` by key and the order in which computed fields are computed. Must
not guess: a field with a mistake is left out and the problem noted.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from graphlib import CycleError, TopologicalSorter
from typing import Any
from zoneinfo import ZoneInfo

from engine import messages
from engine.compiler import patterns
from engine.compiler.app import SYSTEM_FIELDS, Best, Expression, Field, Otherwise
from engine.compiler.compilation import Compilation
from engine.compiler.field_types import FIELD_TYPES, FieldType, find_type
from engine.compiler.found_links import compile_found_by, compile_named
from engine.compiler.readers import Wrong, is_empty
from engine.compiler.retirement import option_successors, retired_options
from engine.compiler.shapes import field_type, is_many, leads_to
from engine.definition.model import FieldDefinition, Reference
from engine.errors import Location
from engine.expression import BOOLEAN, Kind, nearest
from engine.expression import RESERVED as WORDS
from engine.expression.types import Type, can_hold

_CALLED = {
    **dict.fromkeys(("today", "今天", "当天"), 'default_from: "today()"'),
    **dict.fromkeys(("now", "现在", "当前时间"), 'default_from: "now()"'),
    **dict.fromkeys(("user", "me", "本人", "当前用户", "current_user"), "default_from: user"),
}
"""What people write as a default who mean an expression."""
RESERVED = frozenset(SYSTEM_FIELDS) | {"version", "owner_id", "team_id", "release_id", "deleted_at", "search_text"} | {
    "parent_id", "position", "user", "record", "file", "values", "not_duplicate",
}  # fmt: skip
"""Keys no field may take: they name what every record has, or mean something else in the language."""


def compile_fields(
    compilation: Compilation, written: Mapping[str, FieldDefinition], shape: str, path: str
) -> dict[str, Field]:
    """Return the compiled fields of ``shape``; ``path`` is where their translations stand."""
    found = (compile_field(compilation, field, shape, f"{path}.fields.{key}") for key, field in written.items())
    return {field.key: field for field in found if field is not None}


def compile_field(compilation: Compilation, written: FieldDefinition, shape: str, path: str) -> Field | None:
    """Return one compiled field, or None when its type is unknown."""
    name = compilation.require(written.type, FIELD_TYPES, "E005")
    if name is None:
        compilation.set_aside(path)
        return None
    _check_key(compilation, written)
    declared = FIELD_TYPES[name]
    field = _field(compilation, written, declared, shape, path)
    if declared.has_rows:
        field = _with_lines(compilation, field, written, shape, path)
    otherwise, default = _otherwise(compilation, written, field), _default(compilation, written, field)
    return field if otherwise is default is None else replace(field, otherwise=otherwise, default=default)


def compute_order(compilation: Compilation, fields: Mapping[str, Field]) -> tuple[str, ...]:
    """Return the keys of the computed fields, each after those it reads; a circle is a problem.

    Source: topological sort of the standard library.
    """
    computed = {key: field.computed for key, field in fields.items() if field.computed is not None}
    graph = {key: {use[0] for use in one.checked.uses if use[0] in computed} for key, one in computed.items()}
    try:
        return tuple(TopologicalSorter(graph).static_order())
    except CycleError as error:
        circle: Sequence[str] = error.args[1]
        compilation.refuse("E007", computed[circle[0]].location, cycle=" → ".join(circle))
        return ()


def _field(compilation: Compilation, written: FieldDefinition, declared: FieldType, shape: str, path: str) -> Field:
    options = {key: compilation.label(f"{path}.options.{key}", text) for key, text in written.options.items()}
    return Field(
        key=written.key,
        type=declared,
        label=compilation.label(path, written.label),
        location=written.location,
        help=compilation.label(f"{path}.help", written.help),
        required=written.required,
        readonly=written.readonly or any((written.computed, written.best)) or declared.drawn,
        unique=written.unique or declared.drawn,
        search=written.search,
        words=written.words,
        adds_up=written.adds_up,
        max_length=written.max_length,
        min_length=written.min_length,
        pattern=_pattern(compilation, written),
        min=written.min if written.min is not None else declared.min,
        max=_maximum(compilation, written, declared),
        scale=written.scale if written.scale is not None else declared.scale,
        options=options,
        to=_target(compilation, written),
        fetch=_fetch(compilation, written),
        quick_create=tuple(one.name for one in written.quick_create),
        make_missing=written.make_missing,
        many=written.many,
        accept=tuple(ending.lower().lstrip(".") for ending in written.accept) or declared.accept,
        original=written.original,
        max_size=written.max_size if written.max_size is not None else declared.max_size,
        number=written.number,
        min_rows=written.min_rows,
        max_rows=written.max_rows,
        was=written.was,
        retired=written.retired is not None,
        keep=written.existing == "keep",
        convert=written.existing == "convert",
        became=option_successors(compilation, written),
        retired_options=retired_options(compilation, written),
        **_expressions(compilation, written, shape),
    )


def _expressions(compilation: Compilation, written: FieldDefinition, shape: str) -> dict[str, Any]:
    own = field_type(written)
    return {
        "required_when": compilation.expression(written.required_when, shape, BOOLEAN),
        "visible_when": compilation.expression(written.visible_when, shape, BOOLEAN),
        "readonly_when": compilation.expression(written.readonly_when, shape, BOOLEAN),
        "default_from": compilation.expression(written.default_from, shape, own),
        "computed": compilation.expression(written.computed, shape, own),
        "migrate": _migrate(compilation, written, shape),
        "where": _where(compilation, written, shape),
        "found_by": compile_found_by(compilation, written, shape),
        "best": _best(compilation, written, shape),
    }


def _migrate(compilation: Compilation, written: FieldDefinition, shape: str) -> Expression | None:
    """Compile what the records there are get; the database works it out, on behalf of nobody.

    The field's own name is its former value, of the type ``was_type`` says.
    """
    former = find_type(written.was_type.name) if written.was_type is not None else None
    if written.was_type is not None and written.migrate is None:
        compilation.refuse("E068", written.was_type.location, name=written.key)
    expected = field_type(written)
    with compilation.former_type(shape, written.key, None if former is None else Type(former.kind, scale=former.scale)):
        found = compilation.expression(written.migrate, shape, expected, sql=True)
    if found is not None and found.asks_who:
        compilation.refuse("E067", found.location, name=written.key)
    return found


def _where(compilation: Compilation, written: FieldDefinition, shape: str) -> Expression | None:
    """Compile which records a link may lead to; ``record.`` is the record being edited, also for a line of it."""
    if written.to is None:
        return None
    return compilation.expression(written.where, written.to.name, BOOLEAN, sql=True, outer=shape.partition(".")[0])


def _best(compilation: Compilation, written: FieldDefinition, shape: str) -> Best | None:
    """Compile how a link finds its record; ``line.`` is the line the field stands in."""
    if written.best is None or written.to is None or written.to.name not in compilation.shapes:
        return None
    own = (
        written.default, written.default_from, written.computed, written.fetch or None, written.where,
        written.found_by or None,
    )  # fmt: skip
    if any(one is not None for one in own) or written.quick_create:
        compilation.refuse("E083", written.best.location, name=written.key)
    target, entity = written.to.name, shape.partition(".")[0]
    line = shape if shape != entity else None
    where = compilation.expression(written.best.where, target, BOOLEAN, sql=True, outer=entity, line=line)
    if where is not None:
        _refuse_computed(compilation, where, entity, shape)
    fields = compilation.definition.entities[target].fields
    stored = [key for key, field in fields.items() if (one := find_type(field.type.name)) and one.sortable]
    order = []
    for reference in written.best.order:
        name = Reference(reference.name.removeprefix("-"), reference.location)
        if compilation.require(name, [*stored, *SYSTEM_FIELDS], "E014", entity=target) is not None:
            order.append((name.name, reference.name.startswith("-")))
    return None if where is None else Best(where, tuple(order))


def _refuse_computed(compilation: Compilation, where: Expression, entity: str, shape: str) -> None:
    """What is computed is worked out after links have found their records."""
    record = compilation.definition.entities[entity].fields
    lines = record[shape.partition(".")[2]].fields if shape != entity else {}
    for name in sorted(where.checked.outer_reads):
        field = lines.get(name.removeprefix("line.")) if name.startswith("line.") else record.get(name)
        if field is not None and field.computed is not None:
            compilation.refuse("E084", where.location, name=field.key)


def _with_lines(compilation: Compilation, field: Field, written: FieldDefinition, shape: str, path: str) -> Field:
    allowed = {}
    for key, column in written.fields.items():
        declared = FIELD_TYPES.get(column.type.name)
        if declared is not None and not declared.in_lines:
            compilation.refuse("E016", column.type.location, type=declared.key)
            compilation.set_aside(f"{path}.fields.{key}")
        else:
            allowed[key] = column
    fields = compile_fields(compilation, allowed, f"{shape}.{field.key}", path)
    return replace(field, fields=fields, compute_order=compute_order(compilation, fields))


def _check_key(compilation: Compilation, written: FieldDefinition) -> None:
    if written.key in RESERVED | WORDS:
        compilation.refuse("E013", written.location, name=written.key)


def _pattern(compilation: Compilation, written: FieldDefinition) -> str | None:
    mistake = patterns.find_mistake(written.pattern) if written.pattern else None
    if mistake:
        compilation.refuse("E008", written.location, pattern=written.pattern, reason=mistake)
        return None
    return written.pattern


def _maximum(compilation: Compilation, written: FieldDefinition, declared: FieldType) -> Any:
    if written.min is not None and written.max is not None and written.min > written.max:
        compilation.refuse("E018", written.location, name=written.key, min=written.min, max=written.max)
    return written.max if written.max is not None else declared.max


def _target(compilation: Compilation, written: FieldDefinition) -> str | None:
    if written.to is None:
        return None
    return compilation.require(written.to, compilation.definition.entities, "E001")


def _fetch(compilation: Compilation, written: FieldDefinition) -> tuple[tuple[str, str], ...]:
    """``customer.region``: the link stands beside the field (in the same entity or line table)."""
    found = (_source(compilation, written, reference) for reference in written.fetch)
    return tuple(one for one in found if one is not None)


def _source(compilation: Compilation, written: FieldDefinition, fetch: Reference) -> tuple[str, str] | None:
    link, _, there = fetch.name.partition(".")
    siblings = _siblings(compilation, written)
    source = siblings.get(link)
    if source is None or source.to is None or is_many(source) or not there:
        links = [f"{key}." for key, field in siblings.items() if leads_to(field) is not None]
        compilation.refuse("E006", fetch.location, nearest(f"{link}.", links), name=fetch.name)
        return None
    target = compilation.definition.entities.get(source.to.name)
    if target is not None and there not in target.fields:
        compilation.refuse("E002", fetch.location, nearest(there, target.fields), name=there, entity=target.key)
        return None
    if target is not None and not _fits(written, target.fields[there]):
        compilation.refuse("E023", fetch.location, name=written.key, fetch=fetch.name)
        return None
    return link, there


def _fits(written: FieldDefinition, source: FieldDefinition) -> bool:
    """Tell whether a value of ``source`` can stand in the field as it is."""
    here, there = field_type(written), field_type(source)
    if here is None or there is None:
        return True  # an unknown type is a problem of its own
    if here.kind is Kind.JSON and written.type.name not in (source.type.name, "json"):
        return False
    return here.kind not in (Kind.FILE, Kind.LINES) and can_hold(here, there)


def _siblings(compilation: Compilation, written: FieldDefinition) -> Mapping[str, FieldDefinition]:
    for entity in compilation.definition.entities.values():
        if entity.fields.get(written.key) is written:
            return entity.fields
        for lines in entity.fields.values():
            if lines.fields.get(written.key) is written:
                return lines.fields
    return {}


def _default(compilation: Compilation, written: FieldDefinition, field: Field) -> Any:
    if is_empty(written.default) or not field.stored:
        return None
    meant = _CALLED.get(str(written.default).strip().removesuffix("()").lower())
    return _value(compilation, field, written.default, "E009", written.default_at or written.location, meant)


_EMPTY, _CREATE = "empty", "create"


def _otherwise(compilation: Compilation, written: FieldDefinition, field: Field) -> Otherwise | None:
    """Compile what becomes of values a new type cannot read; what people choose from a list can only be left empty."""
    if field.convert and field.migrate is not None:
        compilation.refuse("E071", field.migrate.location, name=field.key)
    if written.otherwise is None:
        return None
    if not field.convert:
        compilation.refuse("E070", written.location, name=field.key)
    if written.otherwise == _EMPTY:
        return Otherwise()
    if written.otherwise == _CREATE and field.type.points:
        return Otherwise(names=compile_named(compilation, written))
    if field.type.points:
        compilation.refuse("E073", written.location, name=field.key)
        return None
    return Otherwise(_value(compilation, field, written.otherwise, "E072", written.location))


def _value(
    compilation: Compilation, field: Field, said: Any, code: str, place: Location, meant: str | None = None
) -> Any:
    """Return what a field reads in a value its author wrote."""
    try:
        value = field.type.parse(said, field)
    except Wrong as wrong:
        compilation.refuse(code, place, meant, name=field.key, reason=_Said(wrong))
        return None
    if isinstance(value, datetime) and value.tzinfo is None:
        return value.replace(tzinfo=ZoneInfo(compilation.definition.timezone)).astimezone(UTC)
    return value


class _Said:
    """A reason that speaks the reader's language."""

    def __init__(self, wrong: Wrong) -> None:
        self._wrong = wrong

    def text(self, language: str) -> str:
        return messages.text(self._wrong.code, language, **self._wrong.params)
