"""Of the record of another a form tells whose it is and when it was active; the rest is asked for and answered."""

from tests.web.conftest import Desk
from tests.web.test_pages_bad_input import words

NAME, LIKE = "慈溪观海卫精密轴承有限公司", "浙江观海卫精密轴承厂"


def test_who_meets_a_record_of_another_asks_and_its_owner_answers(desk: Desk) -> None:
    theirs = desk.program("rep1").made("lead_in", name=NAME, phone="0574-22223333")
    rep, owner, boss = desk.browser("rep2"), desk.browser("rep1"), desk.browser("lead")

    shown = rep.post("/e/lead_in/new/preview", data={"name": LIKE, "_duplicates": ""})
    assert 'href="/duplicates"' in shown.get_data(as_text=True)
    told = words(shown)
    assert "Rep1" in told and NAME not in told and "2222" not in told
    assert f"alike:{theirs['id']}" not in shown.get_data(as_text=True)
    met = rep.get("/duplicates")
    assert "申请协作 / 申诉" in words(met) and LIKE in words(met) and NAME not in words(met)
    url = met.get_data(as_text=True).partition('action="/duplicate-hits/')[2].partition('"')[0]
    refused = rep.post(f"/duplicate-hits/{url}", data={"kind": "appeal", "reason": ""})
    assert refused.status_code == 422 and "请写明理由" in words(refused)
    assert owner.post(f"/duplicate-hits/{url}", data={"kind": "appeal", "reason": "x"}).status_code == 404

    asked = rep.post(f"/duplicate-hits/{url}", data={"kind": "collaborate", "reason": "二厂归我"})
    here = asked.headers["Location"]
    mine = words(rep.get(here))
    assert "待处理" in mine and NAME not in mine and "撤回" in mine
    assert "协作申请" in words(owner.get("/approvals")) and NAME in words(owner.get("/approvals"))
    assert owner.get("/live").get_json()["waiting"] == 1 and rep.get("/live").get_json()["waiting"] == 0
    assert boss.get(here).status_code == 404
    wrong = owner.post(f"{here}/refuse", data={"reason": " "})
    assert wrong.status_code == 422 and "申请人会看到" in words(wrong)
    assert owner.post(f"{here}/grant", data={"until": "2026-13-01"}).status_code == 422
    assert owner.post(f"{here}/grant", data={"until": ""}).status_code == 303
    assert "已同意" in words(rep.get(here)) and NAME in words(rep.get(f"/e/lead_in/{theirs['id']}"))

    log = words(boss.get("/e/lead_in/duplicates"))
    assert "申请协作 · 已同意" in log and "填写时看到" in log
    assert rep.get("/e/lead_in/duplicates").status_code == 403
    assert "/e/lead_in/duplicates" in boss.get("/e/lead_in").get_data(as_text=True)


def test_a_program_asks_appeals_and_decides(desk: Desk) -> None:
    theirs = desk.program("rep1").made("lead_in", name="宁波低塘镇精密模具有限公司")
    rep, lead = desk.program("rep2"), desk.program("lead")
    refused = rep.post("/lead_in", {"name": "浙江低塘镇精密模具厂"})
    assert refused.status_code == 422 and "params" not in refused.get_json()["errors"][0]
    hit = rep.get("/duplicate-hits").get_json()["items"][0]
    assert hit["record"]["id"] is None and hit["record"]["name"] is None and hit["record"]["owner"]
    made = rep.post(f"/duplicate-hits/{hit['id']}/disputes", {"kind": "appeal", "reason": "先报的价"})
    assert made.status_code == 201 and made.get_json()["due_at"]
    number = made.get_json()["id"]
    assert [one["id"] for one in lead.get("/disputes").get_json()["to_decide"]] == [number]
    assert lead.post(f"/disputes/{number}/refuse", {}).status_code == 422
    done = lead.post(f"/disputes/{number}/grant", {"answer": "有报价单"})
    assert done.get_json()["state"] == "granted"
    assert rep.get(f"/lead_in/{theirs['id']}").get_json()["owner"] == desk.ids["rep2"]
    assert lead.post(f"/disputes/{number}/refuse", {"reason": "再想"}).status_code in (404, 409)
    found = lead.get("/lead_in/duplicates").get_json()["items"][0]
    assert (found["typed"], found["asked"]) == ("浙江低塘镇精密模具厂", [{"kind": "appeal", "state": "granted"}])
    assert rep.get("/lead_in/duplicates").status_code == 403
    assert "/lead_in/duplicates" in lead.get("/openapi.json").get_json()["paths"]
