"""Files this process has read and checked already: whoever works on one file does not wait for the others.

Enters: the text of a file, or the document made of it. Leaves: the document, its problems or what is made of it, as
the first time.
Must not be asked for stored releases, which are read once: a server would keep their documents for nothing.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final, Generic, TypeVar

from engine.definition.yaml_reader import Document, parse_yaml
from engine.errors import Problem

T = TypeVar("T")

_KEPT: Final = 512
_MADE: Final = 4 * _KEPT


class Same(Generic[T]):
    """A value as this very object, which lives as long as this does: comparing two of them would read both."""

    __slots__ = ("value",)

    def __init__(self, value: T) -> None:
        self.value = value

    def __hash__(self) -> int:
        return id(self.value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same) and other.value is self.value


@lru_cache(maxsize=_KEPT)
def parse_kept(text: str, file: str) -> Document:
    """Return ``parse_yaml(text, file)``, the same object for the same text; a refusal is not kept."""
    return parse_yaml(text, file)


def check_kept(document: Document, name: str) -> list[Problem]:
    """Return ``check_schema(document, name)``."""
    return list(_check(Same(document), name))


def make_kept(make: Callable[[Document], T], document: Document) -> T:
    """Return ``make(document)``, the same object for the same document; it may depend on nothing else."""
    made: T = _make(make, Same(document))
    return made


@lru_cache(maxsize=_MADE)
def _make(make: Callable[[Document], Any], same: Same[Document]) -> Any:
    return make(same.value)


@lru_cache(maxsize=_KEPT)
def _check(same: Same[Document], name: str) -> tuple[Problem, ...]:
    """The library behind it takes time to load, which a server that runs a stored release never needs."""
    from engine.definition.schema import check_schema

    return tuple(check_schema(same.value, name))
