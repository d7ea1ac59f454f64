"""Former keys: each leads to one part, and to none that is still there.

Enters: a definition with ``was``. Leaves: a problem wherever two parts would be one, or exchange their keys. Must not
know which keys a database has: ``likenesses.py`` asks for those.
"""

from collections.abc import Iterator, Mapping
from typing import Protocol

from engine.compiler.compilation import Compilation
from engine.definition.model import FieldDefinition
from engine.errors import Location


class Named(Protocol):
    """A written part with a former key."""

    @property
    def location(self) -> Location:
        """Where it is written."""
        ...

    @property
    def was(self) -> str | None:
        """The key it had."""
        ...


def check_renames(compilation: Compilation) -> None:
    """Note a problem for each part that was another which is still there, or which a second part was too.

    Two keys cannot be exchanged in one release: the next one would read the same words and exchange them again.
    """
    for parts in _all_parts(compilation):
        taken: set[str] = set()
        for key, part in parts.items():
            if part.was is None:
                continue
            other = parts.get(part.was)
            if other is not None and other.was == key and key != part.was:
                compilation.refuse("E076", part.location, key=key, was=part.was)
            elif other is not None or part.was in taken:
                compilation.refuse("E074", part.location, key=key, was=part.was)
            taken.add(part.was)


def _all_parts(compilation: Compilation) -> Iterator[Mapping[str, Named]]:
    definition = compilation.definition
    yield definition.roles
    yield definition.entities
    for entity in definition.entities.values():
        yield from _fields(entity.fields)
    for workflow in definition.workflows.values():
        yield workflow.stages
        yield workflow.moves
    for approval in definition.approvals.values():
        yield approval.steps


def _fields(fields: Mapping[str, FieldDefinition]) -> Iterator[Mapping[str, Named]]:
    yield fields
    for field in fields.values():
        yield from _fields(field.fields)
