"""Stored values follow a changed definition as it says, on both databases, and their history says so too."""

from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from engine.people.actor import Actor
from engine.records import views
from engine.records.condition_text import conditions_of
from engine.records.filters import Filter
from engine.records.history import list_history
from engine.records.views import SavedView, ViewContent
from engine.storage import catalog
from engine.storage.plan import PlanBlocked
from engine.storage.store import Store
from tests.conftest import MakeStore, to_folder
from tests.storage.living import assert_histories_replay, column, edit, go_back, hire, make, move, publish, words
from tests.storage.workshop import WORKSHOP, edited, with_field

KINDS = "options: {lathe: 车床, mill: 铣床, saw: 锯床}"
CHOICES = with_field("uses: {type: choices, label: 用途, options: {cut: 切, drill: 钻, mill_it: 铣}}")


def machine(old: str, new: str, texts: Any = WORKSHOP) -> dict[str, str]:
    return edited(("machine/entity.yaml", old, new), texts=texts)


@pytest.fixture
def store(make_store: MakeStore) -> Store:
    return make_store(WORKSHOP)


@pytest.fixture
def boss(store: Store) -> Actor:
    return hire(store)


class TestNarrowing:
    @pytest.mark.parametrize(
        ("old", "new", "good", "bad", "says"),
        [
            ("max_length: 60", "max_length: 4", {"name": "C61"}, {"name": "C6140"}, "may have 4 characters"),
            ("max_length: 60", "min_length: 3", {"name": "C61"}, {"name": "C"}, "needs 3 characters"),
            ("max_length: 60", 'pattern: "[A-Z].*"', {"name": "C61"}, {"name": "c61"}, "do not match (c61)"),
            ("label: 功率}", "label: 功率, min: 2}", {"power": 2}, {"power": 1}, "below 2"),
            ("label: 功率}", "label: 功率, max: 2}", {"power": 2}, {"power": 3}, "above 2"),
            ("label: 原值}", "label: 原值, max: 2.5}", {"price": "2.50"}, {"price": "2.51"}, "above 2.5"),
        ],
    )
    def test_a_value_beyond_the_new_limit_blocks_and_is_named_with_its_record(
        self, store: Store, boss: Actor, old: str, new: str, good: dict[str, Any], bad: dict[str, Any], says: str
    ) -> None:
        make(store, boss, "machine", **{"name": "AAAA", **good})
        wrong = make(store, boss, "machine", **{"name": "AAAB", **bad})
        plan = catalog.plan(store, to_folder(machine(old, new)))
        (blocked,) = [item for item in plan.items if item.kind == "blocked"]
        assert (blocked.rows, blocked.records, blocked.entity) == (1, (wrong.id,), "machine")
        assert says in blocked.text("en")
        with pytest.raises(PlanBlocked):
            catalog.publish(store, to_folder(machine(old, new)), actor_id=None)

    def test_migrate_gives_only_those_values_a_new_one_made_of_the_old(self, store: Store, boss: Actor) -> None:
        for power in (1, 5, 9, None):
            make(store, boss, "machine", name="A", power=power)
        texts = machine("label: 功率}", 'label: 功率, max: 5, migrate: "min(power, 5)"}')
        plan = publish(store, texts, boss)
        assert "设备.功率: give 1 records a new value by migrate, since theirs would break the new limits" in words(
            plan
        )
        assert column(store, "machine", "power") == [1, 5, 5, None]
        assert_histories_replay(store)
        with store.read() as session:
            newest = list_history(session, "machine", 3, actor=boss)[0]
        assert (newest.action, newest.actor, newest.changes) == ("migrate", "boss", {"power": [9, 5]})

    def test_existing_keep_leaves_old_values_until_somebody_edits_them(self, store: Store, boss: Actor) -> None:
        from engine.errors import InvalidValues

        old = make(store, boss, "machine", name="A", power=9)
        publish(store, machine("label: 功率}", "label: 功率, max: 5, existing: keep}"))
        assert column(store, "machine", "power") == [9]
        with pytest.raises(InvalidValues):
            edit(store, boss, "machine", old.id, power=8)

    def test_a_new_rule_names_the_records_that_break_it(self, store: Store, boss: Actor) -> None:
        wrong = make(store, boss, "machine", name="A", power=9, price=1)
        make(store, boss, "machine", name="B", power=9)  # the rule waits for a price
        rule = 'rules:\n  cheap: {check: "price > power", message: 太便宜}\naccess:'
        plan = catalog.plan(store, to_folder(machine("access:", rule)))
        (blocked,) = [item for item in plan.items if item.kind == "blocked"]
        assert (blocked.rows, blocked.records) == (1, (wrong.id,)) and "break this rule" in blocked.text("en")
        publish(store, machine("access:", rule.replace("太便宜}", "太便宜, existing: keep}")))

    def test_an_option_that_goes_asks_what_it_became_and_the_values_follow(self, store: Store, boss: Actor) -> None:
        make(store, boss, "machine", name="A", kind="saw")
        make(store, boss, "machine", name="B", kind="mill")
        fewer = KINDS.replace(", saw: 锯床", "")
        assert catalog.plan(store, to_folder(machine(KINDS, fewer))).blocked
        plan = publish(store, machine(KINDS, f"{fewer}, became: {{saw: mill}}"), boss)
        assert "设备.类别: 1 records change from 锯床 to 铣床" in words(plan)
        assert column(store, "machine", "kind") == ["mill", "mill"]
        assert_histories_replay(store)

    def test_options_of_many_choices_follow_without_a_repeat(self, make_store: MakeStore) -> None:
        store = make_store(CHOICES)
        boss = hire(store)
        for uses in (["cut", "mill_it"], ["mill_it"], ["cut"], []):
            make(store, boss, "machine", name="A", uses=uses)
        gone = machine("{cut: 切, drill: 钻, mill_it: 铣}", "{cut: 切, drill: 钻}", CHOICES)
        (blocked,) = [item for item in catalog.plan(store, to_folder(gone)).items if item.kind == "blocked"]
        assert blocked.rows == 2
        publish(store, machine("drill: 钻}", "drill: 钻}, became: {mill_it: cut}", gone), boss)
        assert column(store, "machine", "uses") == [["cut"], ["cut"], ["cut"], None]
        assert_histories_replay(store)

    def test_a_stage_that_goes_asks_where_its_records_go(self, store: Store, boss: Actor) -> None:
        job = make(store, boss, "job", machine=make(store, boss, "machine", name="A").id)
        move(store, boss, "job", job.id, "start")
        texts = edited(
            ("job/workflow.yaml", "  repair:  {label: 修理中, due: 3wd}\n", ""),
            ("job/workflow.yaml", "  start:  {label: 开工, from: [open], to: [repair]}\n", ""),
            ("job/workflow.yaml", "from: [repair], to: [done]", "from: [open], to: [done]"),
        )
        plan = catalog.plan(store, to_folder(texts))
        assert [item.records for item in plan.items if item.kind == "blocked"] == [(job.id,)]
        assert "became: {repair: stage}" in words(plan)[-1]
        texts["job/workflow.yaml"] += "became: {repair: open}\n"
        assert "维修单: put 1 records of the stage 修理中 into 待修" in words(publish(store, texts, boss))
        assert column(store, "job", "stage") == ["open"]
        assert_histories_replay(store)


