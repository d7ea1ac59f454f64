"""The pure core of approvals: votes, order, duplicates, withdrawal, and a model it must agree with."""

import os
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from itertools import permutations, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.workflow.approval.decisions import can_withdraw, resume, withdraw
from engine.workflow.approval.fold import apply, fold
from engine.workflow.approval.handing import comment, transfer
from engine.workflow.approval.plan import Person, StepPlan
from engine.workflow.approval.planning import content_hash, hash_submitted
from engine.workflow.approval.state import ApprovalState, Event
from engine.workflow.approval.votes import step_outcome
from engine.workflow.approval.world import Acting, Refusal, settle_holders
from tests.workflow.people_world import NOON, STARTER, People, Run, person, plan


def test_any_passes_with_the_first_approval_and_closes_the_others() -> None:
    run = Run(People({"a": (1, 2, 3)}), plan("a"))
    assert run.waiting == [1, 2, 3]
    run.say(2)
    assert run.state.status == "approved"
    assert [task.status for task in run.state.tasks] == ["closed", "approved", "closed"]


def test_any_is_refused_only_when_everybody_refused() -> None:
    run = Run(People({"a": (1, 2)}), plan("a"))
    run.say(1, "refuse")
    assert run.state.running
    assert run.waiting == [2]
    run.say(2, "refuse")
    assert run.state.status == "refused"
    assert run.state.ended_by == person(2)
    assert run.state.ended_reason == "because"


def test_all_needs_everybody_and_ends_with_the_first_refusal() -> None:
    run = Run(People({"a": (1, 2, 3)}), plan("a", "all"))
    run.say(1)
    assert run.waiting == [2, 3]
    run.say(3, "refuse")
    assert run.state.status == "refused"
    assert not run.state.open_tasks


def test_in_order_asks_one_after_another() -> None:
    run = Run(People({"a": (3, 1, 2)}), plan("a", "in_order"))
    asked = []
    while run.state.running:
        asked.append(run.waiting)
        run.say(run.waiting[0])
    assert asked == [[3], [1], [2]]
    assert run.state.status == "approved"


def test_steps_follow_one_another_and_those_whose_condition_failed_are_kept_as_skipped() -> None:
    run = Run(People({"a": (1,), "b": (2,), "c": (3,)}), plan("a"), plan("b", applies=False, when="x > 1"), plan("c"))
    run.say(1)
    assert run.waiting == [3]
    assert [(step.status, step.why) for step in run.state.steps] == [("passed", ""), ("skipped", "when"), ("open", "")]
    assert run.world.asked == ["a", "c"]


def test_return_ends_the_submission_whatever_the_others_of_the_step_say() -> None:
    run = Run(People({"a": (1, 2), "b": (3,)}), plan("a", "all"), plan("b"))
    run.say(1)
    run.say(2, "return")
    assert run.state.status == "returned"
    assert [step.status for step in run.state.steps] == ["closed", "closed"]


def test_a_submission_that_needs_nobody_says_why() -> None:
    run = Run(People({"a": (1,)}), plan("a"), auto_note={"en": "standard discount"})
    assert run.state.status == "approved"
    assert run.state.auto_note == {"en": "standard discount"}
    assert run.state.tasks == ()


def test_a_task_carries_the_due_moment_of_its_step() -> None:
    run = Run(People({"a": (1,)}), plan("a", due="1d"))
    assert run.state.tasks[0].due == NOON + timedelta(days=1)


# ---- 去重: the same person in several steps


@pytest.mark.parametrize(("policy", "waiting"), [("none", [1]), ("consecutive", [1]), ("all", [])])
def test_duplicate_policy_over_a_step_between(policy: str, waiting: list[int]) -> None:
    run = Run(People({"a": (1,), "b": (2,), "c": (1,)}), plan("a"), plan("b"), plan("c"), duplicate=policy)
    run.say(1)
    run.say(2)
    assert run.waiting == waiting


