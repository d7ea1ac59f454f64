"""A running service desk with a few people, used the way browsers and programs use it."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from engine.clock import SetClock
from engine.people import accounts, departments, tokens
from engine.storage.store import Store
from tests.conftest import MakeStore
from web.app import create_app
from web.settings import Settings

DESK = Path(__file__).parent / "desk"
PASSWORD = "velvet-harbour-19"
PEOPLE = {"rep1": ("north", "rep"), "rep2": ("south", "rep"), "lead": ("north", "manager"), "guest": ("north", "guest"),
          "root": ("north", "admin")}  # fmt: skip


@dataclass
class Browser:
    """Somebody at a browser: keeps cookies and sends the CSRF token as the pages do."""

    client: FlaskClient

    def get(self, path: str, **more: Any) -> TestResponse:
        return self.client.get(path, **more)

    def post(self, path: str, *, csrf: bool = True, **more: Any) -> TestResponse:
        headers = {"X-CSRFToken": self.csrf()} if csrf else {}
        return self.client.post(path, headers=headers | more.pop("headers", {}), **more)

    def csrf(self) -> str:
        page = self.client.get("/login").get_data(as_text=True)
        return re.search(r'name="csrf-token" content="([^"]+)"', page)[1]  # type: ignore[index]

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


OpenDesk = Callable[..., Desk]


@pytest.fixture
def open_desk(make_store: MakeStore, tmp_path: Path, clock: SetClock) -> Iterator[OpenDesk]:
    """Open the application over a published store, with other settings than usual, and let its people in."""
    opened: list[Store] = []

    def open_it(**changes: Any) -> Desk:
        store = make_store(DESK)
        given = {
            "home": tmp_path,
            "database_url": store.database.url.render_as_string(hide_password=False),
            "secret_key": "a-key-for-tests-that-is-long-enough-0123456789",
            "testing": True,
        }
        app = create_app(Settings(**given | changes), clock=clock)
        opened.append(app.extensions["formwork.store"])
        return Desk(app, store, clock, let_in(store))

    yield open_it
    for store in opened:
        store.database.close()


@pytest.fixture
def desk(open_desk: OpenDesk) -> Desk:
    return open_desk()


def let_in(store: Store) -> dict[str, int]:
    """Create the departments and people of the desk."""
    found = {}
    with store.write() as session:
        teams = {
            key: departments.create_department(session, key=key, name=key, actor=None) for key in ("north", "south")
        }
        for login, (team, role) in PEOPLE.items():
            found[login] = accounts.create_user(
                session,
                login=login,
                name=login.title(),
                password=PASSWORD,
                roles=[role],
                department=teams[team],
                actor=None,
            )
    return found
