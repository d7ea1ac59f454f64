"""The JSON Schema of each kind of file, and what in a document differs from it.

Enters: a document and its kind. Leaves: problems, each with its place and, where one is near, what was meant. Must not
reach beyond ``schemas/``: a reference to anything else is our own mistake.

The schemas in ``schemas/`` are the notation: editors complete and check with the same files.
"""

import json
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import islice
from typing import Any, Final

from jsonschema import Draft202012Validator, ValidationError
from jsonschema.protocols import Validator
from jsonschema.validators import extend
from referencing import Registry
from referencing.jsonschema import DRAFT202012, Schema

from engine.definition.kinds import KINDS
from engine.definition.problems import PROBLEMS_PER_FILE, problem
from engine.definition.schema_words import Found, tell, without_echoes
from engine.definition.yaml_reader import Document
from engine.errors import Problem
from engine.places import find_data

OTHERS: Final = ("patch", "lock")
"""Schemas of what is no kind of definition: a site's changes to a template, and which template that is."""


def check_schema(document: Document, kind: str) -> list[Problem]:
    """Return every difference between a document and the schema of its kind, in the order of the file.

    ``kind`` may also be ``lock``, or ``patch`` for what a site's file says about its template.
    """
    errors = _validator(kind).iter_errors(document.data)
    told = _distinct(item for error in errors for item in tell(document, error))
    found = list(islice(told, PROBLEMS_PER_FILE))
    problems = sorted(without_echoes(found), key=lambda item: (item.location, item.code))
    if next(told, None) is not None:
        problems.append(problem("D030", problems[-1].location))
    return problems


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


def _distinct(found: Iterable[Found]) -> Iterator[Found]:
    seen: set[object] = set()
    for item in found:
        if item.identity not in seen:
            seen.add(item.identity)
            yield item


def _unique_items(validator: Validator, wanted: bool, instance: Any, schema: Any) -> Iterator[ValidationError]:
    """Only texts and numbers are compared; comparing a long list of maps pair by pair would take minutes."""
    plain = [item for item in instance if not isinstance(item, dict | list)] if isinstance(instance, list) else []
    if wanted and len(set(plain)) < len(plain):
        yield ValidationError("")


def _if(validator: Any, condition: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
    """Twenty conditions by type stand at each field; to ask them the library's way took a third of a check.

    The schemas have only these two: some keys are there, and a key has one value. ``test_schema`` holds them to it.
    """
    if not isinstance(instance, dict) or not all(key in instance for key in condition["required"]):
        return
    if all(instance[key] == rule["const"] for key, rule in condition.get("properties", {}).items()):
        yield from validator.descend(instance, schema["then"], schema_path="then")


_Checker: Any = extend(Draft202012Validator, {"uniqueItems": _unique_items, "if": _if})  # type: ignore[no-untyped-call]


@cache
def _validator(kind: str) -> Validator:
    checker: Validator = _Checker(resolved_schema(kind), registry=Registry())
    return checker


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
