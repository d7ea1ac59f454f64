"""Leads of the manufacturing template by pages and programs: refused for a customer of somebody else in both alike."""

import re
from typing import Any

import pytest

from engine.automation import jobs
from tests.web.conftest import Desk

NAME, MOBILE = "宁波甲乙机械有限公司", "13900000001"


@pytest.fixture
def lead(factory: Desk) -> dict[str, Any]:
    """What rep_zhao is about to enter: a customer of rep_wang's, who has a contact there."""
    wang = factory.program("rep_wang")
    customer = wang.made("customer", name=NAME, type="oem", region="east")
    wang.made("contact", name="钱经理", customer=customer["id"], mobile=MOBILE)
    fair = factory.program("ops_wu").made("source", name="示例展会_2026春", type="fair")
    return {"company": "宁波甲乙机械（有限公司）", "contact_name": "高工", "wechat": "gao", "source": str(fair["id"]),
            "region": "east", "received_at": "2026-03-02 09:00"}  # fmt: skip


def _said_in_form(factory: Desk, login: str, given: dict[str, Any]) -> str:
    answer = factory.browser(login).post("/e/lead/new", data=given)
    assert answer.status_code == 422, answer.status_code
    return answer.get_data(as_text=True)


def _said_to_program(factory: Desk, login: str, given: dict[str, Any]) -> dict[str, str]:
    answer = factory.program(login).post("/lead", given | {"source": int(given["source"])})
    assert answer.status_code == 422, answer.get_data(as_text=True)
    return {one["path"]: one["text"] for one in answer.get_json()["errors"]}


def test_a_lead_for_somebody_elses_customer_is_refused_in_the_form_and_for_programs_by_one_sentence(
    factory: Desk, lead: dict[str, Any]
) -> None:
    said = _said_to_program(factory, "rep_zhao", lead | {"not_duplicate": "就是要"})
    page = _said_in_form(factory, "rep_zhao", lead | {"not_duplicate": "就是要"})

    assert list(said) == ["company"] and said["company"].startswith("这家公司已是客户")
    assert "王磊" in said["company"] and NAME not in said["company"], "whose it is, not what it is"
    assert said["company"] in page
    assert NAME not in page


def test_the_mobile_of_somebody_elses_contact_is_refused_in_both_alike(factory: Desk, lead: dict[str, Any]) -> None:
    given = lead | {"company": "另一家有限公司", "mobile": MOBILE}
    said, page = _said_to_program(factory, "rep_zhao", given), _said_in_form(factory, "rep_zhao", given)

    assert list(said) == ["mobile"] and said["mobile"].startswith("这个手机号是现有客户的联系人。")
    assert said["mobile"] in page
    assert "钱经理" not in page + said["mobile"]


def test_for_a_customer_one_may_see_a_reason_is_enough_in_both(factory: Desk, lead: dict[str, Any]) -> None:
    assert "请写明理由" in _said_to_program(factory, "assistant_sun", lead)["company"]
    assert "请写明理由" in _said_in_form(factory, "assistant_sun", lead)

    saved = factory.browser("assistant_sun").post("/e/lead/new", data=lead | {"not_duplicate": "老客户的新工厂"})
    made = factory.program("rep_wang").made(
        "lead", **lead | {"source": int(lead["source"]), "company": NAME, "not_duplicate": "又一个项目"}
    )
    assert saved.status_code == 303 and made["company"] == NAME


def test_who_is_responsible_for_a_region_is_set_on_the_page_and_leads_go_by_it(
    factory: Desk, lead: dict[str, Any]
) -> None:
    root, sun = factory.browser("admin"), factory.program("assistant_sun")
    given = {"person": str(factory.ids["rep_gao"]), "name": "region", "values": "north"}
    assert root.post("/admin/groups/responsible", data=given).status_code == 303

    wanted = lead | {
        "source": int(lead["source"]),
        "company": "太原示例动力有限公司",
        "region": "north",
        "by_rules": True,
    }
    made = sun.made("lead", **wanted)
    jobs.look(factory.store)

    found = sun.get(f"/lead/{made['id']}").get_json()
    assert (found["owner"], found["assigned_by"]) == (factory.ids["rep_gao"], "region")


def test_whose_known_customer_a_lead_is_of_stands_on_its_page_for_the_screener_and_is_closed_to_another_rep(
    factory: Desk, lead: dict[str, Any]
) -> None:
    wanted = lead | {"source": int(lead["source"]), "company": "另一家有限公司", "mobile": MOBILE}
    made = factory.program("assistant_sun").made(
        "lead", **wanted, handler=factory.ids["rep_lin"], not_duplicate="老联系人来问"
    )
    jobs.look(factory.store)

    at = f"/e/lead/{made['id']}"
    screened, listed = (factory.browser("assistant_sun").get(one).get_data(as_text=True) for one in (at, "/e/lead"))
    assert NAME in screened and "王磊" in screened
    assert NAME in listed
    for login in ("rep_lin", "manager_he"):
        rep, program = factory.browser(login), factory.program(login)
        seen = [rep.get(one).get_data(as_text=True) for one in (at, "/e/lead", f"{at}/edit")]
        told = program.get(f"/lead/{made['id']}").get_json()
        assert told["is_known"] is True
        assert not {"named_customer", "met_contact", "known_customer", "known_owner"} & set(told), login
        for one in (*seen, str(told)):
            assert "另一家有限公司" in one
            assert NAME not in one and "钱经理" not in one and "王磊" not in one, login
        assert program.get(f"/lead/{made['id']}?expand=known_customer").status_code == 422


def test_a_mobile_that_is_typed_tells_a_rep_no_name_of_somebody_elses_customer(
    factory: Desk, lead: dict[str, Any]
) -> None:
    given = lead | {"company": "另一家有限公司", "mobile": MOBILE}
    rep, screener = factory.browser("rep_lin"), factory.browser("assistant_sun")
    typed, screened = (one.post("/e/lead/new/preview", data=given).get_data(as_text=True) for one in (rep, screener))
    assert NAME in screened
    assert NAME not in typed and "钱经理" not in typed


def test_what_the_form_of_the_website_brings_of_a_known_customer_goes_to_its_owner(
    factory: Desk, lead: dict[str, Any]
) -> None:
    factory.program("ops_wu").made("source", name="官网", type="website")
    stranger = factory.app.test_client()
    page = stranger.get("/form/inquiry?lang=zh").get_data(as_text=True)
    once = re.search(r'name="_action_id" value="([0-9a-f]{32})"', page)
    assert once is not None

    given = {"company": "另一家有限公司", "contact": "钱经理", "mobile": MOBILE, "region": "south", "need": "密封垫"}
    sent = stranger.post("/form/inquiry", data=given | {"_action_id": once[1], "_consent": "true"})
    assert sent.status_code == 303
    jobs.look(factory.store)

    (made,) = factory.program("assistant_sun").get("/lead").get_json()["items"]
    wang = factory.ids["rep_wang"]
    assert (made["owner"], made["handler"], made["assigned_by"]) == (wang, wang, "known")
    heard = factory.browser("rep_wang").get("/notices").get_data(as_text=True)
    assert f"{NAME} 又来了一条线索" in heard
