"""Counting attempts in windows of time, in Redis when there is one, else in this process.

Enters: a limit and a key. Leaves: whether one more is within the limit. Must not say what is counted. Loaded at the
first sign-in: the library behind it is not needed to serve pages.
"""

import time

from limits import RateLimitItem, parse
from limits.errors import StorageError
from limits.storage import MemoryStorage, Storage, storage_from_string
from limits.strategies import FixedWindowRateLimiter


class Counters:
    """The counters of one process, shared over Redis when there is one; a Redis that is gone is done without."""

    def __init__(self, redis_url: str | None) -> None:
        self._own = FixedWindowRateLimiter(MemoryStorage())
        self._shared = None if redis_url is None else FixedWindowRateLimiter(_open(redis_url))

    def hit(self, limit: str, key: str) -> bool:
        """Count one and tell whether it is within ``limit`` (``10 per 5 minutes``)."""
        item = parse(limit)
        if self._shared is not None:
            try:
                return self._shared.hit(item, key)
            except StorageError:
                pass  # Redis may be lost without losing the protection
        return self._own.hit(item, key)

    def count(self, limit: str, key: str) -> int:
        """Count one and return how many there are in this window of ``limit``, to its number at most."""
        item = parse(limit)
        self.hit(limit, key)
        try:
            remaining = (self._shared or self._own).get_window_stats(item, key).remaining
        except StorageError:
            remaining = self._own.get_window_stats(item, key).remaining
        return item.amount - remaining

    def forget(self, limit: str, key: str) -> None:
        """Begin to count anew."""
        item = parse(limit)
        self._own.clear(item, key)
        if self._shared is not None:
            try:
                self._shared.clear(item, key)
            except StorageError:
                return

    def seconds_left(self, limit: str, key: str) -> int:
        """Return the seconds until the window ends, 1 at least."""
        return max(1, int(self._reset_time(parse(limit), key) - time.time()) + 1)

    def _reset_time(self, item: RateLimitItem, key: str) -> float:
        try:
            return (self._shared or self._own).get_window_stats(item, key).reset_time
        except StorageError:
            return self._own.get_window_stats(item, key).reset_time


def _open(url: str) -> Storage:
    storage = storage_from_string(url, wrap_exceptions=True, socket_timeout=0.5, socket_connect_timeout=0.5)
    assert isinstance(storage, Storage)  # noqa: S101 - only an async+ address gives another kind
    return storage
