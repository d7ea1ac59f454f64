"""A real YAML language server, as an editor starts it, completes, explains and marks the files of both templates.

It is installed by ``npm ci`` in this folder; without it these tests are skipped, and say so.
"""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.definition.yaml_reader import Document, NodePath, parse_yaml
from tests.conftest import ROOT
from tests.editor.client import Editor

SERVER = Path(__file__).parent / "node_modules" / "yaml-language-server" / "bin" / "yaml-language-server"
FILES = [
    path
    for path in sorted((ROOT / "templates").rglob("*.yaml"))
    if "auto_parts" not in path.parts  # a site: its changes lead to schemas once it is somebody's own folder
]
_MANY = ("examples", "demo", "locales", "courses")
KINDS = {path.parent.name if path.parent.name in _MANY else path.stem: path for path in FILES}
_SCHEMA = re.compile(r"# yaml-language-server: \$schema=(\S+)")
_HOVERED = 60

pytestmark = [
    pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed"),
    pytest.mark.skipif(not SERVER.exists(), reason="no language server: run npm ci in tests/editor"),
]


@pytest.fixture(scope="module")
def editor() -> Iterator[Editor]:
    with Editor(["node", str(SERVER), "--stdio"], ROOT) as found:
        yield found


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT / "templates").as_posix())
def test_a_file_of_a_template_has_no_marks(editor: Editor, path: Path) -> None:
    assert editor.open(path, path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("path", KINDS.values(), ids=KINDS)
def test_every_key_that_is_missing_is_offered_and_explained(editor: Editor, path: Path) -> None:
    text = path.read_text(encoding="utf-8") + "\n"
    draft = path.with_name(f"draft_{path.name}")
    editor.open(draft, text)
    offered = editor.complete(draft, text.count("\n"), 0)
    document = parse_yaml(text, path.name)
    missing = schema_of(path)["properties"].keys() - document.data.keys()
    assert offered.keys() >= missing
    for key in missing:
        assert offered[key].get("documentation"), key


@pytest.mark.parametrize("path", KINDS.values(), ids=KINDS)
def test_every_key_of_the_language_is_explained_under_the_mouse(editor: Editor, path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    editor.open(path, text)
    asked = list(words_of_the_language(parse_yaml(text, path.name)))[:_HOVERED]
    assert asked
    for node, (line, column) in asked:
        said = editor.hover(path, line - 1, column - 1)
        heading, _, explained = said.partition("\n")
        assert heading.startswith("#### ") and len(explained.split("Source:")[0].strip()) > 5, (node, said)


def test_the_values_of_a_word_are_offered_one_by_one(editor: Editor) -> None:
    draft = ROOT / "templates" / "manufacturing" / "quote" / "draft_entity.yaml"
    first = "# yaml-language-server: $schema=../../../schemas/entity.json"
    editor.open(draft, f"{first}\nentity: x\nlabel: X\nfields:\n  a:\n    label: A\n    type: \n")
    types = json.loads((ROOT / "schemas" / "entity.json").read_text(encoding="utf-8"))
    wanted = types["$defs"]["field"]["properties"]["type"]["enum"]
    assert set(wanted) <= editor.complete(draft, 6, 10).keys()


def test_a_misspelt_key_is_marked_where_it_stands(editor: Editor) -> None:
    path = ROOT / "templates" / "manufacturing" / "quote" / "entity.yaml"
    text = path.read_text(encoding="utf-8").replace("\nlist:", "\nlits:", 1)
    assert "\nlits:" in text
    marks = editor.open(path.with_name("misspelt_entity.yaml"), text)
    at = text[: text.index("\nlits:") + 1].count("\n")
    assert [mark["range"]["start"] for mark in marks] == [{"line": at, "character": 0}]


def schema_of(path: Path) -> dict[str, Any]:
    first = path.read_text(encoding="utf-8").splitlines()[0]
    named = _SCHEMA.fullmatch(first)
    assert named is not None, f"{path} does not name its schema"
    found: dict[str, Any] = json.loads((path.parent / named[1]).resolve().read_text(encoding="utf-8"))
    return found


def words_of_the_language(document: Document) -> Iterator[tuple[NodePath, tuple[int, int]]]:
    """Yield the keys that the schema names; those of records and of people stand for themselves."""
    known = set(every_word(ROOT / "schemas"))
    for node, place in document.locations.items():
        if node and node[-1] in known and not {"values", "set", "given", "with", "having", "draw"} & set(node[:-1]):
            yield node, place.key


def every_word(folder: Path) -> Iterator[str]:
    for path in folder.glob("*.json"):
        yield from _words(json.loads(path.read_text(encoding="utf-8")))


def _words(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        properties = schema.get("properties")
        if isinstance(properties, dict) and "x-zh" not in properties:
            yield from properties
        for part in schema.values():
            yield from _words(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from _words(part)
