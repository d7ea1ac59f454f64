"""Making a record from another without retyping: the values a quote gives a contract.

Enters: a record the actor may see and the key of one of its entity's ``makes``. Leaves: raw values for a new record,
to be shown in its form or given to ``create_record`` as they are. Must not write: creating is a command of its own.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from engine.compiler.app import Entity, Field, Make, MakeLines
from engine.errors import NotAllowed, NotPossibleNow
from engine.expression import Env
from engine.people.actor import Actor
from engine.records.completing import fitted
from engine.records.evaluation import make_env
from engine.records.filters import Filter
from engine.records.lines import read_lines
from engine.records.list_query import ListQuery
from engine.records.queries import get_record, list_records
from engine.records.record import Record
from engine.records.rights import Rights, find_rights, get_entity
from engine.storage.store import Session

MOST_LINES = 200
"""Records that link here of which lines are made."""


def list_makes(session: Session, record: Record, *, actor: Actor) -> list[Make]:
    """Return what can be made from a record now, by this actor."""
    entity = get_entity(session.app, record.entity)
    return [
        make
        for make in entity.makes.values()
        if _allowed(session, make, actor) and _possible(session, make, record, actor)
    ]


def make_values(session: Session, entity: str, id: int, make: str, *, actor: Actor) -> tuple[Make, dict[str, Any]]:
    """Return the make and the raw values of the new record; raises ``NotFound``, ``NotAllowed``, ``NotPossibleNow``."""
    compiled = get_entity(session.app, entity)
    record = get_record(session, entity, id, actor=actor)
    found = compiled.makes.get(make)
    if found is None:
        raise NotPossibleNow("record.no_make", label=make[:60])
    if not _allowed(session, found, actor):
        raise NotAllowed("record.no_create", entity=session.app.entities[found.entity].label)
    if not _possible(session, found, record, actor):
        raise NotPossibleNow("record.no_make", label=found.label)
    return found, _values(session, found, record, actor)


def _allowed(session: Session, make: Make, actor: Actor) -> bool:
    return find_rights(session.app, session.app.entities[make.entity], actor).create


def _possible(session: Session, make: Make, record: Record, actor: Actor) -> bool:
    """Judge the condition over the whole record: it holds for everybody alike, whatever they see."""
    if make.when is None:
        return True
    env = make_env(session, actor)
    return make.when.run(_whole(session, record, env) if record.hidden else record.values, env) is True


def _whole(session: Session, record: Record, env: Env) -> Mapping[str, Any]:
    entity = get_entity(session.app, record.entity)
    return {
        **record.values,
        **(env.lookup.linked(entity.key, record.id) or {}),
        **read_lines(session, entity, record.id),
    }


def _values(session: Session, make: Make, record: Record, actor: Actor) -> dict[str, Any]:
    target = session.app.entities[make.entity]
    rights = find_rights(session.app, target, actor).entering
    env = make_env(session, actor)
    given: dict[str, Any] = {make.back: record.id}
    for key, expression in make.set.items():
        if _typeable(target, key, rights):
            given[key] = fitted(target.fields[key], expression.run(record.values, env))
    for key, lines in make.lines.items():
        if _typeable(target, key, rights):
            rows = _linking(session, lines, record, actor) if lines.of else record.values.get(lines.rows) or []
            chosen = [row for row in rows if lines.where is None or lines.where.run(row, env) is True]
            given[key] = [_row(target.fields[key], lines, row, rights, env) for row in chosen]
    return given


def _linking(session: Session, lines: MakeLines, record: Record, actor: Actor) -> Sequence[Mapping[str, Any]]:
    """Return the values of the records that link to one, as far as somebody sees them, in the order of their list."""
    if not find_rights(session.app, session.app.entities[lines.of], actor).read:
        return ()
    query = ListQuery(filters=(Filter(lines.via, "eq", record.id),), limit=MOST_LINES)
    return [one.values for one in list_records(session, lines.of, query, actor=actor).records]


def _row(into: Field, lines: MakeLines, row: Mapping[str, Any], rights: Rights, env: Env) -> dict[str, Any]:
    closed = rights.hidden | rights.readonly
    led = {lines.link: row["id"]} if lines.link and f"{into.key}.{lines.link}" not in closed else {}
    return led | {
        name: fitted(into.fields[name], expression.run(row, env))
        for name, expression in lines.set.items()
        if not into.fields[name].readonly and f"{into.key}.{name}" not in closed
    }


def _typeable(entity: Entity, key: str, rights: Rights) -> bool:
    return not entity.fields[key].readonly and key not in rights.hidden | rights.readonly
