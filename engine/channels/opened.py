"""A channel as whoever sends by it needs it: with its address and secrets open.

Enters: a row of ``fw_channels`` and the key of the installation. Leaves: ``Opened``. Must not be logged or shown: its
``repr`` holds no secret.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from urllib.parse import urlsplit

from engine.channels.parcels import MASK

Kind = Literal["email", "dingtalk", "wecom", "feishu", "webhook", "dialler"]
KINDS: tuple[Kind, ...] = ("email", "dingtalk", "wecom", "feishu", "webhook", "dialler")
ROBOTS: tuple[Kind, ...] = ("dingtalk", "wecom", "feishu")
SIGNED: tuple[Kind, ...] = ("webhook", "dialler")


@dataclass(frozen=True, slots=True)
class Opened:
    """One channel, opened. ``secrets`` are those that are good now, the newest first."""

    name: str
    kind: Kind
    address: str = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False, default=())
    keyword: str = ""
    inside: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def secret(self) -> str | None:
        """The newest secret."""
        return self.secrets[0] if self.secrets else None


@dataclass(frozen=True, slots=True)
class Envelope:
    """What stands around a message: its id, the same at every attempt, when it was posted, when it leaves, to whom."""

    id: str
    at: datetime
    now: datetime
    recipient: str | None = None
    base: str | None = None  # the public address of the site


def mask_address(address: str) -> str:
    """Return a web address without what only whoever may write to it knows."""
    parts = urlsplit(address)
    start = f"{parts.scheme}://{parts.netloc}"
    if parts.query:
        return f"{start}{parts.path}?{MASK}"
    head, _, last = parts.path.rpartition("/")
    return f"{start}{head}/{MASK}" if len(last) > 8 else f"{start}{parts.path}"
