"""A linked record that a stage misses is made from the refusal, with the link back filled in."""

import re
from pathlib import Path

import pytest

from engine.definition.source import SourceFolder, read_folder
from engine.storage import catalog
from tests.web.conftest import DESK, Desk

ASKED = "enter:\n      answer: {fields: [answer]}\n      other: {link: ticket, message: 还没有相关工单}"


@pytest.fixture
def made(desk: Desk) -> str:
    """A ticket that lacks another one to be done; the address of its page."""
    files = dict(read_folder(Path(DESK)).files)
    flow = files["ticket/workflow.yaml"]
    files["ticket/workflow.yaml"] = flow.replace("enter:\n      answer: {fields: [answer]}", ASKED)
    catalog.publish(desk.store, SourceFolder(files), actor_id=None)
    browser = desk.browser("rep1")
    answer = browser.post("/e/ticket/new", data={"title": "漏水"})
    return str(answer.headers["Location"])


@pytest.mark.parametrize("page", ["", "/moves/finish"])
def test_the_form_for_what_is_missing_is_filled_in_with_the_record_it_is_missed_by(
    desk: Desk, made: str, page: str
) -> None:
    browser = desk.browser("rep1")
    shown = browser.get(made + page).get_data(as_text=True)
    id_ = made.rpartition("/")[2]
    assert f'<a href="/e/ticket/new?same={id_}">还没有相关工单</a>' in shown
    form = browser.get(f"/e/ticket/new?same={id_}").get_data(as_text=True)
    assert re.search(rf'name="same"[^>]*value="{id_}"|value="{id_}"[^>]*name="same"', form)


def test_who_may_make_none_is_not_led_there(desk: Desk, made: str) -> None:
    assert "/e/ticket/new?same=" not in desk.browser("root").get(made).get_data(as_text=True)


def test_each_field_a_move_misses_says_only_that_it_is_to_be_filled_in(desk: Desk) -> None:
    files = dict(read_folder(Path(DESK)).files)
    flow = files["ticket/workflow.yaml"]
    files["ticket/workflow.yaml"] = flow.replace("{fields: [answer]}", "{fields: [answer, city, price]}")
    files["ticket/entity.yaml"] = files["ticket/entity.yaml"].replace(
        "  kind:    {", "  city:    {type: text, label: 城市}\n  kind:    {", 1
    )
    catalog.publish(desk.store, SourceFolder(files), actor_id=None)
    browser = desk.browser("rep1")
    made = str(browser.post("/e/ticket/new", data={"title": "漏水"}).headers["Location"])
    answer = browser.post(f"{made}/moves/finish", data={"_version": "1", "city": "宁波"})
    assert answer.status_code == 422
    page = answer.get_data(as_text=True)
    assert "<li>" in page and "答复、报价" in page, "the list says it all"
    said = re.findall(r'id="f-(\w+)-error"[^>]*>(.*?)</p>', page, re.S)
    assert {field: re.sub(r"<[^>]+>", "", text).strip() for field, text in said} == {
        "answer": "请填写“答复”。",
        "price": "请填写“报价”。",
    }


def test_a_field_that_a_stage_makes_required_is_asked_for_by_the_move_into_it(desk: Desk) -> None:
    files = dict(read_folder(Path(DESK)).files)
    files["ticket/entity.yaml"] = files["ticket/entity.yaml"].replace(
        "  kind:    {", "  city:    {type: text, label: 城市, required_when: \"stage = 'done'\"}\n  kind:    {", 1
    )
    catalog.publish(desk.store, SourceFolder(files), actor_id=None)
    desk.app.extensions["formwork.store"].reload()
    browser = desk.browser("rep1")
    made = str(browser.post("/e/ticket/new", data={"title": "漏水"}).headers["Location"])
    refused = browser.post(f"{made}/moves/finish", data={"_version": "1", "answer": "换了阀"})
    assert refused.status_code == 422
    assert re.search(r'<input[^>]*name="city"', refused.get_data(as_text=True))
    done = browser.post(f"{made}/moves/finish", data={"_version": "1", "answer": "换了阀", "city": "宁波"})
    assert done.status_code == 303
