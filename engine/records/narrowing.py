"""What the scope of a token means in an app: which fields are closed to it, and which records its condition leaves.

Enters: a ``Reach`` as somebody wrote it, the entity, what its owner may not see. Leaves: a ``Narrowing``, or one
sentence saying which name does not hold (any more). Must not open anything: ``rights`` only ever takes away by it.
"""

from dataclasses import dataclass

from engine.compiler.app import SYSTEM_FIELDS, CompiledApp, Entity, find_beyond
from engine.errors import NotAllowed
from engine.expression import BOOLEAN, Checked, ExpressionError, ExpressionErrors, check, parse
from engine.expression.sql import check_sql
from engine.people.token_scopes import Reach


@dataclass(frozen=True, slots=True)
class Narrowing:
    """What is taken away: fields that are not seen, fields that are not written, records that do not meet ``where``."""

    may: frozenset[str]
    hidden: frozenset[str]
    readonly: frozenset[str]
    where: Checked | None


def compile_reach(
    app: CompiledApp, entity: Entity, reach: Reach, hidden: frozenset[str], masked: frozenset[str]
) -> Narrowing:
    """Return what a token's reach takes away from somebody who sees nothing of ``hidden`` but parts of ``masked``.

    Raises ``NotAllowed``, naming what the reach names that is not there or may not be asked for.
    """
    for name in (*reach.only, *reach.write):
        if name not in _names(entity) or name in hidden - masked:
            raise NotAllowed("people.token_no_field", name=name, entity=entity.label)
    named = {key for _, key in entity.display}
    beyond = find_beyond(reach.only, entity.fields, named) if reach.only else frozenset()
    unwritten = find_beyond(reach.write, entity.fields, ()) if reach.write else frozenset()
    where = _compile_where(app, entity, reach.where, hidden) if reach.where else None
    return Narrowing(reach.may, beyond, unwritten, where)


def _names(entity: Entity) -> set[str]:
    columns = (f"{key}.{column}" for key, field in entity.fields.items() for column in field.fields)
    return {*SYSTEM_FIELDS, *entity.fields, *columns}


def _compile_where(app: CompiledApp, entity: Entity, text: str, hidden: frozenset[str]) -> Checked:
    """A condition over what its owner may not see would tell them: it names nothing but seen fields of the record."""
    shapes = {key: one.shape for key, one in app.entities.items()}
    try:
        checked = check(parse(text), shapes, entity.key, expect=BOOLEAN, text=text)
    except ExpressionError as error:
        raise _refused(entity, error) from None
    except ExpressionErrors as errors:
        raise _refused(entity, errors.errors[0]) from None
    for beyond in check_sql(checked):
        raise _refused(entity, beyond)
    for path in sorted(checked.uses):
        if len(path) > 1 or path[0] in hidden:
            raise NotAllowed("people.token_where_beyond", name=".".join(path), entity=entity.label)
    return checked


def _refused(entity: Entity, error: ExpressionError) -> NotAllowed:
    return NotAllowed("people.token_bad_where", entity=entity.label, column=error.offset + 1, error=error)
