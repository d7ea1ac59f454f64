"""Pools on pages and over the API: what one sees of them, takes, gives back, gives out and keeps; owners as data."""

import re
from typing import Any

import pytest

from engine.automation.outbox import drain
from engine.automation.timers import sweep
from engine.people import accounts
from tests.records.test_ownership import DAY, FIRMS
from tests.web.conftest import Desk, OpenDesk, add_people

PEOPLE = {"rep1": ("north", "rep"), "rep2": ("south", "rep"), "lead": ("south", "lead"), "chief": ("north", "chief"),
          "guest": ("north", "guest"), "root": ("north", "admin")}  # fmt: skip


@pytest.fixture
def desk(open_desk: OpenDesk) -> Desk:
    return open_desk(definition=FIRMS, people=lambda store: add_people(store, PEOPLE))


@pytest.fixture
def pooled(desk: Desk) -> dict[str, Any]:
    """A firm rep1 gave back, over the page."""
    firm = desk.program("rep1").made("firm", name="甬江阀门", phone="13800138000", city="nb")
    page, url = desk.browser("rep1"), f"/e/firm/{firm['id']}"
    refused = page.post(f"{url}/release", data={"pool": "public", "reason": " "})
    assert (refused.status_code, "请写明退回的原因" in refused.get_data(as_text=True)) == (422, True)
    assert page.post(f"{url}/release", data={"pool": "public", "reason": "转产了"}).headers["Location"] == (
        "/e/firm/pools/public"
    )
    return firm


def test_a_member_sees_what_the_pool_shows_and_claims_it_where_it_stands(desk: Desk, pooled: dict[str, Any]) -> None:
    page, url = desk.browser("rep2"), f"/e/firm/{pooled['id']}"
    tab = page.get("/e/firm").get_data(as_text=True)
    assert 'href="/e/firm/pools/public"' in tab
    for address in ("/e/firm/pools/public", "/e/firm/pools/public?q=甬江", url):
        said = page.get(address).get_data(as_text=True)
        assert ("甬江阀门" in said, "13800138000" in said) == (True, False)
        assert f'action="{url}/claim"' in said
    assert page.get(f"{url}/history").status_code == 404
    assert page.get("/e/firm/pools/old").status_code == 404

    taken = page.post(f"{url}/claim")
    assert (taken.status_code, taken.headers["Location"]) == (303, url)
    mine = page.get(url).get_data(as_text=True)
    assert "13800138000" in mine
    assert [re.search(word, mine) is not None for word in ("领取", "转产了", "剩余 30 天")] == [True] * 3
    late = desk.browser("rep1").post(f"{url}/claim")
    assert (late.status_code, "你晚了一步：Rep2" in late.get_data(as_text=True)) == (409, True)


def test_nobody_else_is_offered_the_pool(desk: Desk, pooled: dict[str, Any]) -> None:
    guest = desk.browser("guest")
    assert guest.get("/e/firm/pools/public").status_code == 404
    lead = desk.browser("lead").get("/e/firm/pools/public").get_data(as_text=True)
    assert (f'/e/firm/{pooled["id"]}/assign"' in lead, "/claim" in lead) == (True, False)


def test_an_administrator_of_the_pool_assigns(desk: Desk, pooled: dict[str, Any]) -> None:
    page, url = desk.browser("lead"), f"/e/firm/{pooled['id']}/assign"
    form = page.get(url).get_data(as_text=True)
    assert ("Rep1" in form, "Rep2" in form, "Chief" in form) == (True, True, False)
    assert page.post(url, data={"to": ""}).status_code == 422
    assert page.post(url, data={"to": str(desk.ids["rep2"])}).status_code == 303
    drain(desk.store)

    assert "把公海里的 甬江阀门 分配给了你" in desk.browser("rep2").get("/").get_data(as_text=True)


def test_the_same_over_the_api(desk: Desk, pooled: dict[str, Any]) -> None:
    rep1, rep2, lead = (desk.program(login) for login in ("rep1", "rep2", "lead"))
    address = f"/firm/{pooled['id']}"
    assert [one["key"] for one in rep2.get("/firm/pools").get_json()["items"]] == ["public"]
    seen = rep2.get("/firm/pools/public?count=true").get_json()
    shown = {"id": pooled["id"], "version": 2, "number": None, "name": "甬江阀门", "city": "nb", "pool": "public"}
    assert (seen["items"], seen["count"]) == ([shown], 1)
    assert rep2.get(address).get_json() == shown
    assert rep1.post(f"{address}/claim").get_json()["detail"].startswith("这条记录不久前离开了你")
    assert rep2.post(f"{address}/assign", {"to": "rep2"}).status_code == 403
    assert lead.post(f"{address}/assign", {"to": "rep2"}).get_json() == {"to": "rep2"}
    assert rep2.call("PUT", f"{address}/keep").status_code == 204
    assert rep2.get(address).get_json()["protected_until"] is None
    assert rep2.call("DELETE", f"{address}/keep").status_code == 204
    assert rep2.post(f"{address}/release", {"pool": "public"}).status_code == 422
    owners = rep2.get(f"{address}/owners").get_json()["items"]
    assert [(one["why"], one["owner"]) for one in owners] == [
        ("assigned", desk.ids["rep2"]), ("released", None), ("created", desk.ids["rep1"]),
    ]  # fmt: skip
    assert rep1.get(f"{address}/owners").status_code == 404