def test_a_consecutive_duplicate_passes_and_cites_the_real_approval() -> None:
    run = Run(People({"a": (1,), "b": (1,), "c": (1, 2)}), plan("a"), plan("b"), plan("c", "all"))
    run.say(1)
    assert [(task.status, task.cites) for task in run.state.tasks] == [
        ("approved", None),
        ("approved", 1),
        ("approved", 1),
        ("open", None),
    ]
    assert run.waiting == [2]


def test_a_skipped_step_does_not_interrupt_consecutive_approvals() -> None:
    run = Run(People({"a": (1,), "b": (2,), "c": (1,)}), plan("a"), plan("b", applies=False), plan("c"))
    run.say(1)
    assert run.state.status == "approved"


def test_a_duplicate_in_order_is_passed_over_and_the_next_is_asked() -> None:
    run = Run(People({"a": (1,), "b": (1, 2)}), plan("a"), plan("b", "in_order"))
    run.say(1)
    assert run.waiting == [2]


# ---- nobody to ask


def test_a_step_without_holders_strands_the_approval_instead_of_passing() -> None:
    run = Run(People({"a": (1,), "b": ()}), plan("a"), plan("b"))
    run.say(1)
    assert run.state.running
    assert run.state.stranded is not None
    assert run.state.stranded.key == "b"
    run.world.of = {"b": (2,)}
    run.keep(resume(run.state, run.world, at=NOON))
    assert run.waiting == [2]
    assert run.state.stranded is None
    run.say(2)
    assert run.state.status == "approved"


def test_resuming_what_is_not_stranded_changes_nothing() -> None:
    run = Run(People({"a": (1,)}), plan("a"))
    assert resume(run.state, run.world, at=NOON) == ()


def test_with_self_skip_the_step_of_the_starter_alone_is_skipped_and_says_so() -> None:
    run = Run(People({"a": (), "b": (2,)}, skip=frozenset("a")), plan("a"), plan("b"))
    assert run.waiting == [2]
    assert run.state.steps[0].why == "self"


PEOPLE = st.lists(st.integers(1, 6).map(person), max_size=4)


@given(found=PEOPLE, fallback=PEOPLE, starter=st.integers(1, 6), manager=st.none() | st.integers(1, 6).map(person))
@pytest.mark.parametrize("policy", ["forbid", "skip", "next_manager"])
def test_the_starter_never_holds_a_task_and_only_skip_may_pass_over_a_step(
    policy: str, found: list[Person], fallback: list[Person], starter: int, manager: Person | None
) -> None:
    held = settle_holders(found, starter=starter, self_=policy, manager=manager, fallback=fallback)
    ids = [item.id for item in held.people]
    assert starter not in ids
    assert len(ids) == len(set(ids))
    assert not held.skip or (policy == "skip" and {item.id for item in found} == {starter})
    others = [item.id for item in found if item.id != starter]
    assert set(others) <= set(ids)
    if not others and policy == "forbid":
        assert set(ids) == {item.id for item in fallback} - {starter}


def test_next_manager_stands_in_the_place_of_the_starter() -> None:
    found = [person(1), person(STARTER), person(2)]
    held = settle_holders(found, starter=STARTER, self_="next_manager", manager=person(5), fallback=[])
    assert [item.id for item in held.people] == [1, 5, 2]


# ---- withdrawing, transferring, commenting


@pytest.mark.parametrize(
    ("policy", "before", "after"),
    [("never", False, False), ("first_decision", True, False), ("any_time", True, True)],
)
def test_withdraw_follows_its_policy(policy: str, before: bool, after: bool) -> None:
    run = Run(People({"a": (1, 2)}), plan("a", "all"), withdraw=policy)
    for expected, vote in ((before, True), (after, False)):
        assert can_withdraw(run.state, STARTER) is expected
        assert _accepts(run.state, STARTER) is expected
        if vote:
            run.say(1)


