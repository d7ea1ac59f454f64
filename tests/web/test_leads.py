"""Leads of the manufacturing template by pages and programs: refused for a customer of somebody else in both alike."""

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
