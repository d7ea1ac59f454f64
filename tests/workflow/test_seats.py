"""What a seat says when it refuses, when somebody leaves it, and when an answer in it is taken back."""

from datetime import timedelta

import pytest

from engine.workflow.approval.going_back import can_retract, run_late
from engine.workflow.approval.plan import LatePlan
from engine.workflow.approval.world import Refusal
from tests.workflow.people_world import NOON, People, Run, block, person, plan


def escalated(run: Run, task: int) -> None:
    run.keep(run_late(run.state, run.world, task=task, rule="soon", at=NOON + timedelta(hours=1)))


@pytest.mark.parametrize("where", ["before", "after"])
def test_a_refusal_is_the_word_of_its_seat_and_nobody_else_of_it_is_asked(where: str) -> None:
    run = Run(People({"a": (1, 2, 3)}), plan("a", "share", share="1/2", refuse="counted"))
    run.act(f"add_{where}", 1, people=[5, 6])
    run.say(5 if where == "before" else 1, "refuse")
    assert run.waiting == [2, 3]
    assert not [task for task in run.state.tasks if task.status == "waiting"]
    with pytest.raises(Refusal) as refused:
        run.say(6)
    assert refused.value.code == "approval.already_refused"
    run.say(2)
    run.say(3)
    assert run.state.status == "approved"


def test_advice_asked_for_by_somebody_no_longer_asked_is_no_longer_wanted() -> None:
    run = Run(People({"a": (1, 2)}), plan("a", "any", refuse="all"))
    run.act("add_before", 1, people=[5, 6])
    run.act("consult", 6, to=run.world.people([{"ids": [8]}])[0], question="?")
    run.say(5, "refuse")
    assert run.waiting == [2]


def test_after_a_refusal_in_order_the_next_is_asked() -> None:
    run = Run(People({"a": (1, 2)}), plan("a", "in_order", refuse="all"))
    run.act("add_after", 1, people=[5])
    run.say(1, "refuse")
    assert run.waiting == [2]


def test_whoever_was_asked_as_well_stays_when_the_first_is_removed() -> None:
    late = (LatePlan("soon", "1", ({"escalate": [{"ids": [7]}]},)),)
    run = Run(People({"a": (1, 2)}), plan("a", "all", late=late))
    run.act("add_after", 1, people=[5])
    escalated(run, 1)
    run.act("remove", 99, task=1, is_admin=True)
    assert (run.waiting, run.state.step("a").need) == ([2, 7], 2)
    run.say(7)
    assert run.waiting == [2, 5]
    run.say(2)
    run.say(5)
    assert run.state.status == "approved"


def test_whoever_refused_takes_it_back_and_their_seat_is_asked_as_before() -> None:
    run = Run(People({"a": (1, 2)}), plan("a", "any", refuse="all"))
    run.act("add_before", 1, people=[5, 6])
    run.say(5, "refuse")
    assert can_retract(run.state, run.state.tasks[run.task_of(5) - 1])
    run.act("retract", 5)
    assert sorted(run.waiting) == [2, 5, 6]
    run.say(5)
    run.say(6)
    assert sorted(run.waiting) == [1, 2]
    run.say(1)
    assert run.state.status == "approved"


def test_whoever_may_be_asked_again_after_a_refusal_gets_no_second_seat() -> None:
    run = Run(People({"a": (1, 2)}), plan("a", "all", refuse="all"))
    run.act("add_before", 1, people=[5])
    run.say(5, "refuse")
    with pytest.raises(Refusal) as refused:
        run.act("transfer", 2, to=person(1), reason="because")
    assert refused.value.code == "approval.transfer_to_asked"
    run.act("retract", 5)
    assert sorted(run.waiting) == [2, 5]


def test_people_added_after_a_refusal_taken_back_wait_for_the_new_answer() -> None:
    run = Run(People({"a": (1, 2)}), plan("a", "any", refuse="all"))
    run.act("add_after", 1, people=[5])
    run.say(1, "refuse")
    run.act("retract", 1)
    assert sorted(run.waiting) == [1, 2]
    run.say(1)
    assert sorted(run.waiting) == [2, 5]


