"""Deleting is undone: by the note that says so, in the recycle bin, over the API; and earlier versions come back."""

import re

import pytest

from tests.web.conftest import Desk

BIN = "/e/ticket/deleted"


def test_deleting_asks_nothing_and_offers_to_undo_it(desk: Desk) -> None:
    made = desk.program("lead").made("ticket", title="漏水")
    lead = desk.browser("lead")
    page = f"/e/ticket/{made['id']}"
    assert "data-confirm" not in lead.get(page).get_data(as_text=True)
    assert lead.post(f"{page}/delete", data={"_version": made["version"]}).status_code == 303
    told = lead.get("/e/ticket").get_data(as_text=True)
    undo = re.search(r'action="(/e/ticket/\d+/restore)"', told)[1]  # type: ignore[index]
    assert lead.get(page).status_code == 404
    assert lead.post(undo).headers["Location"] == page
    assert "从回收站恢复" in lead.get(page).get_data(as_text=True)


def test_the_bin_shows_what_was_deleted_to_who_may_bring_it_back(desk: Desk) -> None:
    made = desk.program("rep1").made("ticket", title="漏水")
    lead = desk.browser("lead")
    assert "回收站是空的" in lead.get(BIN).get_data(as_text=True)
    lead.post(f"/e/ticket/{made['id']}/delete", data={"_version": made["version"]})
    shown = lead.get(BIN).get_data(as_text=True)
    assert "漏水" in shown and "Lead" in shown
    for login in ("rep1", "rep2", "guest", "root"):
        other = desk.browser(login)
        assert "漏水" not in other.get(BIN).get_data(as_text=True)
        assert 'class="icon-button bin-link"' not in other.get("/e/ticket").get_data(as_text=True)
        assert other.post(f"/e/ticket/{made['id']}/restore").status_code in (403, 404)
    assert lead.post(f"/e/ticket/{made['id']}/restore").status_code == 303
    assert "漏水" not in lead.get(BIN).get_data(as_text=True)


def test_a_record_that_cannot_come_back_says_why_beside_it(desk: Desk) -> None:
    lead = desk.program("lead")
    client = lead.made("client", name="甬江")
    ticket = lead.made("ticket", title="漏水", client=client["id"])
    for entity, made in (("ticket", ticket), ("client", client)):
        assert lead.call("DELETE", f"/{entity}/{made['id']}", If_Match='"1"').status_code == 204
    refused = lead.post(f"/ticket/{ticket['id']}/restore")
    assert refused.status_code == 409
    assert "客户" in refused.get_json()["detail"]
    assert lead.post(f"/client/{client['id']}/restore").get_json()["name"] == "甬江"
    assert lead.post(f"/ticket/{ticket['id']}/restore").get_json()["version"] == 3


def test_programs_read_the_bin_page_by_page(desk: Desk) -> None:
    lead = desk.program("lead")
    made = [lead.made("ticket", title=f"{n}号")["id"] for n in range(3)]
    for id_ in made:
        lead.call("DELETE", f"/ticket/{id_}", If_Match='"1"')
    first = lead.get("/ticket/deleted?limit=2").get_json()
    rest = lead.get(f"/ticket/deleted?limit=2&before={first['next']}").get_json()
    assert [one["id"] for one in first["items"] + rest["items"]] == made[::-1]
    assert rest["next"] is None
    assert first["items"][0]["deleted_by"] == "Lead"


def test_fields_of_an_earlier_version_are_ticked_and_come_back(desk: Desk) -> None:
    rep = desk.program("rep1")
    made = rep.made("ticket", title="漏水", price="100", answer="<b>旧</b>", parts=[{"what": "垫片", "price": "3"}])
    rep.patch(f"/ticket/{made['id']}", {"title": "停电", "price": "120", "answer": "新", "parts": []}, 1)
    browser, page = desk.browser("rep1"), f"/e/ticket/{made['id']}/versions/1"
    assert f'href="{page}"' in browser.get(f"/e/ticket/{made['id']}").get_data(as_text=True)
    shown = browser.get(page).get_data(as_text=True)
    assert "漏水" in shown and "停电" in shown and "&lt;b&gt;旧" in shown and "垫片" in shown

    ticked = {"_version": 2, "fields": ["price", "parts"]}
    assert browser.post(f"{page}/restore", data=ticked).status_code == 303

    now = rep.get(f"/ticket/{made['id']}").get_json()
    assert (now["title"], now["price"], now["total"]) == ("停电", "100.00", "3.00")
    assert "恢复了第 1 版" in browser.get(f"/e/ticket/{made['id']}").get_data(as_text=True)
    assert browser.post(f"{page}/restore", data=ticked).status_code == 303  # somebody saved since: shown anew
    assert rep.get(f"/ticket/{made['id']}").get_json()["version"] == 3


def test_nothing_ticked_or_something_else_is_said_and_the_ticks_stay(desk: Desk) -> None:
    rep = desk.program("rep1")
    made = rep.made("ticket", title="漏水", price="100")
    rep.patch(f"/ticket/{made['id']}", {"title": "停电", "price": "120"}, 1)
    browser, page = desk.browser("rep1"), f"/e/ticket/{made['id']}/versions/1"
    none = browser.post(f"{page}/restore", data={"_version": 2})
    assert none.status_code == 422
    assert "请选择" in none.get_data(as_text=True)
    other = browser.post(f"{page}/restore", data={"_version": 2, "fields": ["price", "floor", "<x>"]})
    assert other.status_code == 422
    assert re.search(r'value="price" checked', other.get_data(as_text=True))


def test_programs_read_and_restore_versions(desk: Desk) -> None:
    rep = desk.program("rep1")
    made = rep.made("ticket", title="漏水", share="5%")
    rep.patch(f"/ticket/{made['id']}", {"share": "7%"}, 1)
    then = rep.get(f"/ticket/{made['id']}/versions/1").get_json()
    assert (then["differs"], then["restorable"], then["record"]["share"]) == (["share"], ["share"], "5%")
    assert "floor" not in then["record"]
    back = rep.call("POST", f"/ticket/{made['id']}/versions/1/restore", {"fields": ["share"]}, If_Match='"2"')
    assert (back.get_json()["share"], back.headers["ETag"]) == ("5%", '"3"')
    stale = rep.call("POST", f"/ticket/{made['id']}/versions/1/restore", {"fields": ["share"]}, If_Match='"2"')
    assert stale.status_code == 409
    assert desk.program("rep2").get(f"/ticket/{made['id']}/versions/1").status_code == 404


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("versions/9/restore", {"fields": ["title"]}, 404),
        ("versions/x/restore", {"fields": ["title"]}, 404),
        ("versions/1/restore", {"fields": "title"}, 422),
        ("versions/1/restore", {"fields": [7]}, 422),
        ("versions/1/restore", {"fields": []}, 422),
        ("versions/1/restore", {}, 422),
        ("versions/1/restore", {"fields": ["title"], "more": 1}, 422),
    ],
)
def test_bad_input_is_answered_in_a_sentence(desk: Desk, path: str, body: object, status: int) -> None:
    rep = desk.program("rep1")
    made = rep.made("ticket", title="漏水")
    rep.patch(f"/ticket/{made['id']}", {"title": "停电"}, 1)
    said = rep.call("POST", f"/ticket/{made['id']}/{path}", body, If_Match='"2"')
    assert said.status_code == status
    assert said.get_json()["detail"]
