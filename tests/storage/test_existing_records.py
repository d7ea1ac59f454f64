"""What a release gives the records there are beyond what the database can work out alone; on both databases."""

from datetime import date, timedelta
from typing import Any

import pytest

from engine.clock import SetClock
from engine.people.actor import Actor
from engine.storage import catalog
from engine.storage.store import Store
from tests.conftest import MakeStore, to_folder
from tests.storage.living import assert_histories_replay, column, edit, hire, make, publish, words
from tests.storage.workshop import WORKSHOP, edited, with_field

CHECK = 'check_on: {type: date, label: 复检日, computed: "bought + 5wd"}'
LATEST = 'latest: {type: date, label: 最迟, computed: "date(created_at) + 3wd"}'
LAST = "last: {type: date, label: 最后, computed: 'max(job.latest)'}"
BACK = "back: {type: date, label: 归还, computed: 'if(qty > 1, today() + 1wd)'}"
CASE = 'case: {type: number_series, label: 箱号, number: {pattern: "X{yyyy}-{seq:2}", reset: yearly, mode: gapless}}'
DUE = with_field(f'{CHECK}\n  due_soon: {{type: boolean, label: 该复检, computed: "check_on < today() + 3d"}}')


@pytest.fixture
def store(make_store: MakeStore) -> Store:
    return make_store(WORKSHOP)


@pytest.fixture
def boss(store: Store) -> Actor:
    return hire(store)


class TestWorkingTime:
    def test_a_formula_that_needs_the_calendar_is_worked_out_with_what_follows_from_it(
        self, store: Store, boss: Actor
    ) -> None:
        make(store, boss, "machine", name="A", bought="2026-03-02")  # a Monday, today
        make(store, boss, "machine", name="B", bought="2026-02-16")
        make(store, boss, "machine", name="C")
        plan = publish(store, DUE, boss)
        assert "设备.复检日: work out 3 existing records by the formula" in words(plan)
        days = column(store, "machine", "check_on", "due_soon")
        assert days[0] == (date(2026, 3, 9), False) and days[1][1] is True and days[2] == (None, False)
        assert_histories_replay(store)
        again = edit(store, boss, "machine", 1, name="A2").values
        assert (again["check_on"], again["due_soon"]) == days[0], "a save says what the release said"
        assert catalog.plan(store, to_folder(DUE)).is_empty

    def test_it_follows_when_a_release_changes_what_it_reads(self, make_store: MakeStore) -> None:
        texts = with_field('until: {type: date, label: 到期, computed: "if(power > 5, bought + 1wd, bought + 2wd)"}')
        store = make_store(texts)
        boss = hire(store)
        make(store, boss, "machine", name="A", power=9, bought="2026-03-02")
        make(store, boss, "machine", name="B", power=3, bought="2026-03-02")
        limited = edited(("machine/entity.yaml", "label: 功率}", 'label: 功率, max: 5, migrate: "5"}'), texts=texts)
        publish(store, limited, boss)
        assert column(store, "machine", "until") == [date(2026, 3, 4), date(2026, 3, 4)]
        assert column(store, "machine", "version") == [3, 1], "one entry for the power, one for what follows"
        assert_histories_replay(store)

    def test_what_it_sums_up_elsewhere_follows(self, store: Store, boss: Actor) -> None:
        saw = make(store, boss, "machine", name="A", bought="2026-03-02")
        make(store, boss, "job", machine=saw.id, parts=[{"part": "带", "qty": 1, "cost": "2"}])
        texts = edited(
            ("job/entity.yaml", "  parts:\n", f"  {LATEST}\n  parts:\n"),
            ("machine/entity.yaml", "access:\n", f"  {LAST}\naccess:\n"),
        )  # fmt: skip
        publish(store, texts, boss)
        assert column(store, "job", "latest") == [date(2026, 3, 5)] == column(store, "machine", "last")

    def test_in_a_line_table(self, store: Store, boss: Actor) -> None:
        saw = make(store, boss, "machine", name="A")
        job = make(store, boss, "job", machine=saw.id, parts=[{"part": "带", "qty": 1}, {"part": "轮", "qty": 2}])
        texts = edited(
            (
                "job/entity.yaml",
                "      cost: {type: money, label: 单价}\n",
                f"      cost: {{type: money, label: 单价}}\n      {BACK}\n",
            )
        )  # fmt: skip
        publish(store, texts, boss)
        with store.read() as session:
            from engine.records.queries import get_record

            rows: Any = get_record(session, "job", job.id, actor=boss).values["parts"]
        assert [row["back"] for row in rows] == [None, date(2026, 3, 3)]


def test_a_formula_about_who_saves_waits_for_the_next_save_and_the_plan_says_so(store: Store, boss: Actor) -> None:
    id_ = make(store, boss, "machine", name="A").id
    texts = with_field('keeper: {type: user, label: 经手, computed: "user"}')
    plan = publish(store, texts, boss)
    assert "设备.经手: the formula depends on who saves, so 1 existing records get a value at their next save" in words(
        plan
    )
    assert column(store, "machine", "keeper") == [None]
    edit(store, boss, "machine", id_, name="B")
    assert column(store, "machine", "keeper") == [boss.id]
    publish(store, edited(("machine/entity.yaml", "label: 尺寸}", "label: 大小}"), texts=texts), boss)
    assert column(store, "machine", "keeper") == [boss.id], "a release does not forget who saved"


class TestSeries:
    def test_a_new_series_field_numbers_what_is_there_in_the_order_it_was_made(
        self, store: Store, boss: Actor, clock: SetClock
    ) -> None:
        for _ in range(2):
            make(store, boss, "machine", name="A")
        clock.at += timedelta(days=400)
        make(store, boss, "machine", name="B")
        plan = publish(store, with_field(CASE), boss)
        assert "设备.箱号: number 3 records that have none, in their order" in words(plan)
        assert column(store, "machine", "case") == ["X2026-01", "X2026-02", "X2027-01"]
        assert make(store, boss, "machine", name="C").values["case"] == "X2027-02"
        assert_histories_replay(store)

    def test_with_keep_they_stay_without_until_it_is_taken_out(self, store: Store, boss: Actor) -> None:
        make(store, boss, "machine", name="A")
        kept = with_field(CASE.replace("mode: gapless", "mode: gapless, existing: keep"))
        assert not [line for line in words(publish(store, kept, boss)) if "number 1" in line]
        make(store, boss, "machine", name="B")
        assert column(store, "machine", "case") == [None, "X2026-01"]
        publish(store, with_field(CASE), boss)
        assert column(store, "machine", "case") == ["X2026-02", "X2026-01"]

    def test_keep_holds_for_the_number_of_records_too(self, store: Store, boss: Actor) -> None:
        make(store, boss, "machine", name="A")
        numbered = 'label: 设备\nnumber: {pattern: "M{seq:2}", existing: keep}\n'
        publish(store, edited(("machine/entity.yaml", "label: 设备\n", numbered)), boss)
        make(store, boss, "machine", name="B")
        assert column(store, "machine", "number") == [None, "M01"]
