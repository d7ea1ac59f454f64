"""The pages of requirements and of figures name every row once, and what they say shows a row is there."""

import re
from functools import cache
from pathlib import Path

import pytest
import yaml

from tests.conftest import ROOT

LINES = (ROOT / "docs" / "requirements.md").read_text(encoding="utf-8").splitlines()
ROWS = [[cell.strip() for cell in line.strip("|").split("|")] for line in LINES if re.match(r"\| M\d+ \|", line)]

KPIS = {
    page: [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in (ROOT / "docs" / page).read_text(encoding="utf-8").splitlines()
        if re.match(r"\| 4\.\d+\.\d+ \|", line)
    ]
    for page in ("kpis.md", "kpis.zh.md")
}
CLAUSES = KPIS["kpis.md"]


def test_every_row_stands_there_once() -> None:
    assert sorted(int(row[0][1:]) for row in ROWS) == list(range(1, 98))
    assert {len(row) for row in ROWS} == {5}


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_what_shows_a_row_is_there(row: list[str]) -> None:
    _, _, holds, _, shown = row
    addresses = re.findall(r"`([^`]+)`", shown)
    assert holds in ("yes", "partly", "open")
    assert bool(addresses) == (holds != "open")
    assert [one for one in addresses if not _is_there(one)] == []


def test_what_shows_who_approves_is_there() -> None:
    rows = [
        line for line in LINES[LINES.index("## Who approves what, branch by branch") :] if "`" in line and "|" in line
    ]
    addresses = [one for line in rows for one in re.findall(r"`([^`]+)`", line)]
    assert len(addresses) > 50
    assert [one for one in addresses if not _is_there(one)] == []


def test_every_figure_that_was_asked_for_has_its_clauses_in_both_languages() -> None:
    numbers = [row[0] for row in CLAUSES]
    assert len(set(numbers)) == len(numbers)
    assert {int(one.split(".")[1]) for one in numbers} == set(range(16))
    english, chinese = ([(row[0], row[2], row[3], row[5]) for row in rows] for rows in KPIS.values())
    assert english == chinese
    assert {len(row) for rows in KPIS.values() for row in rows} == {6}


@pytest.mark.parametrize("row", CLAUSES, ids=[row[0] for row in CLAUSES])
def test_what_shows_a_clause_is_there(row: list[str]) -> None:
    """And the figures it names are; what holds in part says what is missing."""
    _, _, figures, holds, how, shown = row
    addresses = re.findall(r"`([^`]+)`", shown)
    assert holds in ("yes", "partly") and (how or holds == "yes") and addresses
    assert [one for one in addresses if not _is_there(one)] == []
    assert [one for one in re.findall(r"`([^`]+)`", figures) if one not in _figures()] == []


@cache
def _figures() -> frozenset[str]:
    """Return the figures of the template."""
    files = (ROOT / "templates" / "manufacturing").glob("*/reports.yaml")
    written = (yaml.safe_load(file.read_text(encoding="utf-8")) for file in files)
    return frozenset(f"{one['reports']}.{key}" for one in written for key in one.get("figures", ()))


def _is_there(address: str) -> bool:
    if address.startswith("tests/"):
        path, _, name = address.partition("::")
        found = Path(ROOT) / path
        return found.exists() and (not name or f"def {name}(" in found.read_text(encoding="utf-8"))
    place, _, example = address.partition(": ")
    app, thing, name = place.split("/")
    file = Path(ROOT) / "templates" / app / thing / "examples" / f"{name}.yaml"
    return file.is_file() and example in yaml.safe_load(file.read_text(encoding="utf-8"))["examples"]
