"""Reading a spreadsheet into rows of cells, one after another.

Enters: the bytes and name of an XLSX, XLS, ODS or CSV file. Leaves: rows, and which of them names the columns. Must not
interpret cells, judges an archive by its declared sizes before anything is unpacked, never parses a workbook in the
server's own process, and never holds all rows at once unless asked for a ``Sheet``.
"""

import csv
import io
import json
import logging
import os
import re
import subprocess
import sys
import tempfile
import threading
import zipfile
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from engine.errors import FieldError, InvalidValues
from engine.importing import workbooks
from engine.importing.names import fold

MAX_BYTES = 20 * 1_048_576
MAX_UNPACKED = 400 * 1_048_576
MAX_ROWS = 100_000
MAX_COLUMNS = 200
LOOKED_AT = 20
"""Rows at the top of a file among which the names of the columns are looked for."""

_ENCODINGS = ("utf-8-sig", "gb18030", "big5")
_SECONDS = 90
_TOO_LONG = -9
_log = logging.getLogger("formwork.importing")
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_HAN = re.compile("[\u4e00-\u9fff]")
# Characters so common in business that a text in the right encoding has some of them: names of columns and companies.
_COMMON = frozenset(
    "的名称號号客戶户公司有限日期電电話话地址金額额編编聯联系人備备注產产品價价格數数量銷销售時时間间部門门"
)
_GUARDED = re.compile(r"'+[=+\-@\t\r]")

Row = tuple[int, list[Any]]
"""The number of a row as the spreadsheet shows it, and its cells."""


@dataclass(frozen=True)
class Sheet:
    """``rows`` holds (row number as the spreadsheet shows it, cells); the header is not among them."""

    headers: list[str]
    rows: list[Row]


def read_sheet(content: bytes, name: str) -> Sheet:
    """Return the first sheet of a file; raises ``InvalidValues`` when it cannot be read, is too large or is empty."""
    rows = list(read_rows(content, name))
    header = find_header(rows[:LOOKED_AT])
    return Sheet(header_cells(rows, header), [row for row in rows if row[0] > header])


