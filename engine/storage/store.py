"""The store: one database, one folder of files, and the release that holds now.

Enters: a database and a clock. Leaves: sessions, each a transaction together with the app it runs under. Must not hold
request state: a ``Store`` is shared by all threads of a process. A release published elsewhere is picked up within a
second; sessions already open keep the release they started with.
"""

import logging
import threading
import time
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager, suppress
from copy import copy
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import ClauseElement, Connection
from sqlalchemy.exc import DBAPIError

from engine.clock import Clock
from engine.compiler.app import CompiledApp
from engine.definition.model import CalendarDefinition
from engine.definition.source import SourceFolder
from engine.errors import DefinitionError, Location
from engine.storage import releases
from engine.storage.compiled import load_stored
from engine.storage.database import Database
from engine.storage.faults import Unavailable
from engine.storage.files import FileStore
from engine.storage.prepared import Prepared
from engine.storage.tables import Tables, build_tables
from engine.storage.upgrades import upgrade

__all__ = ["Published", "Session", "Store", "load_stored"]

Loader = Callable[[SourceFolder], CompiledApp]

_LOOK_EVERY = 1.0
_MOST_PREPARED = 5_000
_GENERATION = "SELECT generation FROM fw_current_release"
_log = logging.getLogger("formwork.storage")


@dataclass(frozen=True, eq=False)
class Published:
    """A release as one process holds it; ``prepared`` keeps the statements compiled for it."""

    app: CompiledApp
    tables: Tables
    release_id: int | None = None
    generation: int | None = None
    prepared: dict[Hashable, Prepared] = field(default_factory=dict)


class Session:
    """One transaction: where commands and queries read and write. Made by ``Store.read`` and ``Store.write`` only."""

    __slots__ = (
        "_callbacks", "_now", "_published", "app", "clock", "connection", "files", "has_events", "release_id", "tables",
    )  # fmt: skip

    def __init__(
        self, connection: Connection, published: Published, clock: Clock, files: FileStore, *, writes: bool
    ) -> None:
        self.connection = connection
        self.app = published.app
        self.tables = published.tables
        self.release_id = published.release_id
        self.clock = clock
        self.files = files
        self._published = published
        self._now: datetime | None = None
        self._callbacks: list[Callable[[], object]] | None = [] if writes else None
        self.has_events = False  # set by the journal: something waits in the outbox

    def now(self) -> datetime:
        """Return the moment of this session: the same for everything written in it."""
        if self._now is None:
            self._now = self.clock.now()
        return self._now

    def again(self) -> "Session":
        """Return a session in the same transaction at the present moment.

        It is for what plays out over days and is rolled back: nobody is told of events that this session writes.
        """
        later = copy(self)
        later._now = None
        return later

    def after_commit(self, callback: Callable[[], object]) -> None:
        """Call ``callback`` once the transaction has committed; it is forgotten when the transaction rolls back."""
        if self._callbacks is None:
            raise RuntimeError("a reading session never commits")
        self._callbacks.append(callback)

    def prepared(
        self, key: Hashable, make: Callable[[], ClauseElement], columns: tuple[str, ...] | None = None
    ) -> Prepared:
        """Return the statement kept under ``key`` for this release, compiled the first time it is asked for.

        ``columns`` are those of an ``insert`` or ``update`` that takes its values as parameters.
        """
        kept = self._published.prepared
        found = kept.get(key)
        if found is None:
            if len(kept) >= _MOST_PREPARED:  # odd combinations of filters must not fill the memory
                kept.clear()
            found = kept[key] = Prepared(make(), self.connection.dialect, columns=columns)
        return found