class TestFilling:
    def test_what_is_filled_is_in_the_history(self, store: Store, boss: Actor) -> None:
        make(store, boss, "machine", name="A", power=3)
        make(store, boss, "job", machine=1, parts=[{"part": "x", "qty": "1"}, {"part": "y"}])
        texts = with_field('site: {type: text, label: 位置, required: true, migrate: "name"}')
        texts = edited(
            ("machine/entity.yaml", "power:  {type: integer,", 'power:  {type: money, migrate: "power * 2",'),
            ("job/entity.yaml", "label: 数量, scale: 2}", "label: 数量, scale: 2, required: true, default: 1}"),
            texts=texts,
        )
        publish(store, texts, boss)
        assert column(store, "machine", "site", "power") == [("A", Decimal("3.00"))], "widening needs no migrate"
        assert_histories_replay(store)
        with store.read() as session:
            newest = list_history(session, "job", 1, actor=boss)[0]
        assert [row.get("qty") for row in newest.changes["parts"][1]] == ["1.00", "1.00"]

    def test_a_type_change_says_the_old_value_in_the_history(self, store: Store, boss: Actor) -> None:
        make(store, boss, "machine", name="A", size="大", power=4)
        publish(store, machine("size:   {type: text,", 'size:   {type: integer, migrate: "power * 10",'), boss)
        with store.read() as session:
            assert list_history(session, "machine", 1, actor=boss)[0].changes == {"size": ["大", 40]}

    def test_a_changed_formula_is_worked_out_for_the_records_there_are(self, make_store: MakeStore) -> None:
        doubled = with_field('doubled: {type: integer, label: 倍数, computed: "power * 2"}')
        texts = edited(
            (
                "machine/entity.yaml",
                "access:\n",
                '  next: {type: integer, label: 下, computed: "doubled + 1"}\naccess:\n',
            ),
            texts=doubled,
        )
        store = make_store(texts)
        boss = hire(store)
        for power in (1, 2, None):
            make(store, boss, "machine", name="A", power=power)
        plan = publish(store, machine("power * 2", "power * 3", texts), boss)
        assert "设备.倍数: work out 2 existing records by the formula" in words(plan)
        assert "设备.下: work out 2 existing records by the formula" in words(plan), "what reads it follows"
        assert column(store, "machine", "doubled", "next") == [(3, 4), (6, 7), (None, None)]
        assert_histories_replay(store)

    def test_a_migrated_value_is_seen_by_what_is_computed_from_it(self, make_store: MakeStore) -> None:
        texts = with_field('doubled: {type: integer, label: 倍数, computed: "power * 2"}')
        store = make_store(texts)
        boss = hire(store)
        make(store, boss, "machine", name="A", power=9)
        publish(store, machine("label: 功率}", 'label: 功率, max: 5, migrate: "5"}', texts), boss)
        assert column(store, "machine", "power", "doubled") == [(5, 10)]
        assert_histories_replay(store)

    def test_a_number_series_numbers_the_records_there_are_in_order(
        self, store: Store, boss: Actor, clock: Any
    ) -> None:
        from datetime import timedelta

        for _ in range(3):
            make(store, boss, "machine", name="A")
        clock.at += timedelta(days=400)
        make(store, boss, "machine", name="B")
        texts = machine("label: 设备\n", 'label: 设备\nnumber: {pattern: "M{yyyy}-{seq:2}", reset: yearly}\n')
        assert "设备: number 4 records that have none, in their order" in words(publish(store, texts, boss))
        assert column(store, "machine", "number") == ["M2026-01", "M2026-02", "M2026-03", "M2027-01"]
        assert make(store, boss, "machine", name="C").values["number"] == "M2027-02"
        assert_histories_replay(store)


