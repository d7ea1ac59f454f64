"""What happens to tasks: the folds of their events.

Enters: a state and the data of an event. Leaves: the next state. Must not guess, as ``fold`` does not.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from engine.workflow.approval.changing import expect_step, find_open_task, find_pending_task, with_step, with_task
from engine.workflow.approval.evolving import evolve
from engine.workflow.approval.plan import read_person
from engine.workflow.approval.state import ApprovalState, Task, TaskStatus
from engine.workflow.approval.votes import stands_in

Data = Mapping[str, Any]


def moment(data: Data) -> datetime:
    """Return when an event happened."""
    return datetime.fromisoformat(data["at"])


def _task_opened(state: ApprovalState, data: Data) -> ApprovalState:
    step = expect_step(state, data["step"], "open")
    task = _new_task(state, data)
    queue = tuple(person for person in step.queue if person.id != task.person.id)
    earlier = state.find_task(data.get("again", 0))
    if earlier is not None:
        state = _with_after(state, {earlier.number: (task.number,)})
        task = evolve(task, after=earlier.after, status=data.get("status", "open"), again=earlier.number)
    return evolve(with_step(state, evolve(step, queue=queue)), tasks=(*state.tasks, task))


def _asked(state: ApprovalState, data: Data) -> ApprovalState:
    """A task that waited for others is open (again)."""
    task = state.find_task(data["task"])
    if task is None or task.status != "waiting":
        raise ValueError(f"task {data['task']} is not waiting")
    return with_task(state, evolve(task, status="open"))


def _decided(state: ApprovalState, data: Data) -> ApprovalState:
    task = find_open_task(state, data["task"])
    at = moment(data)
    decided = evolve(
        task,
        status=_DECIDED[data["decision"]],
        closed_at=at,
        reason=data["reason"],
        content=data["content"],
        cites=data["cites"],
        decided_by=read_person(data["by"]) if data.get("by") else None,
        by_rule=data.get("rule", ""),
        signature=data.get("signature"),
    )
    return _close_beside(with_task(state, decided), decided, at)


def _close_beside(state: ApprovalState, task: Task, at: datetime) -> ApprovalState:
    """Close what the answer makes superfluous: who may decide instead, and who was only asked for advice."""
    for other in state.tasks:
        still = other.number != task.number and other.status in ("open", "waiting")
        if still and (stands_in(other, task) or other.asked_by == task.number):
            state = with_task(state, evolve(other, status="closed", closed_at=at))
    return state


def _closed(state: ApprovalState, data: Data) -> ApprovalState:
    """Some are no longer asked: the others of a seat that refused, or whoever was to advise one of them."""
    for number in data["tasks"]:
        task = find_pending_task(state, number)
        state = with_task(state, evolve(task, status="closed", closed_at=moment(data), closed_by=data["by"]))
    return state


def _transferred(state: ApprovalState, data: Data) -> ApprovalState:
    task = find_open_task(state, data["from"])
    new = evolve(
        _new_task(state, data),
        step=task.step,
        due=task.due,
        moments=task.moments,
        fired=task.fired,
        came_from=task.number,
        seat=task.seat or task.number,
        after=task.after,
        instead=task.instead,
        kind=task.kind,
        asked_by=data.get("asked_by"),
        question=data.get("question", ""),
    )
    old = evolve(task, status="transferred", closed_at=new.opened_at, reason=data["reason"], went_to=new.person.name)
    state = _with_after(with_task(state, old), {task.number: (new.number,)})
    for other in state.tasks:
        if other.instead == task.number:
            state = with_task(state, evolve(other, instead=new.number))
        elif other.asked_by == task.number and other.status == "open":
            state = with_task(state, evolve(other, status="closed", closed_at=new.opened_at))
    return evolve(state, tasks=(*state.tasks, new))


def _added(state: ApprovalState, data: Data) -> ApprovalState:
    """People decide before a task or after it (加签); all of them are one vote with it."""
    task = find_open_task(state, data["to"])
    before = data["where"] == "before"
    step = state.step(task.step)
    added: list[Task] = []
    for one in data["tasks"]:
        new = _new_task(state, one | {"step": task.step, "at": data["at"]}, number=len(state.tasks) + 1 + len(added))
        after = task.after if before else (task.number,)
        status: TaskStatus = "open" if before else "waiting"
        seat = task.seat or task.number
        added.append(evolve(new, seat=seat, after=after, status=status, kind=task.kind, turn=step.turn))
    numbers = tuple(one.number for one in added)
    if before:
        state = with_task(state, evolve(task, status="waiting", after=(*task.after, *numbers)))
    else:
        state = _with_after(state, {task.number: (task.number, *numbers)})
    return evolve(state, tasks=(*state.tasks, *added))


def _with_after(state: ApprovalState, become: Mapping[int, tuple[int, ...]]) -> ApprovalState:
    """Let whatever waits for a task wait for others in its place."""
    for task in state.tasks:
        if any(number in become for number in task.after):
            after = tuple(new for number in task.after for new in become.get(number, (number,)))
            state = with_task(state, evolve(task, after=after))
    return state


def _removed(state: ApprovalState, data: Data) -> ApprovalState:
    task = find_pending_task(state, data["task"])
    by = read_person(data["by"])
    gone = evolve(task, status="removed", closed_at=moment(data), reason=data["reason"], went_to=by.name)
    state = with_task(state, gone)
    # In a log of before, whoever could decide in its place was no longer asked either.
    state = _close_advice(state, gone) if "heir" in data else _close_beside(state, gone, moment(data))
    heir = (data["heir"],) if data.get("heir") else ()
    state = _with_after(state, {gone.number: heir})
    return with_step(state, evolve(state.step(task.step), need=data["need"]))


def _close_advice(state: ApprovalState, gone: Task) -> ApprovalState:
    for other in state.tasks:
        if other.asked_by == gone.number and other.status == "open":
            state = with_task(state, evolve(other, status="closed", closed_at=gone.closed_at))
    return state


def _claimed(state: ApprovalState, data: Data) -> ApprovalState:
    """One of a pool takes it; the others are no longer asked."""
    task = find_open_task(state, data["task"])
    step = state.step(task.step)
    for other in state.votes_of(step):
        if other.status == "open" and other.number != task.number:
            state = with_task(state, evolve(other, status="closed", closed_at=moment(data)))
    return with_step(state, evolve(step, claimed=task.seat or task.number))


def _consulted(state: ApprovalState, data: Data) -> ApprovalState:
    task = find_open_task(state, data["from"])
    new = evolve(_new_task(state, data), step=task.step, kind="consult", asked_by=task.number)
    return evolve(state, tasks=(*state.tasks, evolve(new, question=data["question"])))


def _answered(state: ApprovalState, data: Data) -> ApprovalState:
    task = find_open_task(state, data["task"])
    return with_task(state, evolve(task, status="done", closed_at=moment(data), reason=data["text"]))


def _retracted(state: ApprovalState, data: Data) -> ApprovalState:
    task = state.find_task(data["task"])
    if task is None or not task.decided:
        raise ValueError(f"task {data['task']} was not decided")
    for other in state.tasks:
        if other.closed_by == task.number or (task.number in other.after and other.status == "open"):
            state = with_task(state, evolve(other, status="waiting", closed_at=None, closed_by=None))
    return with_task(state, evolve(task, status="retracted", reason=data["reason"] or task.reason))


def _late_fired(state: ApprovalState, data: Data) -> ApprovalState:
    task = find_open_task(state, data["task"])
    return with_task(state, evolve(task, fired=(*task.fired, data["rule"])))


def _escalated(state: ApprovalState, data: Data) -> ApprovalState:
    """Somebody is asked as well: the first answer of the two is the answer."""
    task = find_open_task(state, data["from"])
    new = evolve(
        _new_task(state, data),
        step=task.step,
        kind=task.kind,
        seat=task.seat or task.number,
        after=task.after,
        instead=task.instead or task.number,
        due=task.due,
    )
    return evolve(state, tasks=(*state.tasks, new))


def _new_task(state: ApprovalState, data: Data, *, number: int | None = None) -> Task:
    if data["task"] != (number or len(state.tasks) + 1):
        raise ValueError(f"task {data['task']} follows task {len(state.tasks)}")
    step = data.get("step", "")
    source = data.get("from")
    origin = state.find_task(source) if source is not None else None
    key = step or (origin.step if origin is not None else "")
    return Task(
        number=data["task"],
        step=step,
        person=read_person(data["person"]),
        opened_at=moment(data),
        due=datetime.fromisoformat(data["due"]) if data.get("due") else None,
        turn=max(1, state.step(key).turn) if key else 1,
        seat=data.get("seat", 0),
        kind=data.get("kind", "decide"),
        moments=tuple((rule, datetime.fromisoformat(at)) for rule, at in data.get("moments", ())),
    )


_DECIDED: Mapping[str, TaskStatus] = {
    "approve": "approved",
    "refuse": "refused",
    "return": "returned",
    "complete": "done",
}
TASK_FOLDS: Mapping[str, Callable[[ApprovalState, Data], ApprovalState]] = {
    "task_opened": _task_opened,
    "asked": _asked,
    "decided": _decided,
    "closed": _closed,
    "transferred": _transferred,
    "added": _added,
    "removed": _removed,
    "claimed": _claimed,
    "consulted": _consulted,
    "answered": _answered,
    "retracted": _retracted,
    "late_fired": _late_fired,
    "escalated": _escalated,
}
