"""Every mistake an author can make beyond the shape of a file is refused at its place, in the expected words."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from engine.compiler.compile import load_app
from engine.compiler.translations import write_locale
from engine.definition.source import SourceFolder
from engine.errors import DefinitionError
from tests.compiler.shop import SHOP, edited

HERE = Path(__file__).parent
ENGINE = HERE.parent.parent / "engine"
MISTAKES: list[dict[str, Any]] = yaml.safe_load((HERE / "problems.yaml").read_text(encoding="utf-8"))


def problems_of(texts: dict[str, str], *, unchecked: bool = False) -> list[str]:
    with pytest.raises(DefinitionError) as refused:
        load_app(SourceFolder(texts), checked=unchecked)
    return [problem.text("en") for problem in refused.value.problems]


def test_the_shop_is_sound() -> None:
    app = load_app(SourceFolder(SHOP))

    assert app.entities["order"].label == {"zh": "订单", "en": "Order"}
    assert app.entities["order"].fields["title"].label == {"zh": "标题", "en": "Title"}


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda one: one["mistake"].replace(" ", "-"))
def test_a_mistake_is_told_with_its_place_and_a_suggestion(mistake: dict[str, Any]) -> None:
    texts = edited(mistake["file"], mistake["instead_of"], mistake["written"])

    assert problems_of(texts, unchecked=mistake.get("unchecked", False)) == mistake["says"]


def test_a_second_workflow_of_an_entity_is_refused() -> None:
    again = "workflow: again\nentity: order\nlabel: 流程\nstages:\n  one: {label: 一}\n"

    said = problems_of({**SHOP, "customer/workflow.yaml": again})

    assert said == ["order/workflow.yaml:1:1: entity 'order' already has a workflow; an entity has one. [W007]"]


def test_a_tour_through_a_form_is_for_whoever_may_fill_it_in() -> None:
    texts = edited("customer/entity.yaml", "create: true}", "create: true}\n  boss: {read: all}")
    step = "a: {page: form, entity: customer, text: 一}"
    texts["app.yaml"] += f"tours:\n  one: {{label: 一, for: [clerk, boss], steps: {{{step}}}}}\n"

    assert problems_of(texts) == [
        "app.yaml:13:32: role 'boss' may neither create nor change a 'customer', and this tour has its form; "
        "take it out of for, or give it access. [E126]"
    ]


def test_a_rule_that_looks_among_other_records_says_which_field_is_which() -> None:
    texts = edited("customer/entity.yaml", "phone: {type: phone, label: 电话}", "phone: {type: phone, label: 电话}\n"
                   "duplicates:\n  same: {match: {name: exact, phone: exact}}")  # fmt: skip
    rules = "{a: {among: customer.same, with: {name: due, adress: title}}}"
    texts["order/entity.yaml"] = texts["order/entity.yaml"].replace("access:", f"duplicates: {rules}\naccess:", 1)

    said = problems_of(texts)

    assert [one.rpartition("[")[2][:-1] for one in said] == ["E134", "E133", "E132"]
    assert "'customer.same' compares phone too; say under with of 'a' which field holds it here." in said[0]
    assert "'due' is not of the same kind as 'name' of 'customer'" in said[1]
    assert "'customer.same' does not compare 'adress'" in said[2]


def test_all_mistakes_are_told_at_once_in_the_order_of_the_files() -> None:
    texts = edited("app.yaml", "[customer, order]", "[customer, ordr]")
    texts["order/entity.yaml"] = SHOP["order/entity.yaml"].replace("read: mine", "read: mime")
    texts["order/print.yaml"] = SHOP["order/print.yaml"].replace("words: amount", "words: due")

    assert [said.partition(": ")[0] for said in problems_of(texts)] == [
        "app.yaml:11:18",
        "order/entity.yaml:33:17",
        "order/print.yaml:9:8",
    ]


@pytest.mark.parametrize(
    ("file", "instead_of", "written", "code"),
    [
        ("order/entity.yaml", '"due >= today()"', '"duw >= today()"', "X001"),
        (
            "order/entity.yaml",
            "qty: {type: integer,",
            "qty: {type: lines, fields: {a: {type: text, label: A}},",
            "E016",
        ),
        ("order/entity.yaml", "due: {type: date,", "due: {type: hologram,", "E005"),
        ("order/workflow.yaml", "entity: order", "entity: ordr", "E001"),
        ("order/approval.yaml", "entity: order", "entity: ordr", "E001"),
        ("order/print.yaml", "entity: order", "entity: ordr", "E001"),
    ],
)
def test_what_is_left_out_for_a_mistake_has_its_translations_left_alone(
    file: str, instead_of: str, written: str, code: str
) -> None:
    untranslated = load_app(SourceFolder({**SHOP, "locales/en.yaml": "locale: en\n"})).untranslated["en"]
    locale = re.sub(r'""  # .*', "Word", write_locale("en", untranslated))
    texts = {**edited(file, instead_of, written), "locales/en.yaml": locale}

    said = problems_of(texts, unchecked=True)

    assert any(f"[{code}]" in one for one in said)
    assert not [one for one in said if "[L001]" in one]


def test_the_problem_in_chinese_names_the_same_place() -> None:
    with pytest.raises(DefinitionError) as refused:
        load_app(SourceFolder(edited("app.yaml", "[customer, order]", "[customer, ordr]")))

    assert refused.value.problems[0].text("zh") == "app.yaml:11:18: 实体“ordr”不存在。 是否想写“order”？ [E001]"


def test_every_problem_code_of_the_compiler_is_made_here() -> None:
    written = "".join(path.read_text(encoding="utf-8") for path in sorted((ENGINE / "compiler").glob("*.py")))
    codes = set(re.findall(r'"([AEGHKLPRWX]\d{3})"', written))
    told = {code for one in MISTAKES for said in one["says"] for code in re.findall(r"\[([A-Z]\d{3})\]$", said)}
    broken = (HERE.parent / "definition" / "broken").glob("*/expected.txt")
    told |= {
        code for path in broken for code in re.findall(r"\[([A-Z]\d{3})\]$", path.read_text("utf-8"), re.MULTILINE)
    }

    assert codes - told == {"E126", "E132", "E133", "E134", "W007"}  # made in tests of their own
    assert {code for code in told if code[0] != "D"} <= codes


def test_an_automation_without_texts_is_offered_for_translation_as_its_schema_wants_it() -> None:
    offered = yaml.safe_load(write_locale("en", {"automations.order.late": "超时"}))

    assert offered == {"locale": "en", "automations": {"order": {"late": {"label": ""}}}}
