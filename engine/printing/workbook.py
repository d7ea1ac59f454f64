"""A workbook written row by row: typed cells, and nothing a spreadsheet would take for a formula.

Enters: rows of plain values. Leaves: an XLSX file. Must not know records or rights, nor hold the rows in memory. Text
stays text whatever it begins with (OWASP, CSV Injection), and what is read back is what was written.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, BinaryIO

MAX_EXACT_DIGITS = 15
"""Digits a spreadsheet keeps of a number; a longer one is written as text."""

MAX_TEXT = 32_767
_RISKY = ("=", "+", "-", "@", "\t", "\r")
_SETTINGS = {
    "constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False,
}  # fmt: skip


class WorkbookWriter:
    """One workbook; its first table is written by ``add``, more are begun by ``table``.

    ``formats`` gives a number format for a column, such as ``0.00%``.
    """

    def __init__(
        self, file: BinaryIO, headers: Sequence[str], *, name: str, formats: Mapping[int, str] | None = None
    ) -> None:
        import xlsxwriter  # with the first workbook: it takes memory in every process

        self._book = xlsxwriter.Workbook(file, _SETTINGS)
        self._made: dict[str, Any] = {}
        self._names: set[str] = set()
        self.first = self.table(headers, name=name, formats=formats)

    def table(self, headers: Sequence[str], *, name: str, formats: Mapping[int, str] | None = None) -> "Table":
        """Begin a table on a sheet of its own."""
        sheet = self._book.add_worksheet(self._free(name))
        bold = self._format(bold=True)
        sheet.freeze_panes(1, 0)
        for at, header in enumerate(headers):
            sheet.set_column(at, at, min(40, max(10, len(header.encode("gb18030", "replace")) + 4)))
            sheet.write_string(0, at, header, bold)
        return Table(sheet, formats or {}, self._format)

    def say(self, properties: Mapping[str, str]) -> None:
        """Set what the properties of the file say: ``title``, ``author``, ``comments``."""
        self._book.set_properties(dict(properties))

    def sign(self, line: str) -> None:
        """Print a line at the foot of each page of every table begun so far."""
        for sheet in self._book.worksheets():
            sheet.set_footer(f"&L{line.replace('&', '&&')[:200]}&R&P / &N")

    def offer(self, column: int, options: Sequence[str], *, rows: int = 1_000) -> None:
        """Let the cells of a column be chosen from a list, where it is short enough for a spreadsheet."""
        if options and len(",".join(options)) <= 255:
            validation = {"validate": "list", "source": list(options)}
            self.first.sheet.data_validation(1, column, rows, column, validation)

    def add(self, cells: Sequence[Any], marked: Sequence[int] = ()) -> None:
        """Write a row of the first table; the cells at ``marked`` are shown as wrong."""
        self.first.add(cells, marked)

    def note(self, name: str, lines: Sequence[str]) -> None:
        """Add a sheet of plain lines behind the tables."""
        sheet = self._book.add_worksheet(self._free(name))
        sheet.set_column(0, 0, 80)
        for at, line in enumerate(lines):
            sheet.write_string(at, 0, line[:MAX_TEXT], self._format(quoted=True))

    def close(self) -> None:
        """Write the file."""
        self._book.close()

    def _free(self, name: str) -> str:
        """Return a name no sheet has yet: a workbook cannot be opened with two of one name."""
        found, at = _sheet_name(name), 2
        while found.casefold() in self._names:
            found, at = f"{_sheet_name(name)[:27]} {at}", at + 1
        self._names.add(found.casefold())
        return found

    def _format(self, pattern: str = "", *, wrong: bool = False, quoted: bool = False, bold: bool = False) -> Any:
        key = f"{pattern}|{wrong}|{quoted}|{bold}"
        if key not in self._made:
            made: dict[str, Any] = {"num_format": pattern} if pattern else {}
            made |= {"bg_color": "#FDE2E1"} if wrong else {}
            made |= {"quote_prefix": True} if quoted else {}
            made |= {"bold": True, "bottom": 1} if bold else {}
            self._made[key] = self._book.add_format(made) if made else None
        return self._made[key]


class Table:
    """One table on its sheet, written row by row."""

    def __init__(self, sheet: Any, formats: Mapping[int, str], format: Callable[..., Any]) -> None:
        self.sheet, self._formats, self._format = sheet, formats, format
        self._row = 0

    def add(self, cells: Sequence[Any], marked: Sequence[int] = (), *, pattern: str | None = None) -> None:
        """Write a row; the cells at ``marked`` are shown as wrong. ``pattern`` is the format of all its numbers."""
        self._row += 1
        for at, cell in enumerate(cells):
            self._write(at, cell, at in marked, self._formats.get(at, "") if pattern is None else pattern)

    def _write(self, at: int, cell: Any, wrong: bool, pattern: str) -> None:
        row, sheet = self._row, self.sheet
        if cell is None or cell == "":
            if wrong:
                sheet.write_blank(row, at, None, self._format(wrong=True))
        elif isinstance(cell, bool):
            sheet.write_boolean(row, at, cell, self._format(wrong=wrong))
        elif isinstance(cell, int | float | Decimal) and _is_exact(cell):
            sheet.write_number(row, at, cell, self._format(pattern, wrong=wrong))
        elif isinstance(cell, datetime):
            sheet.write_datetime(row, at, cell.replace(tzinfo=None), self._format("yyyy-mm-dd hh:mm", wrong=wrong))
        elif isinstance(cell, date):
            sheet.write_datetime(row, at, cell, self._format("yyyy-mm-dd", wrong=wrong))
        elif isinstance(cell, time):
            sheet.write_datetime(row, at, cell, self._format("hh:mm", wrong=wrong))
        elif isinstance(cell, timedelta):
            sheet.write_datetime(row, at, cell, self._format("[h]:mm", wrong=wrong))
        else:
            text = str(cell)[:MAX_TEXT]
            sheet.write_string(row, at, text, self._format(wrong=wrong, quoted=text.startswith(_RISKY)))


def _is_exact(number: float | Decimal) -> bool:
    digits = Decimal(str(number)) if isinstance(number, float) else Decimal(number)
    return digits.is_finite() and len(digits.normalize().as_tuple().digits) <= MAX_EXACT_DIGITS


def _sheet_name(name: str) -> str:
    return "".join(" " if char in "[]:*?/\\'" else char for char in name).strip()[:31] or "Sheet1"
