"""What users of other engines suffer from, each by name: none of it happens here.

Imports, bulk edit, the board and the API meet the same gates in ``tests/conformance``; the calendar has its own tests.
"""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from engine.automation import timers
from engine.definition.source import SourceFolder, read_folder
from engine.errors import FormworkError, NotPossibleNow
from engine.people import accounts, delegations
from engine.records.commands import update_record
from engine.storage import catalog
from engine.storage.database import Database
from engine.workflow import inbox
from engine.workflow.approval import commands as approvals
from engine.workflow.approval import involving
from tests.racing import at_once
from tests.workflow.site import APP, Site, make_people, open_site

MOVES = """\
  side:  {label: 并行, from: [draft], to: [approved], during: review, approval: side}
  timed: {label: 限时, from: [draft], to: [approved], during: review, approval: timed}
"""
FILES = {
    "side": """\
approval: side
entity: payment
label: 并行
guard: [items]
defaults: {duplicate: none}
steps:
  boss: {label: 上级, who: [{manager_of: starter}]}
  both:
    label: 同时
    parallel:
      money: {label: 财务, steps: {finance: {label: 财务会签, who: [{role: finance}], decide: all}}}
      board: {label: 董事长, steps: {chair: {label: 董事长, who: [{user: chair}]}}}
return: {to: [starter, done_step], then: replay}
""",
    "timed": """\
approval: timed
entity: payment
label: 限时
guard: [items]
defaults: {duplicate: none}
steps:
  boss:
    label: 上级
    who: [{manager_of: starter}]
    due: 4h
    allow: [approve, refuse, return, add_before, comment]
    late: {full: {at: 100%, do: [{escalate: [{manager_of: holder}]}]}}
  money: {label: 财务, who: [{user: money}]}
return: {to: [starter, done_step], then: replay}
""",
}


def sources() -> SourceFolder:
    files = dict(read_folder(APP).files)
    files["payment/workflow.yaml"] = files["payment/workflow.yaml"].replace("moves:\n", "moves:\n" + MOVES)
    return SourceFolder(files | {f"payment_{key}/approval.yaml": text for key, text in FILES.items()})


@pytest.fixture
def site(database: Database, tmp_path: Path) -> Site:
    return open_site(database, tmp_path, sources(), make_people)


def sweep(site: Site, hours: float) -> None:
    site.clock.at += timedelta(hours=hours)
    timers.sweep(site.store)


def test_a_return_inside_a_parallel_block_loses_no_task(site: Site) -> None:
    record = site.submitted("side")
    site.decide("manager", record)
    site.decide("money", record)
    site.decide("chair", record, "return", to="boss")
    assert site.waiting(record) == ["manager"]
    site.decide("manager", record)
    assert sorted(site.waiting(record)) == ["chair", "money", "money2"]


def test_a_refusal_inside_a_countersign_leaves_nobody_with_a_task(site: Site) -> None:
    record = site.submitted("side")
    site.decide("manager", record)
    site.decide("money2", record, "refuse")
    assert (site.waiting(record), site.stage(record)) == ([], "draft")
    with site.store.read() as session:
        for login in ("money", "chair"):
            assert inbox.list_tasks(session, actor=site.actor(login)).items == ()


def test_several_people_approve_in_one_stage(site: Site) -> None:
    record = site.submitted("check")
    for login in ("money", "money2", "boss"):
        assert site.stage(record) == "review"
        site.decide(login, record)
    assert site.stage(record) == "approved"


def test_an_approver_on_leave_does_not_freeze_the_flow(site: Site) -> None:
    record = site.submitted()
    task = site.task("manager", record)
    with site.store.write() as session:
        delegations.create_delegation(
            session,
            principal=site.people["manager"],
            deputy=site.people["boss"],
            starts_at=site.clock.at,
            ends_at=site.clock.at + timedelta(days=5),
            actor=site.actor("manager"),
        )
    site.decide("boss", record, task=task)
    assert site.stage(record) == "approved"


def test_what_is_late_is_escalated(site: Site) -> None:
    record = site.submitted("timed")
    sweep(site, 4)
    assert site.waiting(record) == ["manager", "boss"]


def test_a_double_click_submits_once(site: Site) -> None:
    record = site.create()
    answers = at_once(8, lambda at: site.move("clerk", record, "submit", version=record.version))
    assert sum(not isinstance(answer, FormworkError) for answer in answers) == 1
    assert site.events(record).count("approval.asked") == 1


