"""From written rules and uniquenesses to compiled ones.

Enters: ``EntityDefinition``. Leaves: ``Rule`` and ``Unique``. Must not judge a record: that is done when one is saved.
"""

from collections.abc import Iterable, Mapping

from engine.compiler.app import SYSTEM_FIELDS, Expression, Field, Rule, Unique
from engine.compiler.compilation import Compilation, place_within
from engine.compiler.shapes import is_many
from engine.definition.model import EntityDefinition, UniqueDefinition
from engine.expression import BOOLEAN, Kind, resolved
from engine.expression.steady import unsteady
from engine.expression.walking import walk

_NEVER_MISSING = frozenset({"lines", "file"})
"""Types of which a record has some or none: a rule over them has nothing to wait for."""


def compile_rules(compilation: Compilation, written: EntityDefinition, path: str) -> tuple[Rule, ...]:
    """Return the rules of an entity, each with the fields it waits for."""
    found = []
    for rule in written.rules.values():
        check = compilation.expression(rule.check, written.key, BOOLEAN)
        shown = compilation.require_all(rule.fields, written.fields, "E002", entity=written.key)
        message = compilation.label(f"{path}.rules.{rule.key}", rule.message)
        if check is not None:
            used = tuple(dict.fromkeys(use[0] for use in sorted(check.checked.uses) if use[0] in written.fields))
            needs, keep = _needs(check, written), rule.existing is not None
            found.append(Rule(rule.key, check, message, frozenset(rule.at), shown or used[:1], needs, keep))
    return tuple(found)


def compile_uniques(
    compilation: Compilation, written: EntityDefinition, fields: Mapping[str, Field], path: str
) -> tuple[Unique, ...]:
    """Return the uniquenesses over several fields, each with a condition an index can keep."""
    found = []
    stored = [key for key, field in fields.items() if field.stored]
    for unique in written.unique.values():
        keys = compilation.require_stored(unique.fields, stored, written)
        where = compilation.expression(unique.where, written.key, BOOLEAN, sql=True)
        if where is not None:
            _require_index(compilation, where, written, stored)
        message = compilation.label(f"{path}.unique.{unique.key}", unique.message)
        period = _period(compilation, unique, fields)
        if keys:
            name = f"uq_e_{written.key}__{unique.key}"
            found.append(Unique(unique.key, name, keys, where, message, unique.location, period))
    return tuple(found)


def _period(compilation: Compilation, unique: UniqueDefinition, fields: Mapping[str, Field]) -> tuple[str, ...]:
    """Return the fields of the first and the last day, or moment."""
    dates = {key: field for key, field in fields.items() if field.type.kind in (Kind.DATE, Kind.DATETIME)}
    found = tuple(key for one in unique.period if (key := compilation.require(one, dates, "E085")) is not None)
    if len({dates[key].type.kind for key in found}) > 1:
        compilation.refuse("E086", unique.period[1].location, name=unique.period[1].name)
    return found if len(found) == len(unique.period) else ()


def _needs(check: Expression, written: EntityDefinition) -> tuple[str, ...]:
    """Return the fields a rule waits for: those it names without saying what it means when they are missing."""
    single = {key for key, field in written.fields.items() if field.type.name not in _NEVER_MISSING}
    named = {use[0] for use in check.checked.uses if len(use) == 1} & single
    return tuple(sorted(named - _spoken_of_as_missing(check)))


def _require_index(
    compilation: Compilation, where: Expression, written: EntityDefinition, stored: Iterable[str]
) -> None:
    """Note a problem where no index can be kept for a condition."""
    if not _of_one_row(where, written, stored):
        compilation.refuse("E022", where.location, expression=where.text)
        return
    part = next(unsteady(where.checked), None)
    if part is not None:
        at = place_within(where.text, where.location, part.start)
        compilation.refuse("E129", at, part=where.text[part.start : part.end], expression=where.text)


def _of_one_row(where: Expression, written: EntityDefinition, stored: Iterable[str]) -> bool:
    """Tell whether the database can keep an index for the condition: own columns only, and the same at any time."""
    columns = {*stored, *SYSTEM_FIELDS}
    alone = all(len(use) == 1 and use[0] in columns for use in where.checked.uses)
    lists = any(is_many(field) for key, field in written.fields.items() if (key,) in where.checked.uses)
    return alone and not lists and not where.checked.context


def _spoken_of_as_missing(check: Expression) -> set[str]:
    """Return the fields that stand in ``x is missing`` or ``default(x, ...)``."""
    asked = [
        node
        for node in walk(check.checked.tree)
        if isinstance(node, resolved.IsMissing) or (isinstance(node, resolved.Call) and node.name == "default")
    ]
    return {one.name for node in asked for one in walk(node) if isinstance(one, resolved.Field)}