def test_only_the_starter_withdraws() -> None:
    run = Run(People({"a": (1,)}), plan("a"))
    assert not can_withdraw(run.state, 1)
    with pytest.raises(Refusal) as refused:
        withdraw(run.state, by=1, reason="", at=NOON)
    assert refused.value.kind == "forbidden"


def test_a_handed_over_task_does_not_come_back_and_counts_once() -> None:
    run = Run(People({"a": (1, 2)}), plan("a", "all"))
    run.keep(transfer(run.state, task=1, by=Acting(person(1)), to=person(3), reason="on leave", at=NOON))
    assert run.waiting == [2, 3]
    run.say(2)
    with pytest.raises(Refusal) as refused:
        run.say(1, task=1)
    assert refused.value.code == "approval.already_transferred"
    run.say(3)
    assert run.state.status == "approved"


@pytest.mark.parametrize("to", [2, STARTER, 1])
def test_a_task_is_not_handed_to_the_starter_or_to_somebody_already_asked(to: int) -> None:
    run = Run(People({"a": (1, 2)}), plan("a", "all"))
    with pytest.raises(Refusal) as refused:
        transfer(run.state, task=1, by=Acting(person(1)), to=person(to), reason="", at=NOON)
    assert refused.value.kind == "invalid"


def test_a_comment_decides_nothing_and_is_possible_after_the_end() -> None:
    run = Run(People({"a": (1,)}), plan("a"))
    run.say(1)
    run.keep(comment(run.state, by=person(1), text=" for the file ", at=NOON))
    assert [item.text for item in run.state.comments] == ["for the file"]
    assert run.state.status == "approved"


# ---- refusals


def test_the_second_of_two_learns_who_was_first_and_when() -> None:
    run = Run(People({"a": (1, 2)}), plan("a"))
    run.say(2)
    with pytest.raises(Refusal) as refused:
        run.say(1, "refuse", task=1)
    assert (refused.value.kind, refused.value.code) == ("late", "approval.already_approved")
    assert refused.value.params == {"who": "person 2", "at": NOON + timedelta(minutes=1), "verdict": "opposite"}


def test_a_decision_after_withdrawal_names_the_starter() -> None:
    run = Run(People({"a": (1,)}), plan("a"))
    run.keep(withdraw(run.state, by=STARTER, reason="", at=NOON))
    with pytest.raises(Refusal) as refused:
        run.say(1)
    assert refused.value.code == "approval.already_withdrawn"
    assert refused.value.params["who"] == f"person {STARTER}"


@pytest.mark.parametrize(("task", "who"), [(1, 2), (0, 1), (2, 1), (-1, 1), (99, 1)])
def test_a_task_of_somebody_else_and_one_that_is_not_there_answer_alike(task: int, who: int) -> None:
    run = Run(People({"a": (1,)}), plan("a"))
    with pytest.raises(Refusal) as refused:
        run.say(who, task=task)
    assert (refused.value.kind, refused.value.code) == ("absent", "approval.no_such_task")


def test_changed_content_is_not_decided_about() -> None:
    run = Run(People({"a": (1,)}), plan("a"))
    with pytest.raises(Refusal) as refused:
        run.say(1, content="another hash")
    assert refused.value.code == "approval.content_changed"


@pytest.mark.parametrize("decision", ["refuse", "return"])
def test_a_reason_is_asked_for_where_the_step_says_so(decision: str) -> None:
    run = Run(People({"a": (1,)}), plan("a"))
    with pytest.raises(Refusal) as refused:
        run.say(1, decision, reason=" ")
    assert refused.value.code == "approval.reason_required"


def test_a_decision_the_step_does_not_offer_is_refused() -> None:
    quiet = StepPlan("a", {"en": "a"}, allow=("approve", "refuse"))
    run = Run(People({"a": (1,)}), quiet)
    with pytest.raises(Refusal) as refused:
        run.say(1, "return")
    assert (refused.value.kind, refused.value.code) == ("forbidden", "approval.no_return")


