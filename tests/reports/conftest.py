"""One market per database for all tests of a module: a few deals, worked out by hand in the tests."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from engine.clock import SetClock
from engine.definition.source import SourceFolder
from engine.people import accounts
from engine.people.actor import Actor
from engine.records import commands
from engine.records.queries import get_record
from engine.storage import catalog
from engine.storage.store import Session, Store
from engine.workflow.transitions import move_record
from tests.records.databases import database_of
from tests.reports.market import FULL, add_people

MONDAY = datetime(2026, 3, 2, 1, tzinfo=UTC)  # 09:00 in Shanghai


@dataclass
class Market:
    """A store, its people by login, its records by name."""

    store: Store
    clock: SetClock
    ids: dict[str, int]
    records: dict[str, int] = field(default_factory=dict)

    def actor(self, session: Session, login: str) -> Actor:
        return accounts.get_actor(session.connection, self.ids[login])

    def create(self, entity: str, ref: str, owner: str, **values: Any) -> None:
        with self.store.write() as session:
            given = {"owner": self.ids[owner], **values}
            made = commands.create_record(session, entity, given, actor=self.actor(session, "bo"))
            self.records[ref] = made.id

    def move(self, name: str, *moves: str) -> None:
        for key in moves:
            with self.store.write() as session:
                boss = self.actor(session, "bo")
                version = get_record(session, "deal", self.records[name], actor=boss).version
                move_record(session, "deal", self.records[name], key, version=version, actor=boss)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def market(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Market]:
    folder = tmp_path_factory.mktemp("market")
    with database_of(request, folder) as database:
        clock = SetClock(MONDAY)
        store = Store(database, folder / "files", clock)
        catalog.publish(store, SourceFolder(dict(FULL)), actor_id=None)
        with store.write() as session:
            ids = add_people(session)
        market = Market(store, clock, ids)
        fill(market)
        yield market


def fill(market: Market) -> None:
    """Seven deals of three sellers in two regions, two of them of a year ago, one hidden in the recycle bin."""
    market.create("client", "C1", "ann", name="C1", region="east")
    market.create("client", "C2", "cat", name="C2", region="south")
    for month, amount in (("2026-03-01", "500"), ("2026-02-01", "999")):
        market.create("aim", f"aim {month}", "bo", region="east", day=month, amount=amount)
    market.create("aim", "aim south", "bo", region="south", day="2026-03-31", amount="0")
    c1, c2 = market.records["C1"], market.records["C2"]
    deals: list[tuple[str, str, int, str, str, str]] = [
        ("a", "ann", c1, "100", "2026-03-01 00:00", "2026-03-02"),
        ("b", "ann", c1, "300", "2026-03-02 08:00", "2026-03-31"),
        ("c", "ben", c1, "50", "2026-02-28 23:59", "2026-02-28"),
        ("d", "cat", c2, "1000", "2026-03-02 08:00", "2026-03-05"),
        ("e", "cat", c2, "7", "2026-03-02 08:00", "2026-03-05"),
        ("f", "ann", c1, "80", "2025-03-15 08:00", "2025-03-20"),
        ("g", "ann", c1, "12345", "2026-03-02 08:00", "2026-03-02"),
    ]
    for name, owner, client, amount, got_at, signed in deals:
        given = {"client": client, "amount": amount, "got_at": got_at, "signed": signed, "cost": "10", "bought": "1"}
        market.create("deal", name, owner, name=name, hot=name in "ad", tags=["a", "b"] if name == "a" else [], **given)
    for name in "acdf":
        market.move(name, "quote", "argue", "win")
    market.move("b", "quote", "argue", "back", "quote", "back")
    market.move("e", "quote", "lose")
    with market.store.write() as session:
        boss = market.actor(session, "bo")
        record = get_record(session, "deal", market.records["g"], actor=boss)
        commands.delete_record(session, "deal", record.id, version=record.version, actor=boss)
