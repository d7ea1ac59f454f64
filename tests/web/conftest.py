"""A running service desk with a few people, used the way browsers and programs use it."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from jinja2.bccache import Bucket, BytecodeCache
from sqlalchemy import select
from werkzeug.test import TestResponse

from engine.clock import Clock, SetClock
from engine.definition.parser import parse_documents
from engine.people import accounts, departments, tokens
from engine.people.casting import create_cast
from engine.storage.store import Store
from engine.storage.system_tables import users
from tests.conftest import MakeStore, to_folder
from tests.prepared import let_work_end
from web.app import create_app, serve_installation
from web.settings import Settings

DESK = Path(__file__).parent / "desk"
PASSWORD = "velvet-harbour-19"
PEOPLE = {"rep1": ("north", "rep"), "rep2": ("south", "rep"), "lead": ("north", "manager"), "guest": ("north", "guest"),
          "root": ("north", "admin")}  # fmt: skip


@dataclass
class Browser:
    """Somebody at a browser: keeps cookies and sends the CSRF token as the pages do."""

    client: FlaskClient
    seen: tuple[str, str] = ("", "")
    """The session cookie under which the sign-in page was seen, and the token it showed."""

    def get(self, path: str, **more: Any) -> TestResponse:
        return self.client.get(path, **more)

    def post(self, path: str, *, csrf: bool = True, **more: Any) -> TestResponse:
        headers = {"X-CSRFToken": self.csrf()} if csrf else {}
        return self.client.post(path, headers=headers | more.pop("headers", {}), **more)

    def csrf(self) -> str:
        """Return the token that a page shows: the same one as long as the session is."""
        if not self.seen[0] or self.seen[0] != self._session():
            page = self.client.get("/login").get_data(as_text=True)
            token = re.search(r'name="csrf-token" content="([^"]+)"', page)[1]  # type: ignore[index]
            self.seen = (self._session(), token)
        return self.seen[1]

    def _session(self) -> str:
        cookie = self.client.get_cookie("formwork")
        return cookie.value if cookie else ""

    def sign_in(self, login: str, password: str = PASSWORD, **more: Any) -> TestResponse:
        return self.post("/login", data={"username": login, "password": password, **more})

    @property
    def signed_in(self) -> bool:
        return self.client.get("/settings/account").status_code == 200


@dataclass
class Program:
    """A program with a token: sends and reads JSON."""

    client: FlaskClient
    token: str

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> TestResponse:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        given.setdefault("Authorization", f"Bearer {self.token}")
        data = None if body is None else body if isinstance(body, bytes) else json.dumps(body)
        return self.client.open(
            f"/api/v1{path}", method=method, data=data, content_type=given.pop("Content-Type", "application/json"),
            headers=given,
        )  # fmt: skip

    def get(self, path: str, **headers: str) -> TestResponse:
        return self.call("GET", path, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> TestResponse:
        return self.call("POST", path, body, **headers)

    def patch(self, path: str, body: Any, version: int, **headers: str) -> TestResponse:
        return self.call("PATCH", path, body, If_Match=f'"{version}"', **headers)

    def made(self, entity: str, **values: Any) -> dict[str, Any]:
        said = self.post(f"/{entity}", values)
        assert said.status_code == 201, said.get_data(as_text=True)
        return said.get_json()


@dataclass
class Desk:
    """The running application and its people."""

    app: Flask
    store: Store
    clock: SetClock
    ids: dict[str, int]

    def browser(self, login: str | None = None) -> Browser:
        browser = Browser(self.app.test_client())
        if login is not None:
            assert browser.sign_in(login).status_code == 303
        return browser

    def program(self, login: str) -> Program:
        with self.store.write() as session:
            token = tokens.create_token(session, user_id=self.ids[login], label="test", actor=None)
        return Program(self.app.test_client(), token)


class _Compiled(BytecodeCache):
    """Page templates this process has compiled: each application would do it anew."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if (bucket.key, bucket.checksum) in self.kept:
            bucket.bytecode_from_string(self.kept[bucket.key, bucket.checksum])

    def dump_bytecode(self, bucket: Bucket) -> None:
        self.kept[bucket.key, bucket.checksum] = bucket.bytecode_to_string()


