"""The tutorial is followed to the letter: each change is made to a copy of the template, each answer compared."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from engine.clock import SetClock
from engine.compiler.compile import load_app
from engine.definition.source import SourceFolder
from engine.errors import DefinitionError
from engine.examples.running import play_folder
from engine.storage import catalog
from engine.storage.database import Database
from engine.storage.store import Store
from tests.conftest import ROOT, to_folder
from tests.examples.about import examples_about
from web.cli.plans import show_plan
from web.cli.site import Site

TUTORIALS = {"zh": "tutorial-change-a-template.zh.md", "en": "tutorial-change-a-template.md"}
_BLOCK = re.compile(r"^```(diff|text|sh)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_REPLACED = re.compile(r"sed -i -E 's/(.*)(?<!\\)/(.*)/' our-crm/\*/examples/\*\.yaml")


@dataclass
class Copy:
    """The reader's own copy of the template while the tutorial goes on."""

    files: dict[str, str] = field(default_factory=lambda: dict(to_folder("manufacturing").files))

    def change(self, diff: str) -> None:
        head, *lines = diff.splitlines()
        name = head.removeprefix("--- ")
        before = "".join(f"{line[1:]}\n" for line in lines if line[0] in " -")
        after = "".join(f"{line[1:]}\n" for line in lines if line[0] in " +")
        assert self.files[name].count(before) == 1, f"{name} does not hold this once:\n{before}"
        self.files[name] = self.files[name].replace(before, after)

    def replace(self, what: str, by: str) -> None:
        for name in [name for name in self.files if re.fullmatch(r"[^/]+/examples/[^/]+\.yaml", name)]:
            self.files[name] = re.sub(what, by, self.files[name])

    def folder(self) -> SourceFolder:
        return SourceFolder(self.files)


def _blocks(language: str) -> Iterator[tuple[str, str]]:
    text = (ROOT / "docs" / TUTORIALS[language]).read_text(encoding="utf-8")
    for found in _BLOCK.finditer(text):
        yield found[1], found[2]


@pytest.mark.parametrize("language", TUTORIALS)
def test_the_tutorial_can_be_followed(
    language: str, sqlite_database: Database, tmp_path: Path, clock: SetClock, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = Copy()
    store = Store(sqlite_database, tmp_path / "files", clock)
    catalog.publish(store, copy.folder(), actor_id=None)
    answers = 0
    for kind, block in _blocks(language):
        if kind == "diff":
            copy.change(block)
            continue
        if kind == "sh":
            for what, by in _REPLACED.findall(block):
                copy.replace(what, by)
            continue
        said = _answer(store, copy.folder(), language, tmp_path, capsys)
        assert [line for line in block.splitlines() if line not in said] == []
        answers += 1
    assert answers == 2
    app = load_app(copy.folder())
    assert app.entities["quote"].fields["packing"].label["en"] == "Packing"
    stages = app.entities["quote"].workflow
    assert stages is not None
    assert [need.key for need in stages.stages["sent"].enter] == ["valid", "packing"]
    if language == "zh":  # the other one makes the same changes
        outcomes = play_folder(SourceFolder(examples_about(copy.files, "quote")))
        assert [outcome.example.key for outcome in outcomes if outcome.problems] == []
        assert len(outcomes) > 100


def _answer(store: Store, folder: SourceFolder, language: str, home: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """What `check` says of a folder with a mistake, else what `plan` says."""
    try:
        plan = catalog.plan(store, folder)
    except DefinitionError as error:
        return "\n".join(problem.text(language) for problem in error.problems)
    show_plan(Site(language, str(home), {}), store, plan)
    return capsys.readouterr().out


def test_both_languages_make_the_same_changes() -> None:
    changes = [[block for kind, block in _blocks(language) if kind == "diff"] for language in TUTORIALS]
    assert changes[0] == changes[1]
    assert {block.splitlines()[0].removeprefix("--- ").split("/")[0] for block in changes[0]} == {"locales", "quote"}
