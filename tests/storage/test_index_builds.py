"""Indexes of large tables on PostgreSQL: built while everybody works, found again when a build was killed."""

import os
import signal
import threading
import time
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from engine.errors import NotPossibleNow
from engine.people.actor import Actor
from engine.storage import catalog, index_builds
from engine.storage.database import Database
from engine.storage.faults import Unavailable
from engine.storage.index_builds import build_indexes, list_builds
from engine.storage.plan import PlanBlocked
from engine.storage.store import Store
from engine.storage.turns import Patience
from tests.conftest import MakeStore, to_folder
from tests.storage.living import go_back, hire, make, publish, words
from tests.storage.workshop import add_machines, edited

pytestmark = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")

_SHORT = ("machine/entity.yaml", "access:\n", "list: {columns: [name]}\naccess:\n")
SHORT = edited(_SHORT)
UNIQUE = edited(_SHORT, ("machine/entity.yaml", "size:   {type: text,", "size:   {type: text, unique: true,"))
LISTED = edited(("machine/entity.yaml", "access:\n", "list: {columns: [name, bought], filters: [bought]}\naccess:\n"))
IX, UQ = "ix_e_machine_bought", "uq_e_machine_size"


@pytest.fixture
def database(postgresql_database: Database) -> Database:
    return postgresql_database


@pytest.fixture
def store(make_store: MakeStore) -> Store:
    store = make_store(SHORT)
    store.large_table = 50
    add_machines(store, *({"name": f"M{n}", "size": f"s{n}"} for n in range(60)))
    return store


@pytest.fixture
def boss(store: Store) -> Actor:
    return hire(store)


def indexes(store: Store) -> dict[str, bool]:
    """Whether each index of the machines is valid, by name."""
    query = "SELECT i.relname, x.indisvalid FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid WHERE x.indrelid = 'e_machine'::regclass"  # noqa: E501
    with store.database.read() as connection:
        return {row[0]: row[1] for row in connection.execute(text(query))}


def states(store: Store) -> dict[str, str]:
    with store.database.read() as connection:
        return {build.name: build.state for build in list_builds(connection)}


def wait_for(what: Any, seconds: float = 90) -> None:
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.02)


def test_an_index_of_a_list_is_left_to_the_sweeper_and_the_plan_says_so(store: Store, boss: Actor) -> None:
    assert "设备: 1 indexes for lists will be built while everybody works, after the change holds" in words(
        publish(store, LISTED)
    )
    assert IX not in indexes(store) and states(store) == {IX: "waiting"}
    assert build_indexes(store) == 1
    assert indexes(store)[IX] and states(store) == {}
    assert build_indexes(store) == 0 and catalog.plan(store, to_folder(LISTED)).is_empty


def test_writers_go_on_while_somebodys_long_transaction_holds_a_build_back(store: Store, boss: Actor) -> None:
    publish(store, LISTED)
    with store.database.write() as other:
        other.execute(text("UPDATE e_machine SET name = name WHERE id = 1"))
        builder = threading.Thread(target=build_indexes, args=(store,))
        builder.start()
        wait_for(lambda: IX in indexes(store))
        for number in range(5):
            make(store, boss, "machine", name=f"new {number}")
        assert builder.is_alive() and not indexes(store)[IX]
    builder.join(30)
    assert indexes(store)[IX] and states(store) == {}


