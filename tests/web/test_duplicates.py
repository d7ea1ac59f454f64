"""What may be there already is shown while somebody types, asked once, and saved with the reason."""

from tests.web.conftest import Desk
from tests.web.test_pages_bad_input import words

NAME, LIKE = "宁波东海精密铸造有限公司", "浙江东海精密铸造厂"


def test_a_form_shows_what_is_alike_asks_why_not_and_keeps_the_answer(desk: Desk) -> None:
    rep = desk.browser("rep1")
    assert rep.post("/e/client/new", data={"name": NAME}).status_code == 303

    shown = rep.post("/e/client/new/preview", data={"name": LIKE, "_duplicates": ""}).get_data(as_text=True)
    assert "很像已有的客户。" in shown
    assert NAME in shown
    assert 'name="not_duplicate"' in shown
    seal = shown.partition('name="_duplicates" value="')[2].partition('"')[0]
    again = rep.post("/e/client/new/preview", data={"name": LIKE, "_duplicates": seal}).get_data(as_text=True)
    assert "form-duplicates" not in again  # it is there already, and somebody may be typing in it
    gone = rep.post("/e/client/new/preview", data={"name": "别的", "_duplicates": seal}).get_data(as_text=True)
    assert 'name="_duplicates" value=""' in gone

    refused = rep.post("/e/client/new", data={"name": LIKE})
    assert refused.status_code == 422
    assert "很像已有的客户。" in words(refused)
    assert 'name="not_duplicate"' in refused.get_data(as_text=True)
    saved = rep.post("/e/client/new", data={"name": LIKE, "not_duplicate": "两家公司", "_duplicates": seal})
    assert saved.status_code == 303
    assert "两家公司" in words(rep.get(saved.headers["Location"]))


def test_a_program_says_why_beside_the_fields(desk: Desk) -> None:
    program = desk.program("rep1")
    program.made("client", name=NAME)

    refused = program.post("/client", {"name": LIKE})
    made = program.post("/client", {"name": LIKE, "not_duplicate": "两家公司"})

    assert (refused.status_code, made.status_code) == (422, 201)
    assert [error["code"] for error in refused.get_json()["errors"]] == ["value.duplicate_maybe"]


def test_a_refused_form_says_once_who_has_it_beside_the_field(desk: Desk) -> None:
    rep = desk.browser("rep1")
    rep.post("/e/client/new", data={"name": NAME})

    refused = rep.post("/e/client/new", data={"name": LIKE}).get_data(as_text=True)

    assert refused.count("很像已有的客户") == 1
    beside = refused.partition('id="f-name-error"')[2][:400]
    assert "很像已有的客户" in beside and NAME in beside and 'href="/e/client/1"' in beside
    assert 'name="not_duplicate"' in refused
