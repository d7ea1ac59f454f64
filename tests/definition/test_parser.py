"""What is written arrives in the model whole, typed, and with its place."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import fields
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from engine.compiler.compile import load_app
from engine.definition import model
from engine.definition.model import AppDefinition, ExpressionText, Reference, WhoDefinition
from engine.definition.parser import parse_app, parse_documents
from engine.definition.source import SourceFolder, read_folder
from engine.errors import DefinitionError, Location
from engine.places import find_data

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
EXAMPLE = ROOT / "docs" / "reference" / "example"
STEPS = "approval: a\nentity: thing\nlabel: A\nsteps:\n"
SOUND = dict(read_folder(HERE / "sound").files)


@pytest.fixture(scope="module")
def app() -> AppDefinition:
    return parse_app(read_folder(EXAMPLE))


def app_with(**files: str) -> AppDefinition:
    named = {name: f"thing/{name}.yaml" for name in ("entity", "workflow", "approval")}
    named |= {"app": "app.yaml", "zh": "locales/zh.yaml", "pattern": "workflows/two.yaml"}
    return parse_app(SourceFolder(SOUND | {named[name]: text for name, text in files.items()}))


def test_the_example_of_the_reference_compiles() -> None:
    assert load_app(read_folder(EXAMPLE)).key == "tool_room"


@pytest.mark.parametrize("template", sorted(path.name for path in find_data("templates").iterdir() if path.is_dir()))
def test_the_bundled_templates_have_the_shape_of_the_language(template: str) -> None:
    assert parse_app(read_folder(find_data("templates") / template)).key == template


def test_a_folder_checked_before_gives_the_same_definition() -> None:
    folder = read_folder(EXAMPLE)
    assert parse_app(folder, checked=True) == parse_app(folder)


def test_settings_that_are_left_out_have_their_defaults() -> None:
    files = {"app.yaml": "app: small\nlabel: 小应用\nversion: 0.1.0\nroles: {admin: {label: 管理员}}\n"}
    small = parse_app(SourceFolder(files))
    assert (small.language, small.languages, small.timezone, small.currency) == ("zh", ("zh",), "Asia/Shanghai", "CNY")
    assert small.calendar.hours == ("08:30-12:00", "13:00-17:30")
    assert small.menu == ()
    spoken = parse_app(SourceFolder(files | {"locales/en.yaml": "locale: en\n"}))
    assert spoken.languages == ("zh", "en")


def place_of(file: str, text: str) -> Location:
    before = (EXAMPLE / file).read_text(encoding="utf-8").partition(text)[0]
    return Location(file, before.count("\n") + 1, len(before) - before.rfind("\n"))


def test_an_expression_keeps_the_place_of_its_first_character(app: AppDefinition) -> None:
    at = place_of("loan/entity.yaml", "stage = 'returned'")
    assert app.entities["loan"].fields["damage"].visible_when == ExpressionText("stage = 'returned'", at)


def test_a_name_keeps_its_place(app: AppDefinition) -> None:
    loan = app.entities["loan"]
    assert loan.fields["tool"].to == Reference("tool", place_of("loan/entity.yaml", "tool, label"))
    assert loan.access["keeper"].role == Reference("keeper", place_of("loan/entity.yaml", "keeper:"))


def test_fields_are_typed(app: AppDefinition) -> None:
    loan, tool = app.entities["loan"], app.entities["tool"]
    assert loan.fields["damage"].max == Decimal(1)
    assert tool.fields["manual"].max_size == 20 * 1024**2
    assert tool.fields["manual"].accept == ("pdf",)
    assert tool.fields["kind"].options == {"hand": "手动", "power": "电动", "gauge": "量具"}
    assert loan.fields["days"].default == 3
    assert loan.fields["old_note"].retired == "并入用途"
    assert list(loan.fields["parts"].fields) == ["name", "count"]
    assert tool.access["keeper"].bring_in


def test_a_row_of_a_form_holds_one_field_or_several(app: AppDefinition) -> None:
    rows = app.entities["tool"].form["basics"].fields
    assert [[field.name for field in row] for row in rows] == [["name"], ["kind", "price"], ["bought"], ["manual"]]


def test_an_outcome_is_a_stage_and_says_by_from_which_move_leads_there(app: AppDefinition) -> None:
    loan = app.workflows["loan"]
    assert [(key, stage.outcome) for key, stage in loan.stages.items()] == [
        ("asked", False), ("waits", False), ("out", False), ("returned", True), ("lost", True),
    ]  # fmt: skip
    lost = loan.moves["lost"]
    assert ([stage.name for stage in lost.from_], [stage.name for stage in lost.to]) == (["out"], ["lost"])
    assert (lost.label, lost.reason, lost.who[0].name) == ("已遗失", "required", "keeper")


def test_an_outcome_without_from_makes_no_move() -> None:
    assert list(app_with().workflows["thing"].moves) == ["submit"]


def test_a_workflow_without_entity_is_that_of_its_own_name() -> None:
    assert app_with().workflows["thing"].entity.name == "thing"


@pytest.mark.parametrize(
    ("written", "kind", "name"),
    [("role: boss", "role", "boss"), ("user: li", "user", "li"), ("field: engineer", "field", "engineer"),
     ("person: owner", "owner", ""), ("person: starter", "starter", ""), ("manager_of: owner", "manager_of", "owner")],
)  # fmt: skip
def test_people_are_named_in_these_ways(written: str, kind: Any, name: str) -> None:
    text = STEPS + f"  one: {{label: One, who: [{{{written}}}]}}\n"
    (who,) = app_with(approval=text).approvals["a"].steps["one"].who
    column = 28 + written.index(" ") + 1
    assert who == WhoDefinition(kind, Location("thing/approval.yaml", 5, column), name)


def test_a_chain_of_managers_says_where_it_ends() -> None:
    text = STEPS + "  one: {label: One, who: [{managers_of: starter, up_to: admin}]}\n"
    (who,) = app_with(approval=text).approvals["a"].steps["one"].who
    assert (who.kind, who.name, who.up_to and who.up_to.name) == ("managers_of", "starter", "admin")


def test_an_administrator_is_asked_when_nobody_is_found_and_nobody_else_is_named() -> None:
    approvals = [app_with(), app_with(approval=SOUND["thing/approval.yaml"] + "defaults: {due: 8wh}\n")]
    for definition in approvals:
        (who,) = definition.approvals["thing_price"].defaults.empty
        assert (who.kind, who.name) == ("role", "admin")
    named = app_with(approval=SOUND["thing/approval.yaml"] + "defaults: {empty: {assign: [{user: li}]}}\n")
    assert named.approvals["thing_price"].defaults.empty[0].name == "li"


PATTERN = """
pattern: two
label: Two
inputs:
  limit: {label: Limit, type: number}
  boss:  {label: Boss, type: role}
  name:  {label: Name, type: text}