def test_the_list_says_in_red_when_few_days_are_left(desk: Desk) -> None:
    rep = desk.program("rep1")
    rep.made("firm", name="甬江阀门", grade="a")
    desk.clock.advance(9 * DAY)
    rep.made("firm", name="东海泵业", grade="a")
    desk.clock.advance(2 * DAY)
    page = desk.browser("rep1")
    listed = page.get("/e/firm?columns=name,protected_until&sort=protected_until").get_data(as_text=True)
    assert re.findall(r'class="days-left([^"]*)"[^>]*>([^<]*)', listed) == [
        (" is-ending", "剩余 4 天"), ("", "剩余 13 天"),
    ]  # fmt: skip
    desk.clock.advance(1 * DAY)
    sweep(desk.store)
    drain(desk.store)

    assert "甬江阀门 将于 2026-03-17 09:00 收回公海" in desk.browser("rep1").get("/").get_data(as_text=True)


def to_send(plan: str) -> dict[str, str]:
    """What the form below a plan would send."""
    form = plan.partition('<form class="panel" method="post"')[2]
    names = re.findall(r'<input type="hidden" name="([\w.]+)" value="([^"]*)"', form)
    return {name: value for name, value in names if name != "csrf_token"}


def test_what_somebody_holds_is_handed_over_to_the_pool_now_or_on_a_day(desk: Desk) -> None:
    firms = [desk.program("rep1").made("firm", name=f"甬江{at}", grade="a") for at in range(2)]
    visit = desk.program("rep1").made("visit", firm=firms[0]["id"])
    root = desk.browser("root")
    asked = f"/handover?from={desk.ids['rep1']}&to={desk.ids['rep2']}&parts=records"
    form = root.get(asked).get_data(as_text=True)
    assert re.findall(r'<option value="(\w+)" >放入', form) == ["public", "old"]
    plan = root.get(f"{asked}&pool.firm=public").get_data(as_text=True)
    assert "→ 公海" in plan and "→ Rep2" in plan
    for wrong in ("pool.firm=nix", "pool.visit=public", "pool.nix=public"):
        assert "digest" not in root.get(f"{asked}&{wrong}").get_data(as_text=True)
    sent = to_send(plan) | {"reason": "离职"}
    assert sent["pool.firm"] == "public"
    assert root.post("/handover", data=sent).status_code == 303
    chief = desk.program("chief")
    for firm in firms:
        now = chief.get(f"/firm/{firm['id']}").get_json()
        assert (now["pool"], now["owner"]) == ("public", None)
        owners = chief.get(f"/firm/{firm['id']}/owners").get_json()["items"]
        assert (owners[0]["pool"], owners[0]["note"]) == ("public", "离职")
    assert chief.get(f"/visit/{visit['id']}").get_json()["owner"] == desk.ids["rep2"]

    given = {"from": str(desk.ids["rep2"]), "to": str(desk.ids["rep1"]), "pools": {"firm": "nix"}}
    assert desk.program("root").post("/tasks/hand-over", given).status_code == 422
    told = desk.program("root").post("/tasks/hand-over", given | {"pools": {"firm": "public"}}).get_json()
    assert {one["pool"] for one in told["items"] if one["entity"] == "firm"} <= {"public"}

    later = desk.program("rep1").made("firm", name="明天的")
    plan = root.get(f"{asked}&pool.firm=public").get_data(as_text=True)
    sent = to_send(plan) | {"reason": "离职", "on": "2026-03-20"}
    assert root.post("/handover", data=sent).status_code == 303
    desk.clock.at += 30 * DAY
    sweep(desk.store)
    assert chief.get(f"/firm/{later['id']}").get_json()["pool"] == "public"


def test_whoever_looks_after_a_pool_enters_a_record_straight_into_it(desk: Desk) -> None:
    with desk.store.write() as session:
        accounts.set_roles(session, desk.ids["lead"], ["lead", "rep"], actor=None)
    lead, rep = desk.browser("lead"), desk.browser("rep1")
    page = lead.get("/e/firm/pools/public").get_data(as_text=True)
    assert 'href="/e/firm/new?pool=public"' in page
    assert "/e/firm/new" not in rep.get("/e/firm/pools/public").get_data(as_text=True)
    form = lead.get("/e/firm/new?pool=public").get_data(as_text=True)
    assert 'name="_pool" value="public"' in form
    assert "_pool" not in rep.get("/e/firm/new?pool=public").get_data(as_text=True)
    refused = lead.post("/e/firm/new", data={"name": "", "_pool": "public"})
    assert refused.status_code == 422 and 'name="_pool" value="public"' in refused.get_data(as_text=True)
    made = lead.post("/e/firm/new", data={"name": "展会名片", "city": "nb", "_pool": "public"}).location
    assert lead.get(made).status_code == 200
    assert "展会名片" in rep.get("/e/firm/pools/public").get_data(as_text=True)
    owners = desk.program("chief").get(f"/firm/{made.rpartition('/')[2]}/owners").get_json()["items"]
    assert [(one["pool"], one["why"]) for one in owners] == [("public", "created")]
    assert rep.post(f"{made}/claim").status_code == 303

    program = desk.program("lead")
    assert program.post("/firm", {"name": "接口名片", "pool": "public"}).get_json()["pool"] == "public"
    for login, body, code in (
        ("rep1", {"name": "x", "pool": "public"}, "pool.no_admin"),
        ("lead", {"name": "x", "pool": "nix"}, "pool.unknown"),
        ("lead", {"name": "x", "pool": ["public"]}, "pool.unknown"),
        ("lead", {"name": "x", "pool": "public", "owner": desk.ids["rep1"]}, "pool.no_owner"),
    ):
        said = desk.program(login).post("/firm", body)
        assert (said.status_code, said.get_json()["errors"][0]["code"]) == (422, code)
