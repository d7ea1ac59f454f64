"""Mistakes of authors: the exact sentences, where they point, and that all of them are found at once.

``mistakes.txt`` holds what authors read. After a deliberate change, run with ``FORMWORK_UPDATE_SNAPSHOTS=1``.
"""

import os
import re
from pathlib import Path

import pytest
from sqlalchemy import Connection

from engine import messages
from engine.expression import ExpressionErrors, Kind, Type, caret, check_text
from engine.expression.sql import check_sql
from tests.expression.conftest import check_quote, in_sql
from tests.expression.world import SHAPES, World

SNAPSHOT = Path(__file__).with_name("mistakes.txt")
ENGINE = Path(__file__).parents[2] / "engine" / "expression"

MISTAKES = [
    # form
    "",
    "   ",
    "amount >",
    "amount > > 3",
    "(amount > 1",
    "amount > 1)",
    "amount between 1",
    "stage in ['sent'",
    "stage in []",
    "stage in 'sent'",
    "amount 3",
    "1 < amount < 3",
    "sum(items.total",
    "round(amount,)",
    "customer.",
    "amount is",
    "x y",
    "amount == 1",
    "amount <> 1",
    "amount > 1 && archived",
    "archived || true",
    "!archived",
    "amount ≥ 1",
    "AND",
    "archived AND true",
    "archived 并且 true",
    "amount（1）",
    "name = “x”",
    "amount ＞ 1",
    "name = 'x",
    "name = \"x'",
    "amount > 3days",
    "today() + 1 month > due",
    "today() + 2年 > due",
    "today() + 30天 > due",
    "today() + 3 个工作日 > due",
    "amount > 5万元",
    "amount > 500 元 and archived",
    "amount > 3千",
    "amount => 1",
    "owner = me",
    "due",
    "archived and due",
    "amount > 1.2.3",
    "amount ** 2",
    "amount % 2",
    "amount @ 2",
    "user_ & 1",
    "amount > 1;",
    "due > 2026-02-30",
    "amount > 1234567890123456",
    "amount > 0.1234567",
    "today() + 99999d",
    "name = 'a\tb'",
    "where > 1",
    "missing.x = 1",
    "'a' 'b'",
    # habits of spreadsheets, databases and keyboards
    "=amount > 1",
    "= amount",
    "name & 'x' = 'y'",
    "amount ^ 2 > 1",
    "archived ? 1 : 2",
    "IF(amount > 1, true, false)",
    "If(amount > 1, true, false)",
    "AND(archived, amount > 1)",
    "and(archived, amount > 1)",
    "amount > 1 and or(archived, true)",
    "NOT(archived)",
    "VLOOKUP(customer, region, 2) = 'A'",
    "SUMIF(items.total, amount) > 1",
    "SUM(items.total) > 1",
    "TODAY() > due",
    "DATEDIF(due, signed) > 3",
    "NETWORKDAYS(signed, due) > 3",
    "IFERROR(amount, 0) > 1",
    "CONCATENATE(name, name) = 'x'",
    "如果(archived, 1, 2) = 1",
    "archived = TRUE",
    "archived = 是",
    "A1 > 3",
    "$A$1 > 3",
    "sum(A1:A9) > 3",
    "amount > 1,000",
    "amount > 1,000,000 and archived",
    "{amount} > 1",
    "{{ amount }} > 1",
    "stage in ('draft', 'sent')",
    "name is null",
    "name is not NULL",
    "name like 'x'",
    "name contains 'x'",
    "amount > 1；archived",
    "amount > １００",
    "ａmount > 1",
    "stage in [‘draft’，‘sent’]",
    "round（amount） > 1",
    "if（amount＞１０，name = “a，b”，'（'） = 'x'",
    "if(archived，1，2) > 1",
    "discount > 15％",
    "amount　> 1",
    "amount\u00a0> 1",
    "amount − 1 > 0",
    "amount > 0 ∧ archived",
    # names
    "amuont > 1",
    "stag = 'sent'",
    "today > due",
    "null = name",
    "count > 1",
    "金额 > 1",
    "amout + discont > 1",
    "custmer.grade = 'A'",
    "customer.grad = 'A'",
    "customer.region.name = 'x'",
    "stage.label = 'x'",
    "items.product.name = 'x'",
    "user.phone = '1'",
    "'directr' in user.roles",
    "'' in user.roles",
    "user.roles = 'director'",
    "count(user.roles) > 1",
    "user.roles is missing",
    "'director' in owner.roles",
    "user.role = 'director'",
    "user.department > 3",
    "user.department.key = 'sales'",
    "summ(items.total)",
    "Sum(items.total)",
    "foo(1)",
    "sum(itmes.total)",
    "sum(items.totl)",
    "count(items where totl > 1)",
    "count(items where amount > 1)",
    "customer.photos is missing",
    # kinds
    "amount = 'x'",
    "stage = 'aproved'",
    "stage in ['sent', 'lost']",
    "'vavle' in tags",
    "customer.grade = 'D'",
    "amount > 15%",
    "amount + 15%",
    "amount * paid",
    "name + name",
    "name > 3",
    "due > 3",
    "due + 3",
    "due + 3h",
    "due - 3wd > 2",
    "due - today() > 3",
    "created_at >= today()",
    "created_at - due > 1d",
    "archived > false",
    "stage > 'draft'",
    "amount",
    "amount and archived",
    "not amount",
    "-name = 'x'",
    "archived + 1 > 2",
    "items > 1",
    "items",
    "visits = 1",
    "tags = 'valve'",
    "amount = missing",
    "owner = 1",
    "owner = 'rep.one' and customer = 'x'",
    "name in name",
    "amount in tags",
    "user in tags",
    "2wd > 1wd",
    # calls
    "today(1) = due",
    "round(amount, 2, 3) > 1",
    "round(amount, 9) > 1",
    "round(amount, qty) > 1",
    "length(amount) > 1",
    "contains(name) = true",
    "if(amount, 1, 2) > 1",
    "if(archived, 1, 'x') = 1",
    "default(amount, 'x') > 1",
    "default(stage, 'drafft') = 'draft'",
    "default(stage, if(archived, 'sent', 'sold')) = 'draft'",
    "max(amount, 5%) > 1",
    "max(name, 'x') = 'x'",
    "max(amount) > 1",
    "sum(amount) > 1",
    "sum(items) > 1",
    "count(items.qty) > 1",
    "any(items)",
    "count(amount where archived) > 1",
    "sum(items.product) > 1",
    "avg(items.ready_on) > 1",
    "round(amount where archived) > 1",
    "any(items where count(visits) > 1)",
    "any(items where sum(items.qty) > 1)",
    "all(items where qty)",
    "count(2wd) > 1",
    "working_days(created_at, due) > 1",
    "working_hours(created_at) > 1",
    "working_hours(created_at, closed_at) > 4h",
    "working_day(signed, due) > 1",
]