def test_more_records_than_a_batch_are_migrated_alike(store: Store, boss: Actor) -> None:
    from tests.storage.workshop import add_machines

    add_machines(store, *({"name": f"M{at}", "power": at} for at in range(1203)))
    publish(store, machine("label: 功率}", 'label: 功率, max: 5, migrate: "5"}'), boss)
    assert column(store, "machine", "power") == [0, 1, 2, 3, 4, *[5] * 1198]
    with store.read() as session:
        from engine.storage.system_tables import history

        told = session.connection.execute(select(history.c.record_id, history.c.version)).all()
    assert len(told) == 1197 and {row.version for row in told} == {2}


def test_the_plan_that_was_shown_is_refused_when_it_would_replace_more_values(store: Store, boss: Actor) -> None:
    from engine.errors import NotPossibleNow

    make(store, boss, "machine", name="A", power=9)
    texts = machine("label: 功率}", 'label: 功率, max: 5, migrate: "5"}')
    shown = catalog.plan(store, to_folder(texts))
    make(store, boss, "machine", name="B", power=8)
    with pytest.raises(NotPossibleNow) as refused:
        catalog.publish(store, to_folder(texts), actor_id=None, expected=shown)
    assert refused.value.code == "storage.plan_changed"
    assert column(store, "machine", "power") == [9, 8]
    catalog.publish(store, to_folder(texts), actor_id=None, expected=catalog.plan(store, to_folder(texts)))


