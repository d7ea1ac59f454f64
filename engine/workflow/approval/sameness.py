"""When two steps of two releases are the same step.

Enters: the plan of a step as it was submitted, and as it is written now. Leaves: whether what people did in the one
holds for the other. Must not know what follows from it.
"""

from collections.abc import Sequence
from typing import Final

from engine.workflow.approval.plan import StepPlan

MEANING: Final = ("kind", "who", "decide", "refuse", "share", "veto", "fields", "call", "of", "when", "within")
"""What another value of makes it another step: whoever decides, or over what, is not the same any more."""

_HELD: Final = ("kind", "decide", "refuse", "share", "veto", "fields")


def is_same_step(kept: StepPlan, written: StepPlan) -> bool:
    """Return whether two steps ask the same people for the same thing; labels, due times and places may differ."""
    return _agree(kept, written, MEANING)


def can_go_on(kept: StepPlan, written: StepPlan) -> bool:
    """Return whether whoever holds a step may go on holding the other, though it would ask others."""
    return _agree(kept, written, _HELD)


def _agree(one: StepPlan, other: StepPlan, names: Sequence[str]) -> bool:
    first, second = one.to_data(), other.to_data()
    return all(first[name] == second[name] for name in names)
