"""A program of its own that reads the first sheet of a workbook: run as a script, never imported by the server.

Enters: the bytes of an XLSX, XLS or ODS file on standard input. Leaves: one JSON list per row on standard output, a day
or moment as ``{"at": "2026-03-04T00:00:00"}``, a length of time as ``{"seconds": 5400}``.
Must not run without limits: a workbook of 5 KB may name a cell so far
away that the reader asks for half a terabyte and ends its process, which must not be the server's.
"""

import json
import sys
from datetime import date, datetime, time, timedelta
from io import BytesIO
from typing import Any

MOST_MEMORY = 1_536 * 1_048_576
MOST_SECONDS = 60
MOST_OUTPUT = 256 * 1_048_576
BROKEN, TOO_LARGE = 3, 4
"""What the program ends with when the file cannot be read, or holds too much."""


def main() -> int:
    """Copy the rows of the first sheet from standard input to standard output."""
    _limit()
    from python_calamine import CalamineError, CalamineWorkbook

    written, encode = 0, json.JSONEncoder(default=_plain).encode  # one for all rows
    try:
        workbook = CalamineWorkbook.from_filelike(BytesIO(sys.stdin.buffer.read()))
        for row in workbook.get_sheet_by_index(0).iter_rows():
            line = encode(row) + "\n"
            written += len(line)
            if written > MOST_OUTPUT:
                return TOO_LARGE
            sys.stdout.write(line)
    except (CalamineError, IndexError, ValueError):
        return BROKEN
    except MemoryError:
        return TOO_LARGE
    return 0


def _limit() -> None:
    try:
        import resource
    except ImportError:  # Windows has no such limits
        return
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (MOST_SECONDS, MOST_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return {"at": value.isoformat()}
    if isinstance(value, date):
        return {"at": datetime.combine(value, time()).isoformat()}
    if isinstance(value, timedelta):
        return {"seconds": value.total_seconds()}
    if isinstance(value, time):
        return str(value)
    raise TypeError


if __name__ == "__main__":
    sys.exit(main())
