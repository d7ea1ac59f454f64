"""Who sees a record and why: the page says exactly what the gate does, with the rule of each, and only to its owner."""

import re

import pytest

from engine.people import accounts
from engine.records import queries, seeing
from tests.conftest import to_folder
from tests.web.conftest import DESK, PASSWORD, Desk, OpenDesk, Program

SCOPES = """scopes:
  cheap: {where: "price < 100"}
access:
  guest:   {read: cheap, hide: [answer]}
"""
REPORTS = """reports: ticket
figures:
  mine:    {label: 张数, value: count()}
  answers: {label: 已答复, value: "count(where answer is not missing)"}
  floors:  {label: 底价合计, value: sum(floor)}
"""


@pytest.fixture
def desk(open_desk: OpenDesk) -> Desk:
    """The desk, where guests see the cheap tickets, and with people of several roles."""
    files = dict(to_folder(DESK).files)
    files["ticket/entity.yaml"] = files["ticket/entity.yaml"].replace("access:\n", SCOPES, 1)
    files["ticket/reports.yaml"] = REPORTS
    desk = open_desk(definition=files)
    root = desk.program("root")
    for login, roles, team in (("both", ["rep", "guest"], "south"), ("head", ["manager"], "south"), ("none", [], None)):
        given = {"login": login, "name": login.title(), "roles": roles, "department": team}
        desk.ids[login] = root.post("/admin/people", given).get_json()["id"]
        with desk.store.write() as session:
            accounts.set_password(session, desk.ids[login], PASSWORD, actor=None)
    return desk


def seers(desk: Desk, by: str, id_: int) -> dict[str, bool]:
    """Who sees a ticket, and whether they may change it, as told to somebody."""
    with desk.store.read() as session:
        actor = accounts.get_actor(session.connection, desk.ids[by])
        record = queries.get_record(session, "ticket", id_, actor=actor)
        found, more = seeing.list_seers(session, record, actor=actor)
    assert not more
    return {login: one.writes for one in found for login, known in desk.ids.items() if known == one.id}


def gate(desk: Desk, id_: int) -> dict[str, bool]:
    """The same, asked of the gate itself, one by one."""
    found = {}
    for login, user in desk.ids.items():
        with desk.store.read() as session:
            actor = accounts.get_actor(session.connection, user)
        with desk.store.read() as session:
            try:
                found[login] = queries.get_record(session, "ticket", id_, actor=actor).can_write
            except Exception as refused:
                assert type(refused).__name__ in ("NotFound", "NotAllowed")
    return found


def test_the_page_says_what_the_gate_does(desk: Desk) -> None:
    rep: Program = desk.program("rep1")
    cheap = rep.made("ticket", title="cheap", price="5")["id"]
    dear = rep.made("ticket", title="dear", price="5000")["id"]
    for to, access in (("both", "write"), ("head", "read"), ("department:2", "read")):
        assert rep.post(f"/ticket/{dear}/shares", {"to": to, "access": access}).status_code == 201
    for id_ in (cheap, dear):
        assert seers(desk, "rep1", id_) == gate(desk, id_)
    assert seers(desk, "rep1", dear) == {
        "rep1": True, "lead": True, "root": False, "both": True, "head": False, "rep2": False,
    }  # fmt: skip
    assert "guest" in seers(desk, "rep1", cheap) and "rep2" not in seers(desk, "rep1", cheap)


def test_each_reason_is_named_with_the_place_of_its_rule_for_administrators(desk: Desk) -> None:
    rep = desk.program("rep1")
    id_ = rep.made("ticket", title="why", price="5")["id"]
    rep.post(f"/ticket/{id_}/shares", {"to": "both"})
    page = desk.browser("root").get(f"/e/ticket/{id_}/access").get_data(as_text=True)
    for said in (
        "主管：本部门的记录",
        "访客：报价 小于 100 的记录",
        "Rep1 共享给 Both",
        "系统管理员：所有记录",
        "ticket/entity.yaml:",
    ):
        assert said in page, said
    own = desk.browser("rep1").get(f"/e/ticket/{id_}/access").get_data(as_text=True)
    assert "主管：本部门的记录" in own and "entity.yaml" not in own


def test_only_the_owner_and_administrators_are_told(desk: Desk) -> None:
    rep = desk.program("rep1")
    id_ = rep.made("ticket", title="whose", price="5")["id"]
    rep.post(f"/ticket/{id_}/shares", {"to": "both"})
    assert desk.browser("both").get(f"/e/ticket/{id_}/access").status_code == 403
    assert desk.browser("guest").get(f"/e/ticket/{id_}/access").status_code == 403
    assert desk.browser("rep2").get(f"/e/ticket/{id_}/access").status_code == 404
    assert f"/e/ticket/{id_}/access" not in desk.browser("both").get(f"/e/ticket/{id_}").get_data(as_text=True)
    assert f"/e/ticket/{id_}/access" in desk.browser("rep1").get(f"/e/ticket/{id_}").get_data(as_text=True)


def test_everybody_sees_who_sees_what_of_theirs(desk: Desk) -> None:
    page = desk.browser("rep1").get("/settings/visibility").get_data(as_text=True)
    assert "cheap" not in page and "yaml" not in page
    tickets = next(one for one in page.split('<details class="panel group"')[1:] if "Guest" in one)
    assert "Lead" in tickets and "访客：其中一部分（报价 小于 100 的记录）" in tickets and "Head" not in tickets
    assert "看不到或只看到一部分：答复（共 1 项）" in tickets
    assert "按人看的指标（3）" in tickets and "另有 1 个指标用到你自己看不到的字段。" in tickets
    assert "底价合计" not in page  # what she may not see herself has no name here
    count, answers = re.findall(
        r'href="/figures/ticket\.(?:mine|answers)">[^<]*</a><span class="muted small">([^<]*)', page
    )
    assert count == "以上每个人" and "Guest" not in answers and "Lead" in answers
    assert "/settings/visibility" in desk.browser("guest").get("/").get_data(as_text=True)
