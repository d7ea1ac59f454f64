"""Expressions said in plain words, and kept as JSON."""

import json

import pytest

from engine import messages
from engine.expression import check_text, compile_python, functions
from engine.expression.explain import explain
from engine.expression.portable import from_json, to_json
from tests.expression.conftest import check_quote
from tests.expression.test_examples import EXAMPLES, RECORD, WORLD
from tests.expression.world import SHAPES

LABELS = {
    "zh": {
        "amount": "金额",
        "discount": "折扣",
        "stage": "阶段",
        "customer": "客户",
        "grade": "等级",
        "archived": "归档",
        "due": "到期日",
        "items": "明细",
        "qty": "数量",
        "total": "金额小计",
        "disc": "最高折扣",
        "owner": "负责人",
        "invited": "参与人",
        "name": "名称",
    },
    "en": {
        "amount": "Amount",
        "discount": "Discount",
        "stage": "Stage",
        "customer": "Customer",
        "grade": "Grade",
        "archived": "Archived",
        "due": "Due date",
        "items": "Lines",
        "qty": "Quantity",
        "total": "Total",
        "disc": "Top discount",
        "owner": "Owner",
        "invited": "Invited",
        "name": "Name",
    },
}
OPTIONS = {"sent": "已发送", "draft": "草稿", "A": "A 级"}

SAID = {
    "discount > 15% and amount < 50000": (
        "折扣 大于 15% 并且 金额 小于 50000",
        "Discount is more than 15% and Amount is less than 50000",
    ),
    "stage = 'sent' or stage in ['sent', 'draft']": (
        "阶段 等于 “已发送” 或者 阶段 是 “已发送”、“草稿” 之一",
        "Stage is 'sent' or Stage is 'sent' or 'draft'",
    ),
    "(discount > 20% or amount >= 50万) and not archived": (
        "（折扣 大于 20% 或者 金额 不低于 500000） 并且 归档 不为“是”",
        "(Discount is more than 20% or Amount is at least 500000) and Archived is not yes",
    ),
    "customer.grade = 'A' and archived": (
        "客户的等级 等于 “A 级” 并且 归档 为“是”",
        "Grade of Customer is 'A' and Archived is yes",
    ),
    "due <= today() + 2wd": ("到期日 不晚于 今天 + 2 个工作日", "Due date is not after today + 2 working day(s)"),
    "amount * (1 - discount) between 0.5 and 1000": (
        "金额 × (1 − 折扣) 在 0.5 到 1000 之间",
        "Amount × (1 − Discount) is between 0.5 and 1000",
    ),
    "amount - (amount - 1) > 0": ("金额 − (金额 − 1) 大于 0", "Amount − (Amount − 1) is more than 0"),
    "sum(items.total where qty > 1) > 100": (
        "明细中（数量 大于 1）的行的金额小计合计 大于 100",
        "total Total of Lines where (Quantity is more than 1) is more than 100",
    ),
    "any(items where qty > 1)": ("明细中有一行满足（数量 大于 1）", "some of Lines has (Quantity is more than 1)"),
    "user in invited and name is missing": (
        "参与人 包含 当前用户 并且 名称 未填写",
        "Invited includes the current user and Name is missing",
    ),
    "disc > 15%": ("最高折扣 大于 15%", "Top discount is more than 15%"),
}


@pytest.mark.parametrize("text", list(SAID))
@pytest.mark.parametrize("language", ["zh", "en"])
def test_an_expression_is_said_in_words(text: str, language: str) -> None:
    checked = check_text(text, SHAPES, "quote", let={"disc": check_quote("max(items.discount)")})
    option = (lambda entity, field, key: OPTIONS[key]) if language == "zh" else None
    said = explain(checked, lambda entity, field: LABELS[language][field], language, option)
    assert said == SAID[text][language == "en"]


@pytest.mark.parametrize("language", messages.LANGUAGES)
def test_every_expression_can_be_said(language: str) -> None:
    for text in EXAMPLES:
        assert explain(check_quote(text), lambda entity, field: field, language).strip()
    used = " ".join(EXAMPLES)
    assert [name for name in functions.NAMES if f"{name}(" not in used] == []


def test_an_expression_kept_as_json_means_the_same() -> None:
    for text, value in EXAMPLES.items():
        checked = check_quote(text)
        kept = from_json(json.loads(json.dumps(to_json(checked))))
        assert kept == checked
        assert compile_python(kept)(RECORD, WORLD.env()) == value


def test_json_of_another_format_is_refused() -> None:
    with pytest.raises(ValueError, match="format 99"):
        from_json([99])
