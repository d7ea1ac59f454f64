"""A record made from another without retyping: a slip from a deal, and the contract from an approved quote."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from engine.clock import SetClock
from engine.errors import InvalidValues, NotAllowed, NotFound, NotPossibleNow
from engine.people import accounts
from engine.records import commands, making, writing
from engine.records.record import Record
from engine.storage import catalog
from engine.storage.store import Store
from tests.conftest import to_folder
from tests.records.databases import database_of
from tests.records.desk import Desk, line


def made_from(desk: Desk, login: str, record: Record, make: str) -> dict[str, Any]:
    with desk.store.read() as session:
        return making.make_values(session, record.entity, record.id, make, actor=desk.actor(login))[1]


def offers(desk: Desk, login: str, record: Record) -> list[str]:
    with desk.store.read() as session:
        return [one.key for one in making.list_makes(session, desk.get(login, record), actor=desk.actor(login))]


@pytest.fixture
def deal(desk: Desk) -> Record:
    product = desk.product(price="10")
    met = "2026-03-04 14:30"
    return desk.deal("rep", met=met, kinds="rush", lines=[line(product, qty="1"), line(product, qty="0")], share="12.5")


def test_values_are_taken_over_with_the_digits_of_the_new_fields(desk: Desk, deal: Record) -> None:
    given = made_from(desk, "chief", deal, "slip")
    slip = desk.create("chief", "slip", **given)

    shown = desk.get("chief", slip).values
    assert (shown["deal"], shown["third"], shown["share"]) == (deal.id, Decimal("3.33"), Decimal("0.13"))
    assert (shown["when"], shown["kinds"]) == (deal.values["met"], ["rush"])
    assert [(row["part"], row["own"]) for row in shown["rows"]] == [(Decimal("0.3"), "自"), (Decimal("0.0"), "自")]


def test_what_the_maker_may_not_type_is_not_given(desk: Desk, deal: Record) -> None:
    given = made_from(desk, "rep", deal, "slip")

    assert "third" not in given
    assert set(given["rows"][0]) == {"what"}
    assert desk.create("rep", "slip", **given).values["deal"] == deal.id


def test_a_condition_holds_for_everybody_alike_whatever_they_see(desk: Desk, deal: Record) -> None:
    assert offers(desk, "rep", deal) == ["slip"]
    refused = desk.update("chief", deal, secret="no")

    for login in ("rep", "chief"):
        assert offers(desk, login, refused) == []
        with pytest.raises(NotPossibleNow) as told:
            made_from(desk, login, refused, "slip")
        assert told.value.text() == "现在不能从这条记录生成“开单”。"


def test_making_needs_the_record_the_make_and_the_right(desk: Desk, deal: Record) -> None:
    with pytest.raises(NotFound):
        made_from(desk, "stranger", deal, "slip")
    with pytest.raises(NotPossibleNow):
        made_from(desk, "chief", deal, "x" * 1000)
    with pytest.raises(NotAllowed) as refused:
        made_from(desk, "lead", deal, "slip")
    assert refused.value.text() == "你没有权限新建“单据”。"
    assert offers(desk, "lead", deal) == []


# ---- the bundled template


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def plant(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """The manufacturing template with a rep, a director and somebody who looks after products."""
    folder = tmp_path_factory.mktemp("plant")
    with database_of(request, folder) as database:
        clock = SetClock(datetime(2026, 3, 2, 1, 0, tzinfo=UTC))
        desk = Desk(Store(database, folder / "files", clock), clock)
        catalog.publish(desk.store, to_folder("manufacturing"), actor_id=None)
        with desk.store.write() as session:
            for login, role in (("rep", "rep"), ("director", "director"), ("ops", "sales_ops"), ("tech", "tech")):
                desk.people[login] = accounts.create_user(
                    session, login=login, name=login, password=None, roles=[role], actor=None
                )
        yield desk


@pytest.fixture(scope="module")
def customer(plant: Desk) -> Record:
    """The one customer of the module: others named like it would be duplicates."""
    return plant.create(
        "director", "customer", name="甬江阀门", type="oem", region="east", existing=True, owner=plant.people["rep"]
    )


@pytest.fixture
def quote(plant: Desk, customer: Record) -> Record:
    """A quote of the rep, still a draft."""
    sku = plant.name("F-")
    product = plant.create("ops", "product", sku=sku, model=sku, name="密封垫", list_price="12.5", standard_cost="6")
    items = [{"product": product.id, "qty": "100", "price": "12"}, {"product": product.id, "qty": "3"}]
    return plant.create("rep", "quote", customer=customer.id, items=items, payment_term="monthly_30", prepay="30")


def put_into(desk: Desk, record: Record, stage: str) -> None:
    """Bring a record into a stage without asking anybody."""
    with desk.store.write() as session:
        entity = session.app.entities[record.entity]
        locked = writing.lock_record(session, entity, record.id, actor=None)
        writing.save_changes(session, entity, locked, {"stage": stage}, actor=None, action="move", event="moved")


def test_an_approved_quote_becomes_a_contract_without_retyping(plant: Desk, quote: Record) -> None:
    assert "contract" not in offers(plant, "rep", quote)
    put_into(plant, quote, "approved")
    assert "contract" in offers(plant, "rep", quote)

    given = made_from(plant, "rep", quote, "contract")
    contract = plant.get("rep", plant.create("rep", "contract", **given))

    source = plant.get("rep", quote).values
    assert str(contract.values["number"]).startswith("HT2026-")
    assert (contract.values["quote"], contract.values["customer"]) == (quote.id, source["customer"])
    assert contract.values["amount"] == source["total"] == Decimal("1237.50")
    assert (contract.values["payment_term"], contract.values["prepay"]) == ("monthly_30", Decimal("0.3"))
    assert contract.values["counterparty"] == contract.labels["customer", source["customer"]]
    taken = [[row[key] for key in ("product", "qty", "price", "amount")] for row in contract.values["items"]]
    assert taken == [[row[key] for key in ("product", "qty", "price", "amount")] for row in source["items"]]


def test_a_quote_gives_one_contract(plant: Desk, quote: Record) -> None:
    put_into(plant, quote, "approved")
    given = made_from(plant, "rep", quote, "contract")
    first = plant.create("rep", "contract", **given)

    with pytest.raises(InvalidValues) as refused:
        plant.create("rep", "contract", **given)

    said = f"这张报价单已经有合同了。已有：{first.values['number']} {first.values['counterparty']}（负责人 rep）。"
    assert [(error.path, error.text()) for error in refused.value.errors] == [("quote", said)]


def test_what_a_contract_was_made_from_is_remembered(plant: Desk, quote: Record) -> None:
    put_into(plant, quote, "approved")
    given = made_from(plant, "rep", quote, "contract")
    origin = {"made_from": {"entity": "quote", "id": quote.id, "make": "contract"}}

    with plant.store.write() as session:
        made = commands.create_record(session, "contract", given, actor=plant.actor("rep"), origin=origin)

    from sqlalchemy import select

    from engine.storage.system_tables import outbox

    with plant.store.read() as session:
        own = (outbox.c.type == "contract.created", outbox.c.record_id == made.id)
        payload = session.connection.scalar(select(outbox.c.payload).where(*own))
    assert payload == {"version": 1, **origin}


def test_who_sees_no_quotes_makes_nothing_of_them(plant: Desk, quote: Record) -> None:
    with pytest.raises(NotAllowed):
        made_from(plant, "tech", quote, "contract")
