"""The queue and the pages around a decision, over HTTP as a browser asks for them."""

import io
import re
from datetime import timedelta
from typing import Any

from pypdf import PdfReader
from sqlalchemy import select

from engine.automation.outbox import drain
from engine.people import delegations
from engine.storage.system_tables import sessions
from tests.web.conftest import Browser, Desk


def asked(desk: Desk, title: str = "打印机坏了", by: str = "rep1") -> dict[str, Any]:
    """A ticket that waits for the lead: its record, task and approval."""
    rep = desk.program(by)
    made = rep.made("ticket", title=title)["id"]
    rep.post(f"/ticket/{made}/moves/ask", {"values": {"answer": "x"}}, If_Match='"1"')
    return next(item for item in desk.program("lead").get("/tasks").get_json()["items"] if item["record"] == made)


def page(browser: Browser, path: str, status: int = 200) -> str:
    said = browser.get(path)
    assert said.status_code == status, said.get_data(as_text=True)[:300]
    return said.get_data(as_text=True)


# ---- the queue


def test_several_are_decided_at_once_and_what_needs_more_is_left_out_and_said_so(desk: Desk) -> None:
    first, second = asked(desk, "甲"), asked(desk, "乙")
    lead = desk.browser("lead")
    ticked = {"task": [first["task"], second["task"], 987], "decision": "refuse"}
    said = lead.post("/approvals/decide", data=ticked)
    text = said.get_data(as_text=True)
    assert said.status_code == 422
    assert "其中 2 条驳回须写原因" in text, "a refusal needs a reason, and 987 is nobody's"
    assert len(desk.program("lead").get("/tasks").get_json()["items"]) == 2

    text = lead.post("/approvals/decide", data=ticked | {"reason": "重复申请"}).get_data(as_text=True)
    assert "已处理 2 条" in text
    assert "有 1 条没有处理" in text
    done = desk.program("lead").get("/tasks?box=done").get_json()["items"]
    assert {(item["task"], item["reason"]) for item in done} == {
        (first["task"], "重复申请"), (second["task"], "重复申请"),
    }  # fmt: skip


def test_a_batch_sent_twice_counts_once_and_an_empty_one_says_what_to_do(desk: Desk) -> None:
    one, lead = asked(desk), desk.browser("lead")
    sent = {"task": [one["task"]], "decision": "approve", "_action_id": "a" * 32}
    assert "已处理 1 条" in lead.post("/approvals/decide", data=sent).get_data(as_text=True)
    assert "已处理 1 条" in lead.post("/approvals/decide", data=sent).get_data(as_text=True)
    said = lead.post("/approvals/decide", data={"decision": "approve", "reason": "都同意"})
    assert said.status_code == 422
    nothing = lead.post("/approvals/decide", data={"task": ["x", "9" * 40], "decision": "approve"})
    assert "请先勾选" in nothing.get_data(as_text=True)
    assert lead.post("/approvals/decide", data={"task": ["1"], "decision": "explode"}).status_code == 422


def test_the_queue_is_searched_and_every_empty_box_says_what_it_is_for(desk: Desk) -> None:
    asked(desk, "打印机坏了")
    asked(desk, "要新椅子")
    lead = desk.browser("lead")
    found = page(lead, "/approvals?q=椅子")
    assert ("要新椅子" in found, "打印机坏了" in found) == (True, False)
    assert "没有符合条件的审批" in page(lead, "/approvals?q=没有的")
    for box in ("overdue", "team", "done", "started", "copied", "no-such-box"):
        assert "empty-state" in page(lead, f"/approvals?box={box}") or box == "no-such-box"
    assert lead.get("/approvals?after=x").status_code == 422


def test_somebody_decides_for_an_absent_holder_from_their_own_queue(desk: Desk) -> None:
    asked(desk)
    now = desk.clock.now()
    with desk.store.write() as session:
        delegations.create_delegation(
            session, principal=desk.ids["lead"], deputy=desk.ids["rep2"], starts_at=now,
            ends_at=now + timedelta(days=2), actor=None,
        )  # fmt: skip
    queue = page(desk.browser("rep2"), "/approvals")
    assert "代Lead处理" in queue


# ---- the decision


def test_a_draft_is_kept_for_me_alone_and_decides_nothing(desk: Desk) -> None:
    one, lead = asked(desk), desk.browser("lead")
    path = f"/approvals/{one['task']}"
    assert lead.post(path, data={"decision": "draft", "reason": "再问问价格"}).status_code == 303
    assert "再问问价格" in page(lead, path)
    assert "再问问价格" not in page(desk.browser("root"), f"/approvals/of/{one['approval_id']}")
    assert desk.program("lead").get("/tasks").get_json()["items"][0]["task"] == one["task"]


def test_what_was_sent_after_the_session_ended_is_shown_again_and_not_decided(desk: Desk) -> None:
    one, lead = asked(desk), desk.browser("lead")
    said = lead.post(f"/approvals/{one['task']}", data={"_resume": "yes", "reason": "价格太低", "decision": "refuse"})
    assert (said.status_code, "价格太低" in said.get_data(as_text=True)) == (200, True)
    assert desk.program("lead").get("/tasks").get_json()["items"]


