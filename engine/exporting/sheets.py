"""The rows of an export as a file: XLSX or CSV, with typed cells, and the name of whoever took it along.

Enters: an entity, columns, records as their reader sees them. Leaves: bytes, written row by row. Must not let a text be
taken for a formula (OWASP, CSV Injection), nor hold the rows in memory: what an import reads back is what it was.
"""

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, BinaryIO, Protocol
from zoneinfo import ZoneInfo

from engine.compiler.app import DEPARTMENT, SYSTEM_FIELDS, USER, Entity, Field
from engine.compiler.report_rows import said_of_changes
from engine.expression import Kind
from engine.messages import say, text
from engine.printing.workbook import WorkbookWriter
from engine.records.record import Labels, Record

_SIGNS = {"CNY": "¥", "USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥", "HKD": "HK$"}
_RISKY = re.compile(r"'*[=+\-@\t\r]")
"""How a text begins that a spreadsheet could take for a formula; one behind signs that an import would take away."""

_PEOPLE = ("owner", "created_by", "updated_by")
_SYSTEM_TIMES = ("created_at", "updated_at")


@dataclass(frozen=True)
class Mark:
    """What a file says of itself: its title and who took it along when, which list it is."""

    title: str
    line: str
    notes: Sequence[str]
    author: str


@dataclass(frozen=True)
class LineTable:
    """A line table that leaves with the list: its columns, what it is called; ``of`` names what its rows belong to."""

    key: str
    label: str
    of: str
    columns: "Columns"


class SheetWriter(Protocol):
    """Writes a file row by row."""

    def add(self, cells: Sequence[Any], name: str = "", rows: Sequence[Sequence[Sequence[Any]]] = ()) -> None:
        """Write a record; ``rows`` are the cells of its lines, for each line table, ``name`` what they belong to."""
        ...

    def close(self) -> None:
        """End the file."""
        ...


class Columns:
    """The columns of an export: their headers, their number formats, and the typed cells of each record."""

    def __init__(
        self, entity: Entity, keys: Sequence[str], *, language: str, zone: ZoneInfo, currency: str = "CNY",
        lines: Field | None = None,
    ) -> None:  # fmt: skip
        self._entity, self.keys, self._language, self._zone = entity, keys, language, zone
        self._currency = currency
        self._fields: Mapping[str, Field] = entity.fields if lines is None else lines.fields

    def headers(self) -> list[str]:
        """Return what the columns are called; two of one name are told apart by their keys."""
        names = [self._name(key) for key in self.keys]
        return [f"{name} ({key})" if names.count(name) > 1 else name
                for key, name in zip(self.keys, names, strict=True)]  # fmt: skip

    def formats(self) -> Mapping[int, str]:
        """Return the number format of each column that has one."""
        found = ((at, self._format(self._fields.get(key))) for at, key in enumerate(self.keys))
        return {at: pattern for at, pattern in found if pattern}

    def cells(self, record: Record) -> list[Any]:
        """Return the cells of a record: nothing of what is hidden, and what is left of what is masked."""
        return [self._shown(key, record) for key in self.keys]

    def row_cells(self, row: Mapping[str, Any], labels: Labels) -> list[Any]:
        """Return the cells of a row of a line table, of which nothing hidden was read."""
        return [self._cell(key, row.get(key), labels) for key in self.keys]

    def _name(self, key: str) -> str:
        field = self._fields.get(key)
        return say(field.label, self._language) if field is not None else text(f"export.field_{key}", self._language)

    def _format(self, field: Field | None) -> str:
        if field is None:
            return ""
        if field.type.kind is Kind.MONEY:
            return (
                f'"{_SIGNS.get(self._currency, self._currency + " ")}"#,##0.00{"##" if (field.scale or 2) > 2 else ""}'
            )
        return "0.00%" if field.type.kind is Kind.PERCENT else ""

    def _shown(self, key: str, record: Record) -> Any:
        if key in record.masked or key in record.hidden:
            return record.masked.get(key) or None
        return self._cell(key, record.values.get(key), record.labels)

    def _cell(self, key: str, value: Any, labels: Labels) -> Any:
        field = self._fields.get(key)
        if value is None or value == []:
            return None
        if field is None:
            return self._system(key, value, labels)
        if field.options:
            chosen = value if isinstance(value, list) else [value]
            return ", ".join(say(field.options[one], self._language) if one in field.options else str(one)
                             for one in chosen)  # fmt: skip
        if field.target is not None:
            linked = value if isinstance(value, list) else [value]
            return ", ".join(labels.get((field.target, one), "") for one in linked)
        return self._local(field.type.to_sheet(value))

    def _system(self, key: str, value: Any, labels: Labels) -> Any:
        if key in _PEOPLE:
            return labels.get((USER, value), "")
        if key == "team":
            return labels.get((DEPARTMENT, value), "")
        if key == "stage" and self._entity.workflow is not None and value in self._entity.workflow.stages:
            return say(self._entity.workflow.stages[value].label, self._language)
        return self._local(value)

    def _local(self, value: Any) -> Any:
        """A spreadsheet knows no zones: a moment is as the clocks of the site show it."""
        return value.astimezone(self._zone).replace(tzinfo=None) if isinstance(value, datetime) else value


