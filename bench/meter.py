"""CPU seconds and memory of processes, as the Linux kernel counts them.

Process ids enter; seconds and MiB leave. Works for processes of this machine only, whoever owns them.
"""

import time
from collections.abc import Callable
from pathlib import Path


class CpuMeter:
    """CPU seconds of a server with its children, and of the database processes that serve it.

    A process that ends keeps what was last seen of it, so read often while short-lived ones are about.
    """

    def __init__(self, server: int, backends: Callable[[], set[int]]) -> None:
        self._server, self._backends = server, backends
        self._seen: dict[int, float] = {}
        self._of_database: set[int] = set()

    def read_seconds(self) -> tuple[float, float]:
        """Seconds used since their start by (server, database)."""
        backends = self._backends()
        self._of_database |= backends
        for pid in _family(self._server) | backends:
            self._seen[pid] = read_cpu_seconds(pid, self._seen.get(pid, 0.0))
        database = sum(self._seen[pid] for pid in self._of_database)
        return sum(self._seen.values()) - database, database


def read_cpu_seconds(pid: int, otherwise: float = 0.0) -> float:
    """Seconds used by all threads of a process, ended ones included, to the nanosecond."""
    try:
        # The clock id of another process, as clock_getcpuclockid(3) makes it (MAKE_PROCESS_CPUCLOCK, CPUCLOCK_SCHED).
        return time.clock_gettime((~pid << 3) | 2)
    except OSError:
        return otherwise


def read_idle_mib(pid: int) -> float:
    """Memory of a process and its children; pages they share count once."""
    total = 0
    for member in _family(pid):
        for line in Path(f"/proc/{member}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1])
    return total / 1024


def _family(pid: int) -> set[int]:
    found, waiting = set(), [pid]
    while waiting:
        found.add(member := waiting.pop())
        for listing in Path(f"/proc/{member}/task").glob("*/children"):
            try:
                waiting += [int(child) for child in listing.read_text().split()]
            except OSError:
                continue
    return found
