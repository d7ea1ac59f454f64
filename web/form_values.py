"""The typed values behind a form, before anything is stored.

Enters: what somebody typed so far. Leaves: the values a record would have, with their labels and inputs. Must not store
anything, nor refuse a wrong value: it is left out, and the command will say so.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from flask import g

from engine.compiler.app import SYSTEM_FIELDS, Entity, Rule
from engine.errors import FieldError, NotAllowed
from engine.expression import Env
from engine.records import commands, queries
from engine.records.calling import name_of
from engine.records.completing import broken_rules
from engine.records.evaluation import Lookups, make_env
from engine.records.field_states import FieldState, find_states
from engine.records.links import label_links
from engine.records.record import Labels, Record
from engine.records.rights import Rights, find_rights
from engine.workflow.requirements import read_whole
from web.cells import Cells, record_url
from web.errors import others_in_the_way
from web.gate import locale, now
from web.posted import Posted
from web.why_view import explainer
from web.widgets import Inputs


def get_writable(entity: str, id_: int) -> Record:
    """Return a record to change; raises ``NotFound`` or ``NotAllowed``."""
    record = queries.get_record(g.session, entity, id_, actor=g.actor)
    if not record.can_write:
        raise NotAllowed("record.no_write")
    return record


@dataclass(frozen=True)
class Typed:
    """What a form comes to as it stands: the values it would leave, those that are stored, and what is wrong so far.

    ``errors`` speak of values; what is not filled in yet is no error while somebody types. ``broken`` are the rules
    over several fields that do not hold. ``rights`` are those over this record, ``masked`` what is left of what its
    reader sees in part.
    """

    entity: Entity
    values: dict[str, Any]
    before: Mapping[str, Any]
    errors: tuple[FieldError, ...]
    broken: tuple[Rule, ...]
    rights: Rights
    masked: Mapping[str, str] = field(default_factory=dict)

    def states(self) -> dict[str, FieldState]:
        """Return which fields and cells apply, must be filled in and may be changed, by path."""
        return find_states(self.entity, self.before, self.values, make_env(g.session, g.actor))


def type_new(entity: Entity, raw: Mapping[str, Any]) -> Typed:
    """Return what a new record would be."""
    rights, env = find_rights(g.session.app, entity, g.actor).entering, make_env(g.session, g.actor)
    found = commands.complete_new(g.session, entity, _known(entity, raw), actor=g.actor, rights=rights, env=env)
    born = {key: found[0].get(key) for key in SYSTEM_FIELDS}
    return _typed(entity, found, born, env, rights, at="create")


def type_changed(entity: Entity, record: Record, raw: Mapping[str, Any]) -> Typed:
    """Return what a record would be after ``raw``."""
    env = make_env(g.session, g.actor)
    before = read_whole(g.session, entity, record.id, env)
    whole = replace(record, values=before)
    found = commands.complete_changed(g.session, entity, whole, _known(entity, raw), actor=g.actor, env=env)
    rights = find_rights(g.session.app, entity, g.actor).on(record.hidden)
    return replace(_typed(entity, found, before, env, rights, at="update"), masked=record.masked)


def _typed(
    entity: Entity,
    found: tuple[dict[str, Any], list[FieldError]],
    before: Mapping[str, Any],
    env: Env,
    rights: Rights,
    *,
    at: str,
) -> Typed:
    values, errors = found
    broken = broken_rules(entity, values, env, at=at, wrong=[error.path for error in errors])
    return Typed(entity, values, before, tuple(errors), tuple(broken), rights)


def refused_already(found: Typed, given: Collection[str]) -> tuple[FieldError, ...]:
    """Return what is wrong with the fields a form is opened with, so that nobody fills in the rest for nothing."""
    rules = [one for one in found.broken if one.fields and set(one.fields) <= set(given)]
    return tuple(FieldError(path, "value.rule", {"message": rule.message}) for rule in rules for path in rule.fields)


def name_fresh(entity: Entity, record: Record) -> str:
    """Return what a record is called that a command has just returned, without the names of its links."""
    return name_of(g.session.app, entity, record.values, Lookups(g.session))


def labels_of(entity: Entity, values: Mapping[str, Any]) -> Labels:
    """Return what the linked records in ``values`` are called."""
    return label_links(g.session, entity, values, actor=g.actor)


def make_inputs(
    found: Typed,
    values: Mapping[str, Any],
    labels: Labels,
    posted: Posted | None,
    errors: Sequence[FieldError] = (),
    locked: frozenset[str] = frozenset(),
) -> Inputs:
    """Return the inputs of a form over these values.

    ``locked`` are fields that an approval under way keeps besides those of the stage.
    """
    entity, rights, states = found.entity, found.rights, found.states()
    stage = entity.workflow.stages.get(values.get("stage") or entity.workflow.first) if entity.workflow else None
    return Inputs(
        Cells(locale(), now()),
        entity,
        rights,
        labels=labels,
        errors=say_errors(errors),
        links=link_errors(errors),
        values=values,
        typed=posted.typed if posted else None,
        locked=locked | (stage.locked if stage else frozenset()),
        states=states,
        why=explainer(entity, rights, states, stage),
        masked=found.masked,
        creatable=find_creatable(entity),
    )


def say_errors(errors: Sequence[FieldError]) -> dict[str, str]:
    """Return what is wrong, by path; a field with several mistakes is told all of them, each in a line."""
    said: dict[str, list[str]] = {}
    for error in errors:
        said.setdefault(error.path, []).append(error.text(locale().language))
    return {path: "\n".join(dict.fromkeys(texts)) for path, texts in said.items()}


def link_errors(errors: Sequence[FieldError]) -> dict[str, dict[str, str]]:
    """Return where the record is that an error speaks of, by path."""
    found = {error.path: others_in_the_way(error) for error in errors}
    text = locale().t("form.error_record")
    return {
        path: {"text": text, "url": record_url(one[0].entity, one[0].id or 0)} for path, one in found.items() if one
    }


def find_creatable(entity: Entity) -> dict[str, str]:
    """Return what the reader may make on the spot to link to it, by entity: how the offer is worded."""
    links = [one for field in entity.fields.values() for one in (field, *field.fields.values()) if one.quick_create]
    targets = [g.session.app.entities[one.to] for one in links if one.to is not None]
    found = {}
    for target in targets:
        rights = find_rights(g.session.app, target, g.actor)
        if rights.create and rights.read:
            found[target.key] = locale().t("form.create_one", entity=locale().label(target.label))
    return found


def _known(entity: Entity, raw: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in raw.items() if key in entity.fields}