def read_as_author(text: str) -> str:
    with pytest.raises(ExpressionErrors) as caught:
        check_text(text, SHAPES, "quote", expect=Type(Kind.BOOLEAN))
    blocks = []
    for error in caught.value.errors:
        assert 0 <= error.offset <= len(text) and error.length >= 1
        blocks.append(f"{caret(text, error, 'zh')}\n{error.text('en')}\n")
    return "".join(blocks)


def test_authors_read_exactly_these_sentences() -> None:
    found = "\n".join(f"[{text}]\n{read_as_author(text)}" for text in MISTAKES)
    if os.environ.get("FORMWORK_UPDATE_SNAPSHOTS"):
        SNAPSHOT.write_text(found, encoding="utf-8")
    assert found == SNAPSHOT.read_text(encoding="utf-8")


def test_all_mistakes_are_found_at_once() -> None:
    with pytest.raises(ExpressionErrors) as caught:
        check_quote("amuont > 1 and stage = 'aproved' and customer.grad = 'A' and name > 3")
    assert [error.code for error in caught.value.errors] == [
        "unknown_name",
        "unknown_option",
        "unknown_name",
        "cannot_compare",
    ]


@pytest.mark.parametrize(
    ("wanted", "text"),
    [
        (Type(Kind.MONEY, scale=2), "discount"),
        (Type(Kind.PERCENT, scale=4), "amount"),
        (Type(Kind.DATE), "now()"),
        (Type(Kind.CHOICE, options=("draft", "sent")), "'snet'"),
        (Type(Kind.CHOICE, options=("draft", "sent")), "name"),
        (Type(Kind.CHOICE, options=("draft", "sent")), "if(archived, 'draft', 'lost')"),
        (Type(Kind.LINK, entity="customer"), "owner"),
        (Type(Kind.LINK, entity="region"), "customer"),
        (Type(Kind.TEXT), "1"),
    ],
)
def test_a_result_that_does_not_fit_is_refused(wanted: Type, text: str) -> None:
    with pytest.raises(ExpressionErrors):
        check_text(text, SHAPES, "quote", expect=wanted)


