"""The store template through its commands: the same loop in the words of a shop."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest

from engine.errors import InvalidValues, NotFound
from engine.people.departments import create_department
from engine.records.commands import create_record
from engine.records.record import Record
from engine.workflow.transitions import move_by_itself
from tests.conftest import MakeStore, to_folder
from tests.storage.living import assert_histories_replay, column, go_back, hire, make, publish
from tests.templates.conftest import Site

CLERK, MANAGER, SUPERVISOR, HEADQUARTERS = "clerk_ding", "manager_tang", "supervisor_xia", "hq_fang"


@dataclass
class Shop:
    """A site with a store, a company customer of clerk_ding's and a product at 100 that costs 60."""

    site: Site
    store: Record
    customer: Record
    product: Record

    def quote(self, price: str = "100", login: str = CLERK, **values: Any) -> Record:
        line = {"product": self.product.id, "qty": 3, "price": price}
        return self.site.create(login, "quote", **{"customer": self.customer.id, "items": [line], **values})


@pytest.fixture
def shop(open_site: Callable[[str], Site]) -> Shop:
    site = open_site("retail_store")
    store = site.create(HEADQUARTERS, "store", code="S001", name="徐汇店", region="east")
    gifts = site.create(HEADQUARTERS, "category", name="礼盒")
    product = site.create(
        HEADQUARTERS, "product", sku="L1", name="礼盒", category=gifts.id, unit="box", price="100", cost="60"
    )
    customer = site.create(
        CLERK, "customer", name="甲有限公司", store=store.id, contact_name="许文君", mobile="13817200316"
    )
    return Shop(site, store, customer, product)


@pytest.mark.parametrize(
    ("price", "signs"),
    [
        ("92", []),
        ("91.99", [MANAGER]),
        ("85", [MANAGER]),
        ("84.99", [MANAGER, SUPERVISOR]),
        ("60", [MANAGER, SUPERVISOR]),
        ("59.99", [MANAGER, SUPERVISOR, HEADQUARTERS]),
    ],
)
def test_the_discount_decides_who_signs(shop: Shop, price: str, signs: list[str]) -> None:
    assert shop.site.path(CLERK, shop.quote(price)) == signs


def test_a_store_managers_own_quote_is_signed_by_the_supervisor(shop: Shop) -> None:
    assert shop.site.path(MANAGER, shop.quote("90", login=MANAGER)) == [SUPERVISOR]


def test_the_loop_from_customer_to_archived_contract(shop: Shop) -> None:
    quote = shop.quote("80")
    assert quote.values["store"] == shop.store.id
    shop.site.move(CLERK, quote, "submit")
    shop.site.decide(MANAGER, quote, "approve")
    assert shop.site.stage(quote) == "review"
    shop.site.decide(SUPERVISOR, quote, "approve")
    shop.site.move(CLERK, quote, "accept")
    contract = shop.site.make(CLERK, quote, "contract")
    assert (contract.values["amount"], contract.values["store"]) == (Decimal("240.00"), shop.store.id)
    shop.site.move(CLERK, contract, "submit")
    assert shop.site.stage(contract) == "approved"
    with pytest.raises(InvalidValues) as refused:
        shop.site.move(CLERK, contract, "archive")
    assert [one.kind for one in refused.value.missing] == ["file", "fields"]
    filled = {"sign_date": "2026-03-01", "original_location": "文件柜", "signed_scan": [shop.site.upload(CLERK)]}
    shop.site.move(CLERK, contract, "archive", **filled)
    assert shop.site.stage(contract) == "archived"


def test_a_clerk_sees_own_customers_a_store_manager_the_store_and_a_supervisor_the_area(shop: Shop) -> None:
    for login in (CLERK, MANAGER, SUPERVISOR, HEADQUARTERS, "finance_bai"):
        assert shop.site.see(login, shop.customer).id == shop.customer.id
    for login in ("clerk_pan", "manager_shao", "supervisor_ke"):
        with pytest.raises(NotFound):
            shop.site.see(login, shop.customer)


