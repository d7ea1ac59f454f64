"""One cell: what a spreadsheet holds, as the value a person would have typed into the form.

Enters: a cell (text, number, moment, yes or no), the field, how its column is read. Leaves: what ``FieldType.parse``
takes, or ``Wrong`` saying what the spreadsheet did to it. Must not guess: a day that may be two is refused until
somebody says which comes first, and digits that Excel threw away are not made up.

Excel's days are counted from 30 December 1899 (the 1900 date system, ECMA-376 part 1, 18.17.4); it computes with 15
significant digits, so a number is taken with as many.
"""

import math
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Literal

from engine.compiler.app import Field
from engine.compiler.readers import Wrong
from engine.expression import Kind

DateOrder = Literal["ymd", "dmy", "mdy"]
DATE_ORDERS: tuple[DateOrder, ...] = ("ymd", "dmy", "mdy")

_EPOCH = datetime(1899, 12, 30)
_SERIALS = (20_000, 109_575)  # 1954 to 2199: a bare year such as 2026 is no day
_EXACT_TO = 2**53
DAY_PARTS = re.compile(r"(\d{1,4})[-/.](\d{1,2})[-/.](\d{1,4})")
_CHINESE = re.compile(r"(\d{4})年(\d{1,2})月(\d{1,2})[日号]?")
_WORDY = re.compile(r"(\d{1,2})[- ]([A-Za-z]{3})[a-z]*[- ,]+(\d{4})")
_COMPACT = re.compile(r"(19|20|21)\d{6}")
_CLOCK = re.compile(r"(?:(上午|下午)\s*)?(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?\s*([AaPp][Mm])?")
_MONTHS = {
    name: at
    for at, name in enumerate(
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"], start=1
    )
}
_SCIENTIFIC = re.compile(r"[+-]?\d(?:\.\d+)?[eE]\+?\d{1,3}")
_HAN = re.compile("[\u4e00-\u9fff]")  # in every form a character stays one, and is no digit
_DAMAGED = re.compile(r"[+-]?\d(?:\.\d+)?[eE]\+\d{2,3}")
_UNITS = {"亿": 8, "千万": 7, "百万": 6, "万": 4, "千": 3}
_NUMBERS = (int, float, Decimal)  # asked for every cell: "int | float" would be made anew each time
_CURRENCY = re.compile(r"^(?:RMB|CNY|USD|人民币|[¥￥$€])|(?:RMB|CNY|元整|元)$", re.IGNORECASE)


@dataclass(frozen=True)
class Reading:
    """How the cells of a column are read.

    ``dates`` says what comes first in 03/04/2026; ``unit`` is what its numbers are multiplied by; with ``fraction`` a
    share without a sign is 0.15, else 15.
    """

    dates: DateOrder | None = None
    unit: int = 1
    fraction: bool | None = None


def read_cell(cell: Any, field: Field, reading: Reading) -> Any:
    """Return what a person would have typed; raises ``Wrong``. A blank cell is not asked about."""
    return cell_reader(field, reading)(cell)


def cell_reader(field: Field, reading: Reading) -> Callable[[Any], Any]:
    """Return ``read_cell`` for the cells of one column."""
    column = field.type.column
    if column == "date":
        return lambda cell: _read_moment(cell, reading).date()
    if column == "datetime":
        return lambda cell: _read_moment(cell, reading)
    if column in ("integer", "decimal"):
        return lambda cell: _read_number(cell, field, reading)
    if column == "time":
        return _read_clock
    return _read_text if field.type.is_text else _as_it_is


def _as_it_is(cell: Any) -> Any:
    return cell


def _read_clock(cell: Any) -> Any:
    if isinstance(cell, datetime):
        return cell.time()
    if isinstance(cell, timedelta) and timedelta() <= cell < timedelta(days=1):
        return (_EPOCH + cell).time()
    return cell


def is_dated(field: Field) -> bool:
    """Tell whether cells of a field hold days."""
    return field.type.column in ("date", "datetime")


def is_share(field: Field) -> bool:
    """Tell whether cells of a field hold percentages."""
    return field.type.kind is Kind.PERCENT


def is_number(field: Field) -> bool:
    """Tell whether cells of a field hold numbers that may have a unit."""
    return field.type.column in ("integer", "decimal") and not is_share(field)


# ---- days


def _read_moment(cell: Any, reading: Reading) -> datetime:
    if isinstance(cell, datetime):
        return cell
    if isinstance(cell, bool):
        raise Wrong("value.date")
    if isinstance(cell, int | float):
        return _from_number(float(cell))
    written = plain_text(str(cell))
    day, clock = _split(written)
    if re.fullmatch(r"\d+(\.\d+)?", written):
        return _from_number(float(written))
    return datetime.combine(_day(day, reading), _clock(clock))


def _split(written: str) -> tuple[str, str]:
    match = re.search(r"(?:[T ]|(?<=[日号]))\s*((?:上午|下午)?\s*\d{1,2}:\d{2}.*)$", written)
    return (written[: match.start()], match[1]) if match else (written, "")


def _from_number(number: float) -> datetime:
    if not math.isfinite(number):
        raise Wrong("value.date")
    if number == int(number) and _COMPACT.fullmatch(str(int(number))):
        said = str(int(number))
        return datetime.combine(_made(int(said[:4]), int(said[4:6]), int(said[6:])), time())
    if not _SERIALS[0] <= number <= _SERIALS[1]:
        raise Wrong("value.date")
    return _EPOCH + timedelta(seconds=round(number * 86_400))


