"""From one person to another: planned, done as planned, now or later, by whoever may."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select

from engine.automation import timers
from engine.changing import handing_over
from engine.changing.handing_over import PARTS, HandOver, Scheduled
from engine.errors import FormworkError, InvalidValues, NotAllowed, NotFound, NotPossibleNow
from engine.people import accounts
from engine.records.commands import update_record
from engine.storage.approval_tables import group_members, responsibilities
from engine.storage.system_tables import audit
from tests.workflow.site import Site


def planned(site: Site, going: str, to: str | None, actor: str = "admin", **more: Any) -> HandOver:
    heir = None if to is None else site.people[to]
    with site.store.read() as session:
        return handing_over.plan_hand_over(session, site.people[going], heir, actor=site.actor(actor), **more)


def done(site: Site, plan: HandOver, actor: str = "admin", reason: str = "调岗", **more: Any) -> HandOver | None:
    with site.store.write() as session:
        return handing_over.hand_over(session, plan, reason=reason, actor=site.actor(actor), **more)


def scheduled(site: Site, actor: str = "admin") -> list[Scheduled]:
    with site.store.read() as session:
        return handing_over.list_scheduled(session, actor=site.actor(actor))


def items(plan: HandOver) -> list[tuple[str, int, str]]:
    return [(one.part, one.record_id, one.to) for one in plan.items]


def hold_everything(site: Site) -> dict[str, int]:
    """The manager holds one of everything."""
    owned, asked, named = site.create("manager", price=500), site.submitted(price=500), site.create("clerk")
    with site.store.write() as session:
        changes = {"expert": site.people["manager"]}
        update_record(session, "payment", named.id, changes, version=named.version, actor=site.actor("clerk"))
        manager = site.people["manager"]
        session.connection.execute(insert(responsibilities).values(user_id=manager, name="region", value="east"))
    return {"owned": owned.id, "asked": asked.id, "named": named.id}


def test_the_plan_names_everything_and_it_moves_as_planned(site: Site) -> None:
    ids = hold_everything(site)
    plan = planned(site, "manager", "boss")
    assert items(plan) == [
        ("tasks", ids["asked"], "王总"), ("records", ids["owned"], "王总"), ("fields", ids["named"], "王总"),
        ("responsibilities", 0, "王总"),
    ]  # fmt: skip
    done(site, plan)
    assert planned(site, "manager", "boss").items == ()
    assert site.record(ids["owned"]).values["owner"] == site.people["boss"]
    assert site.record(ids["named"]).values["expert"] == site.people["boss"]
    with site.store.read() as session:
        c = responsibilities.c
        assert session.connection.execute(select(c.user_id, c.value)).all() == [(site.people["boss"], "east")]
        row = session.connection.execute(select(audit).where(audit.c.action == "hand_over")).one()
    assert (row.subject, row.details["tasks"], row.details["reason"]) == (f"user:{site.people['manager']}", 1, "调岗")
    site.decide("boss", site.record(ids["asked"]))


@pytest.mark.parametrize("parts", [("tasks",), ("records",), ("fields",), ("tasks", "records"), ("responsibilities",)])
def test_only_the_parts_that_were_chosen_move(site: Site, parts: tuple[str, ...]) -> None:
    hold_everything(site)
    done(site, planned(site, "manager", "boss", parts=parts))
    left = {one.part for one in planned(site, "manager", "boss").items}
    assert left == {"tasks", "records", "fields", "responsibilities"} - set(parts)


def test_single_tasks_are_handed_over_without_the_others(site: Site) -> None:
    first, second = site.submitted(price=500), site.submitted(price=500)
    task = site.task("manager", first)
    done(site, planned(site, "manager", "boss", parts=["tasks"], only=[task]))
    assert (site.waiting(first), site.waiting(second)) == (["boss"], ["manager"])
    with pytest.raises(NotFound):
        planned(site, "manager", "boss", parts=["tasks"], only=[task])


def test_managers_may_for_their_people_and_nobody_else(site: Site) -> None:
    hold_everything(site)
    assert {one.part for one in planned(site, "manager", "boss", actor="chair").items} == {"tasks", "records", "fields"}
    for actor in ("clerk", "manager", "money", "other"):
        with pytest.raises(NotAllowed):
            planned(site, "manager", "boss", actor=actor)
    done(site, planned(site, "manager", "boss", actor="boss"), actor="boss")


def test_what_a_manager_may_not_read_has_no_name_in_the_plan(site: Site) -> None:
    site.create("manager")
    assert [one.what for one in planned(site, "manager", "boss", actor="chair").items] == ["–"]
    assert planned(site, "manager", "boss", actor="boss").items[0].what != "–"


@pytest.mark.parametrize(
    "more, error",
    [
        ({"to": "manager"}, NotPossibleNow),
        ({"parts": ["everything"]}, InvalidValues),
        ({"going": "chair", "to": None}, NotPossibleNow),
    ],
)
def test_what_makes_no_sense_is_refused(site: Site, more: dict[str, Any], error: type[FormworkError]) -> None:
    given = {"going": "manager", "to": "boss"} | more
    with pytest.raises(error):
        planned(site, given.pop("going"), given.pop("to"), **given)


def test_it_needs_a_reason_and_is_what_was_shown(site: Site) -> None:
    hold_everything(site)
    plan = planned(site, "manager", "boss")
    with pytest.raises(InvalidValues):
        done(site, plan, reason=" ")
    site.submitted(price=500)
    before = site.rows()
    with pytest.raises(NotPossibleNow):
        done(site, plan)
    assert site.rows() == before


def test_whom_nobody_may_stand_in_for_keeps_the_whole_where_it_is(site: Site) -> None:
    with site.store.write() as session:
        accounts.update_user(session, site.people["clerk"], manager=site.people["chair"], actor=None)
    record = site.submitted(price=500)
    plan = planned(site, "chair", "clerk")  # the fallback of the approval takes what the starter may not
    assert items(plan) == [("tasks", record.id, "管理员")]
    done(site, plan)
    assert site.waiting(record) == ["admin"]
    with site.store.write() as session:
        accounts.disable_user(session, site.people["chair"], actor=None)
    plan = planned(site, "admin", "clerk")
    assert [one.what for one in plan.stuck] and plan.stuck[0].to == ""
    with pytest.raises(NotPossibleNow):
        done(site, plan)
    assert site.waiting(record) == ["admin"]


def test_a_dated_one_is_done_on_its_day_with_what_is_held_then(site: Site) -> None:
    first = site.submitted(price=500)
    plan, day = planned(site, "manager", "boss"), site.clock.at + timedelta(days=3)
    with pytest.raises(InvalidValues):
        done(site, plan, at=site.clock.at)
    assert done(site, plan, at=day) is None
    [one] = scheduled(site)
    assert (one.going.login, one.taker.login, one.due_at, one.parts) == ("manager", "boss", day, PARTS)
    assert (scheduled(site, "boss"), scheduled(site, "clerk")) == ([one], [])
    second = site.submitted(price=500)
    timers.sweep(site.store)
    assert site.waiting(first) == ["manager"]
    site.clock.at = day
    timers.sweep(site.store)
    assert (site.waiting(first), site.waiting(second), scheduled(site)) == (["boss"], ["boss"], [])
    timers.sweep(site.store)
    assert len(site.state(first).tasks) == 2


def test_a_dated_one_is_called_off_and_needs_its_author_still_to_be_allowed(site: Site) -> None:
    record, day = site.submitted(price=500), site.clock.at + timedelta(days=1)
    done(site, planned(site, "manager", "boss"), at=day)
    [one] = scheduled(site)
    with pytest.raises(NotFound), site.store.write() as session:
        handing_over.cancel(session, one.id, actor=site.actor("clerk"))
    with site.store.write() as session:
        handing_over.cancel(session, one.id, actor=site.actor("admin"))
    assert scheduled(site) == []
    done(site, planned(site, "manager", "money", actor="boss"), actor="boss", at=day)
    with site.store.write() as session:
        accounts.disable_user(session, site.people["boss"], actor=None)
    site.clock.at = day
    timers.sweep(site.store)
    assert site.waiting(record) == ["manager"]


def test_groups_go_along(site: Site) -> None:
    with site.store.write() as session:
        session.connection.execute(insert(group_members).values(user_id=site.people["manager"], group_key="old_group"))
    plan = planned(site, "manager", "boss", parts=["groups"])
    assert [one.what for one in plan.items] == ["old_group"]
    done(site, plan)
    assert planned(site, "manager", "boss", parts=["groups"]).items == ()


def test_whoever_leaves_hands_everything_over_and_is_shut_out_at_once(site: Site) -> None:
    ids = hold_everything(site)
    plan = planned(site, "manager", "boss")
    with pytest.raises(InvalidValues):
        done(site, plan, leave=True, at=site.clock.at + timedelta(days=1))
    with pytest.raises(InvalidValues):
        done(site, planned(site, "manager", "boss", parts=["records"]), leave=True)
    with pytest.raises(InvalidValues):  # a manager hands over less than everything
        done(site, planned(site, "manager", "chair", actor="boss"), actor="boss", leave=True)
    done(site, plan, leave=True)
    assert site.waiting(site.record(ids["asked"])) == ["boss"]
    with site.store.read() as session, pytest.raises(NotFound):
        accounts.get_actor(session.connection, site.people["manager"])
