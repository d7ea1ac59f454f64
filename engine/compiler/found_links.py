"""Links that are found (``found_by``) and fields a number is made of (``{store.code}``): can they be found at all?

Enters: written fields and series. Leaves: compiled expressions, and problems. Must not accept a link that might lead to
several records, nor a number that would have no text to show.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from engine.compiler.app import Expression
from engine.compiler.books import missing_fields
from engine.compiler.compilation import Compilation
from engine.compiler.shapes import field_type
from engine.definition.model import EntityDefinition, FieldDefinition, NumberDefinition, Reference

_PLACE: Final = re.compile(r"\{([a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)?)\}")
_ONE: Final = re.compile(r"\{([a-z][a-z0-9_]*)\}")
_DATE: Final = re.compile("(yyyy|yy|MM|dd)+")
_IN_NUMBERS: Final = ("text", "choice", "integer", "number_series")


def compile_found_by(compilation: Compilation, written: FieldDefinition, shape: str) -> dict[str, Expression]:
    """Return what the fields of the record to be found must be; ``record.`` is the record of a line."""
    target = compilation.definition.entities.get(written.to.name) if written.to is not None else None
    if not written.found_by or target is None:
        return {}
    found = {}
    outer = shape.partition(".")[0] if "." in shape else None
    for key, text in written.found_by.items():
        if compilation.require(Reference(key, text.location), target.fields, "E002", entity=target.key) is None:
            continue
        value = compilation.expression(text, shape, field_type(target.fields[key]), outer=outer)
        if value is not None:
            found[key] = value
    _check_one(compilation, written, target)
    return found


def compile_named(compilation: Compilation, written: FieldDefinition) -> str | None:
    """Return the text field a record of the linked thing is named by alone, and that is all it needs."""
    target = compilation.definition.entities.get(written.to.name) if written.to is not None else None
    named = _ONE.fullmatch(target.display or "") if target is not None else None
    name = target.fields.get(named[1]) if target is not None and named is not None else None
    if target is None or name is None or name.type.name != "text" or any(missing_fields(target, {name.key})):
        compilation.refuse("E116", written.location, name=written.key)
        return None
    return name.key


def _check_one(compilation: Compilation, written: FieldDefinition, target: EntityDefinition) -> None:
    fixed = (written.default, written.default_from, written.computed, written.fetch or None)
    if any(one is not None for one in fixed) or (written.required and written.make_missing):
        compilation.refuse("E115", written.location, name=written.key)
    keys = set(written.found_by)
    known = [{one.name for one in unique.fields} for unique in target.unique.values() if unique.where is None]
    known += [{key} for key, field in target.fields.items() if field.unique]
    if keys <= target.fields.keys() and keys not in known:
        compilation.refuse("E111", written.location, entity=target.key, fields=", ".join(written.found_by))
    for key in missing_fields(target, keys) if written.make_missing else ():
        compilation.refuse("E112", written.location, name=key, entity=target.key)


def check_series(compilation: Compilation) -> None:
    """Note a problem for each field a pattern names that is not there or cannot stand in a number."""
    for written in compilation.definition.entities.values():
        for number in _series(written):
            for place in _PLACE.findall(number.pattern):
                if not _DATE.fullmatch(place) and not _stands(compilation, written.fields, place):
                    compilation.refuse("E110", number.location, name=place, entity=written.key)


def _series(written: EntityDefinition) -> Iterator[NumberDefinition]:
    if written.number is not None:
        yield written.number
    yield from (field.number for field in written.fields.values() if field.number is not None)


def _stands(compilation: Compilation, fields: Mapping[str, FieldDefinition], place: str) -> bool:
    own, _, there = place.partition(".")
    field = fields.get(own)
    if field is not None and there:
        target = compilation.definition.entities.get(field.to.name) if field.to is not None else None
        field = None if target is None else target.fields.get(there)
    return field is not None and field.type.name in _IN_NUMBERS
