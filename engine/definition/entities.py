"""From the document of an ``entity.yaml`` to an ``EntityDefinition``.

Enters: a checked document. Leaves: the definition, and problems that a schema cannot state. Must not resolve names.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

from engine.definition.model import (
    AccessDefinition,
    DuplicateDefinition,
    EntityDefinition,
    FieldDefinition,
    MatchDefinition,
    MoveDefinition,
    NumberDefinition,
    Reference,
    RoleDefinition,
    SectionDefinition,
    StageDefinition,
)
from engine.definition.problems import problem
from engine.definition.reading import (
    Node,
    build,
    key_reference,
    read_number,
    read_reason,
    read_reference,
    reads,
    reads_class,
)
from engine.definition.yaml_reader import Document
from engine.errors import Problem


def parse_entity(document: Document) -> EntityDefinition:
    """Return the entity written in ``document``."""
    root = Node(document, (), document.data)
    kind = root.get("entity")
    display = root.find("display")
    return build(
        EntityDefinition,
        root,
        key=kind.value,
        location=kind.location,
        display_location=document.at_text(display.path) if display else None,
    )


def check_entity(definition: EntityDefinition) -> Iterator[Problem]:
    """Yield what is wrong with an entity beyond the shape of its file."""
    if definition.number is not None:
        yield from _check_number(definition.number)
    for field in _all_fields(definition.fields):
        if field.number is not None:
            yield from _check_number(field.number)
        yield from _check_limits(field)


_PARTS: Final = {"yearly": "yy", "monthly": "MM", "daily": "dd"}
_PLACEHOLDER: Final = re.compile(r"\{([^{}]*)\}")
_DATED: Final = re.compile("(yyyy|yy|MM|dd)+")
_SOURCE: Final = re.compile(r"\w+\.\w+")
_SIZES: Final = {"KB": 1024, "MB": 1024**2, "GB": 1024**3}


def _check_number(number: NumberDefinition) -> Iterator[Problem]:
    """A series that starts again needs the period in its pattern, else the same number is given twice."""
    needed = _PARTS.get(number.reset, "")
    dated = [part for part in _PLACEHOLDER.findall(number.pattern) if _DATED.fullmatch(part)]
    if needed and not any(needed in part for part in dated):
        yield problem("D212", number.location, f"{{{needed}}}", key=number.pattern, reset=number.reset)


def _all_fields(fields: Mapping[str, FieldDefinition]) -> Iterator[FieldDefinition]:
    for field in fields.values():
        yield field
        yield from _all_fields(field.fields)


def _check_limits(field: FieldDefinition) -> Iterator[Problem]:
    if field.min_rows > field.max_rows:
        yield problem("D211", field.location, key=field.key, low="min_rows", high="max_rows")
    if field.max_length is not None and (field.min_length or 0) > field.max_length:
        yield problem("D211", field.location, key=field.key, low="min_length", high="max_length")


def _read_size(node: Node) -> int:
    """Return bytes of a size such as ``20MB``."""
    return int(node.value[:-2]) * _SIZES[node.value[-2:]]


def _read_rows(node: Node) -> tuple[tuple[Reference, ...], ...]:
    """Return the rows of a section: ``[a, [b, c]]`` is one field alone, then two side by side."""
    return tuple(
        tuple(map(read_reference, row.elements())) if isinstance(row.value, list) else (read_reference(row),)
        for row in node.elements()
    )


def _read_access(node: Node) -> AccessDefinition:
    return build(AccessDefinition, node, role=key_reference(node))


def _read_match(node: Node) -> tuple[MatchDefinition, ...]:
    return tuple(_read_one_match(entry) for entry in node.entries())


def _read_one_match(node: Node) -> MatchDefinition:
    field = key_reference(node)
    if node.value.endswith("m"):
        return MatchDefinition(field, within=int(node.value.removesuffix("m")))
    if node.value == "domain":
        return MatchDefinition(field, domain=True)
    return MatchDefinition(field, None if node.value == "exact" else read_number(node))


def _read_pair(node: Node) -> tuple[Reference, Reference]:
    return key_reference(node), read_reference(node)


def _read_fetch(node: Node) -> tuple[Reference, ...]:
    """Return the sources of ``agreed.price or product.list_price``, each with its own place."""
    start = node.document.at_text(node.path)
    return tuple(
        Reference(found.group(), replace(start, column=start.column + found.start()))
        for found in _SOURCE.finditer(node.value)
    )


reads_class(AccessDefinition, _read_access)
reads(DuplicateDefinition, "match", _read_match)
reads(DuplicateDefinition, "with_", lambda node: tuple(map(_read_pair, node.entries())))
reads(FieldDefinition, "fetch", _read_fetch)
reads(FieldDefinition, "max_size", _read_size)
reads(FieldDefinition, "default_at", lambda node: node.document.at_value(node.path))
for owner in (FieldDefinition, EntityDefinition, StageDefinition, MoveDefinition, RoleDefinition):
    reads(owner, "retired", read_reason)
reads(SectionDefinition, "fields", _read_rows)
