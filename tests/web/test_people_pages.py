"""People and departments over pages and the API: who may, what is kept, what ends."""

import re
from typing import Any

import pytest
from sqlalchemy import select

from engine.storage.system_tables import audit
from tests.web.conftest import Browser, Desk


def form_of(browser: Browser, path: str) -> dict[str, Any]:
    """What a form about somebody would post as it stands."""
    page = browser.get(path).get_data(as_text=True)
    named = dict(re.findall(r'name="(\w+)"[^>]*? value="([^"]*)"', page))
    return {**named, "roles": re.findall(r'name="roles" value="(\w+)"[^>]*checked', page)}


def test_only_administrators_reach_people_and_departments(desk: Desk) -> None:
    paths = ("/admin/people", "/admin/people/new", f"/admin/people/{desk.ids['rep1']}", "/admin/departments",
             "/admin/departments/new", "/admin/departments/1")  # fmt: skip
    for login in ("rep1", "lead", "guest"):
        browser, program = desk.browser(login), desk.program(login)
        for path in paths:
            assert browser.get(path).status_code == 403, (login, path)
        assert "/admin/people" not in browser.get("/").get_data(as_text=True)
        assert program.get("/admin/people").status_code == 403
        assert program.post("/admin/people", {"login": "new1", "name": "N", "roles": ["admin"]}).status_code == 403
        assert program.call("PATCH", f"/admin/people/{desk.ids['rep1']}", {"roles": ["admin"]}).status_code == 403
        assert program.post("/admin/departments", {"key": "x", "name": "X"}).status_code == 403
        assert "/admin/people" not in program.get("/openapi.json").get_data(as_text=True)
    assert desk.browser("root").get("/admin/people").status_code == 200


def test_a_person_is_added_changed_disabled_and_enabled(desk: Desk) -> None:
    root = desk.browser("root")
    made = root.post(
        "/admin/people/new",
        data={"name": "新同事", "login": "New.One", "email": "n@example.com", "mobile": "138 0000 1111",
              "department._text": "south", "manager._text": "lead", "roles": ["", "rep"]},
    )  # fmt: skip
    assert made.status_code == 303, made.get_data(as_text=True)
    path = made.headers["Location"]
    given = form_of(root, path)
    assert (given["login"], given["name"], given["roles"]) == ("new.one", "新同事", ["rep"])
    assert root.post(path, data={**given, "name": "老同事", "roles": ["", "manager"]}).status_code == 303
    assert form_of(root, path)["roles"] == ["manager"]
    assert root.post(f"{path}/disable").status_code == 303
    assert "已停用" in root.get(path).get_data(as_text=True)
    assert "老同事" not in root.get("/admin/people").get_data(as_text=True)
    assert "老同事" in root.get("/admin/people?state=disabled").get_data(as_text=True)
    assert root.post(f"{path}/enable").status_code == 303
    with desk.store.read() as session:
        actions = list(session.connection.scalars(select(audit.c.action).order_by(audit.c.id)))
    assert actions[-5:] == ["user.create", "user.update", "user.roles", "user.disable", "user.enable"]


@pytest.mark.parametrize(
    "field, value, said",
    [("login", "REP1", "已有人使用"), ("login", "!", "账号要"), ("email", "nobody", "邮箱"),
     ("mobile", "abc", "手机号"),
     ("name", "", "姓名"), ("department._text", "nowhere", "找不到这个部门"), ("manager._text", "nobody", "nobody"),
     ("roles", "boss", "没有“boss”")],
)  # fmt: skip
def test_a_mistake_is_told_at_its_field_and_nothing_typed_is_lost(
    desk: Desk, field: str, value: str, said: str
) -> None:
    root = desk.browser("root")
    given = {"name": "新同事", "login": "new.one", "email": "keep@example.com", "roles": "rep"}
    answer = root.post("/admin/people/new", data=given | {field: value})
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert said in page
    assert field == "email" or "keep@example.com" in page
    assert desk.program("root").get("/admin/people?q=new.one").get_json()["items"] == []


