"""Modules: things that are switched on and off together, and what follows for everything else.

Enters: compiled modules and entities, and what administrators chose. Leaves: which entities are off, and which fields
are closed with them. Must not delete anything: what is off keeps its data.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from engine.compiler.app.entities import Entity, Rule
from engine.compiler.app.fields import Field
from engine.compiler.app.parts import Label


@dataclass(frozen=True)
class Module:
    """Things that are switched on and off together.

    ``needs`` are modules it cannot work without, ``phase`` (1 to 4) says when a roll-out brings it, ``off`` how it
    begins.
    """

    key: str
    label: Label
    help: Label
    entities: tuple[str, ...]
    needs: tuple[str, ...]
    phase: int
    off: bool


@dataclass(frozen=True)
class Choices:
    """What administrators chose in the product, laid over what a release says; None and absent keys leave it."""

    name: str | None = None
    timezone: str | None = None
    modules: Mapping[str, bool] = field(default_factory=lambda: MappingProxyType({}))
    letterhead: tuple[str, ...] = ()
    """Lines below the name on what is printed: address, tax number, bank and account."""


def find_on(modules: Mapping[str, Module], chosen: Mapping[str, bool]) -> frozenset[str]:
    """Return the modules that are on: switched on themselves, and all they need as well."""
    on = {key for key, one in modules.items() if chosen.get(key, not one.off)}
    while lame := {key for key in on if not on.issuperset(modules[key].needs)}:
        on -= lame
    return frozenset(on)


def find_off(modules: Mapping[str, Module], on: frozenset[str], entities: Mapping[str, Entity]) -> frozenset[str]:
    """Return the entities that are off: those of modules that are, and what no record can be made of without them."""
    off = {entity for key, one in modules.items() if key not in on for entity in one.entities}
    while bare := {key for key, one in entities.items() if key not in off and find_required(one) & off}:
        off |= bare
    return frozenset(off)


def find_required(entity: Entity) -> frozenset[str]:
    """Return the entities without whose records none of this one can be made: required links lead to them."""
    fields = [one for one in entity.fields.values() if not one.retired]
    columns = [column for one in fields if one.min_rows > 0 for column in one.fields.values() if not column.retired]
    return frozenset(one.to for one in (*fields, *columns) if one.required and one.to is not None) - {entity.key}


def find_closed(entity: Entity, off: frozenset[str]) -> frozenset[str]:
    """Return the fields that are closed while ``off`` is: links that lead there and what is computed over them.

    A column of a line table is named ``items.product``.
    """
    closed = {key for key, one in entity.fields.items() if one.to in off}
    closed |= {key for key, one in entity.fields.items() if _reads_off(entity, one, off, closed)}
    for key, lines in entity.fields.items():
        shut = {name for name, column in lines.fields.items() if column.to in off}
        fetched = {name for name, column in lines.fields.items() if any(link in shut for link, _ in column.fetch)}
        closed |= {f"{key}.{name}" for name in shut | fetched}
    return frozenset(closed)


def without(entity: Entity, off: frozenset[str], entities: Mapping[str, Entity]) -> Entity:
    """Return an entity as it works while ``off`` is: nothing is written there, no closed field is asked for.

    Nor does a rule ask what a closed field of a linked record says; ``entities`` are all there are.
    """
    closed = find_closed(entity, off)
    rules = tuple(one for one in entity.rules if not _asks_off(entity, one, off, entities))
    if not closed and len(rules) == len(entity.rules) and not any(one.into in off for one in entity.books):
        return entity
    fields = {
        key: _unasked(replace(one, fields=_columns(one, closed)) if one.fields else one, key in closed)
        for key, one in entity.fields.items()
    }
    books = tuple(one for one in entity.books if one.into not in off)
    return replace(entity, fields=fields, rules=rules, books=books)


def _asks_off(entity: Entity, rule: Rule, off: frozenset[str], entities: Mapping[str, Entity]) -> bool:
    followed = [use for use in rule.check.checked.uses if len(use) > 1 and use[0] in entity.fields]
    led = [(entities.get(entity.fields[use[0]].to or ""), use[1]) for use in followed]
    return any(to is not None and key in find_closed(to, off) for to, key in led)


def _columns(lines: Field, closed: frozenset[str]) -> dict[str, Field]:
    return {key: _unasked(one, f"{lines.key}.{key}" in closed) for key, one in lines.fields.items()}


def _unasked(field: Field, closed: bool) -> Field:
    return replace(field, required=False, required_when=None) if closed else field


def _reads_off(entity: Entity, field: Field, off: frozenset[str], closed: set[str]) -> bool:
    if any(link in closed for link, _ in field.fetch):
        return True
    if field.computed is None:
        return False
    known = entity.shape.collections
    return any(
        use[0] in closed or (use[0] in known and known[use[0]].entity.partition(".")[0] in off)
        for use in field.computed.checked.uses
    )
