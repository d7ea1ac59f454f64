"""A site of the payments app in ``app/``, on SQLite and (where there is one) PostgreSQL, with a clock that is set."""

import os
import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import create_engine, select, text
from sqlalchemy.exc import OperationalError

from engine.clock import SetClock
from engine.compiler.app import CompiledApp
from engine.definition.source import SourceFolder
from engine.errors import FormworkError
from engine.people import accounts
from engine.people.actor import Actor
from engine.people.departments import create_department
from engine.records.commands import create_record
from engine.records.queries import get_record
from engine.records.record import Record
from engine.storage import releases
from engine.storage.database import Database, open_database
from engine.storage.store import Session, Store, load_stored
from engine.storage.system_tables import approval_events, history, outbox, tasks
from engine.storage.system_tables import approvals as approvals_table
from engine.storage.tables import build_tables
from engine.storage.upgrades import upgrade
from engine.workflow import approval_log, approvals, transitions
from engine.workflow.approval_state import ApprovalState

POSTGRES = os.environ.get("FORMWORK_TEST_POSTGRES", "postgresql+psycopg://root@127.0.0.1:5432/test")
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


def open_site(
    kind: str,
    folder: Path,
    sources: SourceFolder,
    change: Callable[[CompiledApp], CompiledApp],
    people: Callable[[Session, Site], None],
) -> Iterator[Site]:
    database = _open_postgresql() if kind == "postgresql" else open_database(f"sqlite:///{folder}/site.db")
    clock = SetClock(TUESDAY)
    try:
        upgrade(database)
        # Every site runs a release of its own.
        sources = SourceFolder(
            {**sources.files, "app.yaml": f"{sources.files['app.yaml']}\n# {secrets.token_hex(8)}\n"}
        )
        with database.write() as connection:
            build_tables(load_stored(sources)).metadata.create_all(connection)
            row = {"digest": sources.digest, "app": "payments", "version": "1", "sources": sources.files}
            releases.create_release(connection, row | {"created_at": TUESDAY, "created_by": None})
        site = Site(Store(database, folder / "files", clock, load=lambda stored: change(load_stored(stored))), clock)
        with site.store.write() as session:
            people(session, site)
        yield site
    finally:
        _drop(database)


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


def at_once(count: int, act: Callable[[int], Any]) -> list[Any]:
    """Run ``act`` in ``count`` threads that start together; a refusal is returned as the answer of its thread."""
    barrier = Barrier(count)

    def run(number: int) -> Any:
        barrier.wait(30)
        try:
            return act(number)
        except FormworkError as error:
            return error

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


def with_transfer(app: CompiledApp) -> CompiledApp:
    """The steps of ``spend`` offer handing over, which definitions cannot write yet."""
    spend = app.approvals["spend"]
    steps = {key: replace(step, allow=step.allow | {"transfer"}) for key, step in spend.steps.items()}
    return replace(app, approvals={**app.approvals, "spend": replace(spend, steps=steps)})


def _open_postgresql() -> Database:
    schema = f"wf_{secrets.token_hex(6)}"
    engine = create_engine(POSTGRES)
    try:
        with engine.begin() as connection:
            connection.execute(text(f"CREATE SCHEMA {schema}"))
    except OperationalError:
        pytest.skip("no PostgreSQL at FORMWORK_TEST_POSTGRES")
    finally:
        engine.dispose()
    return open_database(f"{POSTGRES}?options=-csearch_path%3D{schema}")


def _drop(database: Database) -> None:
    if database.dialect == "postgresql":
        options = str(database.url.query.get("options", ""))
        with database.engine.begin() as connection:
            connection.execute(text(f"DROP SCHEMA {options.rpartition('=')[2]} CASCADE"))
    database.close()
