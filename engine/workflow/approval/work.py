"""Work steps (办理): filling fields in, where nothing is voted on.

Enters: the case of an open task, and values as somebody typed them. Leaves: the case with the record as it is then,
written. Must not let anything be filled in but what the step asks for, nor leave any of it empty.
"""

from collections.abc import Mapping
from typing import Any

from engine.errors import FieldError, InvalidValues, NotAllowed
from engine.people.actor import Actor
from engine.records.commands import check_moved, fill_for_move
from engine.records.evaluation import make_env
from engine.records.field_states import is_missing
from engine.records.writing import save_changes
from engine.storage.store import Session
from engine.workflow.approval.acting import Open, with_record


def fill_in(session: Session, case: Open, task: int, raw: Mapping[str, Any], *, actor: Actor) -> Open:
    """Write what a work step asks for; raises ``InvalidValues`` for wrong values and for what stays empty."""
    asked = case.state.find_task(task)
    fields = case.state.step(asked.step).plan.fields if asked is not None else ()
    known = [key for key in fields if key in case.entity.fields]
    if not set(raw) <= set(known):
        raise NotAllowed("approval.work_other_fields")
    entity, record = case.entity, case.record
    stage = str(record.values.get("stage") or "")
    changes = fill_for_move(session, entity, record, raw, actor=actor, stage=stage, unlocked=frozenset(known))
    values = {**record.values, **changes}
    errors = [FieldError(key, "approval.work_missing") for key in known if is_missing(values.get(key))]
    if errors:
        raise InvalidValues(errors)
    env = make_env(session, actor)
    check_moved(entity, record.values, values, env)
    if not changes:
        return case
    saved = save_changes(session, entity, record, changes, actor=actor, action="update", event="updated", env=env)
    return with_record(case, saved)
