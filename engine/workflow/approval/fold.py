"""From the events of an approval to its state; every release reads the logs of every release before it.

Enters: events (plain JSON data) in the order they happened. Leaves: a frozen ``ApprovalState``. Must not guess: a log
that contradicts itself is refused.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from engine.workflow.approval import flow
from engine.workflow.approval.changing import (
    close_step,
    expect_step,
    find_pending_task,
    reset_after,
    void_votes,
    with_step,
    with_task,
)
from engine.workflow.approval.evolving import evolve
from engine.workflow.approval.moving_fold import migrated
from engine.workflow.approval.plan import read_person, read_plan
from engine.workflow.approval.state import (
    ApprovalState,
    Comment,
    Copy,
    Event,
    Step,
    StepStatus,
    Urge,
)
from engine.workflow.approval.task_folds import TASK_FOLDS, moment

Data = Mapping[str, Any]
_AFTER_THE_END = ("commented", "copied", "revoked")


def fold(events: Iterable[Event]) -> ApprovalState:
    """Return the state the events lead to; ``ValueError`` when they do not begin with ``started``."""
    state: ApprovalState | None = None
    for event in events:
        state = apply(state, event)
    if state is None:
        raise ValueError("an approval without events has no state")
    return state


def apply(state: ApprovalState | None, event: Event) -> ApprovalState:
    """Return the state after one event. A log that contradicts itself raises ``ValueError``: it is never guessed at."""
    if event.type == "started":
        if state is not None:
            raise ValueError("an approval starts once")
        return _started(event.data)
    if state is None:
        raise ValueError(f"{event.type} before started")
    if event.type not in _FOLDS:
        raise ValueError(f"unknown event {event.type}")
    if not state.running and event.type not in _AFTER_THE_END:
        raise ValueError(f"{event.type} after the approval ended")
    return _FOLDS[event.type](state, event.data)


def _started(data: Data) -> ApprovalState:
    return ApprovalState(
        approval=data["approval"],
        round=data["round"],
        starter=read_person(data["starter"]),
        started_at=moment(data),
        content=data["content"],
        self_=data["self"],
        duplicate=data["duplicate"],
        withdraw=data["withdraw"],
        empty=tuple(data["empty"]),
        origin=data["origin"],
        steps=tuple(Step(read_plan(item)) for item in data["steps"]),
        rules=data.get("rules") or {},
        parent=data.get("parent"),
    )


def _auto_passed(state: ApprovalState, data: Data) -> ApprovalState:
    return evolve(state, auto_note=data["note"])


# ---- steps


def _step_opened(state: ApprovalState, data: Data) -> ApprovalState:
    people = tuple(read_person(item) for item in data["people"])
    step = expect_step(state, data["step"], "planned", "stranded")
    opened = evolve(
        step,
        status="open",
        people=people,
        queue=people,
        need=data["need"],
        opened_at=moment(data),
        closed_at=None,
        why="",
        turn=step.turn + 1,
        veto=tuple(data.get("veto", ())),
        claimed=None,
    )
    return with_step(state, opened)


def _step_skipped(state: ApprovalState, data: Data) -> ApprovalState:
    step = expect_step(state, data["step"], "planned", "stranded")
    return with_step(state, evolve(step, status="skipped", why=data["why"], closed_at=moment(data)))


def _stranded(state: ApprovalState, data: Data) -> ApprovalState:
    step = expect_step(state, data["step"], "planned", "stranded")
    return with_step(state, evolve(step, status="stranded", why=data["why"]))


def _step_passed(state: ApprovalState, data: Data) -> ApprovalState:
    return _step_over(state, data, "passed")


def _step_refused(state: ApprovalState, data: Data) -> ApprovalState:
    return _step_over(state, data, "refused")


def _step_over(state: ApprovalState, data: Data, status: StepStatus) -> ApprovalState:
    step = evolve(expect_step(state, data["step"], "open"), sent_back=False)
    return close_step(state, step, status, moment(data))


def _went_back(state: ApprovalState, data: Data) -> ApprovalState:
    """A step is entered again; with ``jump`` what had passed after it stays passed, else all is asked again."""
    at = moment(data)
    state = reset_after(state, data["step"], at, keep_passed=data["then"] == "jump")
    state = close_step(state, state.step(data["step"]), "closed", at)
    planned = evolve(_planned(state.step(data["step"])), sent_back=True)
    return _reopen_blocks(with_step(state, planned), data["step"])


def _reopened(state: ApprovalState, data: Data) -> ApprovalState:
    """An answer was taken back: its step is open again, and nothing after it has begun."""
    at = moment(data)
    state = reset_after(state, data["step"], at, keep_passed=False)
    step = evolve(state.step(data["step"]), status="open", closed_at=None)
    if "queue" in data:
        step = evolve(step, queue=tuple(read_person(one) for one in data["queue"]))
        for number in data["closes"]:
            state = with_task(state, evolve(find_pending_task(state, number), status="closed", closed_at=at))
    elif step.plan.decide == "in_order":  # a log of before, which did not say who is asked later
        waiting = [task for task in state.votes_of(step) if task.status == "open"]
        step = evolve(step, queue=(*(task.person for task in waiting), *step.queue))
        for task in waiting:
            state = with_task(state, evolve(task, status="closed", closed_at=at))
    return _reopen_blocks(with_step(state, step), data["step"])


def _reopen_blocks(state: ApprovalState, key: str) -> ApprovalState:
    for block in flow.blocks_of(state, state.step(key)):
        state = with_step(state, evolve(block, status="open", closed_at=None))
    return state


def _planned(step: Step) -> Step:
    return evolve(step, status="planned", queue=(), closed_at=None, why="")


def _replanned(state: ApprovalState, data: Data) -> ApprovalState:
    """Conditions of steps to come were read again, after values were filled in."""
    for key, applies in data["applies"].items():
        block, _, branch = key.rpartition(".")
        step = expect_step(state, block or key, "planned")
        if block:
            branches = tuple(evolve(one, applies=applies) if one.key == key else one for one in step.plan.branches)
            state = with_step(state, evolve(step, plan=evolve(step.plan, branches=branches)))
        else:
            state = with_step(state, evolve(step, plan=evolve(step.plan, applies=applies)))
    return state


def _content_changed(state: ApprovalState, data: Data) -> ApprovalState:
    return void_votes(evolve(state, content=data["content"]), moment(data))


# ---- what decides nothing, and the end


def _commented(state: ApprovalState, data: Data) -> ApprovalState:
    mentions = tuple(read_person(one) for one in data.get("mentions", ()))
    comment = Comment(read_person(data["person"]), moment(data), data["text"], mentions)
    return evolve(state, comments=(*state.comments, comment))


def _copied(state: ApprovalState, data: Data) -> ApprovalState:
    by = read_person(data["by"]) if data.get("by") else None
    copies = tuple(Copy(read_person(one), moment(data), data["point"], by) for one in data["people"])
    return evolve(state, copies=(*state.copies, *copies))


def _urged(state: ApprovalState, data: Data) -> ApprovalState:
    return evolve(state, urges=(*state.urges, Urge(read_person(data["person"]), moment(data))))


def _ended(state: ApprovalState, data: Data) -> ApprovalState:
    at = moment(data)
    for step in state.steps:
        if step.status in ("planned", "open", "stranded"):
            state = close_step(state, step, "closed", at)
    by = read_person(data["by"]) if data["by"] else None
    return evolve(
        state,
        status=data["status"],
        ended_at=at,
        ended_by=by,
        ended_reason=data["reason"],
        returned_by=data.get("step", ""),
    )


def _revoked(state: ApprovalState, data: Data) -> ApprovalState:
    if state.status != "approved":
        raise ValueError(f"an approval that is {state.status} cannot be revoked")
    return evolve(state, status="revoked")


_FOLDS: Mapping[str, Callable[[ApprovalState, Data], ApprovalState]] = {
    "auto_passed": _auto_passed,
    "step_opened": _step_opened,
    "step_skipped": _step_skipped,
    "stranded": _stranded,
    "step_passed": _step_passed,
    "step_refused": _step_refused,
    "went_back": _went_back,
    "reopened": _reopened,
    "replanned": _replanned,
    "content_changed": _content_changed,
    "migrated": migrated,
    **TASK_FOLDS,
    "commented": _commented,
    "copied": _copied,
    "urged": _urged,
    "ended": _ended,
    "revoked": _revoked,
}
