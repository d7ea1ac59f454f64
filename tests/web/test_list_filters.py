"""Conditions over a list: in its address, in the form that puts them together, in the API."""

import json
import re
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from tests.web.conftest import Browser, Desk
from tests.web.test_pages_bad_input import errors_at, words

pytestmark = pytest.mark.both_databases


@pytest.fixture
def three(desk: Desk) -> Desk:
    """Three tickets of rep1: small, large, and one that is due today."""
    program = desk.program("rep1")
    program.made("ticket", title="小", price="10")
    program.made("ticket", title="大", price="5000", kind="repair")
    program.made("ticket", title="急", price="20", due_on=str(desk.clock.at.date()), kind="other")
    return desk


def titles(browser: Browser, **query: Any) -> list[str]:
    """The tickets a list shows, the last made first."""
    page = browser.get(f"/e/ticket?{urlencode(query, doseq=True)}").get_data(as_text=True)
    return re.findall(r'data-row-link href="[^"]+">[^<]*</a>.*?<span>([大小急])</span>', page, flags=re.DOTALL)


def chips(page: str) -> list[str]:
    found = re.findall(r'<a class="chip" href="([^"]+)">(.*?)</a>', page, flags=re.DOTALL)
    return [unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", text))).strip() for _, text in found]


def where(group: Any) -> str:
    return json.dumps(group, ensure_ascii=False)


def test_a_group_in_the_address_narrows_the_list_and_its_count(three: Desk) -> None:
    rep = three.browser("rep1")
    group = {"any": [["price", "gte", "1000"], {"all": [["due_on", "within", "today"], ["owner", "eq", "me"]]}]}
    page = rep.get(f"/e/ticket?{urlencode({'where': where(group)})}")
    assert titles(rep, where=where(group)) == ["急", "大"]
    assert "2 条" in words(page)
    assert chips(page.get_data(as_text=True)) == ["报价 ≥ ¥1,000.00 或 (截止 今天 且 负责人 我)"]


def test_conditions_that_must_all_hold_go_one_by_one(three: Desk) -> None:
    rep = three.browser("rep1")
    group = {"all": [["price", "lt", "1000"], ["kind", "present"]]}
    page = rep.get(f"/e/ticket?{urlencode({'where': where(group), 'sort': 'price'})}").get_data(as_text=True)
    assert chips(page) == ["报价 < ¥1,000.00", "类型 已填写"]
    urls = [unescape(url) for url in re.findall(r'<a class="chip" href="([^"]+)"', page)]
    rest = parse_qs(urlsplit(urls[0]).query)
    assert json.loads(rest["where"][0]) == {"all": [["kind", "present"]]}
    assert rest["sort"] == ["price"]


def test_a_group_over_a_hidden_field_is_answered_like_one_over_none(three: Desk) -> None:
    rep = three.browser("rep1")
    said = {}
    for key in ("floor", "nix"):
        page = words(rep.get(f"/e/ticket?{urlencode({'where': where({'all': [[key, 'gte', '1']]})})}"))
        said[key] = page.replace(key, "KEY")
        assert "没有“KEY”这个字段" in said[key]
    assert said["floor"] == said["nix"]
    form = rep.get("/e/ticket/filter").get_data(as_text=True)
    assert 'value="price"' in form and 'value="floor"' not in form
    assert 'value="floor"' in three.browser("lead").get("/e/ticket/filter").get_data(as_text=True)


def test_the_form_grows_by_rows_and_groups_and_leads_to_the_list(three: Desk) -> None:
    rep = three.browser("rep1")
    form = {"list": "sort=price&q=", "0.f": "price", "0.g": "0", "join.0": "all"}
    page = rep.get(f"/e/ticket/filter?{urlencode(form | {'do': 'again'})}").get_data(as_text=True)
    assert 'name="0.o"' in page and 'name="0.v"' in page
    page = rep.get(f"/e/ticket/filter?{urlencode(form | {'do': 'group'})}").get_data(as_text=True)
    assert 'name="1.f"' in page and 'name="join.1"' in page and 'name="join"' in page
    form |= {"0.o": "gte", "0.v": "1000", "1.f": "owner", "1.g": "1", "1.o": "is_me", "join": "any", "join.1": "all"}
    form |= {"2.f": "due_on", "2.g": "1", "2.o": "within", "2.v": "today"}
    answer = rep.get(f"/e/ticket/filter?{urlencode(form | {'do': 'apply'})}")
    assert answer.status_code == 303
    led = parse_qs(urlsplit(answer.location).query)
    assert json.loads(led["where"][0]) == {
        "any": [["price", "gte", "1000"], {"all": [["owner", "eq", "me"], ["due_on", "within", "today"]]}]
    }
    assert led["sort"] == ["price"]
    again = rep.get(answer.location.replace("/e/ticket?", "/e/ticket/filter?")).get_data(as_text=True)
    assert again.count('name="0.g"') == 1 and 'value="1000"' in again
    assert re.search(r'<option value="any" selected>', again)


def test_a_wrong_value_is_told_at_its_row_and_kept(three: Desk) -> None:
    rep = three.browser("rep1")
    form = {"list": "", "0.f": "price", "0.o": "gte", "0.v": "很多", "do": "apply"}
    answer = rep.get(f"/e/ticket/filter?{urlencode(form)}")
    assert answer.status_code == 200
    assert "filter-0" in errors_at(answer)
    assert 'value="很多"' in answer.get_data(as_text=True)


def test_an_empty_form_leads_to_the_whole_list_and_htmx_is_told_where(three: Desk) -> None:
    rep = three.browser("rep1")
    answer = rep.get("/e/ticket/filter?list=q%3Dx&0.f=&do=apply", headers={"HX-Request": "true"})
    assert (answer.status_code, answer.headers["HX-Redirect"]) == (204, "/e/ticket?q=x")


HOSTILE = [
    "0.f=price&0.o=nix&0.v=1&do=apply&list=", "0.f=nix&0.o=eq&0.v=1&do=apply&list=", "999.f=price&do=add.99&list=",
    "0.f=price&0.g=77&do=drop.99&list=", "0.f=due_on&0.o=within&0.v=nix&do=apply&list=", "do=drop.0&list=",
    "0.f=client&0.o=eq&0.v=99999999999999999999&do=again&list=", "list=%00%ff&0.f=title&0.o=eq&0.v=%00&do=apply",
    "where=%7B", "where=%7B%22all%22%3A%5B%5B%22title%22%2C%22eq%22%2C%22%5Cud800%22%5D%5D%7D",
    "0.f=late&0.o=in&list=&do=apply", "0.f=scan&0.o=eq&0.v=1&list=&do=apply", "0.f=%F0%9F&list=&do=apply",
    "&".join(f"{n}.f=price" for n in range(99)) + "&list=",
]  # fmt: skip


@pytest.mark.parametrize("query", HOSTILE, ids=range(len(HOSTILE)))
def test_any_form_is_drawn_or_leads_to_a_list(three: Desk, query: str) -> None:
    answer = three.browser("rep1").get(f"/e/ticket/filter?{query}")
    assert answer.status_code in (200, 303)
    if answer.status_code == 303:
        assert answer.location.startswith("/e/ticket")


@pytest.mark.parametrize("text", ['{"all":[["title","eq","\\ud800"]]}', '{"all":[["\\ud800","eq","1"]]}', "nonsense"])
def test_any_group_is_listed_or_refused_in_words(three: Desk, text: str) -> None:
    assert three.browser("rep1").get(f"/e/ticket?{urlencode({'where': text})}").status_code == 200
    assert three.program("rep1").get(f"/ticket?{urlencode({'where': text})}").status_code in (200, 422)


def test_changing_all_that_a_list_finds_means_its_group_and_marks_too(three: Desk) -> None:
    lead = three.browser("lead")
    address = urlencode({"where": where({"all": [["price", "gte", "1000"]]})})
    page = words(lead.post(f"/e/ticket/many?{address}", data={"all": "yes"}))
    assert "1 条" in page and "3 条" not in page


def test_a_program_narrows_by_a_group_and_is_told_what_is_wrong_with_one(three: Desk) -> None:
    program = three.program("rep1")
    found = program.get(f"/ticket?{urlencode({'where': where({'any': [['price', 'gte', 1000]]}), 'count': 'true'})}")
    assert [one["title"] for one in found.get_json()["items"]] == ["大"]
    assert found.get_json()["count"] == 1
    said = program.get("/ticket?where=nonsense")
    assert (said.status_code, said.get_json()["errors"][0]["code"]) == (422, "record.bad_where")
    said = program.get(f"/ticket?{urlencode({'where': where({'all': [['floor', 'gte', 1]]})})}")
    assert (said.status_code, said.get_json()["errors"][0]["code"]) == (422, "record.bad_filter")
    document = program.get("/openapi.json").get_json()
    names = [one["name"] for one in document["paths"]["/ticket"]["get"]["parameters"]]
    assert "where" in names and "conditions" in document["components"]["schemas"]


def test_a_name_typed_into_the_panel_without_a_script_is_found_or_stays_with_a_sentence(desk: Desk) -> None:
    program = desk.program("rep1")
    for name in ("宁波甬江", "宁波北仑"):
        program.made("client", name=name)
    only = program.made("client", name="杭州钱江")
    rep = desk.browser("rep1")

    def narrowed(**typed: str) -> dict[str, list[str]]:
        answer = rep.get(f"/e/ticket?{urlencode(typed)}")
        assert answer.status_code == 303
        return parse_qs(urlsplit(answer.headers["Location"]).query)

    assert narrowed(**{"client": "", "client._text": "杭州", "sort": "price"}) == {
        "client": [str(only["id"])],
        "sort": ["price"],
    }
    assert narrowed(**{"client": str(only["id"]), "client._text": ""}) == {}
    assert narrowed(**{"client": "", "client._text": "宁波", "client._pick": str(only["id"])}) == {
        "client": [str(only["id"])]
    }
    assert narrowed(**{"client": str(only["id"]), "client._text": "宁波"}) == {"client._text": ["宁波"]}

    for typed, sentence in (("宁波", "符合“宁波”的不止一项"), ("无锡", "没有找到“无锡”")):
        page = rep.get(f"/e/ticket?{urlencode({'client._text': typed})}")
        assert page.status_code == 200
        shown = page.get_data(as_text=True)
        assert sentence in words(page)
        assert re.search(rf'name="client._text"[^>]* value="{typed}"', shown)
        assert re.search(r'<details class="menu filters" open>', shown)
        assert shown.count('name="client._pick"') == (3 if typed == "宁波" else 0)


def test_a_name_typed_into_the_form_of_conditions_is_found_or_stays_with_a_sentence(desk: Desk) -> None:
    program, rep = desk.program("rep1"), desk.browser("rep1")
    program.made("client", name="宁波甬江")
    only = program.made("client", name="杭州钱江")
    row = {"list": "", "0.f": "client", "0.o": "eq", "0.v": "", "do": "apply"}

    found = rep.get(f"/e/ticket/filter?{urlencode(row | {'0.v._text': '钱江'})}")
    asked = parse_qs(urlsplit(found.headers["Location"]).query)
    assert json.loads(asked["where"][0]) == {"all": [["client", "eq", str(only["id"])]]}

    refused = rep.get(f"/e/ticket/filter?{urlencode(row | {'0.v._text': '无锡'})}")
    assert "没有找到“无锡”" in words(refused)
    assert re.search(r'name="0.v._text"[^>]* value="无锡"', refused.get_data(as_text=True))
