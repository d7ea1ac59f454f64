"""A schema with everything it refers to written out in its place.

Enters: the name of a kind of file. Leaves: its schema without references. Must not be needed to find that a file is
right: that takes ``schema`` alone, and what this module imports takes longer to load than such a check.
"""

from functools import cache
from typing import Any

from referencing import Registry
from referencing.jsonschema import DRAFT202012, Schema

from engine.definition.kinds import KINDS
from engine.definition.schema import OTHERS, read_schema


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
