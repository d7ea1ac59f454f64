"""The promises of approvals, each by its number, over random definitions and random runs.

Hypothesis prints the definition and the actions of a run that breaks one, and the seed to have it again.
"""

import json
import os
import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from fractions import Fraction
from itertools import permutations, product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st

from engine.workflow.approval import flow, handing
from engine.workflow.approval.decisions import Answer, decide, return_targets, terminate, withdraw
from engine.workflow.approval.fold import fold
from engine.workflow.approval.going_back import later_answer, run_late
from engine.workflow.approval.plan import LatePlan
from engine.workflow.approval.state import ApprovalState, Event
from engine.workflow.approval.votes import count_needed
from engine.workflow.approval.world import Acting, Refusal
from tests.workflow.deeds import Deed, do_purely
from tests.workflow.office import ADMIN, Office
from tests.workflow.people_world import NOON, STARTER, People, Run, block, person, plan
from tests.workflow.promises import check
from tests.workflow.random_definitions import Definition, make_definition, walked
from tests.workflow.random_plays import ACTIONS, HANDS, Play

EXAMPLES = int(os.environ.get("FORMWORK_TEST_EXAMPLES", "150"))
"""Random runs; more of them for a longer one."""
LOGS = Path(__file__).parent / "logs"
RULES = {"return": {"to": ["starter", "done_step"], "then": "replay"}}


def definitions() -> st.SearchStrategy[Definition]:
    return st.integers(0, 2**32).map(lambda seed: make_definition(random.Random(seed)))


@settings(max_examples=EXAMPLES, deadline=None)
@given(definition=definitions(), seed=st.integers(0, 2**32), actions=st.sampled_from([ACTIONS, HANDS]))
def test_every_promise_holds_after_every_action(definition: Definition, seed: int, actions: list[str]) -> None:
    note(f"definition {definition}, seed {seed}")
    dice = random.Random(seed)
    play = Play(definition, dice)
    check(play.log, play.state)
    for _ in range(dice.randint(1, 25)):
        play.act(dice.choice(actions), dice)
        check(play.log, play.state)


# ---- 3 and 4: one click, first wins


