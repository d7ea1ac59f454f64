"""The desk of the records, where some may take lists out and some may allow it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from engine.clock import SetClock
from engine.exporting import requests, working
from engine.exporting.requests import Export
from engine.records.views import ViewContent
from engine.storage import catalog
from engine.storage.store import Store
from tests.conftest import to_folder
from tests.records.conftest import MONDAY
from tests.records.databases import database_of
from tests.records.desk import DESK, Desk, add_people

RULES = (
    ("client/entity.yaml", "import: true, hide: [limit]}", "import: true, export: true, hide: [limit]}"),
    ("client/entity.yaml", "lead:    {read: team,", "lead:    {export: true, mask: [phone], unmask: own, read: all,"),
    ("client/entity.yaml", "import: true, share_views: true}", "import: true, export: true, approve_export: true}"),
    ("client/entity.yaml", "guest:   {read: all,", "guest:   {approve_export: true, read: all,"),
    ("deal/entity.yaml", "guest:   {read: all,", "guest:   {export: true, read: all,"),
    ("deal/entity.yaml", "delete: all, import: true}", "delete: all, import: true, export: true}"),
)
ABOVE = 20


@dataclass
class Office(Desk):
    """The desk, and shorthand for taking lists out."""

    def ask(
        self, login: str, entity: str = "client", *, format: str = "csv", reason: str = "", lines: Sequence[str] = (),
        **content: Any,
    ) -> Export:  # fmt: skip
        with self.store.write() as session:
            return requests.ask(
                session, entity, ViewContent(**content), format=format, language="zh", reason=reason,
                lines=lines, actor=self.actor(login),
            )  # fmt: skip

    def export(self, login: str, entity: str = "client", **more: Any) -> bytes:
        """Take a list out and return the file."""
        found = self.ask(login, entity, **more)
        working.go_on(self.store, found.id)
        return self.file(login, found)

    def file(self, login: str, found: Export) -> bytes:
        with self.store.write() as session:
            kept = requests.fetch(session, found.id, actor=self.actor(login))
        with self.store.files.open(kept.sha256 or "") as file:
            return file.read()

    def see(self, login: str, found: Export) -> Export:
        with self.store.read() as session:
            return requests.get_export(session, found.id, actor=self.actor(login))

    def approve(self, login: str, found: Export) -> Export:
        with self.store.write() as session:
            return requests.approve(session, found.id, actor=self.actor(login))

    def refuse(self, login: str, found: Export, reason: str = "太多") -> Export:
        with self.store.write() as session:
            return requests.refuse(session, found.id, reason=reason, actor=self.actor(login))


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def shared_desk(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    files = dict(DESK)
    for path, old, new in RULES:
        assert old in files[path], old
        files[path] = files[path].replace(old, new, 1)
    files["app.yaml"] += f"ask_export_above: {ABOVE}\n"
    folder = tmp_path_factory.mktemp("office")
    with database_of(request, folder) as database:
        clock = SetClock(MONDAY)
        store = Store(database, folder / "files", clock)
        catalog.publish(store, to_folder(files), actor_id=None)
        desk = Office(store, clock)
        with store.write() as session:
            add_people(session, desk)
        yield desk


@pytest.fixture
def desk(shared_desk: Office) -> Office:
    """The desk on Monday morning."""
    shared_desk.clock.at = MONDAY
    return shared_desk
