"""Any JSON Schema and any spreadsheet becomes an entity that checks; what it cannot say is said in words."""

import os
import socket
from datetime import datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.compiler.app import CompiledApp
from engine.compiler.compile import load_app
from engine.compiler.drafts.columns import draft_columns
from engine.compiler.drafts.draft import Draft, DraftField, all_fields
from engine.compiler.drafts.json_schema import draft_schema
from engine.compiler.drafts.keys import to_key
from engine.compiler.drafts.writing import write_entity
from engine.definition.formatting import format_text
from engine.definition.source import SourceFolder
from engine.messages import LANGUAGES

EXAMPLES = int(os.environ.get("FORMWORK_TEST_EXAMPLES", "120"))
APP = "app: draft\nlabel: D\nversion: 0.1.0\nlanguage: zh\nroles:\n  admin: {label: A}\n"
QUICK = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))


def build(draft: Draft) -> CompiledApp:
    """Check what was drafted, and that it is laid out as it would be formatted."""
    text, path = write_entity(draft), f"{draft.key}/entity.yaml"
    assert format_text(text, path, "entity") == text
    for note in draft.notes:
        assert all("\n" not in note.text(language) for language in LANGUAGES)
    return load_app(SourceFolder({"app.yaml": APP, path: text}))


def fields_of(schema: dict[str, Any]) -> dict[str, DraftField]:
    draft = draft_schema({"title": "thing", "type": "object", **schema})
    build(draft)
    return {one.key: one for one in draft.fields}


def notes_of(schema: dict[str, Any]) -> set[tuple[str, str]]:
    return {(note.code, note.path) for note in draft_schema({"title": "thing", "type": "object", **schema}).notes}


@pytest.mark.parametrize(
    ("schema", "type_", "said"),
    [
        ({"type": "string", "maxLength": 20}, "text", {"max_length": 20}),
        ({"type": "string", "maxLength": 5000}, "long_text", {"max_length": 5000}),
        ({"type": ["string", "null"], "format": "date"}, "date", {}),
        ({"type": "string", "format": "date-time"}, "datetime", {}),
        ({"type": "string", "format": "email"}, "email", {}),
        ({"type": "string", "format": "uri"}, "url", {}),
        ({"type": "string", "pattern": "^[A-Z]{2}$"}, "text", {"pattern": "[A-Z]{2}"}),
        ({"type": "string", "pattern": "b"}, "text", {"pattern": "(?s:.*)(?:b)(?s:.*)"}),
        ({"type": "integer", "exclusiveMinimum": 0, "maximum": 9}, "integer", {"min": 1, "max": 9}),
        ({"type": "number", "multipleOf": 0.01}, "decimal", {"scale": 2}),
        ({"type": "boolean", "default": True}, "boolean", {"default": True}),
        ({"enum": ["a", "b", None]}, "choice", {"options": {"a": "a", "b": "b"}}),
        ({"oneOf": [{"const": "x", "title": "急"}, {"const": "y"}]}, "choice", {"options": {"x": "急", "y": "y"}}),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, "integer", {}),
        ({"const": "eu"}, "choice", {"options": {"eu": "eu"}}),
        ({"type": "array", "items": {"enum": ["a", "b"]}}, "choices", {"options": {"a": "a", "b": "b"}}),
        ({"type": "array", "uniqueItems": True, "items": {"type": "string"}}, "tags", {}),
        ({"type": "array", "items": {"type": "string"}}, "long_text", {}),
        ({"allOf": [{"type": "string"}, {"maxLength": 3}]}, "text", {"max_length": 3}),
        ({"type": "string", "readOnly": True}, "text", {"readonly": True}),
    ],
)
def test_a_value_becomes_the_field_that_holds_it(schema: dict[str, Any], type_: str, said: dict[str, Any]) -> None:
    field = fields_of({"properties": {"one": schema}})["one"]
    assert (field.type, field.settings) == (type_, said)


def test_objects_become_fields_and_lists_of_objects_line_tables() -> None:
    schema = {
        "required": ["items"],
        "properties": {
            "buyer": {"$ref": "#/definitions/person"},
            "items": {"type": "array", "maxItems": 5, "items": {"properties": {"qty": {"type": "integer"}}}},
        },
        "definitions": {"person": {"type": "object", "title": "买方", "properties": {"name": {"type": "string"}}}},
    }
    fields = fields_of(schema)
    assert (fields["buyer_name"].label, fields["items"].type) == ("买方 · name", "lines")
    assert fields["items"].settings == {"max_rows": 5}
    assert [one.key for one in fields["items"].fields] == ["qty"]


