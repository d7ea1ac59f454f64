"""Conditions nobody can have meant are found, and only those: what is certain is certain for every record."""

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from engine.expression import Checked, ExpressionErrors, check_text
from engine.expression.certainty import find_certainties
from engine.expression.env import NOBODY
from tests.expression.conftest import Answers, check_quote
from tests.expression.test_parity import EXAMPLES, SEED, expressions
from tests.expression.world import SHAPES

NEVER = {
    "amount > 10 and amount < 5": "amount > 10 and amount < 5",
    "archived and amount > 10 and name = 'x' and amount <= 10": "amount > 10 and name = 'x' and amount <= 10",
    "stage = 'draft' and stage = 'sent'": "stage = 'draft' and stage = 'sent'",
    "stage in ['draft', 'sent'] and stage not in ['sent', 'draft']": ...,
    "stage not in ['sent', 'draft'] and stage is not missing and stage != 'approved'": ...,
    "amount between 10 and 5": ...,
    "5 > amount and 10 < amount": ...,
    "amount > 10 and (amount < 5 or amount = 7)": ...,
    "amount is missing and amount > 1": ...,
    "amount is missing and amount is not missing": ...,
    "visits_planned > 1 and visits_planned < 2": ...,
    "due > 2026-03-01 and due < 2026-03-02": ...,
    "due < 2026-03-01 and due between 2026-03-01 and 2026-04-01": ...,
    "effort > 3d and effort < 2h": ...,
    "archived and not archived": ...,
    "archived = true and archived = false": ...,
    "count(items) < 0": ...,
    "count(items) = 1 and count(items) = 2": ...,
    "sum(items.total) > 5 and sum(items.total) < 4": ...,
    "name = 'a' and name = 'b'": ...,
    "customer.grade = 'A' and customer.grade = 'B'": ...,
    "owner = 'rep.one' and owner = 'rep.two'": ...,
    "user in invited and user not in invited": ...,
    "tags is missing and tags is not missing": ...,
    "contains(name, 'x') and not contains(name, 'x')": ...,
    "amount < paid and amount > paid": ...,
    "paid > amount and amount = paid": ...,
    "amount < amount": "amount < amount",
    "due > today() and today() > due": ...,
    "'director' in user.roles and 'director' not in user.roles": ...,
    "any(items where qty > 3 and qty < 2)": "qty > 3 and qty < 2",
    "if(amount > 3 and amount < 2, 1, 2) = 1": "amount > 3 and amount < 2",
    "archived or amount > 3 and amount < 2": "amount > 3 and amount < 2",
}
ALWAYS = {
    "stage = 'draft' or stage != 'draft'": "stage = 'draft' or stage != 'draft'",
    "amount > 10 or archived or amount <= 10 or amount is missing": ...,
    "not (amount > 10) or amount > 5": ...,
    "count(items) >= 0": ...,
    "not (amount < 5 and amount > 10)": ...,
    "name != 'a' or name != 'b'": ...,
    "amount = amount": ...,
    "archived and (stage is missing or stage is not missing)": "stage is missing or stage is not missing",
}
FINE = [
    "amount > 10 and amount < 50",
    "amount >= 10 and amount <= 10",
    "amount > 10 or amount <= 10",
    "amount > 10 and paid < 5",
    "amount > 1 and amount < 1.01",
    "visits_planned > 0.5 and visits_planned < 1.2",
    "visits_planned > 1 and visits_planned < 3",
    "due > 2026-03-01 and due < 2026-03-03",
    "due >= 0001-01-01 and due <= 9999-12-31",
    "stage = 'draft' or stage = 'sent' or stage = 'approved'",
    "stage = 'draft' and customer.grade = 'A'",
    "name > 'a' and name < 'b'",
    "amount = paid or amount != customer.credit",
    "amount < paid + 1 and amount > paid - 1",
    "amount < paid or amount > paid or amount = paid",
    "archived or archived = false",
    "count(items) > 1.5",
    "true",
    "archived or true",
    "any(items where qty > 3) and any(items where qty < 2)",
    "amount > -5 and amount < -3",
]


@pytest.mark.parametrize(("text", "found"), [*NEVER.items(), *ALWAYS.items()])
def test_what_is_certain_is_a_mistake_at_its_place(text: str, found: str) -> None:
    (error,) = find_certainties(check_quote(text))
    assert error.code == ("never_holds" if text in NEVER else "always_holds")
    place = text[error.offset : error.offset + error.length]
    assert place == (text if found is ... else found)
    for language in ("zh", "en"):
        assert place[:80] in error.text(language)


@pytest.mark.parametrize("text", FINE)
def test_what_can_be_either_is_left_alone(text: str) -> None:
    assert find_certainties(check_quote(text)) == ()


def test_names_given_beforehand_are_seen_through() -> None:
    let = {"large": check_quote("amount > 100"), "total": check_quote("sum(items.total)")}
    text = "large and amount < 50 or total > 3 and total < 2"
    found = [text[one.offset :][: one.length] for one in find_certainties(check_text(text, SHAPES, "quote", let=let))]
    assert found == ["large and amount < 50", "total > 3 and total < 2"]


@st.composite
def about_few_things(draw: st.DrawFn, depth: int = 3) -> str:
    if depth == 0 or draw(st.integers(0, 3)) == 0:
        thing, values = draw(st.sampled_from(THINGS))
        sign = draw(st.sampled_from(["=", "!=", "<", "<=", ">", ">="] if values[0] != "'draft'" else ["=", "!="]))
        one, two = draw(st.sampled_from(values)), draw(st.sampled_from(values))
        shapes = [f"{thing} {sign} {one}", f"{one} {sign} {thing}", f"{thing} is missing", f"{thing} in [{one}, {two}]"]
        if values[0] != "'draft'":
            shapes.append(f"{thing} between {one} and {two}")
        return draw(st.sampled_from([*shapes, "archived", "amount < paid", "paid <= amount", "user in invited"]))
    if draw(st.integers(0, 4)) == 0:
        return f"(not {draw(about_few_things(depth - 1))})"
    word = draw(st.sampled_from(["and", "or"]))
    return f"({draw(about_few_things(depth - 1))} {word} {draw(about_few_things(depth - 1))})"


THINGS = [
    ("stage", ["'draft'", "'sent'", "'approved'"]),
    ("visits_planned", ["0", "1", "2", "7", "1.5"]),
    ("due", ["2026-03-02", "2026-03-03", "2024-02-29"]),
    ("discount", ["0", "50%", "1"]),
    ("count(items)", ["0", "1", "3"]),
]


@pytest.mark.parametrize("made", [about_few_things(), expressions("boolean", depth=3)], ids=["few", "any"])
def test_what_is_said_to_be_certain_is_so_for_every_record(
    made: st.SearchStrategy[str], in_python: Callable[[Checked], Answers]
) -> None:
    seen: list[str] = []

    @seed(SEED)
    @settings(max_examples=10 * EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(text=made)
    def compare(text: str) -> None:
        try:
            whole = check_quote(text)
        except ExpressionErrors:
            return  # an amount written out is a number: divided by one, an amount stays no number
        for error in find_certainties(whole):
            part = text[error.offset : error.offset + error.length]
            if "where" in text[: error.offset]:  # about the rows of a list
                continue
            try:
                checked = check_quote(part)
            except ExpressionErrors:
                continue  # a piece with half a bracket
            seen.append(error.code)
            assert set(in_python(checked).values()) == {error.code == "always_holds"}, text

    compare()
    assert NOBODY == 0 and len(seen) > 5