def test_a_build_that_was_killed_is_done_by_the_next_sweep(store: Store, boss: Actor) -> None:
    publish(store, LISTED)
    with store.database.write() as other:
        other.execute(text("UPDATE e_machine SET name = name WHERE id = 1"))
        child = _forked(lambda: build_indexes(store))
        wait_for(lambda: IX in indexes(store))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        with store.database.read() as connection:  # what the server does by itself once it notices
            mine = "datname = current_database() AND query LIKE 'CREATE INDEX%' AND pid <> pg_backend_pid()"
            connection.execute(text(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {mine}"))
    assert indexes(store) | {IX: False} == indexes(store) and states(store) == {IX: "waiting"}
    wait_for(lambda: build_indexes(store) == 1)
    assert indexes(store)[IX]


def test_a_unique_index_is_built_before_the_release_holds(store: Store, boss: Actor) -> None:
    plan = publish(store, UNIQUE)
    assert "设备.尺寸: that it must be unique is prepared while everybody works, before the change holds" in words(plan)
    assert not [one for one in plan.statements if UQ in one], "built in the publish"
    assert indexes(store)[UQ] and states(store) == {}
    go_back(store)
    assert UQ not in indexes(store)


def test_a_value_typed_while_uniqueness_is_prepared_is_refused_in_words(store: Store, boss: Actor) -> None:
    shown = catalog.plan(store, to_folder(UNIQUE))
    with store.database.write() as other:
        other.execute(text("UPDATE e_machine SET name = name WHERE id = 1"))

        def act() -> None:
            with suppress(PlanBlocked):  # when the value came before the index refused it
                catalog.publish(store, to_folder(UNIQUE), actor_id=None, expected=shown)

        publisher = threading.Thread(target=act)
        publisher.start()
        wait_for(lambda: UQ in indexes(store))
        make(store, boss, "machine", name="A", size="another")
        time.sleep(0.3)
        try:
            make(store, boss, "machine", name="A", size="s7")
        except NotPossibleNow as refused:
            assert refused.code == "storage.soon_unique"
    publisher.join(30)


def test_repeated_values_leave_no_index_behind_and_the_plan_names_the_records(store: Store, boss: Actor) -> None:
    shown = catalog.plan(store, to_folder(UNIQUE))
    twice = make(store, boss, "machine", name="A", size="s7")
    with pytest.raises((PlanBlocked, NotPossibleNow)) as refused:
        catalog.publish(store, to_folder(UNIQUE), actor_id=None, expected=shown)
    assert isinstance(refused.value, PlanBlocked) and refused.value.items[0].records == (8, twice.id)
    assert UQ not in indexes(store) and states(store) == {}


def test_a_publisher_killed_while_it_prepares_leaves_nothing_behind(store: Store, boss: Actor) -> None:
    with store.database.write() as other:
        other.execute(text("UPDATE e_machine SET name = name WHERE id = 1"))
        child = _forked(lambda: catalog.publish(store, to_folder(UNIQUE), actor_id=None))
        wait_for(lambda: UQ in indexes(store))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    wait_for(lambda: build_indexes(store) == 0 and states(store) == {})
    assert UQ not in indexes(store)
    make(store, boss, "machine", name="A", size="s7")


def test_a_process_that_has_not_noticed_the_new_release_builds_what_that_wants(
    store: Store, boss: Actor, tmp_path: Path
) -> None:
    behind = Store(store.database, tmp_path / "other", store.clock)
    behind.large_table = store.large_table
    publish(store, LISTED)
    assert behind.release_id != store.release_id
    assert build_indexes(behind) == 1
    assert indexes(store)[IX] and states(store) == {} and catalog.plan(store, to_folder(LISTED)).is_empty


def test_an_index_built_ahead_is_kept_by_a_process_that_has_not_noticed_its_release(
    store: Store, boss: Actor, tmp_path: Path
) -> None:
    behind = Store(store.database, tmp_path / "other", store.clock)
    child = _forked(lambda: _publish_and_die_before_settling(store))
    os.waitpid(child, 0)
    assert states(store) == {UQ: "ahead"}
    build_indexes(behind)
    assert indexes(store)[UQ] and states(store) == {} and catalog.plan(store, to_folder(UNIQUE)).is_empty


def _publish_and_die_before_settling(store: Store) -> None:
    index_builds._settle_ahead = lambda _: os.kill(os.getpid(), signal.SIGKILL)
    catalog.publish(store, to_folder(UNIQUE), actor_id=None)


def test_an_index_that_a_release_changed_while_it_was_built_stays_waiting(
    store: Store, boss: Actor, tmp_path: Path
) -> None:
    publish(store, LISTED)
    other = Store(store.database, tmp_path / "other", store.clock)
    other.large_table = store.large_table
    built = index_builds._try_to_build

    def build(database: Database, index: Any) -> str | None:
        error = built(database, index)
        publish(other, SHORT)
        publish(other, LISTED)  # noted anew, and built by nobody yet
        return error

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(index_builds, "_try_to_build", build)
        build_indexes(store)
    assert (IX in indexes(store)) != (IX in states(store))
    build_indexes(store)
    assert indexes(store)[IX] and states(store) == {}


def test_a_long_reader_does_not_make_writers_queue_behind_a_publish(store: Store, boss: Actor) -> None:
    store.patience = Patience(timedelta(milliseconds=200), timedelta(seconds=30))
    folder = to_folder(edited(("machine/entity.yaml", "power:  {type: integer", "power:  {type: decimal")))
    publisher = threading.Thread(target=lambda: catalog.publish(store, folder, actor_id=None))
    with store.database.read(snapshot=True) as reader:
        reader.execute(text("SELECT count(*) FROM e_machine"))
        publisher.start()
        took = []
        for number in range(8):
            began = time.monotonic()
            make(store, boss, "machine", name=f"new {number}")
            took.append(time.monotonic() - began)
        assert publisher.is_alive() and max(took) < 15
    publisher.join(30)
    assert not publisher.is_alive()
    store.reload()
    assert store.app.entities["machine"].fields["power"].type.key == "decimal"


def test_a_publish_that_is_held_up_says_by_whom(store: Store, boss: Actor) -> None:
    store.patience = Patience(timedelta(milliseconds=100), timedelta(seconds=1))
    folder = to_folder(edited(("machine/entity.yaml", "power:  {type: integer", "power:  {type: decimal")))
    with store.database.read(snapshot=True) as reader:
        pid = reader.scalar(text("SELECT pg_backend_pid() FROM e_machine LIMIT 1"))
        with pytest.raises(Unavailable) as refused:
            catalog.publish(store, folder, actor_id=None)
    assert refused.value.code == "storage.held_up" and f"pid {pid}" in refused.value.text("en")


def _forked(act: Any) -> int:
    child = os.fork()
    if child == 0:
        try:
            act()
        finally:
            os._exit(0)
    return child
