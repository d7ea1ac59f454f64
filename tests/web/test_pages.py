"""What the generated pages show: each value once, what can be done, and news until it is read."""

import json
import re
from datetime import timedelta
from pathlib import Path

import pytest

from engine.automation import outbox
from tests.web.conftest import Browser, Desk
from tests.web.test_pages_bad_input import LINE, new_ticket, words
from web.page_kit import STATIC, WEB


@pytest.fixture
def rep(desk: Desk) -> Browser:
    return desk.browser("rep1")


def icons_named_in(path: Path) -> set[str]:
    text = path.read_text(encoding="utf-8")
    named = re.findall(r'"icon": "([a-z0-9-]+)"', text)
    for table in re.findall(r"_ICONS = \{(.*?)\}", text, flags=re.DOTALL):
        named += re.findall(r': "([a-z0-9-]+)"', table)
    named += re.findall(r'make_action\([^)]*?, "([a-z0-9-]+)"[,)]', text)
    return {*named, *re.findall(r'_ICONS\.get\([^,]+, "([a-z0-9-]+)"\)', text)}


def test_every_icon_the_pages_choose_by_data_was_built() -> None:
    manifest = STATIC / "dist" / "manifest.json"
    if not manifest.is_file():
        pytest.skip("the front end is not built; run.py builds it")
    built = set(json.loads(manifest.read_text(encoding="utf-8"))["icons"])
    named = {name for path in WEB.rglob("*.py") for name in icons_named_in(path)}
    assert len(named) > 15
    assert named - built == set()


def test_a_value_nobody_may_see_is_on_no_page(desk: Desk) -> None:
    lead, rep = desk.browser("lead"), desk.browser("rep1")
    url = new_ticket(rep, **LINE, **{"parts.n1.what": "密封圈", "parts.n1.price": "3"})
    edited = lead.get(f"{url}/edit").get_data(as_text=True)
    token = re.search(r'name="parts\.(\w+)\._id" value="(\d+)"', edited)
    assert token is not None
    row = f"parts.{token[1]}"
    known = {"parts._order": token[1], f"{row}._id": token[2], f"{row}.what": "密封圈", f"{row}.price": "3"}
    changed = lead.post(f"{url}/edit", data={"_version": "1", "floor": "7777", **known, f"{row}.cost": "8888"})
    assert changed.status_code == 303
    for path in (url, f"{url}/edit", f"{url}/history", f"{url}/moves/finish", "/e/ticket"):
        seen = words(rep.get(path))
        assert "7,777" not in seen
        assert "8,888" not in seen
        assert "7777" not in seen
        assert "底价" not in seen
        assert "成本" not in seen
    assert "¥7,777.00" in words(lead.get(url))


def test_a_table_whose_last_row_was_removed_is_saved_without_rows(desk: Desk, rep: Browser) -> None:
    url = new_ticket(rep, **LINE, **{"parts.n1.what": "密封圈", "parts.n1.price": "3"})
    row = re.compile(r'name="parts\.\w+\._id" value="\d+"')
    page = rep.get(f"{url}/edit").get_data(as_text=True)
    assert len(row.findall(page)) == 1
    left = re.findall(r'<input type="hidden" name="(parts\._order)" value="()">', page)  # the rest went with the row

    saved = rep.post(f"{url}/edit", data={"_version": "1", "title": "没有配件", **dict(left)})

    assert saved.status_code == 303
    assert row.findall(rep.get(f"{url}/edit").get_data(as_text=True)) == []


def test_an_ended_approval_shows_who_decided_and_no_step_that_never_was(desk: Desk, rep: Browser) -> None:
    url = new_ticket(rep, answer="好了")
    assert rep.post(f"{url}/moves/ask", data={"_version": "1"}).status_code == 303
    assert "等Lead审批" in words(rep.get(url))
    lead = desk.browser("lead")
    task = re.search(r'href="(/approvals/\d+)"', lead.get("/approvals").get_data(as_text=True))
    assert task is not None
    lead.post(task[1], data={"decision": "approve"})
    panel = re.search(r'<ol class="steps-path">.*?</ol>', rep.get(url).get_data(as_text=True), flags=re.DOTALL)
    assert panel is not None
    assert panel[0].count("path-step") == 1
    assert "兜底" not in panel[0]


