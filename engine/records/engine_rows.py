"""Records the engine makes because another one is saved: complete and judged like any other, typed by nobody.

Enters: typed values and who the record belongs to. Leaves: the values of a whole new record, to be inserted. Must not
read what somebody typed, nor write.
"""

from collections.abc import Callable, Mapping
from typing import Any

from engine.compiler.app import Entity
from engine.errors import FieldError, InvalidValues
from engine.expression import Env
from engine.people.actor import Actor
from engine.records.completing import check_complete, compute_values, set_defaults
from engine.records.links import fetch_values
from engine.storage.store import Session

Find = Callable[[Session, Entity, dict[str, Any], Env], None]


def complete_row(
    session: Session,
    entity: Entity,
    given: Mapping[str, Any],
    *,
    actor: Actor,
    env: Env,
    find: Find,
    judged: bool = True,
) -> dict[str, Any]:
    """Return the values of a new record from those ``given``, ``owner`` and ``team`` among them.

    ``find`` fills in the links that are found; without ``judged`` something may be missing yet. Raises
    ``InvalidValues`` when something is missing or a rule breaks.
    """
    errors: list[FieldError] = []
    values = {**born(session, entity, actor), **given}
    set_defaults(entity.fields, values, env)
    find(session, entity, values, env)
    fetch_values(entity.fields, entity.plan.fetched, values, {}, env)
    compute_values(entity, values, env, errors)
    check_complete(entity, values, env, errors, at="create")
    if errors and judged:
        raise InvalidValues(errors)
    return values


def born(session: Session, entity: Entity, actor: Actor) -> dict[str, Any]:
    """Return the system fields of a record that begins now: rules and computed fields may read them."""
    now = session.now()
    stage = entity.workflow.first if entity.workflow else None
    return {"stage": stage, "created_at": now, "created_by": actor.id, "updated_at": now, "updated_by": actor.id}