@pytest.mark.parametrize(
    "broken",
    [
        [],
        [Event("decided", {})],
        [Event("started", {}), Event("started", {})],
    ],
)
def test_a_log_that_contradicts_itself_is_never_guessed_at(broken: list[Event]) -> None:
    run = Run(People({"a": (1,)}), plan("a"))
    whole = [run.log[0] if event.type == "started" else event for event in broken]
    with pytest.raises(ValueError, match=r"started|starts|without events"):
        fold(whole)
    run.say(1)
    with pytest.raises(ValueError, match="after the approval ended"):
        fold([*run.log, run.log[-2]])
    with pytest.raises(ValueError, match="unknown event"):
        fold([run.log[0], Event("exploded", {})])
    with pytest.raises(ValueError, match="is not open"):
        fold([*run.log[:4], run.log[3]])


# ---- quorum: every order of every set of votes


@pytest.mark.parametrize("size", [1, 2, 3, 4])
@pytest.mark.parametrize("mode", ["any", "all"])
def test_the_result_depends_on_the_votes_and_not_on_their_order(mode: str, size: int) -> None:
    people = tuple(range(1, size + 1))
    for votes in product(["approve", "refuse"], repeat=size):
        yes = votes.count("approve")
        expected = "approved" if yes == size or (mode == "any" and yes) else "refused"
        for order in permutations(people):
            run = Run(People({"a": people}), plan("a", mode))
            for who in order:
                if run.state.running:
                    run.say(who, votes[who - 1])
            assert run.state.status == expected, (votes, order)


# ---- the model: a second, plain reading of the same rules


@dataclass
class Model:
    """Recomputes from the bare list of accepted votes who must be waiting and how it stands."""

    steps: list[tuple[str, str, tuple[int, ...], bool]]  # key, mode, people, applies
    duplicate: str
    votes: list[tuple[str, int, str]] = field(default_factory=list)  # step, person, decision
    withdrawn: bool = False

    def reading(self) -> tuple[str, list[tuple[str, int]]]:
        if self.withdrawn:
            return "withdrawn", []
        if any(decision == "return" for _, _, decision in self.votes):
            return "returned", []
        passed: list[set[int]] = []  # who approved, per passed step
        for key, mode, people, applies in self.steps:
            if not applies:
                continue
            status, approved, waiting = self._step(key, mode, people, passed)
            if status != "passed":
                return ("refused", []) if status == "refused" else ("running", [(key, who) for who in waiting])
            passed.append(approved)
        return "approved", []

    def _step(
        self, key: str, mode: str, people: tuple[int, ...], passed: list[set[int]]
    ) -> tuple[str, set[int], list[int]]:
        said = {who: decision for step, who, decision in self.votes if step == key}
        counted = {"none": [], "consecutive": passed[-1:], "all": passed}[self.duplicate]
        known = set().union(*counted)
        approved: set[int] = set()
        waiting: list[int] = []
        for who in people:
            if said.get(who) == "refuse":
                if mode != "any":
                    return "refused", set(), []
            elif who in known or said.get(who) == "approve":
                approved.add(who)
                if mode == "any":
                    return "passed", approved, []
            else:
                waiting.append(who)
                if mode == "in_order":
                    break
        if waiting:
            return "open", set(), waiting
        return ("passed", approved, []) if approved else ("refused", set(), [])


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["any", "all", "in_order"]),
        st.lists(st.integers(1, 4), min_size=1, max_size=3, unique=True),
        st.booleans() | st.just(True),
    ),
    min_size=1,
    max_size=4,
)
ACTIONS = st.lists(
    st.tuples(st.integers(0, 9), st.sampled_from(["approve"] * 5 + ["refuse", "return", "withdraw", "stale"])),
    max_size=25,
)


