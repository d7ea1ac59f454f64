"""What let a record move: kept with the move, and compared with what let others move.

Enters: the values a record moves with and what guarded its way. Leaves: evidence for the history; and a flag, with an
event for the owner's manager, when a file served for somebody else before. Must not refuse a move: that is the gate's.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import bindparam, select

from engine.compiler.app import Entity, Requirement
from engine.expression import Env
from engine.people import directory
from engine.records.flags import SHARED_EVIDENCE, raise_flag
from engine.records.sql import insert_into
from engine.storage.journal import write_event
from engine.storage.stage_tables import evidence
from engine.storage.store import Session
from engine.workflow.proofs import counted_files, find_approved, linked_ids
from engine.workflow.requirements import fillable_fields

Values = Mapping[str, Any]


def collect_evidence(
    session: Session, entity: Entity, values: Values, requirements: Sequence[Requirement], env: Env
) -> dict[str, Any]:
    """Return what met the requirements.

    ``fields`` holds required values in JSON form, ``files`` names and sha256, ``links`` the ids of linked records by
    entity, ``approvals`` the ids of the approvals that stand.
    """
    found: dict[str, Any] = {"fields": {}, "files": _files(session, requirements, values), "links": {}, "approvals": {}}
    for key in sorted(fillable_fields(requirements)):
        field = entity.fields[key]
        if field.stored and values.get(key) is not None:
            found["fields"][key] = field.type.to_json(values[key])
    for one in requirements:
        if one.link is not None:
            found["links"][one.link] = linked_ids(session, one, values["id"], env)
        if one.approval is not None:
            found["approvals"][one.approval] = find_approved(session, entity, one, values, env).approval_id
    return {kind: entries for kind, entries in found.items() if entries}


def watch_files(session: Session, entity: Entity, record_id: int, stage: str, values: Values, used: Any) -> None:
    """Remember the files a record moved with, and flag it when one of them served for another ``apart`` before."""
    apart = entity.workflow.apart if entity.workflow is not None else None
    if apart is None or values.get(apart) is None or not used:
        return
    mine = f"{entity.fields[apart].to}:{values[apart]}"
    for one in {one["sha256"]: one for one in used}.values():
        others = _served_elsewhere(session, one["sha256"], mine)
        if others:
            _raise(session, entity, record_id, values, one, others[0])
        _remember(session, entity, record_id, stage, mine, one)


def _files(session: Session, requirements: Iterable[Requirement], values: Values) -> list[dict[str, Any]]:
    counted = {
        requirement.file: [
            {"field": requirement.file, "name": one["name"], "sha256": one["sha256"]}
            for one in counted_files(session, requirement, values)
        ]
        for requirement in requirements
        if requirement.file is not None
    }
    return [one for key in sorted(counted) for one in counted[key]]


def _served_elsewhere(session: Session, sha256: str, mine: str) -> list[tuple[Any, ...]]:
    """Return where a file served for somebody else: entity, id and name, the first first."""

    def build() -> Any:
        c = evidence.c
        other = (c.sha256 == bindparam("sha256"), c.apart != bindparam("mine"), c.apart.like(bindparam("kind")))
        return select(c.entity, c.record_id, c.name).where(*other).order_by(c.id).limit(1)

    given = {"sha256": sha256, "mine": mine, "kind": f"{mine.partition(':')[0]}:%"}
    return session.prepared("evidence elsewhere", build).fetch_all(session.connection, given)


def _raise(
    session: Session, entity: Entity, record_id: int, values: Values, used: Mapping[str, Any], other: tuple[Any, ...]
) -> None:
    reason = {"file": used["name"], "entity": other[0], "record": other[1]}
    if not raise_flag(session, entity.key, record_id, SHARED_EVIDENCE, reason, stay=None):
        return
    owner = values.get("owner")
    manager = directory.manager_of(session.connection, owner) if owner is not None else None
    users = [] if manager is None else [manager.id]
    write_event(session, "evidence.shared", entity.key, record_id, {"users": users, **reason})


def _remember(session: Session, entity: Entity, record_id: int, stage: str, mine: str, used: Mapping[str, Any]) -> None:
    def build() -> Any:
        names = ("sha256", "name", "entity", "record_id", "stage", "apart", "at")
        row = {name: bindparam(name, type_=evidence.c[name].type) for name in names}
        return insert_into(evidence, session.connection.dialect).values(row).on_conflict_do_nothing()

    row = {"sha256": used["sha256"], "name": used["name"], "entity": entity.key, "record_id": record_id}
    given = row | {"stage": stage, "apart": mine, "at": session.now()}
    session.prepared("remember evidence", build).execute(session.connection, given)
