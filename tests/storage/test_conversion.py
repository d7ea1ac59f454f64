"""A field that changes its type: ``migrate`` reads the former values; records without a new one are named."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from engine.people.actor import Actor
from engine.storage import catalog
from engine.storage.plan import Plan, PlanItem
from engine.storage.store import Store
from tests.conftest import MakeStore, to_folder
from tests.storage.every_type import furnish, written
from tests.storage.living import assert_histories_replay, column, edit, go_back, hire, make, publish, words
from tests.storage.workshop import WORKSHOP, edited, with_field

SIZE = "size:   {type: text, label: 尺寸"


@pytest.fixture
def store(make_store: MakeStore) -> Store:
    return make_store(WORKSHOP)


@pytest.fixture
def boss(store: Store) -> Actor:
    return hire(store)


def sized(rest: str) -> dict[str, str]:
    return edited(("machine/entity.yaml", SIZE, f"size:   {{{rest}, label: 尺寸"))


def blocked(plan: Plan) -> PlanItem:
    (found,) = [item for item in plan.items if item.kind == "blocked"]
    return found


@pytest.mark.parametrize(
    ("rest", "wanted"),
    [
        ('type: integer, was_type: text, migrate: "number(size)"', [1250, 13, None]),
        ('type: decimal, scale: 1, was_type: text, migrate: "number(size)"', [Decimal(1250), Decimal("12.5"), None]),
        ('type: money, was_type: text, migrate: "number(size) * 2"', [Decimal(2500), Decimal(25), None]),
        ("type: boolean, was_type: text, migrate: \"size = '1,250'\"", [True, False, None]),
    ],
)
def test_a_text_becomes_a_number(store: Store, boss: Actor, rest: str, wanted: list[Any]) -> None:
    for size in ("1,250", "12.5", None):
        make(store, boss, "machine", name="A", size=size)
    publish(store, sized(rest), boss)
    assert column(store, "machine", "size") == wanted
    assert_histories_replay(store)
    assert catalog.plan(store, to_folder(sized(rest))).is_empty


@pytest.mark.parametrize(
    ("first", "typed", "then", "wanted"),
    [
        ("text", "2026年3月4日", 'date, was_type: text, migrate: "date(it)"', date(2026, 3, 4)),
        ("percent", "12.5%", 'text, was_type: percent, migrate: "text(it)"', "12.5%"),
        ("decimal", "12.50", "text, was_type: decimal, migrate: \"join(text(it), ' mm')\"", "12.5 mm"),
        ("datetime", "2026-03-04 14:30", 'text, was_type: datetime, migrate: "text(it)"', "2026-03-04 14:30"),
        ("time", "9:30", 'text, was_type: time, migrate: "text(it)"', "09:30"),
        ("duration", "90m", 'text, was_type: duration, migrate: "text(it)"', "1h 30m"),
        ("boolean", "是", "text, was_type: boolean, migrate: \"if(it, '需要', '不需要')\"", "需要"),
        ("choices", "价格", "boolean, was_type: choices, migrate: \"'price' in it\"", True),
        ("tags", "vip, 华东", 'integer, was_type: tags, migrate: "count(it)"', 2),
        ("address", "江苏省苏州市", 'boolean, was_type: address, migrate: "it is not missing"', True),
    ],
)
def test_a_formula_reads_a_value_of_any_former_type(
    make_store: MakeStore, first: str, typed: str, then: str, wanted: Any
) -> None:
    before = written({"it": first})
    store = make_store(before)
    boss, _ = furnish(store)
    make(store, boss, "machine", name="A", it=typed)
    kind = before["machine/entity.yaml"].partition("it: {")[2].partition(", label: it")[0]
    publish(store, edited(("machine/entity.yaml", f"it: {{{kind}", f"it: {{type: {then}"), texts=before), boss)
    assert column(store, "machine", "it") == [wanted]
    assert_histories_replay(store)


def test_what_cannot_be_converted_is_counted_and_named_with_its_records(store: Store, boss: Actor) -> None:
    make(store, boss, "machine", name="A", size="3")
    large = make(store, boss, "machine", name="B", size="大")
    number = 'type: integer, was_type: text, migrate: "number(size)"'
    found = blocked(catalog.plan(store, to_folder(sized(number))))
    assert (found.code, found.rows, found.records) == ("blocked_convert", 1, (large.id,))
    assert "cannot be converted" in found.text("en")
    plan = publish(store, sized(f"{number}, existing: keep"), boss)
    assert [item.records for item in plan.items if item.code == "left_empty"] == [(large.id,)]
    assert column(store, "machine", "size") == [3, None]
    assert_histories_replay(store)


def test_migrate_may_say_what_becomes_of_the_rest(store: Store, boss: Actor) -> None:
    make(store, boss, "machine", name="A", size="大")
    publish(store, sized('type: integer, was_type: text, migrate: "default(number(size), 0)"'), boss)
    assert column(store, "machine", "size") == [0]


def test_a_number_of_other_places_is_read_at_its_own(make_store: MakeStore) -> None:
    texts = with_field("rate: {type: decimal, scale: 3, label: 率}")
    store = make_store(texts)
    boss = hire(store)
    make(store, boss, "machine", name="A", rate="2.345")
    now = '{type: integer, was_type: decimal, migrate: "rate * 1000", '
    whole = edited(("machine/entity.yaml", "{type: decimal, scale: 3, ", now), texts=texts)
    publish(store, whole, boss)
    assert column(store, "machine", "rate") == [2345]
    assert_histories_replay(store)


def test_a_former_type_that_is_not_so_is_refused_in_words(store: Store, boss: Actor) -> None:
    make(store, boss, "machine", name="A", size="3")
    found = blocked(catalog.plan(store, to_folder(sized('type: integer, was_type: integer, migrate: "size * 2"'))))
    assert found.code == "blocked_old_type" and "(of type text)" in found.text("en")
    assert found.text("zh").startswith("设备.尺寸 的 migrate 读不了原来的值")


def test_in_a_line_table(store: Store, boss: Actor) -> None:
    saw = make(store, boss, "machine", name="A")
    make(store, boss, "job", machine=saw.id, parts=[{"part": "7"}, {"part": "8.5"}])
    now = 'part: {type: decimal, was_type: text, migrate: "number(part)", label'
    texts = edited(("job/entity.yaml", "part: {type: text, label", now))
    assert "维修单.配件.配件名" in " ".join(words(publish(store, texts, boss)))
    with store.read() as session:
        table = session.tables.lines["job", "parts"]
        found = session.connection.scalars(select(table.c.part).order_by(table.c.id)).all()
    assert found == [Decimal(7), Decimal("8.5")]
    assert_histories_replay(store)


def test_numbers_and_dates_become_the_texts_of_them(store: Store, boss: Actor) -> None:
    make(store, boss, "machine", name="A", power=7, price="-1250.50", bought="2026-03-02")
    make(store, boss, "machine", name="B", price="1000")
    edits = [("power:  {type: integer", "power:  {type: text"), ("price:  {type: money", "price:  {type: long_text")]
    texts = edited(
        *(("machine/entity.yaml", *edit) for edit in [*edits, ("bought: {type: date", "bought: {type: text")])
    )
    plan = publish(store, texts, boss)
    assert {item.rows for item in plan.items if item.code == "carried_type"} == {1, 2}
    found = column(store, "machine", "power", "price", "bought")
    assert found == [("7", "-1250.5", "2026-03-02"), (None, "1000", None)]
    assert_histories_replay(store)


class TestAway:
    """A field that no release shows for a while, and that comes back with another type."""

    GONE = edited(
        ("machine/entity.yaml", "  size:   {type: text, label: 尺寸}\n", ""),
        ("machine/entity.yaml", "  power:  {type: integer, label: 功率}\n", ""),
        ("job/entity.yaml", "      qty:  {type: decimal, label: 数量, scale: 2}\n", ""),
    )

    def leave(self, store: Store, boss: Actor) -> None:
        """Make records and let a release come that knows nothing of some of their fields."""
        saw = make(store, boss, "machine", name="A", size="12", power=7)
        make(store, boss, "machine", name="B", size="大", power=None)
        make(store, boss, "job", machine=saw.id, parts=[{"part": "带", "qty": "1.5"}, {"part": "轮"}])
        publish(store, self.GONE, boss)
        edit(store, boss, "machine", saw.id, name="A2")

    @pytest.mark.parametrize(
        ("line", "wanted", "code"),
        [
            ("size: {type: integer, label: 尺寸}", [None, None], "parked"),
            ("length: {was: size, type: integer, label: 尺寸}", [None, None], "parked"),
            ('size: {type: integer, was_type: text, migrate: "default(number(size), 0)", label: 尺}', [12, 0],
             "filled_type"),
            ("length: {was: size, type: boolean, was_type: text, migrate: \"length = '大'\", label: 长}", [False, True],
             "filled_type"),
            ("power: {type: text, label: 功率}", ["7", None], "carried_type"),
            ("power: {type: link, to: machine, label: 功率}", [None, None], "parked"),
            ("power: {type: duration, label: 功率}", [None, None], "parked"),
            ("power: {type: decimal, scale: 1, label: 功率}", [Decimal("7.0"), None], None),
        ],
    )  # fmt: skip
    def test_its_values_and_their_history_stay_readable(
        self, store: Store, boss: Actor, line: str, wanted: list[Any], code: str | None
    ) -> None:
        self.leave(store, boss)
        plan = publish(
            store, edited(("machine/entity.yaml", "access:\n", f"  {line}\naccess:\n"), texts=self.GONE), boss
        )
        assert column(store, "machine", line.partition(":")[0]) == wanted
        assert [item.code for item in plan.items if item.kind == "data"] == ([] if code is None else [code])
        assert_histories_replay(store)

    def test_a_column_of_lines(self, store: Store, boss: Actor) -> None:
        self.leave(store, boss)
        texts = edited(
            ("job/entity.yaml", "      cost: {", "      qty: {type: boolean, label: 数量}\n      cost: {"),
            texts=self.GONE,
        )
        publish(store, texts, boss)
        assert_histories_replay(store)

    def test_an_entity(self, store: Store, boss: Actor) -> None:
        self.leave(store, boss)
        alone = {key: text for key, text in WORKSHOP.items() if not key.startswith("job")}
        publish(store, edited(("app.yaml", "menu: [machine, job]", "menu: [machine]"), texts=alone), boss)
        publish(
            store,
            edited(("job/entity.yaml", "{type: decimal, label: 数量, scale: 2}", "{type: text, label: 数量}")),
            boss,
        )
        assert_histories_replay(store)

    def test_going_back_over_it(self, store: Store, boss: Actor) -> None:
        first = store.release_id
        self.leave(store, boss)
        number = edited(
            ("machine/entity.yaml", "access:\n", "  size: {type: integer, label: 尺寸}\naccess:\n"), texts=self.GONE
        )
        publish(store, number, boss)
        edit(store, boss, "machine", 2, size=9)
        go_back(store, first)
        assert column(store, "machine", "size", "power") == [("12", 7), ("9", None)]
        assert_histories_replay(store)
