"""Several processes that answer for one site, made from one that has loaded everything.

Enters: a socket that listens, and what a process does. Leaves: when whoever started it is told to stop, after every
process has. Must not run a thread before the last process is made, nor hold a connection across a fork.

What was loaded before is shared: a second process takes a fraction of the memory and no time to start. The first one
answers nobody: it only looks after the others, so that one which dies is made anew and none outlives it.
"""

import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import FrameType

_PATIENCE = 20.0
"""Seconds for requests under way, before a process is ended."""
_PAUSE = 1.0
"""Seconds between two attempts at a process that dies at once."""
_SIGNALS = (signal.SIGTERM, signal.SIGINT)

_log = logging.getLogger(__name__)


class Doorbell:
    """What wakes the worker when a process beside it left something to do."""

    def __init__(self) -> None:
        self._heard, self._rung = os.pipe()
        os.set_blocking(self._rung, False)

    def ring(self) -> None:
        """Ring; a bell that nobody has answered yet need not ring twice."""
        try:
            os.write(self._rung, b".")
        except BlockingIOError:
            return

    def answer(self, ring: Callable[[], object]) -> None:
        """Call ``ring`` whenever it rings, for ever."""
        while os.read(self._heard, 4096):
            ring()


@dataclass
class Processes:
    """What runs beside each other: each ``work`` in a process of its own."""

    works: list[Callable[[], object]]
    _running: dict[int, Callable[[], object]] = field(default_factory=dict)
    _stopping: bool = False

    def run(self) -> None:
        """Run until this process is told to stop."""
        self._life, self._alive = os.pipe()
        before = {number: signal.signal(number, self._stop) for number in _SIGNALS}
        try:
            for work in self.works:
                self._start(work)
            while not self._stopping:
                self._look_after()
        finally:
            self._end()
            for number, handler in before.items():
                signal.signal(number, handler)

    def _start(self, work: Callable[[], object]) -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)  # one that comes now finds the process known, or itself
        process = os.fork()
        if process:
            self._running[process] = work
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
            return
        code = 1
        try:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C reaches all of them; the first one tells the others
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
            os.close(self._alive)
            threading.Thread(target=self._end_with_the_first, daemon=True).start()
            work()
            code = 0
        except SystemExit:
            code = 0
        except BaseException:
            _log.exception("A process ended")
        finally:
            os._exit(code)

    def _end_with_the_first(self) -> None:
        os.read(self._life, 1)  # nobody writes: it ends when the first process does, however that was
        os.kill(os.getpid(), signal.SIGTERM)

    def _look_after(self) -> None:
        process, status = os.wait()
        work = self._running.pop(process, None)
        if work is None or self._stopping:
            return
        _log.error("Process %s ended with %s; another takes its place", process, os.waitstatus_to_exitcode(status))
        time.sleep(_PAUSE)
        if not self._stopping:
            self._start(work)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self._stopping = True
        for process in self._running:
            os.kill(process, signal.SIGTERM)

    def _end(self) -> None:
        self._stop(0, None)
        until = time.monotonic() + _PATIENCE
        while self._running and time.monotonic() < until:
            process, _ = os.waitpid(-1, os.WNOHANG)
            if not process:
                time.sleep(0.02)
            self._running.pop(process, None)
        for process in self._running:
            os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)
        self._running.clear()