@settings(max_examples=int(os.environ.get("FORMWORK_TEST_EXAMPLES", "150")), deadline=None)
@given(steps=STEPS, actions=ACTIONS, duplicate=st.sampled_from(["none", "consecutive", "all"]))
def test_any_run_agrees_with_the_model(
    steps: list[tuple[str, list[int], bool]], actions: list[tuple[int, str]], duplicate: str
) -> None:
    named = [(f"s{n}", mode, tuple(people), applies) for n, (mode, people, applies) in enumerate(steps)]
    model = Model(named, duplicate)
    world = People({key: people for key, _, people, _ in named})
    plans = [plan(key, mode, applies=applies) for key, mode, _, applies in named]
    run = Run(world, *plans, duplicate=duplicate)
    _check(run, model)
    for pick, action in actions:
        _act(run, model, pick, action)
        _check(run, model)


def _act(run: Run, model: Model, pick: int, action: str) -> None:
    if action == "withdraw":
        decided = any(True for _ in model.votes)
        allowed = run.state.running and not decided
        assert _accepts(run.state, STARTER) is allowed
        if allowed:
            run.keep(withdraw(run.state, by=STARTER, reason="", at=run.at))
            model.withdrawn = True
    elif action == "stale":
        closed = [task for task in run.state.tasks if task.status != "open"]
        if closed:
            task = closed[pick % len(closed)]
            with pytest.raises(Refusal) as refused:
                run.say(task.person.id, task=task.number)
            assert refused.value.kind == "late"
    elif run.state.open_tasks:
        task = run.state.open_tasks[pick % len(run.state.open_tasks)]
        model.votes.append((task.step, task.person.id, action))
        run.say(task.person.id, action, task=task.number)


def _check(run: Run, model: Model) -> None:
    state = run.state
    status, waiting = model.reading()
    assert state.status == status
    assert sorted((task.step, task.person.id) for task in state.open_tasks) == sorted(waiting)
    # no orphan: a running approval waits for somebody, an ended one for nobody
    assert state.running == bool(state.open_tasks)
    # single decision: one per task, and every real one is in the model's list
    assert sum(task.decided for task in state.tasks) == len(model.votes)
    # an approval that cites names a real approval of the same content by the same person
    for task in state.tasks:
        if task.cites is not None:
            cited = state.tasks[task.cites - 1]
            assert cited.decided and cited.status == "approved"
            assert (cited.person.id, cited.content) == (task.person.id, task.content)
    # content binding and quorum of every passed step
    for step in state.steps:
        if step.status == "passed":
            votes = [task for task in state.tasks_of(step.key) if task.status == "approved"]
            assert len(votes) >= step.need >= 1
            assert all(vote.content == state.content for vote in votes)
    # fold: one event at a time, all at once, and after a reload
    step_wise: ApprovalState | None = None
    for event in run.log:
        step_wise = apply(step_wise, event)
    assert step_wise == state == fold(run.log)


def _accepts(state: ApprovalState, by: int) -> bool:
    try:
        withdraw(state, by=by, reason="", at=NOON)
    except Refusal:
        return False
    return True


def test_a_step_is_undecided_while_its_votes_are() -> None:
    run = Run(People({"a": (1, 2)}), plan("a", "all"))
    assert step_outcome(run.state, run.state.step("a")) == "open"


def test_what_was_submitted_before_is_hashed_as_it_was_then_and_what_is_submitted_now_by_what_it_is_worth() -> None:
    guard = {"n": [], "ok": [], "rows": ["qty"]}
    values = {"n": 1000, "ok": True, "rows": [{"id": 7, "qty": Decimal("2.50")}, {"id": 8, "qty": 3}]}
    equal = {"n": Decimal("1000.00"), "ok": True, "rows": [{"id": 1, "qty": Decimal("2.5")}, {"qty": Decimal(3)}]}
    first = "99978ef77111e52dc63b9167f51aa3fa6add11cb8d8441074a848ed3bdea3115"
    assert hash_submitted({"guard": guard}, values) == first
    assert content_hash(guard, values) == content_hash(guard, equal)
    assert content_hash(guard, values) != content_hash(guard, values | {"ok": 1})
