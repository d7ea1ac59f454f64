"""What the votes of a step say: 或签, 会签, 依次, 票签.

Enters: a state and a step of it. Leaves: how many are needed, and whether the step is passed, refused or open. Must not
change anything.

People vote by *seat*: everybody who was added before or after a person, or who took over from them, is one vote with
them. A seat says yes when all of its tasks do, and no as soon as one does.
"""

from collections.abc import Sequence
from typing import Final, Literal

from engine.compiler.shares import count_share
from engine.workflow.approval.plan import StepPlan
from engine.workflow.approval.state import ApprovalState, Step, Task

Verdict = Literal["yes", "no", "pending", "gone"]
Outcome = Literal["open", "passed", "refused"]

_YES: Final = ("approved", "done")
_GONE: Final = ("transferred", "removed", "retracted", "closed")


def count_needed(plan: StepPlan, size: int) -> int:
    """Return how many of ``size`` seats must say yes, never below 1; it may be more than there are."""
    if plan.decide == "any":
        return 1
    if plan.decide != "share":
        return max(1, size)
    return count_share(plan.share, size)


def step_outcome(state: ApprovalState, step: Step) -> Outcome:
    """Return what the votes of an open step say: passed at ``need`` approvals; refused by its ``refuse`` rule.

    ``first``: by the first refusal; ``counted``: once the approvals needed cannot be reached any more; ``all``: once
    nobody is left to ask. The last two agree in what comes out, whatever the order. A veto refuses at once.
    """
    votes = state.votes_of(step)
    refused = [task for task in votes if task.status == "refused"]
    verdicts = seats(votes)
    yes = verdicts.count("yes")
    pending = verdicts.count("pending") + len(step.queue)
    if any(voter(task) in step.veto for task in refused) or (step.plan.refuse == "first" and refused):
        return "refused"
    if yes >= step.need:
        return "passed"
    hopeless = pending == 0 if step.plan.refuse == "all" else yes + pending < step.need
    return "refused" if hopeless else "open"


def seat_of(task: Task) -> int:
    """Return the number of the seat a task counts for."""
    return task.seat or task.number


def stands_in(other: Task, task: Task) -> bool:
    """Return whether either of two tasks may be decided in place of the other."""
    return (other.instead or other.number) == (task.instead or task.number)


def voter(task: Task) -> int:
    """Return whose vote a task is: its holder's, also when a deputy gave it."""
    return task.person.id


def seats(votes: Sequence[Task]) -> list[Verdict]:
    """Return what each seat says; those that nobody sits on any more are left out."""
    found: dict[int, list[Task]] = {}
    for task in votes:
        found.setdefault(seat_of(task), []).append(task)
    return [verdict for verdict in map(_verdict, found.values()) if verdict != "gone"]


def size_of(state: ApprovalState, step: Step) -> int:
    """Return how many seats a step has now, those not yet asked included."""
    return len(seats(state.votes_of(step))) + len(step.queue)


def is_ready(state: ApprovalState, task: Task) -> bool:
    """Return whether everybody a waiting task waits for has approved."""
    return task.status == "waiting" and all(_approved(state, number) for number in task.after)


def _approved(state: ApprovalState, number: int) -> bool:
    """Whether a task was approved, or the one that may be decided in its place."""
    asked = state.find_task(number)
    group = (asked.instead or asked.number) if asked is not None else number
    votes = (task for task in state.tasks if task.kind != "consult" and task.status in _YES)
    return any((task.instead or task.number) == group for task in votes)


def _verdict(tasks: Sequence[Task]) -> Verdict:
    counted = [task.status for task in tasks if task.status not in _GONE]
    if "refused" in counted:
        return "no"
    if "open" in counted or "waiting" in counted:
        return "pending"
    return "yes" if any(status in _YES for status in counted) else "gone"
