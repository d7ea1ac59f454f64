"""Approvals and timers that run while what they are about is renamed: they go on as if nothing had happened."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from engine.automation.timers import sweep
from engine.clock import SetClock
from engine.errors import NotPossibleNow
from engine.people.actor import Actor
from engine.records.queries import get_record
from engine.storage.approval_tables import approvals, tasks
from engine.storage.stage_tables import flags, stays, timers
from engine.storage.store import Store
from engine.workflow.approval import commands, log
from engine.workflow.approval.state import ApprovalState
from tests.conftest import MakeStore
from tests.storage.living import assert_histories_replay, go_back, hire, make, move, publish
from tests.storage.workshop import WORKSHOP, edited

FLOW = """\
workflow: job
entity: job
label: 维修
stages:
  open:    {label: 待修}
  asking:  {label: 审批中, due: 2d}
  repair:  {label: 修理中, due: 3d}
outcomes:
  done: {label: 完成}
timers:
  slow: {after: due, do: [{flag: late}]}
flags:
  late: {label: 迟了}
moves:
  start:  {label: 开工, from: [open], to: [repair], during: asking, refused: open, approval: job_start}
  finish: {label: 完工, from: [repair], to: [done]}
"""
APPROVAL = """\
approval: job_start
entity: job
label: 开工审批
show: [fault]
guard: [fault, parts]
defaults: {duplicate: none}
steps:
  both:
    label: 同时
    parallel:
      money:
        label: 钱
        steps:
          cost: {label: 费用, who: [{role: admin}], due: 1d}
      craft:
        label: 手艺
        steps:
          skill: {label: 手艺, who: [{role: admin}]}
  chief: {label: 主管, who: [{role: admin}]}
return: {to: [done_step, starter], then: replay}
"""
BEFORE = edited(("job/workflow.yaml", WORKSHOP["job/workflow.yaml"], FLOW)) | {"job/approval.yaml": APPROVAL}
AFTER = edited(
    ("job/entity.yaml", "fault:   {", "trouble: {was: fault, "),
    ("job/entity.yaml", "  parts:\n", "  items:\n    was: parts\n"),
    ("job/entity.yaml", "      part: {", "      item: {was: part, "),
    ("job/workflow.yaml", "asking:  {label", "waiting: {was: asking, label"),
    ("job/workflow.yaml", "during: asking", "during: waiting"),
    ("job/workflow.yaml", "repair:  {label", "fixing:  {was: repair, label"),
    ("job/workflow.yaml", "to: [repair]", "to: [fixing]"),
    ("job/workflow.yaml", "from: [repair]", "from: [fixing]"),
    ("job/workflow.yaml", "  start:  {", "  begin:  {was: start, "),
    ("job/workflow.yaml", "slow: {", "tardy: {was: slow, "),
    ("job/approval.yaml", "[fault, parts]", "[trouble, items]"),
    ("job/approval.yaml", "show: [fault]", "show: [trouble]"),
    ("job/approval.yaml", "  both:\n", "  joint:\n    was: both\n"),
    ("job/approval.yaml", "cost: {", "price: {was: cost, "),
    ("job/approval.yaml", "chief: {", "head: {was: chief, "),
    texts=BEFORE,
)
AGAIN = edited(
    ("job/entity.yaml", "trouble: {was: fault, ", "defect: {was: trouble, "),
    ("job/entity.yaml", "item: {was: part, ", "piece: {was: item, "),
    ("job/entity.yaml", "  items:\n    was: parts\n", "  pieces:\n    was: items\n"),
    ("job/approval.yaml", "[trouble, items]", "[defect, pieces]"),
    ("job/approval.yaml", "show: [trouble]", "show: [defect]"),
    texts=AFTER,
)
WITH_WORK = """\
approval: job_start
entity: job
label: 开工审批
defaults: {duplicate: none}
steps:
  fill:  {label: 填写, who: [{role: admin}], work: [fault]}
  extra: {label: 加审, when: "fault = '大修'", who: [{role: admin}]}
  side:
    label: 并行
    parallel:
      big:  {label: 大修, when: "fault = '大修'", steps: {boss: {label: 老板, who: [{role: admin}]}}}
      rest: {label: 其余, steps: {chief: {label: 主管, who: [{role: admin}]}}}
  sub:   {label: 子审批, call: job_sub}
