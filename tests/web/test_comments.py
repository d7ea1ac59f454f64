"""Talking about a record on its page and over the API."""

import re

import pytest

from engine.automation.outbox import drain
from tests.web.conftest import Desk


def test_a_remark_stands_on_the_page_escaped_and_leads_there_from_its_notice(desk: Desk) -> None:
    made = desk.program("rep1").made("ticket", title="漏水")
    rep, lead, page = desk.browser("rep1"), desk.browser("lead"), f"/e/ticket/{made['id']}"
    said = rep.post(f"{page}/comments", data={"text": "@Lead <script>alert(1)</script>", "_action_id": "one"})
    assert said.headers["Location"] == f"{page}#comments"
    rep.post(f"{page}/comments", data={"text": "@Lead <script>alert(1)</script>", "_action_id": "one"})
    drain(desk.store)
    home = lead.get("/").get_data(as_text=True)
    assert home.count("在 GD") == 1 or home.count("的讨论里提到了你") == 1
    notice = re.search(r'action="(/notices/\d+/open)"', home)[1]  # type: ignore[index]
    assert lead.post(notice).headers["Location"] == f"{page}#comments"
    shown = lead.get(page).get_data(as_text=True)
    assert "&lt;script&gt;alert(1)" in shown and "<script>alert" not in shown
    assert shown.count("&lt;script&gt;") == 1


def test_what_was_typed_stays_when_it_is_refused(desk: Desk) -> None:
    made = desk.program("rep1").made("ticket", title="漏水")
    rep, page = desk.browser("rep1"), f"/e/ticket/{made['id']}"
    said = rep.post(f"{page}/comments", data={"text": "@Rep2 看一下", "people": str(desk.ids["rep2"])})
    assert said.status_code == 422
    shown = said.get_data(as_text=True)
    assert "看不到这条记录" in shown and "@Rep2 看一下</textarea>" in shown
    assert rep.post(f"{page}/comments", data={"text": "  "}).status_code == 422
    assert desk.browser("rep2").post(f"{page}/comments", data={"text": "x"}).status_code == 404


def test_following_is_a_switch(desk: Desk) -> None:
    made = desk.program("rep1").made("ticket", title="漏水")
    lead, page = desk.browser("lead"), f"/e/ticket/{made['id']}"
    assert 'aria-pressed="false"' in lead.get(page).get_data(as_text=True)
    lead.post(f"{page}/follow", data={"follow": "1"})
    assert "已关注" in lead.get(page).get_data(as_text=True)
    lead.post(f"{page}/follow", data={"follow": "0"})
    assert 'aria-pressed="false"' in lead.get(page).get_data(as_text=True)
    assert desk.browser("rep2").post(f"{page}/follow", data={"follow": "1"}).status_code == 404


def test_programs_talk_read_page_by_page_and_take_back(desk: Desk) -> None:
    rep = desk.program("rep1")
    made = rep.made("ticket", title="漏水")
    path = f"/ticket/{made['id']}/comments"
    ids = [rep.post(path, {"text": f"{n}", "people": [desk.ids["lead"]]}).get_json()["id"] for n in range(3)]
    first = rep.get(f"{path}?limit=2").get_json()
    rest = rep.get(f"{path}?limit=2&before={first['next']}").get_json()
    assert [one["id"] for one in first["items"] + rest["items"]] == ids[::-1]
    assert first["items"][0]["mentioned"] == [desk.ids["lead"]]
    assert desk.program("lead").call("DELETE", f"{path}/{ids[0]}").status_code == 403
    assert rep.call("DELETE", f"{path}/{ids[0]}").status_code == 204
    assert rep.get(path).get_json()["items"][-1]["removed"] is True
    assert rep.call("PUT", f"/ticket/{made['id']}/follow").status_code == 204
    assert rep.call("DELETE", f"/ticket/{made['id']}/follow").status_code == 204


@pytest.mark.parametrize(
    "body", [{}, {"text": 1}, {"text": ""}, {"text": "x", "people": "1"}, {"text": "x", "people": ["1"]}, {"more": 1},
             {"text": "x", "people": [10**9]}],
)  # fmt: skip
def test_bad_input_is_answered_in_a_sentence(desk: Desk, body: object) -> None:
    rep = desk.program("rep1")
    made = rep.made("ticket", title="漏水")
    said = rep.post(f"/ticket/{made['id']}/comments", body)
    assert said.status_code == 422
    assert said.get_json()["detail"]
