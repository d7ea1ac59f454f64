"""Publishing: a folder of definitions becomes the release everybody works under.

Enters: a folder and whoever publishes it. Leaves: altered tables, an immutable release, the pointer to it and an audit
row, all in one transaction. Must not publish anything else than the plan that was shown.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from sqlalchemy import Connection, Index

from engine.compiler.app import CompiledApp
from engine.definition.source import SourceFolder
from engine.errors import NotPossibleNow
from engine.storage import migration
from engine.storage.back import Back, MakeCallings
from engine.storage.changes import find_steps
from engine.storage.compiled import load_folder, load_stored
from engine.storage.filling import Publisher
from engine.storage.index_builds import built_ahead, find_ahead
from engine.storage.journal import write_audit
from engine.storage.migration import Turn
from engine.storage.past_fields import PastFields
from engine.storage.physical import read_schema
from engine.storage.plan import Plan, to_plain
from engine.storage.releases import Current, Release, create_release, find_current, list_releases
from engine.storage.renames import follow
from engine.storage.store import Published, Session, Store
from engine.storage.tables import build_tables
from engine.storage.turns import alone, patiently

__all__ = ["Publisher", "list_releases", "plan", "publish"]

Settle = Callable[[Session], None]


def plan(store: Store, folder: SourceFolder, *, callings: MakeCallings | None = None, back: Back | None = None) -> Plan:
    """Return what publishing ``folder`` would do; nothing is changed.

    ``callings`` says how records and people are called, for values of a link that become texts and the like; a site
    with records needs it. ``back`` says that it is an earlier release: what was renamed since is renamed back.

    Raises ``DefinitionError`` with every problem of the folder.
    """
    app = load_folder(folder)
    store.reload()

    def rehearse() -> Plan:
        with alone(store.database, store.patience) as connection:
            old = _app_of(store, find_current(connection))
            new = follow(connection, old, app, back=back is not None)
            sessions = _sessions(store, connection)
            turn = Turn(old, new, store.clock.now(), back, None, sessions, callings, store.large_table)
            return migration.plan(connection, turn)

    return patiently(store.database, store.patience, rehearse)


def publish(
    store: Store,
    folder: SourceFolder,
    *,
    actor_id: int | None,
    note: str | None = None,
    expected: Plan | None = None,
    settle: Settle | None = None,
    callings: MakeCallings | None = None,
    back: Back | None = None,
) -> Release:
    """Make ``folder`` the current release and return it; when nothing differs, return the one that is current.

    ``expected`` is the plan a person has seen. ``settle`` is called with a session under the new release before the
    commit, for values that only the layers above can work out. ``callings`` and ``back`` are those of ``plan``.

    Raises ``DefinitionError`` for problems of the folder, ``PlanBlocked`` when records stand in the way, and
    ``NotPossibleNow`` when another release, other records or another folder is there than the plan was made for.
    """
    app = load_folder(folder)
    _require_folder(expected, app)
    store.reload()
    order = _Order(folder, app, actor_id, note, expected, settle, callings, back)
    ahead = _find_ahead(store, order)
    names = frozenset(index.name or "" for index in ahead)
    with built_ahead(store, ahead):
        release, session = patiently(store.database, store.patience, lambda: _publish(store, order, names))
    if session is not None:
        store.follow(session)
        store.reload()
    return release


@dataclass(frozen=True)
class _Order:
    """What is to be published, and how."""

    folder: SourceFolder
    app: CompiledApp
    actor_id: int | None
    note: str | None
    expected: Plan | None
    settle: Settle | None
    callings: MakeCallings | None
    back: Back | None


def _find_ahead(store: Store, order: _Order) -> list[Index]:
    """Return the unique indexes of large tables to build before the tables are altered."""
    if store.database.dialect != "postgresql":
        return []
    with store.database.read() as connection:
        current = find_current(connection)
        if current is None or current.release.digest == order.app.digest:
            return []
        _require_base(order.expected, current)
        old, tables = _app_of(store, current), build_tables(order.app)
        new = follow(connection, old, order.app, back=order.back is not None)
        schema = read_schema(connection)
        former = partial(PastFields(connection).find_former, old)
        steps = find_steps(schema, former, old, new, tables, connection.dialect)
        return find_ahead(connection, schema, steps, new, tables, store.large_table)


def _publish(store: Store, order: _Order, ahead: frozenset[str]) -> tuple[Release, Session | None]:
    """Publish in one transaction; without a session when nothing differs."""
    with alone(store.database, store.patience) as connection:
        current = find_current(connection)
        if current is not None and current.release.digest == order.app.digest:
            return current.release, None
        _require_base(order.expected, current)
        old = _app_of(store, current)
        by = None if order.actor_id is None else Publisher(order.actor_id)
        new = follow(connection, old, order.app, back=order.back is not None)
        sessions = _sessions(store, connection)
        turn = Turn(old, new, store.clock.now(), order.back, by, sessions, order.callings, store.large_table, ahead)
        done = migration.apply(connection, turn)
        _require_effect(order.expected, done)
        release = _record(store, connection, order, done)
        session = _open_session(store, connection, order.app, release.id)
        _audit(session, release, order.actor_id)
        if order.settle is not None:
            order.settle(session)
    return release, session


def _require_folder(expected: Plan | None, app: CompiledApp) -> None:
    if expected is not None and expected.digest != app.digest:
        raise NotPossibleNow("storage.folder_changed")


def _require_base(expected: Plan | None, current: Current | None) -> None:
    found = None if current is None else current.release.id
    if expected is not None and expected.base_release != found:
        raise NotPossibleNow("storage.release_moved", found=found)


def _require_effect(expected: Plan | None, done: Plan) -> None:
    if expected is not None and expected.effect != done.effect:
        raise NotPossibleNow("storage.plan_changed")


def _record(store: Store, connection: Connection, order: _Order, done: Plan) -> Release:
    values = {
        "digest": order.app.digest,
        "app": order.app.key,
        "version": order.app.version,
        "sources": dict(order.folder.files),
        "created_at": store.clock.now(),
        "created_by": order.actor_id,
        "note": order.note,
        "plan": to_plain(done),
    }
    return create_release(connection, values)


def _app_of(store: Store, current: Current | None) -> CompiledApp | None:
    """Return the app of the release that holds now: as a rule the one the store has just loaded."""
    if current is None:
        return None
    return store.app if store.release_id == current.release.id else load_stored(SourceFolder(current.sources))


def _sessions(store: Store, connection: Connection) -> Callable[[CompiledApp], Session]:
    """Return what opens a session under an app, before its release is there."""
    return lambda app: _open_session(store, connection, app, None)


def _open_session(store: Store, connection: Connection, app: CompiledApp, release_id: int | None) -> Session:
    published = Published(app, build_tables(app), release_id)
    return Session(connection, published, store.clock, store.files, writes=True)


def _audit(session: Session, release: Release, actor_id: int | None) -> None:
    actor = None if actor_id is None else Publisher(actor_id)
    details = {"digest": release.digest, "version": release.version, "note": release.note}
    write_audit(session, "release.publish", f"release:{release.id}", details, actor=actor)
