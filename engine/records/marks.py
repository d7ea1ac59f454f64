"""What a list is filtered by beside its fields: what is late (``late``), and flags (``flags``).

Enters: a ``Filter`` over ``late`` or ``flags`` of an entity with a workflow. Leaves: its SQL condition and parameters.
Must not show more than the page of each record does: whoever may read a record sees that it is late and its flags.

``late`` is ``stage`` (longer in its stage than that may take) or ``approval`` (somebody's task about it is past its due
moment). A field of that name comes before the mark.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Integer, Table, bindparam, exists, literal, or_

from engine.compiler.app import Entity, Label
from engine.errors import FieldError, InvalidValues
from engine.records.filters import Filter
from engine.records.flags import SHARED_EVIDENCE
from engine.records.sql import IsOneOf, ListOf
from engine.storage.approval_tables import approvals, tasks
from engine.storage.stage_tables import flags, stays

LATE, FLAGS = "late", "flags"
MARKS = (LATE, FLAGS)
LATENESS = ("stage", "approval")
MARK_OPERATORS = ("eq", "in", "present")


def marks_of(entity: Entity) -> tuple[str, ...]:
    """Return the marks a list of this entity may be filtered by."""
    return tuple(key for key in MARKS if entity.workflow is not None and key not in entity.fields)


def values_of(entity: Entity, mark: str) -> Mapping[str, Label | None]:
    """Return the values of a mark, with the labels of those that the definition names."""
    if mark == LATE:
        return dict.fromkeys(LATENESS)
    own = entity.workflow.flags if entity.workflow is not None else {}
    return {SHARED_EVIDENCE: None} | {key: flag.label for key, flag in own.items()}


def mark_parameters(entity: Entity, one: Filter, at: int, now: datetime) -> dict[str, Any]:
    """Return the parameters of the condition; raises ``InvalidValues`` for a value there is none of."""
    if one.operator not in MARK_OPERATORS:
        raise InvalidValues([FieldError(one.field, "record.bad_operator", {"operator": str(one.operator)[:20]})])
    known = values_of(entity, one.field)
    chosen = tuple(known) if one.operator == "present" else _chosen(one.value)
    if not chosen or not set(chosen) <= set(known):
        code = "value.choice" if chosen else "record.empty_filter"
        raise InvalidValues([FieldError(one.field, code, {"options": ", ".join(known)} if chosen else {})])
    if one.field == FLAGS:
        return {f"value{at}": list(chosen)}
    return {f"now{at}": now} | {f"{value}{at}": int(value in chosen) for value in LATENESS}


def mark_condition(table: Table, entity: Entity, one: Filter, at: int) -> ColumnElement[bool]:
    """Return the condition that the records of ``table`` bear the mark that filter number ``at`` asks for."""
    if one.field == FLAGS:
        up = (flags.c.entity == literal(entity.key), flags.c.record_id == table.c.id, flags.c.ended_at.is_(None))
        raised = IsOneOf(flags.c.flag, bindparam(f"value{at}", type_=ListOf(numbers=False)))
        return exists().where(*up, raised)
    here = (stays.c.entity == literal(entity.key), stays.c.record_id == table.c.id, stays.c.stage == table.c.stage)
    about = (approvals.c.entity == literal(entity.key), approvals.c.record_id == table.c.id)
    theirs = (tasks.c.approval_id == approvals.c.id, tasks.c.state == "open")
    return or_(
        _wanted("stage", at) & exists().where(*here, _is_before(stays.c.due_at, at)),
        _wanted("approval", at) & exists().where(*about, *theirs, _is_before(tasks.c.due_at, at)),
    )


def _wanted(value: str, at: int) -> ColumnElement[bool]:
    return bindparam(f"{value}{at}", type_=Integer) == literal(1)


def _is_before(due: Any, at: int) -> ColumnElement[bool]:
    found: ColumnElement[bool] = due < bindparam(f"now{at}", type_=due.type)
    return found


def _chosen(value: Any) -> Sequence[str]:
    if isinstance(value, str):
        return tuple(one.strip() for one in value.split(",") if one.strip())
    return tuple(one for one in value or () if isinstance(one, str))
