"""Links that are found (``found_by``): the one record whose fields are as the record being saved says.

Enters: typed values. Leaves: empty links filled in, read-only ones looked for anew; with ``make_missing`` the record
that was not there. Must not apply the actor's rights: like a fetched value, a link that is found holds for everybody.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import bindparam, select

from engine.compiler.app import Entity, Field
from engine.errors import InvalidValues
from engine.expression import Env
from engine.people.actor import Actor
from engine.records.completing import fitted
from engine.records.engine_rows import complete_row
from engine.records.links import kept_for_link
from engine.storage.store import Session

Insert = Callable[[Session, Entity, dict[str, Any], Actor, Env], Any]


def find_links(session: Session, entity: Entity, values: dict[str, Any], env: Env) -> None:
    """Fill in the links of a record and its lines that are found by what stands there: those of the record first."""
    for field, row, inner in _places(session, entity, values, env):
        if not field.readonly and row.get(field.key) is not None:
            continue
        wanted = _wanted(session, field, row, inner)
        row[field.key] = None if wanted is None else _find(session, field, wanted)


def follow_links(session: Session, entity: Entity, before: Mapping[str, Any], values: dict[str, Any], env: Env) -> None:
    """Look anew for the links of a record that is saved on its way, as far as what they are found by changed.

    What people decide about stays as they saw it, whatever came to be found meanwhile.
    """
    old = {
        (id(field), row.get("id")): _wanted(session, field, row, inner)
        for field, row, inner in _places(session, entity, dict(before), env)
    }
    for field, row, inner in _places(session, entity, values, env):
        wanted = _wanted(session, field, row, inner)
        changed = wanted != old.get((id(field), row.get("id")))
        if changed and (field.readonly or row.get(field.key) is None):
            row[field.key] = None if wanted is None else _find(session, field, wanted)


def make_missing(
    session: Session, entity: Entity, values: dict[str, Any], *, actor: Actor, env: Env, insert: Insert
) -> None:
    """Make the records that links with ``make_missing`` are to lead to and that are not there yet.

    Of two who make the same one at once the second takes that of the first: the database keeps them one.
    """
    for field, row, inner in _places(session, entity, values, env):
        if not field.make_missing or row.get(field.key) is not None:
            continue
        wanted = _wanted(session, field, row, inner)
        if wanted is None:
            continue
        target = session.app.entities[field.to or ""]
        owner = {"owner": values.get("owner"), "team": values.get("team")}
        try:
            with session.surviving():
                made = complete_row(session, target, {**wanted, **owner}, actor=actor, env=env, find=find_links)
                insert(session, target, made, actor, env)
        except InvalidValues:
            row[field.key] = _find(session, field, wanted)
            if row[field.key] is None:
                raise
        else:
            row[field.key] = made["id"]


def _places(
    session: Session, entity: Entity, values: dict[str, Any], env: Env
) -> Iterator[tuple[Field, dict[str, Any], Env]]:
    """Yield each link to be found, the row it stands in, and what its expressions may know; none into what is off."""
    off = session.app.off
    yield from ((field, values, env) for field in entity.plan.found if field.to not in off)
    for lines in entity.line_fields:
        found = [field for field in lines.column_plan.found if field.to not in off]
        inner = replace(env, record=values) if found else env
        for row in (values.get(lines.key) or ()) if found else ():
            yield from ((field, row, inner) for field in found)


def _wanted(session: Session, field: Field, row: Mapping[str, Any], env: Env) -> dict[str, Any] | None:
    """Return what the fields there must be; None while one of them has no value."""
    fields = session.app.entities[field.to or ""].fields
    wanted = {key: fitted(fields[key], expression.run(row, env)) for key, expression in field.found_by.items()}
    return None if any(value is None for value in wanted.values()) else wanted


def _find(session: Session, field: Field, wanted: Mapping[str, Any]) -> int | None:
    table = session.tables.entity[field.to or ""]

    def build() -> Any:
        same = [table.c[key] == bindparam(f"same_{key}", type_=table.c[key].type) for key in wanted]
        return kept_for_link(session, select(table.c.id).where(*same, table.c.deleted_at.is_(None)), table)

    statement = session.prepared(("found by", field.to, tuple(wanted), session.writes), build)
    row = statement.fetch_one(session.connection, {f"same_{key}": value for key, value in wanted.items()})
    return None if row is None else int(row[0])
