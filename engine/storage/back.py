"""What a publish is told by the layers above: to which earlier release it returns, and what things are called.

Enters: nothing. Leaves: ``Back``, ``Callings``. Must not know what is done with them.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

from engine.storage.store import Session


class Callings(Protocol):
    """What records, people and departments are called; ``target`` is that of a field: an entity, user, department."""

    def names(self, target: str, ids: Collection[int]) -> Mapping[int, str]:
        """Return the names of those that are there."""
        ...

    def find(self, target: str, names: Collection[str]) -> Mapping[str, int]:
        """Return the ids behind those names that only one is called by."""
        ...

    def make(self, target: str, field: str, names: Collection[str]) -> Mapping[str, int]:
        """Make a record of an entity for each of those names that nothing is called by; ``field`` gets the name."""
        ...


MakeCallings = Callable[[Session], Callings]
"""What says how things are called, as a session sees them."""


@dataclass(frozen=True)
class Back:
    """A return ``to`` the release with this id."""

    to: int