class MoveColumns(Columns):
    """The columns of stage moves: where from, where to, when, by whom, whose the record was then."""

    def __init__(
        self, entity: Entity, keys: Sequence[str], *, language: str, zone: ZoneInfo, currency: str = "CNY"
    ) -> None:
        super().__init__(entity, keys, language=language, zone=zone, currency=currency)
        self._fields = {}

    def _name(self, key: str) -> str:
        return text(f"export.move_{key}", self._language)

    def _system(self, key: str, value: Any, labels: Labels) -> Any:
        alike = {"from": "stage", "to": "stage", "by": "owner"}.get(key, key)
        return super()._system(alike, value, labels)


class ChangeColumns(MoveColumns):
    """The columns of changes of fields: which field, when, by whom, by which way, until when the value stood."""

    def _name(self, key: str) -> str:
        return text(f"report.change.{key}", self._language)

    def _system(self, key: str, value: Any, labels: Labels) -> Any:
        if key in ("field", "via"):
            said = said_of_changes(self._entity, key).get(value)
            return say(said, self._language) if said else value
        return super()._system(key, value, labels)


class RowColumns:
    """The columns of records with those of the rows that stand beside them: of lines, or of moves."""

    def __init__(self, records: Columns, rows: Columns, label: str) -> None:
        self._records, self._rows, self._label = records, rows, label

    def headers(self) -> list[str]:
        """Return what the columns are called; one of a row that is called as one of its record says what it is of."""
        known = self._records.headers()
        return [*known, *(f"{self._label} {one}" if one in known else one for one in self._rows.headers())]

    def formats(self) -> Mapping[int, str]:
        """Return the number format of each column that has one."""
        beside = len(self._records.keys)
        return {**self._records.formats(), **{at + beside: one for at, one in self._rows.formats().items()}}


class Heads(Protocol):
    """What a sheet needs to know of its columns before its first row."""

    def headers(self) -> list[str]:
        """Return what the columns are called."""
        ...

    def formats(self) -> Mapping[int, str]:
        """Return the number format of each column that has one."""
        ...


def open_sheet(
    file: BinaryIO, format: str, columns: Heads, mark: Mark, *, language: str, lines: Sequence[LineTable] = ()
) -> SheetWriter:
    """Begin a file of ``format`` (``xlsx`` or ``csv``), marked with who takes it along.

    A workbook has a sheet for each line table, with what its rows belong to beside each; a CSV file, which has one
    table, repeats the record beside each row of the one there can be.
    """
    if format == "csv":
        return _CsvWriter(file, columns.headers(), mark, lines)
    return _XlsxWriter(file, columns, mark, language, lines)


class _XlsxWriter:
    def __init__(self, file: BinaryIO, columns: Heads, mark: Mark, language: str, lines: Sequence[LineTable]) -> None:
        self._book = WorkbookWriter(file, columns.headers(), name=mark.title, formats=columns.formats())
        at = text("export.line_number", language)
        self._lines = [
            self._book.table(
                [one.of, at, *one.columns.headers()], name=one.label,
                formats={place + 2: pattern for place, pattern in one.columns.formats().items()},
            )
            for one in lines
        ]  # fmt: skip
        self._book.say({"title": mark.title, "author": mark.author, "comments": mark.line})
        self._book.sign(mark.line)
        self._mark, self._language = mark, language

    def add(self, cells: Sequence[Any], name: str = "", rows: Sequence[Sequence[Sequence[Any]]] = ()) -> None:
        self._book.add(cells)
        for table, own in zip(self._lines, rows, strict=True):
            for at, row in enumerate(own, 1):
                table.add([name, at, *row])

    def close(self) -> None:
        self._book.note(text("export.note_sheet", self._language), [self._mark.line, *self._mark.notes])
        self._book.close()


class _CsvWriter:
    """UTF-8 with the mark that Excel asks for; the first row says who took it along, the second names the columns."""

    def __init__(self, file: BinaryIO, headers: Sequence[str], mark: Mark, lines: Sequence[LineTable]) -> None:
        self._file = io.TextIOWrapper(file, encoding="utf-8-sig", newline="", write_through=False)
        self._csv = csv.writer(self._file)
        self._csv.writerow([guarded(mark.line)])
        more = [
            f"{one.label} {header}" if header in headers else header
            for one in lines
            for header in one.columns.headers()
        ]
        self._blank = [None] * len(more)
        self._csv.writerow([guarded(one) for one in (*headers, *more)])

    def add(self, cells: Sequence[Any], name: str = "", rows: Sequence[Sequence[Sequence[Any]]] = ()) -> None:
        for row in (rows[0] if rows else ()) or [self._blank]:
            self._write([*cells, *row])

    def close(self) -> None:
        self._file.flush()
        self._file.detach()

    def _write(self, cells: Sequence[Any]) -> None:
        self._csv.writerow([guarded(plain_text(one)) if isinstance(one, str) else plain_text(one) for one in cells])


def guarded(value: str) -> str:
    """Put ' before a text that a spreadsheet would take for a formula."""
    return f"'{value}" if _RISKY.match(value) else value


def plain_text(cell: Any) -> str:
    """Return a typed cell as a text that says exactly the same."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, datetime):
        return cell.isoformat(" ", "seconds")
    return f"{cell:f}" if isinstance(cell, Decimal) else str(cell)


def system_columns() -> Sequence[str]:
    """Return the columns that every list can have, for whoever checks that each has a name."""
    return SYSTEM_FIELDS
