"""The commands and definitions of the pages about changing a process, run in their order."""

import json
import re
import shlex
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.conftest import ROOT
from tests.docs.test_pages import blocks, change
from tests.examples.about import examples_about
from web.cli import make_cli

LANGUAGES = {"en": "changing-a-process.md", "zh": "changing-a-process.zh.md"}


def fenced(page: str) -> list[tuple[str, str]]:
    """Every block of a page with its language, in order."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    return re.findall(r"^```(sh|diff)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def test_both_languages_show_the_same_commands_and_definitions() -> None:
    pages = [list(fenced(page)) for page in LANGUAGES.values()]
    assert pages[0] == pages[1]
    assert {text.split("/")[0] for kind, text in pages[0] if kind == "diff"} == {"--- quote"}
    assert len(list(blocks(ROOT / "docs" / LANGUAGES["en"], "sh"))) == sum(kind == "sh" for kind, _ in pages[0])


def test_every_command_of_the_pages_does_what_is_told(
    installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    language = "zh"
    site = tmp_path / "site"
    shutil.copytree(installed, site)
    monkeypatch.chdir(site)
    said: dict[str, str] = {}
    for kind, text in fenced(LANGUAGES[language]):
        if kind == "diff":
            write_change(site / "our-crm", text)
        else:
            for line in text.splitlines():
                said[line.split()[1] + f" {len(said)}"] = formwork(line, language)
                if line.startswith("formwork new "):
                    keep_examples_of_quotes(site / line.split()[2])
    planned = next(text for command, text in said.items() if command.startswith("publish"))
    assert "需要对应" in planned
    done = [text for command, text in said.items() if command.startswith("migrate")][-1]
    assert "迁移了 2 件，0 件" in done
    left = json.loads(formwork("formwork migrate quote_price --json", language))
    assert len(left["approvals"]) == 4 and all(one["verdict"] == "moves" for one in left["approvals"])


def formwork(line: str, language: str) -> str:
    """Run a command line of the page in this process, without anybody at the keyboard, and return what it prints."""
    command, _, may_fail = line.partition(" </dev/null || ")
    result = CliRunner().invoke(make_cli(language), shlex.split(command)[1:])
    assert result.exit_code == 0 or may_fail == "true", f"{line}\n{result.output}"
    assert "Traceback" not in result.output
    return result.stdout


def keep_examples_of_quotes(folder: Path) -> None:
    """Remove the examples that publishing would play and that no change of the pages, all of quotes, can turn."""
    files = {str(path.relative_to(folder)): path.read_text(encoding="utf-8") for path in folder.rglob("*.yaml")}
    for path in files.keys() - examples_about(files, "quote").keys():
        (folder / path).unlink()


def write_change(folder: Path, diff: str) -> None:
    """Change the file a block names as it shows."""
    path = diff.splitlines()[0].removeprefix("--- ")
    files = {path: (folder / path).read_text(encoding="utf-8")}
    change(files, diff)
    (folder / path).write_text(files[path], encoding="utf-8")
