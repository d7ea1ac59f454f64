"""Publishing: a folder of definitions becomes the release everybody works under.

Enters: a folder and whoever publishes it. Leaves: altered tables, an immutable release, the pointer to it and an audit
row, all in one transaction. Must not publish anything else than the plan that was shown.
"""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection

from engine.compiler.app import CompiledApp
from engine.definition.source import SourceFolder
from engine.errors import NotPossibleNow
from engine.storage import migration
from engine.storage.compiled import load_folder, load_stored
from engine.storage.journal import write_audit
from engine.storage.plan import Plan, to_plain
from engine.storage.releases import Current, Release, create_release, find_current, list_releases
from engine.storage.renames import follow
from engine.storage.store import Published, Session, Store
from engine.storage.tables import build_tables
from engine.storage.upgrades import take_turn

__all__ = ["list_releases", "plan", "publish"]

Settle = Callable[[Session], None]


def plan(store: Store, folder: SourceFolder, *, back: bool = False) -> Plan:
    """Return what publishing ``folder`` would do; nothing is changed.

    ``back`` says that it is an earlier release: what was renamed since is renamed back.

    Raises ``DefinitionError`` with every problem of the folder.
    """
    app = load_folder(folder)
    store.reload()
    with store.database.write() as connection:
        take_turn(connection)
        old = _app_of(store, find_current(connection))
        return migration.plan(connection, old, follow(connection, old, app, back=back), now=store.clock.now())


def publish(
    store: Store,
    folder: SourceFolder,
    *,
    actor_id: int | None,
    note: str | None = None,
    expected: Plan | None = None,
    settle: Settle | None = None,
    back: bool = False,
) -> Release:
    """Make ``folder`` the current release and return it; when nothing differs, return the one that is current.

    ``expected`` is the plan a person has seen. ``settle`` is called with a session under the new release before the
    commit, for values that only the layers above can work out. ``back`` is that of ``plan``.

    Raises ``DefinitionError`` for problems of the folder, ``PlanBlocked`` when records stand in the way, and
    ``NotPossibleNow`` when another release, or another folder, is there than the plan was made for.
    """
    app = load_folder(folder)
    if expected is not None and expected.digest != app.digest:
        raise NotPossibleNow("storage.folder_changed")
    store.reload()
    with store.database.write() as connection:
        take_turn(connection)
        current = find_current(connection)
        if current is not None and current.release.digest == app.digest:
            return current.release
        _require_base(expected, current)
        old = _app_of(store, current)
        done = migration.apply(connection, old, follow(connection, old, app, back=back), now=store.clock.now())
        release = _record(store, connection, app, done, folder, actor_id, note)
        session = _open_session(store, connection, app, release)
        _audit(session, release, actor_id)
        if settle is not None:
            settle(session)
    store.follow(session)
    store.reload()
    return release


@dataclass(frozen=True)
class Publisher:
    """Whoever publishes, as the journal names people."""

    id: int
    via: str = "cli"


def _require_base(expected: Plan | None, current: Current | None) -> None:
    found = None if current is None else current.release.id
    if expected is not None and expected.base_release != found:
        raise NotPossibleNow("storage.release_moved", found=found)


def _record(
    store: Store,
    connection: Connection,
    app: CompiledApp,
    done: Plan,
    folder: SourceFolder,
    actor_id: int | None,
    note: str | None,
) -> Release:
    values = {
        "digest": app.digest,
        "app": app.key,
        "version": app.version,
        "sources": dict(folder.files),
        "created_at": store.clock.now(),
        "created_by": actor_id,
        "note": note,
        "plan": to_plain(done),
    }
    return create_release(connection, values)


def _app_of(store: Store, current: Current | None) -> CompiledApp | None:
    """Return the app of the release that holds now: as a rule the one the store has just loaded."""
    if current is None:
        return None
    return store.app if store.release_id == current.release.id else load_stored(SourceFolder(current.sources))


def _open_session(store: Store, connection: Connection, app: CompiledApp, release: Release) -> Session:
    published = Published(app, build_tables(app), release.id)
    return Session(connection, published, store.clock, store.files, writes=True)


def _audit(session: Session, release: Release, actor_id: int | None) -> None:
    actor = None if actor_id is None else Publisher(actor_id)
    details = {"digest": release.digest, "version": release.version, "note": release.note}
    write_audit(session, "release.publish", f"release:{release.id}", details, actor=actor)
