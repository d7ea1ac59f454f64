"""One cell of a list changed where it stands: like the form in everything."""

import json
import re

import pytest

from tests.web.conftest import Browser, Desk
from tests.web.test_pages_bad_input import words

HTMX = {"HX-Request": "true"}


@pytest.fixture
def one(desk: Desk) -> str:
    return f"/e/ticket/{desk.program('rep1').made('ticket', title='漏水', price='10', kind='repair')['id']}"


def version_in(page: str) -> str:
    return re.search(r'name="_version" value="(\d+)"', page)[1]  # type: ignore[index]


def save(browser: Browser, url: str, **values: str):  # type: ignore[no-untyped-def]
    return browser.post(url, data=values, headers=HTMX)


def test_a_cell_answers_its_input_and_keeps_what_is_typed(desk: Desk, one: str) -> None:
    rep = desk.browser("rep1")
    page = rep.get("/e/ticket").get_data(as_text=True)
    assert f'data-edit="{one}/cells/price"' in page and f'data-edit="{one}/cells/stage"' not in page
    editor = rep.get(f"{one}/cells/price", headers=HTMX).get_data(as_text=True)
    assert 'value="10.00"' in editor or 'value="10"' in editor
    kept = save(rep, f"{one}/cells/price", price="25", _version=version_in(editor))
    assert kept.status_code == 200 and "¥25.00" in kept.get_data(as_text=True)
    told = json.loads(kept.headers["HX-Trigger"])["formwork-kept"]
    assert told["version"] == 2
    assert "¥25.00" in words(rep.get("/e/ticket"))


def test_what_is_wrong_is_said_in_the_cell_and_what_was_typed_stays(desk: Desk, one: str) -> None:
    rep = desk.browser("rep1")
    refused = save(rep, f"{one}/cells/price", price="很多", _version="1")
    assert refused.status_code == 422
    page = refused.get_data(as_text=True)
    assert 'value="很多"' in page and 'role="alert"' in page
    assert "¥10.00" in words(rep.get("/e/ticket"))


def test_a_change_by_somebody_else_is_shown_and_can_be_replaced_knowingly(desk: Desk, one: str) -> None:
    rep = desk.browser("rep1")
    assert save(desk.browser("lead"), f"{one}/cells/price", price="77", _version="1").status_code == 200
    late = save(rep, f"{one}/cells/price", price="25", _version="1")
    page = late.get_data(as_text=True)
    assert late.status_code == 422 and "¥77.00" in page and 'value="25"' in page
    assert save(rep, f"{one}/cells/price", price="25", _version=version_in(page)).status_code == 200


@pytest.mark.parametrize(
    "field", ["floor", "total", "number", "stage", "owner", "parts", "scan", "client", "nix", "id"]
)
def test_what_the_form_does_not_offer_has_no_cell(desk: Desk, one: str, field: str) -> None:
    rep = desk.browser("rep1")
    assert rep.get(f"{one}/cells/{field}", headers=HTMX).status_code == 404
    assert save(rep, f"{one}/cells/{field}", **{field: "1", "_version": "1"}).status_code == 404


def test_only_the_field_of_the_cell_is_written_and_only_by_who_may(desk: Desk, one: str) -> None:
    rep = desk.browser("rep1")
    save(rep, f"{one}/cells/price", price="25", title="anders", _version="1")
    assert "anders" not in words(rep.get("/e/ticket"))
    for login, status in (("rep2", 404), ("guest", 403), ("root", 404)):
        other = desk.browser(login)
        assert other.get(f"{one}/cells/price", headers=HTMX).status_code == status
        assert save(other, f"{one}/cells/price", price="1", _version="2").status_code == status
    assert "data-edit" not in desk.browser("root").get("/e/ticket").get_data(as_text=True)
