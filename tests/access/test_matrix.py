"""Every address of the application, asked by everybody: what they may not know stands in no answer.

``matrix.txt`` is a table of the status codes each person got of every method and route: a new route without a line
fails, and so does one that opened or shut a door. ``UPDATE_EXPECTED=1`` writes it anew; read its difference like code.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.storage.database import Database
from tests.access.world import (
    FORBIDDEN,
    FOREIGN,
    MASKED,
    PRIVATE,
    SECRET,
    WORK,
    World,
    addresses,
    build_world,
    let_us_in,
)
from tests.web.conftest import OpenDesk

HERE = Path(__file__).parent
MATRIX = HERE / "matrix.txt"
LAST = ("auth.logout", "auth.end_session", "auth.end_other_sessions", "pages.people_end_session")
"""What ends the session one asks with comes at the end."""

SIGN_IN = ("second_step.ask", "second_step.take", "company.begin", "company.finish", "company.sign_out")
"""What leads back to its first page whoever has not begun."""

NAMED_TO_ADMINISTRATORS = re.compile(r"/admin/stranded/approval/\d+/move")
"""Where administrators set an approval going again they are told what the record is called, and nothing else of it."""


@pytest.fixture
def database(sqlite_database: Database) -> Database:
    """SQLite alone: ``test_two_worlds`` asks the same of both kinds."""
    return sqlite_database


@pytest.fixture
def world(open_desk: OpenDesk) -> World:
    return build_world(open_desk(definition=HERE / "vault", people=let_us_in))


def ask(world: World, login: str) -> Iterator[tuple[str, str, str, object]]:
    """Yield method, route, address and answer, first of all that read, then of all that change something."""
    rules = [rule for rule in world.desk.app.url_map.iter_rules() if rule.endpoint != "static"]
    browser = world.desk.browser(login)
    token = {"X-CSRFToken": browser.csrf()}
    pairs = [(method, rule) for rule in rules for method in rule.methods - {"HEAD", "OPTIONS"}]
    order = lambda pair: (pair[0] != "GET", pair[1].endpoint in LAST, str(pair[1]), pair[0])  # noqa: E731
    for method, rule in sorted(pairs, key=order):
        for address in addresses(rule, world):
            answer = browser.client.open(address, method=method, headers=token)
            assert rule.endpoint in (*LAST, *SIGN_IN) or answer.headers.get("Location") != "/login", (
                f"{address} ended the session"
            )
            try:
                yield method, str(rule), address, answer
            finally:  # also when nobody asks for the next one: an open answer holds a connection
                answer.close()


@pytest.mark.parametrize("login", list(FORBIDDEN))
def test_nobody_is_told_what_they_may_not_know(world: World, login: str) -> None:
    told, reached, broken = [], {}, []
    for method, rule, address, answer in ask(world, login):
        kinds = [kind for kind in FORBIDDEN[login] if kind != FOREIGN or not NAMED_TO_ADMINISTRATORS.match(address)]
        told += [(method, address, mark) for mark in world.found_in(answer, kinds)]
        broken += [(method, address, answer.status_code)] if answer.status_code >= 500 else []
        reached.setdefault(f"{method} {rule}", set()).add(answer.status_code)
    assert told == []
    assert broken == []
    compare(login, {key: sorted(found) for key, found in reached.items()})


def test_every_mark_is_found_by_somebody_who_may_know_it(world: World) -> None:
    """A mark that nobody could ever read would prove nothing."""
    found = {login: set() for login in ("boss", "other", "clerk")}
    for login, seen in found.items():
        for method, _, _, answer in ask(world, login):
            if method != "GET":
                break
            seen |= set(world.found_in(answer, (SECRET, FOREIGN, MASKED, WORK, PRIVATE)))
    missing = {kind: set(marks) - set().union(*found.values()) for kind, marks in world.marks.items()}
    assert missing == {kind: set() for kind in world.marks}
    assert not found["boss"] & set(world.marks[PRIVATE])
    assert found["clerk"] & set(world.marks[WORK])


def compare(login: str, reached: dict[str, list[int]]) -> None:
    """Compare with the lines of ``matrix.txt``: ``METHOD route`` and then ``login: codes`` of each person."""
    known = read_matrix()
    codes = {key: " ".join(map(str, found)) for key, found in reached.items()}
    if os.environ.get("UPDATE_EXPECTED"):
        write_matrix({key: known.get(key, {}) | {login: found} for key, found in codes.items()})
        return
    wrong = {key: (known.get(key, {}).get(login), found) for key, found in codes.items()
             if known.get(key, {}).get(login) != found}  # fmt: skip
    assert wrong == {}
    assert known.keys() == codes.keys(), "a route has gone, or is new"


def read_matrix() -> dict[str, dict[str, str]]:
    """Return the codes of each person by method and route."""
    found = {}
    for line in MATRIX.read_text(encoding="utf-8").splitlines() if MATRIX.exists() else ():
        method, route, *cells = (cell.strip() for cell in line.split("|"))
        if method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
            found[f"{method} {route}"] = dict(zip(FORBIDDEN, cells, strict=True))
    return found


def write_matrix(found: dict[str, dict[str, str]]) -> None:
    """Write a table with a line for every method and route."""
    rows = [[*key.split(" ", 1), *(found[key].get(login, "") for login in FORBIDDEN)]
            for key in sorted(found, key=lambda key: key.split(" ", 1)[::-1])]  # fmt: skip
    table = [["method", "route", *FORBIDDEN], *rows]
    widths = [max(len(row[at]) for row in table) for at in range(len(table[0]))]
    lines = [" | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in table]
    MATRIX.write_text("\n".join(lines) + "\n", encoding="utf-8")
