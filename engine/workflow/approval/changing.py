"""The few ways a state changes, which the folds of events are made of.

Enters: a state. Leaves: the next one. Must not know events.
"""

from datetime import datetime

from engine.workflow.approval import flow
from engine.workflow.approval.evolving import evolve
from engine.workflow.approval.state import ApprovalState, Step, StepStatus, Task


def with_step(state: ApprovalState, step: Step) -> ApprovalState:
    """Return the state with one step replaced."""
    return evolve(state, steps=tuple(step if item.key == step.key else item for item in state.steps))


def with_task(state: ApprovalState, task: Task) -> ApprovalState:
    """Return the state with one task replaced."""
    return evolve(state, tasks=tuple(task if item.number == task.number else item for item in state.tasks))


def expect_step(state: ApprovalState, key: str, *allowed: StepStatus) -> Step:
    """Return a step in one of these states; ``ValueError`` when it is in another."""
    step = state.step(key)
    if step.status not in allowed:
        raise ValueError(f"step {step.key} is {step.status}")
    return step


def find_open_task(state: ApprovalState, number: int) -> Task:
    """Return an open task; ``ValueError`` when it is not open."""
    task = state.find_task(number)
    if task is None or task.status != "open":
        raise ValueError(f"task {number} is not open")
    return task


def find_pending_task(state: ApprovalState, number: int) -> Task:
    """Return a task that is open or waits for others; ``ValueError`` when it is neither."""
    task = state.find_task(number)
    if task is None or task.status not in ("open", "waiting"):
        raise ValueError(f"task {number} is not open")
    return task


def close_step(state: ApprovalState, step: Step, status: StepStatus, at: datetime) -> ApprovalState:
    """Close a step and whatever is still open in it."""
    state = with_step(state, evolve(step, status=status, queue=(), closed_at=at))
    for task in state.tasks_of(step.key):
        if task.status in ("open", "waiting"):
            state = with_task(state, evolve(task, status="closed", closed_at=at))
    return state


def reset_after(state: ApprovalState, key: str, at: datetime, *, keep_passed: bool) -> ApprovalState:
    """Plan anew every step that comes after one; nothing of them stays open."""
    for step in flow.steps_after(state, key):
        if not (keep_passed and step.status in ("passed", "skipped")):
            state = plan_anew(state, step, at)
    return state


def void_votes(state: ApprovalState, at: datetime) -> ApprovalState:
    """Plan anew every step that holds an approval of other content than the present; done work stays done."""
    for key in [step.key for step in state.steps]:
        step = state.step(key)
        votes = state.votes_of(step)
        asks = step.plan.kind == "people" and not step.gone
        if asks and step.status in ("passed", "open") and _is_outdated(state, votes):
            state = plan_anew(state, step, at)
            for block in flow.blocks_of(state, step):
                if block.status == "passed":
                    state = with_step(state, evolve(block, status="planned", closed_at=None))
    return state


def plan_anew(state: ApprovalState, step: Step, at: datetime) -> ApprovalState:
    """Let a step be entered again when its turn comes; what was said in it no longer counts."""
    state = close_step(state, step, "closed", at)
    return with_step(state, evolve(state.step(step.key), status="planned", closed_at=None, why=""))


def _is_outdated(state: ApprovalState, votes: tuple[Task, ...]) -> bool:
    return any(task.status in ("approved", "refused") and task.content != state.content for task in votes)
