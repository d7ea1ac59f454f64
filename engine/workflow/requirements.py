"""What a record needs to leave a stage and to enter another: the gate every way in passes.

Enters: the complete values of a record as they would be, and a stage. Leaves: everything that is missing, in the words
of whoever asks, and the evidence of what was there. Must not write, and must not apply the asker's rights to what it
counts: a gate is the same gate for everybody; only what it *names* follows their rights.
"""

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import bindparam, func, select

from engine import messages
from engine.compiler.app import Entity, Requirement, Stage
from engine.errors import Missing
from engine.expression import Env
from engine.expression.sql import compile_where, sql_parameters
from engine.people.actor import Actor
from engine.records.attachments import read_attachments
from engine.records.completing import is_missing
from engine.records.evaluation import make_env
from engine.records.lines import read_lines
from engine.records.record import Record
from engine.records.rights import find_rights
from engine.storage.store import Session
from engine.storage.table_source import TableSource
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
    actor: Actor,
) -> tuple[Missing, ...]:
    """Return what is missing of ``requirements``, in their order."""
    check = _Check(session, entity, values, env, actor)
    found = (_CHECKS[requirement.kind](check, requirement) for requirement in requirements)
    return tuple(missing for missing in found if missing is not None)


def say_missing(missing: tuple[Missing, ...], language: str) -> str:
    """Return everything that is missing in one sentence."""
    separator = messages.text("workflow.separator", language)
    return messages.text("workflow.missing", language, items=separator.join(item.message for item in missing))


def fillable_fields(requirements: tuple[Requirement, ...]) -> frozenset[str]:
    """Return the fields that may be filled on the spot to meet ``requirements``."""
    named = {key for requirement in requirements for key in requirement.fields}
    return frozenset(named | {requirement.file for requirement in requirements if requirement.file})


def collect_evidence(entity: Entity, values: Values, requirements: tuple[Requirement, ...]) -> dict[str, Any]:
    """Return what met the requirements: required values in JSON form, names and sha256 of files."""
    evidence: dict[str, Any] = {"fields": {}, "files": []}
    for key in sorted(fillable_fields(requirements)):
        field = entity.fields[key]
        if field.type.key == "file":
            files = [{"field": key, "name": one["name"], "sha256": one["sha256"]} for one in values.get(key) or ()]
            evidence["files"] += files
        elif field.type.key != "lines" and values.get(key) is not None:
            evidence["fields"][key] = field.type.to_json(values[key])
    return {kind: found for kind, found in evidence.items() if found}


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

    def __init__(self, session: Session, entity: Entity, values: Values, env: Env, actor: Actor) -> None:
        self.session = session
        self.entity = entity
        self.values = values
        self.env = env
        self.rights = find_rights(session.app, entity, actor)
        self.language = actor.language or session.app.language

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
        count = len(self.values.get(key) or ())
        if count >= requirement.min:
            return None
        label = self.entity.fields[key].label
        code = "workflow.missing_file" if requirement.min == 1 else "workflow.missing_files"
        words = messages.text(code, self.language, label=label, min=requirement.min, count=count)
        return self._missing(requirement, words, self._fillable([key]))

    def link(self, requirement: Requirement) -> Missing | None:
        count = self._count_linked(requirement)
        if count >= requirement.min:
            return None
        label = self.session.app.entities[requirement.link or ""].label
        code = "workflow.missing_link" if requirement.where is None else "workflow.missing_link_where"
        words = messages.text(code, self.language, label=label, min=requirement.min, count=count)
        return self._missing(requirement, words)

    def check(self, requirement: Requirement) -> Missing | None:
        if requirement.check is None or requirement.check.run(self.values, self.env) is True:
            return None
        rule = say_expression(self.session.app, requirement.check, self.language)
        words = messages.text("workflow.missing_check", self.language, rule=rule)
        return self._missing(requirement, words)

    def _missing(self, requirement: Requirement, words: str, fields: tuple[str, ...] = ()) -> Missing:
        said = messages.say(requirement.message, self.language) if requirement.message else words
        return Missing(requirement.key, requirement.kind, said, fields)

    def _fillable(self, keys: list[str]) -> tuple[str, ...]:
        closed = self.rights.hidden | self.rights.readonly
        return tuple(key for key in keys if key not in closed and not self.entity.fields[key].readonly)

    def _count_linked(self, requirement: Requirement) -> int:
        """Count the records that link here and satisfy the condition; no further than needed."""
        linked, via, where = requirement.link or "", requirement.via or "", requirement.where
        table = self.session.tables.entity[linked]

        def build() -> Any:
            own = [table.c[via] == bindparam("record_id"), table.c.deleted_at.is_(None)]
            if where is not None:
                own.append(compile_where(where.checked, TableSource(self.session.tables)))
            few = select(table.c.id).where(*own).limit(requirement.min).subquery()
            return select(func.count()).select_from(few)

        key = ("gate", linked, via, str(requirement.location))
        given = {"record_id": self.values["id"], **(sql_parameters(where.checked, self.env) if where else {})}
        row = self.session.prepared(key, build).fetch_one(self.session.connection, given)
        return int(row[0]) if row is not None else 0


_CHECKS: Mapping[str, Callable[[_Check, Requirement], Missing | None]] = {
    "fields": _Check.fields,
    "file": _Check.file,
    "link": _Check.link,
    "check": _Check.check,
}
