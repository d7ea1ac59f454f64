"""Changing one field of many records from a list: asked, previewed, done, each record by its own rights and rules."""

import re
from html import unescape
from typing import Any

from tests.web.conftest import Browser, Desk

MANY = "/e/ticket/many"
HX = {"HX-Request": "true"}


def tickets(desk: Desk, login: str, *titles: str, **values: Any) -> list[dict[str, Any]]:
    return [desk.program(login).made("ticket", title=title, **values) for title in titles]


def seen(*records: dict[str, Any]) -> list[str]:
    return [f"{one['id']}:{one['version']}" for one in records]


def kind_of(desk: Desk, login: str, one: dict[str, Any]) -> Any:
    return desk.program(login).get(f"/ticket/{one['id']}").get_json()["kind"]


def ask(browser: Browser, records: list[str], where: str = MANY, **data: Any) -> Any:
    return browser.post(where, data={"records": ",".join(records), **data})


def text_of(page: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page.get_data(as_text=True)).split())


def options(page: str) -> list[str]:
    select = re.search(r'<select[^>]*name="field".*?</select>', page, re.DOTALL)
    return re.findall(r'<option value="(\w+)"', select[0]) if select else []


def test_rows_can_be_ticked_by_whoever_may_change_some_of_them(desk: Desk) -> None:
    one = tickets(desk, "rep1", "A")[0]

    assert f'value="{one["id"]}:1"' in desk.browser("rep1").get("/e/ticket").get_data(as_text=True)
    assert 'name="record"' not in desk.browser("root").get("/e/ticket").get_data(as_text=True)
    assert desk.browser("root").post(MANY, data={"record": seen(one)}).status_code == 403
    assert desk.browser("guest").post(MANY, data={"record": seen(one)}).status_code == 403


def test_only_fields_that_many_can_share_and_the_reader_may_change_are_offered(desk: Desk) -> None:
    one = tickets(desk, "rep1", "A")[0]
    of_rep = options(desk.browser("rep1").post(MANY, data={"record": seen(one)}).get_data(as_text=True))
    of_chief = options(desk.browser("lead").post(MANY, data={"record": seen(one)}).get_data(as_text=True))

    shared = ["title", "client", "same", "kind", "price", "share", "due_on", "called", "urgent", "answer"]
    assert of_rep == shared
    assert of_chief == ["owner", *shared[:9], "floor", "answer"]
    refused = ask(desk.browser("rep1"), seen(one), field="floor", floor="1", step="apply")
    assert (refused.status_code, 'name="floor"' in refused.get_data(as_text=True)) == (200, False)


def test_the_value_is_given_in_the_input_of_the_form_and_a_wrong_one_is_told_before_any_record(desk: Desk) -> None:
    records = seen(*tickets(desk, "rep1", "A", "B"))
    rep = desk.browser("rep1")
    page = ask(rep, records, field="price").get_data(as_text=True)
    wrong = ask(rep, records, field="price", price="viel", step="preview")

    assert 'id="f-price"' in page and 'inputmode="decimal"' in page
    assert wrong.status_code == 422
    assert 'id="f-price-error"' in wrong.get_data(as_text=True) and "many-result" not in wrong.get_data(as_text=True)


def test_a_preview_counts_and_says_of_each_why_not_and_keeps_nothing(desk: Desk) -> None:
    free, same = tickets(desk, "rep1", "A")[0], tickets(desk, "rep1", "B", kind="repair")[0]
    foreign, old = tickets(desk, "rep2", "C")[0], tickets(desk, "rep1", "D")[0]
    desk.program("rep1").patch(f"/ticket/{old['id']}", {"title": "D2"}, 1)
    rep = desk.browser("rep1")

    page = ask(rep, seen(free, same, foreign, old), field="kind", kind="repair", step="preview")

    said = text_of(page)
    assert (
        "把“类型”改为“维修”" in said and "将修改 1 条" in said and "1 条已经是这个值" in said and "2 条不能修改" in said
    )
    assert f"{old['number']} D2" in said and f'href="/e/ticket/{old["id"]}"' in page.get_data(as_text=True)
    assert f"#{foreign['id']}" in said and foreign["number"] not in said
    assert kind_of(desk, "rep1", free) is None


