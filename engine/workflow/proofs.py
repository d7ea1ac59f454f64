"""What counts towards a requirement: which files, which linked records, and whether an approval still stands.

Enters: a requirement and the complete values of a record. Leaves: what was found. Must not say what is missing, and
must not apply anybody's rights: what counts, counts for everybody.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from sqlalchemy import Date, bindparam, select

from engine import messages
from engine.compiler.app import Entity, Requirement
from engine.expression import Env
from engine.expression.sql import compile_where, sql_parameters
from engine.records.attachments import read_attachments
from engine.records.calendar import parse_amount
from engine.records.evaluation import site_zone
from engine.records.lines import read_lines
from engine.storage.approval_tables import approvals
from engine.storage.store import Session
from engine.storage.table_source import TableSource
from engine.storage.tables import column_name
from engine.workflow.approval import log
from engine.workflow.approval.planning import hash_submitted
from engine.workflow.approval.task_rows import Kept

Values = Mapping[str, Any]

_UNITS = {"d": "days", "h": "hours", "m": "minutes"}
_MOST_SHOWN = 20


@dataclass(frozen=True)
class Standing:
    """Whether an approval counts; ``changed`` says that what it guards is no longer what was approved."""

    status: Literal["approved", "none", "no_record", "running", "changed", "not_passed"]
    approval_id: int | None = None

    @property
    def stands(self) -> bool:
        """Whether it passed and is still about the content that is there."""
        return self.status == "approved"


def counted_files(session: Session, requirement: Requirement, values: Values) -> list[Mapping[str, Any]]:
    """Return the files of a record that count: not empty, of the kinds asked for, and new enough."""
    oldest = None if requirement.newer_than is None else session.now() - _length(requirement.newer_than)
    return [
        one
        for one in values.get(requirement.file or "") or ()
        if one.get("size", 1) > 0
        and (not requirement.accept or one["name"].rpartition(".")[2].lower() in requirement.accept)
        and (oldest is None or one["uploaded_at"] >= oldest)
    ]


def linked_ids(session: Session, requirement: Requirement, record_id: int, env: Env) -> list[int]:
    """Return the records that link here and satisfy the condition; not many more than are asked for."""
    linked, where, within = requirement.link or "", requirement.where, requirement.within
    table = session.tables.entity[linked]
    by = table.c[column_name(requirement.by)]

    def build() -> Any:
        own = [table.c[requirement.via or ""] == bindparam("record_id"), table.c.deleted_at.is_(None)]
        if where is not None:
            own.append(compile_where(where.checked, TableSource(session.tables)))
        if within is not None:
            own.append(by >= bindparam("oldest", type_=by.type))
        return select(table.c.id).where(*own).order_by(table.c.id.desc()).limit(max(requirement.min, _MOST_SHOWN))

    given = {"record_id": record_id, **(sql_parameters(where.checked, env) if where else {})}
    if within is not None:
        oldest = session.now() - _length(within)
        given["oldest"] = oldest.astimezone(site_zone(session.app)).date() if isinstance(by.type, Date) else oldest
    statement = session.prepared(("gate", linked, requirement.via, str(requirement.location)), build)
    return [row[0] for row in statement.fetch_all(session.connection, given)]


def find_approved(session: Session, entity: Entity, requirement: Requirement, values: Values, env: Env) -> Standing:
    """Return how an approval stands that must have passed on content that has not changed since."""
    approved, record_id = entity, values.get("id")
    if requirement.of is not None:
        approved = session.app.entities[entity.fields[requirement.of].to or ""]
        record_id = values.get(requirement.of)
        row = env.lookup.linked(approved.key, record_id) if record_id is not None else None
        if record_id is None or row is None:
            return Standing("no_record")
        values = {**row, **read_lines(session, approved, record_id), **read_attachments(session, approved, record_id)}
    kept = _find_latest(session, requirement.approval or "", approved.key, record_id)
    if kept is None:
        return Standing("none")
    state = kept.state
    if state.status != "approved":
        return Standing("running" if state.running else "not_passed", kept.id)
    same = hash_submitted(state.origin, values) == state.content
    return Standing("approved" if same else "changed", kept.id)


def say_length(amount: str, language: str) -> str:
    """Return an amount of time in words."""
    found = parse_amount(amount)
    return messages.text(f"workflow.length_{found.unit}", language, number=found.number)


def _find_latest(session: Session, approval: str, entity: str, record_id: Any) -> Kept | None:
    def build() -> Any:
        c = approvals.c
        own = (c.entity == bindparam("of"), c.record_id == bindparam("record_id"), c.approval == bindparam("approval"))
        return select(c.id).where(*own).order_by(c.id.desc()).limit(1)

    given = {"of": entity, "record_id": record_id, "approval": approval}
    row = session.prepared("latest of an approval", build).fetch_one(session.connection, given)
    return None if row is None else log.read(session, row[0])


def _length(amount: str) -> timedelta:
    found = parse_amount(amount)
    return timedelta(**{_UNITS[found.unit]: found.number})
