"""The promises of approvals as they are checked after every action of a run, each by its number."""

import json
from collections.abc import Sequence
from dataclasses import replace

from engine.workflow.approval import flow
from engine.workflow.approval.fold import apply, fold
from engine.workflow.approval.state import ANSWERS, ApprovalState, Event, Step
from engine.workflow.approval.votes import is_ready, seat_of


def check(log: Sequence[Event], state: ApprovalState) -> None:
    check_fold(log, state)
    check_decisions(log, state)
    check_orphans(state)
    check_quorum(state)
    check_citations(state)
    check_joins(log, state)
    check_order(state)
    check_one_vote(state)


def check_fold(log: Sequence[Event], state: ApprovalState) -> None:
    """1: one event at a time, all at once, and after a reload from JSON."""
    step_wise: ApprovalState | None = None
    for event in log:
        step_wise = apply(step_wise, Event(event.type, json.loads(json.dumps(event.data))))
    assert step_wise == state == fold(log)


def check_decisions(log: Sequence[Event], state: ApprovalState) -> None:
    """2 and 8: a task is decided once, by its holder; the starter never is one."""
    decided = [event.data["task"] for event in log if event.type == "decided"]
    assert len(decided) == len(set(decided))
    assert all(task.person.id != state.starter.id for task in state.tasks if task.kind != "consult")


def check_orphans(state: ApprovalState) -> None:
    """5: what runs waits for somebody or says that it is stranded, in every branch; what ended waits for nobody."""
    if state.running:
        running = list(flow.next_steps(state))
        assert running
        assert all(is_going_on(state, step) for step in running), [step.key for step in running]
    else:
        assert not state.open_tasks
        assert all(step.over or step.status == "planned" for step in state.steps)
    for task in state.tasks:
        if task.status == "waiting":
            assert any(other.status in ("open", "waiting") for other in state.tasks if other.number in task.after)
        if task.status in ("open", "waiting"):
            step = state.step(task.step)
            assert step.status == "open"
            assert task.turn == step.turn or task.kind == "consult"


def is_going_on(state: ApprovalState, step: Step) -> bool:
    if step.status != "open":
        return step.status == "stranded"
    if step.plan.kind == "parallel":
        return not flow.is_joined(state, step)
    return step.plan.kind == "call" or any(task.status == "open" for task in state.votes_of(step))


def check_order(state: ApprovalState) -> None:
    """7: nobody is asked before those they wait for have approved, and advice is asked for by somebody who is asked."""
    for task in state.open_tasks:
        if task.kind == "consult":
            asker = state.find_task(task.asked_by or 0)
            assert asker is not None
            assert asker.status in ("open", "waiting")
        else:
            assert is_ready(state, replace(task, status="waiting"))


def check_one_vote(state: ApprovalState) -> None:
    """9: nobody sits twice in one step nor is asked twice, and of a pool only the seat that was taken is asked."""
    for step in state.steps:
        asked = [task.person.id for task in state.tasks_of(step.key) if task.status == "open"]
        assert len(asked) == len(set(asked)), asked
        votes = [task for task in state.votes_of(step) if task.status in ("open", "waiting", *ANSWERS)]
        people = [task.person.id for task in votes]
        assert len(people) == len(set(people)), people
        if step.claimed is not None and step.status == "open":
            assert {seat_of(task) for task in votes if task.status == "open"} <= {step.claimed}


def check_quorum(state: ApprovalState) -> None:
    """6, 7 and 14: counted plainly, seat by seat, over the votes of the last turn; all about the same content."""
    for step in state.steps:
        if step.plan.kind != "people" or step.status not in ("open", "passed", "refused"):
            continue
        yes, no, pending = count_plainly(state, step.key)
        assert step.need >= 1
        if step.status == "passed":
            assert yes >= step.need
            votes = [task for task in state.votes_of(step) if task.status == "approved"]
            assert {task.content for task in votes} == {state.content}
        elif step.status == "refused":
            assert no
            assert step.plan.refuse == "first" or yes + pending < step.need
        else:
            assert yes < step.need
            assert not (step.plan.refuse == "first" and no)
            assert yes + pending >= step.need or (step.plan.refuse == "all" and pending)


def count_plainly(state: ApprovalState, key: str) -> tuple[int, int, int]:
    step = state.step(key)
    live: dict[int, list[str]] = {}
    for task in state.tasks:
        if task.step == key and task.turn == step.turn and task.kind == "decide":
            said = live.setdefault(task.seat or task.number, [])
            if task.status not in ("transferred", "removed", "retracted") and not (
                task.status == "closed" and step.status != "refused"
            ):
                said.append(task.status)
    no = sum("refused" in said for said in live.values())
    yes = sum(bool(said) and set(said) == {"approved"} for said in live.values())
    pending = sum("refused" not in said and {"open", "waiting"} & set(said) != set() for said in live.values())
    return yes, no, pending + len(step.queue)


def check_citations(state: ApprovalState) -> None:
    """10: what passed as a duplicate cites a real approval of the same person and content."""
    for task in state.tasks:
        if task.cites is not None:
            cited = state.tasks[task.cites - 1]
            assert cited.decided or cited.status == "retracted" or cited.status == "approved"
            assert (cited.person.id, cited.content) == (task.person.id, task.content)


def check_joins(log: Sequence[Event], state: ApprovalState) -> None:
    """23: a block passes only when every branch taken is done, once for every time it was entered."""
    current: ApprovalState | None = None
    for event in log:
        if current is not None and event.type == "step_passed":
            step = current.step(event.data["step"])
            if step.plan.kind == "parallel":
                assert flow.is_joined(current, step)
        current = apply(current, event)
    for step in state.steps:
        opened = sum(event.type == "step_opened" and event.data["step"] == step.key for event in log)
        passed = sum(event.type == "step_passed" and event.data["step"] == step.key for event in log)
        again = sum(event.type in ("reopened", "went_back") for event in log)
        assert passed <= opened + again