def test_of_two_administrators_the_second_is_told_that_somebody_was_faster(desk: Desk) -> None:
    root, path = desk.browser("root"), f"/admin/people/{desk.ids['rep1']}"
    stale = form_of(root, path)
    assert root.post(path, data={**stale, "name": "First"}).status_code == 303
    second = root.post(path, data={**stale, "name": "Second"})
    assert second.status_code == 422
    assert "别人改过" in second.get_data(as_text=True) and "Second" in second.get_data(as_text=True)
    assert form_of(root, path)["name"] == "First"


def test_whoever_holds_something_is_handed_over_before_they_are_disabled(desk: Desk) -> None:
    rep = desk.program("rep1")
    client = rep.made("client", name="Held")
    rep.made("ticket", title="Held too", client=client["id"])
    root, path = desk.browser("root"), f"/admin/people/{desk.ids['rep1']}"
    page = root.get(path).get_data(as_text=True)
    assert f"{path}/disable" not in page
    assert re.search(r'href="(/handover\?[^"]*leave=1[^"]*)"', page)
    root.post(f"{path}/disable")
    assert rep.get("/client").status_code == 200, "still enabled"
    refused = desk.program("root").post(f"/admin/people/{desk.ids['rep1']}/disable")
    assert refused.status_code == 409
    hand = root.get(f"/handover?from={desk.ids['rep1']}&to={desk.ids['rep2']}&leave=1").get_data(as_text=True)
    assert re.search(r'name="leave" value="1" checked', hand)
    digest = re.search(r'name="digest" value="(\w+)"', hand)[1]  # type: ignore[index]
    given = {"from": desk.ids["rep1"], "to": desk.ids["rep2"], "digest": digest, "reason": "离职", "leave": "1"}
    assert root.post("/handover", data=given).status_code == 303
    assert rep.get("/client").status_code == 401, "the token ended with the account"
    assert desk.program("rep2").get("/client").get_json()["items"][0]["name"] == "Held"
    assert "名下没有任何内容" in root.get(path).get_data(as_text=True)


def test_disabling_ends_the_session_in_the_same_breath(desk: Desk) -> None:
    rep, root = desk.browser("rep2"), desk.browser("root")
    assert rep.signed_in
    root.post(f"/admin/people/{desk.ids['rep2']}/disable")
    assert not rep.signed_in
    root.post(f"/admin/people/{desk.ids['rep2']}/enable")
    assert not rep.signed_in
    assert rep.sign_in("rep2").status_code == 303


def test_the_last_administrator_stays(desk: Desk) -> None:
    root, path = desk.browser("root"), f"/admin/people/{desk.ids['root']}"
    refused = root.post(path, data={**form_of(root, path), "roles": ["", "rep"]})
    assert refused.status_code == 422
    assert "最后一位管理员" in refused.get_data(as_text=True)
    root.post(f"{path}/disable")
    assert root.signed_in


def test_people_are_found_by_words_department_and_role_page_by_page(desk: Desk) -> None:
    root = desk.program("root")
    for number in range(7):
        root.post("/admin/people", {"login": f"many{number}", "name": f"多人{number}", "roles": ["guest"],
                                    "department": "south"})  # fmt: skip
    seen, after = [], None
    while True:
        answer = root.get(f"/admin/people?q=MANY&limit=3{'&after=' + after if after else ''}").get_json()
        seen += [one["login"] for one in answer["items"]]
        after = answer["next"]
        if after is None:
            break
    assert seen == [f"many{number}" for number in range(7)]
    assert len(root.get("/admin/people?department=south&role=guest").get_json()["items"]) == 7
    assert [one["login"] for one in root.get("/admin/people?role=manager").get_json()["items"]] == ["lead"]
    assert root.get("/admin/people?q=%25").get_json()["items"] == []
    page = desk.browser("root").get("/admin/people?q=多人3").get_data(as_text=True)
    assert "many3" in page and "many4" not in page