@pytest.mark.parametrize(
    ("wanted", "text"),
    [
        (Type(Kind.MONEY, scale=2), "amount * (1 - discount)"),
        (Type(Kind.MONEY, scale=2), "0"),
        (Type(Kind.PERCENT, scale=4), "paid / amount"),
        (Type(Kind.NUMBER, scale=0), "days(due - today())"),
        (Type(Kind.CHOICE, options=("draft", "sent")), "if(archived, 'draft', 'sent')"),
        (Type(Kind.CHOICE, options=("draft", "sent", "approved")), "default(stage, 'draft')"),
        (Type(Kind.TEXT), "if(stage is missing, 'nothing yet', stage)"),
        (Type(Kind.CHOICE, options=("draft", "sent")), "missing"),
        (Type(Kind.LINK, entity="region"), "customer.region"),
        (Type(Kind.USER), "if(owner is missing, user, owner)"),
        (Type(Kind.TEXT), "stage"),
    ],
)
def test_a_result_that_fits_is_accepted(wanted: Type, text: str) -> None:
    assert check_text(text, SHAPES, "quote", expect=wanted).text == text


def test_working_time_is_refused_where_the_database_must_answer() -> None:
    (error,) = check_sql(check_quote("due - 2wd < today()"))
    assert (error.code, error.offset, error.params) == ("not_in_sql", 6, {"found": "2wd"})
    assert check_sql(check_quote("due - 2d < today()")) == ()


NESTED = {
    "amount": [
        "(amount + {})",
        "({} * discount)",
        "(amount / {})",
        "if(archived, {}, 1)",
        "default(amount, {})",
        "max(paid, {})",
    ]
    + ["(-{} + 1)", "abs({} - 1)", "(round({}, 3) / 3)", "if(({} = 1), customer.credit)"],
    "archived": [
        "(not {})",
        "(archived and {})",
        "(archived and {} or false)",
        "(archived = {})",
        "if({}, archived)",
        "({} in [true])",
    ],
    "due": ["({} + 3d)", "(due + ({} - signed))", "if({} = date(created_at), due)"],
    "closed_at": ["(created_at + ({} - closed_at))", "({} - 3d)"],
    "name": ["join({}, 'x')", "if(contains(name, {}), name)", "if(('a' = {}), customer.name)"],
    "sum(items.total where product.line = 'valve')": ["(amount - {})"],
}


@pytest.mark.parametrize(("leaf", "layer"), [(leaf, layer) for leaf, layers in NESTED.items() for layer in layers])
def test_what_is_too_deep_for_a_database_is_a_mistake_before_the_database_says_so(
    leaf: str, layer: str, database: Connection, world: World
) -> None:
    text, levels = layer.format(leaf), 1
    while not check_sql(checked := check_quote(text)):
        in_sql(database, checked, world)
        text, levels = layer.format(text), levels + 1
    assert [error.code for error in check_sql(checked)] == ["too_deep_in_sql"]
    assert levels > 3


def test_every_code_has_a_sentence_in_every_language() -> None:
    source = "".join(path.read_text(encoding="utf-8") for path in ENGINE.glob("*.py"))
    codes = set(re.findall(r'(?:refuse|ExpressionError)\(\s*"(\w+)"', source))
    assert len(codes) > 35
    needed = {f"expression.{code}" for code in codes} | {f"expression.kind.{kind.value}" for kind in Kind}
    for language in messages.LANGUAGES:
        assert needed <= set(messages.catalog(language))
