"""One desk per database for all tests of a module; each test makes the records it needs."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from engine.clock import SetClock
from engine.storage import catalog
from engine.storage.store import Store
from tests.conftest import to_folder
from tests.records.databases import database_of
from tests.records.desk import DESK, Desk, add_people

MONDAY = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)  # 09:00 in Shanghai


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def shared_desk(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("desk")
    with database_of(request, folder) as database:
        clock = SetClock(MONDAY)
        store = Store(database, folder / "files", clock)
        catalog.publish(store, to_folder(DESK), actor_id=None)
        desk = Desk(store, clock)
        with store.write() as session:
            add_people(session, desk)
        yield desk


@pytest.fixture
def desk(shared_desk: Desk) -> Desk:
    """The desk on Monday morning."""
    shared_desk.clock.at = MONDAY
    return shared_desk