def test_the_api_changes_only_what_is_sent(desk: Desk) -> None:
    root = desk.program("root")
    made = root.post("/admin/people", {"login": "zed", "name": "Zed", "email": "z@example.com", "manager": "lead",
                                       "department": "north", "roles": ["rep"]})  # fmt: skip
    assert made.status_code == 201
    path = f"/admin/people/{made.get_json()['id']}"
    assert root.call("PATCH", path, {"email": None, "roles": ["guest"]}).status_code == 200
    found = root.get(path).get_json()
    assert (found["email"], found["manager"], found["department"], found["roles"]) == (None, "lead", "north", ["guest"])
    for wrong in (
        {"name": 5},
        {"password": "x"},
        {"roles": "rep"},
        {"roles": [1]},
        {"manager": "nobody"},
        {"name": None},
    ):
        assert root.call("PATCH", path, wrong).status_code == 422, wrong
    for nobody in ("/admin/people/999999", "/admin/people/x", "/admin/departments/999999"):
        assert root.call("PATCH", nobody, {"name": "n"}).status_code == 404


def test_departments_are_a_tree_that_never_becomes_a_ring(desk: Desk) -> None:
    root, program = desk.browser("root"), desk.program("root")
    answer = root.post("/admin/departments/new", data={"name": "北一", "key": "north_one", "parent._text": "north"})
    assert answer.status_code == 303, answer.get_data(as_text=True)
    known = {one["key"]: one for one in program.get("/admin/departments").get_json()["items"]}
    assert known["north_one"]["parent"] == "north"
    path = f"/admin/departments/{known['north']['id']}"
    given = form_of(root, path)
    ring = root.post(path, data={**given, "parent._text": "north_one"})
    assert ring.status_code == 422 and "下级部门" in ring.get_data(as_text=True)
    assert root.post(path, data={**given, "name": "北方", "manager._text": "lead"}).status_code == 303
    tree = root.get("/admin/departments").get_data(as_text=True)
    assert "北方" in tree and "Lead" in tree and "depth-1" in tree
    assert root.post(path, data={**given, "name": "Stale"}).status_code == 422
    for wrong in ({"key": "north"}, {"key": "1x"}, {"name": ""}, {"manager": "guest9"}, {"parent": "none"}):
        assert program.post("/admin/departments", {"key": "fresh", "name": "F"} | wrong).status_code == 422, wrong


def test_a_department_is_deleted_once_nothing_belongs_to_it(desk: Desk) -> None:
    root, program = desk.browser("root"), desk.program("root")
    made = program.post("/admin/departments", {"key": "soon_gone", "name": "Soon gone"}).get_json()["id"]
    path = f"/admin/departments/{made}"
    below = program.post("/admin/departments", {"key": "below", "name": "B", "parent": "soon_gone"}).get_json()["id"]
    program.call("PATCH", f"/admin/people/{desk.ids['rep1']}", {"department": "soon_gone"})
    record = desk.program("rep1").made("ticket", title="Keeps its team")
    for said, mend in (
        ("1 人", ("PATCH", f"/admin/people/{desk.ids['rep1']}", {"department": "north"})),
        ("1 个部门", ("DELETE", f"/admin/departments/{below}", None)),
        ("有记录或共享", None),
    ):
        refused = root.post(f"{path}/delete")
        assert refused.status_code == 422 and said in refused.get_data(as_text=True)
        assert program.call("DELETE", path).status_code == 409
        if mend is not None:
            assert program.call(*mend).status_code in (200, 204)
    assert desk.program("rep1").get(f"/ticket/{record['id']}").status_code == 200
    empty = program.post("/admin/departments", {"key": "empty", "name": "Empty"}).get_json()["id"]
    assert root.post(f"/admin/departments/{empty}/delete").status_code == 303
    assert "soon_gone" in str(program.get("/admin/departments").get_json())
    assert "empty" not in [one["key"] for one in program.get("/admin/departments").get_json()["items"]]
    assert desk.browser("rep1").post(f"{path}/delete").status_code == 403
    assert root.get("/admin/audit?action=department.delete").get_data(as_text=True).count("删除部门") > 1


def test_a_new_department_counts_for_the_team_at_once(desk: Desk) -> None:
    program, lead = desk.program("root"), desk.program("lead")
    assert lead.get("/ticket").get_json()["items"] == []
    program.post("/admin/departments", {"key": "below", "name": "Below", "parent": "north"})
    program.call("PATCH", f"/admin/people/{desk.ids['rep2']}", {"department": "below"})
    desk.program("rep2").made("ticket", title="Seen by the team")
    assert [one["title"] for one in lead.get("/ticket").get_json()["items"]] == ["Seen by the team"]