steps:
  first: {label: "{name}", who: [{role: "{boss}"}]}
  then:  {label: Then, when: "price > {limit}", who: [{manager_of: starter}]}
"""
USE = "approval: a\nentity: thing\nlabel: A\nuse: two\nwith: {limit: 12.50, boss: admin, name: 老板}\n"


def test_a_pattern_is_used_with_other_people_and_limits() -> None:
    steps = app_with(pattern=PATTERN, approval=USE).approvals["a"].steps
    assert list(steps) == ["first", "then"]
    assert (steps["first"].label, steps["first"].who[0].name) == ("老板", "admin")
    assert steps["then"].when == ExpressionText("price > 12.50", Location("workflows/two.yaml", 10, 31))


def test_a_percentage_may_be_the_limit_of_a_pattern() -> None:
    steps = app_with(pattern=PATTERN, approval=USE.replace("12.50", "15%")).approvals["a"].steps
    assert steps["then"].when and steps["then"].when.text == "price > 15%"


@pytest.mark.parametrize("injected", ["admin}, {user: x", "5 or true", "Admin"])
def test_only_a_role_can_be_given_where_a_role_is_asked_for(injected: str) -> None:
    with pytest.raises(DefinitionError, match="D207"):
        app_with(pattern=PATTERN, approval=USE.replace("boss: admin", f"boss: '{injected}'"))


def test_a_bundled_pattern_becomes_part_of_the_folder_that_uses_it(tmp_path: Path) -> None:
    for name, text in SOUND.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "thing/approval.yaml").write_text(
        "approval: thing_price\nentity: thing\nlabel: A\nlet: {figure: price}\n"
        "use: manager_then_director\nwith: {figure: figure, limit: 50000, director: admin}\n",
        encoding="utf-8",
    )
    folder = read_folder(tmp_path)
    assert [name for name in folder.files if name.startswith("workflows/")] == ["workflows/manager_then_director.yaml"]
    kept = parse_app(SourceFolder(json.loads(json.dumps(dict(folder.files)))))
    assert kept.approvals["thing_price"].steps["director"].when == ExpressionText(
        "figure > 50000", Location("workflows/manager_then_director.yaml", 15, 12)
    )


@pytest.mark.parametrize("path", sorted(find_data("workflows").glob("*.yaml")), ids=lambda path: path.stem)
def test_each_bundled_pattern_has_the_shape_of_the_language(path: Path) -> None:
    (document,) = parse_documents(SourceFolder({f"workflows/{path.name}": path.read_text(encoding="utf-8")}), "pattern")
    assert document.data["pattern"] == path.stem


def test_translations_are_one_flat_map_with_places(app: AppDefinition) -> None:
    texts, places = app.translations["en"], app.translation_locations["en"]
    assert {key: texts[key] for key in (
        "app.label", "roles.keeper", "entities.tool.label", "entities.tool.fields.price.label",
        "entities.tool.fields.kind.options.hand", "entities.loan.fields.parts.fields.count.label",
        "entities.loan.sections.after", "entities.loan.rules.not_in_past", "entities.loan.unique.one_open",
        "entities.tool.makes.loan", "workflows.loan.stages.waits", "workflows.loan.moves.ask",
        "approvals.loan_dear.steps.keeper", "approvals.loan_dear.auto_pass", "approvals.loan_dear.labels.value",
        "prints.loan.title", "prints.loan.notes.0", "prints.loan.signatures.1",
    )} == {
        "app.label": "Tool room", "roles.keeper": "Tool keeper", "entities.tool.label": "Tool",
        "entities.tool.fields.price.label": "Price", "entities.tool.fields.kind.options.hand": "Hand tool",
        "entities.loan.fields.parts.fields.count.label": "Count", "entities.loan.sections.after": "Return",
        "entities.loan.rules.not_in_past": "The day of return cannot be in the past",
        "entities.loan.unique.one_open": "This tool is lent already", "entities.tool.makes.loan": "Lend",
        "workflows.loan.stages.waits": "Waiting for approval", "workflows.loan.moves.ask": "Ask for it",
        "approvals.loan_dear.steps.keeper": "Tool keeper",
        "approvals.loan_dear.auto_pass": "Tools of little value need no approval for a short loan",
        "approvals.loan_dear.labels.value": "Value of the tool", "prints.loan.title": "TOOL LOAN",
        "prints.loan.notes.0": "Take care of the tool and bring it back in time.",
        "prints.loan.signatures.1": "Tool keeper",
    }  # fmt: skip
    assert places["entities.tool.fields.price.label"] == Location("locales/en.yaml", 11, 7)
    assert "locale" not in texts


def test_fields_named_like_parts_of_a_locale_are_still_fields() -> None:
    parts = "{label: 标签, fields: {label: 字段, fields: {fields: 列}}}"
    text = f"locale: zh\nentities:\n  fields:\n    label: 表\n    fields: {parts}\n"
    texts = app_with(zh=text).translations["zh"]
    assert texts == {
        "entities.fields.label": "表",
        "entities.fields.fields.label.label": "标签",
        "entities.fields.fields.fields.label": "字段",
        "entities.fields.fields.fields.fields.fields.label": "列",
    }


def test_the_label_of_an_outcome_serves_the_move_it_makes(app: AppDefinition) -> None:
    texts = app.translations["en"]
    assert texts["workflows.loan.moves.lost"] == texts["workflows.loan.stages.lost"] == "Lost"


def test_a_watermark_may_be_printed_always() -> None:
    files = SOUND | {"thing/print.yaml": "print: p\nentity: thing\nlabel: P\ntitle: P\nwatermark: {text: DRAFT}\n"}
    printed = parse_app(SourceFolder(files)).prints["p"]
    assert (printed.watermark, printed.watermark_when) == ("DRAFT", None)


def test_one_broken_file_does_not_hide_the_problems_of_another() -> None:
    with pytest.raises(DefinitionError) as refused:
        app_with(app="app: [", entity="entity: thing\nlable: x\n", workflow="workflow: thing\nlabel: W\nstages: {}\n")
    assert {problem.location.file for problem in refused.value.problems} == {
        "app.yaml", "thing/entity.yaml", "thing/workflow.yaml",
    }  # fmt: skip


def test_every_key_of_the_model_is_read() -> None:
    """A file with every key written differently from its default leaves no field of the model at its default."""
    definition = parse_app(read_folder(HERE / "everything"))
    rules = definition.automations["everything"].rules
    asked, answered = rules["asked"].on.form, rules["answered"].on.form
    parts: list[Any] = [
        definition, definition.calendar, definition.calendars["late"], definition.roles["admin"],
        definition.modules["whole"],
        entity := definition.entities["everything"], owned := entity.ownership, owned.claim, *owned.pools.values(),
        *owned.protect.values(), entity.number, entity.list, entity.fields["other"].best,
        *entity.rules.values(),
        *entity.unique.values(), *entity.form.values(), *entity.access.values(), *entity.scopes.values(),
        make := next(iter(entity.makes.values())), *make.lines.values(),
        workflow := definition.workflows["everything"], workflow.stages["first"], workflow.stages["ended"],
        workflow.moves["go"], workflow.timers["late"], workflow.flags["stuck"], workflow.evidence,
        approval := definition.approvals["everything"], approval.defaults, approval.auto_pass,
        definition.automations["everything"], rules["first"],
        asked.fields["name"], answered.about,
        approval.return_, approval.withdraw, approval.cc, approval.revoke, approval.urge, *definition.prints.values(),
    ]  # fmt: skip
    untouched = {
        f"{type(part).__name__}.{item.name}" for part in parts for item in fields(part) if _is_default(part, item)
    }
    assert untouched == {"StageDefinition.outcome"}
    way = definition.tours["way"]
    assert way.label and way.for_ and way.finish
    side = approval.steps["side"].parallel
    late = side["right"].steps["late"]
    steps = [*approval.steps.values(), side["left"].steps["fill"], late]
    for many in (
        steps,
        list(side.values()),
        [asked, answered],
        list(way.steps.values()),
        [one for rule in late.late.values() for one in rule.do],
    ):
        assert {item.name for part in many for item in fields(part) if not _is_default(part, item)} == {
            item.name for item in fields(many[0])
        }
    keys = {item.name for item in fields(model.FieldDefinition)}
    fields_of_line = entity.fields["items"].fields.values()
    written = {
        item.name
        for field in (*entity.fields.values(), *fields_of_line)
        for item in fields(field)
        if not _is_default(field, item)
    }
    assert written == keys
    requirements = workflow.stages["first"].enter.values()
    assert {item.name for part in requirements for item in fields(part) if not _is_default(part, item)} == {
        item.name for item in fields(model.RequirementDefinition)
    }


def test_every_key_of_reports_and_dashboards_is_read() -> None:
    app = parse_app(read_folder(HERE / "everything"))
    reports, board = app.reports["everything"], app.dashboards["first"]
    whole = [reports, *reports.dimensions.values(), *reports.figures.values(), *reports.layouts.values(), board]
    many = [[one] for one in (*whole, *reports.funnels.values())]
    many += [list(next(iter(reports.funnels.values())).steps.values()), [tile for row in board.rows for tile in row]]
    for parts in many:
        assert {item.name for part in parts for item in fields(part) if not _is_default(part, item)} == {
            item.name for item in fields(parts[0])
        }


def test_every_key_of_automations_is_read() -> None:
    rules = parse_app(read_folder(HERE / "everything")).automations["everything"].rules.values()
    written = [rule.on for rule in rules], list(_steps([step for rule in rules for step in rule.do]))
    for many in written:
        assert {item.name for part in many for item in fields(part) if not _is_default(part, item)} == {
            item.name for item in fields(many[0])
        }


def _steps(steps: Sequence[model.DoDefinition]) -> Iterator[model.DoDefinition]:
    for step in steps:
        yield step
        yield from _steps((*step.do, *step.otherwise))


def _is_default(part: Any, item: Any) -> bool:
    default = item.default_factory() if callable(item.default_factory) else item.default
    return bool(getattr(part, item.name) == default)
