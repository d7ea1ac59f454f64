"""Exports in the browser and over the API: asked for, allowed, fetched by whoever asked and nobody else."""

import csv
import io
import re

import pytest
from werkzeug.test import TestResponse

from engine.exporting import working
from tests.conftest import to_folder
from tests.web.conftest import DESK, Browser, Desk, OpenDesk


@pytest.fixture
def desk(open_desk: OpenDesk) -> Desk:
    """The desk where reps take their tickets out, up to three without asking a manager."""
    files = dict(to_folder(DESK).files)
    files["app.yaml"] += "\nask_export_above: 3\n"
    entity = files["ticket/entity.yaml"].replace("rep:     {read: own,", "rep:     {export: true, read: own,")
    entity = entity.replace("manager: {read: team,", "manager: {export: true, approve_export: true, read: team,")
    files["ticket/entity.yaml"] = entity
    return open_desk(definition=files)


def make(desk: Desk, count: int) -> None:
    program = desk.program("rep1")
    for at in range(count):
        program.made("ticket", title=f"工单{at}", price=f"{at}.50")


def ask(browser: Browser, listed: str = "", **form: str) -> str:
    """Ask for the list and return the address of the export."""
    said = browser.post("/e/ticket/export", data={"list": listed, "format": "csv"} | form)
    assert said.status_code == 303, said.get_data(as_text=True)
    return said.headers["Location"]


def rows_of(file: TestResponse) -> list[list[str]]:
    with file:
        return list(csv.reader(io.StringIO(file.data.decode("utf-8-sig"))))


def test_the_list_leads_to_its_own_export(desk: Desk) -> None:
    make(desk, 2)
    browser = desk.browser("rep1")
    listed = browser.get("/e/ticket?price.from=1&sort=title&columns=title,price").get_data(as_text=True)
    address = re.search(r'export-link[^"]*" href="([^"]+)"', listed)[1].replace("&amp;", "&")  # type: ignore[index]

    page = browser.get(address).get_data(as_text=True)
    url = ask(browser, address.partition("?")[2])
    ready = browser.get(url).get_data(as_text=True)
    file = browser.get(f"{url}/file")

    assert "1 行" in page and "标题、报价" in page
    assert "可下载" in ready
    assert rows_of(file)[1:] == [["标题", "报价"], ["工单1", "1.50"]]
    assert file.headers["Content-Disposition"].startswith("attachment")
    assert file.headers["Cache-Control"] == "no-store"


def test_nobody_else_gets_to_it(desk: Desk) -> None:
    make(desk, 1)
    url = ask(desk.browser("rep1"))

    for login in ("rep2", "lead", "guest", "root"):
        browser = desk.browser(login)
        assert browser.get(f"{url}/file").status_code in (403, 404), login
        assert browser.post(f"{url}/stop").status_code == 404, login
    assert desk.browser("rep2").get(url).status_code == 404
    assert desk.browser("guest").get("/e/ticket/export").status_code == 403
    assert "export-link" not in desk.browser("root").get("/e/ticket").get_data(as_text=True)


def test_a_large_list_is_allowed_by_a_manager(desk: Desk) -> None:
    make(desk, 5)
    rep, lead = desk.browser("rep1"), desk.browser("lead")

    again = rep.post("/e/ticket/export", data={"list": "", "format": "xlsx"})
    assert again.status_code == 422
    assert 'id="reason-error"' in again.get_data(as_text=True)
    url = ask(rep, reason="月底对账")
    assert rep.get(f"{url}/file").status_code == 409
    assert url in lead.get("/exports").get_data(as_text=True)
    assert "月底对账" in lead.get(url).get_data(as_text=True)
    assert lead.post(f"{url}/refuse", data={"reason": ""}).status_code == 422
    assert lead.post(f"{url}/approve").status_code == 303
    assert "生成中" in rep.get(url).get_data(as_text=True)
    working.work(desk.store)

    assert len(rows_of(rep.get(f"{url}/file"))) == 7
    assert lead.get(f"{url}/file").status_code == 404


def test_a_refusal_is_read_with_its_reason(desk: Desk) -> None:
    make(desk, 4)
    rep, lead = desk.browser("rep1"), desk.browser("lead")
    url = ask(rep, reason="看看")

    assert lead.post(f"{url}/refuse", data={"reason": "没有必要"}).status_code == 303

    page = rep.get(url).get_data(as_text=True)
    assert "没有必要" in page and "未通过" in page


