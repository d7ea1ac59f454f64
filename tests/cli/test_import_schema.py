"""``formwork import-schema``: from a file somebody has to an entity that can be checked, published and filled in."""

import json
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from jsonschema import Draft202012Validator

from engine.compiler.compile import load_app
from engine.compiler.drafts.json_schema import draft_schema
from engine.compiler.drafts.writing import write_entity
from engine.people.actor import Actor
from engine.records.rights import find_rights
from tests.cli.conftest import Run
from tests.conftest import to_folder
from web.api.schemas import input_schema, output_schema
from web.cli.importing import require_good
from web.i18n import Locale

SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "Purchase order",
    "type": "object",
    "required": ["orderNo"],
    "properties": {
        "orderNo": {"type": "string", "title": "订单号", "maxLength": 20},
        "lines": {
            "type": "array",
            "items": {"type": "object", "properties": {"qty": {"type": "integer", "minimum": 1}}},
        },
        "supplier": {"$ref": "https://example.com/supplier.json"},
    },
}


def test_a_schema_becomes_an_entity_in_the_folder_and_what_is_lost_is_said(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "order.schema.json"
    file.write_text(json.dumps(SCHEMA), encoding="utf-8")
    run("new", tmp_path / "app")
    result = run("import-schema", file, "--into", tmp_path / "app")
    assert result.exit_code == 0
    assert "leads out of the document" in result.stderr
    assert run("check", tmp_path / "app").exit_code == 0
    assert run("format", tmp_path / "app", "--check").exit_code == 0
    assert "order_no: {type: text, label: 订单号" in (tmp_path / "app/purchase_order/entity.yaml").read_text("utf-8")
    again = run("import-schema", file, "--into", tmp_path / "app")
    assert again.exit_code == 1 and "there already" in again.stderr
    assert run("plan", tmp_path / "app").exit_code == 0


def test_a_workbook_and_a_csv_become_the_same_entity(run: Run, tmp_path: Path) -> None:
    rows = [["客户名称", "金额", "手机"], *([f"客户{at}", f"{at}.50", f"1381234567{at}"] for at in range(5))]
    with xlsxwriter.Workbook(str(tmp_path / "customers.xlsx")) as workbook:
        sheet = workbook.add_worksheet()
        for at, row in enumerate(rows):
            sheet.write_row(at, 0, row)
    (tmp_path / "customers.csv").write_text("\n".join(",".join(row) for row in rows), encoding="gb18030")
    printed = [
        run("import-schema", tmp_path / name, "--entity", "customer").stdout
        for name in ("customers.xlsx", "customers.csv")
    ]
    assert printed[0] == printed[1]
    assert "jin_e: {type: money, label: 金额, required: true}" in printed[0]
    assert printed[0].splitlines()[1] == "entity: customer"


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.json", b"{", "no JSON Schema"),
        ("a.json", b"[]", "no JSON Schema"),
        ("a.json", b"{}", "no fields"),
        ("a.json", b"\xff\xfe", "no JSON Schema"),
        ("a.json", b"[" * 100_000, "no JSON Schema"),
        ("a.csv", b"", "empty"),
        ("a.xlsx", b"PK", "damaged"),
    ],
)
def test_a_file_that_is_neither_is_refused_in_one_sentence(
    run: Run, tmp_path: Path, name: str, content: bytes, said: str
) -> None:
    (tmp_path / name).write_bytes(content)
    result = run("import-schema", tmp_path / name)
    assert result.exit_code == 1 and result.stdout == ""
    assert said in result.stderr


def test_a_key_that_cannot_be_is_refused_with_one_that_can(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x\n1\n", encoding="utf-8")
    result = run("import-schema", tmp_path / "a.csv", "--entity", "Purchase Order")
    assert result.exit_code == 1 and "purchase_order" in result.stderr


@pytest.mark.parametrize("template", ["manufacturing", "retail_store"])
def test_the_published_schema_of_every_entity_is_valid_and_makes_an_entity_again(template: str) -> None:
    app = load_app(to_folder(template))
    for key, entity in app.entities.items():
        for role in entity.access:
            actor = Actor(1, role, role, frozenset({role}), None, frozenset(), "zh", "cli")
            rights, locale = find_rights(app, entity, actor), Locale("zh")
            for schema in (input_schema(entity, rights, locale), output_schema(entity, rights, locale)):
                Draft202012Validator.check_schema(schema)
                draft = draft_schema(schema, key=key)
                require_good(draft, write_entity(draft))
                assert len(draft.fields) >= len([one for one in schema["properties"] if not one.startswith("_")]) - 1
