"""Several processes and one publish: one admin wins, and whoever still knows the old release asks again at worst.

Another process is another ``Store`` here, with connections of its own, that has not noticed the new release yet.
"""

import multiprocessing
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from engine.clock import SetClock, SystemClock
from engine.errors import FormworkError, NotPossibleNow
from engine.people.actor import Actor
from engine.records.queries import get_record
from engine.records.settling import settle_after
from engine.storage import catalog
from engine.storage.database import open_database
from engine.storage.faults import Unavailable
from engine.storage.store import Store
from tests.conftest import MakeStore, to_folder
from tests.storage.everything import AFTER, BEFORE, furnish
from tests.storage.living import assert_histories_replay, column, edit, hire, make, move, publish
from tests.storage.workshop import WORKSHOP, edited, with_field

OTHER = with_field("remark: {type: text, label: 备注}")
ROLLED = with_field("jobs: {type: integer, label: 维修次数, computed: 'count(job)'}")
SCALED = edited(
    ("machine/entity.yaml", "power:  {type: integer, label: 功率", "power:  {type: decimal, scale: 3, label: 功率")
)


def another_process(store: Store, tmp_path: Path, clock: SetClock) -> Store:
    """Return a store that will not look for a new release by itself."""
    url = store.database.url.render_as_string(hide_password=False)
    other = Store(open_database(url), tmp_path / "files", clock)
    other._next_look = time.monotonic() + 3600
    return other


@pytest.fixture
def store(make_store: MakeStore) -> Store:
    return make_store(WORKSHOP)


@pytest.fixture
def old(store: Store, tmp_path: Path, clock: SetClock) -> Iterator[Store]:
    """A process that holds the release of ``store`` after others published."""
    other = another_process(store, tmp_path, clock)
    yield other
    other.database.close()


@pytest.mark.parametrize("second", [SCALED, OTHER], ids=["same folder", "another folder"])
def test_of_two_admins_publishing_at_once_one_wins_and_the_other_is_told(
    store: Store, tmp_path: Path, second: dict[str, str]
) -> None:
    url = store.database.url.render_as_string(hide_password=False)
    context = multiprocessing.get_context("spawn")
    start, answers = context.Barrier(2), context.Queue()
    many = [
        context.Process(target=_publish, args=(url, str(tmp_path / "files"), texts, start, answers))
        for texts in (SCALED, second)
    ]
    for one in many:
        one.start()
    said = sorted(answers.get(timeout=60) for _ in many)
    for one in many:
        one.join(30)
    with store.read() as session:
        made = len(catalog.list_releases(session.connection))
    assert made == 2, "one release each was made"
    assert said == (["done", "done"] if second is SCALED else ["done", "storage.release_moved"])


def _publish(url: str, files: str, texts: dict[str, str], start: Any, answers: Any) -> None:
    store = Store(open_database(url), Path(files), SystemClock())
    shown = catalog.plan(store, to_folder(texts))
    start.wait(60)
    try:
        catalog.publish(store, to_folder(texts), actor_id=None, expected=shown, settle=settle_after(store.app))
        answers.put("done")
    except NotPossibleNow as refused:
        answers.put(refused.code)


def test_a_writer_of_the_old_release_counts_in_a_roll_up_it_does_not_know(store: Store, old: Store) -> None:
    boss = hire(store)
    machine = make(store, boss, "machine", name="A")
    publish(store, ROLLED)
    assert "jobs" not in old.app.entities["machine"].fields
    make(old, boss, "job", machine=machine.id)
    assert column(store, "machine", "jobs") == [1]
    assert_histories_replay(store)


def test_a_publish_waits_for_a_writer_under_way_and_counts_what_it_wrote(store: Store, old: Store) -> None:
    boss = hire(store)
    machine = make(store, boss, "machine", name="A")
    publisher = threading.Thread(target=publish, args=(store, ROLLED))
    from engine.records.commands import create_record

    with old.write() as session:
        create_record(session, "job", {"machine": machine.id}, actor=boss)
        publisher.start()
        time.sleep(1)
        assert publisher.is_alive()
    publisher.join(60)
    assert column(store, "machine", "jobs") == [1]


def test_a_number_keeps_its_meaning_when_an_old_process_reads_and_writes_it(store: Store, old: Store) -> None:
    boss = hire(store)
    machine = make(store, boss, "machine", name="A", power=7)
    publish(store, SCALED)
    assert _try(lambda: _read(old, boss, "machine", machine.id)["power"]) in (Decimal(7), "storage.renewed")
    _insist(lambda: edit(old, boss, "machine", machine.id, power="8.125"))
    assert column(store, "machine", "power") == [Decimal("8.125")]


def test_an_old_process_meets_no_bug_whatever_it_does_after_everything_was_renamed(
    make_store: MakeStore, tmp_path: Path, clock: SetClock
) -> None:
    store = make_store(BEFORE)
    boss = furnish(store)
    acts = [
        lambda old: _read(old, boss, "machine", 1),
        lambda old: _read(old, boss, "job", 1),
        lambda old: make(old, boss, "machine", name="C", kind="saw", size="大"),
        lambda old: make(old, boss, "job", machine=2, fault="x", parts=[{"part": "p"}]),
        lambda old: edit(old, boss, "job", 1, fault="y"),
        lambda old: move(old, boss, "job", 1, "finish"),
    ]
    others = [another_process(store, tmp_path, clock) for _ in acts]
    publish(store, AFTER, boss)
    before = column(store, "tool", "kind", "size")
    for old, act in zip(others, acts, strict=True):
        _try(lambda old=old, act=act: act(old))  # a bug would come through
        assert _read(old, boss, "job", 1)["trouble"] == "坏了", "the next request is of the new release"
        old.database.close()
    assert column(store, "tool", "kind", "size")[: len(before)] == before
    assert not set(column(store, "tool", "kind")) & {"saw"}
    assert_histories_replay(store)


def test_writers_go_on_and_lose_nothing_while_releases_follow_each_other(store: Store, old: Store) -> None:
    boss, made, failed, ending = hire(store), [], [], threading.Event()

    def write() -> None:
        while not ending.is_set():
            try:
                made.append(make(old, boss, "machine", name="A", power=len(made)).id)
            except Unavailable:
                time.sleep(0.05)
            except Exception as error:
                failed.append(error)
                return

    writer = threading.Thread(target=write)
    writer.start()
    while len(made) < 3 and not failed:
        time.sleep(0.02)
    store.patience = type(store.patience)(timedelta(milliseconds=500), timedelta(seconds=60))
    for texts in (ROLLED, OTHER, SCALED):
        publish(store, texts)
        time.sleep(0.2)
    ending.set()
    writer.join(60)
    assert not failed and made
    assert [int(value) for value in column(store, "machine", "power")] == list(range(len(made)))
    assert_histories_replay(store)


def _read(store: Store, actor: Actor, entity: str, id_: int) -> dict[str, Any]:
    with store.read() as session:
        session.connection.execute(text("SELECT 1"))
        return dict(get_record(session, entity, id_, actor=actor).values)


def _try(act: Any) -> Any:
    """Return what an act gives, or the code of the sentence it is refused with."""
    try:
        return act()
    except FormworkError as error:
        return getattr(error, "code", type(error).__name__)


def _insist(act: Any) -> Any:
    """Do as a person who is asked to try again."""
    for _ in range(3):
        try:
            return act()
        except Unavailable:
            continue
    raise AssertionError("refused three times")
