"""Where a step stands among the others: what comes before it, after it, beside it, and what is to be opened next.

Enters: a state. Leaves: steps. Must not decide what opens: ``draft`` does.

The steps of an approval are one sequence, named ``""``; each branch of a parallel step is a sequence of its own, named
``step.branch``. A block is done when every branch taken is done, so its successor opens once, whatever the order.
"""

from collections.abc import Iterator

from engine.workflow.approval.state import ApprovalState, Step


def next_steps(state: ApprovalState) -> Iterator[Step]:
    """Yield the first step that is not over of every sequence that is running, outer sequences first."""
    for sequence in _running_sequences(state, ""):
        step = next((one for one in steps_in(state, sequence) if not one.over), None)
        if step is not None:
            yield step


def steps_in(state: ApprovalState, sequence: str) -> tuple[Step, ...]:
    """Return the steps of one sequence, in order; those that are gone stand in none."""
    return tuple(step for step in state.steps if step.plan.within == sequence and not step.gone)


def is_joined(state: ApprovalState, block: Step) -> bool:
    """Return whether every branch taken of a parallel step is done."""
    branches = [branch.key for branch in block.plan.branches if branch.applies]
    return all(step.over for key in branches for step in steps_in(state, key))


def is_done(state: ApprovalState) -> bool:
    """Return whether no step is left."""
    return all(step.over for step in steps_in(state, ""))


def steps_after(state: ApprovalState, key: str) -> tuple[Step, ...]:
    """Return every step that comes after one: in its own sequence, and after the blocks it stands in.

    Steps of branches beside it are not after it; the steps inside a later block are.
    """
    found: list[Step] = []
    step = _walked(state, key)
    while step is not None:
        row = steps_in(state, step.plan.within)
        for later in row[row.index(step) + 1 :]:
            found += [later, *steps_inside(state, later.key)]
        step = block_of(state, step)
    return tuple(found)


def steps_before(state: ApprovalState, key: str) -> tuple[Step, ...]:
    """Return every step that comes before one, in the order of the definition; none of a branch beside it."""
    later = {one.key for one in steps_after(state, key)}
    step = _walked(state, key)
    found: set[str] = set()
    while step is not None:
        row = steps_in(state, step.plan.within)
        for earlier in row[: row.index(step)]:
            found |= {earlier.key, *(inner.key for inner in steps_inside(state, earlier.key))}
        step = block_of(state, step)
    return tuple(one for one in state.steps if one.key in found - later)


def steps_inside(state: ApprovalState, key: str) -> tuple[Step, ...]:
    """Return every step inside a parallel step, at any depth."""
    inner = [step for branch in state.step(key).plan.branches for step in steps_in(state, branch.key)]
    return tuple(found for step in inner for found in (step, *steps_inside(state, step.key)))


def block_of(state: ApprovalState, step: Step) -> Step | None:
    """Return the parallel step a step stands in."""
    within = step.plan.within
    return state.step(within.rpartition(".")[0]) if within else None


def blocks_of(state: ApprovalState, step: Step) -> tuple[Step, ...]:
    """Return the parallel steps a step stands in, the inmost first."""
    found: list[Step] = []
    block = block_of(state, step)
    while block is not None:
        found.append(block)
        block = block_of(state, block)
    return tuple(found)


def _walked(state: ApprovalState, key: str) -> Step | None:
    """Return a step, unless it is gone: nothing comes before such a one or after it."""
    step = state.step(key)
    return None if step.gone else step


def _running_sequences(state: ApprovalState, sequence: str) -> Iterator[str]:
    yield sequence
    for step in steps_in(state, sequence):
        if step.status == "open":
            for branch in step.plan.branches:
                if branch.applies:
                    yield from _running_sequences(state, branch.key)


def calling(state: ApprovalState) -> dict[str, int]:
    """Return the steps that wait for another approval, each with how often it was entered."""
    return {step.key: step.turn for step in state.steps if step.plan.kind == "call" and step.status == "open"}
