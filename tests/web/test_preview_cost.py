"""What a form asks while somebody types is bounded: in statements, whatever stands in it, and in time."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

from engine.clock import SetClock
from engine.people import accounts
from engine.people.departments import create_department
from tests.conftest import MakeStore
from tests.web.conftest import PASSWORD, Browser, Desk, close_app, open_app
from web.pages import previews
from web.settings import Settings

pytestmark = pytest.mark.both_databases

ROLES = ["admin", "director", "sales_ops", "rep"]


@pytest.fixture
def plant(make_store: MakeStore, tmp_path: Path, clock: SetClock) -> Iterator[Desk]:
    """The manufacturing template with one person who may do everything."""
    store = make_store("manufacturing")
    url = store.database.url.render_as_string(hide_password=False)
    key = "a-key-for-tests-that-is-long-enough-0123456789"
    app = open_app(Settings(home=tmp_path, database_url=url, secret_key=key, testing=True), clock)
    with store.write() as session:
        team = create_department(session, key="all", name="全部", actor=None)
        roles = [role for role in ROLES if role in store.app.roles]
        who = accounts.create_user(
            session, login="all", name="全", password=PASSWORD, roles=roles, department=team, actor=None
        )
    yield Desk(app, store, clock, {"all": who})
    close_app(app)


@contextmanager
def statements() -> Iterator[list[str]]:
    """Collect what is sent to the database, without the beginning of a session and its look at the release."""
    sent: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if statement != "BEGIN" and "fw_current_release" not in statement:
            sent.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def products(desk: Desk, count: int) -> list[int]:
    program = desk.program("all")
    return [
        program.made("product", sku=f"P{at}", model=f"M{at}", name=f"垫片{at}", list_price="10", standard_cost="4")[
            "id"
        ]
        for at in range(count)
    ]


def lines(ids: list[int]) -> dict[str, Any]:
    posted: dict[str, Any] = {"items._order": [f"r{at}" for at, _ in enumerate(ids)]}
    for at, id_ in enumerate(ids):
        posted |= {f"items.r{at}.product": str(id_), f"items.r{at}.qty": "3", f"items.r{at}.price": ""}
    return posted


def ask(browser: Browser, customer: int, ids: list[int]) -> tuple[int, str]:
    """Return how many statements an answer took, and the answer."""
    form = {"customer": str(customer), "prepay": "30"} | lines(ids)
    with statements() as sent:
        answer = browser.post("/e/quote/new/preview", data=form)
    assert answer.status_code == 200
    return len(sent), answer.get_data(as_text=True)


@pytest.fixture
def customer(plant: Desk) -> int:
    given = {"name": "甬江阀门", "type": "dealer", "region": "east", "no_code_reason": "registering", "existing": True}
    return int(plant.program("all").made("customer", **given)["id"])


def test_sixty_lines_cost_as_many_statements_as_one_and_fewer_than_the_limit(plant: Desk, customer: int) -> None:
    ids, browser = products(plant, 60), plant.browser("all")
    ask(browser, customer, ids[:1])  # what a process reads once

    one, whole = ask(browser, customer, ids[:1])[0], ask(browser, customer, ids)

    assert (whole[0], whole[0] <= previews.MOST_STATEMENTS) == (one, True)
    assert "1,800.00" in whole[1]


@pytest.mark.parametrize(("limit", "value"), [("MOST_STATEMENTS", 2), ("MOST_SECONDS", 0.0)])
def test_beyond_a_limit_the_form_is_left_as_it_is_and_says_so(
    plant: Desk, customer: int, monkeypatch: pytest.MonkeyPatch, limit: str, value: Any
) -> None:
    ids, browser = products(plant, 3), plant.browser("all")
    monkeypatch.setattr(previews, limit, value)

    paused = ask(browser, customer, ids)[1]
    monkeypatch.undo()

    assert "边填边算已暂停" in paused and "<output" not in paused
    assert "<output" in ask(browser, customer, ids)[1]
