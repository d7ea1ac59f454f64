"""Going back over a change of type, for every pair of types: what was there is back, what was typed since is read."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from engine.errors import NotPossibleNow
from engine.records.called import Called
from engine.storage import rollback
from engine.storage.plan import Plan
from engine.storage.store import Store
from tests.conftest import MakeStore
from tests.storage.every_type import SHIFTS, TYPES, differences, furnish, named, row_of, told, values, written
from tests.storage.living import assert_histories_replay, column, edit, go_back, hire, make, publish, words
from tests.storage.workshop import WORKSHOP, edited

EMPTIED = ", migrate: missing, existing: keep"


def plan_back(store: Store, release: int) -> Plan:
    return rollback.plan(store, rollback.find_earlier(store, release), Called)


@pytest.mark.parametrize("shift", SHIFTS)
def test_over_every_pair_of_types_nothing_is_lost(make_store: MakeStore, shift: int) -> None:
    now = {key: TYPES[(at + shift) % len(TYPES)] for at, key in enumerate(TYPES)}
    store = make_store(written({named(key): key for key in TYPES}))
    boss, typed = furnish(store)
    first = store.release_id or 0
    old = make(store, boss, "machine", name="A", **{named(key): typed[key] for key in TYPES}).id
    before = values(store, old)
    publish(store, written({named(key): type_ for key, type_ in now.items()}, EMPTIED), boss)
    later = store.release_id or 0
    kept = values(store, old)
    new = make(store, boss, "machine", name="B", **{named(key): typed[type_] for key, type_ in now.items()}).id
    since = values(store, new)

    shown = plan_back(store, first)
    go_back(store, first)
    assert differences(values(store, old), before) == {}, "what nobody touched is what it was"
    assert_histories_replay(store)
    read = values(store, new)
    unread = {item.path[-1]["zh"] for item in shown.items if item.code == "unread_type"}
    assert unread == {named(key) for key, value in read.items() if value is None}
    assert all(item.records == (new,) for item in shown.items if item.code == "unread_type")

    go_back(store, later)
    assert differences(values(store, old), kept) == {}
    assert differences(values(store, new), since) == {}, "the later release shows what was typed under it"
    assert_histories_replay(store)
    go_back(store, first)
    assert differences(values(store, old), before) == {} == differences(values(store, new), read)
    assert_histories_replay(store)


SIZE = "size:   {type: text, label: 尺寸"


def sized(rest: str) -> dict[str, str]:
    return edited(("machine/entity.yaml", SIZE, f"size:   {{{rest}, label: 尺寸"))


ROWS: list[tuple[str, str, Any, Any]] = [
    ("text", "percent", "15%", "15%"),
    ("text", "decimal", "12.50", "12.5"),
    ("text", "boolean", "true", "是"),
    ("text", "date", "2026-03-04", "2026-03-04"),
    ("text", "datetime", "2026-03-04 14:30", "2026-03-04 14:30"),
    ("text", "time", "9:30", "09:30"),
    ("text", "duration", "90m", "1h 30m"),
    ("text", "tags", "vip, 华东", "vip, 华东"),
    ("text", "geo", "31.29, 120.58", "31.29, 120.58"),
    ("text", "link", "一号车间", "一号车间"),
    ("text", "user", "wang", "wang"),
    ("text", "users", ["boss", "wang"], "boss, wang"),
    ("text", "department", "北区", "北区"),
    ("decimal", "percent", "15%", Decimal("0.150")),
    ("integer", "text", "12", 12),
    ("integer", "text", "大", None),
    ("integer", "text", "1.5万", 15000),
    ("decimal", "text", "2.12345", Decimal("2.123")),
    ("decimal", "text", "1e3", Decimal(1000)),
    ("money", "text", "¥1,250.555", Decimal("1250.56")),
    ("money", "text", "(1,200.00)", Decimal(-1200)),
    ("percent", "text", "12.34567%", Decimal("0.1235")),
    ("percent", "decimal", "0.125", Decimal("0.1250")),
    ("date", "text", "20260304", date(2026, 3, 4)),
    ("date", "text", "03/04/2026", None),
    ("percent", "text", "12.5%", Decimal("0.1250")),
    ("boolean", "text", "否", False),
    ("boolean", "choice", "price", None),
    ("date", "text", "2026年3月4日", date(2026, 3, 4)),
    ("date", "datetime", "2026-03-04 07:30", date(2026, 3, 4)),
    ("datetime", "date", "2026-03-04", datetime(2026, 3, 3, 16, tzinfo=UTC)),
    ("choice", "text", "delivery", "delivery"),
    ("choices", "choice", "delivery", ["delivery"]),
    ("choice", "choices", "price, delivery", None),
    ("link", "text", "一号车间", "link"),
    ("link", "text", "二号车间", None),
    ("user", "text", "wang", "wang"),
    ("user", "users", ["wang"], "wang"),
    ("user", "users", ["boss", "wang"], None),
    ("users", "text", "boss、wang", ["boss", "wang"]),
    ("department", "text", "north", "department"),
]
"""The type of the first release, the type after it, what was typed then, and what the first release shows of it."""


def test_what_was_typed_since_is_read_by_the_former_type(make_store: MakeStore) -> None:
    store = make_store(written({row_of(at): first for at, (first, *_) in enumerate(ROWS)}))
    boss, known = furnish(store)
    known |= {"一号车间": known["link"], "北区": known["department"], "boss": boss.id, "wang": boss.id + 1}
    start = store.release_id or 0
    publish(store, written({row_of(at): then for at, (_, then, *_) in enumerate(ROWS)}, EMPTIED), boss)
    then_typed = {row_of(at): told(typed, then, known) for at, (_, then, typed, _) in enumerate(ROWS)}
    made = make(store, boss, "machine", name="A", **then_typed).id
    go_back(store, start)
    wanted = {row_of(at): told(value, first, known) for at, (first, _, _, value) in enumerate(ROWS)}
    assert differences(values(store, made, *wanted), wanted) == {}
    assert_histories_replay(store)


@pytest.fixture
def store(make_store: MakeStore) -> Store:
    return make_store(WORKSHOP)


@pytest.mark.parametrize("scale", [0, 1, 6])
def test_a_formula_of_the_later_release_is_used_again_on_what_was_typed_since(store: Store, scale: int) -> None:
    boss = hire(store)
    first = store.release_id or 0
    for size in ("1,250", "12.5", None):
        make(store, boss, "machine", name="A", size=size)
    publish(store, sized(f'type: decimal, scale: {scale}, was_type: text, migrate: "number(size) * 10"'), boss)
    later, then = store.release_id or 0, column(store, "machine", "size")
    make(store, boss, "machine", name="B", size="7")
    go_back(store, first)
    assert column(store, "machine", "size") == ["1,250", "12.5", None, "7"]
    edit(store, boss, "machine", 1, size="3")
    go_back(store, later)
    assert column(store, "machine", "size") == [Decimal(30), *then[1:], Decimal(7)]
    assert_histories_replay(store)


def test_the_plan_says_what_comes_back_what_is_read_and_what_cannot_be(store: Store) -> None:
    boss = hire(store)
    first = store.release_id or 0
    for name in "AB":
        make(store, boss, "machine", name=name, power=7)
    publish(store, edited(("machine/entity.yaml", "power:  {type: integer", f"power:  {{type: text{EMPTIED}")), boss)
    make(store, boss, "machine", name="C", power="9")
    large = make(store, boss, "machine", name="D", power="很大")
    shown = plan_back(store, first)
    assert not shown.blocked
    found = {item.code: (item.rows, item.records) for item in shown.items if item.kind == "data"}
    assert found == {"restored_type": (2, ()), "carried_type": (1, ()), "unread_type": (1, (large.id,))}
    assert "设备.功率: 1 values cannot be read in the type of that release and are left" in " ".join(words(shown))
    make(store, boss, "machine", name="E", power="太大")
    earlier = rollback.find_earlier(store, first)
    with pytest.raises(NotPossibleNow, match="plan_changed"):
        rollback.publish(store, earlier, Called, actor_id=None, note=None, expected=shown, settle=lambda _: None)


def test_a_number_with_more_places_is_rounded_and_listed_and_comes_back_exact(store: Store) -> None:
    boss = hire(store)
    first = store.release_id or 0
    publish(store, edited(("machine/entity.yaml", "price:  {type: money", "price:  {type: money, scale: 4")), boss)
    later = store.release_id or 0
    one = make(store, boss, "machine", name="A", price="1.2345")
    make(store, boss, "machine", name="B", price="1.5")
    shown = plan_back(store, first)
    assert [(item.rows, item.records) for item in shown.items if item.code == "rounded_type"] == [(1, (one.id,))]
    go_back(store, first)
    assert column(store, "machine", "price") == [Decimal("1.23"), Decimal("1.50")]
    assert_histories_replay(store)
    go_back(store, later)
    assert column(store, "machine", "price") == [Decimal("1.2345"), Decimal("1.5000")]
    assert_histories_replay(store)


def test_what_the_release_in_between_could_not_hold_comes_back_with_a_mended_folder(store: Store) -> None:
    boss = hire(store)
    first = store.release_id or 0
    make(store, boss, "machine", name="A", power=7)
    text = edited(("machine/entity.yaml", "power:  {type: integer", "power:  {type: text"))
    publish(store, text, boss)
    for power in ("很大", "太大"):
        make(store, boss, "machine", name="B", power=power)
    go_back(store, first)
    assert column(store, "machine", "power") == [7, None, None]
    edit(store, boss, "machine", 3, power=5)
    mended = edited(("machine/entity.yaml", "label: 功率}", "label: 功率, help: 千瓦}"), texts=text)
    shown = publish(store, mended, boss)
    assert column(store, "machine", "power") == ["7", "很大", "5"]
    assert {item.code: item.rows for item in shown.items if item.kind == "data"} == {
        "carried_type": 2,
        "brought_again": 1,
    }
    go_back(store, first)
    assert column(store, "machine", "power") == [7, None, 5]
    assert_histories_replay(store)


def test_over_several_types_at_once_and_a_line_table(store: Store) -> None:
    boss = hire(store)
    saw, first = make(store, boss, "machine", name="A"), store.release_id or 0
    job = make(store, boss, "job", machine=saw.id, parts=[{"part": "07"}, {"part": "带"}])

    def parts(written: str) -> dict[str, str]:
        return edited(("job/entity.yaml", "part: {type: text, label: 配件名, required: true}", f"part: {{{written}}}"))

    def found() -> list[Any]:
        with store.read() as session:
            table = session.tables.lines["job", "parts"]
            return list(session.connection.scalars(select(table.c.part).order_by(table.c.id)))

    publish(store, parts('type: integer, was_type: text, migrate: "number(part)", existing: keep, label: 配件名'), boss)
    rows = [{"id": 1, "part": 7}, {"id": 2}, {"part": 9}]
    edit(store, boss, "job", job.id, parts=rows)
    publish(store, parts('type: boolean, was_type: integer, migrate: "part > 8", label: 配件名'), boss)
    assert found() == [False, None, True]
    assert_histories_replay(store)
    go_back(store, first)
    assert found() == ["07", "带", "9"]
    assert_histories_replay(store)


def test_what_a_release_narrowed_is_what_it_was(store: Store) -> None:
    boss = hire(store)
    first = store.release_id or 0
    for power in (3, 9, 8):
        make(store, boss, "machine", name="A", power=power)
    narrow = ("machine/entity.yaml", "label: 功率}", 'label: 功率, max: 5, migrate: "min(power, 5)"}')
    publish(store, edited(narrow), boss)
    edit(store, boss, "machine", 3, power=4)
    shown = plan_back(store, first)
    assert [item.rows for item in shown.items if item.code == "undone"] == [1]
    go_back(store, first)
    assert column(store, "machine", "power") == [3, 9, 4]
    assert_histories_replay(store)


def test_a_value_that_two_types_write_alike_is_what_it_was(store: Store) -> None:
    boss = hire(store)
    first = store.release_id or 0
    publish(store, edited(("machine/entity.yaml", "price:  {type: money", "price:  {type: text")), boss)
    later = store.release_id or 0
    for price in ("1.50", "1.5"):
        make(store, boss, "machine", name="A", price=price)
    go_back(store, first)
    assert column(store, "machine", "price") == [Decimal("1.50"), Decimal("1.50")]
    go_back(store, later)
    assert column(store, "machine", "price") == ["1.50", "1.5"]
    assert_histories_replay(store)
