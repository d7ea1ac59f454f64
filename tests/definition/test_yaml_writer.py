"""What is written is read again as the same data."""

from decimal import Decimal
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from engine.definition.source import read_folder
from engine.definition.yaml_reader import parse_yaml
from engine.definition.yaml_writer import write_yaml
from engine.places import find_data

keys = st.text(min_size=1, max_size=12).filter(lambda key: key.strip() and key != "<<")
decimals = st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=-999999, max_value=999999)
scalars = st.none() | st.booleans() | st.integers(-(10**9), 10**9) | decimals | st.text(max_size=30)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4), max_leaves=12
)


def is_writable(value: Any) -> bool:
    return "\ud800" not in str(value)


@example({"0": [{}, "-"], "1": "-", "-": 1})
@given(st.dictionaries(keys, values, min_size=1, max_size=5).filter(is_writable))
def test_any_data_is_read_as_it_was_written(data: dict[str, Any]) -> None:
    assert parse_yaml(write_yaml(data), "any.yaml").data == data
    assert parse_yaml(write_yaml(data, lambda path: "from: somewhere # else"), "any.yaml").data == data


def test_a_decimal_number_keeps_its_digits() -> None:
    assert write_yaml({"price": Decimal("1.10")}) == "price: 1.10\n"


def test_what_the_templates_say_is_read_as_it_was_written() -> None:
    for template in ("manufacturing", "retail_store", "starter"):
        for path, text in read_folder(find_data("templates") / template).files.items():
            data = parse_yaml(text, path).data
            assert parse_yaml(write_yaml(data), path).data == data, path


def test_what_fits_on_a_line_stands_on_one() -> None:
    columns = {"qty": {"type": "decimal"}}
    data = {"fields": {"name": {"type": "text", "label": "客户：全称"}, "items": {"type": "lines", "fields": columns}}}
    assert write_yaml(data).splitlines() == [
        "fields:",
        "  name: {type: text, label: 客户：全称}",
        "  items:",
        "    type: lines",
        "    fields:",
        "      qty: {type: decimal}",
    ]
