"""A workshop that people use: records made by commands, definitions changed under them, and histories that replay."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from sqlalchemy import Table, select

from engine.compiler.app.ownership import PROTECTED_UNTIL
from engine.people import accounts
from engine.people.actor import Actor
from engine.records.called import Called
from engine.records.commands import create_record, update_record
from engine.records.queries import get_record
from engine.records.record import Record
from engine.records.settling import settle_after
from engine.storage import catalog, rollback
from engine.storage.plan import Plan
from engine.storage.releases import Release
from engine.storage.store import Store
from engine.storage.system_tables import history
from engine.workflow.transitions import move_record
from tests.conftest import to_folder


def hire(store: Store, login: str = "boss", *roles: str) -> Actor:
    """Create somebody, an administrator unless roles are given."""
    with store.write() as session:
        given = {"login": login, "name": login, "password": "a long password 1", "roles": roles or ("admin",)}
        id_ = accounts.create_user(session, actor=None, **given)
        return accounts.get_actor(session.connection, id_, via="web")


def make(store: Store, actor: Actor, entity: str, **values: Any) -> Record:
    """Create a record as its page does."""
    with store.write() as session:
        return create_record(session, entity, values, actor=actor)


def edit(store: Store, actor: Actor, entity: str, id_: int, **values: Any) -> Record:
    """Change a record as its page does."""
    with store.write() as session:
        seen = get_record(session, entity, id_, actor=actor)
        return update_record(session, entity, id_, values, version=seen.version, actor=actor)


def move(store: Store, actor: Actor, entity: str, id_: int, key: str, **more: Any) -> Record:
    """Move a record as its page does."""
    with store.write() as session:
        seen = get_record(session, entity, id_, actor=actor)
        return move_record(session, entity, id_, key, version=seen.version, actor=actor, **more)


def publish(store: Store, texts: Mapping[str, str], actor: Actor | None = None) -> Plan:
    """Publish as the command does: plan, then exactly that."""
    shown = catalog.plan(store, to_folder(texts), callings=Called)
    settle = settle_after(store.app)
    actor_id = None if actor is None else actor.id
    catalog.publish(store, to_folder(texts), actor_id=actor_id, expected=shown, settle=settle, callings=Called)
    return shown


def go_back(store: Store, release: int | None = None) -> Release:
    """Go back as the command does."""
    earlier = rollback.find_earlier(store, release)
    shown = rollback.plan(store, earlier, Called)
    return rollback.publish(
        store, earlier, Called, actor_id=None, note=None, expected=shown, settle=settle_after(store.app)
    )


def words(plan: Plan, language: str = "en") -> list[str]:
    """Return what a plan says."""
    return [item.text(language) for item in plan.items]


def column(store: Store, entity: str, *keys: str) -> list[Any]:
    """Return the values of columns of all records, in the order they were made; single values for one column."""
    with store.read() as session:
        table: Table = session.tables.entity[entity]
        rows = session.connection.execute(select(*(table.c[key] for key in keys)).order_by(table.c.id)).all()
        return [row[0] if len(keys) == 1 else tuple(row) for row in rows]


def assert_histories_replay(store: Store) -> None:
    """Every record is what its history says, and its version counts the entries that changed it."""
    with store.read() as session:
        for entity in session.app.entities.values():
            table = session.tables.entity[entity.key]
            for row in session.connection.execute(select(table)).mappings():
                told, version, release = _replay(session, entity.key, row["id"])
                assert version == row["version"] and release == row["release_id"], (entity.key, row["id"])
                for field in entity.stored_fields:
                    if field.key == PROTECTED_UNTIL:  # follows from other records and from the time, like a roll-up
                        continue
                    value = row[field.key]
                    kept = None if value in (None, []) else field.type.to_json(value)
                    assert _same(told.get(field.key), kept), (entity.key, row["id"], field.key, told)
                for key in ("stage", "number"):
                    assert told.get(key) == row[key], (entity.key, row["id"], key, told)


def _same(told: Any, kept: Any) -> bool:
    """A number that got more places is the same number."""
    if told == kept or None in (told, kept):
        return bool(told == kept)
    try:
        return Decimal(str(told)) == Decimal(str(kept))
    except InvalidOperation:
        return False


def _replay(session: Any, entity: str, id_: int) -> tuple[dict[str, Any], int, int]:
    mine = (history.c.entity == entity, history.c.record_id == id_)
    rows = session.connection.execute(select(history).where(*mine).order_by(history.c.id)).all()
    told: dict[str, Any] = {}
    for row in rows:
        for key, pair in row.changes.items():
            if key:
                before = told.get(key)
                assert _same(before, pair[0]) or {str(before), str(pair[0])} <= {"None", "[]"}, (
                    entity,
                    id_,
                    key,
                    row.changes,
                )
                told[key] = pair[1]
    return told, rows[-1].version, rows[-1].release_id
