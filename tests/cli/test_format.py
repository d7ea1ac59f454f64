"""``formwork format``: one form, nothing lost, and a second run changes nothing."""

import re
import shutil
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.definition.formatting import format_text
from engine.definition.kinds import find_kind
from engine.definition.source import parse_yaml
from engine.errors import DefinitionError, NotPossibleNow
from engine.places import find_data
from tests.cli.conftest import Run
from tests.conftest import ROOT

BUNDLED = sorted(path for folder in ("templates", "workflows") for path in find_data(folder).rglob("*.yaml"))
SOUND = sorted((ROOT / "tests" / "definition").rglob("*.yaml"))

MESSY = """\

# yaml-language-server: $schema=../schemas/entity.json
# what this is about


label: 设备
entity:   machine
fields:
    name:   {type: text,label: "名称,  x" , required: true }   # its name
    # the code
    power: { type:   integer,
        label: 功率}
    size:     {type: text, options: [ a,b ]}


    note:
        type: long_text
        label: |
           one
             two

           three
        # about the note
# rights
access:
    admin:
      who:
      - {role: a}
      -   role: b
          more:  c
"""
CLEAN = """\
# yaml-language-server: $schema=../schemas/entity.json
# what this is about

entity: machine
label: 设备
fields:
  name: {type: text, label: "名称,  x", required: true}   # its name
  # the code
  power: { type:   integer,
      label: 功率}
  size: {type: text, options: [a, b]}

  note:
    type: long_text
    label: |
       one
         two

       three
    # about the note
# rights
access:
  admin:
    who:
      - {role: a}
      - role: b
        more: c
"""


def test_blanks_indents_and_the_order_of_the_top_level_become_one() -> None:
    assert format_text(MESSY, "machine/entity.yaml", "entity") == CLEAN


def test_a_table_that_is_aligned_stays_aligned_when_a_longer_key_comes() -> None:
    text = "fields:\n  a:   {x: 1}\n  bcd: {x: 1}\n  longer: {x: 1}\n  longest:\n    x: 1\n"
    aligned = "fields:\n  a:       {x: 1}\n  bcd:     {x: 1}\n  longer:  {x: 1}\n  longest:\n    x: 1\n"
    assert format_text(text, "f", None) == aligned
    loose = "fields:\n  a: {x: 1}\n  bcd: {x: 1}\n"
    assert format_text(loose, "f", None) == loose, "who does not align is not made to"


@pytest.mark.parametrize("path", BUNDLED, ids=lambda path: "/".join(path.parts[-3:]))
def test_the_bundled_templates_are_in_that_form(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    name = "/".join(path.relative_to(find_data("templates")).parts[1:]) if "templates" in path.parts else path.name
    assert format_text(text, name, find_kind(name)) == text


@pytest.mark.parametrize("path", SOUND, ids=lambda path: "/".join(path.parts[-3:]))
def test_a_second_run_changes_nothing_and_no_comment_is_lost(path: Path) -> None:
    text = path.read_bytes().decode("utf-8", "replace")
    try:
        data = parse_yaml(text, "f").data
    except DefinitionError:
        with pytest.raises(DefinitionError):
            format_text(text, "f", None)
        return
    kind = find_kind("/".join(path.parts[-2:])) or find_kind(path.name)
    once = format_text(text, "f", kind)
    assert format_text(once, "f", kind) == once
    assert parse_yaml(once, "f").data == data
    assert sorted(re.findall(r"#.*\S", once)) == sorted(re.findall(r"#.*\S", text))


PIECES = ["a: ", "b:   ", "- ", "-   ", "{x: 1 ,y: [a,b]}", "[ ]", "text", "'it''s'", '"q\\n  r"', "|\n", ">-\n", "\n",
          "  ", "    ", "      ", " # note", "# note\n", "c:\n", "null", "? k\n: v\n", "{a: b,\n", " c: d}", "\t", "é",
          "---\n", "...\n", "'two\n   lines'", "\n\n"]  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=14).map("".join))
@example("a: |\n   x\n\n\nb: 1\n")
@example("-  # note")
@example("- - a\n  - b\n")
@example("a:\n- b:   1\n  c: 2\n# end\n")
def test_whatever_is_written_the_data_stays_or_it_is_refused(text: str) -> None:
    try:
        data = parse_yaml(text, "f").data
    except DefinitionError:
        return
    try:
        once = format_text(text, "f", None)
    except NotPossibleNow:
        return
    assert parse_yaml(once, "f").data == data
    assert format_text(once, "f", None) == once


class TestCommand:
    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        shutil.copytree(find_data("templates") / "starter", tmp_path / "mine")
        return tmp_path / "mine"

    def test_it_names_what_it_changed_and_then_has_nothing_to_do(self, run: Run, folder: Path) -> None:
        file = folder / "request" / "entity.yaml"
        clean = file.read_bytes()
        file.write_bytes(clean.replace(b"  title:   {type", b"  title:     {  type").replace(b"\n", b"\r\n"))
        asked = run("format", folder, "--check")
        assert asked.exit_code == 1 and "request/entity.yaml" in asked.stdout
        assert b"\r\n" in file.read_bytes(), "--check writes nothing"
        assert run("format", folder).exit_code == 0
        assert file.read_bytes() == clean
        assert run("format", folder, "--check").exit_code == 0
        assert run("format", file, "--check").exit_code == 0

    def test_a_broken_file_is_named_and_left_alone_and_the_others_are_laid_out(self, run: Run, folder: Path) -> None:
        broken, other = folder / "app.yaml", folder / "request" / "workflow.yaml"
        broken.write_text("app: {", encoding="utf-8")
        clean = other.read_bytes()
        other.write_bytes(clean + b"\n\n")
        result = run("format", folder)
        assert result.exit_code == 1 and "app.yaml:2:1" in result.stderr
        assert broken.read_text(encoding="utf-8") == "app: {"
        assert other.read_bytes() == clean