def read_rows(content: bytes, name: str) -> Iterator[Row]:
    """Yield the rows of the first sheet that hold anything; raises ``InvalidValues`` as ``read_sheet`` does."""
    if len(content) > MAX_BYTES:
        raise _refused("sheet.too_large", max=MAX_BYTES // 1_048_576)
    ending = name.rpartition(".")[2].lower()
    if ending == "csv":
        cells = _read_csv(content)
    elif ending in ("xlsx", "xlsm", "xls", "ods"):
        cells = _read_workbook(content, zipped=ending != "xls")
    else:
        raise _refused("sheet.unknown_kind", name=name[-60:])
    return _filled(cells)


def find_header(rows: Sequence[Row], names: Collection[str] = ()) -> int:
    """Return the number of the row that names the columns, titles above it passed over.

    ``names`` are folded names of fields: the row with most of them is it. Where none is known, it is the first row that
    is nearly as full as the fullest.
    """
    known = [sum(fold(said(cell)) in names for cell in cells) for _, cells in rows]
    if max(known, default=0) > 0:
        return rows[known.index(max(known))][0]
    filled = [sum(not is_blank(cell) for cell in cells) for _, cells in rows]
    enough = max(filled, default=0) * 0.6
    return next(number for (number, _), count in zip(rows, filled, strict=True) if count >= enough)


def header_cells(rows: Sequence[Row], header: int) -> list[str]:
    """Return the names in the header row."""
    return [said(cell) for cell in next(cells for number, cells in rows if number == header)]


def said(cell: Any) -> str:
    """Return a cell as one line of text."""
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:
        return str(int(cell))
    return " ".join(str("" if cell is None else cell).split())


def letters(at: int) -> str:
    """Return the name of a column as spreadsheets show it: 0 is ``A``, 26 is ``AA``."""
    name = ""
    while at >= 0:
        at, rest = divmod(at, 26)
        name, at = chr(ord("A") + rest) + name, at - 1
    return name


def is_blank(cell: Any) -> bool:
    """Tell whether a cell says nothing."""
    return cell is None or (isinstance(cell, str) and (not cell or cell.isspace()))


def _filled(cells: Iterator[list[Any]]) -> Iterator[Row]:
    count = 0
    for number, row in enumerate(cells, start=1):
        if all(map(is_blank, row)):
            continue
        if len(row) > MAX_COLUMNS:
            raise _refused("sheet.too_wide", max=MAX_COLUMNS)
        count += 1
        if count > MAX_ROWS + 1:
            raise _refused("sheet.too_long", max=MAX_ROWS)
        yield number, row
    if count == 0:
        raise _refused("sheet.empty")


def _read_workbook(content: bytes, *, zipped: bool) -> Iterator[list[Any]]:
    """Have the workbook read in a process of its own, which may run out of memory without harm."""
    if zipped:
        _check_archive(content)
    command = [sys.executable, "-P", str(Path(workbooks.__file__))]
    environment = {key: os.environ[key] for key in ("SYSTEMROOT", "PATH", "PYTHONPATH") if key in os.environ}
    with tempfile.TemporaryFile() as given:
        given.write(content)
        given.seek(0)
        reader = subprocess.Popen(
            command, stdin=given, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
        )
        limit = threading.Timer(_SECONDS, reader.kill)
        limit.start()
        try:
            assert reader.stdout is not None  # noqa: S101 - a pipe was asked for
            for line in reader.stdout:
                yield _decode_row(line.decode())
        except ValueError:  # a line that was cut off; the exit code says why
            pass
        finally:
            limit.cancel()
            reader.kill()
            reader.stdout.close()  # type: ignore[union-attr]
            ended = reader.wait()
    _require_read(ended, len(content))


def _require_read(ended: int, size: int) -> None:
    if ended == workbooks.BROKEN:
        raise _refused("sheet.broken")
    if ended != 0:
        _log.warning("A workbook of %s bytes could not be read (%s)", size, ended)
        raise _refused("sheet.too_complex")


def _from_json(value: dict[str, Any]) -> datetime | timedelta:
    return datetime.fromisoformat(value["at"]) if "at" in value else timedelta(seconds=value["seconds"])


# One decoder for all: json.loads with arguments would build one per row.
_decode_row = json.JSONDecoder(object_hook=_from_json).decode


def _check_archive(content: bytes) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            unpacked = sum(part.file_size for part in archive.infolist())
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError):
        raise _refused("sheet.broken") from None
    if unpacked > MAX_UNPACKED:
        raise _refused("sheet.too_large", max=MAX_BYTES // 1_048_576)


def _read_csv(content: bytes) -> Iterator[list[Any]]:
    text = _decode(content)
    try:
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=_find_delimiter(text)):
            # An export puts ' before what a spreadsheet would take for a formula; here it is what it was again.
            yield [cell[1:] if _GUARDED.match(cell) else cell for cell in row]
    except csv.Error:
        raise _refused("sheet.broken") from None


def _find_delimiter(text: str) -> str:
    """Return what parts the cells of most of the first lines; titles above have none."""
    lines = [line for line in text[:65536].splitlines() if line.strip()][:LOOKED_AT]
    return max(",;\t|", key=lambda mark: (sum(mark in line for line in lines), sum(line.count(mark) for line in lines)))


def _decode(content: bytes) -> str:
    """Return the text. GB18030 reads nearly every Big5 file as other characters: the likelier of the two is taken."""
    if content[:2] in _UTF16:
        return _decoded(content, "utf-16") or _not_known()
    found = {encoding: text for encoding in _ENCODINGS if (text := _decoded(content, encoding)) is not None}
    if "utf-8-sig" in found:
        return found["utf-8-sig"]
    return max(found.values(), key=_likelihood) if found else _not_known()


def _decoded(content: bytes, encoding: str) -> str | None:
    try:
        return content.decode(encoding)
    except UnicodeDecodeError:
        return None


def _likelihood(text: str) -> float:
    characters = _HAN.findall(text[:20_000])
    return sum(one in _COMMON for one in characters) / (len(characters) or 1)


def _not_known() -> str:
    raise _refused("sheet.encoding")


def _refused(code: str, **params: object) -> InvalidValues:
    return InvalidValues([FieldError("", code, params)])