def test_the_purchase_price_is_hidden_from_the_store(shop: Shop) -> None:
    quote = shop.quote()
    for login in (CLERK, MANAGER):
        assert "cost" not in shop.site.see(login, shop.product).values
        assert "cost" not in shop.site.see(login, quote).values["items"][0]
    assert shop.site.see(SUPERVISOR, quote).values["items"][0]["cost"] == Decimal("60")


def test_a_yearly_contract_has_an_end_date(shop: Shop) -> None:
    quote = shop.quote()
    shop.site.move(CLERK, quote, "submit")
    with pytest.raises(InvalidValues, match="end_date"):
        shop.site.make(CLERK, quote, "contract", type="yearly")


OPTIONS = (
    "{type: choice, label: 品类, REST, options: {gift: 礼盒, tea: 茶饮, snack: 零食, home: 家居, appliance: 小家电}}"
)
LINK = "{type: link, to: category, label: 品类, REST, existing: convert, otherwise: create}"


def with_options() -> dict[str, str]:
    """The template as it was while categories were options, without what only it needs: examples, demo and texts."""
    files = {
        path: text
        for path, text in to_folder("retail_store").files.items()
        if not path.startswith(("category/", "locales/", "demo/", "courses/")) and "/examples/" not in path
    }
    required, fetched = "required: true", "fetch: product.category, readonly: true"
    for path, now, before in (
        ("product/entity.yaml", f"""{required}, where: "status = 'in_use'\"""", required),
        ("sold_item/entity.yaml", fetched, fetched),
    ):
        link = LINK.replace("REST", now)
        assert link in files[path]
        files[path] = files[path].replace(link, OPTIONS.replace("REST", before))
    app = files["app.yaml"].replace("languages: [zh, en]", "languages: [zh]")
    files["app.yaml"] = app.replace("product, category,", "product,").replace(
        "customer, category, product", "customer, product"
    )
    return files


def test_a_site_whose_categories_were_options_takes_them_over(make_store: MakeStore) -> None:
    """One publish of the template as it is makes the categories; what was sold stays what it was, going back too."""
    store = make_store(with_options())
    boss = hire(store, "boss", "headquarters", "purchasing", "store_manager", "admin")
    with store.write() as session:
        team = create_department(session, key="shop", name="徐汇店", actor=boss)
    shop = make(store, boss, "store", code="S001", name="徐汇店", region="east", department=team).id
    goods = [
        make(store, boss, "product", sku=sku, name=sku, category=key, price="100", cost="60").id
        for sku, key in (("L1", "gift"), ("T1", "tea"), ("L2", "gift"))
    ]
    with store.write() as session:
        create_record(session, "stock_move", {"store": shop, "product": goods[1], "qty": "9"}, actor=boss)
        tea = {"store": shop, "pay_by": "wechat", "items": [{"product": goods[1], "qty": 2}]}
        ticket = create_record(session, "sale", tea, actor=boss)
        move_by_itself(session, "sale", ticket.id, "pay")
    first, sold = store.release_id, column(store, "sold_item", "qty", "amount", "margin")
    assert column(store, "sold_item", "category") == ["tea"]
    assert not publish(store, to_folder("retail_store").files, boss).blocked
    names = dict(zip(column(store, "category", "id"), column(store, "category", "name"), strict=True))
    assert sorted(names.values()) == ["礼盒", "茶饮"]
    assert [names[id_] for id_ in column(store, "product", "category")] == ["礼盒", "茶饮", "礼盒"]
    assert [names[id_] for id_ in column(store, "sold_item", "category")] == ["茶饮"]
    assert column(store, "category", "products") == [2, 1], "what is counted of them follows at once"
    assert column(store, "sold_item", "qty", "amount", "margin") == sold
    assert_histories_replay(store)
    go_back(store, first)
    assert column(store, "product", "category") == ["gift", "tea", "gift"]
    assert column(store, "sold_item", "category") == ["tea"]
