"""Every type a field can have, each declared once.

Enters: what somebody typed, imported or sent (``raw``) and the compiled field. Leaves: a typed value, or ``Wrong`` with
the code of the sentence that says why not. Must not read a database: whether a linked record exists is asked later,
for all links of a record at once.

A type declares: its kind in expressions, its column, how a value is parsed, its JSON form and JSON Schema, the widget
that shows it, and the keys of a field definition it accepts. A test proves that every type declares all of them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from engine.expression import Kind

if TYPE_CHECKING:
    from engine.compiler.app import Field


class Wrong(Exception):
    """A value that is not of its type: ``code`` and ``params`` name the sentence."""

    def __init__(self, code: str, /, **params: object) -> None:
        self.code = code
        self.params = params
        super().__init__(code)


ColumnKind = Literal["text", "long_text", "integer", "decimal", "boolean", "date", "datetime", "link", "json"]


@dataclass(frozen=True)
class FieldType:
    """One type. ``column`` is None when the value lives in a table of its own (lines, files)."""

    key: str
    kind: Kind
    column: ColumnKind | None
    parse: "Callable[[Any, Field], Any]"  # raw -> value, raises Wrong; never called with an empty raw
    to_json: Callable[[Any], Any]  # value -> what JSON can say
    json_schema: "Callable[[Field], dict[str, Any]]"
    widget: str  # name of the macro that renders it
    keys: frozenset[str]  # keys a definition of this type may have beyond the common ones
    scale: int | None = None
    searchable: bool = False
    right_aligned: bool = False
    example: Any = None
    params: Mapping[str, Any] = field(default_factory=dict)
