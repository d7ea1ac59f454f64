"""One writer at a time on SQLite, in the order they came.

Enters: threads that want to write. Leaves: each in turn, or ``Unavailable`` after a while. Must not know tables.

SQLite lets one connection write; the others poll, and an unlucky one starves for seconds. Here the threads of a process
queue, and the processes of a machine take a lock on a file beside the database. That lock also keeps two processes from
writing and checkpointing at the same instant, which SQLite before 3.51.3 does not survive reliably in WAL mode
(https://www.sqlite.org/wal.html, "WAL-reset bug").
"""

import os
import threading
import time
from collections import deque
from pathlib import Path
from types import TracebackType
from typing import Any

from engine.storage.faults import Unavailable

fcntl: Any
try:
    import fcntl
except ImportError:  # Windows: SQLite's own lock alone keeps writers apart
    fcntl = None

PATIENCE = 20.0
_POLL = 0.002


class FairLock:
    """A lock that is handed to whoever has waited longest. Not reentrant: a second hold in one thread is our bug."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._waiting: deque[threading.Lock] = deque()
        self._holder: int | None = None

    def acquire(self) -> bool:
        """Wait for the lock; return False when ``PATIENCE`` seconds have passed."""
        me = threading.get_ident()
        with self._mutex:
            if self._holder == me:
                raise RuntimeError("a write is already open in this thread")
            if self._holder is None:
                self._holder = me
                return True
            turn = threading.Lock()
            turn.acquire()
            self._waiting.append(turn)
        if turn.acquire(timeout=PATIENCE):
            self._holder = me
            return True
        return self._give_up(turn, me)

    def release(self) -> None:
        """Hand the lock to the next in line."""
        with self._mutex:
            if self._waiting:
                self._holder = -1  # promised: nobody may take it before the next in line has woken
                self._waiting.popleft().release()
            else:
                self._holder = None

    def _give_up(self, turn: threading.Lock, me: int) -> bool:
        with self._mutex:
            if turn in self._waiting:
                self._waiting.remove(turn)
                return False
            self._holder = me  # the turn came between the timeout and now
            return True


class WriteGate:
    """The way to the one writer of a SQLite database; a context manager."""

    def __init__(self, path: Path) -> None:
        self._queue = FairLock()
        self._path = path.with_name(path.name + "-writer")
        self._file: int | None = None

    def __enter__(self) -> None:
        if not self._queue.acquire():
            raise Unavailable("storage.busy")
        try:
            self._lock_file()
        except BaseException:
            self._queue.release()
            raise

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        try:
            if fcntl is not None and self._file is not None:
                fcntl.lockf(self._file, fcntl.LOCK_UN)
        finally:
            self._queue.release()

    def close(self) -> None:
        """Close the lock file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _lock_file(self) -> None:
        # lockf, not flock: a forked child must not share its parent's lock.
        if fcntl is None:
            return
        if self._file is None:
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        until = time.monotonic() + PATIENCE
        while True:
            try:
                fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except OSError:
                if time.monotonic() > until:
                    raise Unavailable("storage.busy") from None
                time.sleep(_POLL)
