"""Every mistake in ``broken/`` is refused with exactly the sentences in its ``expected.txt``, English above Chinese.

A case holds only the files that differ from the app in ``sound/``. After a deliberate change of a sentence run
``UPDATE_EXPECTED=1 pytest tests/definition/test_broken.py`` and read the difference.
"""

import os
import shutil
from pathlib import Path

import pytest

from engine import memory
from engine.compiler.compile import load_app
from engine.definition.source import read_folder
from engine.errors import DefinitionError
from web.cli.checking import check_folder

HERE = Path(__file__).parent
CASES = sorted(path for path in (HERE / "broken").iterdir() if path.is_dir())


def problems_of(case: Path, folder: Path) -> str:
    shutil.copytree(HERE / "sound", folder, dirs_exist_ok=True)
    shutil.copytree(case, folder, dirs_exist_ok=True)
    with pytest.raises(DefinitionError) as refused:
        load_app(read_folder(folder))
    said = [[problem.text(language) for problem in refused.value.problems] for language in ("en", "zh")]
    return "\n\n".join("\n".join(sentences) for sentences in said) + "\n"


def test_the_app_the_cases_are_made_from_is_sound() -> None:
    assert load_app(read_folder(HERE / "sound")).key == "sound"


def test_there_are_at_least_two_hundred_of_them() -> None:
    assert len(CASES) >= 200


@pytest.fixture(scope="module")
def remembered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What checks remember, after the sound app was checked."""
    file = tmp_path_factory.mktemp("memory") / "checks.json"
    with memory.opened(file, []):
        assert check_folder(HERE / "sound").problems == ()
    with memory.opened(file, []):
        assert memory.recall("good", read_folder(HERE / "sound").digest)
    return file


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_each_broken_definition_is_refused_in_the_expected_words(case: Path, tmp_path: Path, remembered: Path) -> None:
    said = problems_of(case, tmp_path / "app")
    with memory.opened(remembered, []):
        again = check_folder(tmp_path / "app").problems
    assert "\n".join(problem.text("en") for problem in again) == said.partition("\n\n")[0]
    expected = case / "expected.txt"
    if os.environ.get("UPDATE_EXPECTED"):
        expected.write_text(said, encoding="utf-8", newline="\n")
    assert said == expected.read_text(encoding="utf-8")
