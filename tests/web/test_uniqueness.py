"""A value that another record has already: the form leads to that record, the API names it, and of many one wins."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.web.conftest import Desk

pytestmark = pytest.mark.both_databases

THREADS = 5


def test_the_form_leads_to_the_record_in_the_way_and_keeps_what_was_typed(desk: Desk) -> None:
    other = desk.program("rep2").made("client", name="甲")

    form = desk.browser("rep1").post("/e/client/new", data={"name": "甲", "city": "宁波", "not_duplicate": "x"})

    page = form.get_data(as_text=True)
    assert form.status_code == 422
    assert f'href="/e/client/{other["id"]}"' in page
    assert "查看那条记录" in page
    assert 'value="宁波"' in page


def test_the_api_names_the_record_in_the_way(desk: Desk) -> None:
    rep = desk.program("rep1")
    other = rep.made("client", name="甲")

    said = rep.post("/client", {"name": "甲", "not_duplicate": "x"}).get_json()

    assert [(one["path"], one["code"], one["params"]) for one in said["errors"]] == [
        ("name", "value.not_unique", {"records": [{"entity": "client", "id": other["id"]}]})
    ]


def test_of_many_forms_and_programs_at_once_one_wins(desk: Desk) -> None:
    browsers = [desk.browser("rep1") for _ in range(THREADS)]
    programs = [desk.program("rep2") for _ in range(THREADS)]
    values = {"name": "抢注", "not_duplicate": "x"}

    with ThreadPoolExecutor(THREADS * 2) as pool:
        forms = [pool.submit(one.post, "/e/client/new", data=values) for one in browsers]
        calls = [pool.submit(one.post, "/client", values) for one in programs]
        statuses = [one.result().status_code for one in (*forms, *calls)]

    assert sum(status in (201, 303) for status in statuses) == 1
    assert sum(status == 422 for status in statuses) == THREADS * 2 - 1
