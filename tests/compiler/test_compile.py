"""What compiling makes of a definition: defaults, waiting rules, labels, lists and forms nobody wrote."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from engine.compiler.app import CompiledApp, Entity
from engine.compiler.compile import load_app
from engine.definition.source import SourceFolder, read_folder
from engine.errors import DefinitionError
from tests.compiler.shop import SHOP, edited
from tests.conftest import ROOT


def app_with(path: str, old: str, new: str) -> CompiledApp:
    return load_app(SourceFolder(edited(path, old, new)))


def order_with(line: str) -> Entity:
    """The order with one more field."""
    return app_with("order/entity.yaml", "rules:\n", f"  {line}\nrules:\n").entities["order"]


def test_a_default_is_read_as_if_somebody_had_typed_it() -> None:
    fields = order_with("rate: {type: percent, label: 税率, default: 13%}").fields

    assert fields["rate"].default == Decimal("0.13")


def test_a_default_moment_is_one_of_the_sites_zone() -> None:
    order = order_with('at: {type: datetime, label: 时刻, default: "2026-03-02 09:00"}')

    assert order.fields["at"].default == datetime(2026, 3, 2, 1, 0, tzinfo=UTC)


def test_a_rule_waits_for_the_fields_it_names() -> None:
    order = load_app(SourceFolder(SHOP)).entities["order"]

    assert {rule.key: rule.needs for rule in order.rules} == {"soon": ("due",)}


@pytest.mark.parametrize(
    ("check", "needs"),
    [
        ("due is missing or due >= today()", ()),
        ("default(amount, 0) > 0 or due >= today()", ("due",)),
        ("amount > 5 or (title is not missing and due is missing)", ("amount",)),
        ("count(lines) > 0 or sum(lines.total) < amount", ("amount",)),
    ],
)
def test_a_rule_does_not_wait_for_a_field_it_speaks_of_as_missing(check: str, needs: tuple[str, ...]) -> None:
    order = app_with("order/entity.yaml", '"due >= today()"', f'"{check}"').entities["order"]

    assert [rule.needs for rule in order.rules] == [needs]


def test_the_word_missing_inside_a_text_lets_a_rule_wait() -> None:
    order = app_with("order/entity.yaml", '"due >= today()"', "\"title != 'missing'\"").entities["order"]

    assert [rule.needs for rule in order.rules] == [("title",)]


def test_an_expression_keeps_its_text_and_place() -> None:
    order = load_app(SourceFolder(SHOP)).entities["order"]

    check = order.rules[0].check
    assert (check.text, str(check.location)) == ("due >= today()", "order/entity.yaml:22:18")


def test_fields_placed_nowhere_stand_in_a_section_of_their_own() -> None:
    order = load_app(SourceFolder(SHOP)).entities["order"]

    placed = [key for section in order.sections for row in section.rows for key in row]
    assert sorted(placed) == sorted(order.fields)
    assert [section.label["zh"] for section in order.sections] == ["基本", "其他信息"]


def test_a_list_nobody_wrote_shows_the_name_and_the_owner() -> None:
    customer = load_app(SourceFolder(SHOP)).entities["customer"]

    assert (customer.columns[0], customer.columns[-1]) == ("name", "owner")
    assert customer.sort == ("id", True)
    assert customer.filters == ("grade", "owner")


def test_what_an_approval_guards_is_locked_while_it_runs() -> None:
    workflow = load_app(SourceFolder(SHOP)).entities["order"].workflow

    assert workflow is not None
    assert (workflow.stages["asked"].in_approval, workflow.stages["asked"].locked) == ("price", {"lines"})
    assert workflow.stages["draft"].in_approval is None


def test_stages_one_after_another_get_a_move_to_the_next() -> None:
    flow = SHOP["order/workflow.yaml"].replace("label: 流程\n", "label: 流程\nforward: next_only\n")
    workflow = load_app(SourceFolder({**SHOP, "order/workflow.yaml": flow})).entities["order"].workflow

    assert workflow is not None
    assert list(workflow.moves) == ["to_asked", "submit"]
    assert workflow.moves["to_asked"].label == {"zh": "进入“审批中”"}


def test_what_a_record_is_found_by_is_its_number_its_name_its_phone_and_the_links_it_lists() -> None:
    app = load_app(SourceFolder(SHOP))

    assert (app.entities["order"].search, app.entities["customer"].search) == (
        ("number", "title", "customer"),
        ("number", "name", "phone"),
    )


def test_a_stored_release_goes_on_though_a_later_program_knows_more_mistakes() -> None:
    sound = read_folder(ROOT / "tests" / "definition" / "sound").files
    broken = ROOT / "tests" / "definition" / "broken" / "stage_never_left" / "thing" / "workflow.yaml"
    folder = SourceFolder({**sound, "thing/workflow.yaml": broken.read_text(encoding="utf-8")})
    with pytest.raises(DefinitionError):
        load_app(folder)
    assert "parked" in load_app(folder, checked=True).entities["thing"].workflow.stages  # type: ignore[union-attr]
