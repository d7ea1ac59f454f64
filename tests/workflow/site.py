"""A site of the payments app in ``app/``, on SQLite and (where there is one) PostgreSQL, with a clock that is set."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select

from engine.clock import SetClock
from engine.definition.source import SourceFolder
from engine.people import accounts
from engine.people.actor import Actor
from engine.people.departments import create_department
from engine.records.commands import create_record
from engine.records.queries import get_record
from engine.records.record import Record
from engine.storage import releases
from engine.storage.approval_tables import approval_events, tasks
from engine.storage.approval_tables import approvals as approvals_table
from engine.storage.database import Database
from engine.storage.store import Session, Store, load_stored
from engine.storage.system_tables import history, outbox, users
from engine.storage.tables import build_tables
from engine.storage.upgrading import upgrade
from engine.workflow import transitions
from engine.workflow.approval import commands as approvals
from engine.workflow.approval import log as approval_log
from engine.workflow.approval.state import ApprovalState
from tests import prepared

APP = Path(__file__).parent / "app"
TUESDAY = datetime(2026, 3, 3, 2, 0, tzinfo=UTC)  # 10:00 in Shanghai


@dataclass
class Site:
    """A running site and shorthand for what its people do, each in a transaction of its own."""

    store: Store
    clock: SetClock
    people: dict[str, int] = field(default_factory=dict)

    def actor(self, login: str) -> Actor:
        with self.store.read() as session:
            return accounts.get_actor(session.connection, self.people[login], via="web")

    def create(self, login: str = "clerk", **values: Any) -> Record:
        price = values.pop("price", 500)
        raw = {"title": "买钢材", "items": [{"what": "钢材", "price": price}], **values}
        with self.store.write() as session:
            return create_record(session, "payment", raw, actor=self.actor(login))

    def move(self, login: str, record: Record, move: str, **more: Any) -> Record:
        version = more.pop("version", None) or self.record(record.id).version
        with self.store.write() as session:
            return transitions.move_record(
                session, "payment", record.id, move, version=version, actor=self.actor(login), **more
            )

    def submitted(self, move: str = "submit", login: str = "clerk", **values: Any) -> Record:
        return self.move(login, self.create(login, **values), move)

    def decide(self, login: str, record: Record, decision: str = "approve", **more: Any) -> ApprovalState:
        task = more.pop("task", None) or self.task(login, record)
        more.setdefault("reason", None if decision == "approve" else "理由")
        with self.store.write() as session:
            return approvals.decide(session, task, decision, actor=self.actor(login), **more)

    def withdraw(self, login: str, record: Record, **more: Any) -> ApprovalState:
        with self.store.write() as session:
            return approvals.withdraw(session, self.approval(record), actor=self.actor(login), **more)

    def task(self, login: str, record: Record) -> int:
        """The newest task of somebody in the last approval of a record."""
        own = (tasks.c.holder_id == self.people[login], tasks.c.approval_id == self.approval(record))
        with self.store.read() as session:
            found = session.connection.scalar(select(tasks.c.id).where(*own).order_by(tasks.c.id.desc()).limit(1))
        assert found is not None, f"{login} was not asked"
        return found

    def approval(self, record: Record) -> int:
        with self.store.read() as session:
            found = approval_log.find_latest(session, "payment", record.id)
        assert found is not None
        return found

    def state(self, record: Record) -> ApprovalState:
        with self.store.read() as session:
            kept = approval_log.read(session, self.approval(record))
        assert kept is not None
        return kept.state

    def record(self, id_: int, login: str = "boss") -> Record:
        with self.store.read() as session:
            return get_record(session, "payment", id_, actor=self.actor(login))

    def stage(self, record: Record) -> str:
        return str(self.record(record.id).values["stage"])

    def waiting(self, record: Record) -> list[str]:
        logins = {id_: login for login, id_ in self.people.items()}
        return [logins[task.person.id] for task in self.state(record).open_tasks]

    def history(self, record: Record) -> list[Any]:
        with self.store.read() as session:
            own = history.c.record_id == record.id
            return list(session.connection.execute(select(history).where(own).order_by(history.c.id)))

    def events(self, record: Record) -> list[str]:
        with self.store.read() as session:
            own = outbox.c.record_id == record.id
            return list(session.connection.scalars(select(outbox.c.type).where(own).order_by(outbox.c.id)))

    def rows(self) -> tuple[int, ...]:
        """How much is written in all: what a refused command must leave as it was."""
        with self.store.read() as session:
            tables = (approvals_table, approval_events, tasks, history, outbox)
            return tuple(len(session.connection.execute(select(table.c.id)).all()) for table in tables)


def open_site(database: Database, folder: Path, sources: SourceFolder, people: Callable[[Session, Site], None]) -> Site:
    """A site on which the sources hold, set apart by a comment from what tests publish later, and its people."""
    sources = SourceFolder({**sources.files, "app.yaml": f"{sources.files['app.yaml']}\n# the first release\n"})

    def install(database: Database) -> None:
        upgrade(database)
        with database.write() as connection:
            build_tables(load_stored(sources)).metadata.create_all(connection)
            row = {"digest": sources.digest, "app": "payments", "version": "1", "sources": sources.files}
            releases.create_release(connection, row | {"created_at": TUESDAY, "created_by": None})
        clock = SetClock(TUESDAY)
        site = Site(Store(database, folder / "files", clock), clock)
        with site.store.write() as session:
            people(session, site)

    prepared.fill(database, f"{sources.digest} {people.__module__}.{people.__qualname__}", install)
    clock = SetClock(TUESDAY)
    store = Store(database, folder / "files", clock)
    with store.read() as session:
        return Site(store, clock, dict(session.connection.execute(select(users.c.login, users.c.id)).all()))


def make_people(session: Session, site: Site) -> None:
    """The clerk reports to the manager, the manager to the boss (director), the boss to the chair."""
    team = create_department(session, key="purchase", name="采购部", actor=None)
    rest = create_department(session, key="head", name="总部", actor=None)

    def add(login: str, name: str, *roles: str, manager: str | None = None, department: int = team) -> None:
        above = site.people[manager] if manager else None
        site.people[login] = accounts.create_user(
            session,
            login=login,
            name=name,
            password=None,
            roles=roles,
            department=department,
            manager=above,
            actor=None,
        )

    add("chair", "董事长", "guest", department=rest)
    add("boss", "王总", "director", manager="chair", department=rest)
    add("manager", "李经理", "manager", manager="boss")
    add("clerk", "小陈", "clerk", manager="manager")
    add("other", "小赵", "clerk", manager="manager")
    add("money", "钱会计", "finance", department=rest)
    add("money2", "孙会计", "finance", department=rest)
    add("admin", "管理员", "admin", department=rest)
