"""Who would sign and why, for a record that is there or for values somebody thinks of.

Enters: an approval, a record or values written as text, and who would submit. Leaves: the path, with the rule of each
step in words and the place it is written at. Must not write, nor ask anybody.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

from engine import messages
from engine.compiler.app import Approval, CompiledApp, Entity, Expression, Field, Label
from engine.compiler.field_types import get_type
from engine.compiler.readers import Wrong
from engine.errors import FieldError, InvalidValues, Location, NotFound, NotPossibleNow
from engine.expression import Env, Kind, compile_python, resolved
from engine.people import accounts, directory
from engine.people.actor import Actor
from engine.records.completing import compute_values, set_defaults
from engine.records.evaluation import make_env
from engine.records.queries import pick
from engine.storage.store import Session
from engine.workflow.approval.live_world import LiveWorld
from engine.workflow.approval.people import Case, say_why, to_rules
from engine.workflow.approval.plan import Person
from engine.workflow.approval.planning import Path, PathStep, plan_submission, preview
from engine.workflow.requirements import read_whole
from engine.workflow.rule_words import say_expression


@dataclass(frozen=True)
class Explained:
    """A path with what is needed to say it: the approval, who submits, and the release both were read from, None for a
    draft."""

    app: CompiledApp
    approval: Approval
    starter: Actor
    path: Path
    release_id: int | None


@dataclass(frozen=True)
class Supposed:
    """A record as it is, or as somebody thinks of it: its whole values, and who would submit it."""

    approval: Approval  # names that were given values stand in its conditions as constants
    values: Mapping[str, Any]
    starter: Actor


MakeEnv = Callable[[Session, Actor | None], Env]


def explain_record(session: Session, approval: str, id: int, *, actor: Actor | None) -> Explained:
    """Return who would sign if ``actor`` (else the record's owner) submitted a record that is there."""
    compiled = get_approval(session.app, approval)
    entity = session.app.entities[compiled.entity]
    values = read_whole(session, entity, id, make_env(session, actor))
    return _explain(session, suppose_record(session, compiled, values, actor=actor))


def explain_values(session: Session, approval: str, written: Mapping[str, str], *, actor: Actor | None) -> Explained:
    """Return who would sign for a new record with these values; keys and errors as in ``suppose_values``."""
    return _explain(session, suppose_values(session, approval, written, actor=actor))


def suppose_record(session: Session, approval: Approval, values: Mapping[str, Any], *, actor: Actor | None) -> Supposed:
    """Return a record as ``actor`` (else its owner) would submit it; raises ``NotFound`` when it is gone."""
    if not values:
        raise NotFound()
    return Supposed(approval, values, actor or accounts.get_actor(session.connection, values["owner"], via="cli"))


def suppose_values(
    session: Session,
    approval: str,
    written: Mapping[str, str],
    *,
    actor: Actor | None,
    env_of: MakeEnv = make_env,
    today: Session | None = None,
) -> Supposed:
    """Return a new record with these values; ``today`` is where linked records are looked for, if not in ``session``.

    A key is a field, a name of the approval's ``let``, or ``customer.status`` for a value of a linked record; computed
    fields may be given too. Raises ``InvalidValues`` for unknown names and values that cannot be read.
    """
    compiled = get_approval(session.app, approval)
    entity = session.app.entities[compiled.entity]
    starter = actor or _somebody(session, entity)
    env = env_of(session, starter)
    given = _read_given(today or session, session.app, entity, compiled, written, starter)
    values = {"owner": starter.id, "team": starter.team, "stage": _first_stage(entity)}
    values |= {key: value for key, value in given.items() if key in entity.fields}
    set_defaults(entity.fields, values, env)
    others = tuple(key for key in entity.compute_order if key not in given)
    compute_values(replace(entity, compute_order=others), values, env, [])
    return Supposed(_with_given(compiled, given), values, starter)


def get_approval(app: CompiledApp, key: str) -> Approval:
    """Return an approval; raises ``NotFound`` with those there are."""
    if key not in app.approvals:
        raise NotFound("explain.no_approval", name=key, known=", ".join(app.approvals) or "–")
    return app.approvals[key]


def say_path(explained: Explained, language: str) -> list[str]:
    """Return the answer: one sentence, then a line for each step with its rule and place."""
    app, approval, path = explained.app, explained.approval, explained.path
    lines = [say_first(explained, language)]
    if path.auto_note is not None and approval.auto_pass is not None:
        rule = say_expression(app, approval.auto_pass, language, approval)
        lines.append(_line("explain.because", language, approval.auto_pass.location, rule=rule))
    lines += [say_step(explained, step, language) for step in path.steps]
    code = "explain.by_release" if explained.release_id is not None else "explain.by_draft"
    said = messages.text(code, language, release=explained.release_id, starter=explained.starter.name)
    return [*lines, said]


# ---- the path


def _explain(session: Session, supposed: Supposed) -> Explained:
    approval, values, starter = supposed.approval, supposed.values, supposed.starter
    entity = session.app.entities[approval.entity]
    env = make_env(session, starter)
    submission = plan_submission(entity, approval, values, env, starter=Person(starter.id, starter.name))
    case = Case(values, submission.starter)
    world = LiveWorld(session, case, self_=submission.self_, empty=to_rules(approval.empty))
    return Explained(session.app, approval, starter, preview(submission, world), session.release_id)


def _somebody(session: Session, entity: Entity) -> Actor:
    """Return the first person who may create such a record: whoever would submit it in real life."""
    for role, access in entity.access.items():
        for person in directory.holders_of(session.connection, role) if access.create else ():
            return accounts.get_actor(session.connection, person.id, via="cli")
    raise NotPossibleNow("explain.nobody", entity=entity.label)


def _first_stage(entity: Entity) -> str | None:
    return entity.workflow.first if entity.workflow is not None else None


# ---- values as somebody writes them


def _read_given(
    session: Session, app: CompiledApp, entity: Entity, approval: Approval, written: Mapping[str, str], actor: Actor
) -> dict[str, Any]:
    given, errors = {}, []
    for name, text in written.items():
        field = _find_field(app, entity, approval, name)
        if field is None:
            known = ", ".join([*approval.let, *entity.fields])
            errors.append(FieldError(name, "explain.no_name", {"known": known}))
            continue
        try:
            given[name] = _read(session, field, text, actor)
        except Wrong as wrong:
            errors.append(FieldError(name, wrong.code, wrong.params))
    if errors:
        raise InvalidValues(errors)
    return given


def _find_field(app: CompiledApp, entity: Entity, approval: Approval, name: str) -> Field | None:
    """Return the field a name stands for; a name of ``let`` is read as a field of its kind would be."""
    if name in approval.let:
        kind = approval.let[name].checked.type.kind
        key = _TYPE_OF.get(kind)
        return None if key is None else Field(name, get_type(key), {}, entity.location, scale=_SCALES.get(kind))
    link, _, rest = name.partition(".")
    field = entity.fields.get(link)
    if rest and field is not None and field.to is not None:
        return app.entities[field.to].fields.get(rest)
    return None if rest or field is None or field.type.column is None else field


def _read(session: Session, field: Field, text: str, actor: Actor) -> Any:
    if field.to is not None and field.type.many:
        one = replace(field, type=get_type("link"))
        return [_read(session, one, part.strip(), actor) for part in re.split("[,;、，；]", text) if part.strip()]
    if field.to is not None and not text.isdecimal():
        known = pick(session, field.to, text, actor=actor) if field.to in session.app.entities else ()
        found = [one for one in known if text in (one.text, one.number)]
        if len(found) != 1:
            raise Wrong("explain.no_record", name=text)
        return found[0].id
    if field.type.column == "user" and not text.isdecimal():
        id_ = accounts.find_user(session.connection, text)
        if id_ is None:
            raise Wrong("explain.no_record", name=text)
        return id_
    return field.type.parse(text, field)


_TYPE_OF = {
    Kind.PERCENT: "percent",
    Kind.MONEY: "money",
    Kind.NUMBER: "decimal",
    Kind.BOOLEAN: "boolean",
    Kind.TEXT: "text",
    Kind.DATE: "date",
}
_SCALES = {Kind.PERCENT: 6, Kind.MONEY: 6, Kind.NUMBER: 6}


def _with_given(approval: Approval, given: Mapping[str, Any]) -> Approval:
    """Return the approval with given names of ``let`` and values of linked records written in as constants."""
    names = {name: value for name, value in given.items() if name in approval.let or "." in name}
    if not names:
        return approval
    steps = {
        key: step if step.when is None else replace(step, when=_fix(step.when, names))
        for key, step in approval.steps.items()
    }
    passes = None if approval.auto_pass is None else _fix(approval.auto_pass, names)
    return replace(approval, steps=steps, auto_pass=passes)


def _fix(expression: Expression, given: Mapping[str, Any]) -> Expression:
    """Return the same expression, said as before, that runs with the given values."""
    fixed = replace(expression.checked, tree=_fix_node(expression.checked.tree, given))
    return replace(expression, run=compile_python(fixed))


def _fix_node(node: Any, given: Mapping[str, Any]) -> Any:
    name = _name_of(node)
    if name is not None and name in given:
        return resolved.Constant(node.type, node.start, node.end, given[name])
    if isinstance(node, tuple):
        return tuple(_fix_node(one, given) for one in node)
    if not isinstance(node, resolved.NODES) or not is_dataclass(node) or isinstance(node, type):
        return node
    return replace(node, **{one.name: _fix_node(getattr(node, one.name), given) for one in fields(node)})


def _name_of(node: Any) -> str | None:
    if isinstance(node, resolved.Let):
        return node.name
    if isinstance(node, resolved.Hop) and isinstance(node.link, resolved.Field):
        return f"{node.link.name}.{node.name}"
    return None


# ---- words


def say_first(explained: Explained, language: str) -> str:
    """Return the answer in one sentence."""
    path, label = explained.path, explained.approval.label
    if path.auto_note is not None:
        return messages.text("explain.auto", language, approval=label, note=path.auto_note)
    asked = [messages.say(step.label, language) for step in path.steps if step.fate == "asked"]
    names = messages.text("explain.then", language).join(asked) or "–"
    return messages.text("explain.blocked" if path.blocked else "explain.signs", language, approval=label, names=names)


def say_step(explained: Explained, step: PathStep, language: str) -> str:
    """Return one step in words, with its rule and the place it is written at."""
    approval = explained.approval
    compiled = approval.steps.get(step.key)
    when = None if compiled is None else compiled.when
    rule = messages.text("explain.always", language)
    if when is not None:
        rule = say_expression(explained.app, when, language, approval)
    place = when.location if when is not None else compiled.location if compiled is not None else None
    people = messages.text(f"explain.among_{step.decide}", language).join(
        f"{person.name} ({say_why(explained.app, person.why, language, entity=approval.entity)})"
        for person in step.people
    )
    return _line(f"explain.step_{step.fate}", language, place, step=step.label, people=people, rule=rule)


def _line(code: str, language: str, place: Location | None, **params: Label | str) -> str:
    return messages.text(code, language, **params) + (f"  {place}" if place is not None else "")
