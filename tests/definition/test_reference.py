"""The language reference is made from the schemas and is never older than they are."""

import importlib.util
import re
from pathlib import Path
from typing import Any

import pytest

from engine.definition.kinds import KINDS

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"


@pytest.fixture(scope="module")
def script() -> Any:
    spec = importlib.util.spec_from_file_location("build_reference", REFERENCE.parent / "build_reference.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_pages_are_what_the_script_writes(script: Any) -> None:
    written = {path.name: path.read_text(encoding="utf-8") for path in REFERENCE.glob("*.md")}
    assert written == script.pages(), "run: python docs/build_reference.py"


def test_each_kind_of_file_has_a_page_with_an_example(script: Any) -> None:
    pages = script.pages()
    assert set(script.ORDER) == set(KINDS)
    for kind in KINDS:
        assert "```yaml" in pages[f"{kind}.md"], kind


def test_every_link_within_the_pages_leads_somewhere(script: Any) -> None:
    pages = script.pages()
    for name, text in pages.items():
        for file, anchor in re.findall(r"\]\(([a-z]+\.md)?#([a-z_-]+)\)", text):
            assert f'<a id="{anchor}"></a>' in pages[file or name], (name, file, anchor)
