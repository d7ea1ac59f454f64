"""Automations on pages: what administrators see of them and do, and the buttons people press."""

import re

import pytest

from engine.automation import jobs
from engine.people import tokens
from engine.people.token_scopes import read_scope
from tests.automation.helpdesk import with_rules
from tests.web.conftest import Desk, OpenDesk, Program, add_people

RULES = """
born: {label: 新建标注, on: {created: true},
  do: [{set: {mark: "'新'"}}, {notify: [{role: boss}], text: "来了 {title}"}]}
shut: {label: 关闭工单, on: {button: true, who: [{role: boss}]}, when: "level = 'high'", do: [{move: close}]}
"""
PEOPLE = {"ann": ("north", "agent"), "lead": ("north", "boss"), "root": ("north", "admin")}


@pytest.fixture
def desk(open_desk: OpenDesk) -> Desk:
    return open_desk(definition=with_rules(RULES), people=lambda store: add_people(store, PEOPLE))


def test_administrators_see_what_happened_try_it_and_set_it_aside(desk: Desk) -> None:
    made = desk.program("ann").made("ticket", title="漏水")
    jobs.look(desk.store)
    admin = desk.browser("root")
    listed = admin.get("/admin/automations").get_data(as_text=True)
    assert [word in listed for word in ("新建标注", "新建时", "完成 1", "关闭工单", "按下按钮时")] == [True] * 5

    address = "/admin/automations/ticket.born"
    page = admin.get(address).get_data(as_text=True)
    assert [word in page for word in ("ticket/automations.yaml:3", "设置了 mark", "通知了", "漏水")] == [True] * 4
    tried = admin.post(f"{address}/preview", data={"record": str(made["id"])}).get_data(as_text=True)
    assert re.search(r"会告诉 \S+<", tried) and "来了 漏水" in tried
    with desk.store.read() as session:
        assert session.connection.exec_driver_sql("SELECT count(*) FROM fw_runs").scalar() == 1
    for page in ("/", "/notices"):
        told = desk.browser("lead").get(page).get_data(as_text=True)
        assert ("新建标注" in told, "来了 漏水" in told) == (True, True)

    assert admin.post(f"{address}/disable").status_code == 303
    assert "已停用：不再触发" in admin.get(address).get_data(as_text=True)
    other = desk.program("ann").made("ticket", title="停电")
    jobs.look(desk.store)
    assert desk.program("lead").get(f"/ticket/{other['id']}").json["mark"] is None
    assert admin.post(f"{address}/enable").status_code == 303
    assert desk.browser("ann").get(address).status_code == 403
    assert admin.get("/admin/automations/none").status_code == 404


def test_a_button_is_there_for_whom_and_when_it_may_be_pressed(desk: Desk) -> None:
    made = desk.program("ann").made("ticket", title="漏水", level="low")
    url = f"/e/ticket/{made['id']}"
    jobs.look(desk.store)
    lead, ann = desk.browser("lead"), desk.browser("ann")
    assert "关闭工单" not in lead.get(url).get_data(as_text=True)
    assert lead.post(f"{url}/press/ticket.shut").status_code == 409

    desk.program("lead").patch(url.replace("/e/", "/"), {"level": "high"}, 2)
    assert "关闭工单" in lead.get(url).get_data(as_text=True)
    assert "关闭工单" not in ann.get(url).get_data(as_text=True)
    assert ann.post(f"{url}/press/ticket.shut").status_code == 403
    assert lead.post(f"{url}/press/ticket.born").status_code == 404

    assert lead.post(f"{url}/press/ticket.shut").status_code == 303
    assert desk.program("lead").get(f"/ticket/{made['id']}").json["stage"] == "shut"
    history = desk.program("lead").get(f"/ticket/{made['id']}/history").json
    assert "关闭工单" in str(history)


def test_a_button_is_pressed_over_the_api_by_whom_it_is_for_and_a_token_that_may(desk: Desk) -> None:
    made = desk.program("ann").made("ticket", title="漏水", level="high")
    jobs.look(desk.store)
    address, lead = f"/ticket/{made['id']}/buttons", desk.program("lead")
    assert lead.get(address).json["items"] == [{"key": "ticket.shut", "label": "关闭工单"}]
    assert desk.program("ann").get(address).json["items"] == []
    assert desk.program("ann").post(f"{address}/ticket.shut").status_code == 403

    def narrowed(*may: str, where: str = "level = 'high'") -> Program:
        scope = read_scope({"ticket": {"may": list(may), "where": where}})
        with desk.store.write() as session:
            token = tokens.create_token(session, user_id=desk.ids["lead"], label="narrow", scope=scope, actor=None)
        return Program(desk.app.test_client(), token)

    only_reads = narrowed("read", "change", "move")
    assert only_reads.get(address).json["items"] == []
    assert only_reads.post(f"{address}/ticket.shut").status_code == 403
    assert narrowed("read", "press", where="level = 'low'").post(f"{address}/ticket.shut").status_code == 404
    presses = narrowed("read", "press")
    document = str(presses.get("/openapi.json").json["paths"])
    assert ("/ticket/{id}/buttons/ticket.shut" in document, "/moves" in document) == (True, False)
    first, again = (presses.post(f"{address}/ticket.shut", Idempotency_Key="once") for _ in range(2))
    assert (first.json["state"], first.json["why"], again.json) == ("done", None, first.json)
    assert lead.get(f"/ticket/{made['id']}").json["stage"] == "shut"
    refused = presses.post(f"{address}/ticket.shut", Accept_Language="en").json
    assert refused["state"] == "failed" and refused["why"]


