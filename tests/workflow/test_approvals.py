"""Approvals on real databases: submit, decide, withdraw, hand over; who, when, once."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from engine.errors import FormworkError, InvalidValues, NotAllowed, NotFound, NotPossibleNow
from engine.people import accounts
from engine.records.commands import update_record
from engine.records.queries import get_record
from engine.storage.approval_tables import approval_events, tasks
from engine.storage.system_tables import user_roles
from engine.workflow.approval import commands as approvals
from engine.workflow.approval import involving
from engine.workflow.approval import log as approval_log
from engine.workflow.approval.fold import fold
from tests.racing import at_once
from tests.workflow.site import Site


def test_a_submission_waits_for_the_manager_and_is_approved_by_them(site: Site) -> None:
    record = site.submitted()
    assert site.stage(record) == "review"
    assert site.waiting(record) == ["manager"]
    state = site.decide("manager", record)
    assert state.status == "approved"
    assert site.stage(record) == "approved"


def test_the_path_depends_on_the_values_submitted(site: Site) -> None:
    record = site.submitted(price=20_000)
    path = []
    while site.state(record).running:
        path.append(site.waiting(record))
        site.decide(path[-1][0], record)
    assert path == [["manager"], ["boss"], ["money", "money2"]]
    assert site.stage(record) == "approved"


def test_a_small_amount_passes_without_anybody_and_says_why(site: Site) -> None:
    record = site.submitted(price=50)
    assert site.stage(record) == "approved"
    assert site.state(record).auto_note == {"zh": "小额免审"}
    assert site.state(record).tasks == ()


def test_what_is_hidden_from_the_clerk_still_decides_about_the_path(site: Site) -> None:
    record = site.create(price=50)
    with site.store.write() as session:
        actor = site.actor("manager")
        record = update_record(session, "payment", record.id, {"margin": "5%"}, version=record.version, actor=actor)
    site.move("clerk", record, "submit")
    assert site.waiting(record) == ["manager"]
    with site.store.read() as session:
        seen = get_record(session, "payment", record.id, actor=site.actor("clerk"))
    assert "margin" not in seen.values


def test_a_due_moment_counts_working_time(site: Site) -> None:
    record = site.submitted()
    assert site.state(record).open_tasks[0].due == site.clock.at + timedelta(days=1)


def test_refusal_sends_the_record_where_the_move_says(site: Site) -> None:
    back = site.submitted()
    site.decide("manager", back, "refuse")
    assert (site.state(back).status, site.stage(back)) == ("refused", "draft")
    away = site.submitted("check")
    site.decide("money", away, "refuse")
    assert (site.state(away).status, site.stage(away)) == ("refused", "void")


def test_a_returned_record_comes_back_to_be_changed_and_submitted_in_a_new_round(site: Site) -> None:
    record = site.submitted()
    site.decide("manager", record, "return", reason="请补说明")
    assert site.stage(record) == "draft"
    again = site.record(record.id, "clerk")
    with site.store.write() as session:
        update_record(session, "payment", record.id, {"note": "补充"}, version=again.version, actor=site.actor("clerk"))
    site.move("clerk", record, "submit")
    assert (site.state(record).round, site.waiting(record)) == (2, ["manager"])


def test_everybody_of_a_countersign_is_needed(site: Site) -> None:
    record = site.submitted("check")
    assert site.waiting(record) == ["money", "money2", "boss"]
    for login in ("money2", "boss"):
        site.decide(login, record)
        assert site.stage(record) == "review"
    site.decide("money", record)
    assert site.stage(record) == "approved"


def test_a_chain_of_managers_is_asked_one_after_another_up_to_the_role(site: Site) -> None:
    record = site.submitted("sequence")
    assert site.waiting(record) == ["manager"]
    site.decide("manager", record)
    assert site.waiting(record) == ["boss"]
    site.decide("boss", record)
    assert site.stage(record) == "approved"


def test_whoever_approves_just_before_is_not_asked_again(site: Site) -> None:
    record = site.submitted(login="manager", price=20_000)
    site.decide("boss", record)  # as the manager's manager, and then again as director
    assert site.waiting(record) == ["money", "money2"]
    assert site.state(record).tasks[1].cites == 1


def test_the_starter_never_decides_their_own(site: Site) -> None:
    record = site.submitted("check", login="boss")
    assert site.waiting(record) == ["money", "money2", "chair"]
    assert site.state(record).tasks[2].person.why.note == "self"


# ---- nobody to ask


def test_an_approval_none_of_whose_steps_applies_asks_the_fallback(site: Site) -> None:
    record = site.submitted("strict", price=500)
    assert site.waiting(record) == ["admin"]


def test_a_starter_who_is_the_only_approver_is_replaced_by_the_empty_policy(site: Site) -> None:
    record = site.submitted("strict", login="boss", price=20_000)
    assert site.waiting(record) == ["admin"]
    assert site.state(record).tasks[0].person.why.note == "empty"


def test_a_submission_that_would_strand_is_refused_and_writes_nothing(site: Site) -> None:
    with site.store.write() as session:
        accounts.disable_user(session, site.people["chair"], actor=None)
    record = site.create()
    before = site.rows()
    with pytest.raises(NotPossibleNow) as refused:
        site.move("clerk", record, "nobody")
    assert refused.value.text("zh") == "步骤“法务”找不到审批人，请联系管理员设置后再提交。"
    assert site.rows() == before
    assert site.stage(record) == "draft"


def test_an_approval_that_finds_nobody_on_the_way_stands_still_until_resumed(site: Site) -> None:
    record = site.submitted("nobody")
    with site.store.write() as session:
        session.connection.execute(update(user_roles).where(user_roles.c.role == "guest").values(role="clerk"))
    site.decide("manager", record)
    state = site.state(record)
    assert state.running and not state.open_tasks
    assert state.stranded is not None and state.stranded.key == "second"
    assert "approval.stranded" in site.events(record)
    with site.store.write() as session, pytest.raises(NotAllowed):
        approvals.resume(session, site.approval(record), actor=site.actor("clerk"))
    with site.store.write() as session:
        accounts.set_roles(session, site.people["other"], ["clerk", "legal"], actor=None)
    with site.store.write() as session:
        approvals.resume(session, site.approval(record), actor=site.actor("admin"))
    assert site.waiting(record) == ["other"]
    site.decide("other", record)
    assert site.stage(record) == "approved"


def test_people_are_read_when_their_step_opens(site: Site) -> None:
    record = site.submitted(price=20_000)
    with site.store.write() as session:
        accounts.set_roles(session, site.people["other"], ["clerk", "director"], actor=None)
        accounts.disable_user(session, site.people["boss"], actor=None)
    site.decide("manager", record)
    assert site.waiting(record) == ["other"]


# ---- one decision, one effect


def test_an_action_sent_again_gets_the_same_answer_and_has_one_effect(site: Site) -> None:
    record = site.submitted("check")
    first = site.decide("money", record, action_id="click-1")
    site.decide("boss", record)
    written = site.rows()
    again = site.decide("money", record, action_id="click-1")
    assert again == first
    assert site.rows() == written


def test_the_same_action_id_of_somebody_else_is_another_action(site: Site) -> None:
    record = site.submitted("check")
    site.decide("money", record, action_id="1")
    site.decide("boss", record, action_id="1")
    assert site.waiting(record) == ["money2"]


def test_the_second_decision_is_told_who_was_first_and_when(site: Site) -> None:
    record = site.submitted(price=20_000)
    site.decide("manager", record)
    site.decide("boss", record)
    late = site.task("money2", record)
    site.clock.advance(timedelta(minutes=42))
    site.decide("money", record)
    with pytest.raises(NotPossibleNow) as refused:
        site.decide("money2", record, "refuse", task=late)
    assert refused.value.text("zh") == "已由 钱会计 在 10:42 同意，与你的选择相反，你的处理没有生效。"
    said = "钱会计 approved this at 10:42; that is the opposite of what you chose, and yours was not done."
    assert refused.value.text("en") == said
    site.clock.advance(timedelta(days=1))
    with pytest.raises(NotPossibleNow) as later:
        site.decide("money2", record, task=late)
    assert "2026-03-03 10:42" in later.value.text("zh")


@pytest.mark.parametrize("same", [True, False], ids=["one action id", "an action id each"])
def test_a_hundred_clicks_at_once_are_one_effect(site: Site, same: bool) -> None:
    record = site.submitted()
    task, actor = site.task("manager", record), site.actor("manager")

    def click(number: int) -> Any:
        with site.store.write() as session:
            action = "click" if same else f"click {number}"
            return approvals.decide(session, task, "approve", action_id=action, actor=actor)

    answers = at_once(100, click)
    refused = [answer for answer in answers if isinstance(answer, FormworkError)]
    if same:
        assert all(answer == answers[0] for answer in answers)
        assert not refused
    else:
        said = {answer.text("zh") for answer in refused if isinstance(answer, NotPossibleNow)}
        assert len(refused) == 99
        assert said == {"已由 李经理 在 10:00 同意，无需重复操作。"}
    assert site.stage(record) == "approved"
    with site.store.read() as session:
        decided = select(approval_events.c.id).where(approval_events.c.type == "decided")
        assert len(session.connection.execute(decided).all()) == 1
    assert [row.action for row in site.history(record)] == ["create", "move", "approve", "move"]


def test_of_approving_refusing_and_withdrawing_at_once_exactly_one_takes_effect(site: Site) -> None:
    for _ in range(5):
        record = site.submitted()
        task, approval = site.task("manager", record), site.approval(record)
        manager, clerk = site.actor("manager"), site.actor("clerk")

        def act(number: int, task: int = task, approval: int = approval, people: Any = (manager, clerk)) -> Any:
            with site.store.write() as session:
                if number == 0:
                    return approvals.withdraw(session, approval, actor=people[1])
                decision = ("approve", "refuse", "return")[number - 1]
                return approvals.decide(session, task, decision, reason="理由", actor=people[0])

        answers = at_once(4, act)
        refused = [answer for answer in answers if isinstance(answer, NotPossibleNow)]
        assert len(refused) == 3
        state = site.state(record)
        assert not state.running and not state.open_tasks
        expected = "approved" if state.status == "approved" else "draft"
        assert site.stage(record) == expected


def test_two_submissions_at_once_start_one_approval(site: Site) -> None:
    record = site.create()
    actor = site.actor("clerk")

    def submit(number: int) -> Any:
        return site.move("clerk", record, "submit", version=record.version)

    answers = at_once(6, submit)
    assert sum(not isinstance(answer, FormworkError) for answer in answers) == 1
    assert all(isinstance(answer, NotPossibleNow) for answer in answers if isinstance(answer, FormworkError))
    with site.store.read() as session:
        assert len(approval_log.find_rounds(session, "payment", record.id)) == 1
    assert actor.id == site.state(record).starter.id


# ---- who may


def test_a_task_of_somebody_else_is_not_found(site: Site) -> None:
    record = site.submitted()
    task = site.task("manager", record)
    before = site.rows()
    for login in ("boss", "clerk", "other", "admin"):
        with pytest.raises(NotFound):
            site.decide(login, record, task=task)
    with pytest.raises(NotFound):
        site.decide("manager", record, task=10**9)
    assert site.rows() == before


def test_a_reason_is_required_where_the_step_says_so(site: Site) -> None:
    record = site.submitted()
    with pytest.raises(InvalidValues) as refused:
        site.decide("manager", record, "refuse", reason="  ")
    assert refused.value.errors[0].text("zh") == "请填写原因。"
    with pytest.raises(InvalidValues):
        site.decide("manager", record, "refuse", reason="长" * 2001)
    with pytest.raises(InvalidValues):
        site.decide("manager", record, "explode")
    assert site.waiting(record) == ["manager"]


def test_a_holder_may_read_what_they_decide_about(site: Site) -> None:
    record = site.create(expert=site.people["other"])
    site.move("clerk", record, "submit")
    site.decide("manager", record)
    assert site.waiting(record) == ["other"]
    assert site.record(record.id, "other").values["title"] == "买钢材"


def test_somebody_disabled_since_they_opened_the_page_does_not_decide(site: Site) -> None:
    record = site.submitted()
    task, actor = site.task("manager", record), site.actor("manager")
    with site.store.write() as session:
        accounts.disable_user(session, actor.id, actor=None)
    with pytest.raises(NotAllowed), site.store.write() as session:
        approvals.decide(session, task, "approve", actor=actor)
    assert site.state(record).running


# ---- withdrawing


def test_the_starter_withdraws_until_the_first_decision(site: Site) -> None:
    record = site.submitted(price=20_000)
    site.withdraw("clerk", record, reason="改一下")
    assert (site.state(record).status, site.stage(record)) == ("withdrawn", "draft")
    site.move("clerk", record, "submit")
    site.decide("manager", record)
    with pytest.raises(NotPossibleNow) as refused:
        site.withdraw("clerk", record)
    assert refused.value.text("zh") == "李经理 已在 10:00 处理，不能再撤回，请联系审批人退回。"


def test_withdrawing_follows_the_policy_of_the_approval(site: Site) -> None:
    never = site.submitted("sequence")
    with pytest.raises(NotPossibleNow):
        site.withdraw("clerk", never)
    any_time = site.submitted("check")
    site.decide("money", any_time)
    site.withdraw("clerk", any_time)
    assert site.stage(any_time) == "draft"


def test_only_the_starter_withdraws_and_a_stranger_does_not_learn_of_it(site: Site) -> None:
    record = site.submitted()
    with pytest.raises(NotAllowed):
        site.withdraw("boss", record)
    with pytest.raises(NotFound):
        site.withdraw("other", record)
    assert site.state(record).running


# ---- content, transfer, comment


def test_what_is_filled_in_while_submitting_is_what_is_decided_about(site: Site) -> None:
    record = site.create()
    raw = {"items": [{"what": "钢材", "price": "1234.50"}, {"what": "运费", "price": 20_000}], "urgent": True}
    site.move("clerk", record, "submit", raw=raw)
    assert site.record(record.id).values["urgent"] is True
    for login in ("manager", "boss", "money"):
        site.decide(login, record)
    assert site.stage(record) == "approved"


def test_a_decision_about_changed_content_is_refused(site: Site) -> None:
    record = site.submitted()
    with site.store.write() as session:
        lines = session.tables.lines["payment", "items"]
        session.connection.execute(update(lines).where(lines.c.parent_id == record.id).values(what="金条"))
    with pytest.raises(NotPossibleNow) as refused:
        site.decide("manager", record)
    assert refused.value.code == "approval.content_changed"
    assert site.waiting(record) == ["manager"]


def test_guarded_fields_cannot_be_edited_while_the_approval_runs(site: Site) -> None:
    record = site.submitted()
    now = site.record(record.id, "clerk")
    raw = {"items": [{"what": "金条", "price": 1}]}
    with pytest.raises(InvalidValues), site.store.write() as session:
        update_record(session, "payment", record.id, raw, version=now.version, actor=site.actor("clerk"))
    site.decide("manager", record)
    assert site.stage(record) == "approved"


def test_a_handed_over_task_belongs_to_its_new_holder(site: Site) -> None:
    record = site.submitted()
    task = site.task("manager", record)
    with site.store.write() as session:
        involving.transfer(session, task, site.people["boss"], reason="出差", actor=site.actor("manager"))
    assert site.waiting(record) == ["boss"]
    with pytest.raises(NotPossibleNow) as refused:
        site.decide("manager", record, task=task)
    assert refused.value.text("zh") == "这项待办已在 10:00 转交给 王总。"
    site.decide("boss", record)
    assert site.stage(record) == "approved"


@pytest.mark.parametrize("to", ["clerk", "gone"])
def test_a_task_is_not_handed_to_the_starter_or_to_somebody_disabled(site: Site, to: str) -> None:
    record = site.submitted()
    with site.store.write() as session:
        accounts.disable_user(session, site.people["other"], actor=None)
    heir = site.people["other" if to == "gone" else to]
    with pytest.raises(InvalidValues) as refused, site.store.write() as session:
        involving.transfer(session, site.task("manager", record), heir, actor=site.actor("manager"))
    assert refused.value.errors[0].path == "to"


def test_a_comment_is_kept_and_decides_nothing(site: Site) -> None:
    record = site.submitted()
    with site.store.write() as session:
        involving.comment(session, site.approval(record), "请尽快", actor=site.actor("clerk"))
    assert [item.text for item in site.state(record).comments] == ["请尽快"]
    assert site.waiting(record) == ["manager"]
    with pytest.raises(NotFound), site.store.write() as session:
        involving.comment(session, site.approval(record), "看看", actor=site.actor("other"))


# ---- what is written


def test_rows_follow_the_log(site: Site) -> None:
    record = site.submitted("check")
    site.decide("money", record)
    site.decide("boss", record, "refuse")
    with site.store.read() as session:
        kept = approval_log.read(session, site.approval(record))
        assert kept is not None
        assert fold(kept.events) == kept.state
        query = select(tasks.c.state, tasks.c.decision).where(tasks.c.approval_id == kept.id).order_by(tasks.c.id)
        rows = [tuple(row) for row in session.connection.execute(query)]
    assert rows == [("done", "approve"), ("closed", None), ("done", "refuse")]


def test_history_and_outbox_tell_what_happened(site: Site) -> None:
    record = site.submitted(price=20_000)
    site.decide("manager", record)
    site.decide("boss", record, "return", reason="缺合同")
    trail = site.history(record)
    assert [row.action for row in trail] == ["create", "move", "approve", "return", "move"]
    assert trail[3].note == "缺合同"
    assert trail[3].changes[""]["step"] == "director"
    assert trail[4].changes["stage"] == ["review", "draft"]
    assert trail[4].changes[""] | {"evidence": None} == {
        "move": "submit", "from": "review", "to": "draft", "approval": "spend", "round": 1, "result": "returned",
        "evidence": None,
    }  # fmt: skip
    assert [event for event in site.events(record) if event.startswith("approval")] == [
        "approval.started",
        "approval.asked",
        "approval.asked",
        "approval.ended",
    ]


def test_looking_ahead_shows_the_path_that_submitting_takes_and_writes_nothing(site: Site) -> None:
    record = site.create(price=20_000)
    before = site.rows()
    with site.store.read() as session:
        path = approvals.preview_path(session, record, "spend", actor=site.actor("clerk"))
    assert site.rows() == before
    shown = [(step.key, step.fate, [person.name for person in step.people]) for step in path.steps]
    assert shown == [
        ("manager", "asked", ["李经理"]),
        ("expert", "when", []),
        ("director", "asked", ["王总"]),
        ("finance", "asked", ["钱会计", "孙会计"]),
    ]
    assert not path.blocked
    site.move("clerk", record, "submit")
    assert site.waiting(record) == ["manager"]


def test_looking_ahead_knows_automatic_passes_duplicates_and_missing_people(site: Site) -> None:
    little, own = site.create(price=50), site.create("manager", price=20_000)
    with site.store.read() as session:
        small = approvals.preview_path(session, little, "spend", actor=site.actor("clerk"))
        double = approvals.preview_path(session, own, "spend", actor=site.actor("manager"))
    assert small.auto_note == {"zh": "小额免审"}
    assert [step.fate for step in double.steps] == ["asked", "when", "duplicate", "asked"]
    with site.store.write() as session:
        accounts.disable_user(session, site.people["chair"], actor=None)
    with site.store.read() as session:
        blocked = approvals.preview_path(session, own, "nobody", actor=site.actor("clerk"))
    assert blocked.blocked
