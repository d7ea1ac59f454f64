"""From a place in a document to the frozen dataclass that stands for it.

Enters: a ``Node`` and a class of ``model.py``. Leaves: an instance. Must not decide whether a document has the right
shape: its schema has been checked before.

A class of the model says by its annotations how each key is read (``ExpressionText`` keeps the place of its first
character, ``Reference`` the place of the name, ``Mapping[str, X]`` reads one ``X`` per key), so the model, the parser
and the notation cannot drift apart. What is written differently from what is kept is registered with ``reads``.
"""

import types
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from decimal import Decimal
from functools import cache
from typing import Any, Final, TypeVar, Union, get_args, get_origin, get_type_hints

from engine.definition.model import ExpressionText, Reference
from engine.definition.yaml_reader import Document, NodePath
from engine.errors import Location

T = TypeVar("T")
Read = Callable[["Node"], Any]


@dataclass(frozen=True)
class Node:
    """One value of a document together with its place."""

    document: Document
    path: NodePath
    value: Any

    @property
    def key(self) -> str:
        """The key this value is written under."""
        return str(self.path[-1])

    @property
    def location(self) -> Location:
        """Where the key stands; for the whole document where it starts."""
        return self.document.at_key(self.path) if self.path else self.document.at_value(self.path)

    def find(self, key: str) -> "Node | None":
        """Return the value written under ``key``, if there is one."""
        if key not in self.value:
            return None
        return Node(self.document, (*self.path, key), self.value[key])

    def get(self, key: str) -> "Node":
        """Return the value written under ``key``, which the schema requires."""
        return Node(self.document, (*self.path, key), self.value[key])

    def entries(self) -> "Iterator[Node]":
        """Yield the values of a map, in file order."""
        return (Node(self.document, (*self.path, key), value) for key, value in self.value.items())

    def elements(self) -> "Iterator[Node]":
        """Yield the elements of a list."""
        return (Node(self.document, (*self.path, index), value) for index, value in enumerate(self.value))


def read_text(node: Node) -> str:
    """Return a text as written."""
    return str(node.value)


def read_expression(node: Node) -> ExpressionText:
    """Return an expression, still text."""
    return ExpressionText(node.value, node.document.at_text(node.path))


def read_reference(node: Node) -> Reference:
    """Return a name that must exist somewhere else."""
    return Reference(node.value, node.document.at_text(node.path))


def key_reference(node: Node) -> Reference:
    """Return the key of ``node`` as a name that must exist somewhere else (a role in ``access:``)."""
    return Reference(node.key, node.location)


def read_plain(node: Node) -> Any:
    """Return the value as it is."""
    return node.value


def read_reason(node: Node) -> str:
    """Return why something was retired."""
    return str(node.value["reason"])


def read_number(node: Node) -> Decimal:
    """Return a number; ``30%`` is 0.3."""
    if isinstance(node.value, str):
        return Decimal(node.value.removesuffix("%")) / 100
    return Decimal(node.value)


def list_of(read: Read) -> Read:
    """Return a reader of lists."""
    return lambda node: tuple(read(element) for element in node.elements())


def map_of(read: Read) -> Read:
    """Return a reader of maps, in file order."""
    return lambda node: {entry.key: read(entry) for entry in node.entries()}


def reads(owner: type, name: str, read: Read) -> None:
    """Register how field ``name`` of model class ``owner`` is read when its annotation does not say it."""
    _SPECIAL[(owner, name)] = read


def reads_class(kind: type, read: Read) -> None:
    """Register how every value of model class ``kind`` is read."""
    _READERS[kind] = read


def build(kind: Callable[..., T], node: Node, /, **given: Any) -> T:
    """Return ``kind`` with every field read from the key of its name; ``given`` are those known already.

    ``key`` and ``location`` are the node's own unless given.
    """
    plan = _plan(kind)
    values: dict[str, Any] = {"key": node.key, "location": node.location} if node.path else {}
    values |= given
    allowed = {name: value for name, value in values.items() if name in plan or name not in _OWN}
    for name, (key, read) in plan.items():
        if name not in allowed and key in node.value:
            allowed[name] = read(node.get(key))
    return kind(**allowed)


def written_keys(kind: Callable[..., Any]) -> frozenset[str]:
    """Return the keys of the notation that ``build`` reads for ``kind``."""
    return frozenset(key for name, (key, _) in _plan(kind).items() if name not in _OWN)


def key_of(kind: Callable[..., Any], name: str) -> str:
    """Return the key of the notation that field ``name`` of a model class is written under."""
    return _plan(kind)[name][0]


_READERS: dict[Any, Read] = {
    str: read_text,
    int: read_plain,
    bool: read_plain,
    Decimal: read_number,
    ExpressionText: read_expression,
    Reference: read_reference,
}
_SPECIAL: dict[tuple[type, str], Read] = {}
_RENAMED: Final = {"bring_in": "import", "default_at": "default"}
_OWN: Final = ("key", "location")


@cache
def _plan(kind: Any) -> Mapping[str, tuple[str, Read]]:
    """Return the key and the reader of each field of a model class."""
    hints = get_type_hints(kind)
    return {
        item.name: (
            _RENAMED.get(item.name, item.name.rstrip("_")),
            _SPECIAL.get((kind, item.name)) or _reader(hints[item.name]),
        )
        for item in fields(kind)
    }


def _reader(annotation: Any) -> Read:
    if annotation in _READERS:
        return _READERS[annotation]
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (Union, types.UnionType):
        return _reader_of_union(arguments)
    if origin is tuple:
        return list_of(_reader(arguments[0]))
    if origin is Mapping:
        return map_of(_reader(arguments[1]))
    if is_dataclass(annotation):
        return _builder(annotation)
    return read_plain


def _builder(kind: Any) -> Read:
    return lambda node: build(kind, node)


def _reader_of_union(arguments: tuple[Any, ...]) -> Read:
    some = [argument for argument in arguments if argument is not types.NoneType]
    return _reader(some[0]) if len(some) == 1 else read_plain
