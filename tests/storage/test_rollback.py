"""Going back to an earlier release loses nothing that was typed since, and going forward again brings it back."""

from collections.abc import Mapping
from typing import Any

import pytest
from sqlalchemy import Table, select, update

from engine.errors import NotFound, NotPossibleNow
from engine.records.called import Called
from engine.records.settling import settle_after
from engine.storage import catalog, rollback
from engine.storage.database import Database
from engine.storage.plan import PlanBlocked
from engine.storage.releases import Release, get_sources
from engine.storage.store import Store
from engine.storage.system_tables import audit
from tests.conftest import MakeStore, to_folder
from tests.storage.workshop import WORKSHOP, add_machines, edited, with_field

RENAMED = edited(
    (
        "machine/entity.yaml",
        "code:   {type: text, label: 编码, unique: true}",
        "tag:    {type: text, label: 标牌号, unique: true, was: code}",
    )
)
AGAIN = edited(("machine/entity.yaml", "tag:    {", "plate:  {"), ("machine/entity.yaml", "was: code", "was: tag"),
               texts=RENAMED)  # fmt: skip
OTHER_ENTITY = edited(
    ("app.yaml", "menu: [machine, job]", "menu: [tool, job]"),
    ("machine/entity.yaml", "entity: machine", "entity: tool\nwas: machine"),
    ("machine/entity.yaml", "power:  {type: integer", "watt:   {type: integer, was: power"),
    ("job/entity.yaml", "to: machine", "to: tool"),
    ("job/entity.yaml", "      part: {", "      item: {was: part, "),
)


def publish(store: Store, texts: Mapping[str, str]) -> Release:
    return catalog.publish(store, to_folder(texts), actor_id=None, settle=settle_after(store.app))


def go_back(store: Store, release: int | None = None, **more: Any) -> Release:
    earlier = rollback.find_earlier(store, release)
    shown = rollback.plan(store, earlier, Called)
    given = {"actor_id": None, "note": None, "expected": shown, "settle": settle_after(store.app), **more}
    return rollback.publish(store, earlier, Called, **given)


def rows(store: Store, entity: str = "machine") -> list[dict[str, Any]]:
    with store.read() as session:
        table: Table = session.tables.entity[entity]
        return [dict(row) for row in session.connection.execute(select(table).order_by(table.c.id)).mappings()]


def change(store: Store, id_: int, entity: str = "machine", **values: Any) -> None:
    with store.write() as session:
        table = session.tables.entity[entity]
        session.connection.execute(update(table).where(table.c.id == id_).values(**values))


def test_the_sources_of_the_release_before_become_a_new_release(make_store: MakeStore) -> None:
    store = make_store(WORKSHOP)
    first = store.release_id
    second = publish(store, with_field("remark: {type: text, label: 备注}"))
    third = go_back(store, note="太早了")
    assert third.id > second.id and third.note == "太早了"
    assert "remark" not in store.app.entities["machine"].fields
    with store.read() as session:
        assert get_sources(session.connection, third.id) == WORKSHOP
        written = session.connection.execute(select(audit).where(audit.c.action == "release.rollback")).one()
    assert written.subject == f"release:{third.id}"
    assert (written.details["to"], written.details["from"], written.details["note"]) == (first, second.id, "太早了")


def test_what_was_typed_since_survives_and_comes_back_when_rolling_forward(make_store: MakeStore) -> None:
    store = make_store(WORKSHOP)
    later = publish(store, with_field("remark: {type: text, label: 备注}"))
    (id_,) = add_machines(store, {"name": "车床", "remark": "二手"})
    go_back(store)
    assert [row["name"] for row in rows(store)] == ["车床"], "records made since are there"
    change(store, id_, name="大车床")
    go_back(store, later.id)
    assert [(row["name"], row["remark"]) for row in rows(store)] == [("大车床", "二手")]


def test_what_was_renamed_is_renamed_back_with_its_values_and_forward_again(make_store: MakeStore) -> None:
    store = make_store(WORKSHOP)
    first = store.release_id
    (id_,) = add_machines(store, {"name": "车床", "code": "A1"})
    publish(store, RENAMED)
    change(store, id_, tag="A2")
    last = publish(store, AGAIN)
    change(store, id_, plate="A3")
    plan = rollback.plan(store, rollback.find_earlier(store, first), Called)
    assert "字段 设备.编码：由“标牌号”（plate）改名" in [item.text("zh") for item in plan.items]
    go_back(store, first)
    assert [row["code"] for row in rows(store)] == ["A3"]
    change(store, id_, code="A4")
    go_back(store, last.id)
    assert [row["plate"] for row in rows(store)] == ["A4"]
    go_back(store, first)
    assert [row["code"] for row in rows(store)] == ["A4"], "a return to a release is no rename of its own"
    publish(store, AGAIN)
    assert [row["plate"] for row in rows(store)] == ["A4"], "the folder says `was: tag`, which was given back"


