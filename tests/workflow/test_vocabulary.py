"""The vocabulary of approvals as people use it, on real databases."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from engine.automation import timers
from engine.automation.outbox import drain
from engine.errors import FormworkError, InvalidValues, NotAllowed, NotFound, NotPossibleNow
from engine.people import delegations, groups
from engine.records.commands import update_record
from engine.records.record import Record
from engine.storage.approval_tables import approval_copies
from engine.storage.database import Database
from engine.storage.system_tables import notices
from engine.storage.timers import list_timers
from engine.workflow import inbox
from engine.workflow.approval import batch, drafts, involving, log
from engine.workflow.approval import commands as approvals
from engine.workflow.panel import find_panel
from tests.racing import at_once
from tests.workflow.site import Site
from tests.workflow.vocabulary import do, open_task, open_vocabulary, png


@pytest.fixture
def site(database: Database, tmp_path: Path) -> Site:
    return open_vocabulary(database, tmp_path)


def test_whoever_was_added_cannot_ask_advice_of_whoever_waits_for_them_and_their_answer_counts(site: Site) -> None:
    record = site.submitted("rich")
    do(site, "manager", involving.add, open_task(site, "manager", record), [site.people["money"]], where="before")
    task = open_task(site, "money", record)
    with pytest.raises(InvalidValues):
        do(site, "money", involving.consult, task, site.people["manager"], "贵吗？")
    site.decide("money", record, task=task)
    site.decide("manager", record)


def test_branches_a_share_and_a_signature_to_the_end_with_a_copy(site: Site) -> None:
    record = site.submitted("rich")
    site.decide("manager", record)
    assert sorted(site.waiting(record)) == ["boss", "chair", "money", "money", "money2"]
    site.decide("boss", record)
    board = next(t for t in site.state(record).open_tasks if t.step == "board" and t.person.id == site.people["money"])
    with site.store.read() as session:
        kept = log.read(session, site.approval(record))
    assert kept is not None
    site.decide("money", record, task=kept.task_ids[board.number - 1])
    finance = next(t for t in site.state(record).open_tasks if t.person.id == site.people["money"])
    site.decide("money", record, task=kept.task_ids[finance.number - 1])
    site.decide("money2", record)
    assert site.waiting(record) == ["chair"]
    with pytest.raises(InvalidValues) as refused:
        site.decide("chair", record)
    assert refused.value.errors[0].code == "approval.signature_required"
    state = site.decide("chair", record, signature=png())
    assert state.status == "approved"
    assert site.stage(record) == "approved"
    with site.store.read() as session:
        assert session.connection.scalars(select(approval_copies.c.user_id)).all() == [site.people["other"]]
        page = inbox.list_tasks(session, actor=site.actor("other"), box="copied")
        panel = find_panel(session, "payment", record.id, actor=site.actor("clerk"))
    assert [item.record_id for item in page.items] == [record.id]
    assert panel is not None
    assert panel.can_revoke


def test_what_was_approved_is_undone_through_its_own_approval(site: Site) -> None:
    record = site.submitted("rich")
    for login in ("manager", "boss", "money", "money", "money2"):
        site.decide(login, record, task=open_task(site, login, record))
    site.decide("chair", record, signature=png())
    approved = site.approval(record)
    do(site, "clerk", approvals.revoke, approved, reason="客户改单")
    assert site.stage(record) == "approved"
    with pytest.raises(NotPossibleNow):
        site.move("clerk", record, "void", reason="x", raw={"why": "x"})
    site.decide("manager", record)
    assert site.stage(record) == "draft"
    with site.store.read() as session:
        kept = log.read(session, approved)
    assert kept is not None
    assert kept.state.status == "revoked"


def test_whoever_submits_chooses_and_only_among_those_offered(site: Site) -> None:
    record = site.create()
    for chosen, code in (
        ({}, "approval.choose_between"),
        ({"one": [site.people["clerk"]]}, "approval.choose_not_yourself"),
        ({"one": [site.people["other"]]}, "approval.choose_others"),
    ):
        with pytest.raises(InvalidValues) as refused:
            site.move("clerk", record, "pick", chosen=chosen)
        assert (refused.value.errors[0].path, refused.value.errors[0].code) == ("chosen.one", code)
    site.move("clerk", record, "pick", chosen={"one": [site.people["money"], site.people["boss"]]})
    assert site.waiting(record) == ["money", "boss"]


def test_a_role_is_matched_with_the_value_of_a_field(site: Site) -> None:
    with site.store.write() as session:
        groups.set_responsible(session, site.people["money2"], "title", ["买钢材"], actor=None)
    record = site.create(urgent=True)
    site.move("clerk", record, "pick", chosen={"one": [site.people["boss"]]})
    site.decide("boss", record)
    assert site.waiting(record) == ["money2"]


def test_work_fills_fields_decides_what_follows_and_is_put_back_when_refused(site: Site) -> None:
    record = site.submitted("worked")
    with pytest.raises(InvalidValues) as refused:
        site.decide("manager", record, "complete", values={})
    assert refused.value.errors[0].path == "margin"
    with pytest.raises(NotAllowed):
        site.decide("manager", record, "complete", values={"title": "别的"})
    site.decide("manager", record, "complete", values={"margin": "5%"})
    assert site.waiting(record) == ["boss"]
    assert str(site.record(record.id).values["margin"]) in ("0.05", "0.0500")
    site.decide("boss", record, "refuse")
    assert site.record(record.id).values.get("margin") is None
    assert site.stage(record) == "draft"


def test_an_approval_waits_for_another_and_is_refused_with_it(site: Site) -> None:
    record = site.submitted("called")
    task = child_task(site, record, "manager")
    do(site, "manager", approvals.decide, task, "approve")
    assert site.waiting(record) == ["money"]
    other = site.submitted("called")
    do(site, "manager", approvals.decide, child_task(site, other, "manager"), "refuse", reason="不行")
    assert (site.state(other).status, site.stage(other)) == ("refused", "draft")
    third = site.submitted("called")
    task = child_task(site, third, "manager")
    site.withdraw("clerk", third)
    with pytest.raises(NotPossibleNow):
        do(site, "manager", approvals.decide, task, "approve")


def child_task(site: Site, record: Record, login: str) -> int:
    with site.store.read() as session:
        children = log.find_children(session, site.approval(record))
        kept = log.read(session, children["sub"])
    assert kept is not None
    assert [task.person.id for task in kept.state.open_tasks] == [site.people[login]]
    return kept.task_ids[0]


def test_of_a_pool_one_takes_it(site: Site) -> None:
    record = site.submitted("pooled")
    tasks = [open_task(site, login, record) for login in ("money", "money2")]
    answers = at_once(2, lambda at: do(site, ("money", "money2")[at], involving.claim, tasks[at]))
    assert sum(isinstance(answer, FormworkError) for answer in answers) == 1
    [holder] = site.waiting(record)
    site.decide(holder, record)
    assert site.stage(record) == "approved"


def test_late_rules_remind_escalate_and_hand_over_each_once(site: Site) -> None:
    record = site.submitted("late")
    with site.store.read() as session:
        assert len(list_timers(session, "payment", record.id)) == 3
    assert timers.sweep(site.store) == 0
    for hours, waiting in ((2, ["manager"]), (4, ["manager", "boss"]), (8, ["boss", "money"])):
        site.clock.at += timedelta(hours=hours) - (site.clock.at - site.state(record).started_at)
        timers.sweep(site.store)
        timers.sweep(site.store)
        assert site.waiting(record) == waiting
    drain(site.store)
    with site.store.read() as session:
        kinds = session.connection.scalars(select(notices.c.kind).order_by(notices.c.id)).all()
    assert kinds.count("approval_late") == 1
    site.decide("money", record)
    with site.store.read() as session:
        assert list_timers(session, "payment", record.id) == []


def test_a_deputy_decides_within_the_dates_and_never_after(site: Site) -> None:
    now = site.clock.at
    given: dict[str, Any] = {"principal": site.people["manager"], "deputy": site.people["boss"]}
    do(site, "manager", delegations.create_delegation, **given, starts_at=now, ends_at=now + timedelta(days=2))
    first, second = site.submitted(), site.submitted()
    task = open_task(site, "manager", first)
    with site.store.read() as session:
        assert task in [item.task for item in inbox.list_tasks(session, actor=site.actor("boss")).items]
    state = do(site, "boss", approvals.decide, task, "approve")
    assert (state.tasks[0].person.name, state.tasks[0].decided_by.name) == ("李经理", "王总")
    late = open_task(site, "manager", second)
    site.clock.at = now + timedelta(days=2)
    with pytest.raises(NotFound):
        do(site, "boss", approvals.decide, late, "approve")
    with pytest.raises(InvalidValues):
        do(site, "boss", delegations.create_delegation, principal=site.people["boss"], deputy=site.people["boss"],
           starts_at=now, ends_at=now + timedelta(days=9))  # fmt: skip


def test_delegations_never_go_round_in_a_ring_nor_too_far(site: Site) -> None:
    now = site.clock.at
    dates = {"starts_at": now, "ends_at": now + timedelta(days=2)}
    row = ["clerk", "manager", "boss", "chair", "money"]
    for principal, deputy in zip(row[:3], row[1:4], strict=True):
        do(site, "admin", delegations.create_delegation, principal=site.people[principal], deputy=site.people[deputy],
           **dates)  # fmt: skip
    for principal, deputy, code in (
        ("chair", "clerk", "people.delegation_ring"),
        ("chair", "money", "people.delegation_chain"),
    ):
        with pytest.raises(InvalidValues) as refused:
            do(site, "admin", delegations.create_delegation, principal=site.people[principal],
               deputy=site.people[deputy], **dates)  # fmt: skip
        assert refused.value.errors[0].code == code


def test_many_are_decided_at_once_and_none_skips_a_reason_or_a_signature(site: Site) -> None:
    records = [site.submitted(), site.submitted("rich")]
    tasks = [open_task(site, "manager", record) for record in records]
    done = do(site, "manager", batch.decide_many, tasks, "refuse")
    assert all(one.refused is not None for one in done)
    done = do(site, "manager", batch.decide_many, tasks, "approve")
    assert [one.refused for one in done] == [None, None]
    again = do(site, "manager", batch.decide_many, tasks, "approve")
    assert all(isinstance(one.refused, NotPossibleNow) for one in again)


def test_reminders_remarks_and_copies_reach_people_and_drafts_stay_private(site: Site) -> None:
    record = site.submitted("rich")
    approval, task = site.approval(record), open_task(site, "manager", record)
    do(site, "clerk", involving.urge, approval)
    with pytest.raises(NotPossibleNow):
        do(site, "clerk", involving.urge, approval)
    do(site, "manager", involving.comment, approval, "看一下", mentions=[site.people["boss"]])
    do(site, "manager", involving.copy, task, [site.people["money"]])
    do(site, "manager", drafts.save_draft, task, "再想想")
    with site.store.read() as session:
        assert drafts.find_draft(session, task, actor=site.actor("manager")) == "再想想"
        assert drafts.find_draft(session, task, actor=site.actor("boss")) == ""
    drain(site.store)
    with site.store.read() as session:
        rows = session.connection.execute(select(notices.c.user_id, notices.c.kind)).all()
    told = {(user, kind) for user, kind in rows}
    people = site.people
    assert {(people["manager"], "approval_urged"), (people["boss"], "approval_mentioned")} <= told
    assert (people["money"], "approval_copied") in told


def test_nobody_is_involved_who_cannot_see_the_record(site: Site) -> None:
    record = site.submitted("rich")
    with pytest.raises(InvalidValues) as refused:
        do(site, "manager", involving.consult, open_task(site, "manager", record), site.people["other"], "?")
    assert refused.value.errors[0].code == "approval.person_blind"


def test_a_terminated_approval_needs_an_administrator_and_a_reason(site: Site) -> None:
    record = site.submitted("rich")
    with pytest.raises(NotAllowed):
        do(site, "clerk", approvals.terminate, site.approval(record), reason="x")
    with pytest.raises(InvalidValues):
        do(site, "admin", approvals.terminate, site.approval(record), reason=" ")
    do(site, "admin", approvals.terminate, site.approval(record), reason="作废")
    assert (site.state(record).status, site.stage(record)) == ("terminated", "draft")


def test_a_hundred_clicks_at_once_have_one_effect_and_ninety_nine_friendly_answers(site: Site) -> None:
    record = site.submitted()
    task = open_task(site, "manager", record)
    actor = site.actor("manager")

    def click(number: int) -> Any:
        with site.store.write() as session:
            return approvals.decide(session, task, "approve", action_id=f"click-{number}", actor=actor)

    answers = at_once(100, click)
    refused = [answer for answer in answers if isinstance(answer, FormworkError)]
    assert len(refused) == 99
    assert {one.text("zh") for one in refused} == {"已由 李经理 在 10:00 同意，无需重复操作。"}
    assert site.stage(record) == "approved"


def test_guarded_fields_stay_locked_wherever_the_record_stands(site: Site) -> None:
    """21: while an undo is decided about, the record stands in a stage that locks nothing of itself."""
    record = site.submitted("free")
    site.decide("manager", record)
    assert site.stage(record) == "open"
    do(site, "clerk", approvals.revoke, site.approval(record), reason="改")
    items = [{"what": "别的", "price": "1"}]
    for login in ("clerk", "manager"):
        seen = site.record(record.id, login)
        with pytest.raises(InvalidValues) as refused:
            do(site, login, update_record, "payment", record.id, {"items": items}, version=seen.version)
        assert refused.value.errors[0].code == "value.in_approval"
    seen = site.record(record.id, "clerk")
    do(site, "clerk", update_record, "payment", record.id, {"note": "可以改"}, version=seen.version)
