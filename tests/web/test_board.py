"""The board of an entity with stages: what a reader may see, and where a dropped card leads."""

import re

import pytest
from sqlalchemy import insert, select

from engine.records.queries import COUNTED
from tests.web.conftest import Browser, Desk
from tests.web.test_pages_bad_input import LINE, new_ticket, words


@pytest.fixture
def rep(desk: Desk) -> Browser:
    return desk.browser("rep1")


def cards(page: str) -> list[tuple[str, str]]:
    return re.findall(r'data-card="([^"]+)" data-from="([^"]+)"', page)


def test_a_card_stands_in_the_column_of_its_stage_and_is_counted(rep: Browser) -> None:
    url = new_ticket(rep, **LINE)
    page = rep.get("/e/ticket/board").get_data(as_text=True)
    assert cards(page) == [(url, "open")]
    assert re.search(r'id="column-open">待处理 <span class="muted">1</span>', page)


def test_a_full_stage_is_counted_so_far_and_leads_to_the_list(desk: Desk, rep: Browser) -> None:
    new_ticket(rep, **LINE)
    with desk.store.write() as session:
        table = session.tables.entity["ticket"]
        row = session.connection.execute(select(table)).mappings().one()
        copy = {key: value for key, value in row.items() if key not in ("id", "number")}
        session.connection.execute(insert(table), [copy] * COUNTED)
    page = rep.get("/e/ticket/board").get_data(as_text=True)
    assert re.search(rf'id="column-open">待处理 <span class="muted">{COUNTED}\+</span>', page)
    assert f"超过 {COUNTED} 条，到列表中查看" in page and len(cards(page)) == 25


def test_the_board_shows_nobody_what_the_list_does_not(desk: Desk, rep: Browser) -> None:
    new_ticket(rep, **LINE)
    other = desk.browser("rep2").get("/e/ticket/board")
    assert cards(other.get_data(as_text=True)) == []
    assert desk.browser("guest").get("/e/ticket/board").status_code in (403, 404)


def test_a_search_narrows_cards_and_counts(rep: Browser) -> None:
    new_ticket(rep, **LINE)
    page = rep.get("/e/ticket/board?q=nothing-like-it").get_data(as_text=True)
    assert cards(page) == []
    assert re.search(r'id="column-open">待处理 <span class="muted">0</span>', page)


def test_a_card_dropped_where_a_move_leads_is_asked_what_the_move_needs(rep: Browser) -> None:
    url = new_ticket(rep, **LINE)
    asked = rep.get(f"{url}/to/done", headers={"HX-Request": "true"}, follow_redirects=True)
    assert asked.status_code == 200
    assert f"{url}/moves/" in asked.get_data(as_text=True)
    assert "next=%2Fe%2Fticket%2Fboard" in asked.get_data(as_text=True)


def test_a_card_dropped_where_no_move_leads_is_refused_in_one_sentence(rep: Browser) -> None:
    url = new_ticket(rep, **LINE)
    refused = rep.get(f"{url}/to/open", headers={"HX-Request": "true"})
    assert refused.mimetype == "text/plain"
    assert "不能从" in refused.get_data(as_text=True)
    assert rep.get(f"{url}/to/nowhere").status_code == 404


def test_after_a_move_from_the_board_one_is_back_on_it_and_never_elsewhere(rep: Browser) -> None:
    url = new_ticket(rep, **LINE)
    move = re.search(rf"{url}/moves/(\w+)", rep.get(f"{url}/to/done", follow_redirects=True).get_data(as_text=True))
    assert move is not None
    given = {"_version": "1", "answer": "换了密封圈"}
    elsewhere = rep.post(f"{url}/moves/{move[1]}?next=https://example.com/", data={"_version": "9"})
    assert "example.com" not in str(elsewhere.headers)
    done = rep.post(f"{url}/moves/{move[1]}?next=/e/ticket/board", data=given)
    assert done.status_code == 303, words(done)
    assert done.headers["Location"].endswith("/e/ticket/board")
    assert cards(rep.get("/e/ticket/board").get_data(as_text=True)) == []


def test_an_entity_without_stages_has_no_board(desk: Desk) -> None:
    assert desk.browser("lead").get("/e/client/board").status_code == 404