def test_entities_and_columns_of_line_tables_are_renamed_back_too(make_store: MakeStore) -> None:
    store = make_store(WORKSHOP)
    first = store.release_id
    add_machines(store, {"name": "车床", "power": 7})
    publish(store, OTHER_ENTITY)
    assert [row["watt"] for row in rows(store, "tool")] == [7]
    go_back(store, first)
    assert [row["power"] for row in rows(store)] == [7]
    with store.read() as session:
        assert "part" in session.tables.lines["job", "parts"].c
        session.connection.execute(select(session.tables.lines["job", "parts"].c.part)).all()


def test_a_key_that_means_something_else_by_now_is_not_taken_away(make_store: MakeStore) -> None:
    store = make_store(WORKSHOP)
    first = store.release_id
    (id_,) = add_machines(store, {"name": "车床", "code": "A1"})
    publish(store, RENAMED)
    publish(store, edited(("machine/entity.yaml", "access:\n", "  code: {type: text, label: 代码}\naccess:\n"),
                          ("machine/entity.yaml", ", was: code", ""), texts=RENAMED))  # fmt: skip
    change(store, id_, code="新")
    go_back(store, first)
    assert [row["code"] for row in rows(store)] == ["新"]
    publish(store, with_field("tag: {type: text, label: 标牌号}"))
    assert [row["tag"] for row in rows(store)] == ["A1"]


def test_a_computed_value_that_comes_back_is_worked_out_anew(make_store: MakeStore) -> None:
    store = make_store(WORKSHOP)
    doubled = publish(store, with_field('doubled: {type: integer, label: 两倍, computed: "power * 2"}'))
    (id_,) = add_machines(store, {"name": "车床", "power": 3, "doubled": 6})
    go_back(store)
    change(store, id_, power=5)
    go_back(store, doubled.id)
    assert [row["doubled"] for row in rows(store)] == [10]


def test_what_is_beyond_the_limits_of_that_release_stays_and_is_listed(make_store: MakeStore) -> None:
    store = make_store(WORKSHOP)
    edits = [("saw: 锯床", "saw: 锯床, press: 压力机"), (", required: true, max_length: 60", ", max_length: 90")]
    publish(store, edited(*(("machine/entity.yaml", *edit) for edit in edits)))
    one, two = add_machines(store, {"name": "压力机一号", "kind": "press"}, {"kind": "saw"})
    (long_,) = add_machines(store, {"name": "长" * 70})
    shown = rollback.plan(store, rollback.find_earlier(store), Called)
    listed = [(item.path[-1]["zh"], item.records) for item in shown.items if item.code == "kept_back"]
    assert listed == [("名称", (two,)), ("名称", (long_,)), ("类别", (one,))]
    go_back(store)
    assert [(row["name"], row["kind"]) for row in rows(store)] == [
        ("压力机一号", "press"), (None, "saw"), ("长" * 70, None)
    ]  # fmt: skip


def test_a_release_whose_uniqueness_records_break_is_refused(make_store: MakeStore) -> None:
    store = make_store(WORKSHOP)
    before = publish(store, edited(("machine/entity.yaml", ", unique: true", "")))
    add_machines(store, {"name": "一", "code": "A"}, {"name": "二", "code": "A"})
    with pytest.raises(PlanBlocked):
        go_back(store)
    assert store.release_id == before.id


def test_it_is_refused_when_somebody_published_since_the_plan_was_shown(make_store: MakeStore) -> None:
    store = make_store(WORKSHOP)
    publish(store, RENAMED)
    earlier = rollback.find_earlier(store)
    shown = rollback.plan(store, earlier, Called)
    publish(store, AGAIN)
    with pytest.raises(NotPossibleNow) as refused:
        go_back(store, earlier.id, expected=shown)
    assert refused.value.code == "storage.release_moved"


def test_there_must_be_a_release_to_go_back_to(make_store: MakeStore, database: Database) -> None:
    store = make_store(WORKSHOP)
    with pytest.raises(NotPossibleNow):
        rollback.find_earlier(store)
    with pytest.raises(NotFound):
        rollback.find_earlier(store, 4711)