@pytest.mark.parametrize(
    ("part", "code"),
    [
        ({"type": "object", "patternProperties": {"x": {}}}, "open_object"),
        ({"not": {"type": "string"}}, "keyword"),
        ({"type": "string", "format": "hostname"}, "keyword"),
        ({"type": "string", "pattern": "(?=a)"}, "keyword"),
        ({"oneOf": [{"type": "string"}, {"type": "integer"}]}, "keyword"),
        ({"type": "array", "items": {"type": "string"}}, "list"),
        ({"type": "array", "uniqueItems": True, "items": {"type": "string"}}, "tags"),
        ({"enum": ["Not A Key"]}, "option"),
        ({"$ref": "other.json#/a"}, "reference"),
        ({"$ref": "#/$defs/absent"}, "reference"),
        ({"allOf": [{"type": "string"}, {"type": "integer"}]}, "conflict"),
        ({"type": ["string", "integer"]}, "any_type"),
        (False, "never"),
        ({"type": "string", "contentEncoding": "base64"}, "keyword"),
    ],
)
def test_what_cannot_be_said_is_listed(part: Any, code: str) -> None:
    assert (code, "#/one") in notes_of({"properties": {"one": part, "two": {"type": "string"}}})


def test_a_schema_that_contains_itself_ends() -> None:
    node = {"type": "object", "properties": {"name": {"type": "string"}, "next": {"$ref": "#"}}}
    assert ("recursive", "#/next/next") in notes_of(node) or ("recursive", "#/next") in notes_of(node)
    assert notes_of({"properties": {"a": {"$ref": "#/$defs/a"}}, "$defs": {"a": {"$ref": "#/$defs/a"}}})


def test_a_reference_is_never_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object, **more: object) -> None:
        raise AssertionError("somebody opened a connection")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    schema = {"$id": "https://example.com/s.json", "properties": {"a": {"$ref": "https://example.com/t.json"}}}
    assert ("reference", "#/a") in notes_of(schema)
    assert notes_of({"properties": {"a": {"$ref": "file:///etc/passwd"}}})


NAMES = st.sampled_from(
    ["name", "unitPrice", "单价", "in", "stage", "a b", "1", "", "é", "x" * 60, "名称/2"]
) | st.text(max_size=6)
SCALARS = st.none() | st.booleans() | st.integers(-(10**18), 10**18) | st.text(max_size=5) | st.floats(allow_nan=False)
LEAVES = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(["string", "integer", "number", "boolean", "null", ["string", "null"], "file", 3]),
        "format": st.sampled_from(["date", "email", "uri", "time", "x"]) | SCALARS,
        "enum": st.lists(SCALARS, max_size=4) | SCALARS,
        "const": SCALARS,
        "pattern": st.text(max_size=6) | st.sampled_from(["^a$", "^a|b$", "(", "\\d", "^\\$"]),
        "minLength": st.integers(-1, 10**6),
        "maxLength": st.integers(-1, 10**6),
        "minimum": SCALARS,
        "maximum": SCALARS,
        "exclusiveMinimum": SCALARS,
        "multipleOf": st.sampled_from([1, 0.01, 0.5, 0, -1, 1e-9]),
        "default": SCALARS,
        "readOnly": st.booleans(),
        "title": SCALARS,
        "description": SCALARS,
        "$ref": st.sampled_from(
            ["#", "#/properties/name", "#/$defs/x", "http://a.b/c", "#zzz", "%", "#/properties/%7e"]
        ),
        "not": st.just({}),
    },
)
SCHEMAS = st.recursive(
    LEAVES | st.booleans() | SCALARS,
    lambda inner: st.fixed_dictionaries(
        {},
        optional={
            "type": st.sampled_from(["object", "array", ["object", "null"]]),
            "properties": st.dictionaries(NAMES, inner, max_size=5) | SCALARS,
            "required": st.lists(NAMES, max_size=3) | SCALARS,
            "items": inner | st.lists(inner, max_size=2),
            "minItems": st.integers(-1, 20000),
            "maxItems": st.integers(-1, 20000),
            "oneOf": st.lists(inner, max_size=3) | SCALARS,
            "anyOf": st.lists(inner, max_size=3),
            "allOf": st.lists(inner, max_size=3) | SCALARS,
            "additionalProperties": inner,
            "$defs": st.dictionaries(st.sampled_from(["x", "y"]), inner, max_size=2),
            "title": st.text(max_size=4),
        },
    ),
    max_leaves=12,
)


@given(st.dictionaries(NAMES, SCHEMAS, min_size=1, max_size=6), SCHEMAS)
@QUICK
def test_any_schema_becomes_an_entity_that_checks(properties: dict[str, Any], other: Any) -> None:
    more = other if isinstance(other, dict) else {}
    draft = draft_schema({**more, "type": "object", "properties": properties})
    if draft.fields:
        app = build(draft)
        assert len(app.entities[draft.key].fields) == len(draft.fields)
    else:
        assert draft.notes


@given(SCHEMAS)
@QUICK
def test_any_document_is_a_draft_or_nothing(document: Any) -> None:
    draft = draft_schema(document if isinstance(document, dict) else {})
    if draft.fields:
        build(draft)


CELLS = st.one_of(
    st.none(), st.booleans(), st.integers(-(10**20), 10**20), st.floats(), st.text(max_size=8), st.datetimes(),
    st.sampled_from(["2026-02-30", "1,200.5", "5%", "是", "13812345678", "0012", "a@b.cn", "https://x.cn", "¥3"]),
)  # fmt: skip


