"""Who empties the outbox: a thread in the web process, or any number of RQ workers. Redis is only the doorbell.

Enters: a store, and the address of a Redis or Valkey where there is one. Leaves: events delivered soon after they
were written. Must not hold work: a job says only "look", so losing Redis with all its queues loses nothing. The only
module that knows ``rq`` and ``redis``.
"""

import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine.automation.outbox import drain
from engine.clock import SystemClock
from engine.storage.database import open_database
from engine.storage.store import Store

QUEUE = "formwork"
SWEEP_EVERY = 5.0
"""Seconds between two looks at the outbox when nobody rings."""
GATHER = 0.1
"""Seconds to wait after a ring: many saves in a row are then delivered together, in one transaction."""

_log = logging.getLogger("formwork.jobs")


class WorkerThread:
    """The embedded worker: one daemon thread that drains the outbox when rung, and every few seconds anyway."""

    def __init__(self, store: Store, *, every: float = SWEEP_EVERY) -> None:
        self._store = store
        self._every = every
        self._bell = threading.Event()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="formwork-worker", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def ring(self) -> None:
        """Look at the outbox now."""
        self._bell.set()

    def stop(self, timeout: float = 10.0) -> None:
        """Finish what is under way and end."""
        self._ending.set()
        self._bell.set()
        if self._thread.is_alive():
            self._thread.join(timeout)

    def _run(self) -> None:
        while not self._ending.is_set():
            if self._bell.wait(self._every):
                self._ending.wait(GATHER)
            self._bell.clear()
            _drain_quietly(self._store)


class RedisDoorbell:
    """Rings the workers through RQ. A Redis that does not answer is logged, never an error for whoever saved."""

    def __init__(self, redis_url: str, database_url: str, files_dir: str) -> None:
        import redis
        from rq import Queue
        from rq.serializers import JSONSerializer

        connection = redis.Redis.from_url(redis_url, socket_connect_timeout=1, socket_timeout=2)
        self._queue = Queue(QUEUE, connection=connection, serializer=JSONSerializer)
        self._arguments = (database_url, files_dir)
        self._failure: type[Exception] = redis.RedisError

    def ring(self) -> None:
        """Ask any worker to look at the outbox."""
        try:
            self._queue.enqueue("engine.automation.jobs.drain_once", *self._arguments, result_ttl=0, failure_ttl=60)
        except self._failure as error:
            _log.warning("Redis did not take the doorbell, the sweep will find it: %s", type(error).__name__)


def drain_once(database_url: str, files_dir: str) -> int:
    """Drain the outbox of an installation; this is what an RQ job runs."""
    return drain(_store_of(database_url, files_dir))


def work(redis_url: str, database_url: str, files_dir: str, *, burst: bool = False) -> None:
    """Run one RQ worker until it is told to end, sweeping the outbox besides (``burst``: until the queue is empty)."""
    import redis
    from rq import Queue, SimpleWorker
    from rq.serializers import JSONSerializer

    sweeper = WorkerThread(_store_of(database_url, files_dir))
    connection = redis.Redis.from_url(redis_url)
    queue = Queue(QUEUE, connection=connection, serializer=JSONSerializer)
    worker = SimpleWorker([queue], connection=connection, serializer=JSONSerializer)
    sweeper.start()
    try:
        worker.work(burst=burst, logging_level="WARNING")
    finally:
        sweeper.stop()


_stores: dict[tuple[str, str], Store] = {}


def _store_of(database_url: str, files_dir: str) -> Store:
    """Return the store of this process for an installation: a worker serves many jobs with one pool."""
    key = (database_url, files_dir)
    if key not in _stores:
        _stores[key] = Store(open_database(database_url), Path(files_dir), SystemClock())
    return _stores[key]


def _drain_quietly(store: Store) -> None:
    try:
        drain(store)
    except Exception:
        _log.exception("The outbox could not be emptied; the next sweep tries again")


Bell = Callable[[], Any]
"""Whatever rings: ``WorkerThread.ring`` or ``RedisDoorbell.ring``."""
