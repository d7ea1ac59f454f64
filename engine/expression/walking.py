"""The parts of a checked expression, one after the other.

Enters: a resolved node. Leaves: it and everything below it, names of ``let`` included. Must not judge what it finds.
"""

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

from engine.expression import resolved
from engine.expression.resolved import Resolved
from engine.expression.types import PAYLOAD_SHAPE, USER_SHAPE

_NODES = frozenset(resolved.NODES)
_NAMES: dict[type, tuple[str, ...]] = {}


def walk(node: Resolved) -> Iterator[Resolved]:
    """Yield ``node`` and all nodes below it, each before its own parts."""
    waiting = [node]
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(reversed(parts(node)))


def parts(node: Resolved) -> list[Resolved]:
    """Return the nodes right below ``node``."""
    found: list[Resolved] = []
    for name in names_of(type(node)):
        inner = getattr(node, name)
        if type(inner) in _NODES:
            found.append(inner)
        elif type(inner) is tuple:
            found += [one for one in inner if type(one) in _NODES]
    return found


def form_of(node: Resolved | None) -> Any:
    """Return what tells a node from others, wherever it stands."""
    if node is None:
        return None
    said = (getattr(node, name) for name in names_of(type(node)))
    below = tuple(tuple(map(_plain, one)) if isinstance(one, tuple) else _plain(one) for one in said)
    return type(node).__name__, node.type, below


def _plain(part: Any) -> Any:
    return form_of(part) if type(part) in _NODES else part


def names_of(kind: type) -> tuple[str, ...]:
    """Return what a kind of node says besides its type and its place; asked so often that it is kept."""
    if kind not in _NAMES:
        _NAMES[kind] = tuple(part.name for part in fields(kind) if part.name not in ("type", "start", "end"))
    return _NAMES[kind]


def measure(node: Resolved) -> tuple[int, int]:
    """Return how many nodes a tree has and how many levels, what stands for a name counted at each of its places."""
    known: dict[int, tuple[int, int]] = {}

    def of(part: Resolved) -> tuple[int, int]:
        if id(part) not in known:
            below = [of(one) for one in parts(part)]
            known[id(part)] = 1 + sum(size for size, _ in below), 1 + max((depth for _, depth in below), default=0)
        return known[id(part)]

    return of(node)


def read_context(node: Resolved) -> frozenset[str]:
    """Return what else a node depends on, as in ``Checked.context``."""
    found: set[str] = set()
    for part in walk(node):
        if isinstance(part, resolved.Variable):
            found.add(part.name)
        if isinstance(part, resolved.Fold) and part.entity == USER_SHAPE:
            found.add("user")
        if isinstance(part, resolved.Above):
            found.add("above")
        if isinstance(part, resolved.Outer):
            found.add(f"{'payload' if part.entity == PAYLOAD_SHAPE else 'record'}.{part.name}")
        if isinstance(part, resolved.Call) and part.name == "date":
            found.add("offset")
    return frozenset(found)


def equalities(node: Resolved) -> Iterator[tuple[str, str]]:
    """Yield what a condition over a record to link to says is equal: its field, and one of the record being edited.

    ``customer = record.customer and active`` gives ``("customer", "customer")``, and so it does after
    ``record.customer is missing or``.
    """
    if isinstance(node, resolved.Logic) and node.operator == "and":
        yield from equalities(node.left)
        yield from equalities(node.right)
    elif isinstance(node, resolved.Logic):
        left_waits, right_waits = _waits(node.left), _waits(node.right)
        if left_waits != right_waits:
            yield from equalities(node.right if left_waits else node.left)
    elif isinstance(node, resolved.Compare) and node.operator == "=":
        for here, outer in ((node.left, node.right), (node.right, node.left)):
            if isinstance(here, resolved.Field) and isinstance(outer, resolved.Outer):
                yield here.name, outer.name


def _waits(node: Resolved) -> bool:
    """Tell whether a condition says that the record being edited has no value yet."""
    return isinstance(node, resolved.IsMissing) and not node.negated and isinstance(node.operand, resolved.Outer)
