"""Whoever acts: one frozen value that every command takes as ``actor``.

Enters: nothing (``credentials`` and ``accounts`` fill it). Leaves: ``Actor``. Must not ask the database anything.
"""

from collections.abc import Set
from dataclasses import dataclass
from typing import Literal

from engine.compiler.app import CompiledApp
from engine.errors import NotAllowed
from engine.people.token_scopes import Scope

ADMIN = "admin"
"""The role that looks after people; every app has it, whether its author wrote it or not."""

ENGINE = "the engine"
"""The role of the engine itself while it does what an automation says; nobody can be given it, since it is no key."""

Via = Literal["web", "api", "cli", "many", "import", "system"]


@dataclass(frozen=True, slots=True)
class Actor:
    """A person who acts now.

    ``teams`` is the own department and every one below it, ``above`` it and those above; ``shared`` are the entities
    of which something may be shared with them, ``scope`` what the token they act by is narrowed to.
    """

    id: int
    login: str
    name: str
    roles: frozenset[str]
    team: int | None
    teams: frozenset[int]
    language: str | None
    via: Via
    above: frozenset[int] = frozenset()
    shared: frozenset[str] = frozenset()
    scope: Scope | None = None

    @property
    def is_admin(self) -> bool:
        """Whether the actor looks after people; by a token that is narrowed nobody does."""
        return ADMIN in self.roles and self.scope is None


def engine_actor(id: int, team: int | None = None) -> Actor:
    """Return the engine itself, acting on behalf of whoever has this id; it may see and change every record."""
    return Actor(id, "", "", frozenset({ENGINE}), team, frozenset(), None, "system")


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody to be named, asked or told."""

    id: int
    login: str
    name: str
    team: int | None = None
    enabled: bool = True


def find_services(app: CompiledApp, roles: Set[str]) -> frozenset[str]:
    """Return those of ``roles`` that programs alone hold."""
    return frozenset(key for key in roles if key in app.roles and app.roles[key].service)


def require_admin(actor: Actor | None) -> None:
    """Raise ``NotAllowed`` unless the actor looks after people; None is the command line."""
    if actor is not None and not actor.is_admin:
        raise NotAllowed("people.not_admin")
