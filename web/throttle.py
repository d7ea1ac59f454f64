"""How often a password may be tried, per login and address, per login, per address; and which failures are noted.

What programs send to an address is counted likewise.

Enters: a login and an address. Leaves: ``TooManyAttempts``, before the costly part of a sign-in is done. Must not lock
a person out for good, nor tell whether the login exists. Counts live in Redis when there is one, else in this process;
a Redis that is gone is replaced by the process's own counts.
"""

import hashlib
from collections.abc import Iterable
from functools import cached_property
from typing import TYPE_CHECKING

from engine.errors import NotPossibleNow

if TYPE_CHECKING:
    from web.counting import Counters


_NOTED = "100000 per hour"
_TOLD = frozenset(10**power for power in range(6))


class TooManyAttempts(NotPossibleNow):
    """Too many failed attempts (HTTP 429); ``retry_after`` in seconds."""

    def __init__(self, retry_after: int) -> None:
        super().__init__("people.login_throttled", minutes=max(1, -(-retry_after // 60)))
        self.retry_after = retry_after


class AddressThrottle:
    """Counts what comes to an address that anybody may call, within ``limit``."""

    def __init__(self, redis_url: str | None, limit: str) -> None:
        self._redis_url, self._limit = redis_url, limit

    def count(self, key: str) -> int:
        """Count one; return the seconds to wait when that were too many, else 0."""
        key = hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:32]
        if self._counters.hit(self._limit, f"hook {key}"):
            return 0
        return self._counters.seconds_left(self._limit, f"hook {key}")

    @cached_property
    def _counters(self) -> "Counters":
        from web.counting import Counters  # loaded when the first is counted, not at every start

        return Counters(self._redis_url)


class LoginThrottle:
    """Counts attempts. A success forgets the failures of that login at that address, never those of the address."""

    def __init__(self, redis_url: str | None, *, pair: str, login: str, address: str) -> None:
        self._redis_url = redis_url
        self._pair, self._login, self._address = pair, login, address

    def attempt(self, login: str, address: str) -> None:
        """Count an attempt; raises ``TooManyAttempts`` when there were too many."""
        for limit, key in self._keys(login, address):
            if not self._counters.hit(limit, key):
                raise TooManyAttempts(self._counters.seconds_left(limit, key))

    def succeed(self, login: str, address: str) -> None:
        """Forget the failed attempts of a login that was right in the end."""
        (limit, key), *_ = self._keys(login, address)
        self._counters.forget(limit, key)

    def refused(self, login: str | None, address: str) -> int | None:
        """Count an attempt that failed and return how many that makes in this hour, None when that is not to be noted.

        The 1st, the 10th, the 100th of a login at an address are: whoever tries for hours fills no log. ``login`` is
        None for attempts that were too many, which are counted by their address.
        """
        who = hashlib.sha256(login.encode("utf-8", "surrogatepass")).hexdigest()[:32] if login is not None else ""
        times = self._counters.count(_NOTED, f"refused {who}@{address}")
        return times if times in _TOLD else None

    @cached_property
    def _counters(self) -> "Counters":
        from web.counting import Counters  # loaded at the first sign-in, not at every start

        return Counters(self._redis_url)

    def _keys(self, login: str, address: str) -> Iterable[tuple[str, str]]:
        who = hashlib.sha256(login.encode("utf-8", "surrogatepass")).hexdigest()[:32]
        return (self._pair, f"{who}@{address}"), (self._login, who), (self._address, address)
