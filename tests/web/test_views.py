"""Views of a list and its columns, on pages and over the API."""

import json
import re
from html import unescape
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from tests.web.conftest import Browser, Desk
from tests.web.test_pages_bad_input import errors_at, words
from tests.web.test_preview_cost import statements

LARGE = urlencode(
    {"kind": "repair", "where": json.dumps({"any": [["price", "gte", "1000"], ["urgent", "eq", "true"]]})}
)


@pytest.fixture
def two(desk: Desk) -> Desk:
    program = desk.program("rep1")
    program.made("ticket", title="小", price="10", kind="repair")
    program.made("ticket", title="大", price="5000", kind="repair", due_on="2026-04-01")
    return desk


def keep(browser: Browser, name: str, listed: str = LARGE, **more: str) -> str:
    """Keep a view and return its address."""
    answer = browser.post("/e/ticket/views/new", data={"name": name, "list": listed, **more})
    assert answer.status_code == 303, words(answer)
    return answer.location


def columns_of(page: str) -> list[str]:
    heads = re.findall(r'<th scope="col" role="columnheader" class="(?!slot)[^"]*"[^>]*>(.*?)</th>', page)
    return [unescape(re.sub(r"<[^>]+>", "", one)).strip() for one in heads]


def tabs(page: str) -> list[tuple[str, bool]]:
    nav = re.search(r'<nav class="views".*?</nav>', page, flags=re.DOTALL)
    link = r'<a href="[^"]+"(?: title="[^"]*")? (aria-current="true")?\s*>(?:<svg.*?</svg>)?(?:<span[^>]*>)?([^<]*)'
    found = re.findall(link, nav[0] if nav else "")
    return [(label.strip(), bool(current)) for current, label in found]


def test_a_view_leads_back_to_the_list_as_it_was_and_stands_above_it(two: Desk) -> None:
    rep = two.browser("rep1")
    url = keep(rep, "急件", f"{LARGE}&sort=price&columns=title%2Cprice&q=")
    led = rep.get(url).location
    query = parse_qs(urlsplit(led).query)
    assert query["kind"] == ["repair"] and query["sort"] == ["price"] and query["columns"] == ["title,price"]
    page = rep.get(led).get_data(as_text=True)
    assert columns_of(page) == ["标题", "报价"]
    assert tabs(page) == [("全部", False), ("急件", True)]
    assert "1 条" in page
    assert "保存到" not in page
    assert "保存到“急件”" in words(rep.get(f"{led}&q=大"))
    saved = rep.post(f"{url}/content", data={"list": "kind=other&columns=title"})
    assert saved.status_code == 303
    assert parse_qs(urlsplit(rep.get(url).location).query)["kind"] == ["other"]


def test_one_begins_with_the_default_view_and_can_still_see_all(two: Desk) -> None:
    rep = two.browser("rep1")
    url = keep(rep, "急件", default="yes")
    begun = rep.get("/e/ticket")
    assert begun.status_code == 303 and begun.location == rep.get(url).location
    page = rep.get("/e/ticket?view=all").get_data(as_text=True)
    assert "2 条" in page and ("全部", True) in tabs(page)
    assert 'href="/e/ticket?view=all"' in page
    rep.post(f"{url}/default")
    assert rep.get("/e/ticket").status_code == 200


def test_a_shared_view_shows_nobody_a_hidden_field_and_says_that_something_is_left_out(two: Desk) -> None:
    lead, rep = two.browser("lead"), two.browser("rep1")
    assert "所有人" in words(lead.get("/e/ticket/views/new"))
    assert "所有人" not in words(rep.get("/e/ticket/views/new"))
    where = json.dumps({"all": [["floor", "missing"]]})
    listed = urlencode({"columns": "title,floor", "where": where, "sort": "-floor"})
    url = keep(lead, "底价", listed, audience="*")
    led = rep.get(url).location
    assert "floor" not in led
    page = words(rep.get(led))
    assert "3 处用到你看不到的字段" in page and "底价" in page
    assert columns_of(rep.get(led).get_data(as_text=True)) == ["标题"]
    assert rep.get(f"{url}/edit").status_code == 200  # its name is no secret; changing it is refused
    assert rep.post(f"{url}/edit", data={"name": "x"}).status_code == 403
    assert rep.post(f"{url}/delete").status_code == 403
    assert rep.post("/e/ticket/views/new", data={"name": "y", "audience": "*"}).status_code == 403
    said = two.program("rep1").get("/ticket/views").get_json()["items"][0]
    assert "floor" not in json.dumps(said) and said["left_out"] == 3


