"""Publishing is all or nothing, and nothing else than what was shown."""

import os
import threading
from typing import Any

import pytest
from sqlalchemy import event, inspect, select

from engine.clock import SetClock
from engine.errors import DefinitionError, NotPossibleNow
from engine.storage import catalog
from engine.storage.database import Database
from engine.storage.plan import PlanBlocked
from engine.storage.releases import get_sources
from engine.storage.store import Session, Store
from engine.storage.system_tables import audit, current_release, releases
from tests.conftest import MakeStore, to_folder
from tests.storage.workshop import WORKSHOP, add_machines, edited, with_field

pytestmark = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")

CHANGED = edited(
    (
        "machine/entity.yaml",
        "code:   {type: text, label: 编码, unique: true}",
        "tag: {type: text, was: code, label: 标牌号}",
    ),
    ("machine/entity.yaml", "power:  {type: integer", "power:  {type: decimal"),
    ("machine/entity.yaml", "size:   {type: text,", 'size:   {type: integer, migrate: "3",'),
    ("job/entity.yaml", "  fault:", "  hours: {type: integer, label: 工时, required: true, default: 1}\n  fault:"),
)


def test_a_release_keeps_its_sources_who_and_why(make_store: MakeStore, clock: SetClock) -> None:
    store = make_store(WORKSHOP)
    release = catalog.publish(store, to_folder(CHANGED), actor_id=None, note="标牌号")
    with store.read() as session:
        first, second = reversed(catalog.list_releases(session.connection))
        assert (second.id, second.note, second.created_at) == (release.id, "标牌号", clock.now())
        assert get_sources(session.connection, first.id) == WORKSHOP
        assert get_sources(session.connection, second.id) == CHANGED
        plan = session.connection.scalar(select(releases.c.plan).where(releases.c.id == second.id))
        assert "字段 设备.标牌号：由“编码”（code）改名" in [item["zh"] for item in plan["items"]]
        subjects = session.connection.scalars(select(audit.c.subject).order_by(audit.c.id)).all()
        assert subjects == [f"release:{first.id}", f"release:{second.id}"]
    assert store.release_id == release.id and "tag" in store.app.entities["machine"].fields


def test_publishing_the_same_folder_again_changes_nothing(make_store: MakeStore) -> None:
    store = make_store(WORKSHOP)
    before = store.release_id
    assert catalog.publish(store, to_folder(WORKSHOP), actor_id=None).id == before
    with store.read() as session:
        assert len(catalog.list_releases(session.connection)) == 1


def test_a_broken_folder_is_refused_and_the_release_stays(make_store: MakeStore) -> None:
    store = make_store(WORKSHOP)
    with pytest.raises(DefinitionError) as refused:
        catalog.publish(store, to_folder(edited(("job/entity.yaml", "to: machine", "to: machin"))), actor_id=None)
    assert refused.value.problems[0].location.file == "job/entity.yaml"
    assert store.app.entities.keys() == {"machine", "job"}


def test_a_plan_is_refused_when_somebody_published_meanwhile(make_store: MakeStore) -> None:
    store = make_store(WORKSHOP)
    shown = catalog.plan(store, to_folder(CHANGED))
    other = with_field("remark: {type: text, label: 备注}")
    catalog.publish(store, to_folder(other), actor_id=None)
    with pytest.raises(NotPossibleNow) as refused:
        catalog.publish(store, to_folder(CHANGED), actor_id=None, expected=shown)
    assert refused.value.code == "storage.release_moved"


def test_a_plan_is_refused_when_the_folder_changed_since(make_store: MakeStore) -> None:
    store = make_store(WORKSHOP)
    shown = catalog.plan(store, to_folder(CHANGED))
    with pytest.raises(NotPossibleNow) as refused:
        catalog.publish(store, to_folder(with_field("x: {type: text, label: X}")), actor_id=None, expected=shown)
    assert refused.value.code == "storage.folder_changed"


def test_two_people_publishing_at_once_make_one_release_of_one_folder(make_store: MakeStore) -> None:
    store = make_store(WORKSHOP)
    shown = catalog.plan(store, to_folder(CHANGED))
    done: list[Any] = []

    def publish(texts: dict[str, str]) -> None:
        try:
            done.append(catalog.publish(store, to_folder(texts), actor_id=None, expected=shown).id)
        except NotPossibleNow as refused:
            done.append(refused.code)

    threads = [threading.Thread(target=publish, args=(CHANGED,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert done == [store.release_id] * 3


def test_a_failure_of_what_settles_values_undoes_the_publish(make_store: MakeStore) -> None:
    store = make_store(WORKSHOP)
    before = _shape(store.database)

    def settle(session: Session) -> None:
        assert "tag" in session.tables.entity["machine"].c
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        catalog.publish(store, to_folder(CHANGED), actor_id=None, settle=settle)
    assert _shape(store.database) == before


def test_records_in_the_way_undo_the_publish(make_store: MakeStore) -> None:
    store = make_store(WORKSHOP)
    add_machines(store, {"name": "A"})
    before = _shape(store.database)
    with pytest.raises(PlanBlocked):
        catalog.publish(store, to_folder(with_field("site: {type: text, label: 位置, required: true}")), actor_id=None)
    assert _shape(store.database) == before


def test_a_publish_killed_at_any_statement_leaves_the_old_release_or_the_new_one(make_store: MakeStore) -> None:
    store = make_store(WORKSHOP)
    add_machines(store, {"name": "A", "code": "1", "size": "大", "power": 2}, {"name": "B", "code": "2"})
    old = _shape(store.database)
    statements, killed = 0, True
    while killed:
        statements += 3  # every third statement: the test stays short and still meets each kind
        killed = _publish_and_die(store, statements)
        found = _shape(store.database)
        assert found == old or not killed, f"half done when killed at statement {statements}"
    assert statements > 20
    new = _shape(store.database)
    assert "tag" in new["e_machine"] and new["release"] != old["release"]
    store.reload()
    assert catalog.plan(store, to_folder(CHANGED)).is_empty


def _publish_and_die(store: Store, statement: int) -> bool:
    """Publish in a child that is killed before its n-th statement; tell whether it was."""
    child = os.fork()
    if child == 0:
        seen = 0

        def count(*_: object) -> None:
            nonlocal seen
            seen += 1
            if seen == statement:
                os.kill(os.getpid(), 9)

        event.listen(store.database.engine, "before_cursor_execute", count)
        catalog.publish(store, to_folder(CHANGED), actor_id=None)
        os._exit(0)
    return os.waitpid(child, 0)[1] != 0


def _shape(database: Database) -> dict[str, Any]:
    """Return every column of every table, every index, and the current release."""
    with database.read() as connection:
        inspector = inspect(connection)
        shape: dict[str, Any] = {
            table: {column["name"]: str(column["type"]) for column in inspector.get_columns(table)}
            for table in inspector.get_table_names()
        }
        shape["indexes"] = {
            table: sorted(str(index["name"]) for index in inspector.get_indexes(table)) for table in list(shape)
        }
        shape["release"] = connection.execute(select(current_release)).one()
        shape["releases"] = connection.scalars(select(releases.c.digest)).all()
    return shape