def test_the_page_says_why_it_is_with_me_and_where_that_is_written_to_administrators(desk: Desk) -> None:
    one = asked(desk)
    text = page(desk.browser("lead"), f"/approvals/{one['task']}")
    assert re.search(r"这件事由你处理：担任“[^”]+”。", text)
    assert "approval.yaml" not in text  # a file and a line are for whoever changes rules
    assert "ticket/approval.yaml:5:" in page(desk.browser("root"), f"/e/ticket/{one['record']}")


def test_a_remark_tells_whom_it_names_and_only_those_who_may_see_the_record_are_offered(desk: Desk) -> None:
    one = asked(desk)
    lead = desk.browser("lead")
    of = f"/approvals/of/{one['approval_id']}"
    offered = [item["text"] for item in lead.get(f"{of}/people?q=").get_json()["items"]]
    assert "Rep1" in offered
    assert not {"Rep2", "Guest", "Lead"} & set(offered)
    assert lead.get(f"{of}/people?q=rep").get_json()["items"][0]["text"] == "Rep1"

    assert lead.post(of, data={"text": "@Rep1 型号对吗？"}).status_code == 303
    refused = lead.post(of, data={"text": "@Guest 看看"})
    assert refused.status_code == 422
    assert "@Guest 看看" in refused.get_data(as_text=True), "what was typed is not lost"
    assert lead.post(of, data={"text": " "}).status_code == 422
    drain(desk.store)
    rep = desk.browser("rep1")
    home = page(rep, "/")
    notice = re.search(r'action="(/notices/\d+/open)"', home)
    assert notice is not None
    assert rep.post(notice[1]).headers["Location"] == of
    assert "@Rep1 型号对吗？" in page(rep, of)


def test_an_approval_is_not_there_for_who_may_not_see_its_record(desk: Desk) -> None:
    of = f"/approvals/of/{asked(desk)['approval_id']}"
    for login in ("rep2", "guest"):
        other = desk.browser(login)
        assert other.get(of).status_code in (403, 404)
        assert other.get(f"{of}/people?q=").status_code in (403, 404)
        assert other.post(of, data={"text": "x"}).status_code in (403, 404)
    assert desk.browser("lead").get("/approvals/of/987").status_code == 404


def test_whoever_has_it_is_led_to_where_they_decide(desk: Desk) -> None:
    one = asked(desk)
    said = desk.browser("lead").get(f"/approvals/of/{one['approval_id']}")
    assert said.headers["Location"] == f"/approvals/{one['task']}"


# ---- notices, live


def test_a_notice_that_asks_leads_straight_to_the_decision_and_deciding_reads_it(desk: Desk) -> None:
    one = asked(desk)
    desk.program("rep1").post(f"/approvals/{one['approval_id']}/urge", {})
    drain(desk.store)
    lead = desk.browser("lead")
    assert lead.get("/live").get_json() == {"waiting": 1, "unread": 1}
    notice = re.search(r'action="(/notices/\d+/open)"', page(lead, "/"))
    assert notice is not None
    assert lead.post(notice[1]).headers["Location"] == f"/approvals/{one['task']}"
    desk.program("rep1").post(f"/approvals/{one['approval_id']}/urge", {})
    lead.post(f"/approvals/{one['task']}", data={"decision": "approve"})
    assert lead.get("/live").get_json() == {"waiting": 0, "unread": 0}


def test_a_page_left_open_does_not_keep_a_session_alive(desk: Desk) -> None:
    lead = desk.browser("lead")

    def seen() -> Any:
        with desk.store.read() as session:
            return session.connection.scalar(select(sessions.c.last_seen_at).order_by(sessions.c.id.desc()).limit(1))

    before = seen()
    desk.clock.advance(timedelta(hours=1))
    assert lead.get("/live").status_code == 200
    assert seen() == before
    page(lead, "/")
    assert seen() > before
    assert Browser(desk.app.test_client()).get("/live").status_code in (302, 303, 401)


# ---- the trail


def test_the_trail_holds_every_round_with_who_when_why_and_the_rule(desk: Desk) -> None:
    one, lead = asked(desk), desk.browser("lead")
    lead.post(f"/approvals/{one['task']}", data={"decision": "refuse", "reason": "先走质检<b>"})
    path = f"/e/ticket/{one['record']}/trail"
    text = page(lead, path)
    for part in ("第 1 次提交", "Rep1", "Lead", "已驳回", "先走质检&lt;b&gt;"):
        assert part in text, part
    assert "approval.yaml" not in text and "ticket/approval.yaml:5:" in page(desk.browser("root"), path)
    printed = lead.get(f"{path}.pdf")
    assert printed.mimetype == "application/pdf"
    said = "".join("".join(one.extract_text() for one in PdfReader(io.BytesIO(printed.data)).pages).split())
    for part in ("第1次提交", "Lead", "已驳回", "先走质检<b>"):
        assert part in said, part
    assert desk.browser("rep2").get(path).status_code == 404
    hidden = page(desk.browser("rep1"), path)
    assert "楼层" not in hidden
