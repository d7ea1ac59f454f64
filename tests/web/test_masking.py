"""A masked phone on every page and every route: part of it, and never the whole."""

import re
from typing import Any

import pytest

from tests.conftest import to_folder
from tests.web.conftest import DESK, Desk, OpenDesk

PHONE, PART, EMAIL = "13812345678", "138****5678", "wang.canary@yongjiang.cn"


@pytest.fixture
def desk(open_desk: OpenDesk) -> Desk:
    """The desk where a manager sees phones whole in their own tickets only."""
    files = dict(to_folder(DESK).files)
    entity = files["ticket/entity.yaml"]
    entity = entity.replace(
        "  kind:    {",
        "  phone:   {type: phone, label: 手机}\n  mail:    {type: email, label: 邮箱}\n  kind:    {",
    )
    entity = entity.replace("columns: [number, title, stage, price]", "columns: [number, title, phone, price]")
    entity = entity.replace(
        "manager: {read: team, write: team,", "manager: {mask: [phone, mail], unmask: own, read: team, write: team,"
    )
    files["ticket/entity.yaml"] = entity
    return open_desk(definition=files)


@pytest.fixture
def ticket(desk: Desk) -> dict[str, Any]:
    made = desk.program("rep1").made("ticket", title="漏水", phone=PHONE, mail=EMAIL, price="12.00")
    said = desk.program("rep1").patch(f"/ticket/{made['id']}", {"phone": "13812345678", "price": "13.00"}, 1)
    assert said.status_code == 200
    return said.get_json()


def test_no_page_and_no_route_tells_the_whole(desk: Desk, ticket: dict[str, Any]) -> None:
    browser, program = desk.browser("lead"), desk.program("lead")
    one, api = f"/e/ticket/{ticket['id']}", f"/ticket/{ticket['id']}"
    pages = (
        "/", "/e/ticket", "/e/ticket?columns=number,phone,mail", "/e/ticket?group=client", one, f"{one}/edit",
        f"{one}/history", f"{one}/versions/1", "/e/ticket/calendar", "/e/ticket/columns?columns=phone,mail",
    )  # fmt: skip
    routes = ("/ticket", api, f"{api}/history", f"{api}/versions/1", "/ticket?sort=phone",
              "/ticket/figures?group=phone", "/ticket?columns=phone", "/openapi.json")  # fmt: skip
    answers = {path: browser.get(path, follow_redirects=True).get_data(as_text=True) for path in pages}
    answers |= {path: program.get(path).get_data(as_text=True) for path in routes}

    assert {path for path, text in answers.items() if PHONE in text or EMAIL in text} == set()
    for path in ("/e/ticket", one, f"{one}/edit", "/ticket", api):
        assert PART in answers[path], path
    assert "w****@yongjiang.cn" in answers[one]


def test_asking_for_the_whole_number_is_answered_like_asking_for_another(desk: Desk, ticket: dict[str, Any]) -> None:
    browser, program = desk.browser("lead"), desk.program("lead")

    def said(path: str, number: str) -> str:
        read = program.get if path.startswith("/ticket") else browser.get
        answer = read(path.format(number), follow_redirects=True) if read == browser.get else read(path.format(number))
        text = re.sub(r"[A-Za-z0-9_.-]{16,}", "", answer.get_data(as_text=True))
        return f"{answer.status_code} {text.replace(number, 'NUMBER')}"

    for path in ("/e/ticket?q={}", "/search?q={}", "/e/ticket?phone={}", "/pick/ticket?q={}", "/ticket?q={}",
                 "/ticket?filter.phone={}", "/ticket?count=true&q={}"):  # fmt: skip
        assert said(path, PHONE) == said(path, "13800000000"), path


def test_saving_the_form_never_writes_the_mask(desk: Desk, ticket: dict[str, Any]) -> None:
    browser, url = desk.browser("lead"), f"/e/ticket/{ticket['id']}/edit"
    page = browser.get(url).get_data(as_text=True)
    assert not re.search(r'<input[^>]*name="phone"', page)
    names = dict(re.findall(r'name="(_version|_action_id)" value="([^"]*)"', page))

    said = browser.post(url, data={**names, "title": "漏水 二楼"})

    assert said.status_code == 303, said.get_data(as_text=True)
    kept = desk.program("rep1").get(f"/ticket/{ticket['id']}").get_json()
    assert (kept["title"], kept["phone"], kept["mail"]) == ("漏水 二楼", PHONE, EMAIL)


def test_sending_the_mask_back_is_refused_beside_the_field(desk: Desk, ticket: dict[str, Any]) -> None:
    said = desk.program("lead").patch(f"/ticket/{ticket['id']}", {"phone": PART}, ticket["version"])

    assert said.status_code == 422
    assert said.get_json()["errors"][0]["path"] == "phone"


def test_ones_own_is_whole(desk: Desk) -> None:
    made = desk.program("lead").made("ticket", title="自己的", phone=PHONE)

    assert made["phone"] == PHONE
    assert desk.program("lead").get(f"/ticket/{made['id']}").get_json()["phone"] == PHONE
    assert f'value="{PHONE}"' in desk.browser("lead").get(f"/e/ticket/{made['id']}/edit").get_data(as_text=True)


def test_a_conflict_shows_no_more_than_the_page(desk: Desk, ticket: dict[str, Any]) -> None:
    said = desk.program("lead").patch(f"/ticket/{ticket['id']}", {"title": "别的"}, 1)

    assert said.status_code == 409
    assert PHONE not in said.get_data(as_text=True)
