"""The changes of the page about definitions, published one after the other over records, on both databases."""

from itertools import groupby

import pytest

from engine.errors import InvalidValues
from engine.storage.store import Store
from tests.conftest import ROOT, MakeStore, to_folder
from tests.docs.test_pages import blocks, change
from tests.storage.living import assert_histories_replay, column, edit, hire, make, publish

QUOTE = {"payment_term": "advance", "valid_until": "2199-01-01", "customer": 1}
PAGES = [ROOT / "docs" / f"changing-a-definition{language}.md" for language in ("", ".zh")]


def steps() -> list[list[str]]:
    """The blocks in their order, a translation together with what it translates."""
    whole = list(blocks(PAGES[0], "diff"))
    first = [sum(not block.startswith("--- locales/") for block in whole[: at + 1]) for at in range(len(whole))]
    return [
        [block for _, block in found] for _, found in groupby(zip(first, whole, strict=True), key=lambda one: one[0])
    ]


def test_both_languages_show_the_same_changes() -> None:
    assert list(blocks(PAGES[0], "diff")) == list(blocks(PAGES[1], "diff"))


@pytest.fixture
def store(make_store: MakeStore) -> Store:
    return make_store("manufacturing")


def test_every_change_of_the_page_does_what_is_told(store: Store) -> None:
    boss = hire(store, "boss", "rep", "sales_ops", "admin")
    make(store, boss, "customer", name="甬江阀门", type="oem", region="east", address="宁波", existing=True)
    make(store, boss, "product", sku="F-100", model="F", name="阀体", list_price=100, floor_price=60, standard_cost=40)
    files = dict(to_folder("manufacturing").files)
    items = [{"product": 1, "qty": 1, "price": 100}]
    ids = [
        make(store, boss, "quote", **QUOTE, items=items, freight=freight, delivery_days=days).id
        for freight, days in (("pickup", 300), ("included", 0))
    ]
    for number, step in enumerate(steps()):
        for block in step:
            change(files, block)
        assert not publish(store, files, boss).blocked, f"change {number + 1} of the page"
        if number == 0:
            for id_, packing in zip(ids, ("木", "泡沫"), strict=True):
                edit(store, boss, "quote", id_, packing=packing)
        if number == 1:
            assert column(store, "quote", "package") == ["木", "泡沫"]
    assert column(store, "quote", "package", "freight", "delivery_days") == [
        ("wood", "collect", 180),
        (None, "included", 0),
    ]
    assert column(store, "customer", "address") == ["宁波"], "retired, and kept"
    with pytest.raises(InvalidValues):
        edit(store, boss, "quote", ids[1], remark="旧记录在下次修改时才检查")
    assert_histories_replay(store)
