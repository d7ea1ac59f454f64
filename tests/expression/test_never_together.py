"""Conditions are said never to hold together exactly when that is so: every value is tried with the real evaluation."""

from collections.abc import Mapping
from decimal import Decimal
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.expression import BOOLEAN, EntityShape, Kind, Type, check, compile_python, parse
from engine.expression.certainty import negated, never_together
from engine.expression.env import Env

NUMBER = Type(Kind.NUMBER, scale=0)
SHAPES: Mapping[str, EntityShape] = {
    "thing": EntityShape(
        "thing",
        {
            "a": NUMBER,
            "b": NUMBER,
            "kind": Type(Kind.CHOICE, options=("x", "y")),
            "open": BOOLEAN,
            "day": Type(Kind.DATE),
        },
    )
}


def tree(text: str) -> Any:
    return check(parse(text), SHAPES, "thing", expect=BOOLEAN, text=text)


@pytest.mark.parametrize(
    "text",
    [
        "a > 10 and a < 5",
        "a > 10 and a <= 10",
        "a = 1 and a = 2",
        "a > 1 and a < 2",
        "a in [1, 2] and a > 2",
        "a in [1, 2] and a not in [1, 2, 3]",
        "a is missing and a >= 0",
        "5 < a and 5 > a",
        "kind = 'x' and kind = 'y'",
        "open and not open",
        "(a > 1 or a > 2) and a < 1",
        "a + b > 3 and a + b < 3",
        "day < 2026-03-01 and day > 2026-03-02",
        "a between 10 and 5",
    ],
)
def test_these_never_hold(text: str) -> None:
    assert never_together(tree(text).tree)


@pytest.mark.parametrize(
    "text",
    [
        "a > 10 or a < 5",
        "a > 10 and b < 5",
        "a >= 10 and a <= 10",
        "a != 1 and a != 2",
        "kind != 'x' and kind != 'y'",
        "not (a > 5) and not (a <= 5)",
        "a is missing or a > 3",
        "day = today() and day > 2020-01-01",
        "a + b > 3 and b + a < 3",
        "a not in [1] and a is missing",
    ],
)
def test_these_may(text: str) -> None:
    assert not never_together(tree(text).tree)


def test_a_condition_and_its_opposite_never_hold_together() -> None:
    found = tree("a > 5 and kind = 'x'").tree
    assert never_together(found, negated(found)) and not never_together(negated(found))


ATOMS = st.one_of(
    st.builds(
        "{} {} {}".format,
        st.sampled_from(["a", "b"]),
        st.sampled_from(["=", "!=", "<", "<=", ">", ">="]),
        st.integers(0, 3),
    ),
    st.builds("kind {} '{}'".format, st.sampled_from(["=", "!="]), st.sampled_from(["x", "y"])),
    st.builds("a between {} and {}".format, st.integers(0, 3), st.integers(0, 3)),
    st.builds("b {} [{}, {}]".format, st.sampled_from(["in", "not in"]), st.integers(0, 3), st.integers(0, 3)),
    st.sampled_from(["a is missing", "b is not missing", "open", "kind is missing"]),
)
CONDITIONS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.builds("({} and {})".format, inner, inner),
        st.builds("({} or {})".format, inner, inner),
        st.builds("not ({})".format, inner),
    ),
    max_leaves=6,
)
NUMBERS = [None, *map(Decimal, range(-1, 5))]
RECORDS = [
    {"a": a, "b": b, "kind": kind, "open": yes}
    for a, b, kind, yes in product(NUMBERS, NUMBERS, (None, "x", "y"), (None, True, False))
]


@given(CONDITIONS)
def test_what_is_said_never_to_hold_holds_for_no_record(text: str) -> None:
    checked = tree(text)
    run, env = compile_python(checked), Env(None, None, None)  # type: ignore[arg-type]
    holds = any(run(record, env) for record in RECORDS)
    assert never_together(checked.tree) is not holds
