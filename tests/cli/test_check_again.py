"""A second check does not wait for what the first worked out, and believes nothing else than it would find itself."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from engine import memory
from engine.definition.kept import parse_kept
from engine.expression.parse import parse
from engine.expression.portable import tree_from_json, tree_to_json
from tests.cli.conftest import DESK, Run

HEAVY = "('sqlalchemy', 'jsonschema', 'lark', 'flask', 'alembic', 'engine.compiler.compile')"
LOADED = (
    "import sys; from web.cli import make_cli; from click.testing import CliRunner;"
    "print(CliRunner().invoke(make_cli('en'), sys.argv[1:]).exit_code);"
    f"print([name for name in {HEAVY} if name in sys.modules])"
)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "formwork" / "checks.json"


def check_apart(folder: object) -> list[str]:
    """Check in a process of its own; return the exit code and the heavy libraries it loaded."""
    command = [sys.executable, "-c", LOADED, "check", str(folder)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()


def test_a_second_check_loads_no_more_than_it_needs(cache: Path, tmp_path: Path) -> None:
    folder = tmp_path / "desk"
    shutil.copytree(DESK, folder)
    assert check_apart(folder) == ["0", "['lark', 'engine.compiler.compile']"], (
        "what says in words what is wrong is not needed"
    )
    assert cache.stat().st_mode & 0o777 == 0o600
    assert check_apart(folder) == ["0", "[]"]
    (folder / "app.yaml").write_text((folder / "app.yaml").read_text(encoding="utf-8") + "# said\n", encoding="utf-8")
    assert check_apart(folder) == ["0", "['engine.compiler.compile']"], "not the grammar"


def test_a_mistake_is_found_however_often_the_folder_was_good(cache: Path, tmp_path: Path, run: Run) -> None:
    folder = tmp_path / "desk"
    shutil.copytree(DESK, folder)
    assert [run("check", folder).exit_code for _ in range(2)] == [0, 0]
    file = folder / "ticket" / "entity.yaml"
    good = file.read_text(encoding="utf-8")
    file.write_text(good.replace("type: money", "type: mony"), encoding="utf-8")
    assert [run("check", folder).exit_code for _ in range(2)] == [1, 1]
    file.write_text(good, encoding="utf-8")
    assert run("check", folder).exit_code == 0


@pytest.mark.parametrize("damage", [b"", b"{}", b"\xff\x00", b"0" * 64 + b"\n[1, 2]", b"[" * 100_000, None])
def test_a_damaged_memory_is_the_same_as_none(cache: Path, damage: bytes | None) -> None:
    assert check_apart(DESK)[0] == "0"
    whole = cache.read_bytes()
    cache.write_bytes(whole[: len(whole) // 2] if damage is None else damage)
    assert check_apart(DESK)[0] == "0"
    assert cache.read_bytes() == whole


def test_a_memory_that_cannot_be_written_costs_only_time(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert check_apart(DESK)[0] == "0"


def test_a_change_of_the_notation_makes_everything_forgotten(tmp_path: Path) -> None:
    source, file = tmp_path / "entity.json", tmp_path / "checks.json"
    source.write_text("1", encoding="utf-8")
    with memory.opened(file, [source]):
        memory.remember("kind", "x", 1)
    with memory.opened(file, [source]):
        assert memory.recall("kind", "x") == 1
    source.write_text("12", encoding="utf-8")
    with memory.opened(file, [source]):
        assert memory.recall("kind", "x") is None
    assert memory.recall("kind", "x") is None, "nothing is recalled outside the block"


@pytest.mark.parametrize(
    "text",
    ["a", "not a and -b < 3.50", "x in ['a', 'b'] or y is not missing", "count(quotes where stage = 'sent') > 2",
     "d between 2026-01-01 and today() + 2wd", "round(p * 15%, 2) = 1w + 3h", "customer.grade not in [true, 'x']"],
)  # fmt: skip
def test_a_tree_comes_back_as_it_was(text: str) -> None:
    assert tree_from_json(tree_to_json(parse(text))) == parse(text)


@pytest.mark.parametrize(
    "wrong", [None, 1, [], [1], [2, ["Name", 0, 1, "a"]], [1, ["Name"]], [1, ["os"]], [1, "a"], {"a": 1}]
)
def test_what_is_no_tree_is_refused(wrong: object) -> None:
    with pytest.raises(ValueError, match="no tree"):
        tree_from_json(wrong)


def test_one_text_is_read_once() -> None:
    text = "entity: thing\nlabel: Thing\n"
    assert parse_kept(text, "thing/entity.yaml") is parse_kept(text, "thing/entity.yaml")
    assert parse_kept(text, "other/entity.yaml").file == "other/entity.yaml"
