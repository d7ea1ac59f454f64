"""What a type of field declares: all that any part of the house asks about it.

Enters: nothing. Leaves: ``FieldType``. Must not know any single type, nor read a database.

Whoever needs to treat types differently asks the declaration (``field.type.filter``, ``field.type.cell``) and never
compares its key: so a new type is one new declaration, and a test walks all of them and misses no part.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from engine.compiler.field_types.masks import mask_whole
from engine.expression import Kind

if TYPE_CHECKING:
    from engine.compiler.app import Field

ColumnKind = Literal[
    "text",
    "long_text",
    "integer",
    "decimal",
    "boolean",
    "date",
    "time",
    "datetime",
    "seconds",
    "link",
    "user",
    "department",
    "json",
]
Holds = Literal["value", "rows", "files"]
FilterKind = Literal[
    "text",
    "contains",
    "options",
    "yes_no",
    "numbers",
    "dates",
    "times",
    "spans",
    "link",
    "user",
    "department",
    "presence",
]
"""What a list's filter panel offers: the whole text, a part of it, options to tick, yes or no, from-to, a picker, or
whether there is a value."""

SheetValue: TypeAlias = str | int | Decimal | bool | date | datetime | time | timedelta | None
"""A typed cell of a spreadsheet."""

Reader = Callable[[Any, "Field"], Any]

SHOWN = frozenset({"type", "label", "help", "visible_when", "was", "retired"})
"""Keys of the notation that every type has."""

KEPT = SHOWN | {"required", "required_when", "readonly", "readonly_when"}
"""Keys of what people attach."""

ENTERED = KEPT | {"existing", "fetch", "migrate", "otherwise", "was_type"}
"""Keys of what people enter and no formula can make."""

PLAIN = ENTERED | {"default_from", "computed"}
"""Keys of the plain types, which formulas can make."""

PRESENCE = frozenset({"missing", "present"})
EQUAL = PRESENCE | {"eq", "ne"}
ORDERED = EQUAL | {"gte", "lte", "gt", "lt"}
DATED = ORDERED | {"within"}


def same(value: Any) -> Any:
    """Return the value: its JSON form is itself."""
    return value


def schema(**keywords: Any) -> "Callable[[Field], dict[str, Any]]":
    """Return a JSON Schema that is the same for every field of a type."""
    return lambda field: dict(keywords)


@dataclass(frozen=True, kw_only=True)
class FieldType:
    """One type.

    ``column`` is None when the value lives in a table of its own (``holds`` rows or files). ``parse`` turns a raw value
    that is not empty (form text, JSON, a sheet's cell) into a value or raises ``readers.Wrong``. ``to_json`` turns a
    value into what JSON can say exactly (decimals as strings), ``from_json`` turns that into the value again (raising
    ``ValueError`` or ``TypeError`` when it was kept under another type), ``json_schema`` describes it.
    ``to_form`` gives what an input holds (but for a moment, which needs the reader's zone), ``to_sheet`` the typed cell
    of an export, ``to_text`` the value in words, as a record is found by it and as it stands where a text is wanted;
    ``parse`` reads both back; ``mask`` leaves of a value what may be seen in part. What leads to something with a name
    of its own has its id there.

    ``widget`` and ``cell`` name the input and the way of showing that ``web/`` keeps for it. The keys of the notation
    are those of ``basis`` and ``keys``, of which ``needs`` must be written. ``takes`` are the types whose stored values
    mean the same in this one. ``listed`` is the place of such fields in a list without written columns, 0 for none.
    """

    key: str
    kind: Kind
    column: ColumnKind | None
    parse: Reader
    json_schema: "Callable[[Field], dict[str, Any]]"
    widget: str
    cell: str
    filter: FilterKind
    operators: frozenset[str]
    example: Any
    definition: Mapping[str, Any]
    purpose: Mapping[str, str]
    typed: Mapping[str, str]
    to_json: Callable[[Any], Any] = same
    from_json: Callable[[Any], Any] = same
    to_form: Callable[[Any], Any] = str
    to_sheet: Callable[[Any], SheetValue] = same
    to_text: Callable[[Any], str] = str
    mask: Callable[[Any], str] = mask_whole
    holds: Holds = "value"
    basis: frozenset[str] = PLAIN
    keys: frozenset[str] = frozenset()
    needs: frozenset[str] = frozenset()
    takes: frozenset[str] = frozenset()
    accept: tuple[str, ...] = ()
    scale: int | None = None
    max_length: int | None = None
    max_size: int | None = None
    min: Decimal | None = None
    max: Decimal | None = None
    parts: tuple[str, ...] = ()
    many: bool = False
    searchable: bool = False
    always_searched: bool = False
    right_aligned: bool = False
    sortable: bool = True
    drawn: bool = False
    wide: bool = False
    in_lines: bool = True
    in_display: bool = False
    listed: int = 0
    filtered_by_default: bool = False

    @cached_property
    def has_rows(self) -> bool:
        """Whether the value is a line table."""
        return self.holds == "rows"

    @cached_property
    def has_files(self) -> bool:
        """Whether the value is a list of attachments."""
        return self.holds == "files"

    @cached_property
    def is_text(self) -> bool:
        """Whether the value is a text that stands in a column of its own."""
        return self.column in ("text", "long_text")

    @cached_property
    def points(self) -> bool:
        """Whether the value is the id, or the ids, of something that has a name of its own."""
        return self.column in ("link", "user", "department") or self.kind in (Kind.USERS, Kind.LINKS)

    @property
    def can_be_masked(self) -> bool:
        """Whether a reader can be shown the value in part: not lines, files, nor what has a name of its own."""
        return self.column is not None and not self.points

    @cached_property
    def people(self) -> bool:
        """Whether the value is the id of a person, or those of several."""
        return self.kind in (Kind.USER, Kind.USERS)
