"""The page on which sales operations try an approval out."""

import pytest

from tests.web.conftest import Browser, Desk
from tests.web.test_pages_bad_input import LINE, new_ticket, words

URL = "/e/ticket/flow/simulate"


@pytest.fixture
def root(desk: Desk) -> Browser:
    return desk.browser("root")


def test_it_says_who_would_sign_for_a_record_and_for_values(desk: Desk, root: Browser) -> None:
    record = new_ticket(desk.browser("rep1"), **LINE).rpartition("/")[2]
    for given in ("", f"&_record={record}", "&_as=rep1"):
        answer = root.get(f"{URL}?approval=check{given}")
        assert answer.status_code == 200
        assert "主管" in words(answer) and "Lead" in words(answer)


def test_the_flow_page_leads_there_only_whoever_sees_all_records(desk: Desk, root: Browser) -> None:
    assert URL in root.get("/e/ticket/flow").get_data(as_text=True)
    rep = desk.browser("rep1")
    assert URL not in rep.get("/e/ticket/flow").get_data(as_text=True)
    assert rep.get(URL).status_code == 403


@pytest.mark.parametrize("given", ["&_record=999", "&_record=x", "&_as=nobody", "&_record=" + "9" * 30])
def test_what_cannot_be_found_is_said_beside_its_field(root: Browser, given: str) -> None:
    answer = root.get(f"{URL}?approval=check{given}")
    assert answer.status_code == 200
    assert "field-error" in answer.get_data(as_text=True)