class Store:
    """One database with its files, shared by all threads of a process."""

    def __init__(self, database: Database, files_dir: Path, clock: Clock, *, load: Loader = load_stored) -> None:
        """Bring the system tables up to date and load the current release, if there is one.

        Raises ``NotPossibleNow`` when the database belongs to a newer program.
        """
        self.database = database
        self.files = FileStore(files_dir)
        self.clock = clock
        self.bell: Callable[[], object] | None = None  # rung after a commit that left events in the outbox
        self._load = load
        self._loading = threading.Lock()
        self._next_look = 0.0
        self._published = _nothing()
        upgrade(database)
        self.files.tidy(clock.now() - timedelta(days=1))
        self.reload()

    @property
    def app(self) -> CompiledApp:
        """The app of the current release; one without entities before the first publish."""
        return self._published.app

    @property
    def tables(self) -> Tables:
        """The tables of the current release."""
        return self._published.tables

    @property
    def release_id(self) -> int | None:
        """The current release, None before the first publish."""
        return self._published.release_id

    @contextmanager
    def read(self, *, snapshot: bool = False) -> Iterator[Session]:
        """Give a session that cannot write; with ``snapshot`` everything in it is read as of one moment.

        Without it, PostgreSQL may show lines saved a moment after their record was read: good enough for a page, whose
        save is checked against the version, not for a printed page or a report.
        """
        self.refresh()
        with self._said_if_outdated(), self.database.read(snapshot=snapshot) as connection:
            yield Session(connection, self._published, self.clock, self.files, writes=False)

    @contextmanager
    def write(self) -> Iterator[Session]:
        """Give a session that commits at the end, or rolls back when an error passes through."""
        self.refresh()
        with self._said_if_outdated(), self.database.write() as connection:
            self._require_current(connection)
            session = Session(connection, self._published, self.clock, self.files, writes=True)
            yield session
        self.follow(session)

    def follow(self, session: Session) -> None:
        """Do what was left for after the commit of ``session``, and ring the bell for the events it wrote."""
        for callback in session._callbacks or ():
            _call(callback)
        if session.has_events and self.bell is not None:
            _call(self.bell)

    def refresh(self) -> None:
        """Pick up a release published elsewhere; asks the database at most once a second."""
        now = time.monotonic()
        if now < self._next_look:
            return
        self._next_look = now + _LOOK_EVERY
        if not self._loading.acquire(blocking=False):
            return  # another thread is at it; this one goes on with what it has
        try:
            with self.database.read() as connection:
                self._load_newest(connection)
        except DefinitionError:
            _log.exception("The current release cannot be loaded; the one before stays in use")
        finally:
            self._loading.release()

    def reload(self) -> None:
        """Load the current release now; raises what its sources raise."""
        with self._loading, self.database.read() as connection:
            self._load_newest(connection)
            self._next_look = time.monotonic() + _LOOK_EVERY

    def _require_current(self, connection: Connection) -> None:
        """Make sure that a write on SQLite is made by the rules of the release that holds in its transaction.

        There a decimal is stored as units of its scale: a writer that does not know yet of a new scale would store
        another amount. On PostgreSQL such a writer meets an error or is right, and the question costs a round trip.
        """
        if self.database.dialect != "sqlite":
            return
        if connection.exec_driver_sql(_GENERATION).scalar() != self._published.generation:
            try:
                with self._loading:
                    self._load_newest(connection)
            except DefinitionError as error:
                raise Unavailable("storage.unreadable_release") from error

    @contextmanager
    def _said_if_outdated(self) -> Iterator[None]:
        """Ask for another try when the database refuses a statement because a release was published meanwhile."""
        try:
            yield
        except (DBAPIError, Unavailable) as error:
            if isinstance(error, Unavailable) and error.code != "storage.busy":
                raise
            before = self._published.generation
            with suppress(DefinitionError, DBAPIError, Unavailable):
                self.reload()
            if self._published.generation == before:
                raise
            raise Unavailable("storage.renewed") from error

    def _load_newest(self, connection: Connection) -> None:
        if releases.find_generation(connection) == self._published.generation:
            return
        current = releases.find_current(connection)
        if current is None:
            self._published = _nothing()
            return
        app = self._load(SourceFolder(current.sources))
        self._published = Published(app, build_tables(app), current.release.id, current.generation)
        self.database.renew()


def _call(callback: Callable[[], object]) -> None:
    try:
        callback()
    except Exception:
        # The work is committed and its outbox row will be found by the sweeper: a failed doorbell must not look
        # like a failed write.
        _log.exception("What was to follow a commit failed")


def _nothing() -> Published:
    app = CompiledApp(
        key="",
        label={},
        version="0",
        digest="",
        language="zh",
        languages=("zh",),
        timezone="UTC",
        currency="CNY",
        roles={},
        menu=(),
        calendar=CalendarDefinition(Location("app.yaml")),
        entities={},
        approvals={},
        prints={},
    )
    return Published(app, build_tables(app))
