"""The company of ``world.py`` with an ERP that talks to it, opened once for all tests of a module.

Enters: a folder, and a PostgreSQL server unless SQLite will do. Leaves: a ``World`` in which there is a won deal too,
and programs with tokens of anybody. Must not be asked by tests that need the company as it was when it was built.
"""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from engine.clock import SetClock
from engine.people import accounts, tokens
from engine.people.token_scopes import read_scope
from engine.storage.database import open_database
from tests import prepared
from tests.access.test_two_worlds import open_vault
from tests.access.world import SECRET, World, build_world
from tests.web.conftest import Program


@contextmanager
def open_world(folder: Path, server: str | None = None) -> Iterator[World]:
    """Build the company, let the ERP in, and win a deal."""
    with ExitStack() as stack:
        if server is None:
            database = open_database(f"sqlite:///{folder / 'formwork.sqlite3'}")
        else:
            database = stack.enter_context(prepared.a_postgresql_database(server))
        prepared.with_system_tables(database)
        found = build_world(open_vault(database, folder, SetClock(datetime(2026, 3, 2, 1, 0, tzinfo=UTC))))
        with found.desk.store.write() as session:
            made = accounts.create_user(session, login="erp", name="ERP", password=None, roles=["erp"], actor=None)
        found.desk.ids["erp"] = made
        boss = found.desk.program("boss")
        deal = boss.made("deal", title="赢的单", price="12", margin="1", memo=found.mark(SECRET, "won"))
        boss.post(f"/deal/{deal['id']}/moves/drop", {"reason": found.mark(SECRET, "why")}, If_Match='"1"')
        found.ids["won"] = [deal["id"]]
        yield found
        found.desk.app.extensions["formwork.store"].database.close()
        database.close()


def token_of(world: World, login: str, scope: Mapping[str, Any] | None = None) -> Program:
    """Return a program with a token of somebody, narrowed to ``scope``."""
    with world.desk.store.write() as session:
        owner = accounts.find_user(session.connection, login)
        narrowed = None if scope is None else read_scope(scope)
        token = tokens.create_token(session, user_id=owner, label="erp", scope=narrowed, actor=None)
    return Program(world.desk.app.test_client(), token)
