"""Tours: offered where they begin, step by step without a script, waiting elsewhere, noted for one person."""

import pytest

from tests.reports.market import FULL
from tests.web.conftest import Browser, Desk, OpenDesk, Program, add_people
from tests.web.test_report_pages import text

PEOPLE = {"ann": ("north", "rep"), "ben": ("north", "rep"), "dee": ("south", "clerk"), "root": ("north", "admin")}
TOURS = """\
tours:
  first:
    label: 建一个商机
    for: [rep]
    steps:
      add:  {page: list, entity: deal, button: create, text: 从这里新建。}
      name: {page: form, entity: deal, field: name, text: 写名称。}
      note: {page: form, entity: deal, field: hot, text: 重点的勾上。}
      seen: {page: record, entity: deal, text: 建好了。}
    finish: {from: deal, where: "name = '第一课'", make: visit}
"""
MAKES = "makes:\n  visit: {label: 回访, entity: visit, back: deal, set: {topic: name}}\n"
ONCE = "unique:\n  once: {fields: [deal], message: 记过了}\n"
BAR, PANEL = 'class="menu tour-offers"', 'data-tour data-at="'


@pytest.fixture
def desk(open_desk: OpenDesk) -> Desk:
    texts = {
        **FULL,
        "app.yaml": FULL["app.yaml"] + TOURS,
        "deal/entity.yaml": FULL["deal/entity.yaml"].replace("access:\n", f"{MAKES}access:\n"),
        "visit/entity.yaml": FULL["visit/entity.yaml"].replace("access:\n", f"{ONCE}access:\n"),
    }
    return open_desk(definition=texts, people=lambda store: add_people(store, PEOPLE))


def go(browser: Browser, step: int, *, behind: str = "") -> str:
    answer = browser.post("/tours/first", data={"step": str(step)}, headers={"Referer": f"http://localhost{behind}"})
    assert answer.status_code == 303, answer.get_data(as_text=True)
    return str(answer.headers["Location"])


def visits(program: Program) -> int:
    return int(program.get("/visit?count=true").get_json()["count"])


def test_a_tour_leads_from_page_to_page_and_is_noted_at_its_end(desk: Desk) -> None:
    ann, program = desk.browser("ann"), desk.program("ann")
    lesson = program.made("deal", name="第一课")
    assert BAR in text(ann, "/e/deal") and BAR not in text(ann, "/e/client"), "where its first step belongs"
    assert BAR not in text(desk.browser("dee"), "/e/deal"), "and to whom it is for"

    assert go(ann, 0) == "/e/deal"
    shown = text(ann, "/e/deal")
    assert f'{PANEL}0"' in shown and "从这里新建。" in shown and BAR not in shown
    assert go(ann, 1) == "/e/deal/new"
    assert f'{PANEL}1"' in text(ann, "/e/deal/new")
    assert "下一站在“商机”的表单" in text(ann, "/e/client"), "elsewhere it says where it goes on"
    page = f"/e/deal/{lesson['id']}"
    assert f'{PANEL}3"' in text(ann, page), "whoever did what it said goes on there"
    assert f'{PANEL}3"' in text(ann, page)

    done = ann.post("/tours/first/finish", headers={"Referer": f"http://localhost{page}"})
    assert done.headers["Location"] == page
    assert "走完了，已记入“回访”" in text(ann, page)
    assert visits(program) == 1
    assert BAR not in text(ann, "/e/deal") and PANEL not in text(ann, "/e/deal"), "it does not come back"
    assert "已走完" in text(ann, "/tours")
    assert go(ann, 0) == "/e/deal", "but can be taken again"
    assert ann.post("/tours/first/finish").status_code == 303
    assert visits(program) == 1, "what it notes is noted once"
    assert BAR in text(desk.browser("ben"), "/e/deal"), "for each person"


def test_a_tour_is_left_for_now_or_for_good(desk: Desk) -> None:
    ann = desk.browser("ann")
    go(ann, 1)
    assert ann.post("/tours/first/pause").status_code == 303
    shown = text(ann, "/e/deal")
    assert PANEL not in shown and BAR in shown
    assert ann.post("/tours/first/leave").status_code == 303
    assert BAR not in text(ann, "/e/deal") and "不再提示" in text(ann, "/tours")
    assert go(ann, 3) == "/e/deal", "there is no record yet"
    assert "还没有“商机”" in text(ann, "/e/deal")


def test_the_record_somebody_is_on_is_the_one_a_tour_goes_on_with(desk: Desk) -> None:
    ann, program = desk.browser("ann"), desk.program("ann")
    first, _ = program.made("deal", name="甲"), program.made("deal", name="乙")
    assert go(ann, 3, behind=f"/e/deal/{first['id']}") == f"/e/deal/{first['id']}"


@pytest.mark.parametrize("way", ["", "/pause", "/leave", "/finish"])
def test_nobody_takes_a_tour_that_is_not_for_them(desk: Desk, way: str) -> None:
    for login, key in (("dee", "first"), ("ann", "nix")):
        said = desk.browser(login).post(f"/tours/{key}{way}")
        assert said.status_code == 404 and "没有名为" in said.get_data(as_text=True)
    assert go(desk.browser("ann"), 999) == "/e/deal", "a step beyond the end is the last"
