"""Each control-flow pattern of the table in the docs is played with real commands, and the table is true."""

import re
from pathlib import Path

import pytest

from engine.clock import SetClock
from engine.examples.reading import read_examples
from engine.examples.running import Outcome, play_folder, run_examples
from engine.storage import catalog
from engine.storage.database import Database
from engine.storage.store import Store
from engine.storage.upgrading import upgrade
from tests.conftest import ROOT
from tests.workflow.patterns.fixture import Fixture, read_fixtures
from tests.workflow.site import TUESDAY

FIXTURES = read_fixtures()
COVERED = {*range(1, 8), *range(10, 17), *range(18, 22), *range(24, 28), 29, 32, 34, 35, 36, 39, 43}
LATER = {9, 17, 22, 30, 37, 40}
REFUSED = {8, 23, 28, 31, 33, 38, 41, 42}
ON_BOTH = {3, 7, 10, 16, 25, 32}


def failed(outcomes: list[Outcome]) -> list[str]:
    return [problem.text("en") for outcome in outcomes for problem in outcome.problems]


@pytest.mark.parametrize("fixture", FIXTURES, ids=lambda one: one.file)
def test_a_pattern_does_what_its_scenario_says(fixture: Fixture) -> None:
    outcomes = play_folder(fixture.folder())
    assert failed(outcomes) == []
    assert len(outcomes) == len(fixture.examples)


@pytest.mark.parametrize("fixture", [one for one in FIXTURES if one.pattern in ON_BOTH], ids=lambda one: one.file)
def test_a_pattern_does_the_same_on_each_database(fixture: Fixture, database: Database, tmp_path: Path) -> None:
    clock = SetClock(TUESDAY)
    upgrade(database)
    store = Store(database, tmp_path / "files", clock)
    catalog.publish(store, fixture.folder(), actor_id=None)
    assert failed(run_examples(store, clock, read_examples(fixture.folder()))) == []


def rows(heading: str) -> dict[int, list[str]]:
    """The rows of the table under a heading of the page, by number."""
    text = (ROOT / "docs" / "control-flow-patterns.md").read_text(encoding="utf-8")
    part = re.split(rf"^## {heading}.*$", text, flags=re.MULTILINE)[1].split("\n## ")[0]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in part.splitlines() if line[:1] == "|"]
    return {int(row[0]): row[1:] for row in cells if row[0].isdigit()}


def test_the_table_names_every_fixture_and_nothing_else() -> None:
    shown = rows("Covered")
    assert {one.pattern: [one.name, one.scenario] for one in FIXTURES} == {at: row[:2] for at, row in shown.items()}
    for one in FIXTURES:
        assert f"fixtures/{one.file}.yaml" in shown[one.pattern][2]


def test_all_forty_three_patterns_are_accounted_for() -> None:
    assert {one.pattern for one in FIXTURES} == COVERED
    assert (set(rows("Later")), set(rows("Refused"))) == (LATER, REFUSED)
    assert set(range(1, 44)) == COVERED | LATER | REFUSED
