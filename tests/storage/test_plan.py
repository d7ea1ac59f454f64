"""What a plan says before a folder is published, in words, on both databases."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import select, update

from engine.clock import SetClock
from engine.storage import catalog
from engine.storage.database import Database
from engine.storage.plan import Plan, PlanBlocked
from engine.storage.store import Store
from tests.conftest import MakeStore, to_folder
from tests.storage.workshop import WORKSHOP, add_machines, add_record, edited, with_field


def _plan(store: Store, texts: dict[str, str]) -> Plan:
    return catalog.plan(store, to_folder(texts))


def _words(plan: Plan, language: str = "zh") -> list[str]:
    return [item.text(language) for item in plan.items]


def _publish(store: Store, texts: dict[str, str]) -> Plan:
    """Publish as a person does, and check that nothing is left to do afterwards."""
    shown = _plan(store, texts)
    catalog.publish(store, to_folder(texts), actor_id=None, expected=shown)
    again = _plan(store, texts)
    assert again.is_empty, (again.statements, _words(again))
    return shown


def _machines(store: Store, *columns: str) -> list[tuple[object, ...]]:
    with store.read() as session:
        table = session.tables.entity["machine"]
        return [
            tuple(row)
            for row in session.connection.execute(select(*(table.c[name] for name in columns)).order_by(table.c.id))
        ]


def test_a_plan_for_the_published_folder_is_empty(make_store: MakeStore) -> None:
    store = make_store(WORKSHOP)
    plan = _plan(store, dict(WORKSHOP))
    assert plan.is_empty and not plan.blocked and plan.base_release == store.release_id


@pytest.mark.parametrize("template", ["manufacturing", "retail_store"])
def test_a_bundled_template_leaves_nothing_to_do_after_its_first_publish(make_store: MakeStore, template: str) -> None:
    store = make_store(template)
    assert catalog.plan(store, to_folder(template)).is_empty


def test_the_first_plan_names_every_entity(database: Database, tmp_path: Path, clock: SetClock) -> None:
    store = Store(database, tmp_path / "files", clock)
    plan = _plan(store, dict(WORKSHOP))
    assert "新增业务对象 设备" in _words(plan) and "新增业务对象 维修单" in _words(plan)
    assert plan.base_release is None
    assert any(statement.startswith("CREATE TABLE e_machine") for statement in plan.statements)


def test_tables_that_link_in_a_circle_are_planned_alike_each_time(
    database: Database, tmp_path: Path, clock: SetClock
) -> None:
    store = Store(database, tmp_path / "files", clock)
    texts = with_field("back: {type: link, to: job, label: 维修单}")
    shown = _plan(store, texts)
    keys = [one for one in shown.statements if "ADD CONSTRAINT fk_" in one]
    assert keys == sorted(keys) and (bool(keys) == (database.dialect == "postgresql"))
    catalog.publish(store, to_folder(texts), actor_id=None, expected=shown)


def test_a_plan_changes_nothing(make_store: MakeStore) -> None:
    store = make_store(WORKSHOP)
    first = _plan(store, with_field("remark: {type: text, label: 备注}"))
    second = _plan(store, with_field("remark: {type: text, label: 备注}"))
    assert first == second and not first.is_empty


def test_a_new_field_is_said_and_added(make_store: MakeStore) -> None:
    store = make_store(WORKSHOP)
    add_machines(store, {"name": "C6140"})
    plan = _publish(store, with_field("remark: {type: text, label: 备注}"))
    assert _words(plan) == ["新增字段 设备.备注"]
    assert _words(plan, "en") == ["Add field 设备.备注"]
    assert [statement.split("\n")[0] for statement in plan.statements] == [
        "ALTER TABLE e_machine ADD COLUMN remark TEXT"
    ]
    assert _machines(store, "name", "remark") == [("C6140", None)]


def test_a_new_link_field_is_a_foreign_key(make_store: MakeStore) -> None:
    from sqlalchemy.exc import IntegrityError

    store = make_store(WORKSHOP)
    _publish(store, with_field("successor: {type: link, to: machine, label: 后继设备}"))
    with pytest.raises(IntegrityError):
        add_machines(store, {"name": "C6140", "successor": 999})


def test_a_renamed_field_keeps_its_values(make_store: MakeStore) -> None:
    store = make_store(WORKSHOP)
    add_machines(store, {"name": "C6140", "code": "A-1"})
    renamed = edited(
        ("machine/entity.yaml", "code:   {type: text, label: 编码", "tag: {type: text, was: code, label: 标牌号")
    )
    plan = _publish(store, renamed)
    assert _words(plan) == ["字段 设备.标牌号：由“编码”（code）改名"]
    assert _machines(store, "tag") == [("A-1",)]
    assert {unique.name for unique in store.tables.uniques.values()} >= {"uq_e_machine_tag"}


def test_a_renamed_entity_keeps_its_records_lines_and_history(make_store: MakeStore) -> None:
    store = make_store(WORKSHOP)
    with store.write() as session:
        machine = add_record(session, "machine", name="C6140")
        job = add_record(session, "job", machine=machine, stage="open")
        session.connection.execute(
            session.tables.lines["job", "parts"]
            .insert()
            .values(parent_id=job, position=0, part="皮带", qty=Decimal("2"))
        )
        from engine.storage.journal import write_history

        write_history(session, "job", job, 1, "create", {}, actor=None)
    texts = edited(
        ("job/entity.yaml", "entity: job\n", "entity: repair\nwas: job\n"),
        ("job/workflow.yaml", "entity: job", "entity: repair"),
        ("app.yaml", "menu: [machine, job]", "menu: [machine, repair]"),
    )
    plan = _publish(store, texts)
    assert "业务对象 维修单：由“维修单”（job）改名" in _words(plan)
    assert not [words for words in _words(plan) if "新增" in words or "删除" in words]
    with store.read() as session:
        assert session.connection.execute(select(session.tables.entity["repair"].c.machine)).all() == [(machine,)]
        assert session.connection.execute(select(session.tables.lines["repair", "parts"].c.part)).all() == [("皮带",)]
        from engine.storage.system_tables import history

        assert session.connection.scalars(select(history.c.entity)).all() == ["repair"]


def test_a_removed_field_keeps_its_values_until_it_comes_back(make_store: MakeStore) -> None:
    store = make_store(WORKSHOP)
    add_machines(store, {"name": "C6140", "size": "大"})
    without = edited(("machine/entity.yaml", "  size:   {type: text, label: 尺寸}\n", ""))
    assert _words(_publish(store, without)) == ["删除字段 设备.尺寸（已有数据原样保留）"]
    _publish(store, dict(WORKSHOP))
    assert _machines(store, "size") == [("大",)]


def test_a_field_that_comes_back_with_another_type_leaves_the_old_values_aside(make_store: MakeStore) -> None:
    store = make_store(WORKSHOP)
    add_machines(store, {"name": "C6140", "size": "大"})
    _publish(store, edited(("machine/entity.yaml", "  size:   {type: text, label: 尺寸}\n", "")))
    plan = _publish(store, edited(("machine/entity.yaml", "size:   {type: text", "size:   {type: integer")))
    assert "设备.尺寸：类型与从前同名的字段不同，从前的 1 个值保留在列 size__old1" in _words(plan)
    assert _machines(store, "size") == [(None,)]


def test_a_removed_entity_keeps_its_table(make_store: MakeStore) -> None:
    store = make_store(WORKSHOP)
    texts = edited(("app.yaml", "menu: [machine, job]", "menu: [machine]"))
    del texts["job/entity.yaml"], texts["job/workflow.yaml"]
    assert "删除业务对象 维修单（数据表原样保留）" in _words(_publish(store, texts))
    _publish(store, dict(WORKSHOP))


def test_a_retired_field_keeps_its_column(make_store: MakeStore) -> None:
    store = make_store(WORKSHOP)
    add_machines(store, {"name": "C6140", "size": "大"})
    reason = "retired: {since: 2026-05-01, reason: 不再使用}"
    retired = edited(("machine/entity.yaml", "label: 尺寸}", f"label: 尺寸, {reason}}}"))
    assert _words(_publish(store, retired)) == ["停用字段 设备.尺寸（已有数据保留，不再显示）"]
    assert _machines(store, "size") == [("大",)]


@pytest.mark.parametrize(
    ("written", "value", "becomes"),
    [
        ("power:  {type: decimal, label: 功率}", {"power": 7}, Decimal("7.0000")),
        ("power:  {type: money, label: 功率}", {"power": -7}, Decimal("-7.00")),
    ],
)
def test_whole_numbers_widen_to_decimals_by_themselves(
    make_store: MakeStore, written: str, value: dict[str, int], becomes: Decimal
) -> None:
    store = make_store(WORKSHOP)
    add_machines(store, {"name": "C6140", **value})
    plan = _publish(store, edited(("machine/entity.yaml", "power:  {type: integer, label: 功率}", written)))
    assert not plan.blocked
    (found,) = _machines(store, "power")[0]
    assert str(found) == str(becomes)


def test_more_decimal_places_keep_every_value(make_store: MakeStore) -> None:
    store = make_store(WORKSHOP)
    add_machines(store, {"name": "C6140", "price": Decimal("12345678901.23")})
    _publish(store, edited(("machine/entity.yaml", "price:  {type: money,", "price:  {type: money, scale: 4,")))
    assert _machines(store, "price") == [(Decimal("12345678901.2300"),)]


def test_fewer_decimal_places_are_refused_while_digits_would_be_lost(make_store: MakeStore) -> None:
    store = make_store(WORKSHOP)
    ids = add_machines(store, {"name": "A", "price": Decimal("1.50")}, {"name": "B", "price": Decimal("1.55")})
    fewer = edited(("machine/entity.yaml", "price:  {type: money,", "price:  {type: money, scale: 1,"))
    plan = _plan(store, fewer)
    assert _words(plan)[-1].startswith("设备.原值 的小数由 2 位改为 1 位，有 1 个已有的值位数更多")
    assert plan.items[-1].records == (ids[1],), "counted and listed are the same"
    with store.write() as session:
        table = session.tables.entity["machine"]
        session.connection.execute(update(table).where(table.c.id == ids[1]).values(price=Decimal("1.60")))
    _publish(store, fewer)
    assert _machines(store, "price") == [(Decimal("1.5"),), (Decimal("1.6"),)]


def test_a_type_change_needs_migrate_and_says_how_many_records(make_store: MakeStore) -> None:
    store = make_store(WORKSHOP)
    add_machines(store, {"name": "A", "size": "12"}, {"name": "B", "size": "大"}, {"name": "C"})
    texts = edited(("machine/entity.yaml", "size:   {type: text", "size:   {type: integer"))
    plan = _plan(store, texts)
    assert plan.blocked
    assert _words(plan)[-1].startswith("设备.尺寸 换了类型，已有 2 个值；写 existing: convert")
    with pytest.raises(PlanBlocked) as refused:
        catalog.publish(store, to_folder(texts), actor_id=None)
    assert "有 1 处需要先处理" in refused.value.text("zh")
    assert _plan(store, dict(WORKSHOP)).is_empty
    assert _machines(store, "size") == [("12",), ("大",), (None,)]


def test_a_type_change_with_migrate_works_out_new_values_and_keeps_the_old(make_store: MakeStore) -> None:
    store = make_store(WORKSHOP)
    add_machines(store, {"name": "A", "size": "大", "power": 5}, {"name": "B", "power": 6})
    texts = edited(("machine/entity.yaml", "size:   {type: text,", 'size:   {type: integer, migrate: "power * 10",'))
    plan = _publish(store, texts)
    assert _words(plan)[-1] == "设备.尺寸：按 migrate 换算 1 条已有记录，原值保留在列 size__old1"
    assert _machines(store, "size") == [(50,), (None,)]
    from sqlalchemy import column

    with store.read() as session:
        kept = (
            select(column("size__old1")).select_from(session.tables.entity["machine"]).where(column("size__old1") != "")
        )
        assert session.connection.scalars(kept).all() == ["大"]


def test_a_link_to_another_entity_is_a_type_change(make_store: MakeStore) -> None:
    store = make_store(with_field("spare: {type: link, to: machine, label: 备机}"))
    ids = add_machines(store, {"name": "A"})
    add_machines(store, {"name": "B", "spare": ids[0]})
    plan = _plan(store, with_field("spare: {type: link, to: job, label: 备机}"))
    assert plan.blocked


def test_a_new_required_field_needs_a_value_for_the_records_there_are(make_store: MakeStore) -> None:
    store = make_store(WORKSHOP)
    ids = add_machines(store, {"name": "A", "power": 3}, {"name": "B"})
    plan = _plan(store, with_field("site: {type: text, label: 位置, required: true}"))
    (blocked,) = [item for item in plan.items if item.kind == "blocked"]
    assert blocked.rows == 2 and blocked.records == tuple(ids)
    assert blocked.text("zh").startswith("设备.位置 改为必填，但有 2 条已有记录没有值")
    assert str(blocked.location) == "machine/entity.yaml:11:3"

    plan = _publish(store, with_field('site: {type: text, label: 位置, required: true, migrate: "name"}'))
    assert "设备.位置：为 2 条已有记录补上值" in _words(plan)
    assert _machines(store, "site") == [("A",), ("B",)]


def test_a_default_fills_a_new_required_field(make_store: MakeStore) -> None:
    store = make_store(WORKSHOP)
    add_machines(store, {"name": "A"})
    _publish(store, with_field("site: {type: text, label: 位置, required: true, default: 一号车间}"))
    assert _machines(store, "site") == [("一号车间",)]


def test_an_existing_field_made_required_counts_only_living_records_without_it(make_store: MakeStore) -> None:
    store = make_store(WORKSHOP)
    add_machines(store, {"name": "A", "size": "大"}, {"name": "B"})
    texts = edited(("machine/entity.yaml", "label: 尺寸}", "label: 尺寸, required: true}"))
    assert [item.rows for item in _plan(store, texts).items if item.kind == "blocked"] == [1]
    with store.write() as session:
        table = session.tables.entity["machine"]
        session.connection.execute(update(table).where(table.c.size.is_(None)).values(deleted_at=session.now()))
    assert _words(_publish(store, texts)) == ["修改字段 设备.尺寸：必填 否 → 是"]


def test_an_option_still_in_use_cannot_go(make_store: MakeStore) -> None:
    store = make_store(WORKSHOP)
    add_machines(store, {"name": "A", "kind": "saw"}, {"name": "B", "kind": "mill"})
    plan = _plan(store, edited(("machine/entity.yaml", ", saw: 锯床", "")))
    assert _words(plan) == [
        "删除选项 设备.类别.锯床",
        "设备.类别 去掉了仍在使用的选项（saw），涉及 1 条记录；"
        "请用 became 写明变成哪个选项，或保留选项并列入 retired_options，或先改这些记录",
    ]
    assert not _plan(store, edited(("machine/entity.yaml", ", saw: 锯床", ", saw: 锯床, press: 压力机"))).blocked


def test_a_stage_with_records_in_it_cannot_go(make_store: MakeStore) -> None:
    store = make_store(WORKSHOP)
    with store.write() as session:
        add_record(session, "job", machine=add_record(session, "machine", name="A"), stage="repair")
    texts = edited(
        ("job/workflow.yaml", "  repair:  {label: 修理中, due: 3wd}\n", ""),
        ("job/workflow.yaml", "  start:  {label: 开工, from: [open], to: [repair]}\n", ""),
        ("job/workflow.yaml", "from: [repair], to: [done]", "from: [open], to: [done]"),
    )
    assert _words(_plan(store, texts))[-1].startswith("维修单.修理中 被删除，但还有 1 条记录停在这个阶段")


def test_text_longer_than_a_new_limit_is_refused(make_store: MakeStore) -> None:
    store = make_store(WORKSHOP)
    add_machines(store, {"name": "一二三四五六"}, {"name": "一二三四五"})
    plan = _plan(store, edited(("machine/entity.yaml", "max_length: 60", "max_length: 5")))
    assert _words(plan)[-1].startswith("设备.名称 最长改为 5 个字，有 1 条已有记录更长")


def _written_at(plan: Plan, texts: dict[str, str]) -> str:
    """Return what stands where the blocked item says it is written."""
    place = next(item.location for item in plan.items if item.kind == "blocked")
    assert place is not None
    return texts[place.file].splitlines()[place.line - 1][place.column - 1 :]


def test_a_new_uniqueness_counts_the_records_that_break_it(make_store: MakeStore) -> None:
    store = make_store(WORKSHOP)
    add_machines(store, {"name": "A", "size": "x"}, {"name": "B", "size": "x"}, {"name": "C"}, {"name": "D"})
    texts = edited(("machine/entity.yaml", "label: 尺寸}", "label: 尺寸, unique: true}"))
    plan = _plan(store, texts)
    assert _words(plan)[-1].startswith("设备.尺寸 要求不重复，但有 2 条已有记录重复")
    assert _written_at(plan, texts).startswith("size: ")


def test_records_that_repeat_a_value_are_named_in_groups_the_largest_first(make_store: MakeStore) -> None:
    store = make_store(WORKSHOP)
    add_machines(
        store,
        *({"name": name, "kind": kind, "price": Decimal(price)} for name, kind, price in (
            ("A", "saw", "1.50"), ("B", "mill", "2"), ("C", "saw", "1.50"), ("D", "mill", "2"), ("E", "mill", "2"),
            ("F", "saw", "9"), ("G", None, "2"),
        )),
    )  # fmt: skip
    texts = edited(("machine/entity.yaml", "access:\n", "unique:\n  pair: {fields: [kind, price]}\naccess:\n"))
    blocked = next(item for item in _plan(store, texts).items if item.kind == "blocked")
    assert blocked.rows == 5 and [(dict(group.values), group.rows, group.records) for group in blocked.groups] == [
        ({"kind": "mill", "price": "2.00"}, 3, (2, 4, 5)),
        ({"kind": "saw", "price": "1.50"}, 2, (1, 3)),
    ]
    assert _written_at(_plan(store, texts), texts).startswith("pair: {fields")


def test_records_enter_the_first_stage_when_their_entity_gets_stages(make_store: MakeStore) -> None:
    without = dict(WORKSHOP)
    del without["job/workflow.yaml"]
    without = edited(
        ("job/entity.yaml", "unique:\n  one_open: {fields: [machine], where: \"stage != 'done'\"}\n", ""),
        ("job/entity.yaml", "columns: [number, machine, stage]", "columns: [number, machine]"),
        ("job/entity.yaml", "filters: [stage, machine]", "filters: [machine]"),
        texts=without,
    )
    store = make_store(without)
    with store.write() as session:
        add_record(session, "job", machine=add_record(session, "machine", name="A"))
    plan = _publish(store, dict(WORKSHOP))
    assert "1 条没有阶段的记录放入 维修单.待修" in _words(plan)
    with store.read() as session:
        assert session.connection.scalars(select(session.tables.entity["job"].c.stage)).all() == ["open"]


def test_a_new_computed_field_is_worked_out_for_the_records_there_are(make_store: MakeStore) -> None:
    store = make_store(WORKSHOP)
    with store.write() as session:
        job = add_record(session, "job", machine=add_record(session, "machine", name="A"), stage="open")
        lines = session.tables.lines["job", "parts"].insert()
        for position, (qty, cost) in enumerate([("2.5", "10"), ("1", "0.99")]):
            row = {"parent_id": job, "position": position, "part": "P", "qty": Decimal(qty), "cost": Decimal(cost)}
            session.connection.execute(lines.values(**row))
    texts = edited(
        (
            "job/entity.yaml",
            "cost: {type: money, label: 单价}",
            'cost: {type: money, label: 单价}\n      total: {type: money, label: 金额, computed: "qty * cost"}',
        ),
        (
            "job/entity.yaml",
            "  report:",
            '  amount: {type: money, label: 合计, computed: "sum(parts.total)"}\n  report:',
        ),
    )
    _publish(store, texts)
    with store.read() as session:
        assert session.connection.scalars(select(session.tables.entity["job"].c.amount)).all() == [Decimal("25.99")]


def test_definition_changes_are_said_in_the_words_of_the_app(make_store: MakeStore) -> None:
    store = make_store(WORKSHOP)
    texts = edited(
        ("app.yaml", "fitter: {label: 维修工}", "fitter: {label: 维修技师}"),
        ("job/workflow.yaml", "due: 3wd", "due: 5wd"),
        (
            "job/workflow.yaml",
            "what: {fields: [fault]}",
            "what: {fields: [fault]}\n      paper: {file: report, min: 1}",
        ),
        ("job/workflow.yaml", "start:  {label: 开工", "start:  {label: 开始修理"),
        (
            "job/entity.yaml",
            "fitter: {read: own, write: own, create: true}",
            "fitter: {read: all, write: own, create: true}",
        ),
        (
            "machine/entity.yaml",
            "access:",
            'rules:\n  cheap: {check: "price < 1000000", message: 原值不能超过一百万}\naccess:',
        ),
    )
    plan = _plan(store, texts)
    assert sorted(_words(plan)) == sorted(
        [
            "修改角色 维修技师：名称 维修工 → 维修技师",
            "新增校验规则 设备.原值不能超过一百万",
            "修改权限 维修单.维修技师：查看 own → all",
            "修改阶段 维修单.修理中：期限 3wd → 5wd",
            "新增进入阶段的要求 维修单.完成.报告",
            "修改流转动作 维修单.开始修理：名称 开工 → 开始修理",
        ]
    )
    assert not plan.statements


def test_dates_survive_every_alteration(make_store: MakeStore) -> None:
    store = make_store(WORKSHOP)
    add_machines(store, {"name": "A", "bought": date(2024, 2, 29)})
    _publish(store, edited(("machine/entity.yaml", "bought: {type: date,", "acquired: {type: date, was: bought,")))
    assert _machines(store, "acquired") == [(date(2024, 2, 29),)]


def test_settings_that_nobody_wrote_are_no_changes(make_store: MakeStore) -> None:
    store = make_store(WORKSHOP)
    edits = ("machine/entity.yaml", "size:   {type: text", "sold: {type: date, label: 售出}\n  size:   {type: text")
    assert _words(_plan(store, edited(edits))) == ["新增字段 设备.售出"]


def test_a_calendar_that_is_written_is_said_as_what_it_is(make_store: MakeStore) -> None:
    store = make_store(WORKSHOP)
    plan = _plan(store, edited(("machine/entity.yaml", "access:\n", "calendar: {date: bought}\naccess:\n")))
    assert _words(plan) == ["修改业务对象 设备：日历视图"]
    assert _words(plan, "en") == ["Change business object 设备: calendar view"]
