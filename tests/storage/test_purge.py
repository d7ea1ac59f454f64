"""What no release shows is listed, and dropped for good only as it was shown; on both databases."""

import multiprocessing
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import inspect, select, text

from engine.clock import SystemClock
from engine.errors import NotFound, NotPossibleNow
from engine.people.actor import Actor
from engine.records.history import list_history
from engine.records.uploads import create_upload
from engine.storage import purging, turns
from engine.storage.database import open_database
from engine.storage.filling import Publisher
from engine.storage.leftovers import find_leftovers
from engine.storage.store import Store
from engine.storage.system_tables import audit, files, history
from tests.conftest import MakeStore
from tests.storage.living import assert_histories_replay, column, edit, go_back, hire, make, move, publish
from tests.storage.test_migrate import APPROVAL, CHOICES, KINDS, machine
from tests.storage.workshop import WORKSHOP, edited

NO_SIZE = machine("  size:   {type: text, label: 尺寸}\n", "")


@pytest.fixture
def store(make_store: MakeStore) -> Store:
    return make_store(WORKSHOP)


@pytest.fixture
def boss(store: Store) -> Actor:
    return hire(store)


def listed(store: Store) -> dict[str, tuple[str, int, bool]]:
    with store.read() as session:
        return {one.address: (one.kind, one.values, one.written) for one in find_leftovers(session)}


def purge(store: Store, boss: Actor, *addresses: str) -> None:
    with store.read() as session:
        chosen = purging.find_chosen(session, addresses)
    purging.purge(store, chosen, Publisher(boss.id))


def told(store: Store) -> str:
    with store.read() as session:
        return repr(session.connection.execute(select(history.c.changes)).all())


class TestFields:
    def test_a_removed_field_is_kept_until_it_is_dropped_with_its_history(self, store: Store, boss: Actor) -> None:
        make(store, boss, "machine", name="A", size="大件")
        make(store, boss, "machine", name="B")
        publish(store, NO_SIZE)
        assert listed(store) == {"machine.size": ("field", 1, False)}
        purge(store, boss, "machine.size")
        assert listed(store) == {} and "大件" not in told(store)
        with store.read() as session:
            row = session.connection.execute(select(audit).where(audit.c.action == purging.ACTION)).one()
        assert (row.actor_id, row.subject) == (boss.id, "machine.size")
        assert row.details == {"kind": "field", "values": 1, "known_to": 1}
        make(store, boss, "machine", name="C")
        assert_histories_replay(store)

    def test_going_back_past_it_brings_the_field_back_empty_and_says_so(self, store: Store, boss: Actor) -> None:
        make(store, boss, "machine", name="A", size="大件")
        first = store.app
        publish(store, NO_SIZE)
        purge(store, boss, "machine.size")
        with store.read() as session:
            assert purging.find_emptied(session, first) == ["machine.size"]
        go_back(store)
        assert column(store, "machine", "size") == [None]
        edit(store, boss, "machine", 1, size="小")
        assert_histories_replay(store)

    def test_a_retired_field_is_listed_and_stays_while_it_is_written(self, store: Store, boss: Actor) -> None:
        make(store, boss, "machine", name="A", size="大件")
        publish(store, machine("label: 尺寸}", "label: 尺寸, retired: {since: 2026-05-01, reason: 不用}}"))
        assert listed(store) == {"machine.size": ("field", 1, True)}
        with pytest.raises(NotPossibleNow) as refused:
            purge(store, boss, "machine.size")
        assert refused.value.code == "purge.written"
        assert column(store, "machine", "size") == ["大件"]

    def test_values_from_before_a_change_of_type_go_and_the_history_keeps_them(self, store: Store, boss: Actor) -> None:
        make(store, boss, "machine", name="A", size="大", power=4)
        publish(store, machine("size:   {type: text,", 'size:   {type: integer, migrate: "power * 10",'), boss)
        assert listed(store) == {"machine.size__old1": ("parked", 1, False)}
        purge(store, boss, "machine.size__old1")
        assert listed(store) == {} and column(store, "machine", "size") == [40] and "大" in told(store)
        assert_histories_replay(store)

    def test_a_column_of_a_line_table_goes_from_every_row(self, store: Store, boss: Actor) -> None:
        job = make(store, boss, "job", machine=make(store, boss, "machine", name="A").id,
                   parts=[{"part": "带", "qty": 1, "cost": "777"}])  # fmt: skip
        publish(store, edited(("job/entity.yaml", "      cost: {type: money, label: 单价}\n", "")))
        assert listed(store) == {"job.parts.cost": ("field", 1, False)}
        purge(store, boss, "job.parts.cost")
        assert "777" not in told(store)
        edit(store, boss, "job", job.id, fault="x")
        assert_histories_replay(store)

    def test_a_link_goes_with_its_foreign_key(self, store: Store, boss: Actor) -> None:
        saw = make(store, boss, "machine", name="A")
        make(store, boss, "job", machine=saw.id, parts=[{"part": "带"}])
        texts = edited(
            ("job/entity.yaml", "  machine: {type: link, to: machine, label: 设备, required: true}\n", ""),
            ("job/entity.yaml", "  one_open: {fields: [machine], where: \"stage != 'done'\"}\n", ""),
            ("job/entity.yaml", "unique:\n", ""),
            ("job/entity.yaml", "[number, machine, stage]", "[number, stage]"),
            ("job/entity.yaml", "filters: [stage, machine]", "filters: [stage]"),
        )
        publish(store, texts)
        purge(store, boss, "job.machine")
        with store.read() as session:
            keys = inspect(session.connection).get_foreign_keys("e_job")
        assert [key["constrained_columns"] for key in keys] in (
            [["owner_id"], ["team_id"]],
            [["team_id"], ["owner_id"]],
        )
        make(store, boss, "job", parts=[{"part": "轮"}])
        assert_histories_replay(store)
        with store.read() as session:
            lines = session.tables.lines["job", "parts"]
            assert session.connection.scalars(select(lines.c.part)).all() == ["带", "轮"]


