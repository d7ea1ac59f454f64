"""The boxes of the queue: whose work stands in which, for how long, how it is found, and at what cost."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, event

from engine.definition.source import SourceFolder, read_folder
from engine.errors import NotAllowed
from engine.people import accounts, departments
from engine.people.delegations import create_delegation
from engine.people.directory import managers_of, reports_of
from engine.records.commands import update_record
from engine.records.listing import ListQuery
from engine.records.queries import list_records
from engine.storage.database import Database
from engine.workflow import copies
from engine.workflow.approval import handing, involving, log
from engine.workflow.approval.plan import Person
from engine.workflow.inbox import Box, InboxItem, count_boxes, list_tasks
from engine.workflow.panel import find_panel
from tests.workflow.site import APP, Site, make_people, open_site


def box(site: Site, login: str, name: Box, **more: str) -> list[InboxItem]:
    with site.store.read() as session:
        return list(list_tasks(session, actor=site.actor(login), box=name, **more).items)  # type: ignore[arg-type]


def counts(site: Site, login: str) -> dict[Box, int]:
    with site.store.read() as session:
        return count_boxes(session, actor=site.actor(login))


@contextmanager
def statements() -> Iterator[list[str]]:
    """Collect what is sent to the database, without the beginning of a session and its look at the release."""
    sent: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if statement != "BEGIN" and "fw_current_release" not in statement:
            sent.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def test_done_by_me_is_what_i_decided_and_not_what_others_decided_for_me_or_i_for_nobody(site: Site) -> None:
    now = site.clock.at
    with site.store.write() as session:
        people = site.people
        create_delegation(
            session, principal=people["manager"], deputy=people["boss"], starts_at=now,
            ends_at=now + timedelta(days=9), actor=None,
        )  # fmt: skip
    by_deputy, by_myself = site.submitted(), site.submitted()
    assert [(item.holder, item.record_id) for item in box(site, "boss", "mine")] == [
        ("李经理", by_deputy.id), ("李经理", by_myself.id),
    ]  # fmt: skip
    site.decide("boss", by_deputy, task=site.task("manager", by_deputy))
    site.decide("manager", by_myself)
    assert [item.record_id for item in box(site, "boss", "done")] == [by_deputy.id]
    assert [item.record_id for item in box(site, "manager", "done")] == [by_myself.id]


def test_my_teams_box_says_who_has_it_and_since_when_and_is_only_for_who_manages_them(site: Site) -> None:
    record = site.submitted()
    site.clock.advance(timedelta(hours=3))
    (item,) = box(site, "boss", "team")
    assert (item.record_id, item.holder, item.since) == (record.id, "李经理", site.clock.at - timedelta(hours=3))
    assert [box(site, login, "team") for login in ("manager", "clerk", "money")] == [[], [], []]
    assert box(site, "chair", "team") == []  # is above them all, but no role of theirs reads payments
    assert (counts(site, "boss")["team"], counts(site, "chair")["team"]) == (1, 0)


def test_a_manager_may_urge_what_their_people_have_and_others_may_not(site: Site) -> None:
    record = site.submitted()
    with site.store.write() as session:
        involving.urge(session, site.approval(record), actor=site.actor("boss"))
    with pytest.raises(NotAllowed), site.store.write() as session:
        involving.urge(session, site.approval(record), actor=site.actor("money"))
    assert [urge.person.name for urge in site.state(record).urges] == ["王总"]


def test_overdue_holds_only_what_is_late(site: Site) -> None:
    first = site.submitted()
    site.clock.advance(timedelta(days=3))
    site.submitted()
    assert [item.record_id for item in box(site, "manager", "overdue")] == [first.id]
    assert (counts(site, "manager")["overdue"], counts(site, "manager")["mine"]) == (1, 2)
    (item, late) = box(site, "clerk", "started")
    assert (item.is_late(site.clock.at), late.is_late(site.clock.at)) == (False, True)
    assert late.waiting_since == site.clock.at - timedelta(days=3)


def test_a_copy_is_unread_until_it_is_read(site: Site) -> None:
    record = site.submitted(price=20_000)
    with site.store.write() as session:
        kept = log.lock(session, site.approval(record))
        assert kept is not None
        told = [Person(site.people["money"], "钱会计")]
        events = handing.copy(kept.state, by=kept.state.starter, people=told, at=session.now())
        log.append(session, kept, events, actor=site.actor("manager"), action=None)
    (item,) = box(site, "money", "copied")
    assert (item.record_id, item.unread, item.waiting) == (record.id, True, ("李经理",))
    assert counts(site, "money")["copied"] == 1
    with site.store.write() as session:
        copies.mark_read(session, actor=site.actor("boss"))
    assert counts(site, "money")["copied"] == 1
    with site.store.write() as session:
        copies.mark_read(session, actor=site.actor("money"), only=site.approval(record))
    assert [item.unread for item in box(site, "money", "copied")] == [False]
    assert counts(site, "money")["copied"] == 0


def test_a_queue_is_searched_by_what_its_records_are_called_and_by_who_submitted_and_filtered_by_kind(
    site: Site,
) -> None:
    steel, paper = site.submitted(title="买钢材"), site.submitted(login="other", title="买 50% 纸")
    assert [item.record_id for item in box(site, "manager", "mine", text="钢材")] == [steel.id]
    assert [item.record_id for item in box(site, "manager", "mine", text="小赵")] == [paper.id]
    assert [item.record_id for item in box(site, "manager", "mine", text="50%")] == [paper.id]
    assert box(site, "manager", "mine", text="钢材 小赵") == []
    assert box(site, "manager", "mine", text="_") == []
    kind = box(site, "manager", "mine")[0].approval
    assert len(box(site, "manager", "mine", approval=kind)) == 2
    assert box(site, "manager", "mine", approval="nothing") == []


def test_what_may_not_be_urged_any_more_or_not_yet_is_not_offered(site: Site) -> None:
    record = site.submitted()

    def offered() -> tuple[bool, bool, bool]:
        with site.store.read() as session:
            panel = find_panel(session, "payment", record.id, actor=site.actor("clerk"))
        assert panel is not None
        return panel.can_urge, box(site, "clerk", "started")[0].can_urge, box(site, "boss", "team")[0].can_urge

    for _ in range(3):
        assert offered() == (True, True, True)
        with site.store.write() as session:
            involving.urge(session, site.approval(record), actor=site.actor("clerk"))
        assert offered() == (False, False, False)
        site.clock.advance(timedelta(days=1))
    assert offered() == (False, False, False)


def test_a_record_is_found_by_its_whole_name_also_where_it_is_made_of_several_things(
    database: Database, tmp_path: Path
) -> None:
    files = dict(read_folder(APP).files)
    files["payment/entity.yaml"] = files["payment/entity.yaml"].replace('"{number} {title}"', '"{number}-V{title}"')
    site = open_site(database, tmp_path, SourceFolder(files), make_people)
    record = site.submitted(title="2")
    (item,) = box(site, "manager", "mine", text="FK2026-0001-v2")
    assert (item.record_id, item.name) == (record.id, "FK2026-0001-V2")
    renamed = site.create(title="7")
    with site.store.write() as session:
        update_record(session, "payment", renamed.id, {"title": "8"}, version=1, actor=site.actor("clerk"))
    with site.store.read() as session:
        found = list_records(session, "payment", ListQuery(text="0002-v8"), actor=site.actor("clerk"))
    assert [one.id for one in found.records] == [renamed.id]


@pytest.mark.parametrize("name", ["mine", "overdue", "team", "done", "started", "copied"])
def test_a_page_costs_the_same_number_of_statements_whatever_it_holds(site: Site, name: Box) -> None:
    login = {"team": "boss", "started": "clerk"}.get(name, "manager")
    spent = []
    for _ in range(2):
        for at in range(4):
            record = site.submitted()
            if name == "done" and at < 3:
                site.decide("manager", record)
        site.clock.advance(timedelta(days=2))
        with statements() as sent:
            box(site, login, name)
        spent.append(len(sent))
        with statements() as sent:
            counts(site, login)
        assert len([one for one in sent if "fw_tasks" in one]) == 1
    assert spent[0] == spent[1] <= 5


@pytest.mark.parametrize("name", ["mine", "overdue", "team", "done", "started", "copied"])
def test_every_box_walks_along_an_index(site: Site, name: Box) -> None:
    if site.store.database.dialect != "sqlite":
        pytest.skip("PostgreSQL reads tables that are nearly empty without their indexes")
    sent: list[tuple[str, object]] = []

    def note(_connection: object, _cursor: object, statement: str, given: object, *_rest: object) -> None:
        sent.append((statement, given))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        box(site, "boss", name)
        counts(site, "boss")
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    with site.store.read() as session:
        for statement, given in [one for one in sent if "fw_tasks" in one[0] or "fw_approvals" in one[0]]:
            plan = session.connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", given).fetchall()
            scanned = [row[3] for row in plan if re.match(r"SCAN fw_(tasks|approvals|approval_copies)", row[3])]
            assert scanned == [], statement


def test_reports_are_everybody_whose_chain_of_managers_leads_to_me(site: Site) -> None:
    with site.store.write() as session:
        chief = accounts.create_user(session, login="chief", name="厂长", password=None, roles=["manager"], actor=None)
        top = departments.create_department(session, key="plant", name="工厂", manager=chief, actor=None)
        below = departments.create_department(session, key="hall", name="车间", parent=top, actor=None)
        more = {"password": None, "roles": ["clerk"], "actor": None}
        head = accounts.create_user(session, login="head", name="主任", department=below, **more)
        welder = accounts.create_user(session, login="welder", name="焊工", department=below, **more)
        lent = accounts.create_user(
            session, login="lent", name="借调", department=below, manager=site.people["boss"], **more
        )
        departments.update_department(session, below, manager=head, actor=None)
        accounts.create_user(session, login="far", name="外人", **more)
    with site.store.read() as session:
        assert set(reports_of(session, chief)) == {head, welder}
        assert reports_of(session, head) == [welder]
        assert lent in reports_of(session, site.people["boss"])
        for manager in (chief, head, site.people["boss"]):
            for person in (*site.people.values(), head, welder, lent):
                chain = {one.id for one in managers_of(session.connection, person)}
                assert (manager in chain) == (person in reports_of(session, manager))