def test_in_order_an_answer_taken_back_asks_the_seat_after_it_later_and_once() -> None:
    late = (LatePlan("soon", "1", ({"escalate": [{"ids": [7]}]},)),)
    run = Run(People({"a": (1, 2)}), plan("a", "in_order", late=late))
    run.say(1)
    escalated(run, 2)
    run.act("add_before", 2, people=[5])
    run.act("retract", 1)
    assert run.waiting == [1]
    run.say(1)
    assert run.waiting == [2]
    run.say(2)
    assert run.state.status == "approved"


def test_in_order_the_seat_after_it_goes_to_whoever_had_it() -> None:
    run = Run(People({"a": (1, 2)}), plan("a", "in_order"))
    run.say(1)
    run.act("transfer", 2, to=run.world.people([{"ids": [8]}])[0], reason="because")
    run.act("retract", 1)
    run.say(1)
    assert run.waiting == [8]


def test_an_order_within_a_seat_holds_when_the_step_is_opened_again() -> None:
    run = Run(People({"a": (1, 2), "b": (3,)}), plan("a"), plan("b"))
    run.act("add_before", 1, people=[5])
    run.say(2)
    run.act("retract", 2)
    assert sorted(run.waiting) == [2, 5]
    run.say(5)
    assert sorted(run.waiting) == [1, 2]


def test_whoever_stands_in_for_somebody_removed_is_asked_again_with_the_step() -> None:
    late = (LatePlan("soon", "1", ({"escalate": [{"ids": [7]}]},)),)
    run = Run(People({"a": (1, 2), "b": (3,)}), plan("a", late=late), plan("b"))
    escalated(run, 1)
    run.act("add_after", 7, people=[5])
    run.act("remove", 99, task=1, is_admin=True)
    run.say(2)
    run.act("retract", 2)
    assert sorted(run.waiting) == [2, 7]
    run.say(7)
    assert sorted(run.waiting) == [2, 5]


def test_a_seat_that_refused_is_not_asked_again_because_somebody_else_takes_their_answer_back() -> None:
    run = Run(People({"a": (1, 2), "b": (3,)}), plan("a", "any", refuse="all"), plan("b"))
    run.act("add_before", 1, people=[5])
    run.say(5, "refuse")
    run.say(2)
    run.act("retract", 2)
    assert run.waiting == [2]


def test_asked_again_twice_each_seat_is_asked_once() -> None:
    run = Run(People({"a": (1, 2), "b": (3,)}), plan("a"), plan("b"))
    for _ in range(2):
        run.say(2)
        run.act("retract", 2)
    assert sorted(run.waiting) == [1, 2]


def test_in_order_nobody_is_asked_again_beside_whoever_takes_the_last_answer_back() -> None:
    run = Run(People({"a": (1, 2), "b": (3,)}), plan("a", "in_order"), plan("b"))
    run.say(1)
    run.act("retract", 1)
    run.say(1)
    run.say(2)
    run.act("retract", 2)
    assert run.waiting == [2]


def test_advice_to_somebody_who_stood_in_ends_with_the_answer_of_another() -> None:
    late = (LatePlan("soon", "1", ({"escalate": [{"ids": [7]}]},)),)
    run = Run(People({"a": (1, 2)}), plan("a", "all", late=late))
    escalated(run, 1)
    run.act("consult", 7, to=run.world.people([{"ids": [8]}])[0], question="?")
    run.say(1)
    assert run.waiting == [2]


def test_advice_ends_with_a_refusal_and_does_not_come_back_with_it() -> None:
    run = Run(People({"a": (1, 2)}), plan("a", "any", refuse="all"))
    run.act("consult", 1, to=run.world.people([{"ids": [8]}])[0], question="?")
    run.act("add_before", 1, people=[5])
    run.say(5, "refuse")
    assert run.waiting == [2]
    run.act("retract", 5)
    assert sorted(run.waiting) == [2, 5]
    assert not [task for task in run.state.tasks if task.kind == "consult" and task.status == "waiting"]


def test_an_answer_in_one_branch_stands_while_a_step_before_it_is_asked_again() -> None:
    steps = [plan("a"), block("p", ("l", True), ("r", True)), plan("x", within="p.l"), plan("y", within="p.r")]
    people = People({"a": (1,), "x": (2,), "y": (3,)})
    run = Run(people, *steps, rules={"return": {"to": ["done_step"], "then": "jump"}})
    run.say(1)
    run.say(2)
    run.say(3, "return", to="a")
    with pytest.raises(Refusal):
        run.act("retract", 2)
    assert run.waiting == [1]
    assert not can_retract(run.state, run.state.tasks[1])
