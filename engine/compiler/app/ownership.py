"""Compiled ownership: pools, the rules that keep a record with its owner, how much one person may take.

Enters: nothing (the compiler fills these). Leaves: frozen data. Must not know SQL or HTTP.
"""

from collections.abc import Mapping, Set
from dataclasses import dataclass

from engine.compiler.app.parts import Expression, Label
from engine.errors import Location

POOL, PROTECTED_UNTIL = "pool", "protected_until"
"""The fields the engine keeps in an entity with ownership: the pool a record is in, and when it leaves its owner."""


@dataclass(frozen=True)
class Pool:
    """A pool: its members take from it, its admins give from it; both see ``shows`` of a record that is in it."""

    key: str
    label: Label
    location: Location
    members: frozenset[str]
    admins: frozenset[str]
    shows: tuple[str, ...]

    def is_seen_by(self, roles: Set[str]) -> bool:
        """Tell whether somebody with these roles sees the pool."""
        return not roles.isdisjoint(self.members | self.admins)


@dataclass(frozen=True)
class Protection:
    """A record leaves its owner for pool ``to``, ``span`` after the last record of ``without`` that counts.

    ``without`` is an entity and its link here; None counts from when the owner got the record.
    """

    key: str
    location: Location
    when: Expression | None
    without: tuple[str, str] | None
    counting: Expression | None
    span: str
    to: str


@dataclass(frozen=True)
class ClaimLimits:
    """How much one person may take; None is no limit, ``locks`` 0 none at all."""

    per_day: int | None = None
    at_most: int | None = None
    counting: Expression | None = None
    cool_off: str | None = None
    locks: int = 0


@dataclass(frozen=True)
class Ownership:
    """The ownership of an entity."""

    location: Location
    pools: Mapping[str, Pool]
    protect: Mapping[str, Protection]
    exempt: Expression | None
    warn: str | None
    claim: ClaimLimits
