"""What a record writes into ledgers happens once, with it or not at all, and adds up whoever writes at once."""

from collections.abc import Iterator

import pytest
from sqlalchemy import func, select

from engine.errors import InvalidValues
from tests.racing import at_once
from tests.records.counter import counter_of, move, on_hand, sale, shop
from tests.records.desk import Desk, errors_of

THREADS = 8


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def counter(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with counter_of(request, tmp_path_factory.mktemp("counter")) as desk:
        yield desk


def entries(desk: Desk, ledger: str, sale_id: int) -> int:
    table = desk.store.tables.entity[ledger]
    with desk.store.read() as session:
        return int(session.connection.execute(select(func.count()).where(table.c.sale == sale_id)).scalar_one())


def test_a_sale_writes_an_entry_of_each_line_once_and_one_of_its_own(counter: Desk) -> None:
    here, buyer = shop(counter, tea=5, cup=3), counter.create("chief", "buyer", name="王女士")
    made = sale(counter, here, ("tea", 2), ("cup", 3), buyer=buyer.id, till="一号台")
    assert on_hand(counter, here) == {"tea": 5, "cup": 3}

    made = move(counter, made, "sold")
    made = counter.update("chief", made, till="二号台")

    assert on_hand(counter, here) == {"tea": 3, "cup": 0}
    assert (entries(counter, "goods", made.id), entries(counter, "point", made.id)) == (2, 1)
    assert counter.get("chief", buyer).values["points"] == 5
    move(counter, counter.get("chief", made), "void")
    assert on_hand(counter, here) == {"tea": 5, "cup": 3}


def test_an_entry_fetches_from_the_record_as_it_is_being_saved(counter: Desk) -> None:
    made = move(counter, sale(counter, shop(counter, tea=1), ("tea", 1), till="三号台"), "sold")
    goods = counter.store.tables.entity["goods"]
    with counter.store.read() as session:
        assert session.connection.execute(select(goods.c.till).where(goods.c.sale == made.id)).scalar_one() == "三号台"


def test_lines_that_are_left_out_write_nothing(counter: Desk) -> None:
    here = shop(counter, tea=2)
    made = move(counter, sale(counter, here, ("tea", 1), till="keep"), "sold")

    move(counter, made, "void")

    assert on_hand(counter, here) == {"tea": 1}


def test_without_stock_nothing_is_sold_and_the_line_says_so(counter: Desk) -> None:
    here = shop(counter, tea=5, cup=1)
    made = sale(counter, here, ("tea", 1), ("cup", 2))

    with pytest.raises(InvalidValues) as refused:
        move(counter, made, "sold")

    assert [(one.path, one.text("zh")) for one in refused.value.errors] == [("items.1.qty", "库存不足")]
    assert on_hand(counter, here) == {"tea": 5, "cup": 1}
    assert (counter.get("chief", made).values["stage"], entries(counter, "goods", made.id)) == ("open", 0)


def test_where_a_shop_may_owe_stock_goes_below_zero(counter: Desk) -> None:
    here = shop(counter, owing=True)

    move(counter, sale(counter, here, ("new", 2)), "sold")

    assert on_hand(counter, here) == {"new": -2}


def test_a_line_finds_what_belongs_to_it_and_nobody_can_choose_another(counter: Desk) -> None:
    here, other = shop(counter, tea=4), shop(counter, tea=9)
    made = sale(counter, here, ("tea", 1), ("none", 1))
    assert [row["left"] for row in made.values["items"]] == [4, None]
    wrong = {"id": made.values["items"][0]["id"], "stock": 1}

    refused = errors_of(lambda: counter.update("chief", made, items=[wrong]))
    assert refused == {"items.0.stock": "“库存”由系统填写，不能修改。"}
    assert [row["left"] for row in counter.update("chief", made, shop=other.id).values["items"]][:1] == [9]
    assert on_hand(counter, other) == {"tea": 9}


def test_each_shop_counts_its_numbers_for_itself(counter: Desk) -> None:
    one, two = shop(counter), shop(counter)
    numbers = [str(sale(counter, at, ("tea", 1)).values["number"]) for at in (one, two, one)]
    codes = [str(at.values["code"]) for at in (one, two)]

    assert numbers == [f"LS{codes[0]}2603020001", f"LS{codes[1]}2603020001", f"LS{codes[0]}2603020002"]
    assert errors_of(lambda: counter.create("chief", "sale", items=[])) == {"shop": "请填写“店”。"}


def test_the_last_pieces_are_sold_once_whoever_sells_them_at_once(counter: Desk) -> None:
    here = shop(counter, tea=5, cup=5)
    buyer = counter.create("chief", "buyer", name="李先生")
    forth, back = [("tea", 1), ("cup", 1)], [("cup", 1), ("tea", 1)]
    sales = [
        sale(counter, here, *(forth if at % 2 else back), **({"buyer": buyer.id} if at % 3 else {}))
        for at in range(THREADS)
    ]

    answers = at_once(THREADS, lambda at: move(counter, sales[at], "sold"))

    refused = [one for one in answers if isinstance(one, Exception)]
    assert (len(refused), {type(one) for one in refused}) == (THREADS - 5, {InvalidValues})
    assert on_hand(counter, here) == {"tea": 0, "cup": 0}
    sold = [at for at, one in enumerate(answers) if not isinstance(one, Exception)]
    assert counter.get("chief", buyer).values["points"] == sum(2 for at in sold if at % 3)


def test_what_is_missing_is_made_once_whoever_needs_it_at_once(counter: Desk) -> None:
    here = shop(counter)

    answers = at_once(THREADS, lambda at: counter.create("chief", "goods", shop=here.id, item="new", qty=at + 1))

    assert [one for one in answers if isinstance(one, Exception)] == []
    assert on_hand(counter, here) == {"new": sum(range(THREADS + 1))}
