"""Part of a transaction that can be taken back alone.

Enters: nothing. Leaves: whether it is to be taken back; ``Session.attempt`` does it.
"""

from dataclasses import dataclass


@dataclass
class Attempt:
    """Part of a transaction; what was done in it is taken back once ``undo`` was called."""

    undone: bool = False

    def undo(self) -> None:
        """Take back, at the end, everything done in this part."""
        self.undone = True
