"""The page of requirements names every row once, and what it says shows a row is there."""

import re
from pathlib import Path

import pytest
import yaml

from tests.conftest import ROOT

LINES = (ROOT / "docs" / "requirements.md").read_text(encoding="utf-8").splitlines()
ROWS = [[cell.strip() for cell in line.strip("|").split("|")] for line in LINES if re.match(r"\| M\d+ \|", line)]


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


def _is_there(address: str) -> bool:
    if address.startswith("tests/"):
        path, _, name = address.partition("::")
        found = Path(ROOT) / path
        return found.exists() and (not name or f"def {name}(" in found.read_text(encoding="utf-8"))
    place, _, example = address.partition(": ")
    app, thing, name = place.split("/")
    file = Path(ROOT) / "templates" / app / thing / "examples" / f"{name}.yaml"
    return file.is_file() and example in yaml.safe_load(file.read_text(encoding="utf-8"))["examples"]
