"""The ``who:`` entries of moves, steps and late rules: that every name in them exists.

Enters: written entries and the entity they are read against. Leaves: problems. Must not look for people: there may be
none yet.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from engine.compiler.compilation import Compilation
from engine.definition.model import EntityDefinition, Reference, WhoDefinition

PEOPLE_FIELDS: Final = ("user", "users")
MATCHABLE: Final = ("choice", "choices", "text", "link", "department")
"""Types of fields whose value somebody can be responsible for."""


def check_who(
    compilation: Compilation,
    who: Sequence[WhoDefinition],
    entity: EntityDefinition,
    *,
    holder: bool = False,
    chosen: bool = False,
) -> None:
    """Note a problem for each name that does not exist; ``holder`` and ``chosen`` say whether these may be asked."""
    for one in who:
        _check_name(compilation, one, entity)
        if _is_about_holder(one) and not holder:
            compilation.refuse("A010", one.location)
        if one.kind == "chosen_by":
            _check_chosen(compilation, one, entity, chosen)
        if one.up_to is not None:
            compilation.require(one.up_to, compilation.definition.roles, "E003")
            if one.levels is not None:
                compilation.refuse("A011", one.location)


def flat(who: Sequence[WhoDefinition]) -> Iterator[WhoDefinition]:
    """Yield entries and those to choose from."""
    for one in who:
        yield one
        yield from flat(one.from_)


def _is_about_holder(one: WhoDefinition) -> bool:
    return one.kind == "holder" or (one.kind == "manager_of" and one.name == "holder")


def _check_name(compilation: Compilation, one: WhoDefinition, entity: EntityDefinition) -> None:
    named = Reference(one.name, one.location)
    if one.kind == "role":
        compilation.require(named, compilation.definition.roles, "E003")
    elif one.kind == "group":
        compilation.require(named, compilation.definition.groups, "A014")
    elif one.kind == "field":
        fields = [key for key, field in entity.fields.items() if field.type.name in PEOPLE_FIELDS]
        compilation.require(named, fields, "A002")
    if one.match is not None:
        _check_match(compilation, one.match, entity)


def _check_match(compilation: Compilation, match: Reference, entity: EntityDefinition) -> None:
    field = compilation.require(match, entity.fields, "E002", entity=entity.key)
    if field is not None and entity.fields[field].type.name not in MATCHABLE:
        compilation.refuse("A012", match.location, name=field)


def _check_chosen(compilation: Compilation, one: WhoDefinition, entity: EntityDefinition, chosen: bool) -> None:
    if not chosen:
        compilation.refuse("A018", one.location)
    if one.max < one.min:
        compilation.refuse("A015", one.location, min=one.min, max=one.max)
    check_who(compilation, one.from_, entity)
