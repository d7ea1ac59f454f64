"""The typed values behind a form, before anything is stored.

Enters: what somebody typed so far. Leaves: the values a record would have, with their labels and inputs. Must not store
anything, nor refuse a wrong value: it is left out, and the command will say so.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from flask import g

from engine.compiler.app import Entity
from engine.errors import FieldError, NotAllowed
from engine.records import commands, queries
from engine.records.evaluation import make_env
from engine.records.links import label_links
from engine.records.record import Labels, Record
from engine.records.rights import find_rights
from engine.workflow.requirements import read_whole
from web.cells import Cells
from web.gate import locale, now
from web.posted import Posted
from web.widgets import Inputs


def get_writable(entity: str, id_: int) -> Record:
    """Return a record to change; raises ``NotFound`` or ``NotAllowed``."""
    record = queries.get_record(g.session, entity, id_, actor=g.actor)
    if not record.can_write:
        raise NotAllowed("record.no_write")
    return record


def new_values(entity: Entity, raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values a new record would have."""
    rights, env = find_rights(g.session.app, entity, g.actor), make_env(g.session, g.actor)
    values, _ = commands.complete_new(g.session, entity, _known(entity, raw), actor=g.actor, rights=rights, env=env)
    return values


def changed_values(entity: Entity, record: Record, raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values a record would have after ``raw``."""
    env = make_env(g.session, g.actor)
    whole = replace(record, values=read_whole(g.session, entity, record.id, env))
    values, _ = commands.complete_changed(g.session, entity, whole, _known(entity, raw), actor=g.actor, env=env)
    return values


def labels_of(entity: Entity, values: Mapping[str, Any]) -> Labels:
    """Return what the linked records in ``values`` are called."""
    return label_links(g.session, entity, values, actor=g.actor)


def make_inputs(
    entity: Entity, values: Mapping[str, Any], labels: Labels, posted: Posted | None, errors: Sequence[FieldError] = ()
) -> Inputs:
    """Return the inputs of a form over these values."""
    stage = entity.workflow.stages.get(values.get("stage") or entity.workflow.first) if entity.workflow else None
    return Inputs(
        Cells(locale(), now()),
        entity,
        find_rights(g.session.app, entity, g.actor),
        labels=labels,
        errors={error.path: error.text(locale().language) for error in errors},
        values=values,
        typed=posted.typed if posted else None,
        locked=stage.locked if stage else frozenset(),
    )


def _known(entity: Entity, raw: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in raw.items() if key in entity.fields}
