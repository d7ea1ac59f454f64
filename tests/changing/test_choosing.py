"""Modules are switched at once in every process; what is off waits, is not asked for, and comes back whole."""

from pathlib import Path

import pytest

from engine.automation import timers
from engine.automation.jobs import react
from engine.changing.choosing import find_dependents, switch_module
from engine.clock import SetClock
from engine.errors import InvalidValues, NotFound
from engine.people import accounts
from engine.records import commands, queries
from engine.records.rights import find_rights
from engine.storage.database import Database
from engine.storage.store import Store
from engine.storage.timers import arm_timer, find_due
from tests.conftest import MakeStore

APP = """\
app: works
label: 工厂
version: 1.0.0
language: zh
roles: {worker: {label: 工人}, admin: {label: 管理员}}
modules:
  parts: {label: 零件, entities: [part]}
  plans: {label: 计划, entities: [plan], needs: [parts]}
  later: {label: 以后, entities: [idea], off: true}
menu: [part, plan, machine]
"""
ACCESS = "access:\n  worker: {read: all, write: all, create: true}\n"
TEXTS = {
    "app.yaml": APP,
    "part/entity.yaml": "entity: part\nlabel: 零件\nfields:\n  name: {type: text, label: 名称}\n" + ACCESS,
    "plan/entity.yaml": "entity: plan\nlabel: 计划\nfields:\n  name: {type: text, label: 名称}\n" + ACCESS,
    "idea/entity.yaml": "entity: idea\nlabel: 主意\nfields:\n  name: {type: text, label: 名称}\n" + ACCESS,
    "label/entity.yaml": "entity: label\nlabel: 标签\nfields:\n"
    "  part: {type: link, to: part, label: 零件, required: true}\n" + ACCESS,
    "machine/entity.yaml": "entity: machine\nlabel: 机器\nfields:\n  name: {type: text, label: 名称}\n"
    '  part: {type: link, to: part, label: 零件, required_when: "name is not missing"}\n'
    '  called: {type: text, label: 零件名, computed: "part.name"}\n  note: {type: text, label: 备注}\n' + ACCESS,
    "order/entity.yaml": "entity: order\nlabel: 工单\nfields:\n"
    "  machine: {type: link, to: machine, label: 机器, required: true}\n"
    "rules:\n  fitted: {check: \"machine.called is not missing\", message: 机器还没有零件}\n" + ACCESS,
    "machine/automations.yaml": "automations: machine\nrules:\n  bare:\n    label: 没有零件的机器\n"
    "    on: {created: true}\n    when: \"called is missing\"\n    do:\n      - set: {note: \"'没有零件'\"}\n",
}  # fmt: skip


@pytest.fixture
def store(make_store: MakeStore) -> Store:
    return make_store(TEXTS)


def _switch(store: Store, key: str, *, on: bool) -> list[str]:
    with store.write() as session:
        changed = switch_module(session, key, on=on, actor=None)
    store.reload()
    return [one.key for one in changed]


def test_another_process_goes_by_it_in_its_next_transaction(
    store: Store, database: Database, tmp_path: Path, clock: SetClock
) -> None:
    other = Store(database, tmp_path, clock)
    assert other.app.off == {"idea"}
    with store.read() as session:
        assert [one.key for one in find_dependents(session, "parts")] == ["plans"]

    _switch(store, "parts", on=False)

    with other.write() as session:  # its own clock has not told it to look yet
        assert session.app.off == {"idea", "part", "plan", "label"}, "a label cannot be made without a part"
        assert session.app.on == frozenset()
    assert _switch(other, "plans", on=True) == ["parts"], "the switch of plans was never touched"
    with store.write() as session:
        assert session.app.off == {"idea"}
        with pytest.raises(NotFound):
            switch_module(session, "moon", on=True, actor=None)


def test_what_leads_to_something_off_is_closed_and_not_asked_for_until_it_is_back(store: Store) -> None:
    with store.write() as session:
        accounts.create_user(session, login="wu", name="吴", password="velvet-harbour-19", roles=["worker"], actor=None)
        worker = accounts.get_actor(session.connection, accounts.find_user(session.connection, "wu") or 0)
        part = commands.create_record(session, "part", {"name": "轴"}, actor=worker)
        first = commands.create_record(session, "machine", {"name": "车床", "part": part.id}, actor=worker)
        arm_timer(session, "part", part.id, "stage", "late", arming="1", due_at=session.now())

    _switch(store, "parts", on=False)

    with store.write() as session:
        assert {"part", "called"} <= find_rights(session.app, session.app.entities["machine"], worker).hidden
        commands.create_record(session, "machine", {"name": "铣床"}, actor=worker)
        assert "part" not in queries.get_record(session, "machine", first.id, actor=worker).values
        with pytest.raises(NotFound):
            commands.create_record(session, "part", {"name": "轴承"}, actor=worker)
        assert find_due(session, most=10) == []
    assert timers.sweep(store) == 0

    _switch(store, "parts", on=True)

    with store.read() as session:
        back = queries.get_record(session, "machine", first.id, actor=worker).values
        assert (back["part"], back["called"]) == (part.id, "轴")
        assert len(find_due(session, most=10)) == 1


def test_a_rule_and_an_automation_about_what_is_closed_wait_until_it_is_back(store: Store) -> None:
    with store.write() as session:
        accounts.create_user(session, login="wu", name="吴", password="velvet-harbour-19", roles=["worker"], actor=None)
        worker = accounts.get_actor(session.connection, accounts.find_user(session.connection, "wu") or 0)
        bare = commands.create_record(session, "machine", {}, actor=worker)
        with pytest.raises(InvalidValues, match="机器还没有零件"):
            commands.create_record(session, "order", {"machine": bare.id}, actor=worker)
    react(store)
    with store.read() as session:
        assert queries.get_record(session, "machine", bare.id, actor=worker).values["note"] == "没有零件"

    _switch(store, "parts", on=False)

    with store.write() as session:
        order = commands.create_record(session, "order", {"machine": bare.id}, actor=worker)
        other = commands.create_record(session, "machine", {}, actor=worker)
    react(store)
    with store.read() as session:
        assert queries.get_record(session, "machine", other.id, actor=worker).values["note"] is None

    _switch(store, "parts", on=True)

    with store.write() as session, pytest.raises(InvalidValues, match="机器还没有零件"):
        commands.update_record(session, "order", order.id, {}, version=order.version, actor=worker)
