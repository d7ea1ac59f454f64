"""The page about the command line names every command, with an example that can be typed as it stands."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from tests.conftest import ROOT
from web.cli import make_cli

PAGE = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^formwork (.+)$", PAGE, re.MULTILINE)


def commands(group: click.Group, before: str = "") -> Iterator[str]:
    context = click.Context(group)
    for name in group.list_commands(context):
        found = group.get_command(context, name)
        if isinstance(found, click.Group):
            yield from commands(found, f"{before}{name} ")
        else:
            yield before + name


def test_every_command_has_a_heading_and_an_example_below_it() -> None:
    parts = re.split(r"^### `(.+)`$", PAGE, flags=re.MULTILINE)
    sections = dict(zip(parts[1::2], parts[2::2], strict=True))
    assert sorted(sections) == sorted(commands(make_cli("en")))
    assert [name for name, text in sections.items() if f"\nformwork {name}" not in text] == []


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_is_written_right(example: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "our-crm").mkdir()
    (tmp_path / "customers.xlsx").touch()
    command: click.Command = make_cli("en")
    words = shlex.split(example)
    while isinstance(command, click.Group):
        found = command.get_command(click.Context(command), words.pop(0))
        assert found is not None
        command = found
    command.make_context(command.name, words)