def test_a_changed_flow_strands_no_record_that_is_on_its_way(site: Site) -> None:
    record = site.submitted("side")
    changed = dict(sources().files)
    changed["payment_side/approval.yaml"] = (
        "approval: side\nentity: payment\nlabel: 并行\nguard: [items]\n"
        "steps: {chair: {label: 董事长, who: [{user: chair}]}}\n"
    )
    with_release(site, SourceFolder(changed))
    site.decide("manager", record)
    assert sorted(site.waiting(record)) == ["chair", "money", "money2"]
    for login in ("money", "money2", "chair"):
        site.decide(login, record)
    assert site.stage(record) == "approved"
    assert site.waiting(site.submitted("side")) == ["chair"]


def with_release(site: Site, folder: SourceFolder) -> None:
    catalog.publish(site.store, folder, actor_id=None)


def test_a_timer_is_armed_anew_when_its_step_is_entered_again(site: Site) -> None:
    record = site.submitted("timed")
    site.clock.at += timedelta(hours=3)
    site.decide("manager", record)
    site.decide("money", record, "return", to="boss")
    sweep(site, 3)
    assert site.waiting(record) == ["manager"]
    sweep(site, 1)
    assert site.waiting(record) == ["manager", "boss"]


def test_writing_the_stage_never_walks_around_the_approval(site: Site) -> None:
    records = [site.create(), site.create()]
    for record in records:
        with pytest.raises(FormworkError), site.store.write() as session:
            raw = {"stage": "approved"}
            update_record(session, "payment", record.id, raw, version=record.version, actor=site.actor("boss"))
        assert site.stage(record) == "draft"


def test_a_refusal_keeps_what_was_filled_in(site: Site) -> None:
    record = site.submitted(note="很长的说明", price=700)
    site.decide("manager", record, "refuse")
    values = site.record(record.id).values
    assert (values["note"], str(values["total"]), site.stage(record)) == ("很长的说明", "700.00", "draft")


def test_the_list_of_what_i_did_shows_only_what_i_decided(site: Site) -> None:
    record = site.submitted(price=20_000)
    site.decide("manager", record)
    site.decide("boss", record)
    with site.store.read() as session:
        done = {
            login: [one.record_id for one in inbox.list_tasks(session, actor=site.actor(login), box="done").items]
            for login in ("manager", "boss", "money", "chair")
        }
    assert done == {"manager": [record.id], "boss": [record.id], "money": [], "chair": []}


def test_no_approver_found_is_a_sentence_and_no_crash(site: Site) -> None:
    with site.store.write() as session:
        accounts.disable_user(session, site.people["chair"], actor=None)
    record = site.create()
    with pytest.raises(NotPossibleNow) as refused:
        site.move("clerk", record, "nobody")
    assert "找不到审批人" in refused.value.text("zh")
    assert site.stage(record) == "draft"


def test_the_clock_knows_lunch_nights_and_days_worked_instead_of_holidays(site: Site) -> None:
    due = {}
    for said, moment in (("lunch", "2026-03-03T03:00"), ("holiday", "2026-09-30T08:30")):
        site.clock.at = site.clock.at.fromisoformat(f"{moment}+00:00")
        due[said] = site.state(site.submitted()).open_tasks[0].due
    hours = {said: moment for said, moment in due.items() if moment is not None}
    assert hours["lunch"].isoformat() == "2026-03-04T03:00:00+00:00"
    assert hours["holiday"].date().isoformat() > "2026-10-07"


def test_nobody_is_shown_an_error_of_a_lock(site: Site) -> None:
    record = site.submitted(price=20_000)
    site.decide("manager", record)
    site.decide("boss", record)
    tasks = {login: site.task(login, record) for login in ("money", "money2")}

    def act(number: int) -> Any:
        login = ("money", "money2")[number % 2]
        with site.store.write() as session:
            return approvals.decide(session, tasks[login], "approve", actor=site.actor(login))

    answers = at_once(12, act)
    refused = [answer for answer in answers if isinstance(answer, FormworkError)]
    assert len(refused) == 11
    assert all(isinstance(answer, NotPossibleNow) and "无需重复操作" in answer.text("zh") for answer in refused)


def test_a_timer_lives_again_when_a_task_comes_back_from_whoever_was_added_before_it(site: Site) -> None:
    record = site.submitted("timed")
    for login in ("money", "money2"):
        task, asked = site.task("manager", record), site.people[login]
        with site.store.write() as session:
            involving.add(session, task, [asked], where="before", reason="看价", actor=site.actor("manager"))
        sweep(site, 1)
        assert site.waiting(record) == [login]
        site.decide(login, record)
        assert site.waiting(record) == ["manager"]
    sweep(site, 1)
    assert site.waiting(record) == ["manager"]
    sweep(site, 1)
    assert site.waiting(record) == ["manager", "boss"]
