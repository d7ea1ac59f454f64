"""Whose the records of an entity are, as written: pools, what keeps a record with its owner, who may take how many.

Enters: nothing (the parser fills these). Leaves: frozen data in file order. Must not resolve a name.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.definition.model.values import ExpressionText, Reference
from engine.errors import Location


@dataclass(frozen=True)
class PoolDefinition:
    """A pool (公海) of records nobody owns: who may take one, who may give one to somebody, what they see of it."""

    key: str
    location: Location
    label: str
    members: tuple[Reference, ...]
    admins: tuple[Reference, ...] = ()
    shows: tuple[Reference, ...] = ()  # beside what a record is called and its number


@dataclass(frozen=True)
class ProtectDefinition:
    """For how long a record stays with its owner without something happening: then it goes ``to`` a pool."""

    key: str
    location: Location
    for_: str
    to: Reference
    when: ExpressionText | None = None
    without: Reference | None = None  # records that link here, such as activity; None: from when it was taken
    counting: ExpressionText | None = None  # which of them


@dataclass(frozen=True)
class ClaimDefinition:
    """How much one person may take."""

    location: Location
    per_day: int | None = None
    at_most: int | None = None
    counting: ExpressionText | None = None  # which of the records one owns count towards at_most
    cool_off: str | None = None
    locks: int = 0


@dataclass(frozen=True)
class OwnershipDefinition:
    """Pools, and the rules by which records leave their owners."""

    location: Location
    pools: Mapping[str, PoolDefinition]
    protect: Mapping[str, ProtectDefinition] = field(default_factory=dict)
    exempt: ExpressionText | None = None
    warn: str | None = None
    claim: ClaimDefinition | None = None