def test_a_view_without_a_name_is_told_at_the_name_and_others_are_not_found(two: Desk) -> None:
    rep, other = two.browser("rep1"), two.browser("rep2")
    refused = rep.post("/e/ticket/views/new", data={"name": " ", "list": LARGE})
    assert refused.status_code == 422 and "view-name" in errors_at(refused)
    url = keep(rep, "我的")
    for path in ("", "/edit"):
        assert other.get(f"{url}{path}").status_code == 404
    for path in ("/edit", "/content", "/default", "/delete"):
        assert other.post(f"{url}{path}", data={"name": "x"}).status_code == 404
    assert rep.post(f"{url}/delete").status_code == 303
    assert rep.get(url).status_code == 404


def test_columns_are_chosen_and_moved_without_losing_the_conditions(two: Desk) -> None:
    rep = two.browser("rep1")
    page = rep.get("/e/ticket/columns?kind=repair").get_data(as_text=True)
    assert re.findall(r'name="c" value="(\w+)" checked', page) == ["number", "title", "stage", "price"]
    assert 'value="floor"' not in page
    order = ["number", "title", "price", "due_on"]
    form = [("list", "kind=repair&after=x"), *(("o", key) for key in order), ("c", "title"), ("c", "due_on")]
    moved = rep.get(f"/e/ticket/columns?{urlencode([*form, ('do', 'up.due_on')])}").get_data(as_text=True)
    assert re.findall(r'name="o" value="(\w+)"', moved)[:4] == ["number", "title", "due_on", "price"]
    led = rep.get(f"/e/ticket/columns?{urlencode([*form, ('do', 'apply')])}").location
    assert parse_qs(urlsplit(led).query) == {"kind": ["repair"], "columns": ["title,due_on"]}
    assert columns_of(rep.get(led).get_data(as_text=True)) == ["标题", "截止"]
    assert columns_of(rep.get("/e/ticket?columns=floor,title,nix").get_data(as_text=True)) == ["标题"]
    for query in ("do=up.nix&list=", "do=apply&c=floor&o=floor&list=", "do=down.number&list=%00"):
        assert rep.get(f"/e/ticket/columns?{query}").status_code in (200, 303)


def test_a_program_keeps_uses_and_deletes_a_view(two: Desk) -> None:
    lead = two.program("lead")
    sent = {
        "name": "大单",
        "filters": [["price", "gte", "1000"]],
        "sort": "-price",
        "columns": ["title"],
        "default": True,
    }
    said = lead.post("/ticket/views", sent)
    made = said.get_json()
    assert said.status_code == 201 and made["default"] is True and made["filters"] == [["price", "gte", "1000"]]
    listed = lead.get(f"/ticket?view={made['id']}").get_json()["items"]
    assert [one["title"] for one in listed] == ["大"] and "kind" not in listed[0]
    changed = lead.call("PATCH", f"/ticket/views/{made['id']}", {"audience": "rep", "default": False})
    assert changed.get_json()["audience"] == "rep" and changed.get_json()["default"] is False
    assert [one["name"] for one in two.program("rep1").get("/ticket/views").get_json()["items"]] == ["大单"]
    assert two.program("rep1").call("DELETE", f"/ticket/views/{made['id']}").status_code == 403
    assert lead.call("DELETE", f"/ticket/views/{made['id']}").status_code == 204
    assert lead.get(f"/ticket?view={made['id']}").status_code == 404


@pytest.mark.parametrize(
    "body",
    [{}, {"name": 1}, {"name": "x", "columns": "title"}, {"name": "x", "columns": [1]}, {"name": "x", "where": "nix"},
     {"name": "x", "filters": [["price", "ne", 1]]}, {"name": "x", "filters": {"all": []}},
     {"name": "x", "sort": ["a"]}, {"name": "x", "bogus": 1}, {"name": "x", "default": "yes"},
     {"name": "x", "audience": ["*"]}],
)  # fmt: skip
def test_a_strange_view_is_422_and_says_why(two: Desk, body: object) -> None:
    said = two.program("lead").post("/ticket/views", body)
    assert said.status_code == 422 and all(error["text"] for error in said.get_json()["errors"])


