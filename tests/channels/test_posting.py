"""What is told stands inside at once, leaves by the channels people chose, and only once."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, insert, select

from engine.channels.choices import Choices, Way, choose, when_to_send
from engine.channels.message import Message
from engine.channels.posting import Dialler, Email, Endpoint, Person, Robot, post
from engine.clock import SetClock
from engine.errors import InvalidValues
from engine.people import accounts
from engine.storage import catalog
from engine.storage.delivery_tables import channels, deliveries, message_choices
from engine.storage.store import Store
from engine.storage.system_tables import notices
from tests.conftest import to_folder
from tests.records.databases import database_of
from tests.storage.workshop import WORKSHOP

NINE = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)  # in Shanghai


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def shared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store on each database with Anna, who has an address and a telephone, and an e-mail channel and a group."""
    folder = tmp_path_factory.mktemp("posting")
    with database_of(request, folder) as database:
        found = Store(database, folder / "files", SetClock(NINE))
        catalog.publish(found, to_folder(WORKSHOP), actor_id=None)
        with found.write() as session:
            anna = {"login": "anna", "name": "Anna", "email": "anna@example.com", "mobile": "13800000000"}
            accounts.create_user(session, **anna, password=None, roles=["admin"], actor=None)
            for name, kind in (("mail", "email"), ("group", "dingtalk")):
                row = {"name": name, "kind": kind, "host": "example.com", "address": "-", "personal": 1}
                session.connection.execute(insert(channels).values(**row, options={}, created_at=NINE))
        yield found


@pytest.fixture
def store(shared: Store) -> Store:
    """The store with nothing told, and nothing chosen."""
    with shared.write() as session:
        for table in (deliveries, notices, message_choices):
            session.connection.execute(delete(table))
    assert isinstance(shared.clock, SetClock)
    shared.clock.at = NINE
    return shared


def left(store: Store) -> list[Any]:
    with store.read() as session:
        return list(session.connection.execute(select(deliveries).order_by(deliveries.c.id)))


def tell(store: Store, message: Message, key: str = "a", to: Any = None) -> int:
    with store.write() as session:
        return post(session, message, to=to or Person(1), key=key)


def settle(store: Store, choices: Choices) -> None:
    with store.write() as session:
        choose(session, choices, actor=accounts.get_actor(session.connection, 1))


def test_each_receiver_gets_a_row_of_its_own_and_the_same_key_no_second_one(store: Store) -> None:
    everybody = [Person(1), Robot("group"), Email("x@example.com"), Endpoint("erp"), Dialler("calls", "1380")]
    message = Message(title={"zh": "报价将到期", "en": "Runs out"}, about=("machine", 4))
    assert tell(store, message, to=everybody) == 6  # the notice besides
    assert tell(store, message, to=everybody) == 0
    rows = {row.key: (row.channel, row.state, row.entity, row.record_id) for row in left(store)}
    assert rows == {
        "a-1/mail": ("mail", "waiting", "machine", 4),
        "a/group": ("group", "waiting", "machine", 4),
        "a/mail/x@example.com": ("mail", "waiting", "machine", 4),
        "a/erp": ("erp", "parked", "machine", 4),  # there is none: an administrator sees it, nobody fails
        "a/calls/1380": ("calls", "parked", "machine", 4),
    }
    assert len({row.message_id for row in left(store)}) == 5


def test_people_choose_by_which_channels_they_are_told_of_what(store: Store) -> None:
    settle(store, Choices({"mention": Way("now", ("group", "mail")), "report": Way("never")}))
    tell(store, Message(kind="mention", title="Hello"), "a")
    tell(store, Message(kind="report", title="Numbers"), "b")
    assert {row.key for row in left(store)} == {"a-1/mail", "a-1/group"}
    with store.read() as session:
        assert len(session.connection.execute(select(notices)).all()) == 2


def test_what_comes_in_quiet_hours_is_held_until_they_end(store: Store) -> None:
    assert isinstance(store.clock, SetClock)
    settle(store, Choices(quiet_from="21:30", quiet_until="07:00"))
    for hours in (12, 13.5, 22.5, 23):  # 20:00, 21:30 and 06:30, 07:00 on the next day in Shanghai
        store.clock.at = NINE.replace(hour=0) + timedelta(hours=hours)
        tell(store, Message(title="At night"), str(hours))
    seven = datetime(2026, 3, 2, 23, 0, tzinfo=UTC)
    at_eight = NINE.replace(hour=12)
    assert [(row.due_at, row.gather) for row in left(store)] == [(at_eight, 0), (seven, 1), (seven, 1), (seven, 0)]


ZONES = (
    ("now", None, datetime(2026, 3, 2, 15, 0, tzinfo=UTC), datetime(2026, 3, 2, 23, 0, tzinfo=UTC), True),  # 23:00
    ("now", "Europe/Berlin", datetime(2026, 3, 2, 15, 0, tzinfo=UTC), datetime(2026, 3, 2, 15, 0, tzinfo=UTC), False),
    ("now", None, datetime(2026, 3, 2, 23, 0, tzinfo=UTC), datetime(2026, 3, 2, 23, 0, tzinfo=UTC), False),  # 07:00
    ("now", "America/New_York", datetime(2026, 3, 8, 6, 0, tzinfo=UTC), datetime(2026, 3, 8, 11, 0, tzinfo=UTC), True),
    ("digest", None, datetime(2026, 3, 2, 1, 0, tzinfo=UTC), datetime(2026, 3, 3, 0, 30, tzinfo=UTC), True),
    ("digest", None, datetime(2026, 3, 2, 0, 29, tzinfo=UTC), datetime(2026, 3, 2, 0, 30, tzinfo=UTC), True),
)


@pytest.mark.parametrize(("when", "zone", "now", "due", "gathered"), ZONES)
def test_hours_are_those_of_the_clock_where_somebody_is(
    when: Any, zone: str | None, now: datetime, due: datetime, gathered: bool
) -> None:
    choices = Choices({"report": Way(when)}, timezone=zone)
    assert when_to_send(choices, choices.way("report"), now, "Asia/Shanghai") == (due, gathered)


def test_what_cannot_be_chosen_is_refused_beside_its_field(store: Store) -> None:
    wrong = Choices({"report": Way("now", ("none",))}, quiet_from="25:00", quiet_until="7", timezone="Moon/Sea")
    with pytest.raises(InvalidValues) as refused:
        settle(store, wrong)
    assert {error.path for error in refused.value.errors} == {"report", "quiet_from", "quiet_until", "timezone"}
