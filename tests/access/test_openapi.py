"""The OpenAPI document and the routes of the API agree, both ways, for everybody; and answers fit it.

A route that no document describes fails, and so does a described one that is not there. schemathesis makes requests of
each document, good and bad ones, the same ones each time, and holds every answer against it. For longer, by hand:
``SCHEMATHESIS=50 pytest tests/access/test_openapi.py``: so many of each kind, and every edge of every parameter.
"""

import os
import re
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from flask import Flask
from schemathesis import engine
from schemathesis.config import SchemathesisConfig

from engine.storage.database import Database
from engine.storage.store import Store
from tests.access.programs import open_world, token_of
from tests.access.test_tokens import DEALS
from tests.access.world import FORBIDDEN, World
from tests.web.conftest import OpenDesk, Program, add_people
from web.gate import _NARROW

METHODS = ("get", "post", "put", "patch", "delete")
EVERYBODY = (*FORBIDDEN, "boss")
Operation = tuple[str, str]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with open_world(tmp_path_factory.mktemp("openapi")) as found:
        yield found


def document_of(program: Program) -> dict[str, Any]:
    answer = program.get("/openapi.json")
    assert answer.status_code == 200
    return answer.get_json()


def reached(app: Flask, document: dict[str, Any]) -> Iterator[tuple[Operation, str]]:
    """Yield each operation of a document with the endpoint that answers it; none fails."""
    adapter = app.url_map.bind("localhost")
    for path, item in document["paths"].items():
        address = "/api/v1" + re.sub(r"\{[a-z_]+\}", "1", path)
        for method in (name for name in item if name in METHODS):
            endpoint, _ = adapter.match(address, method=method.upper())
            yield (method, path), endpoint


def test_every_route_is_described_to_somebody(world: World) -> None:
    app = world.desk.app
    described: dict[str, set[str]] = {}
    for login in EVERYBODY:
        for (method, _), endpoint in reached(app, document_of(token_of(world, login))):
            described.setdefault(endpoint, set()).add(method.upper())
    rules = [rule for rule in app.url_map.iter_rules() if str(rule).startswith("/api/")]
    there = {(method, rule.endpoint) for rule in rules for method in rule.methods - {"HEAD", "OPTIONS"}}
    assert {(method, name) for name, methods in described.items() for method in methods} == there


@pytest.mark.parametrize("login", EVERYBODY)
def test_an_operation_names_every_part_of_its_path(world: World, login: str) -> None:
    for path, item in document_of(token_of(world, login))["paths"].items():
        for method in (name for name in item if name in METHODS):
            given = [*item.get("parameters", ()), *item[method].get("parameters", ())]
            named = {one["name"] for one in given if one["in"] == "path"}
            assert named == set(re.findall(r"\{([a-z_]+)\}", path)), (method, path)
            assert {"400", "401", "403", "404", "409", "422"} <= item[method]["responses"].keys()


def test_a_narrow_token_is_told_of_what_it_reaches_and_nothing_else(world: World) -> None:
    wide = {"may": ["read", "create", "change", "delete", "move", "press"]}
    for program in (token_of(world, "erp"), token_of(world, "boss", {"deal": DEALS}),
                    token_of(world, "boss", {"deal": wide})):  # fmt: skip
        for operation, endpoint in reached(world.desk.app, document_of(program)):
            assert hasattr(world.desk.app.view_functions[endpoint], _NARROW), operation


LONGER = int(os.environ.get("SCHEMATHESIS", "0"))
EDGES = r"^/(deal|deal/\{id\}|deal/figures|search)$"
"""Of these operations every edge of every parameter is tried each time; of all others with ``SCHEMATHESIS``."""

MEANT = {
    "unsupported_method": "a word such as `changes` stands where the id of a record stands: it is 404, no record",
    "allow_header_conformance": "for the same reason",
}
"""Checks that are not made, each with the reason."""

REFUSED = ["2xx", "401", "403", "404", "409", "422", "428"]
"""What good data may be answered: rules, rights and versions are not in the document."""

AS_PEOPLE_WRITE = re.compile(r"Invalid component: in body")
"""Values of records are read as in a form or a sheet: ``10086`` is a text, ``"是"`` a boolean, a label its option."""


def broken(app: Flask, program: Program, *, edges: bool, examples: int, only: str = "") -> list[str]:
    """Ask for the operations of the document of ``program``; return what the answers break."""
    header = {"Authorization": f"Bearer {program.token}", "Accept-Encoding": "identity"}
    phases = {"examples": False, "stateful": False, "coverage": edges, "fuzzing": examples > 0}
    checks = {name: {"enabled": False} for name in MEANT}
    config = SchemathesisConfig.from_dict({
        "seed": 1, "headers": header, "continue-on-failure": True,
        "generation": {"deterministic": True, "database": "none", "no-shrink": True, "max-examples": max(examples, 1)},
        "phases": {name: {"enabled": on} for name, on in phases.items()},
        "checks": checks | {"positive_data_acceptance": {"expected-statuses": REFUSED}},
    })  # fmt: skip
    schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", app, config=config, headers=header)
    asked, found = 0, []
    for event in engine.from_schema(schema.include(path_regex=only) if only else schema).execute():
        recorder = getattr(event, "recorder", None)
        for id_, made in recorder.checks.items() if recorder is not None else ():
            asked += 1
            failures = [check.failure_info.failure for check in made if check.failure_info is not None]
            sent = recorder.interactions[id_].request if failures else None
            found += [
                f"{sent.method} {sent.uri} {sent.body!r}: {failure.title}: {failure.message}" for failure in failures
                if not AS_PEOPLE_WRITE.search(failure.message)
            ]  # fmt: skip
    assert asked > 10
    return found


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # it closes no file it downloads
@pytest.mark.parametrize(("login", "only"), [("boss", ""), ("root", "^/admin"), ("erp", "")])
def test_answers_fit_the_document_whatever_is_sent(world: World, login: str, only: str) -> None:
    program = token_of(world, login)
    assert broken(world.desk.app, program, edges=LONGER > 0, examples=LONGER or 1, only="" if LONGER else only) == []


def test_every_edge_of_a_parameter_is_answered_as_told(world: World) -> None:
    assert broken(world.desk.app, token_of(world, "boss"), edges=True, examples=0, only=EDGES) == []


@pytest.fixture
def database(sqlite_database: Database) -> Database:
    """SQLite alone: what is asked here is answered above the database."""
    return sqlite_database


def let_a_rep_in(store: Store) -> None:
    """Create somebody who sells."""
    add_people(store, {"rep": ("north", "rep")})


def test_the_manufacturing_template_answers_as_its_document_says(open_desk: OpenDesk) -> None:
    desk = open_desk(definition="manufacturing", people=let_a_rep_in)
    only = "" if LONGER else r"^/(quote|customer)(/|$)"
    assert broken(desk.app, desk.program("rep"), edges=LONGER > 0, examples=LONGER or 1, only=only) == []
