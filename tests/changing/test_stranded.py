"""What stands still, each with a command that sets it going again."""

import pytest
from sqlalchemy import insert, select

from engine.changing.stranded import Stranded, find_stranded, fix
from engine.errors import InvalidValues, NotAllowed, NotFound
from engine.people import accounts
from engine.storage.stage_tables import timers
from tests.workflow.site import Site


def found(site: Site) -> list[Stranded]:
    with site.store.read() as session:
        return list(find_stranded(session))


def mend(site: Site, one: Stranded, *, to: str | None = None, reason: str = "", actor: str = "admin") -> None:
    with site.store.write() as session:
        heir = None if to is None else site.people[to]
        fix(session, one.kind, one.id, to=heir, reason=reason, actor=site.actor(actor))


def disable(site: Site, login: str) -> None:
    with site.store.write() as session:
        accounts.disable_user(session, site.people[login], actor=None)


def test_nothing_stands_still_while_people_are_there(site: Site) -> None:
    site.submitted()
    assert found(site) == []


def test_a_task_held_by_somebody_disabled_goes_to_the_manager_or_whom_is_named(site: Site) -> None:
    record, other = site.submitted(), site.submitted(login="other")
    disable(site, "manager")
    one, two = found(site)
    assert (one.kind, one.entity, one.record_id, two.record_id) == ("task", "payment", record.id, other.id)
    with pytest.raises(NotAllowed):
        mend(site, one, actor="clerk")
    mend(site, one)
    mend(site, two, to="money")
    assert (site.waiting(record), site.waiting(other), found(site)) == (["boss"], ["money"], [])
    with pytest.raises(NotFound):
        mend(site, one)


def test_an_approval_that_finds_nobody_goes_on_once_somebody_is_there_or_is_ended(site: Site) -> None:
    record = site.submitted(price=20_000)
    for login in ("money", "money2"):
        disable(site, login)
    with site.store.write() as session:
        accounts.set_roles(session, site.people["clerk"], ["clerk", "admin"], actor=None)
    disable(site, "admin")
    site.decide("manager", record)
    site.decide("boss", record)
    rows = found(site)
    if not rows:  # the fallback found somebody: then nothing stands still, and nothing may be mended
        assert site.waiting(record)
        return
    assert [one.kind for one in rows] == ["approval"]
    with site.store.write() as session:
        accounts.enable_user(session, site.people["money"], actor=None)
    mend(site, rows[0], actor="clerk")
    assert site.waiting(record) == ["money"] and found(site) == []


def test_a_timer_that_failed_too_often_is_tried_again(site: Site) -> None:
    record = site.create()
    row = {"entity": "payment", "record_id": record.id, "kind": "stage", "key": "late", "arming": "1",
           "armed_at": site.clock.at, "due_at": site.clock.at, "available_at": site.clock.at, "state": "parked",
           "payload": {}, "attempts": 5, "error": "boom"}  # fmt: skip
    with site.store.write() as session:
        session.connection.execute(insert(timers).values(row))
    [one] = found(site)
    assert (one.kind, one.params["why"]) == ("timer", "boom")
    mend(site, one)
    with site.store.read() as session:
        columns = (timers.c.state, timers.c.attempts)
        assert session.connection.execute(select(*columns).where(timers.c.id == one.id)).one() == ("pending", 0)


def test_a_task_without_a_manager_above_needs_a_name(site: Site) -> None:
    with site.store.write() as session:
        accounts.update_user(session, site.people["clerk"], manager=site.people["chair"], actor=None)
    record = site.submitted()
    disable(site, "chair")
    [one] = found(site)
    with pytest.raises(InvalidValues):
        mend(site, one)
    mend(site, one, to="boss")
    assert site.waiting(record) == ["boss"]
