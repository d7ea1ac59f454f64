"""Expressions said in plain words, and kept as JSON."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from lark import Lark

from engine import messages
from engine.expression import Checked, Collection, check, check_text, compile_python, functions, parse, resolved
from engine.expression.explain import explain
from engine.expression.portable import from_json, to_json
from engine.expression.walking import walk
from tests.expression.conftest import check_quote
from tests.expression.test_examples import EXAMPLES, RECORD, WORLD
from tests.expression.test_working_time import MEANINGS
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
        "department": "部门",
        "disabled_at": "账号停用时间",
        "invited": "参与人",
        "name": "名称",
        "models": "常用型号",
        "product": "产品",
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
        "department": "Department",
        "disabled_at": "Account disabled",
        "invited": "Invited",
        "name": "Name",
        "models": "Usual models",
        "product": "Product",
    },
}
OPTIONS = {"sent": "已发送", "draft": "草稿", "A": "A 级", "director": "总监"}

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
    "working_days(due, today()) > 3 or working_hours(now(), now()) >= 4": (
        "到期日 到 今天 的工作日数 大于 3 或者 此刻 到 此刻 的工作小时数 不低于 4",
        "the working days from Due date to today is more than 3 or the working hours from now to now is at least 4",
    ),
    "add_days(month_end(due), 30) > today()": (
        "到期日 的月末 之后 30 天 晚于 今天",
        "30 days after the last day of the month of Due date is after today",
    ),
    "'director' in user.roles and user.department = 'sales'": (
        "当前用户的角色 包含 “总监” 并且 当前用户的部门 等于 “sales”",
        "the roles of the current user includes 'director' and the department of the current user is 'sales'",
    ),
    "owner = 'rep.one' or owner.department = user.department": (
        "负责人 等于 “rep.one” 或者 负责人的部门 等于 当前用户的部门",
        "Owner is 'rep.one' or Department of Owner is the department of the current user",
    ),
    "owner.disabled_at is missing": ("负责人的账号停用时间 未填写", "Account disabled of Owner is missing"),
    "all(items where product in record.customer.models.product)": (
        "明细中每一行都满足（本记录的客户的常用型号的产品 包含 产品）",
        "each of Lines has (Product of Usual models of Customer of this record includes Product)",
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


EVERY_CONSTRUCT = [
    *EXAMPLES,
    *MEANINGS,
    *SAID,
    "record is not missing and record.due > due and record.stage = stage",
    "line.qty > 1 and count(user.visit where done) > 2",
    "owner.department = user.department or user is missing",
    "archived = true and archived != false or customer is missing",
    "signed = if(archived, missing, due)",
    "effort = 2w or effort > 3d or effort < 4h or effort >= 30m or effort <= 90m or effort = 0d",
    "due + 2wd > signed and created_at + 8wh < now() or due - 1wd = signed",
    "stage not in ['sent', 'draft'] and user not in invited",
    "avg(items.price) + median(items.price) + max(items.price) - min(items.price) > sum(items.total) / count(items)",
    "all(items where qty > 0) or any(items where qty > 0 or discount > 5% and boxes = 1)",
    "due < signed or due <= signed or due > signed or due >= signed",
    "min(amount, 5) > -amount * 2 - (3 - amount) / 2",
    "-effort < effort",
    'name = "a"',
    "minutes(effort) > 5 and reached('sent') and created_at between period.start and period.end",
    "due between period.from and period.to",
    "days(due - signed) > period.working_days",
]
"""Together they use every line of the grammar and every word there is to say."""


def checked_anywhere(text: str) -> Checked:
    let = {"disc": check_quote("max(items.discount)")}
    owned = replace(SHAPES["@user"], collections={"visit": Collection("visit", via="owner")})
    counted = {**SHAPES, "@user": owned, "quote": replace(SHAPES["quote"], reached={"sent": ("sent",)})}
    outer = None if "where" in text and "record." in text else "quote"
    return check(parse(text), counted, "quote", let=let, text=text, outer=outer, line="quote.items", counted=True)


def test_the_list_uses_every_line_of_the_grammar() -> None:
    source = (Path(messages.__file__).parents[1] / "expression" / "grammar.lark").read_text(encoding="utf-8")
    lines = set(re.findall(r"->\s*(\w+)", source)) | {"name", "path", "call", "list"}
    plain = Lark(source, parser="lalr", lexer="basic")
    used = {subtree.data for text in EVERY_CONSTRUCT for subtree in plain.parse(text).iter_subtrees()}
    assert lines - used == set() and len(lines) > 20


@pytest.mark.parametrize("language", messages.LANGUAGES)
def test_every_construct_has_words(language: str, monkeypatch: pytest.MonkeyPatch) -> None:
    said: set[str] = set()

    def listen(code: str, *args: str, **parts: str) -> str:
        said.add(code)
        return plain(code, *args, **parts)

    plain = messages.text
    monkeypatch.setattr("engine.expression.explain.messages.text", listen)
    nodes, called = set(), set()
    for text in EVERY_CONSTRUCT:
        checked = checked_anywhere(text)
        phrase = explain(checked, lambda entity, field: "⟨x⟩", language)
        assert phrase.strip() and "⟨x⟩" in phrase or not checked.uses
        foreign = r"\b(and|or|not|in|is|between|where|if)\b" if language == "zh" else r"[\u4e00-\u9fff]"
        written = re.sub(r"'[^']*'|\"[^\"]*\"|“[^”]*”|‘[^’]*’", "", phrase)
        assert not re.search(foreign, written), phrase
        nodes |= {type(node) for node in walk(checked.tree)}
        called |= {node.name for node in walk(checked.tree) if isinstance(node, (resolved.Call, resolved.Fold))}
    assert nodes == set(resolved.NODES)
    assert called | {"today", "now"} == set(functions.NAMES)
    assert said == {code for code in messages.catalog(language) if code.startswith("expression.say.")}


def test_an_expression_kept_as_json_means_the_same() -> None:
    for text, value in EXAMPLES.items():
        checked = check_quote(text)
        kept = from_json(json.loads(json.dumps(to_json(checked))))
        assert kept == checked
        assert compile_python(kept)(RECORD, WORLD.env()) == value


def test_json_of_another_format_is_refused() -> None:
    with pytest.raises(ValueError, match="format 99"):
        from_json([99])