def test_what_was_previewed_is_what_is_done(desk: Desk) -> None:
    first, second = tickets(desk, "rep1", "A", "B")
    rep, records = desk.browser("rep1"), seen(first, second)
    page = ask(rep, records, field="kind", kind="repair", step="preview").get_data(as_text=True)
    previewed = re.search(r'name="_previewed" value="([^"]*)"', page)[1].replace("&#34;", '"')  # type: ignore[index]

    other = ask(rep, records, field="kind", kind="other", step="apply", _previewed=previewed)
    assert "将修改 2 条" in text_of(other) and kind_of(desk, "rep1", first) is None
    done = ask(rep, records, field="kind", kind="repair", step="apply", _previewed=previewed)
    again = ask(rep, records, field="kind", kind="repair", step="apply", _previewed=previewed)

    assert "已修改 2 条" in text_of(done)
    assert [kind_of(desk, "rep1", one) for one in (first, second)] == ["repair", "repair"]
    assert "2 条没有修改" in text_of(again)
    history = desk.program("rep1").get(f"/ticket/{first['id']}/history").get_json()["items"]
    assert len(history) == 2


def test_a_script_asks_part_by_part_and_is_told_which_would_change(desk: Desk) -> None:
    first, second, third = tickets(desk, "rep1", "A", "B", "C")
    rep = desk.browser("rep1")
    start = rep.post(
        MANY, data={"records": ",".join(seen(first)), "field": "kind", "kind": "other", "step": "preview"}, headers=HX
    )
    part = ask(rep, seen(first, second), f"{MANY}/part", field="kind", kind="other", step="preview").get_data(
        as_text=True
    )

    assert "data-run" in start.get_data(as_text=True)
    assert f'data-changed="{first["id"]}:1,{second["id"]}:1"' in part
    assert kind_of(desk, "rep1", first) is None
    ask(rep, seen(first), f"{MANY}/part", field="kind", kind="other", step="apply")
    assert [kind_of(desk, "rep1", one) for one in (first, second, third)] == ["other", None, None]
    too_many = [f"{id_}:1" for id_ in range(1, 22)]
    assert ask(rep, too_many, f"{MANY}/part", field="kind", kind="other", step="apply").status_code == 422
    assert ask(rep, seen(first), f"{MANY}/part", field="number", number="1", step="apply").status_code == 422


def test_all_that_the_filter_finds_are_taken_and_the_list_is_led_back_to(desk: Desk) -> None:
    tickets(desk, "rep1", "A", "B", kind="repair")
    tickets(desk, "rep1", "C", kind="other")
    page = desk.browser("rep1").post(f"{MANY}?kind=repair", data={"all": "yes"})

    assert "已选 2 条" in text_of(page)
    assert 'href="/e/ticket?kind=repair"' in page.get_data(as_text=True)
    back = desk.browser("rep1").get(f"{MANY}?kind=repair")
    assert (back.status_code, back.headers["Location"]) == (303, "/e/ticket?kind=repair")


def test_nothing_chosen_and_too_much_chosen_are_said(desk: Desk, monkeypatch: Any) -> None:
    tickets(desk, "rep1", "A", "B")
    nothing = desk.browser("rep1").post(MANY, data={"record": ["x", "0:1", "1:"]})
    monkeypatch.setattr("web.pages.many.MOST", 1)
    much = desk.browser("rep1").post(MANY, data={"all": "yes"})

    assert (nothing.status_code, much.status_code) == (422, 422)
    assert "没有选中记录" in text_of(nothing) and "一次最多 1 条" in text_of(much)


def test_an_owner_is_given_to_many_and_the_team_follows(desk: Desk) -> None:
    one = tickets(desk, "rep1", "A")[0]
    chief = desk.browser("lead")
    part = ask(chief, seen(one), f"{MANY}/part", field="owner", owner=str(desk.ids["rep1"]), step="preview")
    given = ask(chief, seen(one), f"{MANY}/part", field="owner", owner=str(desk.ids["lead"]), step="apply")

    assert 'data-same="1"' in part.get_data(as_text=True)
    assert f'data-changed="{one["id"]}:1"' in given.get_data(as_text=True)
    assert ask(chief, seen(one), field="owner", owner="", step="preview").status_code == 422
    assert desk.program("lead").get(f"/ticket/{one['id']}").get_json()["owner"] == desk.ids["lead"]


