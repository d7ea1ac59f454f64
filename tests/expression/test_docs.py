"""The reference page shows only expressions that check, in every back end, and names every function."""

import re
from pathlib import Path

import pytest

from engine.expression import Kind, Type, check_text, compile_python, functions
from engine.expression.sql import check_sql, compile_where
from tests.expression.conftest import SOURCE
from tests.expression.test_examples import RECORD, WORLD
from tests.expression.world import SHAPES

PAGE = (Path(__file__).parents[2] / "docs" / "expressions.md").read_text(encoding="utf-8")
SHOWN = [line for block in re.findall(r"```expression\n(.*?)```", PAGE, re.S) for line in block.splitlines()]


@pytest.mark.parametrize("text", SHOWN)
def test_a_shown_expression_checks_and_runs(text: str) -> None:
    checked = check_text(text, SHAPES, "quote", expect=Type(Kind.BOOLEAN))
    assert compile_python(checked)(RECORD, WORLD.env()) in (True, False)
    if not check_sql(checked):
        assert str(compile_where(checked, SOURCE))


def test_every_function_is_on_the_page() -> None:
    assert [name for name in functions.NAMES if f"{name}(" not in PAGE] == []
