"""How often a password may be tried: per login and address, per login, per address.

Enters: a login and an address. Leaves: ``TooManyAttempts``, before the costly part of a sign-in is done. Must not lock
a person out for good, nor tell whether the login exists. Counts live in Redis when there is one, else in this process;
a Redis that is gone is replaced by the process's own counts.
"""

import hashlib
import time
from collections.abc import Iterable

from limits import RateLimitItem, parse
from limits.errors import StorageError
from limits.storage import MemoryStorage, Storage, storage_from_string
from limits.strategies import FixedWindowRateLimiter

from engine.errors import NotPossibleNow


class TooManyAttempts(NotPossibleNow):
    """Too many failed attempts (HTTP 429); ``retry_after`` in seconds."""

    def __init__(self, retry_after: int) -> None:
        super().__init__("people.login_throttled", minutes=max(1, -(-retry_after // 60)))
        self.retry_after = retry_after


class LoginThrottle:
    """Counts attempts. A success forgets the failures of that login at that address, never those of the address."""

    def __init__(self, redis_url: str | None, *, pair: str, login: str, address: str) -> None:
        self._pair, self._login, self._address = parse(pair), parse(login), parse(address)
        self._own = FixedWindowRateLimiter(MemoryStorage())
        self._shared = None if redis_url is None else FixedWindowRateLimiter(_open(redis_url))

    def attempt(self, login: str, address: str) -> None:
        """Count an attempt; raises ``TooManyAttempts`` when there were too many."""
        for item, key in self._keys(login, address):
            if not self._hit(item, key):
                raise TooManyAttempts(self._seconds_left(item, key))

    def succeed(self, login: str, address: str) -> None:
        """Forget the failed attempts of a login that was right in the end."""
        (item, key), *_ = self._keys(login, address)
        self._forget(item, key)

    def _keys(self, login: str, address: str) -> Iterable[tuple[RateLimitItem, str]]:
        who = hashlib.sha256(login.encode("utf-8", "surrogatepass")).hexdigest()[:32]
        return (self._pair, f"{who}@{address}"), (self._login, who), (self._address, address)

    def _hit(self, item: RateLimitItem, key: str) -> bool:
        if self._shared is not None:
            try:
                return self._shared.hit(item, key)
            except StorageError:
                pass  # Redis may be lost without losing the protection
        return self._own.hit(item, key)

    def _forget(self, item: RateLimitItem, key: str) -> None:
        self._own.clear(item, key)
        if self._shared is not None:
            try:
                self._shared.clear(item, key)
            except StorageError:
                return

    def _seconds_left(self, item: RateLimitItem, key: str) -> int:
        try:
            stats = (self._shared or self._own).get_window_stats(item, key)
        except StorageError:
            stats = self._own.get_window_stats(item, key)
        return max(1, int(stats.reset_time - time.time()) + 1)


def _open(url: str) -> Storage:
    storage = storage_from_string(url, wrap_exceptions=True, socket_timeout=0.5, socket_connect_timeout=0.5)
    assert isinstance(storage, Storage)  # noqa: S101 - only an async+ address gives another kind
    return storage
