"""The reference page shows only expressions that check, in every back end, in both languages, and every function."""

import re
from pathlib import Path

import pytest

from engine.expression import Kind, Type, check_text, compile_python, functions
from engine.expression.sql import check_sql, compile_where
from tests.expression.conftest import SOURCE
from tests.expression.test_examples import RECORD, WORLD
from tests.expression.world import SHAPES

DOCS = Path(__file__).parents[2] / "docs"
PAGES = {
    language: (DOCS / name).read_text(encoding="utf-8")
    for language, name in (("en", "expressions.md"), ("zh", "expressions.zh.md"))
}
SHOWN = {
    language: [line for block in re.findall(r"```expression\n(.*?)```", page, re.S) for line in block.splitlines()]
    for language, page in PAGES.items()
}


def test_both_pages_show_the_same() -> None:
    assert SHOWN["en"] == SHOWN["zh"] and len(SHOWN["en"]) > 25
    assert [page.count("\n## ") for page in PAGES.values()] == [PAGES["en"].count("\n## ")] * 2
    assert [page.count("\n| ") for page in PAGES.values()] == [PAGES["en"].count("\n| ")] * 2


@pytest.mark.parametrize("text", SHOWN["en"])
def test_a_shown_expression_checks_and_runs(text: str) -> None:
    checked = check_text(text, SHAPES, "quote", expect=Type(Kind.BOOLEAN))
    assert compile_python(checked)(RECORD, WORLD.env()) in (True, False)
    if not check_sql(checked):
        assert str(compile_where(checked, SOURCE))


@pytest.mark.parametrize("language", list(PAGES))
def test_every_function_is_on_the_page(language: str) -> None:
    assert [name for name in functions.NAMES if f"{name}(" not in PAGES[language]] == []