class TestWholeTables:
    def test_a_line_table_goes(self, store: Store, boss: Actor) -> None:
        make(
            store,
            boss,
            "job",
            machine=make(store, boss, "machine", name="A").id,
            parts=[{"part": "带"}, {"part": "轮"}],
        )
        lines = WORKSHOP["job/entity.yaml"].partition("  parts:\n")[2].partition("unique:")[0]
        publish(store, edited(("job/entity.yaml", "  parts:\n" + lines, "")))
        assert listed(store) == {"job.parts": ("lines", 2, False)}
        purge(store, boss, "job.parts")
        assert listed(store) == {} and "轮" not in told(store)
        assert_histories_replay(store)

    def test_a_business_object_goes_with_all_that_is_kept_of_its_records(self, store: Store, boss: Actor) -> None:
        job = make(store, boss, "job", machine=make(store, boss, "machine", name="A").id, parts=[{"part": "带"}])
        move(store, boss, "job", job.id, "start")
        texts = {path: text for path, text in WORKSHOP.items() if not path.startswith("job/")}
        texts["app.yaml"] = texts["app.yaml"].replace("[machine, job]", "[machine]")
        publish(store, texts)
        assert listed(store) == {"job": ("entity", 1, False)}
        purge(store, boss, "job")
        with store.read() as session:
            assert not [name for name in inspect(session.connection).get_table_names() if name.startswith("e_job")]
            assert {row.entity for row in session.connection.execute(select(history.c.entity))} == {"machine"}
        publish(store, dict(WORKSHOP))
        again = make(store, boss, "job", machine=1)
        assert again.values["number"] == "WX2026-0002", "a number that was printed is never drawn again"
        assert_histories_replay(store)

    def test_what_something_else_still_links_to_goes_only_together(self, store: Store, boss: Actor) -> None:
        saw = make(store, boss, "machine", name="A")
        make(store, boss, "job", machine=saw.id)
        texts = {path: text for path, text in WORKSHOP.items() if path.startswith("app")}
        texts["app.yaml"] = texts["app.yaml"].replace("[machine, job]", "[note]")
        texts["note/entity.yaml"] = (
            "entity: note\nlabel: 便条\nfields:\n  name: {type: text, label: 名}\naccess:\n  admin: {read: all}\n"
        )
        publish(store, texts)
        with pytest.raises(NotPossibleNow) as refused:
            purge(store, boss, "machine")
        assert refused.value.code == "purge.referred" and "job.machine" in refused.value.text("en")
        purge(store, boss, "machine", "job")
        assert listed(store) == {}


