"""A checked expression as JSON and back, for releases that keep it and for evaluators outside Python.

Enters: ``Checked``, or the lists it was written as. Leaves: nested JSON lists; a node is ``["Compare", ...]`` with the
values of its fields in the order of ``resolved.py``. Must not be fed data that did not come from ``to_json``.
"""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from engine.expression import resolved, syntax
from engine.expression.check import Checked
from engine.expression.types import Kind, Type
from engine.expression.values import WorkingTime

FORMAT = 1
_NODES = {node.__name__: node for node in resolved.NODES}
_SYNTAX = {node.__name__: node for node in syntax.NODES}


def to_json(checked: Checked) -> list[Any]:
    """Return a checked expression as nested lists of JSON values."""
    uses, context = sorted(map(list, checked.uses)), sorted(checked.context)
    return [FORMAT, checked.text, checked.entity, uses, context, _write(checked.tree)]


def from_json(data: list[Any]) -> Checked:
    """Return the checked expression ``to_json`` wrote.

    Raises:
        ValueError: it was written in another format.
    """
    if data[0] != FORMAT:
        raise ValueError(f"expression format {data[0]} is not known")
    _, text, entity, uses, context, tree = data
    root = _read(tree, _NODES)
    return Checked(root, root.type, text, entity, frozenset(map(tuple, uses)), frozenset(context))


def tree_to_json(tree: syntax.Node) -> Any:
    """Return a tree as it was written, as nested lists of JSON values."""
    return [FORMAT, _write(tree)]


def tree_from_json(data: Any) -> syntax.Node:
    """Return the tree ``tree_to_json`` wrote; raises ``ValueError`` for anything else."""
    try:
        written, tree = data
        found = _read(tree, _SYNTAX)
    except (ValueError, TypeError, LookupError, ArithmeticError) as error:
        raise ValueError("no tree") from error
    if written != FORMAT or not isinstance(found, syntax.NODES):
        raise ValueError("no tree")
    return found  # type: ignore[return-value]


def _write(value: Any) -> Any:
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, resolved.NODES + syntax.NODES) and is_dataclass(value):
        return [type(value).__name__, *(_write(getattr(value, field.name)) for field in fields(value))]
    if isinstance(value, tuple):
        return ["list", *map(_write, value)]
    return _write_value(value)


def _write_value(value: Any) -> list[Any]:
    if isinstance(value, Type):
        return ["type", value.kind.value, value.entity, list(value.options), value.scale]
    if isinstance(value, Decimal):
        return ["decimal", str(value)]
    if isinstance(value, date):
        return ["date", value.isoformat()]
    if isinstance(value, timedelta):
        return ["seconds", value // timedelta(seconds=1)]
    if isinstance(value, WorkingTime):
        return ["working", value.days, value.hours]
    raise TypeError(f"{type(value).__name__} cannot stand in an expression")


def _read(data: Any, nodes: Mapping[str, type]) -> Any:
    if not isinstance(data, list):
        return data
    tag, *parts = data
    if tag == "list":
        return tuple(_read(part, nodes) for part in parts)
    if tag in nodes:
        return nodes[tag](*(_read(part, nodes) for part in parts))
    return _READERS[tag](*parts)


def _read_type(kind: str, entity: str | None, options: list[str], scale: int | None) -> Type:
    return Type(Kind(kind), entity, tuple(options), scale)


_READERS: dict[str, Any] = {
    "type": _read_type,
    "decimal": Decimal,
    "date": date.fromisoformat,
    "seconds": lambda seconds: timedelta(seconds=seconds),
    "working": WorkingTime,
}
