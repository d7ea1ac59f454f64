"""A template far from sales, written only from the docs: equipment, work orders, inspections, spare parts."""

from pathlib import Path

from click.testing import CliRunner
from sqlalchemy import func, select

from engine.clock import SetClock
from engine.examples.running import play_folder
from engine.storage.approval_tables import tasks
from engine.storage.store import Store
from tests.conftest import MakeStore, to_folder
from web import demo
from web.cli import make_cli

MAINTENANCE = Path(__file__).parent / "maintenance"


def test_the_folder_has_no_problem_speaks_english_and_needs_no_python() -> None:
    said = CliRunner().invoke(make_cli("en"), ["check", str(MAINTENANCE), "--strict"])
    assert said.output.startswith("No problems: Maintenance, 8 business objects, 2 approvals.")
    assert said.exit_code == 0
    assert list(MAINTENANCE.rglob("*.py")) == []


def test_its_examples_hold() -> None:
    outcomes = play_folder(to_folder(MAINTENANCE))
    assert len(outcomes) >= 80
    assert [one.problems for one in outcomes if one.problems] == []


def test_its_story_plays_on_each_database(make_store: MakeStore, clock: SetClock) -> None:
    store = played(make_store, clock)
    with store.read() as session:
        for key in store.app.menu:
            assert session.connection.scalar(select(func.count()).select_from(store.tables.entity[key])), key
        assert session.connection.scalar(select(func.count()).where(tasks.c.state == "open")) >= 3


def played(make_store: MakeStore, clock: SetClock) -> Store:
    store, folder = make_store(MAINTENANCE), to_folder(MAINTENANCE)
    demo.create_people(store, folder)
    demo.play_story(store, clock, folder)
    return store
