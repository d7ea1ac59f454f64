"""Who fires timers and empties the outbox: a thread in the web process, or any number of RQ workers. Redis only rings.

Enters: a store, and the address of a Redis or Valkey where there is one. Leaves: events delivered soon after they
were written, timers fired soon after they were due. Must not hold work: a job says only "look", so losing Redis with
all its queues loses nothing. The only module that knows ``rq`` and ``redis``.
"""

import hashlib
import logging
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine.automation.outbox import drain
from engine.automation.running import run_due
from engine.automation.scheduling import keep_armed, keep_schedules
from engine.automation.timers import sweep
from engine.changing.nightly import keep_nightly
from engine.channels.working import deliver, find_ready
from engine.clock import SystemClock
from engine.exporting.requests import list_due
from engine.exporting.working import work as take_out
from engine.importing.batches import list_active
from engine.importing.working import work as bring_in
from engine.storage.database import open_database
from engine.storage.index_builds import build_indexes
from engine.storage.store import Store

QUEUE = "formwork"
_LOOK = "formwork.look"
SWEEP_EVERY = 5.0
"""Seconds between two looks when nobody rings; so late, at most, a timer fires."""
GATHER = 0.1
"""Seconds to wait after a ring: many saves in a row are then delivered together, in one transaction."""
RECONNECT = 5.0
"""Seconds until a worker looks again for a Redis that is not there."""
_ROUNDS = 50
"""Rounds of events and runs that follow from one another in one look; the next look goes on."""
AT_END = 5.0
"""Seconds that an ending worker waits for an index that is built beside."""

_log = logging.getLogger("formwork.jobs")


def look(store: Store) -> int:
    """Fire what is due, then deliver what waits, what the timers wrote included; return how much was done.

    Messages leave before imports and exports are gone on with: here, where nobody waits for the sweep.
    """
    done = sweep(store) + keep_schedules(store) + keep_armed(store) + react(store)
    return done + deliver(store) + bring_in(store) + take_out(store)


def react(store: Store) -> int:
    """Deliver what waits and run what that begins, until nothing is left to do; return how much was done."""
    done = 0
    for _ in range(_ROUNDS):
        went = drain(store) + run_due(store)
        done += went
        if not went:
            break
    return done


class WorkerThread:
    """The embedded worker: one daemon thread that looks for work when rung, and every few seconds anyway."""

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
        """Look for work now."""
        self._bell.set()

    def stop(self, timeout: float = 10.0) -> None:
        """Finish what is under way and end.

        What is done beside is waited for, lest it hold a connection of a database that is closed meanwhile; an index
        that takes long, or a receiver that does not answer, is not.
        """
        self._ending.set()
        self._bell.set()
        if self._thread.is_alive():
            self._thread.join(timeout)
        for beside in (_aside, _sending):
            if beside.acquire(timeout=AT_END):
                beside.release()

    def _run(self) -> None:
        while not self._ending.is_set():
            if self._bell.wait(self._every):
                self._ending.wait(GATHER)
            self._bell.clear()
            _look_quietly(self._store)


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
        """Ask any worker to look for work."""
        try:
            self._queue.enqueue(_LOOK, result_ttl=0, failure_ttl=60)
        except self._failure as error:
            _log.warning("Redis did not take the doorbell, the sweep will find it: %s", type(error).__name__)


def queue_name(database_url: str) -> str:
    """Return the queue of an installation: two that share a Redis do not answer each other's doorbell.

    The address itself, which may hold a password, never goes to Redis.
    """
    return f"{QUEUE}-{hashlib.sha256(database_url.encode()).hexdigest()[:16]}"


def work(
    redis_url: str,
    database_url: str,
    files_dir: str,
    *,
    secret_key: str | None = None,
    public_url: str | None = None,
    burst: bool = False,
) -> None:
    """Run one RQ worker until it is told to end, sweeping besides (``burst``: until the queue is empty).

    ``secret_key`` opens the channels by which messages leave, ``public_url`` begins their links.
    Whatever function a job names, the worker only looks at its own database: who can write to Redis can ring, no more.
    """
    import redis
    from rq import Queue, SimpleWorker
    from rq.job import Job
    from rq.serializers import JSONSerializer

    store = Store(open_database(database_url), Path(files_dir), SystemClock())
    store.secret_key, store.public_url = secret_key, public_url

    class Look(Job):
        @property
        def func(self) -> Callable[..., int]:
            return lambda *args, **kwargs: look(store)

    def listen() -> None:
        connection = redis.Redis.from_url(redis_url)
        queue = Queue(queue_name(database_url), connection=connection, serializer=JSONSerializer, job_class=Look)
        worker = SimpleWorker([queue], connection=connection, serializer=JSONSerializer, job_class=Look)
        worker.work(burst=burst, logging_level="WARNING")

    sweeper = WorkerThread(store)
    sweeper.start()
    try:
        _listening(listen, redis.RedisError)
    finally:
        sweeper.stop()
        store.database.close()


def _listening(listen: Callable[[], None], lost: type[Exception]) -> None:
    """Listen for the doorbell until told to end; while there is no Redis, the sweeper beside finds everything."""
    usual = {one: signal.getsignal(one) for one in (signal.SIGTERM, signal.SIGINT)}
    while True:
        try:
            listen()
            return
        except lost as error:
            _log.warning("Redis is not there, the sweep goes on without it: %s", type(error).__name__)
        finally:
            for one, handler in usual.items():
                signal.signal(one, handler)
        time.sleep(RECONNECT)


def _look_quietly(store: Store) -> None:
    """Look for work; a failure is logged, and the next look tries again."""
    for part in (keep_nightly, sweep, keep_schedules, keep_armed, react):
        _quietly(part, store)
    _quietly(_send_aside, store)
    _quietly(_work_aside, store)


def _send_aside(store: Store) -> None:
    """Send messages beside everything else, as a receiver may take its time; one thread of a process at most."""
    if not find_ready(store) or not _sending.acquire(blocking=False):
        return

    def send() -> None:
        try:
            _quietly(deliver, store)
        finally:
            _sending.release()

    threading.Thread(target=send, name="formwork-sending", daemon=True).start()


def _work_aside(store: Store) -> None:
    """Do beside everything else what may take long; one thread of a process at most."""
    if not _has_long_work(store) or not _aside.acquire(blocking=False):
        return

    def long_work() -> None:
        try:
            _quietly(bring_in, store)
            _quietly(take_out, store)
            if store.database.dialect == "postgresql":
                _quietly(build_indexes, store)
        finally:
            _aside.release()

    threading.Thread(target=long_work, name="formwork-aside", daemon=True).start()


def _has_long_work(store: Store) -> bool:
    if store.database.dialect == "postgresql":
        return True  # whether an index is to be built is asked where it is built
    with store.read() as session:
        return bool(list_active(session) or list_due(session))


_aside = threading.Lock()
_sending = threading.Lock()


def _quietly(part: Callable[[Store], object], store: Store) -> None:
    try:
        part(store)
    except Exception:
        _log.exception("%s failed; the next look tries again", part.__name__)


Bell = Callable[[], Any]
"""Whatever rings: ``WorkerThread.ring`` or ``RedisDoorbell.ring``."""
