"""Queues and panels: who has what, since when, what to decide by, what comes next."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from engine.definition.source import SourceFolder, read_folder
from engine.errors import InvalidValues
from engine.people import accounts
from engine.records.commands import update_record
from engine.records.record import Record
from engine.storage.database import Database
from engine.workflow.inbox import Box, InboxItem, InboxPage, count_tasks, list_tasks
from engine.workflow.panel import Panel, find_panel, find_state, list_panels
from tests.workflow.site import APP, Site, make_people, open_site


def page(site: Site, login: str, box: Box = "mine", after: str | None = None, limit: int = 50) -> InboxPage:
    with site.store.read() as session:
        return list_tasks(session, actor=site.actor(login), box=box, after=after, limit=limit)


def items(site: Site, login: str, box: Box = "mine") -> list[InboxItem]:
    return list(page(site, login, box).items)


def panel(site: Site, login: str, record: Record) -> Panel:
    with site.store.read() as session:
        found = find_panel(session, "payment", record.id, actor=site.actor(login))
    assert found is not None
    return found


# ---- the queue


def test_a_task_is_in_its_holders_queue_and_in_nobody_elses(site: Site) -> None:
    record = site.submitted(price=20_000)
    (item,) = items(site, "manager")
    assert (item.entity, item.record_id, item.step, item.starter) == ("payment", record.id, "manager", "小陈")
    assert item.name.endswith("买钢材")
    assert item.step_label == {"zh": "直属上级"}
    assert item.since == site.clock.at
    assert item.due == site.clock.at + timedelta(days=1)
    assert not item.is_late(site.clock.at)
    assert item.is_late(site.clock.at + timedelta(days=2))
    for login in ("clerk", "boss", "money", "admin", "other"):
        assert items(site, login) == []


def test_a_decided_task_moves_from_mine_to_done_and_others_work_is_not_in_my_done_list(site: Site) -> None:
    record = site.submitted("check")
    site.decide("money", record, reason="同意")
    assert items(site, "money") == []
    (item,) = items(site, "money", "done")
    assert (item.decision, item.reason, item.at, item.status) == ("approve", "同意", site.clock.at, "running")
    site.decide("boss", record, "refuse")
    assert items(site, "money2") == []
    assert items(site, "money2", "done") == []
    assert [item.status for item in items(site, "money", "done")] == ["refused"]


def test_an_approval_that_stands_for_a_later_step_is_no_work_of_mine(site: Site) -> None:
    record = site.submitted(login="manager", price=20_000)
    site.decide("boss", record)
    assert [item.step for item in items(site, "boss", "done")] == ["manager"]


def test_what_i_started_says_who_has_it(site: Site) -> None:
    record = site.submitted("check")
    (item,) = items(site, "clerk", "started")
    assert (item.task, item.waiting, item.status) == (None, ("钱会计", "孙会计", "王总"), "running")
    site.decide("money", record, "refuse")
    (item,) = items(site, "clerk", "started")
    assert (item.waiting, item.status, item.at) == ((), "refused", site.clock.at)


def test_pages_follow_one_another_without_gap_or_repeat(site: Site) -> None:
    made = [site.submitted() for _ in range(5)]
    seen: list[int] = []
    after: str | None = None
    while True:
        found = page(site, "manager", after=after, limit=2)
        seen += [item.record_id for item in found.items]
        after = found.next
        if after is None:
            break
    assert seen == [record.id for record in made]
    newest = page(site, "clerk", "started", limit=2)
    rest = page(site, "clerk", "started", after=newest.next)
    assert [item.record_id for item in (*newest.items, *rest.items)] == seen[::-1]


@pytest.mark.parametrize("cursor", ["x", "-1", "1" * 30, "1.5", "１"])
def test_a_cursor_that_is_not_ours_is_refused(site: Site, cursor: str) -> None:
    with pytest.raises(InvalidValues):
        page(site, "manager", after=cursor)


def test_an_unknown_box_is_refused(site: Site) -> None:
    with pytest.raises(InvalidValues):
        page(site, "manager", "everything")  # type: ignore[arg-type]


def test_the_count_of_a_queue_is_bounded(site: Site) -> None:
    site.submitted()
    site.submitted()
    with site.store.read() as session:
        assert count_tasks(session, actor=site.actor("manager")) == 2
        assert count_tasks(session, actor=site.actor("clerk")) == 0


# ---- what to decide by


def test_the_values_to_decide_by_are_typed_and_labelled(site: Site) -> None:
    site.submitted(price=20_000, urgent=True)
    shown = {one.name: (one.label["zh"], one.value) for one in items(site, "manager")[0].shown}
    assert shown == {
        "total": ("合计", Decimal("20000.00")),
        "large": ("大额", True),
        "thin": ("毛利低", False),
        "urgent": ("加急", True),
    }


def test_a_person_to_decide_by_is_shown_by_name(database: Database, tmp_path: Path) -> None:
    files = dict(read_folder(APP).files)
    files["payment/approval.yaml"] = files["payment/approval.yaml"].replace("show: [total,", "show: [expert, total,")
    site = open_site(database, tmp_path, SourceFolder(files), make_people)
    site.submitted(expert=site.people["money"])
    assert items(site, "manager")[0].shown[0].value == "钱会计"


def test_what_a_role_hides_is_not_shown_nor_anything_computed_from_it(site: Site) -> None:
    record = site.create(price=20_000)
    with site.store.write() as session:
        actor = site.actor("manager")
        update_record(session, "payment", record.id, {"margin": "5%"}, version=record.version, actor=actor)
    site.move("clerk", record, "submit")
    assert {"thin", "margin"} <= {one.name for one in items(site, "manager")[0].shown}
    assert {one.name for one in items(site, "clerk", "started")[0].shown} == {"total", "large"}
    assert {one.name for one in panel(site, "clerk", record).shown} == {"total", "large"}


# ---- the panel


def test_a_panel_says_who_has_it_what_was_said_and_what_comes_next(site: Site) -> None:
    record = site.submitted(price=20_000)
    site.clock.advance(timedelta(minutes=30))
    site.decide("manager", record, reason="价格合理")
    found = panel(site, "clerk", record)
    assert [step.status for step in found.steps] == ["passed", "skipped", "open", "planned"]
    manager, expert, director, finance = found.steps
    assert [(one.name, one.status, one.reason, one.why) for one in manager.people] == [
        ("李经理", "approved", "价格合理", "小陈的上级")
    ]
    assert expert.skipped == "when"
    assert [(one.name, one.since, one.why) for one in found.waiting] == [("王总", site.clock.at, "担任“总监”")]
    assert director.due == site.clock.at + timedelta(days=1)
    assert [(one.name, one.status) for one in finance.people] == [("钱会计", "planned"), ("孙会计", "planned")]
    assert (found.task, found.actions, found.can_withdraw) == (None, (), False)


def test_a_panel_offers_the_holder_their_task_and_the_starter_to_withdraw(site: Site) -> None:
    record = site.submitted()
    mine = panel(site, "manager", record)
    assert mine.task == site.task("manager", record)
    assert set(mine.actions) >= {"approve", "refuse", "return"}
    assert mine.reasons == {"refuse", "return"}
    assert not mine.can_withdraw
    assert panel(site, "clerk", record).can_withdraw


def test_the_condition_of_a_step_is_told_in_words(site: Site) -> None:
    found = panel(site, "manager", site.submitted(price=20_000))
    assert found.steps[0].rule == ""
    assert "大额" in found.steps[2].rule and "large" not in found.steps[2].rule
    assert found.steps[2].place.startswith("payment/approval.yaml:")


def test_every_round_is_kept(site: Site) -> None:
    record = site.submitted()
    site.decide("manager", record, "return", reason="缺附件")
    site.move("clerk", record, "submit")
    with site.store.read() as session:
        rounds = list_panels(session, "payment", record.id, actor=site.actor("clerk"))
        state = find_state(session, "payment", record.id)
    assert [(one.round, one.status, one.ended_reason) for one in rounds] == [
        (2, "running", ""),
        (1, "returned", "缺附件"),
    ]
    assert state is not None and state.round == 2


def test_a_record_never_submitted_has_no_panel(site: Site) -> None:
    record = site.create()
    with site.store.read() as session:
        assert find_panel(session, "payment", record.id, actor=site.actor("clerk")) is None
        assert find_state(session, "payment", record.id) is None


def test_a_stand_in_is_explained(site: Site) -> None:
    record = site.submitted("check", login="boss")
    why = panel(site, "boss", record).steps[0].people[2].why
    assert why == "王总的上级（提交人不审批自己的单据，由上级代替）"


def test_a_disabled_approver_is_not_planned(site: Site) -> None:
    record = site.submitted(price=20_000)
    with site.store.write() as session:
        accounts.disable_user(session, site.people["money2"], actor=None)
    assert [one.name for one in panel(site, "clerk", record).steps[3].people] == ["钱会计"]