RENAMED = edited(
    ("job/workflow.yaml", "  repair:  {label: 修理中", "  fixing:  {label: 在修, was: repair"),
    ("job/workflow.yaml", "to: [repair]}", "to: [fixing]}"),
    ("job/workflow.yaml", "  finish: {label: 完工,", "  close: {label: 结束, was: finish,"),
    ("job/workflow.yaml", "from: [repair], to: [done]", "from: [fixing], to: [done]"),
    ("app.yaml", "fitter: {label: 维修工}", "mechanic: {label: 维修工, was: fitter}"),
    ("job/entity.yaml", "  fitter: {read: own", "  mechanic: {read: own"),
    ("job/entity.yaml", "  fault:   {type: long_text,", "  trouble: {was: fault, type: long_text,"),
    ("job/workflow.yaml", "fields: [fault]", "fields: [trouble]"),
    ("job/entity.yaml", "      part: {type", "      item: {was: part, type"),
    ("machine/entity.yaml", "saw: 锯床}", "sawing: 锯床}, became: {saw: sawing}"),
)  # fmt: skip


class TestRenames:
    def test_everything_that_is_keyed_follows(self, store: Store, boss: Actor) -> None:
        worker = hire(store, "worker", "fitter")
        saw = make(store, boss, "machine", name="A", kind="saw")
        parts = [{"part": "带", "qty": 1}]
        job = make(store, boss, "job", machine=saw.id, fault="坏了", parts=parts, owner=worker.id)
        move(store, worker, "job", job.id, "start")
        plan = publish(store, RENAMED, boss)
        said = words(plan)
        for sentence in (
            "Rename stage 维修单.在修, formerly 修理中 (repair)",
            "Rename move 维修单.结束, formerly 完工 (finish)",
            "Rename role 维修工, formerly 维修工 (fitter)",
            "Rename field 维修单.故障, formerly 故障 (fault)",
            "设备.类别: 1 records change from 锯床 to 锯床",
        ):
            assert sentence in said, said
        assert not [one for one in said if one.startswith(("Remove stage", "Add stage", "Remove role", "Add role"))]
        assert column(store, "job", "stage", "trouble") == [("fixing", "坏了")]
        assert column(store, "machine", "kind") == ["sawing"]
        with store.read() as session:
            from engine.people import accounts

            assert "mechanic" in accounts.get_actor(session.connection, worker.id, via="web").roles
            entries = list_history(session, "job", job.id, actor=boss)
        assert entries[0].changes["stage"] == ["open", "fixing"] and entries[0].details["to"] == "fixing"
        assert entries[1].changes["parts"][1][0]["item"] == "带"
        assert_histories_replay(store)
        with store.read() as session:
            worker = accounts.get_actor(session.connection, worker.id, via="web")
        move(store, worker, "job", job.id, "close")
        assert_histories_replay(store)

    def test_going_back_gives_everything_its_former_key(self, store: Store, boss: Actor) -> None:
        saw = make(store, boss, "machine", name="A", kind="saw")
        job = make(store, boss, "job", machine=saw.id, fault="坏了", parts=[{"part": "带", "qty": 1}])
        move(store, boss, "job", job.id, "start")
        publish(store, RENAMED, boss)
        newer = make(store, boss, "machine", name="B", kind="sawing")
        go_back(store)
        assert column(store, "job", "stage", "fault") == [("repair", "坏了")]
        assert column(store, "machine", "kind") == ["saw", "saw"] and newer.id == 2
        assert_histories_replay(store)
        publish(store, RENAMED, boss)
        assert column(store, "job", "stage") == ["fixing"] and column(store, "machine", "kind") == ["sawing"] * 2
        assert_histories_replay(store)

    def test_the_views_people_keep_follow(self, store: Store, boss: Actor) -> None:
        where = conditions_of({"any": [["stage", "in", ["open", "repair"]], {"all": [["fault", "contains", "漏"]]}]})
        jobs = ViewContent((Filter("fault", "present"),), where, None, ("fault", "machine"), "", "stage")
        machines = ViewContent((Filter("kind", "in", ["saw", "mill"]),), sort="-kind", columns=("kind",), group="kind")
        make(store, boss, "machine", name="A", kind="saw")
        with store.write() as session:
            view = views.create_view(session, "job", "漏油", jobs, audience="fitter", actor=boss).id
            other = views.create_view(session, "machine", "锯床", machines, actor=boss).id
        publish(store, RENAMED, boss)

        def kept(entity: str, id_: int) -> SavedView:
            with store.read() as session:
                return views.get_view(session, entity, id_, actor=boss)

        now = conditions_of({"any": [["stage", "in", ["open", "fixing"]], {"all": [["trouble", "contains", "漏"]]}]})
        renamed = ViewContent((Filter("trouble", "present"),), now, None, ("trouble", "machine"), "", "stage")
        assert (kept("job", view).content, kept("job", view).audience) == (renamed, "mechanic")
        assert kept("machine", other).content.filters == (Filter("kind", "in", ["sawing", "mill"]),)
        go_back(store)
        assert (kept("job", view).content, kept("job", view).audience) == (jobs, "fitter")

    def test_a_field_that_was_away_comes_back_renamed_with_its_history(self, store: Store, boss: Actor) -> None:
        saw = make(store, boss, "machine", name="A", size="12x3")
        make(store, boss, "job", machine=saw.id, fault="坏了", parts=[{"part": "带", "qty": 1, "cost": "3.5"}])
        size, cost = "  size:   {type: text, label: 尺寸}\n", "      cost: {type: money, label: 单价}\n"
        publish(store, edited(("machine/entity.yaml", size, ""), ("job/entity.yaml", cost, "")), boss)
        back = edited(
            ("machine/entity.yaml", size, "  length: {type: text, label: 尺寸, was: size}\n"),
            ("job/entity.yaml", cost, "      worth: {type: money, label: 单价, was: cost}\n"),
        )
        publish(store, back, boss)
        assert column(store, "machine", "length") == ["12x3"]
        assert_histories_replay(store)

    @pytest.mark.parametrize(
        ("file", "old", "new", "thing"),
        [
            ("machine/entity.yaml", "  power: ", "  powers: ", "field"),
            ("machine/entity.yaml", "saw: 锯床}", "saws: 锯床}", "option"),
            ("job/entity.yaml", "      cost: ", "      costs: ", "field"),
            ("job/workflow.yaml", "repair", "repairs", "stage"),
            ("job/workflow.yaml", "  finish: ", "  finished: ", "move"),
            ("app.yaml", "  clerk: ", "  clerks: ", "role"),
            ("approval", "  chief:", "  chiefs:", "step"),
        ],
    )
    def test_a_key_that_vanished_beside_one_like_it_is_asked_about(
        self, make_store: MakeStore, file: str, old: str, new: str, thing: str
    ) -> None:
        base = edited(("app.yaml", "roles:\n", "roles:\n  clerk: {label: 文员}\n"))
        base["job/approval.yaml"] = APPROVAL
        base["job/workflow.yaml"] = (
            base["job/workflow.yaml"]
            .replace("to: [done]}", "to: [done], approval: job_done, during: repair}")
            .replace("from: [repair]", "from: [open]")
        )
        store = make_store(base)
        path = "job/approval.yaml" if file == "approval" else file
        plan = catalog.plan(store, to_folder(edited((path, old, new), texts=base)))
        asked = [item for item in plan.items if item.code.startswith("blocked_similar")]
        assert [item.thing for item in asked] == [thing]
        assert f"{old.strip(' :').split(':')[0]}" in asked[0].text("en")

    def test_a_new_key_that_is_unlike_is_no_question(self, store: Store) -> None:
        texts = edited(
            ("machine/entity.yaml", "  size:   {type: text, label: 尺寸}", "  maker: {type: text, label: 厂家}")
        )
        assert not catalog.plan(store, to_folder(texts)).blocked


