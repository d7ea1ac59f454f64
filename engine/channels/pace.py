"""How fast messages may leave by a channel: what the provider of a robot lets through, counted over the last minute.

Enters: when messages left lately. Leaves: how many may leave now. Must not guess: moments are kept with the channel, so
that all workers count the same.
"""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from zoneinfo import ZoneInfo

UNLIMITED = 1_000
_MINUTE = 60.0


@dataclass(frozen=True, slots=True)
class Pace:
    """At most so many messages in any minute, and in any second; None: as many as there are."""

    minute: int | None = None
    second: int | None = None


PACES: Mapping[str, Pace] = MappingProxyType(
    {"dingtalk": Pace(18), "wecom": Pace(20), "feishu": Pace(100, 5), "email": Pace(300)}
)
"""By kind of channel: DingTalk shuts a robot out for ten minutes after the twentieth in a minute."""


def find_pace(kind: str, rate: int | None) -> Pace:
    """Return the pace of a channel: that of its kind, or the slower one an administrator set."""
    usual = PACES.get(kind, Pace())
    return Pace(rate, usual.second) if rate is not None else usual


def count_free(pace: Pace, sent: Sequence[float], now: float) -> int:
    """Return how many messages may leave now, after those ``sent`` (seconds, as ``now``)."""
    if pace.minute is None:
        return UNLIMITED
    free = pace.minute - sum(one > now - _MINUTE for one in sent)
    if pace.second is not None:
        free = min(free, pace.second - sum(one > now - 1.0 for one in sent))
    return max(free, 0)


def keep(pace: Pace, sent: Sequence[float], now: float, count: int = 1) -> list[float]:
    """Return the moments to keep once ``count`` more have left."""
    if pace.minute is None:
        return []
    return [one for one in sent if now - _MINUTE < one <= now] + [now] * count


def spread(kind: str, moment: datetime, zone: str, seed: str) -> datetime:
    """Return when a message should leave instead: Feishu asks to be left alone at full and half hours."""
    if kind != "feishu" or moment.astimezone(ZoneInfo(zone)).minute not in (0, 30):
        return moment
    return moment + timedelta(seconds=60 + zlib.crc32(seed.encode()) % 180)
