"""The store: one database, one folder of files, and the release that holds now.

Enters: a database and a clock. Leaves: sessions, each a transaction together with the app it runs under. Must not hold
request state: a ``Store`` is shared by all threads of a process. A release published elsewhere is picked up within a
second; sessions already open keep the release they started with.
"""

import logging
import threading
import time
from collections.abc import Callable, Hashable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from copy import copy
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import ClauseElement, Connection
from sqlalchemy.exc import DBAPIError

from engine.clock import Clock
from engine.compiler.app import CompiledApp
from engine.definition.model import CalendarDefinition
from engine.definition.source import SourceFolder
from engine.errors import DefinitionError, FormworkError, Location
from engine.storage import releases
from engine.storage.attempt import Attempt
from engine.storage.chosen import read_choices
from engine.storage.compiled import load_stored
from engine.storage.database import Database
from engine.storage.faults import Unavailable
from engine.storage.files import FileStore
from engine.storage.gathered import Gathered
from engine.storage.prepared import Prepared
from engine.storage.priorities import USUAL
from engine.storage.published import Published
from engine.storage.surviving import savepoint
from engine.storage.tables import Tables, build_tables
from engine.storage.turns import Patience, enter_to_write, find_generation
from engine.storage.upgrading import upgrade

__all__ = ["Published", "Session", "Store", "load_stored"]

Loader = Callable[[SourceFolder], CompiledApp]

LARGE_TABLE = 50_000
"""Rows from which on PostgreSQL builds the indexes of a table while everybody works."""
_LOOK_EVERY = 1.0
_MOST_PREPARED = 5_000
_log = logging.getLogger("formwork.storage")


@dataclass(frozen=True, slots=True)
class Cause:
    """What happens by itself in a transaction: the run, and what the automation is called, for histories."""

    run: int
    label: str


