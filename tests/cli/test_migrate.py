"""``formwork migrate`` as people and scripts call it."""

import json
from pathlib import Path

import pytest
from sqlalchemy import update

from engine.people import accounts
from engine.people.actor import Actor
from engine.records.commands import create_record
from tests.cli.conftest import Run, open_store

NOBODY = (
    ("nothing",),
    ("--map", "a"),
    ("check", "--map", "a=b"),
    ("--stage", "x"),
    ("--stage", "ticket.lost=nowhere"),
    ("99",),
)


@pytest.fixture
def stuck(home: Path) -> int:
    """A ticket in a stage that the workflow does not know."""
    store = open_store(home)
    with store.write() as session:
        for login, role in (("root", "admin"), ("rep", "rep")):
            accounts.create_user(session, login=login, name=login, password=None, roles=[role], actor=None)
    with store.write() as session:
        actor: Actor = accounts.get_actor(session.connection, accounts.find_user(session.connection, "rep") or 0)
        record = create_record(session, "ticket", {"title": "泵漏水"}, actor=actor)
        table = session.tables.entity["ticket"]
        session.connection.execute(update(table).where(table.c.id == record.id).values(stage="lost"))
    store.database.close()
    return record.id


def test_when_nothing_is_to_be_moved_it_says_so(run: Run) -> None:
    result = run("migrate")
    assert (result.exit_code, "Nothing runs under an earlier release" in result.stdout) == (0, True)


@pytest.mark.parametrize("arguments", NOBODY)
def test_what_is_wrongly_named_is_said_in_a_sentence(run: Run, arguments: tuple[str, ...]) -> None:
    result = run("migrate", *arguments)
    assert result.exit_code == 1 and len(result.stderr.strip().splitlines()) == 1


def test_the_plan_is_asked_about_and_only_what_was_looked_at_is_done(run: Run, home: Path, stuck: int) -> None:
    asked = ("migrate", "--stage", f"ticket/{stuck}=open", "--reason", "new system", "--as", "root")
    refused = run(*asked, input="n\n")
    assert refused.exit_code == 1 and "from 'lost' to" in refused.stdout
    found = json.loads(run(*asked, "--json").stdout)
    assert [one["from"] for one in found["records"]] == ["lost"]
    assert run(*asked, "--yes", "--expect", "0" * 16).exit_code == 1
    done = run(*asked, "--yes", "--expect", found["digest"])
    assert done.exit_code == 0 and "1 moved, 0 left as they were." in done.stdout
    assert "stays in" in run(*asked, "--yes").stdout
    with open_store(home).read() as session:
        table = session.tables.entity["ticket"]
        assert session.connection.execute(table.select()).one().stage == "open"


def test_what_lacks_something_stays_and_says_what(run: Run, stuck: int) -> None:
    result = run("migrate", "--stage", "ticket.lost=done", "--yes", "--as", "root", "--reason", "x")
    assert result.exit_code == 0 and "lacks" in result.stdout and "答复" in result.stdout