def test_what_changed_since_it_was_asked_last_is_shown_to_whoever_decides(desk: Desk, rep: Browser) -> None:
    url = new_ticket(rep, answer="好了", price="100")
    lead = desk.browser("lead")

    def ask(version: int) -> str:
        assert rep.post(f"{url}/moves/ask", data={"_version": str(version)}).status_code == 303
        found = re.search(r'href="(/approvals/\d+)"', lead.get("/approvals").get_data(as_text=True))
        assert found is not None
        return found[1]

    first = ask(1)
    assert "与上次提交相比" not in words(lead.get(first))
    desk.clock.advance(timedelta(hours=1))
    assert lead.post(first, data={"decision": "return", "reason": "太贵"}).status_code == 303
    version = re.search(r'name="_version" value="(\d+)"', rep.get(f"{url}/edit").get_data(as_text=True))
    assert version is not None
    assert rep.post(f"{url}/edit", data={"_version": version[1], "price": "80"}).status_code == 303
    desk.clock.advance(timedelta(hours=1))
    second = words(lead.get(ask(int(version[1]) + 1)))
    assert "与上次提交相比" in second
    assert "¥100.00 → ¥80.00" in second


def test_news_stays_until_it_is_read(desk: Desk, rep: Browser) -> None:
    url = new_ticket(rep, answer="好了")
    rep.post(f"{url}/moves/ask", data={"_version": "1"})
    lead = desk.browser("lead")
    task = re.search(r'href="(/approvals/\d+)"', lead.get("/approvals").get_data(as_text=True))
    assert task is not None
    lead.post(task[1], data={"decision": "approve"})
    outbox.drain(desk.store)
    home = rep.get("/").get_data(as_text=True)
    opened = re.search(r'action="(/notices/\d+/open)"', home)
    assert opened is not None
    assert desk.browser("rep2").post(opened[1]).location == "/"
    assert opened[1] in rep.get("/").get_data(as_text=True)
    assert rep.post(opened[1]).location == url
    assert opened[1] not in rep.get("/").get_data(as_text=True)


def test_a_form_folds_what_is_not_asked_and_offers_nothing_that_cannot_be_typed(rep: Browser) -> None:
    page = rep.get("/e/ticket/new").get_data(as_text=True)
    assert 'name="title"' in page
    assert 'name="total"' not in page
    assert 'name="floor"' not in page
    assert 'name="stage"' not in page


def test_continued_rows_have_the_columns_of_the_first_page(desk: Desk, rep: Browser) -> None:
    for at in range(60):
        new_ticket(rep, title=f"第{at}张", **({"price": "5"} if at < 5 else {}))
    first = rep.get("/e/ticket").get_data(as_text=True)
    more = re.search(r'hx-get="(/e/[^"]+)"', first)
    assert more is not None
    rest = rep.get(more[1].replace("&amp;", "&"), headers={"HX-Request": "true"}).get_data(as_text=True)
    head = first.count('role="columnheader"')
    row = re.search(r"<tr .*?</tr>", rest, flags=re.DOTALL)
    assert row is not None
    assert len(re.findall("<td ", row[0])) == head


def test_a_picker_offers_what_fits_the_form_as_it_stands(desk: Desk, rep: Browser) -> None:
    one, other = (new_client(rep, name) for name in ("甲方", "乙方"))
    new_ticket(rep, client=one)
    url = new_ticket(rep, client=other)
    id_ = url.rpartition("/")[2]

    def offered(address: str, **typed: str) -> list[str]:
        answer = rep.post(address, data=typed)
        assert answer.status_code == 200
        return [item["value"] for item in answer.get_json()["items"]]

    assert "data-with-form" in rep.get("/e/ticket/new").get_data(as_text=True)
    assert id_ not in offered("/pick/ticket?for=ticket.same", client=one)
    assert offered("/pick/ticket?for=ticket.same", client=other) == [id_]
    assert offered(f"/pick/ticket?for=ticket.same&record={id_}") == [id_]
    assert offered(f"/pick/ticket?for=ticket.same&record={id_}", client="") == []
    assert rep.post("/pick/ticket?for=ticket.same&record=9999999", data={}).status_code == 404


def new_client(browser: Browser, name: str) -> str:
    """The id of a client that was made."""
    made = browser.post("/e/client/new", data={"name": name})
    assert made.status_code == 303
    return str(made.headers["Location"]).rpartition("/")[2]


def test_an_unknown_address_is_answered_in_the_language_of_the_other_pages(rep: Browser) -> None:
    foreign = {"Accept-Language": "en-GB,en;q=0.9"}
    assert '<html lang="zh' in rep.get("/", headers=foreign).get_data(as_text=True)
    nowhere = rep.get("/nowhere", headers=foreign)
    assert nowhere.status_code == 404
    assert '<html lang="zh' in nowhere.get_data(as_text=True)