def test_runs_are_read_over_the_api_by_administrators_each_with_its_trace(desk: Desk) -> None:
    agent, admin = desk.program("ann"), desk.program("root")
    wet, dark = (agent.made("ticket", title=title, level="high")["id"] for title in ("漏水", "停电"))
    jobs.look(desk.store)
    desk.program("lead").post(f"/ticket/{wet}/buttons/ticket.shut")
    found = admin.get("/admin/runs").json["items"]
    assert [(one["automation"], one["record"], one["state"]) for one in found] == [
        ("ticket.shut", wet, "done"), ("ticket.born", dark, "done"), ("ticket.born", wet, "done"),
    ]  # fmt: skip
    of_one = admin.get(f"/admin/runs?entity=ticket&record={wet}&automation=ticket.born&state=done").json["items"]
    assert [one["id"] for one in of_one] == [found[2]["id"]]
    first = admin.get("/admin/runs?limit=2").json
    rest = admin.get(f"/admin/runs?before={first['next']}").json
    assert (first["items"] + rest["items"], rest["next"]) == (found, None)
    assert admin.get("/admin/runs?state=failed").json["items"] == []

    run = admin.get(f"/admin/runs/{found[2]['id']}", Accept_Language="en").json
    assert (run["place"], run["label"], run["again"]) == ("ticket/automations.yaml:3", "新建标注", False)
    assert [line["kind"] for line in run["trace"]] == ["set", "notify"]
    assert "mark" in run["trace"][0]["text"] and run["trace"][0]["at"].startswith("ticket/automations.yaml:4")

    wrong = admin.get("/admin/runs?state=broken&record=1&colour=red")
    assert wrong.status_code == 422 and {one["path"] for one in wrong.json["errors"]} == {"state", "entity", "colour"}
    addresses = ("/admin/runs", f"/admin/runs/{run['id']}")
    assert [desk.program("lead").get(one).status_code for one in addresses] == [403, 403]
    assert "/admin/runs" not in desk.program("lead").get("/openapi.json").json["paths"]
    assert admin.get("/admin/runs/999").status_code == 404
    assert admin.post(f"/admin/runs/{run['id']}/again").status_code == 409
    with desk.store.write() as session:
        session.connection.exec_driver_sql("UPDATE fw_runs SET state = 'parked', position = 1")
    assert desk.program("lead").post(f"/admin/runs/{run['id']}/again").status_code == 403
    assert admin.post(f"/admin/runs/{run['id']}/again").json["state"] == "pending"
    jobs.look(desk.store)
    assert admin.get(f"/admin/runs/{run['id']}").json["state"] == "done"


def test_the_work_behind_the_pages_is_measured_and_what_was_parked_tried_again(
    open_desk: OpenDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = open_desk(
        definition=with_rules(RULES), people=lambda store: add_people(store, PEOPLE), metrics_token="letmeseethefigures"
    )
    made = desk.program("ann").made("ticket", title="漏水")
    with desk.store.write() as session:
        session.connection.exec_driver_sql("UPDATE fw_outbox SET attempts = 5, error = 'broken'")
    admin, address = desk.browser("root"), "/admin/background"
    page = admin.get(address).get_data(as_text=True)
    assert "ticket.created" in page and f"工单 #{made['id']}" in page
    assert desk.browser("ann").get(address).status_code == 403

    plain = desk.app.test_client()
    allowed, wrong = ({"Authorization": f"Bearer {token}"} for token in ("letmeseethefigures", "no"))
    assert [plain.get("/metrics", headers=one).status_code for one in ({}, wrong, allowed)] == [401, 401, 200]
    assert 'parked{queue="events"} 1.0' in plain.get("/metrics", headers=allowed).get_data(as_text=True)

    assert "搁置 1<" in page
    with monkeypatch.context() as counting:
        counting.setattr("engine.automation.backlog.COUNTED", 1)
        assert "搁置 1+<" in admin.get(address).get_data(as_text=True), "no more are counted than that"

    again = re.search(rf'action="({address}/events/\d+/again)"', page)
    assert again is not None and admin.post(again[1]).status_code == 303
    jobs.look(desk.store)
    assert desk.program("lead").get(f"/ticket/{made['id']}").json["mark"] == "新"
    assert admin.post(again[1]).status_code == 409
    assert 'parked{queue="events"} 0.0' in plain.get("/metrics", headers=allowed).get_data(as_text=True)


def test_without_a_token_there_are_no_figures(desk: Desk) -> None:
    assert desk.app.test_client().get("/metrics").status_code == 404
