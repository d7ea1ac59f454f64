"""Merging two records at the browser, by a program, and from the command line; old addresses lead on."""

from tests.web.conftest import Desk
from tests.web.test_pages_bad_input import words


def two(desk: Desk, *names: str) -> list[int]:
    rep = desk.program("rep1")
    return [rep.made("client", name=name, city=f"城{at}", not_duplicate="试")["id"] for at, name in enumerate(names)]


def test_who_may_merge_chooses_side_by_side_and_can_undo_it(desk: Desk) -> None:
    kept, other = two(desk, "宁波东海精密铸造有限公司", "浙江东海精密铸造厂")
    third = desk.program("rep1").made("ticket", title="要铸件", client=other)
    lead, rep = desk.browser("lead"), desk.browser("rep1")

    assert f"/e/client/{kept}/merge" in lead.get(f"/e/client/{kept}").get_data(as_text=True)
    assert f"/e/client/{kept}/merge" not in rep.get(f"/e/client/{kept}").get_data(as_text=True)
    assert rep.get(f"/e/client/{kept}/merge").status_code == 403
    chosen = lead.get(f"/e/client/{kept}/merge").get_data(as_text=True)
    assert f"merge?with={other}" in chosen  # the duplicate rules find it
    assert lead.get(f"/e/client/{kept}/merge?with=x").status_code == 422
    assert "找不到" in words(lead.get(f"/e/client/{kept}/merge?with=9999"))

    page = lead.get(f"/e/client/{kept}/merge?with={other}")
    assert "宁波东海精密铸造有限公司" in words(page) and "城1" in words(page)
    versions = {"_version": "1", "_other_version": "1", "with": str(other)}
    wrong = lead.post(f"/e/client/{kept}/merge", data=versions | {"take.name": "neither"})
    assert wrong.status_code == 422 and "这一项不能这样选" in words(wrong)
    done = lead.post(f"/e/client/{kept}/merge", data=versions | {"take.name": "kept", "take.city": "other"})
    assert done.status_code == 303 and done.headers["Location"] == f"/e/client/{kept}"
    shown = words(lead.get(f"/e/client/{kept}"))
    assert "城1" in shown and "浙江东海精密铸造厂 并入这条" in shown and "已合并。" in shown

    away = rep.get(f"/e/client/{other}")
    assert (away.status_code, away.headers["Location"]) == (302, f"/e/client/{kept}")
    assert f"#{other} 已于" in words(rep.get(f"/e/client/{kept}"))
    assert "随“浙江东海精密铸造厂”的合并转过来" in words(lead.get(f"/e/ticket/{third['id']}"))

    url = (
        f"/merges/{lead.get(f'/e/client/{kept}').get_data(as_text=True).partition('/merges/')[2].partition(chr(34))[0]}"
    )
    assert rep.get(url).status_code == 403
    desk.program("lead").patch(f"/client/{kept}", {"city": "后来的"}, 2)
    undone = lead.post(f"{url}/undo", follow_redirects=True)
    assert "“城市”保持现状：后来改过。" in words(undone)
    assert lead.post(f"{url}/undo").status_code == 409
    assert rep.get(f"/e/client/{other}").status_code == 200
    assert "撤销了“浙江东海精密铸造厂”的合并" in words(lead.get(f"/e/client/{kept}"))


def test_what_was_seen_must_still_be_so(desk: Desk) -> None:
    kept, other = two(desk, "北仑泵业一厂", "北仑泵业二厂")
    desk.program("lead").patch(f"/client/{other}", {"city": "改了"}, 1)
    sent = {"_version": "1", "_other_version": "1", "with": str(other)}
    stale = desk.browser("lead").post(f"/e/client/{kept}/merge", data=sent)
    assert stale.headers["Location"] == f"/e/client/{kept}/merge?with={other}"


def test_a_program_merges_is_led_on_and_undoes_it(desk: Desk) -> None:
    kept, other = two(desk, "象山网具一厂", "象山网具二厂")
    lead, rep = desk.program("lead"), desk.program("rep1")
    sent = {"other": other, "other_version": 1, "take": {"name": "kept", "city": "kept"}}

    assert rep.call("POST", f"/client/{kept}/merge", sent, If_Match='"1"').status_code == 403
    assert lead.post(f"/client/{kept}/merge", sent).status_code == 428
    assert lead.call("POST", f"/client/{kept}/merge", {"other": "x"}, If_Match='"1"').status_code == 422
    assert lead.call("POST", f"/client/{kept}/merge", sent | {"other": kept}, If_Match='"1"').status_code == 409
    done = lead.call("POST", f"/client/{kept}/merge", sent, If_Match='"1"')
    assert done.status_code == 200 and done.get_json()["record"]["city"] == "城0"
    led = rep.get(f"/client/{other}")
    assert (led.status_code, led.headers["Location"]) == (307, f"/api/v1/client/{kept}")
    number = done.get_json()["merge"]
    assert lead.get(f"/merges/{number}").get_json()["lost"] == other
    undone = lead.post(f"/merges/{number}/undo").get_json()
    assert undone["told"] == [] and undone["undone_by"]
    assert rep.get(f"/client/{other}").get_json()["city"] == "城1"
    described = lead.get("/openapi.json").get_json()["paths"]
    assert "/client/{id}/merge" in described and "/merges/{merge}/undo" in described
    assert "/client/{id}/merge" not in rep.get("/openapi.json").get_json()["paths"]