_COMPILED = _Compiled()


class _WholeAnswers(FlaskClient):
    """Reads each answer to its end, as a browser does: a download that nobody reads would keep its file open."""

    def open(self, *args: Any, **more: Any) -> TestResponse:
        return super().open(*args, **{"buffered": True} | more)


_SPARE: dict[str, list[Flask]] = {}
"""Applications another test is done with, by all that was set but the place: making one takes its time."""


def open_app(settings: Settings, clock: Clock) -> Flask:
    """The application as it is served, with the page templates compiled once for all tests."""
    spare = _SPARE.get(_kind_of(settings))
    if spare:
        app = spare.pop()
        serve_installation(app, settings, clock)
        return app
    app = create_app(settings, clock=clock)
    app.test_client_class = _WholeAnswers
    app.jinja_env.bytecode_cache = _COMPILED
    return app


def close_app(app: Flask) -> None:
    """Close the store of an application, which may then serve another test."""
    let_work_end()
    app.extensions["formwork.store"].database.close()
    _SPARE.setdefault(_kind_of(app.extensions["formwork.settings"]), []).append(app)


def _kind_of(settings: Settings) -> str:
    """All that an application is made of but its home and its database."""
    rest = replace(settings, home=Path(), database_url="")
    return repr([getattr(rest, one.name) for one in fields(rest)])


OpenDesk = Callable[..., Desk]


def open_over(store: Store, home: Path, clock: SetClock, **changes: Any) -> Desk:
    """Open the application over a store that has people, with other settings than usual."""
    given = {
        "home": home,
        "database_url": store.database.url.render_as_string(hide_password=False),
        "secret_key": "a-key-for-tests-that-is-long-enough-0123456789",
        "testing": True,
    }
    return Desk(open_app(Settings(**given | changes), clock), store, clock, ids_of(store))


def let_in(store: Store) -> None:
    """Create the departments and people of the desk."""
    add_people(store, PEOPLE)


def add_people(store: Store, people: Mapping[str, tuple[str, str]]) -> None:
    """Create two departments, and people in them: a login, their department, their role."""
    with store.write() as session:
        teams = {
            key: departments.create_department(session, key=key, name=key, actor=None) for key in ("north", "south")
        }
        for login, (team, role) in people.items():
            accounts.create_user(
                session,
                login=login,
                name=login.title(),
                password=PASSWORD,
                roles=[role],
                department=teams[team],
                actor=None,
            )


@pytest.fixture
def open_desk(make_store: MakeStore, tmp_path: Path, clock: SetClock) -> Iterator[OpenDesk]:
    """Open the application over a published store, with other settings than usual, and let its people in."""
    opened: list[Flask] = []

    def open_it(
        *,
        definition: Path | str | Mapping[str, str] = DESK,
        people: Callable[[Store], object] = let_in,
        **changes: Any,
    ) -> Desk:
        desk = open_over(make_store(definition, people), tmp_path, clock, **changes)
        opened.append(desk.app)
        return desk

    yield open_it
    for app in opened:
        close_app(app)


@pytest.fixture
def desk(open_desk: OpenDesk) -> Desk:
    return open_desk()


def let_in_cast(store: Store) -> None:
    """Create the departments and people of the demo of the manufacturing template."""
    documents = parse_documents(to_folder("manufacturing"), "demo")
    departments_, people = (
        {key: one for document in documents for key, one in document.data.get(part, {}).items()}
        for part in ("departments", "users")
    )
    with store.write() as session:
        create_cast(session, departments_, people, password=lambda: PASSWORD)


@pytest.fixture
def factory(open_desk: OpenDesk) -> Desk:
    """The manufacturing template with the people of its demo."""
    return open_desk(definition="manufacturing", people=let_in_cast)


def ids_of(store: Store) -> dict[str, int]:
    """Return the id of everybody by login."""
    with store.read() as session:
        return {user.login: user.id for user in session.connection.execute(select(users.c.login, users.c.id))}
