"""One flat schema out of references and ``allOf``, within the document.

Enters: a JSON Schema document. Leaves: merged parts, and what could not be merged. Must not fetch anything: the
registry holds this one document and nothing else.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from referencing import Registry, Resource
from referencing.exceptions import CannotDetermineSpecification, Unresolvable
from referencing.jsonschema import DRAFT202012

Problems = list[tuple[str, dict[str, object]]]
_MOST: Final = 200


class References:
    """Follows references of one document."""

    def __init__(self, document: Any) -> None:
        try:
            resource = Resource.from_contents(document, default_specification=DRAFT202012)
        except (CannotDetermineSpecification, TypeError, AttributeError):
            resource = DRAFT202012.create_resource(document)
        own = document.get("$id", "") if isinstance(document, Mapping) else ""
        base = own if isinstance(own, str) else ""
        self._registry: Registry[Any] = Registry().with_resource(base, resource)
        self._base = base
        self._open: list[int] = []

    def merge(self, schema: Any) -> tuple[dict[str, Any], Problems]:
        """Return ``schema`` with what it refers to and its ``allOf`` laid into one map, and what was in the way."""
        problems: Problems = []
        merged: dict[str, Any] = {}
        waiting, seen = [schema], 0
        while waiting and seen < _MOST:
            seen += 1
            part = waiting.pop(0)
            if not isinstance(part, Mapping):
                continue
            reference = part.get("$ref")
            if isinstance(reference, str):
                waiting.append(self._follow(reference, problems))
            waiting += part["allOf"] if isinstance(part.get("allOf"), list) else []
            _lay_into(merged, {key: value for key, value in part.items() if key not in ("$ref", "allOf")}, problems)
        if waiting:
            problems.append(("recursive", {}))
        return merged, problems

    @contextmanager
    def inside(self, schema: Any) -> Iterator[bool]:
        """Tell whether a part is not yet being read, and remember it until the block ends."""
        mark = id(self._target(schema))
        is_new = mark not in self._open
        self._open.append(mark)
        try:
            yield is_new
        finally:
            self._open.pop()

    def _target(self, schema: Any) -> Any:
        for _ in range(_MOST):
            if not isinstance(schema, Mapping) or not isinstance(schema.get("$ref"), str):
                break
            schema = self._follow(schema["$ref"], [])
        return schema

    def _follow(self, reference: str, problems: Problems) -> Any:
        try:
            return self._registry.resolver(self._base).lookup(reference).contents
        except (Unresolvable, ValueError, TypeError, LookupError, AttributeError, RecursionError):
            problems.append(("reference", {"reference": reference}))
            return {}


def _lay_into(merged: dict[str, Any], part: Mapping[str, Any], problems: Problems) -> None:
    """The first to say something wins, except that properties and required add up."""
    for key, value in part.items():
        if key not in merged:
            merged[key] = value
        elif key == "properties" and isinstance(value, Mapping) and isinstance(merged[key], Mapping):
            merged[key] = {**value, **merged[key]}
        elif key == "required" and isinstance(value, list) and isinstance(merged[key], list):
            merged[key] = [*merged[key], *value]
        elif merged[key] != value and key not in ("title", "description", "$id", "$comment", "$schema"):
            problems.append(("conflict", {"keyword": key}))
