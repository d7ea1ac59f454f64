"""Reading a spreadsheet into rows of cells.

Enters: the bytes and name of an XLSX, XLS, ODS or CSV file. Leaves: headers and rows. Must not interpret cells, judges
an archive by its declared sizes before anything is unpacked, and never parses a workbook in the server's own process.
"""

import csv
import io
import json
import logging
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from engine.errors import FieldError, InvalidValues
from engine.records import workbooks

MAX_BYTES = 20 * 1_048_576
MAX_UNPACKED = 400 * 1_048_576
MAX_ROWS = 100_000
MAX_COLUMNS = 200
_ENCODINGS = ("utf-8-sig", "gb18030")
_SECONDS = 90
_log = logging.getLogger("formwork.records")
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True)
class Sheet:
    """``rows`` holds (row number as the spreadsheet shows it, cells); the header is not among them."""

    headers: list[str]
    rows: list[tuple[int, list[Any]]]


def read_sheet(content: bytes, name: str) -> Sheet:
    """Return the first sheet of a file; raises ``InvalidValues`` when it cannot be read, is too large or is empty."""
    if len(content) > MAX_BYTES:
        raise _refused("sheet.too_large", max=MAX_BYTES // 1_048_576)
    ending = name.rpartition(".")[2].lower()
    if ending == "csv":
        cells = _read_csv(content)
    elif ending in ("xlsx", "xlsm", "xls", "ods"):
        cells = _read_workbook(content, zipped=ending != "xls")
    else:
        raise _refused("sheet.unknown_kind", name=name[-60:])
    return _with_header(cells)


def _with_header(cells: Iterator[list[Any]]) -> Sheet:
    headers: list[str] = []
    rows: list[tuple[int, list[Any]]] = []
    for number, row in enumerate(cells, start=1):
        if not any(cell not in (None, "") for cell in row):
            continue
        if len(row) > MAX_COLUMNS:
            raise _refused("sheet.too_wide", max=MAX_COLUMNS)
        if not headers:
            headers = [str(cell if cell is not None else "").strip() for cell in row]
        elif len(rows) == MAX_ROWS:
            raise _refused("sheet.too_long", max=MAX_ROWS)
        else:
            rows.append((number, row))
    if not headers:
        raise _refused("sheet.empty")
    return Sheet(headers, rows)


def _read_workbook(content: bytes, *, zipped: bool) -> Iterator[list[Any]]:
    """Have the workbook read in a process of its own, which may run out of memory without harm."""
    if zipped:
        _check_archive(content)
    command = [sys.executable, "-P", str(Path(workbooks.__file__))]
    environment = {key: os.environ[key] for key in ("SYSTEMROOT", "PATH", "PYTHONPATH") if key in os.environ}
    try:
        done = subprocess.run(command, input=content, capture_output=True, timeout=_SECONDS, env=environment)
    except subprocess.TimeoutExpired:
        raise _refused("sheet.too_complex") from None
    if done.returncode == workbooks.BROKEN:
        raise _refused("sheet.broken")
    if done.returncode != 0:
        _log.warning("A workbook of %s bytes could not be read (%s)", len(content), done.returncode)
        raise _refused("sheet.too_complex")
    return (json.loads(line, object_hook=_moment) for line in done.stdout.splitlines())


def _moment(said: dict[str, str]) -> datetime:
    return datetime.fromisoformat(said["at"])


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
    first = next((line for line in text[:65536].splitlines() if line.strip()), "")
    delimiter = max(",;\t", key=first.count)
    try:
        yield from csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    except csv.Error:
        raise _refused("sheet.broken") from None


def _decode(content: bytes) -> str:
    encodings = ("utf-16",) if content[:2] in _UTF16 else _ENCODINGS
    for encoding in encodings:
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise _refused("sheet.encoding")


def _refused(code: str, **params: object) -> InvalidValues:
    return InvalidValues([FieldError("", code, params)])
