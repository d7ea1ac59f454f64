"""Whoever acts: one frozen value that every command takes as ``actor``.

Enters: nothing (``credentials`` and ``accounts`` fill it). Leaves: ``Actor``. Must not ask the database anything.
"""

from dataclasses import dataclass
from typing import Literal

ADMIN = "admin"
"""The role that looks after people; every app has it, whether its author wrote it or not."""

Via = Literal["web", "api", "cli", "import", "system"]


@dataclass(frozen=True, slots=True)
class Actor:
    """A person who acts now. ``teams`` is the own department and every one below it."""

    id: int
    login: str
    name: str
    roles: frozenset[str]
    team: int | None
    teams: frozenset[int]
    language: str | None
    via: Via

    @property
    def is_admin(self) -> bool:
        """Whether the actor looks after people."""
        return ADMIN in self.roles


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody to be named, asked or told."""

    id: int
    login: str
    name: str
    team: int | None = None
    enabled: bool = True
