"""The JSON Schema of each kind of file, and what in a document differs from it.

Enters: a document and its kind. Leaves: problems, each with its place and, where one is near, what was meant. Must not
reach beyond ``schemas/``: a reference to anything else is our own mistake.

The schemas in ``schemas/`` are the notation: editors complete and check with the same files. Two libraries read them:
one only says yes, in a hundredth of the time; where it does not, the other decides, and knows what to say
(``schema_differences``).
"""

import json
from functools import cache
from pathlib import PurePosixPath
from typing import Any, Final

import jsonschema_rs
from referencing import Registry
from referencing.jsonschema import DRAFT202012, Schema

from engine.definition.kinds import KINDS
from engine.definition.yaml_reader import Document
from engine.errors import Problem
from engine.places import find_data

OTHERS: Final = ("patch", "lock")
"""Schemas of what is no kind of definition: a site's changes to a template, and which template that is."""


def check_schema(document: Document, kind: str) -> list[Problem]:
    """Return every difference between a document and the schema of its kind, in the order of the file.

    ``kind`` may also be ``lock``, or ``patch`` for what a site's file says about its template.
    """
    if is_plainly_right(document.data, kind):
        return []
    from engine.definition.schema_differences import find_differences

    return find_differences(document, kind)


def is_plainly_right(data: Any, kind: str) -> bool:
    """Tell whether nothing can be wrong; what the quick library does not understand is left to the other one."""
    try:
        return _quick(kind).is_valid(data)
    except (ValueError, RecursionError):
        return False


@cache
def _quick(kind: str) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(
        read_schema(kind),
        retriever=lambda address: read_schema(PurePosixPath(address).stem),
        base_uri=f"file:///{kind}.json",
    )


@cache
def read_schema(name: str) -> dict[str, Any]:
    """Return the schema file of a kind, ``common`` or one of ``OTHERS``, as it stands on disk."""
    text = (find_data("schemas") / f"{name}.json").read_text(encoding="utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema


@cache
def resolved_schema(kind: str) -> dict[str, Any]:
    """Return the schema of a kind with each reference replaced by what it names; a schema may contain itself."""
    resolved: dict[str, Any] = _Resolving(_registry()).resolve(read_schema(kind), f"{kind}.json")
    return resolved


@cache
def _registry() -> Registry[Schema]:
    names = ("common", *OTHERS, *KINDS)
    return Registry().with_resources((f"{name}.json", DRAFT202012.create_resource(read_schema(name))) for name in names)


class _Resolving:
    """References are followed once, at the start: to follow them for every node took most of a check."""

    def __init__(self, registry: Registry[Schema]) -> None:
        self._registry = registry
        self._targets: dict[str, dict[str, Any]] = {}

    def resolve(self, value: Any, file: str) -> Any:
        if isinstance(value, list):
            return [self.resolve(item, file) for item in value]
        if not isinstance(value, dict):
            return value
        rest = {key: self.resolve(item, file) for key, item in value.items() if key not in ("$ref", "$defs")}
        if "$ref" not in value:
            return rest
        target = self._target(value["$ref"], file)
        return {**target, **rest} if rest else target

    def _target(self, reference: str, file: str) -> dict[str, Any]:
        address = file + reference if reference.startswith("#") else reference
        if address not in self._targets:
            found = self._registry.resolver().lookup(address).contents
            self._targets[address] = target = {}
            target.update(self.resolve(found, address.partition("#")[0]))
        return self._targets[address]
