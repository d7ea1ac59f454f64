"""Groups of a list and the sums at its foot, on pages and over the API."""

import re
from html import unescape

import pytest

from tests.web.conftest import Browser, Desk
from tests.web.test_pages_bad_input import words

pytestmark = pytest.mark.both_databases


@pytest.fixture
def three(desk: Desk) -> Desk:
    for login, raw in (
        ("rep1", {"title": "一", "price": "10", "kind": "repair", "due_on": "2026-04-01", "floor": None}),
        ("rep1", {"title": "二", "price": "20.5", "kind": "repair", "due_on": "2026-05-09"}),
        ("lead", {"title": "三", "price": "5", "floor": "3"}),
    ):
        desk.program(login).made("ticket", **{key: value for key, value in raw.items() if value is not None})
    return desk


def groups(page: str) -> list[tuple[str, str, str]]:
    """Name, count and sums of each group."""
    found = re.findall(r"<summary><span class=\"group-name\">(.*?)</span>(.*?)</summary>", page, flags=re.DOTALL)
    said = [(name, re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", rest))).strip()) for name, rest in found]
    return [(name, *rest.partition(" 条")[::2]) for name, rest in said]  # type: ignore[misc]


def test_a_list_is_grouped_in_the_order_of_the_definition_with_counts_and_sums(three: Desk) -> None:
    lead = three.browser("lead")
    page = lead.get("/e/ticket?group=kind").get_data(as_text=True)
    assert groups(page) == [("维修", "2", " 报价 ¥30.50"), ("未填写", "1", " 报价 ¥5.00")]
    page = lead.get("/e/ticket?group=due_on&kind=repair").get_data(as_text=True)
    assert groups(page) == [("2026-05", "1", " 报价 ¥20.50"), ("2026-04", "1", " 报价 ¥10.00")]
    urls = [unescape(url) for url in re.findall(r'<div class="group-rows"><a href="([^"]+)"', page)]
    assert "1 条" in words(lead.get(urls[0])) and "kind=repair" in urls[0]
    rows = lead.get(f"{urls[0]}&part=group", headers={"HX-Request": "true"}).get_data(as_text=True)
    assert "二" in rows and "一" not in rows and "<html" not in rows
    page = lead.get("/e/ticket?group=due_on.week").get_data(as_text=True)
    assert [one[0] for one in groups(page)] == ["2026-05-04 – 2026-05-10", "2026-03-30 – 2026-04-05", "未填写"]
    url = unescape(re.findall(r'<div class="group-rows"><a href="([^"]+)"', page)[1])
    assert "due_on.from=2026-03-30" in url and "1 条" in words(lead.get(url)) and "截止（按周）" in page
    assert [one[0] for one in groups(lead.get("/e/ticket?group=owner").get_data(as_text=True))] == ["Rep1", "Lead"]


def test_nobody_adds_up_or_groups_by_what_they_may_not_see(three: Desk) -> None:
    rep, lead = three.browser("rep1"), three.browser("lead")
    assert groups(rep.get("/e/ticket?group=stage").get_data(as_text=True)) == [("待处理", "2", " 报价 ¥30.50")]
    assert "¥3.00" in words(lead.get("/e/ticket?group=stage&columns=title,floor"))
    assert "底价" not in words(rep.get("/e/ticket?group=stage&columns=title,floor"))
    hidden, missing = (words(rep.get(f"/e/ticket?group={key}")).replace(key, "KEY") for key in ("floor", "nix"))
    assert "没有“KEY”这个字段" in hidden and hidden == missing
    for query in ("sums=floor", "sums=nix", "group=floor"):
        said = three.program("rep1").get(f"/ticket/figures?{query}")
        assert (said.status_code, said.get_json()["errors"][0]["code"]) == (422, "record.bad_filter")


def test_sums_stand_at_the_foot_and_follow_the_conditions(three: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    lead = three.browser("lead")
    assert re.search(r'<dl class="sums"><div><dt>报价</dt><dd class="num">¥35.50</dd>', lead.get("/e/ticket").text)
    assert "¥30.50" in lead.get("/e/ticket?kind=repair").text
    monkeypatch.setattr("web.list_figures.COUNTED", 2)
    page = lead.get("/e/ticket").get_data(as_text=True)
    assert "¥35.50" not in page and "算合计" in page
    assert "¥35.50" in lead.get("/e/ticket?sums=yes").text
    monkeypatch.setattr("engine.records.figures.MOST_ADDED", 2)
    assert "超过 2 条" in words(lead.get("/e/ticket?sums=yes"))
    assert "超过 3 条" not in words(lead.get("/e/ticket?sums=yes&group=kind"))


def test_groups_of_many_records_come_once_their_page_is_there(three: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    lead, rep = three.browser("lead"), three.browser("rep1")
    monkeypatch.setattr("web.list_figures.COUNTED", 1)
    page = lead.get("/e/ticket?group=kind").get_data(as_text=True)
    assert groups(page) == [] and "正在合计" in page
    later = unescape(re.findall(r'<div class="groups" hx-get="([^"]+)"', page)[0])
    without_script = unescape(re.findall(r'<noscript><p><a href="([^"]+)"', page)[0])

    def fetched(browser: Browser) -> list[tuple[str, str, str]]:
        return groups(browser.get(later, headers={"HX-Request": "true"}).get_data(as_text=True))

    assert fetched(lead) == [("维修", "2", " 报价 ¥30.50"), ("未填写", "1", " 报价 ¥5.00")]
    three.program("rep1").made("ticket", title="四", price="1")
    assert fetched(lead)[1][1] == "1", "the same question of a moment later was added up again"
    assert fetched(rep) == [("维修", "2", " 报价 ¥30.50"), ("未填写", "1", " 报价 ¥1.00")], "another's figures"
    assert groups(lead.get(without_script).text)
    monkeypatch.setattr("engine.records.figures.MOST_LATER", 2)
    assert "超过 2 条" in words(lead.get("/e/ticket?group=owner&sums=yes"))


def test_a_grouped_list_is_kept_as_a_view(three: Desk) -> None:
    lead = three.browser("lead")
    url = lead.post("/e/ticket/views/new", data={"name": "按类型", "list": "group=kind&sort=price"}).location
    assert "group=kind" in lead.get(url).location


def test_a_program_gets_counts_and_sums(three: Desk) -> None:
    said = three.program("lead").get("/ticket/figures?group=kind&sums=price,floor&filter.price.gte=6").get_json()
    assert said["items"] == [{"value": "repair", "count": 2, "sums": {"price": "30.50", "floor": None}}]
    assert said["more"] is False
    whole = three.program("lead").get("/ticket/figures?sums=price").get_json()["items"]
    assert whole == [{"value": None, "count": 3, "sums": {"price": "35.50"}}]
    assert three.program("lead").get("/ticket/figures?after=x").status_code == 422
    assert three.program("guest").get("/ticket/figures").status_code == 403