class TestOptions:
    def test_an_option_that_was_left_in_records_is_emptied_and_they_say_so(self, store: Store, boss: Actor) -> None:
        make(store, boss, "machine", name="A", kind="saw")
        make(store, boss, "machine", name="B", kind="mill")
        publish(store, machine(KINDS, KINDS.replace(", saw: 锯床", "") + ", existing: keep"))
        assert listed(store) == {"machine.kind.saw": ("option", 1, False)}
        purge(store, boss, "machine.kind.saw")
        assert column(store, "machine", "kind") == [None, "mill"]
        assert_histories_replay(store)
        with store.read() as session:
            assert list_history(session, "machine", 1, actor=boss)[0].changes == {"kind": ["saw", None]}

    def test_one_of_many_choices_goes_and_the_others_stay(self, make_store: MakeStore) -> None:
        store = make_store(CHOICES)
        boss = hire(store)
        for uses in (["cut", "mill_it"], ["mill_it"], ["cut"]):
            make(store, boss, "machine", name="A", uses=uses)
        kept = "label: 用途, existing: keep, options: {cut: 切, drill: 钻}"
        publish(store, machine("label: 用途, options: {cut: 切, drill: 钻, mill_it: 铣}", kept, CHOICES))
        assert listed(store) == {"machine.uses.mill_it": ("option", 2, False)}
        purge(store, boss, "machine.uses.mill_it")
        assert column(store, "machine", "uses") == [["cut"], None, ["cut"]]
        assert_histories_replay(store)

    def test_retired_options_and_stages_are_listed_with_the_records_that_hold_them(
        self, store: Store, boss: Actor
    ) -> None:
        saw = make(store, boss, "machine", name="A", kind="saw")
        job = make(store, boss, "job", machine=saw.id)
        move(store, boss, "job", job.id, "start")
        reason = "retired: {since: 2026-05-01, reason: 不用}"
        texts = edited(
            ("job/workflow.yaml", "due: 3wd}", f"due: 3wd, {reason}}}"),
            ("job/workflow.yaml", "to: [repair]}", f"to: [repair], {reason}}}"),
            ("machine/entity.yaml", "saw: 锯床}", "saw: 锯床}, retired_options: [saw]"),
        )
        publish(store, texts)
        assert listed(store) == {"job.repair": ("stage", 1, True), "machine.kind.saw": ("option", 1, True)}
        for address, code in (("job.repair", "purge.stage"), ("machine.kind.saw", "purge.written")):
            with pytest.raises(NotPossibleNow) as refused:
                purge(store, boss, address)
            assert refused.value.code == code


class TestFiles:
    def upload(self, store: Store, boss: Actor, content: bytes) -> int:
        with store.write() as session:
            return int(create_upload(session, session.files.save(BytesIO(content), "a.txt"), actor=boss)["id"])

    def test_files_of_a_removed_field_go_from_the_disk_unless_another_holds_the_same(
        self, store: Store, boss: Actor
    ) -> None:
        import os

        report = "label: 报告, many: true}\n"
        both = edited(("job/entity.yaml", report, report + "  photo: {type: file, label: 照片}\n"))
        publish(store, both)
        mine, shared = (self.upload(store, boss, content) for content in (b"mine only", b"in both"))
        again = self.upload(store, boss, b"in both")
        make(
            store, boss, "job", machine=make(store, boss, "machine", name="A").id, report=[mine, shared], photo=[again]
        )
        with store.read() as session:
            kept = {row.id: row.sha256 for row in session.connection.execute(select(files.c.id, files.c.sha256))}
        for sha256 in kept.values():
            long_ago = (store.clock.now() - timedelta(days=9)).timestamp()
            os.utime(store.files.path(sha256), (long_ago, long_ago))
        texts = edited(("job/entity.yaml", "  report:  {type: file, label: 报告, many: true}\n", ""), texts=both)
        publish(store, texts)
        assert listed(store) == {"job.report": ("files", 2, False)}
        purge(store, boss, "job.report")
        assert not store.files.path(kept[mine]).exists() and store.files.path(kept[shared]).exists()
        assert listed(store) == {}

    def test_a_content_that_came_in_just_now_is_left_to_whoever_brings_it(self, store: Store, boss: Actor) -> None:
        id_ = self.upload(store, boss, b"just now")
        make(store, boss, "job", machine=make(store, boss, "machine", name="A").id, report=[id_])
        publish(store, edited(("job/entity.yaml", "  report:  {type: file, label: 报告, many: true}\n", "")))
        with store.read() as session:
            sha256 = session.connection.scalars(select(files.c.sha256)).one()
        purge(store, boss, "job.report")
        assert store.files.path(sha256).exists()


class TestTogether:
    def test_a_purge_and_a_publish_of_two_processes_both_come_to_their_end(
        self, store: Store, boss: Actor, tmp_path: Path
    ) -> None:
        make(store, boss, "machine", name="A", size="大件")
        publish(store, NO_SIZE)
        url, folder = store.database.url.render_as_string(hide_password=False), str(tmp_path / "files")
        context = multiprocessing.get_context("spawn")
        answers = context.Queue()
        many = [context.Process(target=act, args=(url, folder, answers)) for act in (_purge_size, _publish_next)]
        with _others_wait_for_their_turn(store):
            for one in many:
                one.start()
            if store.database.dialect == "postgresql":
                _wait_until_waiting(store, 2)
                assert _count_locks(store, turns._WRITING, granted=True) == 0, "who waits for a turn keeps nobody out"
        said = sorted(answers.get(timeout=60) for _ in many)
        for one in many:
            one.join(30)
        assert said in (["publish done", "purge done"], ["publish done", "purge.changed"])
        assert column(store, "machine", "name") == ["A"]
        if "purge done" in said:
            assert listed(store) == {}