@given(st.lists(st.text(max_size=8), min_size=1, max_size=6), st.lists(st.lists(CELLS, max_size=6), max_size=12))
@QUICK
def test_any_columns_become_an_entity_that_checks(headers: list[str], rows: list[list[Any]]) -> None:
    draft = draft_columns(headers, rows, key="thing", label="物")
    if draft.fields:
        build(draft)


def test_an_option_that_nobody_can_see_is_called_by_its_key() -> None:
    draft = draft_columns(["类别"], [["\u200b"]] * 6 + [["甲"]] * 6, key="thing", label="物")
    assert draft.fields[0].settings["options"] == {"option": "option", "jia": "甲"}
    build(draft)


def test_columns_are_judged_by_all_their_values() -> None:
    headers = ["客户", "日期", "金额", "折扣", "类别", "编号", "已付", "代码", "说明", "手机"]
    rows = [
        [f"客户{at}", datetime(2026, 1, at + 1), f"{at},200.50" if at else "200", f"{at}%", "AB"[at % 2], at,
         "是否"[at % 2], f"00{at}", "第一行\n第二行", f"1381234567{at}"]
        for at in range(10)
    ]  # fmt: skip
    rows[3][8] = None
    found = {one.label: one for one in draft_columns(headers, rows, key="thing", label="物").fields}
    assert {label: one.type for label, one in found.items()} == {
        "客户": "text", "日期": "date", "金额": "money", "折扣": "percent", "类别": "choice", "编号": "integer",
        "已付": "boolean", "代码": "text", "说明": "long_text", "手机": "phone",
    }  # fmt: skip
    assert found["类别"].settings["options"] == {"a": "A", "b": "B"}
    assert found["客户"].settings == {"required": True, "unique": True}
    assert "required" not in found["说明"].settings
    rows[9][1] = "明天"
    nearly = draft_columns(headers, rows, key="thing", label="物").fields[1]
    assert (nearly.type, nearly.agree, nearly.settings) == ("date", (9, 10), {})
    rows[8][1] = "后天"
    assert draft_columns(headers, rows, key="thing", label="物").fields[1].type == "text"


@pytest.mark.parametrize(
    ("name", "values", "type_"),
    [
        ("签约", ["2026年3月4日", "2026/3/5", "2026.3.6"], "date"),
        ("签约", ["04/03/2026", "31/12/2026"], "date"),
        ("签约日期", ["20260304", "20261231"], "date"),
        ("件号", ["20260304", "20261231"], "integer"),
        ("联系", ["138 1234 5678", "+86 138-1234-5678", "(0574) 8765 4321", "400-800-1234"], "phone"),
        ("电话", ["87654321", "8765432"], "phone"),
        ("数目", ["87654321", "8765432"], "integer"),
        ("合计", ["¥1,234.50", "￥20"], "money"),
        ("合计", ["1,234.50元", "20 元"], "money"),
        ("手机", ["13812345678", "无", "-"], "phone"),
        ("等级", ["甲", "乙", "甲", "乙", "甲", "乙"], "choice"),
    ],
)
def test_what_stands_in_a_column_says_its_type(name: str, values: list[Any], type_: str) -> None:
    draft = draft_columns([name, "x"], [[value, "x"] for value in values], key="thing", label="物")
    assert draft.fields[0].type == type_
    build(draft)


def test_the_share_of_rows_that_agree_stands_in_a_comment() -> None:
    rows = [[f"1381234567{at}"] for at in range(9)] + [["问前台"]]
    draft = draft_columns(["手机"], rows, key="thing", label="物")
    assert "10 行中有 9 行（90%）符合" in write_entity(draft)
    assert "9 of 10 rows agree (90%)" in write_entity(draft, "en")


def test_what_an_optional_object_requires_is_not_required_of_the_record() -> None:
    person = {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}}
    found = fields_of({"required": ["buyer"], "properties": {"buyer": person, "payer": dict(person)}})
    assert found["buyer_name"].settings == {"required": True} and found["payer_name"].settings == {}


def test_what_stands_in_itself_is_a_note_and_no_required_field() -> None:
    node = {"type": "object", "required": ["name", "next"], "properties": {
        "name": {"type": "string"}, "next": {"$ref": "#"},
    }}  # fmt: skip
    assert list(fields_of(node)) == ["name"] and ("recursive", "#/next") in notes_of(node)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("客户名称", "ke_hu_ming_cheng"), ("unitPrice", "unit_price"), ("HTTP code", "http_code"), ("in", "in_value"),
        ("2nd", "field_2nd"), ("☃", "field"), ("VIP客户", "vip_ke_hu"), ("重庆", "chong_qing"),
        ("tasks", "tasks_value"),
    ],
)  # fmt: skip
def test_a_name_becomes_a_key_people_can_guess(name: str, key: str) -> None:
    assert to_key(name) == key
    assert to_key(name, {key}) == f"{key}_2"


def test_every_field_of_a_draft_has_a_key_of_its_own() -> None:
    draft = draft_schema({"properties": {name: {"type": "string"} for name in ("a b", "a_b", "aB", "A-B")}})
    keys = [one.key for one in all_fields(draft.fields)]
    assert len(set(keys)) == len(keys) == 4