@given(definition=definitions(), seed=st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_of_two_answers_to_one_task_the_first_counts_and_the_second_is_told_who(definition: Any, seed: int) -> None:
    dice = random.Random(seed)
    play = Play(replace(definition, duplicate="none"), dice)
    if not play.state.open_tasks:
        return
    task = dice.choice(play.state.open_tasks)
    first, second = dice.choice(list(product(["approve", "refuse", "return"], repeat=2)))
    if not play.answer(task, "approve" if task.kind == "work" else first):
        return
    deed = Deed(second, task.person.id, task.number, said="because", signed=True)
    with pytest.raises(Refusal) as refused:
        do_purely(play.facing(deed), deed)
    assert refused.value.kind == "late"
    assert refused.value.params["who"] == task.person.name


RACERS = ("approve", "refuse", "return", "transfer", "withdraw", "late", "terminate")


@pytest.mark.parametrize("order", list(permutations(RACERS, 2)))
def test_whatever_comes_first_to_a_task_takes_effect_and_what_comes_after_is_refused_or_does_nothing(
    order: tuple[str, str],
) -> None:
    late = (LatePlan("pass", "1", ({"pass": True},)),)
    run = Run(People({"a": (1,)}), plan("a", late=late))
    assert race(run, order[0])
    length = len(run.log)
    if order[0] == "transfer" and order[1] in ("withdraw", "terminate"):
        return  # the task went to somebody else, and the whole is still the starter's to take back
    assert not race(run, order[1])
    assert len(run.log) == length


def race(run: Run, action: str) -> bool:
    length, at = len(run.log), NOON + timedelta(hours=2)
    try:
        if action == "transfer":
            run.act("transfer", 1, task=1, to=person(5), reason="because")
        elif action == "withdraw":
            run.keep(withdraw(run.state, by=STARTER, reason="", at=at))
        elif action == "late":
            run.keep(run_late(run.state, run.world, task=1, rule="pass", at=at))
        elif action == "terminate":
            run.keep(terminate(run.state, by=person(99), reason="over", at=at))
        else:
            run.say(1, action, task=1)
    except Refusal as refusal:
        assert refusal.kind == "late"
    return len(run.log) > length


# ---- 6: early and late decision agree, for every share, size, order and set of votes


@pytest.mark.parametrize("share", ["1/2", "2/3", "60%", "100%", "1", "3"])
@pytest.mark.parametrize("size", [3, 4])
def test_a_share_is_decided_by_the_votes_and_not_by_their_order(share: str, size: int) -> None:
    people = tuple(range(1, size + 1))
    part = Fraction(share) if "/" in share else Fraction(int(share[:-1]), 100) if "%" in share else int(share)
    need = part if isinstance(part, int) else -(-(part * size).numerator // (part * size).denominator)
    for votes in product(["approve", "refuse"], repeat=size):
        expected = "approved" if votes.count("approve") >= need else "refused"
        for order in permutations(people):
            for refuse in ("counted", "all"):
                run = Run(People({"a": people}), plan("a", "share", share=share, refuse=refuse))
                for who in order:
                    if run.state.running:
                        run.say(who, votes[who - 1])
                assert run.state.status == expected, (votes, order, refuse)


def test_everybody_answers_where_a_refusal_waits_for_all() -> None:
    run = Run(People({"a": (1, 2, 3)}), plan("a", "all", refuse="all"))
    run.say(1, "refuse")
    run.say(2)
    assert run.state.running
    run.say(3)
    assert run.state.status == "refused"


def test_a_veto_refuses_whatever_the_others_said() -> None:
    run = Run(People({"a": (1, 2, 3)}), plan("a", "share", share="2/3", veto=({"ids": [3]},)))
    run.say(1)
    run.say(3, "refuse")
    assert run.state.status == "refused"
    run = Run(People({"a": (1, 2, 3)}), plan("a", "share", share="2/3", veto=({"ids": [3]},)))
    run.say(2, "refuse")
    assert run.state.running


def test_a_share_that_asks_for_more_than_there_are_stands_still_and_never_passes() -> None:
    run = Run(People({"a": (1, 2)}), plan("a", "share", share="3"))
    assert run.state.stranded is not None
    assert run.state.stranded.why == "few"
    assert count_needed(run.state.steps[0].plan, 2) == 3


# ---- 7: adding and removing


def test_people_added_before_decide_first_and_it_comes_back() -> None:
    run = Run(People({"a": (1,)}), plan("a"))
    run.act("add_before", 1, people=[5, 6])
    assert run.waiting == [5, 6]
    with pytest.raises(Refusal) as refused:
        run.say(1, task=1)
    assert (refused.value.code, refused.value.params["who"]) == ("approval.waits_for", "person 5、person 6")
    run.say(5)
    run.say(6)
    assert run.waiting == [1]
    run.say(1)
    assert run.state.status == "approved"


def test_people_added_after_decide_when_whoever_added_them_has_approved() -> None:
    run = Run(People({"a": (1, 2)}), plan("a", "all"))
    run.act("add_after", 1, people=[5])
    assert run.waiting == [1, 2]
    run.say(1)
    run.say(2)
    assert (run.waiting, run.state.status) == ([5], "running")
    run.say(5, "refuse")
    assert run.state.status == "refused"


def test_removing_somebody_counts_the_need_anew_and_may_decide_the_step() -> None:
    run = Run(People({"a": (1, 2, 3)}), plan("a", "all"))
    run.say(1)
    run.say(2)
    run.act("remove", 99, task=run.task_of(3), is_admin=True)
    assert run.state.status == "approved"
    assert run.state.steps[0].need == 2
    with pytest.raises(Refusal):
        run.act("remove", 99, task=1, is_admin=True)


def test_whoever_added_somebody_removes_them_and_the_last_one_stays() -> None:
    run = Run(People({"a": (1,)}), plan("a"))
    with pytest.raises(Refusal) as refused:
        run.act("remove", 99, task=1, is_admin=True)
    assert refused.value.code == "approval.last_one"


# ---- 9: deputies


def test_a_deputy_decides_for_the_holder_and_both_are_on_record() -> None:
    run = Run(People({"a": (1,)}), plan("a"))
    run.say(8, task=1, principals=frozenset({1}))
    task = run.state.tasks[0]
    assert (task.person.id, task.decided_by) == (1, person(8))
    assert run.state.status == "approved"


@pytest.mark.parametrize(("deputy", "code"), [(STARTER, "approval.deputy_is_starter"), (2, "approval.deputy_is_asked")])
def test_a_deputy_has_one_vote_and_never_decides_their_own(deputy: int, code: str) -> None:
    run = Run(People({"a": (1, 2)}), plan("a", "all"))
    with pytest.raises(Refusal) as refused:
        run.say(deputy, task=1, principals=frozenset({1}))
    assert refused.value.code == code
    with pytest.raises(Refusal) as refused:
        run.say(8, task=1)
    assert refused.value.kind == "absent"


# ---- 11 and 12


@given(definition=definitions())
@settings(max_examples=60, deadline=None)
def test_no_step_opens_without_anybody(definition: Definition) -> None:
    state = Play(definition, random.Random(0), office=Office(away=frozenset(range(1, ADMIN + 1)))).state
    assert not state.tasks
    waits = any(step.plan.kind == "call" and step.status == "open" for step in state.steps)
    assert state.stranded is not None or waits or not walked([step.plan for step in state.steps])


@given(definition=definitions(), seed=st.integers(0, 2**32))
@settings(max_examples=80, deadline=None)
def test_the_starter_withdraws_exactly_until_somebody_decided(definition: Any, seed: int) -> None:
    dice = random.Random(seed)
    play = Play(replace(definition, withdraw="first_decision"), dice)
    for _ in range(dice.randint(0, 4)):
        play.act(dice.choice(["approve", "transfer", "consult", "add_before"]), dice)
    state = play.state
    allowed = state.running and not any(task.decided for task in state.tasks)
    assert play.do(Deed("withdraw", STARTER)) == allowed
    assert (play.state.status == "withdrawn") == allowed


# ---- 13: going back


@given(definition=definitions(), seed=st.integers(0, 2**32), then=st.sampled_from(["replay", "jump"]))
@settings(max_examples=150, deadline=None)
def test_after_a_return_nothing_later_is_open_and_old_votes_are_history(definition: Any, seed: int, then: str) -> None:
    dice = random.Random(seed)
    play = Play(replace(definition, duplicate="none", then=then), dice)
    for _ in range(12):
        able = [task for task in play.state.open_tasks if return_targets(play.state, task.step)]
        if able:
            break
        play.act("approve", dice)
    else:
        return
    task = dice.choice(able)
    target = dice.choice(return_targets(play.state, task.step))
    turn = target.turn
    if not play.answer(task, "return", to=target.key):
        return
    later = {step.key for step in flow.steps_after(play.state, target.key)}
    assert not [one for one in play.state.tasks if one.step in later and one.status in ("open", "waiting")]
    again = play.state.step(target.key)
    assert (again.status, again.turn) == ("open", turn + 1)
    assert all(one.turn == turn + 1 for one in play.state.votes_of(again))
    if then == "replay":
        assert all(play.state.step(key).status in ("planned", "skipped") for key in later)


def test_jumping_back_asks_only_whoever_returned_it() -> None:
    steps = [plan("a"), plan("b"), plan("c")]
    people = People({"a": (1,), "b": (2,), "c": (3,)})
    for then, path in (("jump", [1, 3]), ("replay", [1, 2, 3])):
        run = Run(people, *steps, rules={"return": {"to": ["done_step"], "then": then}})
        run.say(1)
        run.say(2)
        run.say(3, "return", to="a")
        asked = []
        while run.state.running:
            asked += run.waiting
            run.say(run.waiting[0])
        assert asked == path
    with pytest.raises(Refusal):
        Run(people, *steps, rules={"return": {"to": ["done_step"], "then": "replay"}}).say(1, "return")


def test_a_return_inside_a_branch_leaves_the_branches_beside_it_alone() -> None:
    run = Run(
        People({"a": (1,), "x": (2,), "x2": (3,), "y": (4,)}),
        plan("a"), block("p", ("l", True), ("r", True)), plan("x", within="p.l"), plan("x2", within="p.l"),
        plan("y", within="p.r"), rules=RULES,
    )  # fmt: skip
    run.say(1)
    run.say(2)
    run.say(3, "return", to="x")
    assert sorted(run.waiting) == [2, 4]
    run.say(4, "return", to="a")
    assert run.waiting == [1]


def test_an_answer_is_taken_back_until_somebody_builds_on_it() -> None:
    run = Run(People({"a": (1, 2), "b": (3,)}), plan("a"), plan("b"))
    run.say(1)
    run.act("retract", 1)
    assert sorted(run.waiting) == [1, 2]
    assert run.fates == {"a": "open", "b": "planned"}
    run.say(2, "approve")
    run.say(3)
    with pytest.raises(Refusal):
        run.act("retract", 2)
    assert later_answer(run.state, run.state.tasks[run.task_of(2) - 1]) is not None


# ---- 14: content


def test_work_that_changes_the_content_voids_the_votes_before_it() -> None:
    run = Run(People({"a": (1,), "w": (2,), "b": (3,)}), plan("a"), plan("w", kind="work", fields=("cost",)), plan("b"))
    run.say(1)
    run.say(2, "complete", content="new")
    assert run.waiting == [1]
    run.say(1, content="new")
    assert run.waiting == [3]
    run.say(3, content="new")
    assert run.state.status == "approved"
    approved = [
        task for task in run.state.tasks if task.status == "approved" and task.turn == run.state.step(task.step).turn
    ]
    assert {task.content for task in approved} == {"new"}


def test_work_is_completed_not_voted_on() -> None:
    run = Run(People({"w": (2,)}), plan("w", kind="work", fields=("cost",)))
    with pytest.raises(Refusal) as refused:
        run.say(2)
    assert refused.value.code == "approval.no_approve"


# ---- 16: late rules


def test_a_late_rule_fires_once_and_never_before_its_moment() -> None:
    late = (LatePlan("soon", "5", ({"hand_over": [{"ids": [7]}]},)),)
    run = Run(People({"a": (1,)}), plan("a", late=late))
    early, due = NOON + timedelta(hours=4), NOON + timedelta(hours=5)
    assert run_late(run.state, run.world, task=1, rule="soon", at=early) == ()
    run.keep(run_late(run.state, run.world, task=1, rule="soon", at=due))
    assert run.waiting == [7]
    for task in (1, 2):
        assert run_late(run.state, run.world, task=task, rule="soon", at=due) == ()


def test_an_escalation_asks_somebody_as_well_and_the_first_answer_counts() -> None:
    late = (LatePlan("soon", "1", ({"escalate": [{"ids": [7]}]},)),)
    run = Run(People({"a": (1, 2)}), plan("a", "all", late=late))
    run.keep(run_late(run.state, run.world, task=1, rule="soon", at=NOON + timedelta(hours=1)))
    assert run.waiting == [1, 2, 7]
    run.say(7)
    assert run.waiting == [2]
    with pytest.raises(Refusal) as refused:
        run.say(1, task=1)
    assert (refused.value.code, refused.value.params["who"]) == ("approval.already_approved", "person 7")
    run.say(2)
    assert run.state.status == "approved"


# ---- 23: joins, in every order of completion


def test_a_join_opens_its_successor_once_for_every_order_of_completion() -> None:
    steps = [
        block("p", ("l", True), ("m", True), ("r", True), ("n", False)),
        plan("x", within="p.l"), plan("y", within="p.m"),
        plan("z", within="p.r"), plan("o", within="p.n"), plan("after"),
    ]  # fmt: skip
    people = {"x": (1,), "y": (2,), "z": (3,), "o": (4,), "after": (5,)}
    for order in permutations((1, 2, 3)):
        run = Run(People(people), *steps)
        for who in order:
            assert 5 not in run.waiting
            run.say(who)
        assert run.waiting == [5]
        assert sum(event.type == "step_opened" and event.data["step"] == "after" for event in run.log) == 1
        assert 4 not in [task.person.id for task in run.state.tasks]


def test_a_refusal_in_one_branch_ends_the_whole_and_leaves_nothing_open() -> None:
    run = Run(
        People({"x": (1,), "y": (2,)}),
        block("p", ("l", True), ("r", True)),
        plan("x", within="p.l"),
        plan("y", within="p.r"),
    )
    run.say(1, "refuse")
    assert run.state.status == "refused"
    assert not run.state.open_tasks


@pytest.mark.parametrize("mode", ["any", "all", "in_order", "share"])
def test_all_interleavings_of_three_steps_and_four_people_end_as_their_votes_say(mode: str) -> None:
    """Every order in which the people of two branches and the step after them can answer, with every refusal."""
    steps = [
        block("p", ("l", True), ("r", True)),
        plan("x", mode, share="1/2", within="p.l"), plan("y", mode, share="1/2", within="p.r"),
        plan("z", mode, share="1/2"),
    ]  # fmt: skip
    people = {"x": (1, 2), "y": (3, 4), "z": (1, 3)}
    ends = 0
    for run in every_run(lambda: Run(People(people), *steps, duplicate="none")):
        check(run.log, run.state)
        ends += 1
    assert ends > 10


def every_run(make: Any) -> Iterator[Run]:
    """Yield every run that answering the open tasks in every order, each with yes or no, can lead to."""
    waiting: list[list[tuple[int, str]]] = [[]]
    while waiting:
        said = waiting.pop()
        run = make()
        for number, decision in said:
            run.say(run.state.tasks[number - 1].person.id, decision, task=number)
        if not run.state.running:
            yield run
        for task in run.state.open_tasks:
            waiting += [[*said, (task.number, decision)] for decision in ("approve", "refuse")]


# ---- the pool, consultations, reminders, signatures


def test_a_task_in_a_pool_is_taken_first_and_then_is_theirs_alone() -> None:
    run = Run(People({"a": (1, 2, 3)}), plan("a", claim=True))
    with pytest.raises(Refusal) as refused:
        run.say(1)
    assert refused.value.code == "approval.claim_first"
    run.act("claim", 2)
    assert run.waiting == [2]
    with pytest.raises(Refusal) as refused:
        run.act("claim", 1, task=1)
    assert (refused.value.code, refused.value.params["who"]) == ("approval.already_claimed", "person 2")
    run.say(2)
    assert run.state.status == "approved"


def test_advice_comes_back_and_decides_nothing() -> None:
    run = Run(People({"a": (1,)}), plan("a"))
    run.act("consult", 1, to=person(5), question="合理吗？")
    assert run.waiting == [1, 5]
    with pytest.raises(Refusal):
        run.say(5)
    run.act("answer", 5, text="合理")
    assert run.waiting == [1]
    assert run.state.tasks[1].reason == "合理"
    run.say(1)
    assert run.state.status == "approved"


def test_reminders_are_limited() -> None:
    run = Run(People({"a": (1,)}), plan("a"), rules={"urge": {"every": "4wh", "at_most": 2}})
    for hours, code in ((0, ""), (1, "approval.urge_soon"), (4, ""), (9, "approval.urge_enough")):
        try:
            run.keep(handing.urge(run.state, run.world, by=person(STARTER), at=NOON + timedelta(hours=hours)))
            assert not code
        except Refusal as refusal:
            assert refusal.code == code
    assert len(run.state.urges) == 2


def test_an_approval_that_asks_for_a_signature_is_signed() -> None:
    run = Run(People({"a": (1,)}), plan("a", signature=True))
    with pytest.raises(Refusal) as refused:
        run.say(1)
    assert refused.value.code == "approval.signature_required"
    run.say(1, signature={"file": 3})
    assert run.state.tasks[0].signature == {"file": 3}


# ---- logs of releases


@pytest.mark.parametrize("path", sorted(LOGS.glob("*.json")), ids=lambda path: path.stem)
def test_the_log_of_an_earlier_release_still_folds_to_what_it_said_then(path: Path) -> None:
    kept = json.loads(path.read_text(encoding="utf-8"))
    state = fold([Event(one["type"], one["data"]) for one in kept["events"]])
    assert state.status == kept["status"]
    assert {step.key: step.status for step in state.steps} == kept["steps"]
    assert [[task.person.id, task.status] for task in state.tasks] == kept["tasks"]
    if "more" in kept:
        assert more_of(state) == kept["more"]


def more_of(state: ApprovalState) -> dict[str, Any]:
    """What a log says beside what was decided."""
    return {
        "copies": [[one.person.id, one.point] for one in state.copies],
        "comments": [[one.person.id, one.text, [other.id for other in one.mentions]] for one in state.comments],
        "urges": [one.person.id for one in state.urges],
        "applies": {step.key: step.plan.applies for step in state.steps},
        "parent": state.parent,
        "advice": [[task.person.id, task.question, task.asked_by] for task in state.tasks if task.kind == "consult"],
    }


def test_a_running_approval_of_the_first_release_is_decided_by_this_one() -> None:
    kept = json.loads((LOGS / "first_running.json").read_text(encoding="utf-8"))
    state = fold([Event(one["type"], one["data"]) for one in kept["events"]])
    task = state.open_tasks[0]
    by = Acting(task.person)
    answer = Answer("approve", "", state.content)
    events = decide(state, People({"b": (1,), "c": (1,)}), task=task.number, by=by, answer=answer, at=NOON)
    assert events[0].type == "decided"
