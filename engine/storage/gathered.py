"""What one action tells, kept until all of it is told.

Enters: rows for history and outbox. Leaves: them, in their order. Must not write: the journal does.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Gathered:
    """Rows for history and outbox."""

    histories: list[Mapping[str, Any]] = field(default_factory=list)
    events: list[Mapping[str, Any]] = field(default_factory=list)

    def mark(self) -> tuple[int, int]:
        """Return how much was told up to now."""
        return len(self.histories), len(self.events)

    def forget_since(self, mark: tuple[int, int]) -> None:
        """Forget what was told since a mark: it was taken back."""
        del self.histories[mark[0] :], self.events[mark[1] :]