def test_a_link_that_depends_on_the_record_is_chosen_from_all_and_judged_for_each(desk: Desk) -> None:
    rep = desk.program("rep1")
    client, other = rep.made("client", name="甲方工业"), rep.made("client", name="完全不同的店")
    of_client, target = tickets(desk, "rep1", "A", "B", client=client["id"])
    stranger = tickets(desk, "rep1", "C", client=other["id"])[0]
    browser = desk.browser("rep1")

    page = ask(browser, seen(of_client), field="same").get_data(as_text=True)
    part = ask(browser, seen(of_client, stranger), f"{MANY}/part", field="same", same=str(target["id"])).get_data(
        as_text=True
    )

    assert 'data-picker="/pick/ticket"' in page
    assert f'data-changed="{of_client["id"]}:1"' in part and "不符合条件" in part


MOVES = "/e/ticket/many/moves"


def test_a_move_is_tried_with_each_and_what_it_lacks_is_listed_with_where_to_fill_it_in(desk: Desk) -> None:
    ready = tickets(desk, "rep1", "A", answer="好")[0]
    bare, foreign = tickets(desk, "rep1", "B")[0], tickets(desk, "rep2", "C")[0]
    rep, records = desk.browser("rep1"), seen(ready, bare, foreign)
    assert 'value="finish"' in ask(rep, records, MOVES).get_data(as_text=True)

    shown = ask(rep, records, f"{MOVES}/part", move="finish", step="preview").get_data(as_text=True)
    assert f'data-changed="{ready["id"]}:1"' in shown
    assert "还缺 1 项" in shown and f'href="/e/ticket/{bare["id"]}/moves/finish"' in shown
    assert f"#{foreign['id']}" in shown and foreign["number"] not in shown
    assert desk.program("rep1").get(f"/ticket/{ready['id']}").get_json()["stage"] == "open"

    done = ask(rep, records, f"{MOVES}/part", move="finish", step="apply", _action_id="p1")
    again = ask(rep, records, f"{MOVES}/part", move="finish", step="apply", _action_id="p1")
    assert f'data-changed="{ready["id"]}:1"' in done.get_data(as_text=True) == again.get_data(as_text=True)
    assert desk.program("rep1").get(f"/ticket/{ready['id']}").get_json()["stage"] == "done"
    assert desk.program("rep1").get(f"/ticket/{bare['id']}").get_json()["stage"] == "open"


def test_without_a_script_a_move_is_tried_and_then_made_with_its_reason(desk: Desk) -> None:
    one = tickets(desk, "rep1", "A", answer="好")[0]
    lead, records = desk.browser("lead"), seen(one)
    refused = ask(lead, records, MOVES, move="drop", step="preview")
    assert refused.status_code == 422 and "请填写“作废”的原因" in text_of(refused)
    page = ask(lead, records, MOVES, move="drop", reason="重复", step="preview").get_data(as_text=True)
    assert "将流转 1 条" in page and "作废：进入“已完成”" in page
    previewed = unescape(re.search(r'name="_previewed" value="([^"]*)"', page)[1])  # type: ignore[index]
    other = ask(lead, records, MOVES, move="drop", reason="别的", step="apply", _previewed=previewed)
    assert "将流转 1 条" in text_of(other), "what was not tried is not done"
    done = ask(lead, records, MOVES, move="drop", reason="重复", step="apply", _previewed=previewed)
    assert "已流转 1 条" in text_of(done)


def test_a_move_that_asks_people_is_made_with_many_and_whoever_may_not_is_turned_away(desk: Desk) -> None:
    records = seen(*tickets(desk, "rep1", "A", "B", answer="好"))
    rep = desk.browser("rep1")
    assert "审批" in text_of(ask(rep, records, MOVES, move="ask"))
    part = ask(rep, records, f"{MOVES}/part", move="ask", step="apply").get_data(as_text=True)
    assert part.count(":1") == 2 and len(desk.program("lead").get("/tasks?box=mine").get_json()["items"]) == 2
    assert ask(rep, records, f"{MOVES}/part", move="nonsense", step="apply").status_code == 422
    assert rep.post("/e/client/many/moves", data={"records": "1:1"}).status_code == 404
    assert desk.browser("guest").post(MOVES, data={"record": records}).status_code == 403
    assert MOVES in desk.browser("rep1").get("/e/ticket").get_data(as_text=True)
    back = rep.get(f"{MOVES}?kind=repair")
    assert (back.status_code, back.headers["Location"]) == (303, "/e/ticket?kind=repair")
