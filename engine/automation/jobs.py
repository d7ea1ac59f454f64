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
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from engine.automation.due import EVENTS, FIGURES, FILES, INDEXES, MESSAGES, RUNS, TIMERS, find_work
from engine.automation.outbox import drain
from engine.automation.running import run_due
from engine.automation.scheduling import keep_armed, keep_schedules
from engine.automation.timers import sweep
from engine.changing.nightly import keep_nightly
from engine.channels.working import deliver
from engine.clock import SystemClock
from engine.exporting.working import work as take_out
from engine.importing.working import work as bring_in
from engine.reports.closing import close_months
from engine.reports.working import work as count_figures
from engine.storage.database import open_database
from engine.storage.index_builds import build_indexes
from engine.storage.store import Store

QUEUE = "formwork"
NOW, COUNT, SEND, LONG = "now", "count", "send", "long"
"""What is done by which queue: what people wait for; figures that take long; messages to the outside; imports, exports,
indexes."""
QUEUES = (NOW, COUNT, SEND, LONG)
"""In the order in which a worker takes from them."""
_LOOK = "formwork.look"
_EVENTS = 200
"""Events of one round, in one transaction."""
SWEEP_EVERY = 5.0
"""Seconds between two looks when nobody rings; so late, at most, a timer fires."""
GATHER = 0.1
"""Seconds to wait after a ring: many saves in a row are then delivered together, in one transaction."""
RECONNECT = 5.0
"""Seconds until a worker looks again for a Redis that is not there."""
_ROUNDS = 500
"""Rounds in one look; the next look goes on."""
_SLICE = 20
"""Timers and runs of one round, each in a transaction of its own: no more stand before what somebody waits for."""
AT_END = 5.0
"""Seconds that an ending worker waits for an index that is built beside."""

_log = logging.getLogger("formwork.jobs")


def look(store: Store) -> int:
    """Do everything that there is to do, here, where nobody waits for the sweep; return how much was done.

    Messages leave before imports and exports are gone on with.
    """
    return attend(store) + count_figures(store) + deliver(store) + bring_in(store) + take_out(store)


def attend(store: Store) -> int:
    """Fire what is due, deliver what waits, run what that begins, a little of each at a time; return how much was done.

    So ten thousand timers that are due at once, or what an import brings about, hold up no decision: an event of an
    approval waits for the round under way and for events of approvals before it, and for nothing else.
    """
    return _begin_due(store, _do) + _rounds(store, _do)[0]


def react(store: Store) -> int:
    """Deliver what waits and run what that begins, until nothing is left to do; return how much was done."""
    done = 0
    for _ in range(_ROUNDS):
        went = _deliver_some(store) + _run_some(store)
        done += went
        if not went:
            break
    return done


def _deliver_some(store: Store) -> int:
    """Deliver some of what waits."""
    return drain(store, most=_EVENTS)


def _run_some(store: Store) -> int:
    """Go on with some runs."""
    return run_due(store, most=_SLICE)


def _sweep_some(store: Store) -> int:
    """Fire some of what is due."""
    return sweep(store, most=_SLICE)


Part = Callable[[Store], int]
Doing = Callable[[Part, Store], int]

_PARTS: Mapping[str, Part] = {EVENTS: _deliver_some, RUNS: _run_some, TIMERS: _sweep_some}
"""What is done in a round of each kind of work that people may wait for, in this order."""


def _begin_due(store: Store, do: Doing) -> int:
    """Begin what comes round by the clock; nobody rings for it."""
    return do(keep_schedules, store) + do(keep_armed, store) + do(close_months, store)


def _rounds(store: Store, do: Doing) -> tuple[int, frozenset[str]]:
    """Do a little of each kind of work at a time; return how much was done, and what other work there is."""
    done, found = 0, find_work(store)
    for _ in range(_ROUNDS):
        went = sum(do(part, store) for kind, part in _PARTS.items() if kind in found)
        done += went
        if not went:
            break
        found = find_work(store)
    return done, found - set(_PARTS)


def _do(part: Part, store: Store) -> int:
    return part(store)


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
        for beside in (_counting, _aside, _sending):
            if beside.acquire(timeout=AT_END):
                beside.release()

    def _run(self) -> None:
        next_sweep = time.monotonic() + self._every
        while not self._ending.is_set():
            if self._bell.wait(max(0.0, next_sweep - time.monotonic())):
                self._ending.wait(GATHER)
            self._bell.clear()
            if time.monotonic() < next_sweep:
                _answer_quietly(self._store)
            else:
                _look_quietly(self._store)
                next_sweep = time.monotonic() + self._every


class RedisDoorbell:
    """Rings the workers through RQ. A Redis that does not answer is logged, never an error for whoever saved."""

    def __init__(self, redis_url: str, database_url: str, files_dir: str) -> None:
        import redis
        from rq import Queue
        from rq.serializers import JSONSerializer

        connection = redis.Redis.from_url(redis_url, socket_connect_timeout=1, socket_timeout=2)
        self._queues = {
            kind: Queue(queue_name(database_url, kind), connection=connection, serializer=JSONSerializer)
            for kind in QUEUES
        }
        self._failure: type[Exception] = redis.RedisError

    def ring(self, kind: str = NOW) -> None:
        """Ask any worker to look for work of a kind; of what may take long, nobody who is asked already is again."""
        try:
            if kind != NOW and len(self._queues[kind]):
                return
            self._queues[kind].enqueue(_LOOK, result_ttl=0, failure_ttl=60)
        except self._failure as error:
            _log.warning("Redis did not take the doorbell, the sweep will find it: %s", type(error).__name__)