def test_the_hidden_floor_is_in_no_export(desk: Desk) -> None:
    desk.program("lead").made("ticket", title="底价", floor="98765.43")
    program = desk.program("rep1")
    said = program.post("/ticket/exports", {"columns": ["title", "floor"]})

    assert said.status_code == 422
    assert said.get_json()["errors"][0]["path"] == "columns"
    assert program.post("/ticket/exports", {"where": {"all": [["floor", "gte", "1"]]}}).status_code == 422
    assert program.post("/ticket/exports", {"sort": "floor"}).status_code == 422


def test_a_program_takes_a_list_out(desk: Desk) -> None:
    make(desk, 2)
    program = desk.program("rep1")
    said = program.post("/ticket/exports", {"format": "csv", "columns": ["title"], "sort": "title"})
    found = program.get(said.headers["Location"].removeprefix("/api/v1")).get_json()

    assert (said.status_code, found["state"], found["total"]) == (201, "done", 2)
    assert rows_of(program.get(found["file"].removeprefix("/api/v1")))[2:] == [["工单0"], ["工单1"]]
    assert [one["id"] for one in program.get("/exports").get_json()["items"]] == [found["id"]]


@pytest.mark.parametrize(
    "body", [{"format": "exe"}, {"format": 5}, {"columns": "title"}, {"unknown": 1}, {"where": 3}, {"sort": ["x"]}]
)
def test_bad_input_is_said_beside_its_member(desk: Desk, body: dict[str, object]) -> None:
    said = desk.program("rep1").post("/ticket/exports", body)

    assert said.status_code == 422
    assert said.get_json()["errors"]


def test_notices_lead_to_the_export(desk: Desk) -> None:
    from engine.automation.outbox import drain

    make(desk, 4)
    rep, lead = desk.browser("rep1"), desk.browser("lead")
    ask(rep, reason="看看")
    drain(desk.store)

    assert "申请导出 4 行" in lead.get("/").get_data(as_text=True)


def test_a_journey_leads_to_its_own_export(desk: Desk) -> None:
    make(desk, 1)
    browser = desk.browser("rep1")
    page = browser.get("/e/ticket/1/journey?kind=changes").get_data(as_text=True)
    address = re.search(r'export-link[^"]*" href="([^"]+)"', page)[1].replace("&amp;", "&")  # type: ignore[index]
    assert address == "/e/ticket/1/journey/export?kind=changes"

    asked = browser.get(address).get_data(as_text=True)
    made = browser.post("/e/ticket/1/journey/export", data={"list": "kind=changes", "format": "csv"})
    url = made.headers["Location"]
    ready = browser.get(url).get_data(as_text=True)

    assert "1 行" in asked and "做了什么" in asked and "修改" in asked
    assert made.status_code == 303 and "可下载" in ready and 'href="/e/ticket/1/journey/export?kind=changes"' in ready
    assert [row[2:4] for row in rows_of(browser.get(f"{url}/file"))[2:]] == [["修改", "工单"]]
    assert desk.browser("guest").get("/e/ticket/1/journey/export").status_code in (403, 404)
    assert desk.browser("rep2").get("/e/ticket/1/journey/export").status_code == 404
    assert "export-link" not in desk.browser("root").get("/e/ticket/1/journey").get_data(as_text=True)


def test_a_program_takes_a_journey_out(desk: Desk) -> None:
    make(desk, 1)
    program = desk.program("rep1")
    said = program.post("/ticket/1/journey/exports", {"format": "csv", "kind": "changes"})
    found = program.get(said.headers["Location"].removeprefix("/api/v1")).get_json()

    assert (said.status_code, found["state"], found["total"]) == (201, "done", 1)
    assert (found["journey"]["record"], found["journey"]["kind"], found["figure"]) == (1, "changes", None)
    assert isinstance(found["journey"]["left_out"], list)
    assert [row[2:4] for row in rows_of(program.get(found["file"].removeprefix("/api/v1")))[2:]] == [["修改", "工单"]]
    for body in ({"kind": "nix"}, {"kind": ["moves"]}, {"kind": 5}, {"format": "exe"}, {"columns": ["title"]}):
        refused = program.post("/ticket/1/journey/exports", body)
        assert (refused.status_code, bool(refused.get_json()["errors"])) == (422, True), body
    assert program.post("/ticket/99/journey/exports", {}).status_code == 404
    assert program.post("/ticket/nix/journey/exports", {}).status_code == 404
    assert desk.program("rep2").post("/ticket/1/journey/exports", {}).status_code == 404
    assert desk.program("root").post("/ticket/1/journey/exports", {}).status_code == 403
    assert "/ticket/{id}/journey/exports" in program.get("/openapi.json").get_json()["paths"]
    assert "/ticket/{id}/journey/exports" not in desk.program("root").get("/openapi.json").get_json()["paths"]
