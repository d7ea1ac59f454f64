"""Which release governs a record, before and after its next edit, and by which its approval goes on; both databases."""

import pytest

from engine.errors import NotFound
from engine.records.commands import create_record, update_record
from engine.records.queries import get_record
from engine.workflow.governing import Governing, find_governing, say_governing
from tests.conftest import MakeStore
from tests.storage.everything import BEFORE
from tests.storage.living import hire, make, move, publish
from tests.storage.workshop import WORKSHOP, edited, with_field

REMARK = with_field("remark: {type: text, label: 备注}")


def test_a_record_keeps_the_release_it_was_saved_by_until_its_next_edit(make_store: MakeStore) -> None:
    store = make_store(WORKSHOP)
    boss = hire(store)
    id_ = make(store, boss, "machine", name="A").id
    publish(store, REMARK)
    with store.write() as session:
        seen = get_record(session, "machine", id_, actor=boss)
        found = find_governing(session, "machine", id_)
        assert seen.release_id == 1 and _ids(found) == (1, 2, [])
        said = update_record(session, "machine", id_, {"remark": "x"}, version=seen.version, actor=boss)
        assert said.release_id == get_record(session, "machine", id_, actor=boss).release_id == 2
        found = find_governing(session, "machine", id_)
        assert (
            _ids(found) == (2, 2, [])
            and list(say_governing(found, "en"))[1] == "Its next edit goes by the same release."
        )
        assert create_record(session, "machine", {"name": "B"}, actor=boss).release_id == 2
        unchanged = update_record(session, "machine", id_, {"remark": "x"}, version=2, actor=boss)
        assert unchanged.release_id == 2


def test_a_running_approval_goes_on_by_the_release_it_was_submitted_under(make_store: MakeStore) -> None:
    store = make_store(BEFORE)
    boss, worker = hire(store), hire(store, "worker", "fitter")
    saw = make(store, boss, "machine", name="A")
    job = make(store, boss, "job", machine=saw.id, fault="坏了", owner=worker.id)
    move(store, worker, "job", job.id, "start")
    publish(store, edited(("machine/entity.yaml", "label: 尺寸}", "label: 大小}"), texts=BEFORE))
    with store.read() as session:
        found = find_governing(session, "job", job.id)
        assert _ids(found) == (1, 2, [1])
        assert [line for line in say_governing(found, "en") if line.startswith("The running approval")]
        with pytest.raises(NotFound):
            find_governing(session, "job", 99)
        with pytest.raises(NotFound):
            find_governing(session, "nothing", 1)


def _ids(found: Governing) -> tuple[int, int, list[int]]:
    assert found.saved is not None and found.current is not None
    return found.saved.id, found.current.id, [release.id for _, release in found.running if release is not None]
