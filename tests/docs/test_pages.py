"""What the documentation says is there: links, commands, settings, changes, and the definitions it shows."""

import re
from collections.abc import Iterator
from configparser import ConfigParser
from pathlib import Path

import click
import pytest

import run
from engine.compiler.compile import load_app
from engine.definition.source import SourceFolder
from tests.conftest import ROOT, to_folder
from web.cli import COMMANDS
from web.cli.frame import Formwork
from web.settings import Settings

PAGES = [
    *ROOT.glob("*.md"),
    *(ROOT / "docs").rglob("*.md"),
    *(ROOT / "templates").glob("*/README.md"),
    ROOT / "bench/README.md",
]
LINK = re.compile(r"\]\(([^)\s]+)\)")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SETTING = re.compile(r"FORMWORK_[A-Z]+(?:_[A-Z]+)*")
# Their examples are built by tests of their own.
BUILT_ELSEWHERE = (
    "docs/reference/", "docs/field-types.md", "docs/expressions", "docs/tutorial-change-a-template", "docs/sites",
    "docs/approval-cookbook",
)  # fmt: skip


def name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path, *kinds: str) -> Iterator[str]:
    for found in BLOCK.finditer(page.read_text(encoding="utf-8")):
        if found[1] in kinds:
            yield found[2]


def command_lines() -> Iterator[tuple[str, list[str]]]:
    """The words of each command in each page, a line that goes on counted once."""
    for page in PAGES:
        for block in blocks(page, "sh"):
            for line in block.replace("\\\n", " ").splitlines():
                words = line.split()
                yield name(page), words


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_leads_somewhere(page: Path) -> None:
    links = [link for link in LINK.findall(page.read_text(encoding="utf-8")) if not link.startswith(("http", "#"))]
    assert [link for link in links if not (page.parent / link.partition("#")[0]).exists()] == []


def test_every_page_is_found_from_the_first() -> None:
    seen: set[Path] = set()
    waiting = [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in seen or page.suffix != ".md" or not page.is_file():
            continue
        seen.add(page)
        waiting += [(page.parent / link.partition("#")[0]).resolve() for link in LINK.findall(page.read_text("utf-8"))]
    assert sorted(name(page) for page in set(PAGES) - seen) == []


def test_commands_that_are_shown_exist() -> None:
    shown = [(page, words[words.index("formwork") + 1 :]) for page, words in command_lines() if "formwork" in words]
    shown = [(page, words) for page, words in shown if words]
    assert len(shown) > 20
    assert [(page, words) for page, words in shown if not is_command(words)] == []


def is_command(words: list[str]) -> bool:
    """Tell whether the words name a command and only options it has."""
    group: click.Command = Formwork(COMMANDS, "en")
    options = option_names(group)
    for word in words:
        if word.startswith("--"):
            if word not in options:
                return False
        elif isinstance(group, click.Group) and (found := group.get_command(click.Context(group), word)):
            group, options = found, options | option_names(found)
    return not isinstance(group, click.Group)


def option_names(command: click.Command) -> set[str]:
    return {option for one in command.params for option in (*one.opts, *one.secondary_opts)}


def test_commands_of_the_set_up_script_exist() -> None:
    shown = {words[2] for _, words in command_lines() if words[:2] == ["python3", "run.py"] and len(words) > 2}
    assert shown
    said = run.__doc__ or ""
    assert [one for one in shown if not one.startswith("--") and f"run.py {one} " not in said] == []


def test_every_setting_is_explained_and_every_explained_setting_exists() -> None:
    sources = [*(ROOT / "web").rglob("*.py"), *(ROOT / "engine").rglob("*.py")]
    known = {found for path in sources if "node_modules" not in path.parts for found in settings_in(path)}
    table = [
        line for line in (ROOT / "docs/deploy.md").read_text(encoding="utf-8").splitlines() if line.startswith("| `F")
    ]
    explained = [line.split("`")[1] for line in table]
    assert sorted(explained) == sorted(known)
    defaults = {line.split("|")[1].strip(" `"): line.split("|")[2].strip(" `") for line in table}
    assert defaults["FORMWORK_HOST"] == Settings.host
    assert defaults["FORMWORK_PORT"] == str(Settings.port)
    assert defaults["FORMWORK_LANG"] == Settings.language
    assert defaults["FORMWORK_LARGEST_UPLOAD_MB"] == str(Settings.largest_upload // 1024**2)


def settings_in(path: Path) -> set[str]:
    """The settings a module names, without a family (``FORMWORK_*``)."""
    return {found for found in SETTING.findall(path.read_text(encoding="utf-8"))}


@pytest.mark.parametrize("page", [page for page in PAGES if not name(page).startswith(BUILT_ELSEWHERE)], ids=name)
def test_definitions_that_are_shown_can_be_built(page: Path) -> None:
    files = dict(to_folder("manufacturing").files)
    for block in blocks(page, "diff"):
        change(files, block)
    for block in blocks(page, "yaml"):
        place = re.match(r"# (\S+\.yaml)\n", block)
        assert place, f"the first line of a YAML block names its file: {block.splitlines()[0]}"
        files[place[1]] = block
    assert load_app(SourceFolder(files)).key == "manufacturing"


def change(files: dict[str, str], diff: str) -> None:
    head, *lines = diff.splitlines()
    path = head.removeprefix("--- ")
    before = "".join(f"{line[1:]}\n" for line in lines if line[0] in " -")
    after = "".join(f"{line[1:]}\n" for line in lines if line[0] in " +")
    assert files[path].count(before) == 1, f"{path} does not hold this once:\n{before}"
    files[path] = files[path].replace(before, after)


def test_the_changes_tell_of_this_version() -> None:
    config = ConfigParser()
    config.read(ROOT / "setup.cfg")
    heads = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert heads[0] == config["metadata"]["version"]


def test_pages_in_two_languages_show_the_same_commands() -> None:
    for chinese in (page for page in PAGES if page.name.endswith(".zh.md")):
        english = chinese.with_name(chinese.name.replace(".zh.md", ".md"))
        said = [[words for block in blocks(page, "sh") for words in block.split("\n")] for page in (english, chinese)]
        english_only = {"export FORMWORK_LANG=en", "formwork --lang en check our-crm"}
        chinese_only = {"formwork check our-crm"} if "formwork --lang en check our-crm" in said[0] else set()
        left = [line for line in said[0] if line not in english_only and not line.startswith("formwork publish")]
        right = [line for line in said[1] if line not in chinese_only and not line.startswith("formwork publish")]
        assert left == right, name(english)


def test_the_architecture_names_modules_that_exist() -> None:
    text = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| \w+ \| `(\w+)/` \|.*\| ([^|]+) \|$", text, re.MULTILINE)
    assert len(rows) >= 9
    named = [f"engine/{folder}/{module}" for folder, modules in rows for module in re.findall(r"`(\w+)/?`", modules)]
    named += re.findall(r"`((?:\w+/)+(?:\w+(?:\.\w+)?)?)`", text)
    assert [path for path in named if not exists(path)] == []


def exists(path: str) -> bool:
    """Tell whether a page may call this a module, a file or a folder; a function may stand behind a module."""
    plain = path.rstrip("/")
    module = f"engine/{plain.rpartition('.')[0]}.py"
    return any((ROOT / one).exists() for one in (plain, f"{plain}.py", f"engine/{plain}", f"engine/{plain}.py", module))
