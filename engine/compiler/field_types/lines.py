"""Line tables: the rows of a record that have fields of their own.

Enters: rows as they were sent. Leaves: the same rows, still raw. Must not read a row's fields: whoever reads the record
does.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from engine.compiler.field_types.declaration import SHOWN, FieldType
from engine.compiler.readers import Wrong
from engine.expression import Kind

if TYPE_CHECKING:
    from engine.compiler.app import Field


def read_rows(raw: Any, field: "Field") -> list[Mapping[str, Any]]:
    """Read the rows of a line table, still raw; whoever reads the record reads each row's fields."""
    if not isinstance(raw, list) or not all(isinstance(row, Mapping) for row in raw):
        raise Wrong("value.rows")
    if len(raw) > field.max_rows:
        raise Wrong("value.too_many_rows", max=field.max_rows)
    return raw


def _lines_schema(field: "Field") -> dict[str, Any]:
    properties = {key: item.type.json_schema(item) for key, item in field.fields.items() if not item.retired}
    return {"type": "array", "maxItems": field.max_rows, "items": {"type": "object", "properties": properties}}


TYPES = (
    FieldType(
        key="lines",
        kind=Kind.LINES,
        column=None,
        holds="rows",
        parse=read_rows,
        to_json=list,
        to_form=list,
        json_schema=_lines_schema,
        widget="lines",
        cell="lines",
        filter="presence",
        operators=frozenset(),
        basis=SHOWN | {"readonly", "readonly_when"},
        needs=frozenset({"fields"}),
        keys=frozenset({"fields", "min_rows", "max_rows"}),
        to_sheet=lambda rows: len(rows),
        definition={"type": "lines", "fields": {"product": {"type": "text", "label": "产品"}}},
        example=[{"product": "F-100"}],
        sortable=False,
        many=True,
        wide=True,
        in_lines=False,
        purpose={
            "zh": "明细表，例如报价的产品行；可求和。",
            "en": "A table of lines: the products of a quote. Columns can be summed.",
        },
        typed={
            "zh": "逐行填写；JSON 用行的列表，已有的行带 id。",
            "en": "Row by row; in JSON a list of rows, those that are there already with their id.",
        },
    ),
)
