"""One delegation to one deputy at a time: said in a sentence by the command, and refused by the database itself."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select, text, update
from sqlalchemy.exc import DBAPIError

from engine.clock import SetClock
from engine.errors import InvalidValues
from engine.people import accounts, delegations
from engine.storage import approval_tables
from engine.storage.apart import keep_delegations_apart
from engine.storage.database import Database
from engine.storage.store import Store
from engine.storage.system_tables import users
from engine.storage.upgrades import STEPS
from engine.storage.upgrading import upgrade
from tests.racing import at_once

DAY = timedelta(days=1)


class Office:
    """Three people and shorthand for who lets whom decide, in days from now."""

    def __init__(self, store: Store, clock: SetClock) -> None:
        self.store = store
        clock.at = self.now = datetime(2026, 3, 1, 16, tzinfo=UTC)  # midnight in Shanghai
        self.ids = {}
        with store.write() as session:
            for login, name in (("li", "李建国"), ("zhou", "周慧"), ("chen", "陈卫东")):
                self.ids[login] = accounts.create_user(
                    session, login=login, name=name, password=None, roles=["manager"], actor=None
                )

    def let(self, deputy: str, first: int, last: int, principal: str = "li") -> int:
        with self.store.write() as session:
            return delegations.create_delegation(
                session, principal=self.ids[principal], deputy=self.ids[deputy], starts_at=self.now + first * DAY,
                ends_at=self.now + (last + 1) * DAY, actor=accounts.get_actor(session.connection, self.ids[principal]),
            )  # fmt: skip

    def refused(self, deputy: str, first: int, last: int) -> str:
        with pytest.raises(InvalidValues) as refused:
            self.let(deputy, first, last)
        [error] = refused.value.errors
        assert error.path == "to"
        return error.text("zh")


@pytest.fixture
def office(store: Store, clock: SetClock) -> Office:
    return Office(store, clock)


@pytest.mark.parametrize(("first", "last"), [(0, 4), (2, 3), (4, 9), (0, 9)])
def test_the_same_deputy_twice_is_refused_naming_the_delegation_that_is_there(
    office: Office, first: int, last: int
) -> None:
    office.let("zhou", 0, 4)
    said = office.refused("zhou", first, last)
    assert "周慧 从 2026-03-02 至 2026-03-06 已是代理人" in said


def test_the_days_after_it_ended_early_and_other_people_are_free(office: Office) -> None:
    made = office.let("zhou", 0, 4)
    office.let("zhou", 5, 9)
    office.let("zhou", 0, 4, principal="chen")
    with office.store.write() as session:
        delegations.end_delegation(session, made, actor=None)
    office.let("zhou", 0, 4)


def test_two_deputies_may_stand_in_at_the_same_time(office: Office) -> None:
    office.let("zhou", 0, 4)
    office.let("chen", 0, 4)
    with office.store.read() as session:
        assert delegations.find_deputies(session, [office.ids["li"]]) == {
            office.ids["li"]: [office.ids["zhou"], office.ids["chen"]]
        }


def test_of_many_who_set_the_same_at_once_one_does_and_the_others_are_told(office: Office) -> None:
    said = at_once(6, lambda at: office.let("zhou", 0, 4))
    assert sorted(type(one).__name__ for one in said) == ["InvalidValues"] * 5 + ["int"]


def test_the_database_refuses_what_overlaps_even_when_it_is_written_by_hand(office: Office) -> None:
    office.let("zhou", 0, 4)
    row = _row(office.ids["li"], office.ids["zhou"], office.now + DAY, office.now + 3 * DAY)
    with pytest.raises(DBAPIError), office.store.write() as session:
        session.connection.execute(insert(approval_tables.delegations).values(row))
    other = row | {"starts_at": office.now + 5 * DAY, "ends_at": office.now + 6 * DAY}
    with office.store.write() as session:
        session.connection.execute(insert(approval_tables.delegations).values(other))
    with pytest.raises(DBAPIError), office.store.write() as session:
        moved = update(approval_tables.delegations).where(approval_tables.delegations.c.starts_at == other["starts_at"])
        session.connection.execute(moved.values(starts_at=office.now))


def test_what_overlapped_in_an_older_database_becomes_one_that_lasts_as_long(database: Database) -> None:
    upgrade(database)
    now = datetime(2026, 3, 1, 16, tzinfo=UTC)
    with database.write() as connection:
        _forget_the_guard(connection)
        for login in ("li", "zhou", "chen"):
            connection.execute(users.insert().values(login=login, name=login, created_at=now))
        for deputy, first, end in ((2, 0, 4), (2, 2, 9), (2, 8, 10), (2, 20, 21), (3, 1, 3)):
            connection.execute(
                insert(approval_tables.delegations).values(_row(1, deputy, now + first * DAY, now + end * DAY))
            )
        connection.execute(text(f"UPDATE fw_schema_version SET version = {STEPS.index(keep_delegations_apart) + 1}"))
    upgrade(database)
    c = approval_tables.delegations.c
    with database.read() as connection:
        kept = connection.execute(
            select(c.deputy_id, c.starts_at, c.ends_at).where(c.ended_at.is_(None)).order_by(c.id)
        ).all()
        assert connection.scalar(text("SELECT count(*) FROM fw_delegations")) == 5, "nothing goes off the record"
    assert [(deputy, (start - now).days, (end - now).days) for deputy, start, end in kept] == [
        (2, 0, 10), (2, 20, 21), (3, 1, 3),
    ]  # fmt: skip


def _row(principal: int, deputy: int, start: datetime, end: datetime) -> dict[str, Any]:
    return {"principal_id": principal, "deputy_id": deputy, "starts_at": start, "ends_at": end, "created_at": start}


def _forget_the_guard(connection: Any) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("ALTER TABLE fw_delegations DROP CONSTRAINT ex_fw_delegations_apart"))
        return
    for name in ("new", "changed"):
        connection.execute(text(f"DROP TRIGGER fw_delegations_apart_{name}"))
