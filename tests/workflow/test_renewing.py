"""14 and 21: work done in one approval changes what others about the same record decide; all of them take notice."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from engine.changing import leaving
from engine.errors import InvalidValues
from engine.people import accounts
from engine.records.commands import create_record, update_record
from engine.storage import catalog
from engine.storage.approval_tables import tasks
from engine.storage.database import Database
from engine.workflow.approval import log
from engine.workflow.approval.beside import _find_beside
from engine.workflow.approval.log import find_task
from engine.workflow.approval.plan import BranchPlan, StepPlan
from tests.workflow.commands import DeedOn, Submission
from tests.workflow.deeds import Deed
from tests.workflow.house import open_house, write_sources
from tests.workflow.office import ADMIN
from tests.workflow.people_world import EVERYTHING
from tests.workflow.random_definitions import Definition, user
from tests.workflow.row_promises import House, check, read_house
from tests.workflow.site import Site


def step(key: str, who: int, **more: Any) -> StepPlan:
    return StepPlan(key, {}, who=(user(who),), allow=EVERYTHING, **more)


def work(key: str, who: int, **more: Any) -> StepPlan:
    allow = tuple(one for one in EVERYTHING if one not in ("approve", "refuse"))
    return StepPlan(key, {}, kind="work", who=(user(who),), fields=("cost",), allow=allow, **more)


def call(key: str, called: str, **more: Any) -> StepPlan:
    return StepPlan(key, {}, kind="call", call=called, allow=EVERYTHING, **more)


def side_by_side(*steps: tuple[str, str]) -> StepPlan:
    """A block ``both`` with a branch for each name, taken when its condition holds."""
    return StepPlan("both", {}, kind="parallel", branches=tuple(BranchPlan(f"both.{n}", {}, True, w) for n, w in steps))


def approval(*plans: StepPlan, **more: Any) -> Definition:
    return Definition(plans, empty=(user(8),), duplicate="none", **more)


def submitted(site: Site, move: str = "go_a0", **values: Any) -> int:
    raw = {"title": "事", "cost": 5, "flag": True, "note": "说明", "expert": 5, **values}
    with site.store.write() as session:
        actor = accounts.get_actor(session.connection, 9)
        record = create_record(session, "thing", raw, actor=actor)
        Submission(record.id, move, record.version, 9, {})(session)
    return record.id


def house(site: Site) -> House:
    """All there is; every promise holds over it."""
    with site.store.read() as session:
        found = read_house(session)
        check(session, found, found)
    return found


def asked(site: Site, approval_id: int) -> list[int]:
    return [task.person.id for task in house(site).approvals[approval_id].state.open_tasks]


def say(site: Site, approval_id: int, who: int, name: str = "approve", cost: int | None = None) -> None:
    kept = house(site).approvals[approval_id]
    task = next(task for task in kept.state.open_tasks if task.person.id == who)
    with site.store.write() as session:
        DeedOn(Deed(name, who, task.number, said="because", cost=cost), kept.id, kept.task_ids[task.number - 1])(
            session
        )
    house(site)


def test_work_in_a_called_approval_asks_those_anew_who_decided_about_other_values(
    database: Database, tmp_path: Path
) -> None:
    site = open_house(
        database, tmp_path,
        {"a0": approval(step("first", 1), call("sub", "sub0"), step("last", 2)), "sub0": approval(work("fill", 3))},
    )  # fmt: skip
    submitted(site)
    say(site, 1, 1)
    say(site, 2, 3, "complete", cost=20)
    assert asked(site, 1) == [1]
    say(site, 1, 1)
    say(site, 1, 2)
    assert house(site).approvals[1].state.status == "approved"


def test_work_beside_a_called_approval_asks_those_anew_who_decide_in_it(database: Database, tmp_path: Path) -> None:
    block = side_by_side(("work", ""), ("call", ""))
    plans = block, work("fill", 3, within="both.work"), call("sub", "sub0", within="both.call")
    site = open_house(
        database, tmp_path, {"a0": approval(*plans), "sub0": approval(step("one", 1, decide="all"), step("two", 2))}
    )
    submitted(site)
    say(site, 2, 1)
    say(site, 1, 3, "complete", cost=20)
    assert sorted(asked(site, 2)) == [1, 2]
    say(site, 2, 1)
    say(site, 2, 2)
    assert house(site).approvals[1].state.status == "approved"


def test_work_in_a_called_approval_decides_which_steps_of_the_other_are_still_to_come(
    database: Database, tmp_path: Path
) -> None:
    plans = call("sub", "sub0"), step("dear", 2, when="cost > 10"), step("last", 4)
    site = open_house(database, tmp_path, {"a0": approval(*plans), "sub0": approval(work("fill", 3))})
    submitted(site)
    say(site, 2, 3, "complete", cost=20)
    assert asked(site, 1) == [2]


def test_what_is_put_back_after_a_refusal_is_what_others_decide_about_too(database: Database, tmp_path: Path) -> None:
    site = open_house(
        database, tmp_path,
        {
            "a0": approval(work("fill", 3), step("last", 4), restore=True),
            "a1": approval(call("sub", "sub0", of="other")),
            "sub0": approval(step("one", 1)),
        },
    )  # fmt: skip
    record = submitted(site)
    say(site, 1, 3, "complete", cost=20)
    submitted(site, "go_a1", other=record)
    say(site, 1, 4, "refuse")
    assert house(site).records[record]["cost"] == 5
    say(site, 3, 1)
    assert house(site).approvals[2].state.status == "approved"


def test_an_approval_is_alone_only_where_nothing_would_be_locked_beside_it(database: Database, tmp_path: Path) -> None:
    site = open_house(
        database, tmp_path,
        {
            "a0": approval(step("one", 4)),
            "a1": approval(call("sub", "sub0", of="other"), step("last", 2)),
            "sub0": approval(step("one", 1)),
        },
    )  # fmt: skip

    def alone() -> dict[int, bool]:
        with site.store.write() as session:
            ids = session.connection.scalars(select(tasks.c.id).where(tasks.c.state == "open")).all()
            held = {one.approval_id: id_ for id_ in ids if (one := find_task(session, id_, actor=4)) is not None}
            found = {of: log.lock_held(session, id_, actor=4) is not None for of, id_ in held.items()}
            assert found == {of: _find_beside(session, of) == [of] for of in held}
            return found

    record = submitted(site)
    assert alone() == {1: True}
    submitted(site, "go_a1", other=record)
    assert alone() == {1: False, 3: False}  # 3 is about the same record, and 2 waits for it
    say(site, 3, 1)
    assert alone() == {1: True, 2: True}


def test_a_field_stays_locked_for_what_runs_when_a_newer_release_guards_less(
    database: Database, tmp_path: Path
) -> None:
    block = approval(call("sub", "sub0", of="other"))
    site = open_house(database, tmp_path, {"a0": block, "sub0": approval(step("one", 1))})
    with site.store.write() as session:
        actor = accounts.get_actor(session.connection, 9)
        other_record = create_record(session, "thing", {"title": "另", "cost": 5, "flag": True}, actor=actor)
    submitted(site, other=other_record.id)
    less = {"a0": approval(*block.plans, guard=("flag",)), "sub0": approval(step("one", 1), guard=("flag",))}
    catalog.publish(site.store, write_sources(less), actor_id=None)
    with pytest.raises(InvalidValues) as refused, site.store.write() as session:
        actor = accounts.get_actor(session.connection, 9)
        update_record(session, "thing", other_record.id, {"cost": 30}, version=1, actor=actor)
    assert [error.path for error in refused.value.errors] == ["cost"]
    house(site)


def test_whoever_leaves_stays_named_where_a_called_approval_guards_it(database: Database, tmp_path: Path) -> None:
    plans = {"a0": approval(call("sub", "sub0")), "sub0": approval(step("one", 1), guard=("expert",))}
    site = open_house(database, tmp_path, plans)
    record = submitted(site)
    with site.store.write() as session:
        leaving.leave(session, 5, 6, actor=accounts.get_actor(session.connection, ADMIN))
    assert house(site).records[record]["expert"] == 5
