"""What an expression may cost: refused in a sentence, at once, whatever a record holds and whatever names stand for."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from engine.definition.model import CalendarDefinition
from engine.errors import Location, NotPossibleNow
from engine.expression import Checked, ExpressionErrors, check_text, compile_python
from engine.expression.env import MOST_STEPS
from engine.records.calendar import SiteCalendar
from tests.expression.conftest import check_quote
from tests.expression.test_examples import WORLD
from tests.expression.world import SHAPES

SITE = SiteCalendar(CalendarDefinition(Location("app.yaml")), "Asia/Shanghai")
ENV = replace(WORLD.env(), calendar=lambda: SITE)


def spread(word: str, parts: list[str]) -> str:
    """Join parts in halves of halves, so that they are many and not deep."""
    if len(parts) == 1:
        return parts[0]
    half = len(parts) // 2
    return f"({spread(word, parts[:half])} {word} {spread(word, parts[half:])})"


HEAVY = f"count(items where {spread('or', ['qty > 1'] * 90)}) > 0"


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    started = time.process_time()
    yield
    assert time.process_time() - started < seconds


def record_with(lines: int) -> dict[str, Any]:
    return {"id": 1, "items": [{"qty": 0, "ready_on": date(2026, 3, 2)}] * lines}


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (HEAVY, 10_000),
        (spread("and", ["sum(items.qty) = 0"] * 60), 20_000),
        ("any(items where product.line = 'valve')", 30_000),
        ("any(items where ready_on + 300wd < 2020-01-01)", 2_000),
        ("count(items where working_days(ready_on, today()) > 3) > 0", 30_000),
    ],
)
def test_what_costs_too_much_is_refused_in_a_sentence(text: str, lines: int) -> None:
    run = compile_python(check_quote(text))
    with at_most(5), pytest.raises(NotPossibleNow) as refused:
        run(record_with(lines), ENV)
    assert refused.value.code == "expression.too_costly"
    for language in ("zh", "en"):
        said = refused.value.text(language)
        assert text[:60] in said and str(MOST_STEPS) in said


def test_each_record_has_a_budget_of_its_own() -> None:
    run = compile_python(check_quote(HEAVY))
    with pytest.raises(NotPossibleNow):
        run(record_with(10_000), ENV)
    for _ in range(12):  # together far more than one may cost
        assert run(record_with(1_000), ENV) is False


def test_names_that_double_one_another_are_refused_when_they_are_checked() -> None:
    let: dict[str, Checked] = {"n0": check_quote("sum(items.total)")}
    with at_most(2), pytest.raises(ExpressionErrors) as refused:
        for number in range(1, 60):
            let[f"n{number}"] = check_text(f"n{number - 1} + n{number - 1}", SHAPES, "quote", let=let)
    assert [error.code for error in refused.value.errors] == ["too_large_with_names"]
    assert 8 < len(let) < 13


def test_names_that_stand_on_one_another_are_refused_before_they_are_too_deep() -> None:
    let: dict[str, Checked] = {"n0": check_quote("amount")}
    with pytest.raises(ExpressionErrors) as refused:
        for number in range(1, 2_000):
            let[f"n{number}"] = check_text(f"n{number - 1} + 1", SHAPES, "quote", let=let)
    assert [error.code for error in refused.value.errors] == ["too_large_with_names"]
    last = let[f"n{len(let) - 1}"]
    assert compile_python(last)({"amount": 1}, ENV) == len(let)