def test_a_list_reads_its_views_in_one_statement_however_many_there_are(two: Desk) -> None:
    rep = two.browser("rep1")
    counts = []
    for many in (1, 6):
        for at in range(many):
            keep(rep, f"v{many}-{at}")
        rep.get("/e/ticket?view=all")  # what is read once is not counted
        with statements() as sent:
            assert rep.get("/e/ticket?view=all").status_code == 200
        counts.append(len(sent))
    assert counts[0] > 0
    assert len(set(counts)) == 1


def test_a_board_and_a_calendar_keep_views_by_the_same_form_and_one_may_begin_with_one(two: Desk) -> None:
    rep = two.browser("rep1")
    board = keep(rep, "维修看板", "page=board&kind=repair&q=")
    assert rep.get(board).location == f"/e/ticket/board?view={board.rpartition('/')[2]}&kind=repair"
    page = rep.get(rep.get(board).location).get_data(as_text=True)
    assert tabs(page)[-1] == ("维修看板", True) and page.count("data-card=") == 2 and "更多筛选" not in page
    assert "kind=repair" in re.search(r'href="(/e/ticket/filter[^"]+)"', page)[1]  # type: ignore[index]
    none = rep.get("/e/ticket/board?where=" + json.dumps({"all": [["price", "gte", "9000"]]})).get_data(as_text=True)
    assert none.count("data-card=") == 0 and "chips" in none
    week = keep(rep, "四月起", "page=calendar&show=week&by=due_on&kind=repair", default="yes")
    begun = rep.get("/e/ticket").location
    assert urlsplit(begun).path == "/e/ticket/calendar"
    assert parse_qs(urlsplit(begun).query) == {
        "view": [week.rpartition("/")[2]], "kind": ["repair"], "by": ["due_on"], "show": ["week"]
    }  # fmt: skip
    assert ("四月起", True) in tabs(rep.get(begun).get_data(as_text=True))
    changed = begun.replace("show=week", "show=month")
    saved = re.search(
        r'action="([^"]+/content)".*?name="list" value="([^"]+)"', rep.get(changed).get_data(as_text=True)
    )
    assert saved is not None and "page=calendar" in saved[2]
    rep.post(saved[1], data={"list": unescape(saved[2])})
    assert "show" not in parse_qs(urlsplit(rep.get("/e/ticket").location).query)
    assert [label for label, _ in tabs(rep.get("/e/ticket?view=all").get_data(as_text=True))] == [
        "全部",
        "四月起",
        "维修看板",
    ]
    said = two.program("rep1").get("/ticket/views").get_json()["items"]
    assert [(one["page"], one["by"], one["span"]) for one in said] == [
        ("calendar", "due_on", "month"), ("board", None, "month")
    ]  # fmt: skip
    gone = rep.post(f"{board}/delete")
    assert gone.location == "/e/ticket/board"


def test_a_filter_built_on_a_board_leads_back_to_the_board(two: Desk) -> None:
    rep = two.browser("rep1")
    form = {
        "list": "page=board&q=x",
        "join": "all",
        "join.0": "all",
        "0.g": "0",
        "0.f": "price",
        "0.o": "gte",
        "0.v": "9",
    }
    led = rep.get(f"/e/ticket/filter?{urlencode(form | {'do': 'apply'})}")
    assert led.status_code == 303 and urlsplit(led.location).path == "/e/ticket/board"
    assert parse_qs(urlsplit(led.location).query)["q"] == ["x"]


def test_a_view_of_a_page_the_entity_does_not_have_is_refused(two: Desk) -> None:
    lead = two.program("lead")
    for content in (
        {"page": "board"},
        {"page": "nix"},
        {"page": "calendar"},
        {"by": "name"},
        {"span": "year"},
        {"page": 1},
    ):
        assert lead.post("/client/views", {"name": "x", **content}).status_code == 422
