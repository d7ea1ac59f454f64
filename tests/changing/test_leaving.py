"""When somebody is shut out: what they hold goes to one person or the manager, at once, and nothing stays."""

from datetime import timedelta

import pytest

from engine.changing import leaving
from engine.errors import FormworkError, NotAllowed, NotPossibleNow
from engine.people import accounts, delegations, tokens
from engine.records.commands import update_record
from tests.workflow.site import Site


def leave(site: Site, login: str, heir: str | None = None, actor: str = "admin") -> leaving.Left:
    with site.store.write() as session:
        to = None if heir is None else site.people[heir]
        return leaving.leave(session, site.people[login], to, actor=site.actor(actor))


def holdings(site: Site, login: str) -> leaving.Holdings:
    with site.store.read() as session:
        return leaving.find_holdings(session, site.people[login])


def test_everything_goes_to_one_person_and_nothing_stays(site: Site) -> None:
    owned, asked = site.create("manager", price=500), site.submitted(price=500)
    expert = site.create("clerk")
    with site.store.write() as session:
        actor = site.actor("clerk")
        changes = {"expert": site.people["manager"]}
        update_record(session, "payment", expert.id, changes, version=expert.version, actor=actor)
        delegations.create_delegation(
            session, principal=site.people["manager"], deputy=site.people["boss"], starts_at=site.clock.at,
            ends_at=site.clock.at + timedelta(days=5), actor=None,
        )  # fmt: skip
    held = holdings(site, "manager")
    assert (len(held.tasks), held.records, held.fields, len(held.delegations)) == (
        1, (("payment", owned.id),), (("payment", expert.id, "expert"),), 1,
    )  # fmt: skip
    with site.store.read() as session:
        counted = leaving.count_holdings(session, site.people["manager"])
    assert (counted.records, counted.tasks, counted.delegations) == ({"payment": 2}, 1, 1)
    leave(site, "manager", "boss")
    assert holdings(site, "manager").total == 0
    assert site.record(owned.id).values["owner"] == site.people["boss"]
    assert site.record(expert.id).values["expert"] == site.people["boss"]
    assert site.waiting(asked) == ["boss"]
    changed = site.history(owned)[-1]
    assert changed.changes["owner"] == [site.people["manager"], site.people["boss"]]
    site.decide("boss", asked)
    assert site.stage(asked) == "approved"


def test_without_a_name_the_manager_takes_over(site: Site) -> None:
    record = site.create("clerk")
    assert leave(site, "clerk").heir.login == "manager"
    assert site.record(record.id).values["owner"] == site.people["manager"]


def test_a_task_never_goes_to_whoever_submitted_it(site: Site) -> None:
    record = site.submitted(price=500)
    leave(site, "manager", "clerk")
    assert site.waiting(record) == ["boss"]


def test_sessions_and_tokens_die_at_once(site: Site) -> None:
    with site.store.write() as session:
        token = tokens.create_token(session, user_id=site.people["clerk"], label="t", expires_at=None, actor=None)
    leave(site, "clerk")
    with site.store.read() as session:
        assert tokens.find_by_token(session.connection, token, now=session.now()) is None


def test_it_is_one_transaction_refused_as_a_whole(site: Site) -> None:
    record, asked = site.create("manager"), site.submitted(price=500)
    before = site.rows()
    for heir, actor, error in (("manager", "admin", NotPossibleNow), ("boss", "clerk", NotAllowed)):
        with pytest.raises(error):
            leave(site, "manager", heir, actor)
    with site.store.write() as session:
        accounts.disable_user(session, site.people["money2"], actor=None)
    with pytest.raises(FormworkError):
        leave(site, "manager", "money2")
    assert site.rows() == before
    assert site.record(record.id).values["owner"] == site.people["manager"]
    assert site.waiting(asked) == ["manager"]


def test_whoever_has_no_manager_needs_an_heir(site: Site) -> None:
    with pytest.raises(NotPossibleNow):
        leave(site, "chair")
    leave(site, "chair", "boss")
