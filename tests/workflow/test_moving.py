"""20: a running approval moved to other rules, over random definitions, random runs and random changes.

Hypothesis prints the seed of a run that breaks a promise.
"""

import os
import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.workflow.approval.moving import TIMERS, Chosen, Moving, move
from engine.workflow.approval.plan import StepPlan
from engine.workflow.approval.state import ApprovalState
from engine.workflow.approval.world import Refusal, Submission
from tests.workflow.people_world import NOON, STARTER, People, Run, block, person, plan
from tests.workflow.promises import check
from tests.workflow.random_definitions import make_definition, vary
from tests.workflow.random_plays import ACTIONS, Play

GOING_ON = [one for one in ACTIONS if one not in ("withdraw", "terminate", "refuse", "leave", "resubmit")]


def submission(plans: Sequence[StepPlan], state: ApprovalState, content: str = "hash") -> Submission:
    rules = {"return": {"to": ["starter", "done_step"], "then": "replay"}}
    return Submission(
        "quote", state.round, person(STARTER), content, tuple(plans), duplicate=state.duplicate, rules=rules
    )


def judged(run: Run, given_: Submission, world: People, chosen: Chosen) -> Moving | None:
    return move(run.state, given_, world, chosen, by=person(99), release=2, at=run.tick())


@settings(max_examples=int(os.environ.get("FORMWORK_TEST_EXAMPLES", "120")), deadline=None)
@given(
    seed=st.integers(0, 2**32),
    timers=st.sampled_from(TIMERS),
)
def test_every_promise_holds_after_a_move_and_for_all_that_follows(seed: int, timers: Any) -> None:
    dice = random.Random(seed)
    play = Play(make_definition(dice), dice)
    for _ in range(2):
        for _ in range(dice.randint(0, 8)):
            play.act(dice.choice(GOING_ON), dice)
        before, length = play.state, len(play.log)
        if not before.running:
            return
        play.definition = vary(play.definition, dice)
        try:
            found = play.judge_move(Chosen(timers=timers))
        except Refusal as refusal:
            assert refusal.kind == "late" and len(play.log) == length
            return
        if found is None:
            continue
        play.keep(found.events)
        check(play.log, play.state)
        check_moved(before, play.state, found, play.definition.planned(play.values))
        again = play.judge_move(Chosen()) if play.state.running else None
        assert again is None, again
        for _ in range(dice.randint(0, 8)):
            play.act(dice.choice(GOING_ON), dice)
            check(play.log, play.state)
    play.finish()
    check(play.log, play.state)


def check_moved(before: ApprovalState, after: ApprovalState, found: Moving, plans: Sequence[StepPlan]) -> None:
    """What is told is what became: of each step, and of each person asked."""
    told = {one.step: one for one in found.steps}
    written = {one.key: one for one in plans}
    new = [task for task in after.tasks if task.number > len(before.tasks)]
    assert found.approves == (after.status == "approved")
    for task in new:
        assert task.person.name in told[task.step].people
        assert told[task.step].fate in ("asked", "again")
    for old, now in zip(before.tasks, after.tasks, strict=False):
        step = told.get(now.step)
        if old.status != "open" or not after.running:
            continue
        if now.status == "open":
            assert now.person == old.person
            assert step is not None and step.fate == "open"
        else:
            assert step is not None and step.fate in ("again", "gone", "left_out"), (old, step)
            assert old.kind == "consult" or old.person.name in (*step.lost, *step.people)
    for step in after.steps:
        if not step.gone:
            assert step.plan.label == written[step.key].label


def test_what_agrees_already_is_not_moved() -> None:
    run = Run(People({"a": (1,), "b": (2,)}), plan("a"), plan("b"))
    assert judged(run, replace(submission([plan("a"), plan("b")], run.state), rules={}), run.world, Chosen()) is None


def test_what_stands_still_and_would_stand_still_under_the_same_rules_is_not_moved() -> None:
    run = Run(People({"a": ()}), plan("a"))
    assert run.state.stranded is not None
    given_ = replace(submission([plan("a")], run.state), rules={})
    assert judged(run, given_, run.world, Chosen()) is None
    other = judged(run, replace(given_, withdraw="never"), run.world, Chosen())
    assert other is not None
    run.keep(other.events)
    assert run.state.stranded is not None


def test_a_branch_that_came_is_walked_while_its_block_is_open_and_one_that_went_is_not() -> None:
    world = People({"a": (1,), "b": (2,), "c": (3,)})
    run = Run(world, block("k", ("x", True), ("y", True)), plan("a", within="k.x"), plan("b", within="k.y"))
    other = [block("k", ("x", True), ("z", True)), plan("a", within="k.x"), plan("c", within="k.z")]
    found = judged(run, submission(other, run.state), world, Chosen())
    assert found is not None and not found.approves
    run.keep(found.events)
    assert run.waiting == [1, 3]
    run.say(1)
    run.say(3)
    assert run.state.status == "approved"


def test_a_block_that_was_done_is_entered_again_when_something_in_it_is_to_be_done() -> None:
    world = People({"a": (1,), "b": (2,), "c": (3,), "d": (4,)})
    run = Run(world, block("k", ("x", True)), plan("a", within="k.x"), plan("c"))
    run.say(1)
    assert run.waiting == [3]
    other = [block("k", ("x", True)), plan("a", within="k.x"), plan("b", within="k.x"), plan("c")]
    found = judged(run, submission(other, run.state), world, Chosen())
    assert found is not None
    run.keep(found.events)
    assert run.waiting == [3, 2]
    run.say(3)
    assert run.state.running
    run.say(2)
    assert run.state.status == "approved"


def test_a_step_that_is_gone_comes_back_unanswered() -> None:
    world = People({"a": (1,), "b": (2,)})
    run = Run(world, plan("a"), plan("b"))
    run.say(1)
    for steps in ([plan("b")], [plan("a"), plan("b")]):
        found = judged(run, submission(steps, run.state), world, Chosen())
        assert found is not None
        run.keep(found.events)
    assert run.waiting == [2, 1]
    assert [task.status for task in run.state.tasks_of("a")] == ["approved", "open"]


def test_a_step_that_finds_nobody_is_refused() -> None:
    run = Run(People({"a": (1,)}), plan("a"))
    with pytest.raises(Refusal) as refused:
        judged(run, submission([plan("b")], run.state), People({"b": ()}), Chosen())
    assert refused.value.code == "migrate.nobody"


def test_a_step_that_became_another_keeps_whoever_holds_it() -> None:
    world = People({"a": (1,), "b": (2,)})
    run = Run(world, plan("a", who=({"ids": [1]},)))
    found = judged(run, submission([plan("b", who=({"ids": [2]},))], run.state), world, Chosen({"a": "b"}))
    assert found is not None
    run.keep(found.events)
    assert (run.waiting, run.state.open_tasks[0].step, run.at > NOON) == ([1], "b", True)