APPROVAL = """\
approval: job_done
entity: job
label: 完工审批
steps:
  chief: {label: 主管, who: [{role: admin}]}
"""


class TestRetired:
    REASON = "retired: {since: 2026-05-01, reason: 不再使用}"

    def test_a_retired_option_is_kept_and_said_so(self, store: Store, boss: Actor) -> None:
        make(store, boss, "machine", name="A", kind="saw")
        plan = publish(store, machine("saw: 锯床}", "saw: 锯床}, retired_options: [saw]"))
        assert words(plan) == ["Retire option 设备.类别.锯床 (what there is stays, it is no longer offered)"]
        assert column(store, "machine", "kind") == ["saw"]
        assert words(publish(store, dict(WORKSHOP))) == ["Bring back option 设备.类别.锯床"]

    def test_a_retired_option_is_chosen_no_more_and_may_stay(self, store: Store, boss: Actor) -> None:
        from engine.errors import InvalidValues

        old = make(store, boss, "machine", name="A", kind="saw")
        publish(store, machine("saw: 锯床}", "saw: 锯床}, retired_options: [saw]"))
        edit(store, boss, "machine", old.id, name="B", kind="saw")
        with pytest.raises(InvalidValues) as refused:
            make(store, boss, "machine", name="C", kind="saw")
        assert [(one.path, one.code) for one in refused.value.errors] == [("kind", "value.option_retired")]
        edit(store, boss, "machine", old.id, kind="mill")
        with pytest.raises(InvalidValues):
            edit(store, boss, "machine", old.id, kind="saw")

    def test_a_retired_stage_can_be_left_and_not_entered(self, store: Store, boss: Actor) -> None:
        job = make(store, boss, "job", machine=make(store, boss, "machine", name="A").id, fault="x")
        move(store, boss, "job", job.id, "start")
        texts = edited(
            ("job/workflow.yaml", "due: 3wd}", f"due: 3wd, {self.REASON}}}"),
            ("job/workflow.yaml", "to: [repair]}", f"to: [repair], {self.REASON}}}"),
        )
        said = words(publish(store, texts))
        assert "Retire stage 维修单.修理中 (what there is stays, it is no longer offered)" in said
        assert "Retire move 维修单.开工 (what there is stays, it is no longer offered)" in said
        move(store, boss, "job", job.id, "finish")
        from engine.errors import NotPossibleNow

        other = make(store, boss, "job", machine=make(store, boss, "machine", name="B").id)
        with pytest.raises(NotPossibleNow):
            move(store, boss, "job", other.id, "start")

    def test_a_retired_entity_is_read_and_no_longer_written(self, store: Store, boss: Actor) -> None:
        from engine.errors import NotAllowed

        job = make(store, boss, "job", machine=make(store, boss, "machine", name="A").id)
        texts = edited(
            ("app.yaml", "menu: [machine, job]", "menu: [machine]"),
            ("job/entity.yaml", "label: 维修单\n", f"label: 维修单\n{self.REASON}\n"),
        )
        publish(store, texts)
        with pytest.raises(NotAllowed):
            make(store, boss, "job", machine=1)
        with pytest.raises(NotAllowed):
            edit(store, boss, "job", job.id, fault="x")
        publish(store, dict(WORKSHOP))
        edit(store, boss, "job", job.id, fault="x")

    def test_nobody_is_given_a_retired_role_and_whoever_has_it_keeps_it(self, store: Store) -> None:
        from engine.errors import InvalidValues

        hire(store)
        old = hire(store, "old", "fitter")
        publish(store, edited(("app.yaml", "{label: 维修工}", f"{{label: 维修工, {self.REASON}}}")))
        with pytest.raises(InvalidValues):
            hire(store, "new", "fitter")
        with store.write() as session:
            from engine.people import accounts

            accounts.set_roles(session, old.id, ["fitter"], actor=None)
