"""``formwork schemas``: editors find the schemas of an installed package too."""

import json
from pathlib import Path

from engine.definition.kinds import KINDS
from tests.cli.conftest import Run


def test_it_says_where_they_lie(run: Run) -> None:
    folder = Path(run("schemas").stdout.strip())
    assert {path.stem for path in folder.glob("*.json")} >= set(KINDS)


def test_it_copies_them_again_and_again_but_not_among_other_things(run: Run, tmp_path: Path) -> None:
    for _ in range(2):
        assert run("schemas", "--into", tmp_path / "schemas").exit_code == 0
    assert json.loads((tmp_path / "schemas" / "entity.json").read_text("utf-8"))["title"] == "entity.yaml"
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes.txt").touch()
    refused = run("schemas", "--into", tmp_path / "other")
    assert refused.exit_code == 1 and [path.name for path in (tmp_path / "other").iterdir()] == ["notes.txt"]
