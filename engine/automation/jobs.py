"""Who empties the outbox: a thread in the web process, or any number of RQ workers. Redis is only the doorbell.

Enters: a store, and the address of a Redis or Valkey where there is one. Leaves: events delivered soon after they
were written. Must not hold work: a job says only "look", so losing Redis with all its queues loses nothing. The only
module that knows ``rq`` and ``redis``.
"""

import hashlib
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
_LOOK = "formwork.look"
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
        self._queue = Queue(queue_name(database_url), connection=connection, serializer=JSONSerializer)
        self._failure: type[Exception] = redis.RedisError

    def ring(self) -> None:
        """Ask any worker to look at the outbox."""
        try:
            self._queue.enqueue(_LOOK, result_ttl=0, failure_ttl=60)
        except self._failure as error:
            _log.warning("Redis did not take the doorbell, the sweep will find it: %s", type(error).__name__)


def queue_name(database_url: str) -> str:
    """Return the queue of an installation: two that share a Redis do not answer each other's doorbell.

    The address itself, which may hold a password, never goes to Redis.
    """
    return f"{QUEUE}-{hashlib.sha256(database_url.encode()).hexdigest()[:16]}"


def work(redis_url: str, database_url: str, files_dir: str, *, burst: bool = False) -> None:
    """Run one RQ worker until it is told to end, sweeping the outbox besides (``burst``: until the queue is empty).

    Whatever function a job names, the worker only looks at its own outbox: who can write to Redis can ring, no more.
    """
    import redis
    from rq import Queue, SimpleWorker
    from rq.job import Job
    from rq.serializers import JSONSerializer

    store = Store(open_database(database_url), Path(files_dir), SystemClock())

    class Look(Job):
        @property
        def func(self) -> Callable[..., int]:
            return lambda *args, **kwargs: drain(store)

    sweeper = WorkerThread(store)
    connection = redis.Redis.from_url(redis_url)
    queue = Queue(queue_name(database_url), connection=connection, serializer=JSONSerializer, job_class=Look)
    worker = SimpleWorker([queue], connection=connection, serializer=JSONSerializer, job_class=Look)
    sweeper.start()
    try:
        worker.work(burst=burst, logging_level="WARNING")
    finally:
        sweeper.stop()
        store.database.close()


def _drain_quietly(store: Store) -> None:
    try:
        drain(store)
    except Exception:
        _log.exception("The outbox could not be emptied; the next sweep tries again")


Bell = Callable[[], Any]
"""Whatever rings: ``WorkerThread.ring`` or ``RedisDoorbell.ring``."""
