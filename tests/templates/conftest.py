"""A site of each bundled template with the people of its demo, and shorthand for what they do.

Publishing takes longer than a test: it is done once for each template on SQLite, and each test works on a copy.
"""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from engine.clock import SetClock
from engine.definition.parser import parse_documents
from engine.definition.source import SourceFolder
from engine.people import accounts
from engine.people.actor import Actor
from engine.records import commands, making
from engine.records.queries import ListQuery, get_record, list_records
from engine.records.record import Record
from engine.records.uploads import create_upload
from engine.storage import catalog
from engine.storage.database import open_database
from engine.storage.store import Store
from engine.workflow import transitions
from engine.workflow.approval import commands as approvals
from engine.workflow.approval import log as approval_log
from tests.conftest import to_folder
from web.demo import create_people, make_pdf


@dataclass
class Site:
    """One published template; every verb is a transaction of its own, done by the person named first."""

    store: Store
    clock: SetClock
    folder: SourceFolder

    def actor(self, login: str) -> Actor:
        with self.store.read() as session:
            user = accounts.find_user(session.connection, login)
            assert user is not None, login
            return accounts.get_actor(session.connection, user)

    def create(self, login: str, entity: str, **values: Any) -> Record:
        with self.store.write() as session:
            return commands.create_record(session, entity, values, actor=self.actor(login))

    def update(self, login: str, record: Record, **values: Any) -> Record:
        version = self.see(login, record).version
        with self.store.write() as session:
            return commands.update_record(
                session, record.entity, record.id, values, version=version, actor=self.actor(login)
            )

    def move(self, login: str, record: Record, move: str, *, reason: str | None = None, **values: Any) -> Record:
        version = self.see(login, record).version
        with self.store.write() as session:
            return transitions.move_record(
                session, record.entity, record.id, move,
                raw=values, reason=reason, version=version, actor=self.actor(login),
            )  # fmt: skip

    def make(self, login: str, record: Record, make: str, **values: Any) -> Record:
        with self.store.write() as session:
            actor = self.actor(login)
            made, given = making.make_values(session, record.entity, record.id, make, actor=actor)
            return commands.create_record(session, made.entity, {**given, **values}, actor=actor)

    def decide(self, login: str, record: Record, decision: str, reason: str | None = None) -> None:
        with self.store.write() as session:
            actor = self.actor(login)
            running = approval_log.find_running(session, record.entity, record.id)
            kept = approval_log.read(session, running or 0)
            assert kept is not None, "no approval is running"
            mine = [task.number for task in kept.state.open_tasks if task.person.id == actor.id]
            assert mine, f"{login} is not asked"
            approvals.decide(session, kept.task_ids[mine[0] - 1], decision, reason=reason, actor=actor)

    def see(self, login: str, record: Record) -> Record:
        with self.store.read() as session:
            return get_record(session, record.entity, record.id, actor=self.actor(login))

    def stage(self, record: Record) -> str:
        return str(self.see("admin", record).values["stage"])

    def lists(self, login: str, entity: str) -> set[int]:
        with self.store.read() as session:
            page = list_records(session, entity, ListQuery(), actor=self.actor(login))
            return {record.id for record in page.records}

    def path(self, login: str, quote: Record) -> list[str]:
        """Who would sign, in order; ``[]`` when nobody is asked."""
        with self.store.read() as session:
            actor = self.actor(login)
            record = get_record(session, quote.entity, quote.id, actor=actor)
            path = approvals.preview_path(session, record, "quote_price", actor=actor)
            assert not path.blocked
            asked = [person.id for step in path.steps if step.fate == "asked" for person in step.people]
            logins = {self.actor(one).id: one for one in self.logins()}
            return [logins[id_] for id_ in asked]

    def logins(self) -> list[str]:
        documents = parse_documents(self.folder, "demo")
        return [login for document in documents for login in document.data.get("users", {})]

    def waiting(self, record: Record) -> list[str]:
        with self.store.read() as session:
            running = approval_log.find_running(session, record.entity, record.id)
            kept = approval_log.read(session, running) if running else None
            return [task.person.name for task in kept.state.open_tasks] if kept else []

    def upload(self, login: str, name: str = "scan.pdf") -> int:
        with self.store.write() as session:
            stored = session.files.save(BytesIO(make_pdf(name)), name)
            return int(create_upload(session, stored, actor=self.actor(login))["id"])


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, SetClock], Path]:
    """Return the database file of a template that was published and peopled once."""
    done: dict[str, Path] = {}

    def publish(template: str, clock: SetClock) -> Path:
        if template not in done:
            folder = tmp_path_factory.mktemp(template)
            database = open_database(f"sqlite:///{folder / 'site.sqlite3'}")
            store = Store(database, folder / "files", clock)
            catalog.publish(store, to_folder(template), actor_id=None)
            create_people(store, to_folder(template))
            database.close()
            done[template] = folder / "site.sqlite3"
        return done[template]

    return publish


@pytest.fixture
def open_site(published: Callable[[str, SetClock], Path], clock: SetClock, tmp_path: Path) -> Iterator[Any]:
    stores: list[Store] = []

    def open_(template: str) -> Site:
        copy = tmp_path / "site.sqlite3"
        shutil.copy(published(template, clock), copy)
        stores.append(Store(open_database(f"sqlite:///{copy}"), tmp_path / "files", clock))
        return Site(stores[-1], clock, to_folder(template))

    yield open_
    for store in stores:
        store.database.close()
