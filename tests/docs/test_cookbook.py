"""The cookbook of approvals: every recipe is built into its little app, and its examples are played for real."""

import re
from pathlib import Path
from textwrap import indent

import pytest

from engine.definition.source import SourceFolder, read_folder
from engine.examples.running import play_folder
from tests.conftest import ROOT

PAGE = ROOT / "docs" / "approval-cookbook.md"
BASE = read_folder(ROOT / "docs" / "cookbook").files
BLOCK = re.compile(r"^```yaml\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def sections(page: Path) -> tuple[str, dict[str, list[str]]]:
    """The lines every recipe begins with, and the blocks of each recipe by its title."""
    head, *rest = re.split(r"^## ", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    (begin,) = BLOCK.findall(head)
    return begin, {one.splitlines()[0]: BLOCK.findall(one) for one in rest}


BEGIN, RECIPES = sections(PAGE)


def build(steps: str, examples: list[str]) -> SourceFolder:
    """The little app with one recipe as its approval."""
    written = "".join(f"  case_{at}:\n{indent(one, '    ')}" for at, one in enumerate(examples))
    recipe = {"offer/approval.yaml": BEGIN + steps, "offer/examples/recipe.yaml": f"examples:\n{written}"}
    return SourceFolder({**BASE, **recipe})


def test_there_are_at_least_thirty_recipes() -> None:
    assert len(RECIPES) >= 30


@pytest.mark.parametrize("title", RECIPES)
def test_a_recipe_is_built_and_decided_by_whom_it_says(title: str) -> None:
    steps, *examples = RECIPES[title]
    assert examples
    outcomes = play_folder(build(steps, examples))
    assert [problem.text("en") for outcome in outcomes for problem in outcome.problems] == []
    assert len(outcomes) == len(examples)


def test_a_recipe_whose_example_is_untrue_is_noticed() -> None:
    steps, example, *_ = next(iter(RECIPES.values()))
    (outcome,) = play_folder(build(steps, [example.replace("director_wang", "finance_qian")]))
    assert [problem.code for problem in outcome.problems] == ["T002"]


def test_both_languages_show_the_same_recipes() -> None:
    begin, chinese = sections(PAGE.with_name("approval-cookbook.zh.md"))
    assert begin == BEGIN
    assert list(chinese.values()) == list(RECIPES.values())
    assert not set(chinese) & set(RECIPES)