def _purge_size(url: str, folder: str, answers: Any) -> None:
    store = Store(open_database(url), Path(folder), SystemClock())
    try:
        with store.read() as session:
            chosen = purging.find_chosen(session, ["machine.size"])
        purging.purge(store, chosen, Publisher(1))
        answers.put("purge done")
    except NotPossibleNow as refused:
        answers.put(refused.code)


def _publish_next(url: str, folder: str, answers: Any) -> None:
    store = Store(open_database(url), Path(folder), SystemClock())
    texts = {**NO_SIZE, "app.yaml": NO_SIZE["app.yaml"].replace("1.0.0", "1.0.1")}
    try:
        publish(store, texts)
        answers.put("publish done")
    except NotPossibleNow as refused:
        answers.put(refused.code)


@contextmanager
def _others_wait_for_their_turn(store: Store) -> Iterator[None]:
    if store.database.dialect == "sqlite":  # one writer at a time anyway
        yield
        return
    with store.database.write() as connection:
        turns.take_turn(connection)
        yield


def _wait_until_waiting(store: Store, processes: int) -> None:
    until = time.monotonic() + 60
    while _count_locks(store, turns._PUBLISHING, granted=False) < processes:
        assert time.monotonic() < until, "they do not come"
        time.sleep(0.05)


def _count_locks(store: Store, key: int, *, granted: bool) -> int:
    query = text(
        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = :key AND granted = :granted"
        " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    )
    with store.database.read() as connection:
        return int(connection.scalar(query, {"key": key, "granted": granted}) or 0)


class TestRefused:
    def test_more_than_was_shown_is_never_dropped(self, store: Store, boss: Actor) -> None:
        make(store, boss, "machine", name="A", size="大件")
        publish(store, NO_SIZE)
        with store.read() as session:
            shown = purging.find_chosen(session, ["machine.size"])
        go_back(store)
        make(store, boss, "machine", name="B", size="小件")
        publish(store, NO_SIZE)
        with pytest.raises(NotPossibleNow) as refused:
            purging.purge(store, shown, Publisher(boss.id))
        assert refused.value.code == "purge.changed" and listed(store)["machine.size"][1] == 2

    def test_an_unknown_name_is_refused(self, store: Store, boss: Actor) -> None:
        with pytest.raises(NotFound):
            purge(store, boss, "machine.name")

    def test_people_who_are_deciding_by_the_former_rules_are_waited_for(self, make_store: MakeStore) -> None:
        base = edited(("job/workflow.yaml", "to: [done]}", "to: [done], approval: job_done, during: repair}"))
        base["job/workflow.yaml"] = base["job/workflow.yaml"].replace("from: [repair]", "from: [open]")
        base["job/approval.yaml"] = APPROVAL
        store = make_store(base)
        boss = hire(store)
        hire(store, "other")
        worker = hire(store, "worker", "fitter")
        saw = make(store, boss, "machine", name="A", size="大件")
        job = make(store, boss, "job", machine=saw.id, fault="x", owner=worker.id)
        move(store, worker, "job", job.id, "finish")
        publish(store, edited(("machine/entity.yaml", "  size:   {type: text, label: 尺寸}\n", ""), texts=base))
        with pytest.raises(NotPossibleNow) as refused:
            purge(store, boss, "machine.size")
        assert refused.value.code == "purge.deciding"

    def test_one_thing_that_cannot_go_keeps_all_of_them(self, store: Store, boss: Actor) -> None:
        make(store, boss, "machine", name="A", size="大件", power=3)
        retired = "label: 功率, retired: {since: 2026-05-01, reason: 不用}}"
        gone = edited(("machine/entity.yaml", "label: 功率}", retired), texts=NO_SIZE)
        publish(store, gone)
        with pytest.raises(NotPossibleNow):
            purge(store, boss, "machine.size", "machine.power")
        assert listed(store)["machine.size"] == ("field", 1, False)


def test_every_entry_of_a_history_names_its_release(store: Store, boss: Actor) -> None:
    make(store, boss, "machine", name="A", size="大件")
    publish(store, NO_SIZE)
    edit(store, boss, "machine", 1, name="B")
    with store.read() as session:
        assert [entry.release for entry in list_history(session, "machine", 1, actor=boss)] == [2, 1]