class Session:
    """One transaction: where commands and queries read and write. Made by ``Store.read`` and ``Store.write`` only."""

    __slots__ = (
        "_aside", "_callbacks", "_now", "_published", "app", "cause", "clock", "connection", "files", "gathered",
        "has_events", "priority", "release_id", "tables",
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
        self._aside: list[Callable[[Session], object]] = []
        self.cause: Cause | None = None
        self.gathered: Gathered | None = None  # what the journal keeps for the end of an action
        self.has_events = False  # set by the journal: something waits in the outbox
        self.priority = USUAL  # of what follows from what is written

    def now(self) -> datetime:
        """Return the moment of this session: the same for everything written in it."""
        if self._now is None:
            self._now = self.clock.now()
        return self._now

    @property
    def writes(self) -> bool:
        """Whether this session may write, and so may lock what it reads."""
        return self._callbacks is not None

    def again(self) -> "Session":
        """Return a session in the same transaction at the present moment.

        It is for what plays out over days and is rolled back: nobody is told of events that this session writes, and
        nothing is kept aside.
        """
        later = copy(self)
        later._now, later._aside = None, []
        return later

    def at(self, moment: datetime) -> "Session":
        """Return a reading session in the same transaction at another moment, for looking back."""
        then = copy(self)
        then._now, then._callbacks = moment, None
        return then

    def under(self, app: CompiledApp) -> "Session":
        """Return a session in the same transaction that sees what is there by the rules of ``app``, a draft.

        It reads only, and only through what needs no column of the draft: its tables are those there are.
        """
        seen = copy(self)
        seen.app = app = app.chosen(self.app.choices)
        seen._published = Published(app, self.tables, self.release_id)
        seen._callbacks = None
        return seen

    def after_commit(self, callback: Callable[[], object]) -> None:
        """Call ``callback`` once the transaction has committed; it is forgotten when the transaction rolls back."""
        if self._callbacks is None:
            raise RuntimeError("a reading session never commits")
        self._callbacks.append(callback)

    def aside(self, callback: "Callable[[Session], object]") -> None:
        """Call ``callback`` in a transaction of its own once this one ended, also when it was rolled back.

        It is for what happened although nothing came of it: somebody met a record that they may not enter again.
        """
        self._aside.append(callback)

    @contextmanager
    def attempt(self) -> Iterator["Attempt"]:
        """Give a part of this transaction that can be undone alone: its rows, its events, what it left for later."""
        savepoint = self.connection.begin_nested()
        kept = None if self._callbacks is None else len(self._callbacks)
        had_events, attempt = self.has_events, Attempt()
        told = None if self.gathered is None else self.gathered.mark()
        try:
            yield attempt
        except BaseException:
            attempt.undo()
            raise
        finally:
            if attempt.undone:
                savepoint.rollback()
                self.has_events = had_events
                if self.gathered is not None and told is not None:
                    self.gathered.forget_since(told)
                if self._callbacks is not None:
                    del self._callbacks[kept:]
            else:
                savepoint.commit()

    def surviving(self) -> AbstractContextManager[object]:
        """Keep this transaction usable when the database refuses a statement inside; PostgreSQL would drop it whole."""
        return savepoint(self.connection) if self.connection.dialect.name == "postgresql" else nullcontext()

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

    def lasting(self, key: Hashable, find: "Callable[[Session], bool]") -> bool:
        """Return what is found once for this release: it must hold as long as nobody publishes another."""
        known = self._published.facts.get(key)
        if known is None:
            known = self._published.facts[key] = find(self)
        return known


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
        self.patience = Patience()  # of whoever publishes
        self.large_table = LARGE_TABLE
        self.secret_key: str | None = None  # of the installation: opens what is sealed in the database
        self.public_url: str | None = None  # what links in messages begin with
        self.fonts: Path | None = None  # what the set-up cut for paper and pictures; missing: those of the system
        self._load = load
        self._loading, self._next_look = threading.Lock(), 0.0
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
        aside: list[Callable[[Session], object]] = []
        try:
            with self._said_if_outdated(), self.database.read(snapshot=snapshot) as connection:
                if self.database.dialect == "sqlite":
                    self._read_by_what_holds(connection)
                session = Session(connection, self._published, self.clock, self.files, writes=False)
                aside = session._aside
                yield session
        finally:
            if aside:
                self._keep_aside(aside)

    @contextmanager
    def write(self) -> Iterator[Session]:
        """Give a session that commits at the end, or rolls back when an error passes through."""
        self.refresh()
        aside: list[Callable[[Session], object]] = []
        try:
            with self._said_if_outdated(), self.database.write() as connection:
                self._require_current(connection)
                session = Session(connection, self._published, self.clock, self.files, writes=True)
                aside = session._aside
                yield session
        finally:
            if aside:
                self._keep_aside(aside)
        self.follow(session)

    def within(self, connection: Connection) -> Session:
        """Return a session that writes in a transaction in which nobody else publishes or writes (``turns.alone``).

        Whoever opened the transaction calls ``follow`` after its commit.
        """
        with self._loading:
            self._load_newest(connection)
        return Session(connection, self._published, self.clock, self.files, writes=True)

    def follow(self, session: Session) -> None:
        """Do what was left for after the commit of ``session``, and ring the bell for the events it wrote."""
        for callback in session._callbacks or ():
            _call(callback)
        if session.has_events and self.bell is not None:
            _call(self.bell)

    def _keep_aside(self, callbacks: "list[Callable[[Session], object]]") -> None:
        """Write what is kept whatever became of a transaction; a failure here is none of it."""
        try:
            with self.write() as session:
                for callback in callbacks:
                    callback(session)
        except Exception:
            _log.exception("What was to be kept aside was lost")

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

    def notice_release(self) -> bool:
        """Tell whether another release holds than this process knew of, which it knows from now on."""
        before = self._published.generation
        with suppress(DefinitionError, DBAPIError, Unavailable):
            self.reload()
        return self._published.generation != before

    def _require_current(self, connection: Connection) -> None:
        """Make sure that a write is made by the rules of the release that holds until its transaction ends."""
        if enter_to_write(connection) != self._published.generation:
            try:
                with self._loading:
                    self._load_newest(connection)
            except DefinitionError as error:
                raise Unavailable("storage.unreadable_release") from error

    def _read_by_what_holds(self, connection: Connection) -> None:
        """Read with the release that holds at the moment the transaction sees.

        SQLite stores a decimal as units of its scale: whoever does not know of a new scale would show another amount.
        On PostgreSQL a reader meets an error or is right, and the question would cost a round trip.
        """
        if find_generation(connection) != self._published.generation:
            with self._loading, suppress(DefinitionError):
                self._load_newest(connection)

    @contextmanager
    def _said_if_outdated(self) -> Iterator[None]:
        """Ask for another try when something fails because a release was published meanwhile.

        That may be a statement the database refuses, or a stage under a key that this process did not know yet.
        """
        try:
            yield
        except Exception as error:
            ours = isinstance(error, FormworkError) and getattr(error, "code", "") != "storage.busy"
            if ours or not self.notice_release():
                raise
            raise Unavailable("storage.renewed") from error

    def _load_newest(self, connection: Connection) -> None:
        if releases.find_generation(connection) == self._published.generation:
            return
        current = releases.find_current(connection)
        if current is None:
            self._published = _nothing()
            return
        app = self._load(SourceFolder(current.sources)).chosen(read_choices(connection))
        self._published = self._hold(app, current.release.id, current.generation)
        self.database.renew()

    def _hold(self, app: CompiledApp, release_id: int, generation: int) -> Published:
        return Published(app, build_tables(app), release_id, generation)


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
        untranslated={},
    )
    return Published(app, build_tables(app))
