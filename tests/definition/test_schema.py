"""The schemas, the model, the parser and the messages say the same."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from engine.compiler.field_types import FIELD_TYPES
from engine.definition import model
from engine.definition.kinds import KINDS
from engine.definition.parser import parse_app
from engine.definition.problems import CODES, PROBLEMS_PER_FILE, did_you_mean, shown
from engine.definition.reading import written_keys
from engine.definition.resolved_schemas import resolved_schema
from engine.definition.schema import OTHERS, check_schema, read_schema
from engine.definition.schema_words import _TELLERS
from engine.definition.source import SourceFolder, read_folder
from engine.definition.yaml_reader import parse_yaml
from engine.errors import DefinitionError
from engine.messages import LANGUAGES, catalog
from engine.places import find_data

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
REPORTS = ("report",)  # what commands print
NAMES = ("common", *OTHERS, *KINDS, *REPORTS)
ANNOTATIONS = {"title", "description", "x-zh"}
GIVEN_BY_PLACE = {"key", "location", "kind", "outcome", "display_location", "role"}


_BY_NAME = ("properties", "$defs", "dependentRequired", "dependentSchemas")


def parts_of(value: Any) -> Iterator[dict[str, Any]]:
    """Yield every schema inside a schema."""
    if isinstance(value, list):
        for item in value:
            yield from parts_of(item)
    elif isinstance(value, dict):
        if "properties" not in value or isinstance(value["properties"], dict):
            yield value
        for key, item in value.items():
            yield from parts_of(list(item.values()) if key in _BY_NAME else item)


def keys_in(kind: str, *path: str) -> set[str]:
    schema: Any = read_schema(kind)
    for part in path:
        schema = schema[part]
    return set(schema["properties"])


@pytest.mark.parametrize("name", NAMES)
def test_each_schema_is_a_valid_json_schema_2020_12(name: str) -> None:
    schema = read_schema(name)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    Draft202012Validator.check_schema(schema)


def test_there_is_one_schema_for_each_kind_of_file_and_no_other() -> None:
    assert {path.stem for path in find_data("schemas").glob("*.json")} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_every_key_has_a_title_and_a_description_in_english_and_chinese(name: str) -> None:
    schema = read_schema(name)
    named = [schema, *schema.get("$defs", {}).values()]
    named += [item for part in parts_of(schema) for item in part.get("properties", {}).values() if "const" not in item]
    for part in named:
        assert part.get("title"), part
        assert part.get("description"), part
        assert set(part["x-zh"]) == {"title", "description"}, part
        assert re.search("[\u4e00-\u9fff]|yaml", part["x-zh"]["title"] + part["x-zh"]["description"]), part


@pytest.mark.parametrize("name", NAMES)
def test_every_map_of_keys_is_closed(name: str) -> None:
    for part in parts_of(read_schema(name)):
        if "properties" in part and "type" in part:
            assert part.get("additionalProperties") is False, part


@pytest.mark.parametrize("name", NAMES)
def test_every_pattern_has_words_of_its_own_and_every_keyword_is_known(name: str) -> None:
    silent = {"$ref", "$defs", "$schema", "properties", "propertyNames", "items", "allOf", "if", "then", "const"}
    silent |= {"dependentSchemas"}  # what it leads to has words of its own
    for part in parts_of(read_schema(name)):
        assert name in REPORTS or set(part) - ANNOTATIONS - {"x-code", "x-with"} <= silent | set(_TELLERS), part
        assert "pattern" not in part or part["x-code"] in CODES, part


@pytest.mark.parametrize("name", NAMES)
def test_conditions_have_the_two_forms_that_are_evaluated(name: str) -> None:
    for part in parts_of(read_schema(name)):
        if "if" in part:
            assert set(part["if"]) <= {"properties", "required"}
            assert set(part["if"].get("properties", {})) <= set(part["if"]["required"])
            assert all(set(rule) == {"const"} for rule in part["if"].get("properties", {}).values())


@pytest.mark.parametrize("name", NAMES)
def test_a_reference_is_accompanied_by_words_only_and_stays_within_the_schemas(name: str) -> None:
    for part in parts_of(read_schema(name)):
        if "$ref" in part:
            assert set(part) - {"$ref"} <= ANNOTATIONS
            assert re.fullmatch(r"(common\.json)?#/\$defs/[a-z_]+", part["$ref"])


@pytest.mark.parametrize("kind", KINDS)
def test_the_keys_of_a_condition_exist(kind: str) -> None:
    for part in parts_of(read_schema(kind)):
        for rule in part.get("allOf", ()):
            assert set(rule["then"]["propertyNames"]["enum"]) <= set(part["properties"])


@pytest.mark.parametrize(
    ("definition", "path"),
    [
        (model.EntityDefinition, ("entity",)),
        (model.FieldDefinition, ("entity", "$defs", "field")),
        (model.NumberDefinition, ("entity", "$defs", "number")),
        (model.ListDefinition, ("entity", "properties", "list")),
        (model.MergeDefinition, ("entity", "$defs", "merge")),
        (model.DisputesDefinition, ("entity", "$defs", "disputes")),
        (model.ReadingDefinition, ("entity", "$defs", "reading")),
        (model.LockedDefinition, ("entity", "$defs", "locked")),
        (model.AppealDefinition, ("entity", "$defs", "appeal")),
        (model.RuleDefinition, ("entity", "$defs", "rule")),
        (model.UniqueDefinition, ("entity", "$defs", "unique")),
        (model.SectionDefinition, ("entity", "$defs", "section")),
        (model.MakeDefinition, ("entity", "$defs", "make")),
        (model.MakeLinesDefinition, ("entity", "$defs", "make_lines")),
        (model.ScopeDefinition, ("entity", "$defs", "scope")),
        (model.AccessDefinition, ("entity", "$defs", "access")),
        (model.WorkflowDefinition, ("workflow",)),
        (model.StageDefinition, ("workflow", "$defs", "stage")),
        (model.MoveDefinition, ("workflow", "$defs", "move")),
        (model.RequirementDefinition, ("workflow", "$defs", "requirement")),
        (model.TimerDefinition, ("workflow", "$defs", "timer")),
        (model.FlagDefinition, ("workflow", "$defs", "flag")),
        (model.EvidenceDefinition, ("workflow", "properties", "evidence")),
        (model.ApprovalDefinition, ("approval",)),
        (model.ApprovalDefaults, ("approval", "properties", "defaults")),
        (model.AutoPassDefinition, ("approval", "properties", "auto_pass")),
        (model.StepDefinition, ("common", "$defs", "step")),
        (model.PrintDefinition, ("print",)),
        (model.RoleDefinition, ("app", "$defs", "role")),
        (model.CalendarDefinition, ("app", "$defs", "calendar")),
        (model.AppDefinition, ("app",)),
        (model.ReportsDefinition, ("reports",)),
        (model.DimensionDefinition, ("reports", "$defs", "dimension")),
        (model.FigureDefinition, ("reports", "$defs", "figure")),
        (model.LayoutDefinition, ("reports", "$defs", "layout")),
        (model.FunnelDefinition, ("reports", "$defs", "funnel")),
        (model.FunnelStepDefinition, ("reports", "$defs", "funnel_step")),
        (model.DashboardDefinition, ("dashboard",)),
        (model.TileDefinition, ("dashboard", "$defs", "tile")),
    ],
)
def test_what_the_schema_allows_is_what_the_parser_reads(definition: type, path: tuple[str, ...]) -> None:
    read = written_keys(definition) - GIVEN_BY_PLACE
    allowed = keys_in(*path) - _READ_APART.get(definition, set())
    assert allowed == read - _FROM_OTHER_FILES.get(definition, set())


_READ_APART: Mapping[type, set[str]] = {
    model.EntityDefinition: {"entity"},
    model.WorkflowDefinition: {"workflow", "outcomes"},
    model.ApprovalDefinition: {"approval", "use", "with"},
    model.PrintDefinition: {"print"},
    model.AppDefinition: {"app"},
    model.ReportsDefinition: {"reports"},
    model.DashboardDefinition: {"dashboard"},
    model.TileDefinition: {"figure", "report", "funnel", "list"},
}
_FROM_OTHER_FILES: Mapping[type, set[str]] = {
    model.PrintDefinition: {"watermark_when"},
    model.TileDefinition: {"name"},
    model.AppDefinition: {
        "entities", "workflows", "approvals", "prints", "automations", "reports", "dashboards", "translations",
        "translation_locations",
    },
}  # fmt: skip


def test_the_types_of_fields_are_those_of_the_compiler() -> None:
    field = read_schema("entity")["$defs"]["field"]
    assert set(field["properties"]["type"]["enum"]) == set(FIELD_TYPES)
    assert [rule["if"]["properties"]["type"]["const"] for rule in field["allOf"]] == field["properties"]["type"]["enum"]


def test_each_key_of_a_field_belongs_to_some_type() -> None:
    field = read_schema("entity")["$defs"]["field"]
    known = {key for rule in field["allOf"] for key in rule["then"]["propertyNames"]["enum"]}
    assert known == set(field["properties"])


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_problem_has_a_sentence_with_exactly_its_parameters(language: str) -> None:
    sentences = catalog(language)
    for code, names in CODES.items():
        said = sentences[f"problem.{code}"].replace("{{{", "{").replace("}}}", "}")
        used = set(re.findall(r"(?<!\{)\{(\w+)\}", said))
        assert used == set(names.split()), code
        assert sentences[f"problem.{code}"].format_map(dict.fromkeys(names.split(), "x"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_sentence_of_this_layer_is_left_over(language: str) -> None:
    written = {key.removeprefix("problem.") for key in catalog(language) if re.match(r"problem\.D\d", key)}
    assert written == set(CODES)


def test_every_code_is_said_by_some_broken_definition_or_test() -> None:
    snapshots = "".join(path.read_text(encoding="utf-8") for path in (HERE / "broken").rglob("expected.txt"))
    tests = "".join(path.read_text(encoding="utf-8") for path in HERE.glob("test_*.py"))
    unsaid = {code for code in CODES if f"[{code}]" not in snapshots and code not in tests}
    assert sorted(unsaid) == []


def test_a_schema_may_contain_itself() -> None:
    field = resolved_schema("entity")["properties"]["fields"]["additionalProperties"]
    assert field["properties"]["fields"]["additionalProperties"] is field


@pytest.mark.parametrize(("word", "meant"), [("lable", "label"), ("LABEL", "label"), ("zzz", None), ("l" * 5000, None)])
def test_the_nearest_known_word_is_suggested_if_one_is_near(word: str, meant: str | None) -> None:
    assert did_you_mean(word, ["label", "fields"]) == meant


@pytest.mark.parametrize(
    ("value", "said"), [(True, "true"), (None, "null"), ("a\n\tb", "a b"), ("\x1b[31m", "?[31m"), (1, "1")]
)
def test_values_are_shown_plainly(value: object, said: str) -> None:
    assert shown(value) == said
    assert len(shown("x" * 10_000)) == 60


def test_a_file_full_of_mistakes_is_refused_quickly_with_a_bounded_list() -> None:
    text = "entity: thing\nlabel: Thing\nfields:\n" + "".join(f"  f{n}: {{typ: x}}\n" for n in range(10_000))
    problems = check_schema(parse_yaml(text, "thing/entity.yaml"), "entity")
    assert 100 < len(problems) <= PROBLEMS_PER_FILE + 1
    assert problems[-1].code == "D030"
    unknown = parse_yaml("entity: thing\n" + "".join(f"labl{n}: 1\n" for n in range(15_000)), "thing/entity.yaml")
    assert check_schema(unknown, "entity")[-1].code == "D030"


def test_a_long_list_of_maps_is_not_compared_pair_by_pair() -> None:
    text = "print: p\nentity: e\nlabel: P\ntitle: P\nhead: [" + ", ".join("{}" for _ in range(50_000)) + "]\n"
    assert check_schema(parse_yaml(text, "p/print.yaml"), "print")[0].code == "D110"


def test_a_release_that_the_language_no_longer_knows_is_refused_in_words() -> None:
    files = dict(read_folder(HERE / "sound").files)
    files["thing/workflow.yaml"] = "workflow: thing\nlabel: W\nstages: [draft]\n"
    with pytest.raises(DefinitionError, match="'stages' must be a map"):
        parse_app(SourceFolder(files), checked=True)


def test_schemas_are_found_in_a_checkout() -> None:
    assert json.loads((find_data("schemas") / "entity.json").read_text(encoding="utf-8"))["title"] == "entity.yaml"
    assert find_data("schemas/app.json").is_file()
    with pytest.raises(FileNotFoundError, match="absent"):
        find_data("absent")
