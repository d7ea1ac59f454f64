"""Every type is declared whole: in the notation, in words, with an input, a display, a filter and an example."""

import importlib.util
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from engine.compiler.compile import load_app
from engine.compiler.field_types import FIELD_TYPES, FieldType
from engine.definition.schema import read_schema
from engine.records.filters import OPERATORS
from tests.compiler.fields import field_of
from tests.conftest import ROOT, to_folder
from tests.field_types.conftest import APP
from tests.field_types.values import TYPED
from web.value_cells import CELLS

TYPES = pytest.mark.parametrize("declared", FIELD_TYPES.values(), ids=lambda declared: declared.key)
KEYS = {
    rule["if"]["properties"]["type"]["const"]: rule["then"] for rule in read_schema("entity")["$defs"]["field"]["allOf"]
}
INPUTS = Path("web/page_templates/widgets/inputs.html").read_text(encoding="utf-8")


@TYPES
def test_a_type_has_the_keys_its_declaration_names(declared: FieldType) -> None:
    assert set(KEYS[declared.key]["propertyNames"]["enum"]) == declared.basis | declared.keys
    assert set(KEYS[declared.key].get("required", ())) == declared.needs
    assert declared.needs <= declared.keys


@TYPES
def test_a_type_has_an_input_in_forms_and_in_line_tables(declared: FieldType) -> None:
    if declared.has_rows:
        return
    assert INPUTS.count(f"'{declared.widget}': input_") == 2


@TYPES
def test_a_type_has_a_way_to_be_shown(declared: FieldType) -> None:
    assert declared.cell in CELLS


def test_no_way_to_be_shown_is_left_over() -> None:
    assert set(CELLS) == {declared.cell for declared in FIELD_TYPES.values()}


@TYPES
def test_a_type_says_what_it_is_for_in_both_languages(declared: FieldType) -> None:
    for words in (declared.purpose, declared.typed):
        assert set(words) == {"zh", "en"}
        assert all(words.values())
        assert words["zh"] != words["en"]


@TYPES
def test_the_operators_of_a_type_are_operators_of_lists(declared: FieldType) -> None:
    assert declared.operators <= set(OPERATORS)
    assert bool(declared.operators) == (declared.column is not None)


@TYPES
def test_the_example_of_a_type_is_read(declared: FieldType) -> None:
    field = field_of(declared.key)
    if declared.key == "choice" or declared.key == "choices":
        field = field_of(declared.key, options={"price": {"zh": "价格"}, "delivery": {"zh": "交期"}})
    assert declared.parse(declared.example, field) is not None


@TYPES
def test_a_type_takes_only_types_that_lie_in_the_same_column(declared: FieldType) -> None:
    for key in declared.takes:
        other = FIELD_TYPES[key]
        same = {"text": "words", "long_text": "words", "decimal": "numbers", "integer": "numbers"}
        assert same.get(str(other.column), other.column) == same.get(str(declared.column), declared.column)
        assert other.holds == declared.holds


def test_the_sample_has_a_field_of_every_type() -> None:
    written: Mapping[str, Any] = yaml.safe_load((APP / "sample" / "entity.yaml").read_text(encoding="utf-8"))
    assert {field["type"] for field in written["fields"].values()} == set(FIELD_TYPES)
    assert set(TYPED) <= set(FIELD_TYPES)


# ---- the page


@pytest.fixture(scope="module")
def script() -> Any:
    spec = importlib.util.spec_from_file_location("build_field_types", ROOT / "docs" / "build_field_types.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_what_the_script_writes(script: Any) -> None:
    written = script.PAGE.read_text(encoding="utf-8")
    assert written == script.page(), "run: python docs/build_field_types.py"
    for key in FIELD_TYPES:
        assert f'<a id="{key}"></a>' in written


def test_the_fields_the_page_shows_compile_together(script: Any) -> None:
    fields = re.findall(r"^```yaml\n(.*?)\n```$", script.page(), re.MULTILINE | re.DOTALL)
    assert len(fields) == len(FIELD_TYPES)
    app = "app: page\nlabel: Page\nversion: 1.0.0\nlanguage: en\nlanguages: [en]\ntimezone: UTC\n"
    app += "roles: {admin: {label: A}}\n"
    shown = "entity: shown\nlabel: Shown\nfields:\n" + "".join(f"  {field}\n" for field in fields)
    customer = "entity: customer\nlabel: Customer\nfields:\n  name: {type: text, label: Name}\n"
    texts = {"app.yaml": app, "shown/entity.yaml": shown, "customer/entity.yaml": customer}
    built = load_app(to_folder(texts))
    assert {field.type.key for field in built.entities["shown"].fields.values()} == set(FIELD_TYPES)