def queue_name(database_url: str, kind: str = NOW) -> str:
    """Return a queue of an installation: two that share a Redis do not answer each other's doorbell.

    The address itself, which may hold a password, never goes to Redis.
    """
    return f"{QUEUE}-{hashlib.sha256(database_url.encode()).hexdigest()[:16]}-{kind}"


def work(
    redis_url: str,
    database_url: str,
    files_dir: str,
    *,
    secret_key: str | None = None,
    public_url: str | None = None,
    fonts: str | None = None,
    burst: bool = False,
    every: float = SWEEP_EVERY,
) -> None:
    """Run one RQ worker until it is told to end, sweeping besides (``burst``: until the queues are empty).

    What may take long is done beside, in a thread of the worker for each kind, so that it goes on answering what people
    wait for; so does the sweeper, who looks ``every`` so many seconds.

    ``secret_key`` opens the channels by which messages leave, ``public_url`` begins their links,
    pictures are drawn with ``fonts``.
    Whatever function a job names, the worker only looks at its own database: who can write to Redis can ring, no more.
    """
    import redis

    store = Store(open_database(database_url), Path(files_dir), SystemClock())
    store.secret_key, store.public_url = secret_key, public_url
    store.fonts = Path(fonts) if fonts else None
    bell = RedisDoorbell(redis_url, database_url, files_dir)
    sweeper = WorkerThread(store, every=every)
    sweeper.start()
    try:
        _listening(lambda: _answer_bells(store, bell, redis_url, database_url, burst=burst), redis.RedisError)
    finally:
        sweeper.stop()
        store.database.close()


def _answer_bells(store: Store, bell: RedisDoorbell, redis_url: str, database_url: str, *, burst: bool) -> None:
    """Work when rung, until told to end (``burst``: until the queues are empty)."""
    import redis
    from rq import Queue, SimpleWorker
    from rq.job import Job
    from rq.serializers import JSONSerializer

    def answer(kind: str) -> None:
        if kind == NOW:
            for other in _other_queues(_rounds(store, _do)[1]):
                bell.ring(other)
        else:
            _ASIDE[kind](store, wait=burst)

    class Look(Job):
        @property
        def func(self) -> Callable[..., None]:
            kind = str(self.origin).rpartition("-")[2]
            return lambda *args, **kwargs: answer(kind if kind in QUEUES else NOW)

    about: dict[str, Any] = {
        "connection": redis.Redis.from_url(redis_url), "serializer": JSONSerializer, "job_class": Look,
    }  # fmt: skip
    queues = [Queue(queue_name(database_url, kind), **about) for kind in QUEUES]
    SimpleWorker(queues, **about).work(burst=burst, logging_level="WARNING")


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
    """Look for work, also for what comes round by the clock; a failure is logged, and the next look tries again."""
    _quietly(keep_nightly, store)
    _begin_due(store, _quietly)
    _answer_quietly(store)


def _answer_quietly(store: Store) -> None:
    """Do what somebody rang for, or left undone; a failure is logged, and the next look tries again."""
    _quietly(_answer, store)


def _answer(store: Store) -> None:
    for kind in _other_queues(_rounds(store, _quietly)[1]):
        _ASIDE[kind](store, wait=False)


def _other_queues(found: frozenset[str]) -> list[str]:
    """Return the queues of the work there is besides what people wait for."""
    kinds = {COUNT: {FIGURES}, SEND: {MESSAGES}, LONG: {FILES, INDEXES}}
    return [queue for queue, own in kinds.items() if own & found]


def _count_aside(store: Store, *, wait: bool) -> None:
    """Work out figures beside everything else, one statement at a time; one thread of a process at most."""
    _beside(_counting, lambda: _quietly(count_figures, store), "formwork-figures", wait=wait)


def _send_aside(store: Store, *, wait: bool) -> None:
    """Send messages beside everything else, as a receiver may take its time; one thread of a process at most."""
    _beside(_sending, lambda: _quietly(deliver, store), "formwork-sending", wait=wait)


def _work_aside(store: Store, *, wait: bool) -> None:
    """Do beside everything else what may take long; one thread of a process at most."""

    def long_work() -> None:
        _quietly(bring_in, store)
        _quietly(take_out, store)
        if store.database.dialect == "postgresql":
            _quietly(build_indexes, store)

    _beside(_aside, long_work, "formwork-aside", wait=wait)


def _beside(lock: threading.Lock, do: Callable[[], object], name: str, *, wait: bool) -> None:
    """Do something in a thread, unless this process is at it already; ``wait`` for it to end."""
    if not lock.acquire(blocking=False):
        return

    def run() -> None:
        try:
            do()
        finally:
            lock.release()

    thread = threading.Thread(target=run, name=name, daemon=True)
    thread.start()
    if wait:
        thread.join()


_ASIDE = {COUNT: _count_aside, SEND: _send_aside, LONG: _work_aside}
_counting = threading.Lock()
_aside = threading.Lock()
_sending = threading.Lock()


def _quietly(part: Callable[[Store], Any], store: Store) -> int:
    try:
        return int(part(store) or 0)
    except Exception:
        _log.exception("%s failed; the next look tries again", part.__name__)
        return 0


Bell = Callable[[], Any]
"""Whatever rings: ``WorkerThread.ring`` or ``RedisDoorbell.ring``."""
