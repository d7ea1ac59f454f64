"""Whoever misses a record in a picker makes it there, under their own rights, and loses nothing they typed."""

import html
import json
import re

from tests.web.conftest import Desk

ASK = "/quick-create?for=ticket.client"
DIALOG = {"HX-Request": "true"}


def clients(desk: Desk) -> list[dict[str, str]]:
    """Everybody's clients."""
    return desk.program("rep1").get("/client").get_json()["items"]


def outer_of(page: str) -> str:
    """The form that a page without scripts carries along."""
    return html.unescape(re.search(r'name="_outer" value="([^"]*)"', page)[1])  # type: ignore[index]


def test_the_picker_offers_it_only_to_who_may_make_one(desk: Desk) -> None:
    offered = desk.browser("rep1").get("/e/ticket/new").get_data(as_text=True)

    assert 'data-create="/quick-create?for=ticket.client"' in offered
    assert 'data-create-label="新建客户"' in offered
    assert "/quick-create/start?for=ticket.client&amp;field=client" in offered
    assert desk.browser("root").get(ASK).status_code == 403
    assert desk.browser("guest").get(ASK).status_code == 403
    assert desk.browser("rep1").get("/quick-create?for=ticket.title").status_code == 404
    assert desk.browser("rep1").get("/quick-create?for=nothing.at.all").status_code == 404


def test_the_dialog_has_exactly_its_fields_and_the_words_that_found_nothing(desk: Desk) -> None:
    page = desk.browser("rep1").get(f"{ASK}&q=甬江阀门", headers=DIALOG).get_data(as_text=True)

    assert set(re.findall(r'id="f-quick-(\w+)-field"', page)) == {"name"}
    assert 'value="甬江阀门"' in page
    assert "<html" not in page


def test_what_is_made_is_news_to_the_script_that_asked(desk: Desk) -> None:
    rep = desk.browser("rep1")

    made = rep.post(ASK, data={"name": "甬江阀门"}, headers=DIALOG)

    assert made.status_code == 204
    found = clients(desk)
    told = json.loads(made.headers["HX-Trigger"])["formwork-created"]
    assert told == {"value": str(found[0]["id"]), "text": "甬江阀门"}
    assert [(one["name"], one["owner"]) for one in found] == [("甬江阀门", desk.ids["rep1"])]


def test_what_is_wrong_stands_at_its_field_and_a_duplicate_is_asked_about(desk: Desk) -> None:
    rep = desk.browser("rep1")
    rep.post(ASK, data={"name": "宁波东海精密铸造"}, headers=DIALOG)

    empty = rep.post(ASK, data={"name": ""}, headers=DIALOG)
    again = rep.post(ASK, data={"name": "宁波东海精密铸造厂"}, headers=DIALOG)
    told = rep.post(ASK, data={"name": "宁波东海精密铸造厂", "not_duplicate": "另一家"}, headers=DIALOG)

    assert empty.status_code == again.status_code == 422
    assert 'id="f-quick-name-error"' in empty.get_data(as_text=True)
    assert "很像已有的客户。" in again.get_data(as_text=True)
    assert 'id="f-quick-not_duplicate"' in again.get_data(as_text=True)
    assert told.status_code == 204


def test_without_scripts_the_form_comes_back_as_it_was_left_with_the_new_one_chosen(desk: Desk) -> None:
    rep = desk.browser("rep1")
    left = {
        "title": "漏水",
        "price": "12x",
        "client": "",
        "parts._order": "r0",
        "parts.r0._id": "",
        "parts.r0.what": "阀",
    }

    asked = rep.post("/quick-create/start?for=ticket.client&field=client", data=left).get_data(as_text=True)
    sent = {"name": "新客户", "_outer": outer_of(asked)}
    refused = rep.post(f"{ASK}&field=client", data=sent | {"name": ""})
    made = rep.post(f"{ASK}&field=client", data={"name": "新客户", "_outer": outer_of(refused.get_data(as_text=True))})

    assert refused.status_code == 422
    form = made.get_data(as_text=True)
    assert made.status_code == 200
    assert 'action="/e/ticket/new"' in form
    for typed in ("漏水", "12x", "阀", "新客户"):
        assert f'value="{typed}"' in form, typed
    assert f'name="client" value="{clients(desk)[0]["id"]}"' in form


def test_who_goes_back_without_making_one_finds_the_form_as_it_was(desk: Desk) -> None:
    rep = desk.browser("rep1")
    asked = rep.post("/quick-create/start?for=ticket.client&field=client", data={"title": "漏水"}).get_data(
        as_text=True
    )

    back = rep.post(f"{ASK}&field=client", data={"name": "x", "_outer": outer_of(asked), "_back": "yes"})

    assert 'value="漏水"' in back.get_data(as_text=True)
    assert clients(desk) == []


def test_a_form_of_a_record_there_is_comes_back_too(desk: Desk) -> None:
    made = desk.program("rep1").made("ticket", title="旧题")
    rep = desk.browser("rep1")
    start = f"/quick-create/start?for=ticket.client&field=client&record={made['id']}"
    asked = rep.post(start, data={"title": "新题", "_version": "1"}).get_data(as_text=True)

    form = rep.post(
        f"{ASK}&field=client&record={made['id']}", data={"name": "新客户", "_outer": outer_of(asked)}
    ).get_data(as_text=True)

    assert f'action="/e/ticket/{made["id"]}/edit"' in form
    assert 'value="新题"' in form
    assert 'name="_version" value="1"' in form


def test_what_the_condition_of_the_link_says_is_taken_over_from_the_form(desk: Desk) -> None:
    rep = desk.browser("rep1")
    page = rep.get("/e/ticket/new").get_data(as_text=True)

    offered = re.search(r'data-create="/quick-create\?for=ticket.same" data-create-given="([^"]*)"', page)
    assert json.loads(html.unescape(offered[1])) == {"client": "client"}  # type: ignore[index]
    client = desk.program("rep1").made("client", name="甲")["id"]
    asked = rep.get(f"/quick-create?for=ticket.same&client={client}&price=3", headers=DIALOG).get_data(as_text=True)
    assert f'name="client" value="{client}"' in asked
    assert 'name="price"' not in asked


def test_nonsense_in_place_of_the_kept_form_is_no_fault(desk: Desk) -> None:
    rep = desk.browser("rep1")
    for outer in ("", "nonsense", "{}", '[1, [2], ["a", 3]]'):
        assert rep.post(f"{ASK}&field=client", data={"name": f"甲{outer[:1]}", "_outer": outer}).status_code < 500