def _day(written: str, reading: Reading) -> date:
    said = re.sub(r"\s*([-/.年月日号])\s*", r"\1", written.strip())
    if match := _CHINESE.fullmatch(said):
        return _made(int(match[1]), int(match[2]), int(match[3]))
    if match := _WORDY.fullmatch(said):
        return _made(int(match[3]), _MONTHS.get(match[2].lower(), 0), int(match[1]))
    match = DAY_PARTS.fullmatch(said)
    if match is None:
        raise Wrong("value.date")
    if len(match[1]) == 4:
        return _made(int(match[1]), int(match[2]), int(match[3]))
    return _ordered(match, reading.dates)


def _ordered(match: re.Match[str], order: DateOrder | None) -> date:
    """Return the day of three numbers that do not begin with a year of four digits."""
    first, second, last = (int(part) for part in match.groups())
    if len(match[3]) == 4:
        found = order if order in ("dmy", "mdy") else only_order(first, second)
        if found is not None:
            return _made(last, second, first) if found == "dmy" else _made(last, first, second)
    elif order == "ymd" and len(match[1]) == 2:
        return _made(2000 + first, second, last)
    elif order is not None and len(match[3]) == 2:
        return _made(2000 + last, second, first) if order == "dmy" else _made(2000 + last, first, second)
    raise Wrong("import.date_order", date=match[0])


def only_order(first: int, second: int) -> DateOrder | None:
    """Return the one order in which two numbers are a day and a month, None when both are."""
    if first > 12 or first == second:
        return "dmy"
    return "mdy" if second > 12 else None


def _made(year: int, month: int, day: int) -> date:
    try:
        return date(year, month, day)
    except ValueError:
        raise Wrong("value.date") from None


def _clock(written: str) -> time:
    if not written:
        return time()
    match = _CLOCK.fullmatch(written.strip())
    if match is None:
        raise Wrong("value.datetime")
    hour, afternoon = int(match[2]), match[1] == "下午" or (match[5] or "").lower() == "pm"
    if (match[1] or match[5]) and hour <= 12:
        hour = hour % 12 + (12 if afternoon else 0)
    try:
        return time(hour, int(match[3]), int(match[4] or 0))
    except ValueError:
        raise Wrong("value.datetime") from None


# ---- numbers


def _read_number(cell: Any, field: Field, reading: Reading) -> Any:
    if isinstance(cell, datetime):
        raise Wrong("import.turned_date")
    if isinstance(cell, bool):
        raise Wrong("value.number")
    if isinstance(cell, _NUMBERS):
        number = _significant(cell)
        return _share(number, reading) if is_share(field) else _times(number, reading.unit)
    written = plain_text(cell)
    if is_share(field):
        if written.endswith("%"):
            return written
        return _share(_number_in(written), reading) if reading.fraction is not None else written
    number, has_unit = _amount(written)
    return number if has_unit else _times(number, reading.unit)


def _share(number: Decimal, reading: Reading) -> Decimal:
    return number / 100 if reading.fraction is False else number


def _times(number: Decimal, unit: int) -> Decimal:
    return number if unit == 1 else number * unit


def _significant(number: float | Decimal) -> Decimal:
    try:
        return Decimal(f"{number:.15g}") if isinstance(number, float) else Decimal(number)
    except InvalidOperation:
        raise Wrong("value.number") from None


def _amount(written: str) -> tuple[Decimal, bool]:
    """Return the number in ``¥1.5万元`` or ``(1,200.00)``, and whether a unit stood beside it."""
    said = written
    negative = said.startswith("(") and said.endswith(")")
    said = said[1:-1] if negative else said
    for _ in range(2):
        said = _CURRENCY.sub("", said.strip()).strip()
    power = next((power for unit, power in _UNITS.items() if said.endswith(unit)), 0)
    if power:
        said = said[: -len(next(unit for unit in _UNITS if said.endswith(unit)))].strip()
    number = _number_in(said).scaleb(power)
    return (-number if negative else number), bool(power)


def _number_in(written: str) -> Decimal:
    said = written.replace(",", "").replace(" ", "")
    if len(said) > 60 or not (re.fullmatch(r"[+-]?(\d+(\.\d*)?|\.\d+)", said) or _SCIENTIFIC.fullmatch(said)):
        raise Wrong("value.number")
    return Decimal(said)


# ---- texts


def _read_text(cell: Any) -> Any:
    if isinstance(cell, str):
        may_be = "+" in cell if cell.isascii() else not _HAN.search(cell)
        if may_be and _DAMAGED.fullmatch(plain_text(cell)):
            raise Wrong("import.scientific", text=plain_text(cell))
    elif isinstance(cell, datetime):
        raise Wrong("import.turned_date")
    elif _is_long(cell):
        raise Wrong("import.digits_lost")
    return cell


def _is_long(cell: Any) -> bool:
    """Tell whether a number has more digits than a spreadsheet keeps."""
    is_number = isinstance(cell, _NUMBERS) and not isinstance(cell, bool)
    return bool(is_number and abs(cell) > _EXACT_TO)


def plain_text(cell: Any) -> str:
    """Return a cell as text, full-width digits and signs in their common form."""
    text = str(cell)
    return text.strip() if text.isascii() else unicodedata.normalize("NFKC", text).strip()