"""
SUB = """\
approval: job_sub
entity: job
label: 子审批
steps: {head: {label: 主任, who: [{role: admin}]}}
"""
CALLING = BEFORE | {"job/approval.yaml": WITH_WORK, "job_sub/approval.yaml": SUB}
CALLED = edited(
    ("job/approval.yaml", "extra: {label", "more: {was: extra, label"),
    ("job/approval.yaml", "  side:\n", "  beside:\n    was: side\n"),
    ("job/approval.yaml", "sub:   {label", "other: {was: sub, label"),
    texts=CALLING,
)
LINES = [{"part": "带", "qty": 1}]


@pytest.fixture
def store(make_store: MakeStore) -> Store:
    return make_store(BEFORE)


@pytest.fixture
def boss(store: Store) -> Actor:
    return hire(store)


@pytest.fixture
def worker(store: Store, boss: Actor) -> Actor:
    return hire(store, "worker", "fitter")


@pytest.fixture
def job(store: Store, boss: Actor, worker: Actor) -> int:
    machine = make(store, boss, "machine", name="A")
    made = make(store, boss, "job", machine=machine.id, fault="坏了", parts=LINES, owner=worker.id)
    move(store, worker, "job", made.id, "start")
    return made.id


def state(store: Store, job: int) -> ApprovalState:
    with store.read() as session:
        kept = log.read(session, log.find_latest(session, "job", job) or 0)
    assert kept is not None
    return kept.state


def decide(store: Store, actor: Actor, decision: str = "approve", **more: Any) -> ApprovalState:
    with store.write() as session:
        mine = (tasks.c.holder_id == actor.id, tasks.c.state == "open")
        task = session.connection.scalars(select(tasks.c.id).where(*mine).order_by(tasks.c.id)).first()
        assert task is not None, "nothing to decide"
        return commands.decide(session, task, decision, actor=actor, **more)


def stage(store: Store, actor: Actor, job: int) -> str:
    with store.read() as session:
        return str(get_record(session, "job", job, actor=actor).values["stage"])


@pytest.mark.parametrize("renames", [[AFTER], [AFTER, AGAIN], [AFTER, None], [AFTER, AGAIN, None, None]])
def test_a_running_approval_goes_on_under_new_keys_and_the_record_counts_as_unchanged(
    store: Store, boss: Actor, worker: Actor, job: int, renames: list[dict[str, str] | None]
) -> None:
    before = state(store, job)
    for texts in renames:
        if texts is None:
            go_back(store)
        else:
            publish(store, texts, boss)
    assert state(store, job).content == before.content
    decide(store, boss)
    decide(store, boss)
    last = decide(store, boss)
    assert last.status == "approved", [event for event in last.steps]
    assert stage(store, boss, job) in ("fixing", "repair")
    assert_histories_replay(store)


@pytest.mark.parametrize("decided", range(5))
def test_conditions_read_again_and_approvals_waited_for_follow_their_steps(make_store: MakeStore, decided: int) -> None:
    store = make_store(CALLING)
    boss, worker = hire(store), hire(store, "worker", "fitter")
    machine = make(store, boss, "machine", name="A")
    job = make(store, boss, "job", machine=machine.id, fault="坏了", parts=LINES, owner=worker.id).id
    move(store, worker, "job", job, "start")
    answers: list[tuple[str, dict[str, Any]]] = [("complete", {"values": {"fault": "大修"}}), *[("approve", {})] * 4]
    for at, (decision, more) in enumerate(answers):
        if at == decided:
            publish(store, CALLED, boss)
        decide(store, boss, decision, **more)
    assert stage(store, boss, job) == "repair"


def test_a_value_that_is_equal_under_a_new_type_is_equal_content(make_store: MakeStore) -> None:
    decimal = "qty:  {type: decimal, label: 数量, scale: 2}"
    store = make_store(edited(("job/entity.yaml", decimal, "qty:  {type: integer, label: 数量}"), texts=BEFORE))
    boss, worker = hire(store), hire(store, "worker", "fitter")
    machine = make(store, boss, "machine", name="A")
    job = make(store, boss, "job", machine=machine.id, fault="坏了", parts=LINES, owner=worker.id).id
    move(store, worker, "job", job, "start")
    before = state(store, job)
    decide(store, boss)
    publish(store, BEFORE, boss)
    decide(store, boss)
    after = decide(store, boss)
    assert (after.status, after.content) == ("approved", before.content)


def test_what_was_changed_under_a_new_key_is_still_noticed(store: Store, boss: Actor, worker: Actor, job: int) -> None:
    publish(store, AFTER, boss)
    with store.write() as session:
        table = session.tables.entity["job"]
        session.connection.execute(table.update().values(trouble="另一个"))
    with pytest.raises(NotPossibleNow) as refused:
        decide(store, boss)
    assert refused.value.code == "approval.content_changed"


def test_a_step_in_a_branch_can_be_returned_to_under_its_new_key(
    store: Store, boss: Actor, worker: Actor, job: int
) -> None:
    decide(store, boss)
    decide(store, boss)
    publish(store, AFTER, boss)
    assert {step.key for step in state(store, job).steps} == {"joint", "price", "skill", "head"}
    after = decide(store, boss, "return", to="price", reason="再看")
    assert after.step("price").status == "open" and after.running
    with store.read() as session:
        assert set(session.connection.scalars(select(tasks.c.step))) == {"price", "skill", "head"}
        plan = session.connection.scalar(select(approvals.c.plan))
    assert plan["guard"] == ["items", "trouble"] and set(plan["shown"]) == {"trouble"}
    go_back(store)
    assert decide(store, boss).running


def test_timers_stays_and_flags_follow_a_stage_and_a_timer_to_their_new_keys(
    store: Store, clock: SetClock, boss: Actor, worker: Actor, job: int
) -> None:
    publish(store, AFTER, boss)
    with store.read() as session:
        assert session.connection.scalars(select(stays.c.stage)).all() == ["waiting"]
        pending = select(timers.c.key).where(timers.c.state == "pending", timers.c.kind == "stage")
        assert session.connection.scalars(pending).all() == ["tardy"]
    clock.at += timedelta(days=5)
    sweep(store)
    go_back(store)
    with store.read() as session:
        assert session.connection.scalars(select(stays.c.stage)).all() == ["asking"]
        (flag,) = session.connection.execute(select(flags)).all()
    assert flag.flag == "late" and flag.reason == {"timer": "slow", "stage": "asking"}


def test_what_an_entity_left_in_tables_of_the_engine_follows_it_to_its_new_key(
    store: Store, clock: SetClock, boss: Actor, job: int
) -> None:
    texts = edited(
        ("app.yaml", "menu: [machine, job]", "menu: [machine, task]"),
        ("job/entity.yaml", "entity: job\n", "entity: task\nwas: job\n"),
        ("job/workflow.yaml", "entity: job\n", "entity: task\n"),
        ("job/approval.yaml", "entity: job\n", "entity: task\n"),
        texts=BEFORE,
    )
    publish(store, texts, boss)
    clock.at += timedelta(days=5)
    sweep(store)
    with store.read() as session:
        assert session.connection.scalars(select(stays.c.entity)).all() == ["task"]
        assert session.connection.scalars(select(flags.c.entity)).all() == ["task"]
    assert decide(store, boss).running
