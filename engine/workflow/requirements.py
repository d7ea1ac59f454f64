"""What a record needs to leave a stage and to enter another: the gate every way in passes.

Enters: the complete values of a record as they would be, and a stage. Leaves: everything that is missing, in the words
of whoever asks. Must not write, and must not apply the asker's rights to what it
counts: a gate is the same gate for everybody; only what it *names* follows their rights.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from engine import messages
from engine.compiler.app import Entity, Requirement, Stage
from engine.errors import Missing
from engine.expression import Env
from engine.people.actor import Actor
from engine.records.attachments import read_attachments
from engine.records.evaluation import make_env
from engine.records.field_states import is_missing
from engine.records.lines import read_lines
from engine.records.record import Record
from engine.records.rights import NONE, find_rights
from engine.storage.store import Session
from engine.workflow.proofs import counted_files, find_approved, linked_ids, say_length
from engine.workflow.rule_words import say_expression

Values = Mapping[str, Any]


def check_requirements(
    session: Session, entity: Entity, record: Record, stage: Stage, *, actor: Actor
) -> tuple[Missing, ...]:
    """Return all that is missing to enter ``stage``; ``record`` holds all its values."""
    env = make_env(session, actor)
    return find_missing(session, entity, record.values, stage.enter, env, actor=actor)


def find_missing(
    session: Session,
    entity: Entity,
    values: Values,
    requirements: tuple[Requirement, ...],
    env: Env,
    *,
    actor: Actor | None,
) -> tuple[Missing, ...]:
    """Return what is missing of ``requirements``, in their order."""
    check = _Check(session, entity, values, env, actor)
    asked = (one for one in requirements if not _is_about_off(session, entity, one))
    found = (_CHECKS[requirement.kind](check, requirement) for requirement in asked)
    return tuple(missing for missing in found if missing is not None)


def _is_about_off(session: Session, entity: Entity, requirement: Requirement) -> bool:
    """Nothing is asked for that is switched off: records linked here, approvals of others, fields that lead there."""
    app = session.app
    approval = app.approvals.get(requirement.approval or "")
    reached = {requirement.link, approval.entity if approval is not None else None}
    named = {*requirement.fields, requirement.file, requirement.of}
    return bool(reached & app.off) or bool(named & app.closed[entity.key])


def say_missing(missing: tuple[Missing, ...], language: str) -> str:
    """Return everything that is missing in one sentence."""
    separator = messages.text("workflow.separator", language)
    return messages.text("workflow.missing", language, items=separator.join(item.message for item in missing))


def fillable_fields(requirements: Sequence[Requirement]) -> frozenset[str]:
    """Return the fields that may be filled on the spot to meet ``requirements``."""
    named = {key for requirement in requirements for key in requirement.fields}
    others = {key for requirement in requirements for key in (requirement.file, requirement.of) if key}
    return frozenset(named | others)


def read_whole(session: Session, entity: Entity, id: int, env: Env) -> dict[str, Any]:
    """Return all values of a record without locking it, whatever the asker may see; empty when it is gone."""
    row = env.lookup.linked(entity.key, id)
    if row is None:
        return {}
    lines = read_lines(session, entity, id) if entity.line_fields else {}
    files = read_attachments(session, entity, id) if entity.file_fields else {}
    return {**row, **lines, **files}


class _Check:
    """One gate being asked: the values, the rights and the language of whoever asks."""

    def __init__(self, session: Session, entity: Entity, values: Values, env: Env, actor: Actor | None) -> None:
        self.session = session
        self.entity = entity
        self.values = values
        self.env = env
        self.rights = NONE if actor is None else find_rights(session.app, entity, actor).entering
        self.language = (actor.language if actor else None) or session.app.language

    def fields(self, requirement: Requirement) -> Missing | None:
        empty = [key for key in requirement.fields if is_missing(self.values.get(key))]
        if not empty:
            return None
        named = [key for key in empty if key not in self.rights.hidden]
        labels = [messages.say(self.entity.fields[key].label, self.language) for key in named]
        if len(named) < len(empty):
            labels.append(messages.text("workflow.missing_hidden", self.language, count=len(empty) - len(named)))
        words = messages.text("workflow.separator", self.language).join(labels)
        return self._missing(requirement, words, self._fillable(named))

    def file(self, requirement: Requirement) -> Missing | None:
        key = requirement.file or ""
        count = len(counted_files(self.session, requirement, self.values))
        if count >= requirement.min:
            return None
        label = messages.say(self.entity.fields[key].label, self.language)
        code = "workflow.missing_file" if requirement.min == 1 else "workflow.missing_files"
        if requirement.accept:
            label += self._text("workflow.of_kinds", kinds="/".join(sorted(requirement.accept)))
        if requirement.newer_than:
            label += self._text("workflow.newer_than", length=say_length(requirement.newer_than, self.language))
        words = self._text(code, label=label, min=requirement.min, count=count)
        return self._missing(requirement, words, self._fillable([key]))

    def link(self, requirement: Requirement) -> Missing | None:
        found = linked_ids(self.session, requirement, self.values["id"], self.env)
        if len(found) >= requirement.min:
            return None
        label = messages.say(self.session.app.entities[requirement.link or ""].label, self.language)
        if requirement.within:
            label = self._text("workflow.within", length=say_length(requirement.within, self.language), label=label)
        code = "workflow.missing_link" if requirement.where is None else "workflow.missing_link_where"
        words = self._text(code, label=label, min=requirement.min, count=len(found))
        return self._missing(requirement, words, entity=requirement.link, via=requirement.via)

    def approval(self, requirement: Requirement) -> Missing | None:
        standing = find_approved(self.session, self.entity, requirement, self.values, self.env)
        if standing.stands:
            return None
        approval = self.session.app.approvals[requirement.approval or ""]
        label = messages.say(approval.label, self.language)
        words = self._text(f"workflow.approval_{standing.status}", label=label)
        fields = self._fillable([requirement.of]) if requirement.of and standing.status == "no_record" else ()
        return self._missing(requirement, words, fields, entity=approval.entity)

    def check(self, requirement: Requirement) -> Missing | None:
        if requirement.check is None or requirement.check.run(self.values, self.env) is True:
            return None
        rule = say_expression(self.session.app, requirement.check, self.language)
        words = messages.text("workflow.missing_check", self.language, rule=rule)
        return self._missing(requirement, words)

    def _missing(
        self,
        requirement: Requirement,
        words: str,
        fields: tuple[str, ...] = (),
        *,
        entity: str | None = None,
        via: str | None = None,
    ) -> Missing:
        said = messages.say(requirement.message, self.language) if requirement.message else words
        return Missing(requirement.key, requirement.kind, said, fields, entity, via)

    def _text(self, code: str, **params: object) -> str:
        return messages.text(code, self.language, **params)

    def _fillable(self, keys: list[str]) -> tuple[str, ...]:
        closed = self.rights.hidden | self.rights.readonly
        return tuple(key for key in keys if key not in closed and not self.entity.fields[key].readonly)


_CHECKS: Mapping[str, Callable[[_Check, Requirement], Missing | None]] = {
    "fields": _Check.fields,
    "file": _Check.file,
    "link": _Check.link,
    "check": _Check.check,
    "approval": _Check.approval,
}
