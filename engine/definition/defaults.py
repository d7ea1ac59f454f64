"""What a file leaves to the language, written out: ``required: false``, ``reason: none``, two digits of money.

Enters: the data of a definition. Leaves: the same data with more keys. Must not say anything the language would refuse:
which keys fit where is asked of the schema.
"""

from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from decimal import Decimal
from typing import Any, Final, get_args, get_origin, get_type_hints

from engine.definition.apps import DEFAULTS
from engine.definition.kinds import Kind
from engine.definition.model import (
    ApprovalDefinition,
    AutomationsDefinition,
    DashboardDefinition,
    EntityDefinition,
    PrintDefinition,
    ReportsDefinition,
    StageDefinition,
    WorkflowDefinition,
)
from engine.definition.reading import key_of
from engine.definition.schema import check_schema
from engine.definition.yaml_reader import NodePath, parse_yaml
from engine.definition.yaml_writer import write_yaml

_ROOTS: Final[Mapping[str, type]] = {
    "entity": EntityDefinition,
    "workflow": WorkflowDefinition,
    "approval": ApprovalDefinition,
    "print": PrintDefinition,
    "automations": AutomationsDefinition,
    "reports": ReportsDefinition,
    "dashboard": DashboardDefinition,
}
_ROUNDS: Final = 3
"""A key that does not fit may hide that another does not."""


def write_defaults(kind: Kind, data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the data with every default written out that may stand there."""
    filled: dict[str, Any] = _fill(_ROOTS.get(kind), data)
    if kind == "app":
        filled = {**filled, **{key: value for key, value in DEFAULTS.items() if value and key not in filled}}
    added = set(_added((), data, filled))
    for _ in range(_ROUNDS):
        wrong = _find_wrong(kind, filled, added)
        for path in wrong:
            filled = _without(filled, path)
        added -= wrong
    return filled


def _fill(kind: Any, data: Any) -> Any:
    if kind is None or not isinstance(data, dict):
        return data
    filled = dict(data)
    hints = get_type_hints(kind)
    for item in fields(kind):
        key = key_of(kind, item.name)
        if key in data:
            filled[key] = _fill_below(hints[item.name], data[key])
        elif (default := _default(item)) is not None:
            filled[key] = default
    if "outcomes" in data:
        filled["outcomes"] = {key: _fill(StageDefinition, value) for key, value in data["outcomes"].items()}
    return filled


def _fill_below(annotation: Any, value: Any) -> Any:
    """Fill a map of definitions, or one; the elements of a list stay as they are."""
    below = next((one for one in get_args(annotation) if is_dataclass(one)), annotation)
    if not is_dataclass(below) or not isinstance(value, dict):
        return value
    if get_origin(annotation) is Mapping:
        return {key: _fill(below, item) for key, item in value.items()}
    return _fill(below, value)


def _default(item: "Field[Any]") -> Any:
    """Return a default that can be written; most mean that nothing is."""
    if item.default is MISSING or item.default in (None, "", ()):
        return None
    if isinstance(item.default, tuple):
        return list(item.default)
    return item.default if isinstance(item.default, bool | int | str | Decimal) else None


def _added(path: NodePath, before: Any, after: Any) -> Iterator[NodePath]:
    for key, value in after.items() if isinstance(after, dict) else ():
        if not isinstance(before, dict) or key not in before:
            yield (*path, key)
        else:
            yield from _added((*path, key), before[key], value)


def _find_wrong(kind: Kind, data: dict[str, Any], added: set[NodePath]) -> set[NodePath]:
    """Return the added keys that the schema refuses where they stand."""
    document = parse_yaml(write_yaml(data), "")
    places = {problem.location for problem in check_schema(document, kind)}
    return {path for path in added if {document.at_key(path), document.at_value(path)} & places}


def _without(data: Mapping[str, Any], path: NodePath) -> dict[str, Any]:
    key, *rest = map(str, path)
    if rest:
        return {**data, key: _without(data[key], tuple(rest))}
    return {name: value for name, value in data.items() if name != key}
