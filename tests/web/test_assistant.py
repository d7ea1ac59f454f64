"""A sales assistant of the manufacturing template at work: every page of deals, and no amount of money on any."""

from typing import Any

import pytest

from tests.web.conftest import Desk, Program

AMOUNTS = ("98.01", "9,801", "9801", "玖仟捌佰", "4,321", "4321")
"""The price of a line, what it adds up to, in capitals too, and what the customer is good for."""


def _line(product: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"product": product["id"], "qty": "100", "price": "98.01"}]


@pytest.fixture
def deals(factory: Desk) -> dict[str, dict[str, Any]]:
    """One customer of a rep's with a quote, a contract, an order and an invoice, all of 9,801."""
    rep, ops = factory.program("rep_wang"), factory.program("ops_wu")
    product = ops.made("product", sku="P-1", model="P-1", name="垫片", unit="piece", list_price="98.0100")
    customer = rep.made("customer", name="宁波甲乙机械有限公司", type="end_user", region="east")
    _change(factory.program("manager_li"), "customer", customer, {"existing": True})
    who = {"customer": customer["id"]}
    _change(factory.program("finance_zhou"), "customer", customer, {"credit_limit": "4321.00"})
    quote = rep.made("quote", **who, payment_term="advance", prepay="30%", items=_line(product))
    contract = rep.made("contract", **who, type="sales", amount="9801", items=_line(product))
    order = rep.made("order", **who, promised="2026-04-01", payment_term="advance", models_confirmed=True,
                     items=_line(product))  # fmt: skip
    return {"product": product, "customer": customer, "quote": quote, "contract": contract, "order": order}


def _change(program: Program, entity: str, record: dict[str, Any], changes: dict[str, Any]) -> None:
    version = program.get(f"/{entity}/{record['id']}").get_json()["version"]
    assert program.patch(f"/{entity}/{record['id']}", changes, version).status_code == 200


def test_no_page_file_or_answer_for_an_assistant_has_an_amount(factory: Desk, deals: dict[str, dict[str, Any]]) -> None:
    browser, program = factory.browser("assistant_sun"), factory.program("assistant_sun")
    pages = ["/", "/dashboards/desk", "/search?q=宁波甲乙"]
    routes = []
    for entity, record in deals.items():
        one = f"/e/{entity}/{record['id']}"
        pages += [f"/e/{entity}", one, f"{one}/history", f"{one}/versions/1"]
        routes += [f"/{entity}", f"/{entity}/{record['id']}", f"/{entity}/{record['id']}/history"]
    printed = {entity: f"/e/{entity}/{deals[entity]['id']}/print/{entity}" for entity in ("quote", "contract")}
    pages += [*printed.values(), f"/e/order/{deals['order']['id']}/print/order_progress"]
    answers = {path: browser.get(path, follow_redirects=True) for path in pages}
    answers |= {f"api{path}": program.get(path) for path in routes}

    assert {path: said.status_code for path, said in answers.items() if said.status_code != 200} == {}
    texts = {path: said.get_data(as_text=True) for path, said in answers.items()}
    assert {path: one for path, text in texts.items() for one in AMOUNTS if one in text} == {}
    assert "垫片" in texts[printed["quote"]] and "垫片" in texts[printed["contract"]], (
        "what is sold stands on the paper"
    )


def test_no_list_sort_or_filter_of_an_assistant_goes_by_an_amount(
    factory: Desk, deals: dict[str, dict[str, Any]]
) -> None:
    program = factory.program("assistant_sun")
    for path in ("/order?sort=-total", "/quote?filter=total >= 1", "/contract?sort=amount", "/customer?sort=ordered"):
        assert program.get(path).status_code == 422, path


def test_an_assistant_changes_an_order_and_keeps_the_price_nobody_showed_them(
    factory: Desk, deals: dict[str, dict[str, Any]]
) -> None:
    order = deals["order"]
    _change(factory.program("assistant_sun"), "order", order, {"promised": "2026-04-09"})
    kept = factory.program("rep_wang").get(f"/order/{order['id']}").get_json()

    assert (kept["promised"], kept["total"], kept["items"][0]["price"]) == ("2026-04-09", "9801.00", "98.0100")
