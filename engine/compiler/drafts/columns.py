"""From the columns of a spreadsheet to a draft: what stands in a column says what kind of field it is.

Enters: headers and all rows. Leaves: a ``Draft``. Must not decide from a few rows: a type is taken if every value of
the column is of it, or nearly every one of many, and how many are is told.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from engine.compiler import credit_code
from engine.compiler.drafts.draft import MAX_LABEL, Draft, DraftField, Note, plain
from engine.compiler.drafts.keys import to_key, to_option

_MOST_OPTIONS: Final = 12
_LONG: Final = 200
_TRUE: Final = {"是": True, "否": False, "yes": True, "no": False, "true": True, "false": False, "✓": True, "×": False}
_MONEY_NAME: Final = re.compile("金额|价|费|款|成本|amount|price|cost|total|fee|salary", re.IGNORECASE)
_NUMBER: Final = re.compile(r"-?\d{1,3}(,\d{3})+(\.\d+)?|-?\d+(\.\d+)?")
_CURRENCY: Final = re.compile(r"(?:¥|￥|\$|€|RMB|CNY|USD)\s*|\s*(?:元|RMB|CNY|USD)$", re.IGNORECASE)
_PHONE_NAME: Final = re.compile("电话|手机|联系方式|phone|mobile|tel", re.IGNORECASE)
_PHONE: Final = re.compile(r"(?:\+?86)?1[3-9]\d{9}|(?:\+?86)?0\d{9,11}(?:[xX转#]\d{1,5})?|\+\d{8,15}|[48]00\d{7}")
_LOCAL: Final = re.compile(r"\d{7,8}")
_EMAIL: Final = re.compile(r"[^@\s]+@[^@\s]+\.[A-Za-z]{2,}")
_URL: Final = re.compile(r"https?://\S+")
_DATE_NAME: Final = re.compile("日期|时间|日$|date|day", re.IGNORECASE)
_DATE: Final = re.compile(r"(\d{4})[-/.年]\s?(\d{1,2})[-/.月]\s?(\d{1,2})日?")
_TURNED: Final = re.compile(r"(\d{1,2})[-/.](\d{1,2})[-/.](\d{4})")
_TOGETHER: Final = re.compile(r"((?:19|20)\d\d)(\d\d)(\d\d)")
_MOMENT: Final = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?[ T](\d{1,2}):(\d{2})(:\d{2})?")
_NOTHING: Final = frozenset(("-", "--", "—", "/", "\\", "无", "暂无", "n/a", "na", "null", "none", "?", "？"))
"""What people write into a cell to say that there is nothing."""
_NEARLY: Final = Decimal("0.9")
_MANY: Final = 10
"""Of so many values, this share must be of a type."""


def draft_columns(headers: Sequence[str], rows: Sequence[Sequence[Any]], *, key: str, label: str) -> Draft:
    """Return an entity with one field for each column; ``key`` and ``label`` are the entity's own.

    A column that never is empty is required, one of texts that never repeat (over ten rows or more) unique;
    few values that repeat are a choice.
    """
    draft = Draft(key, plain(label, MAX_LABEL) or key)
    for at, header in enumerate(headers):
        values = [row[at] if at < len(row) else None for row in rows]
        if not plain(header, 1) and not any(_is_filled(value) for value in values):
            continue
        if not plain(header, 1):
            draft.notes.append(Note("no_header", str(at + 1)))
        name = plain(header, MAX_LABEL) or f"column {at + 1}"
        draft.fields.append(_field(name, values, [one.key for one in draft.fields]))
    return draft


def _field(name: str, values: list[Any], taken: list[str]) -> DraftField:
    filled = [value for value in values if _is_filled(value)]
    said = [value for value in filled if _text(value).lower() not in _NOTHING]
    type_, settings, agree = _guess(name, said)
    found = DraftField(to_key(name, taken), name, type_)
    if type_ != "text" and filled:
        found.agree = (agree, len(filled))
    if values and agree == len(values) and type_ != "boolean":
        found.settings["required"] = True
    texts = [_text(value) for value in filled]
    if type_ in ("text", "phone", "email", "integer") and len(filled) >= 10 and len(set(texts)) == len(texts):
        found.settings["unique"] = True
    found.settings |= settings
    return found


def _guess(name: str, values: list[Any]) -> tuple[str, dict[str, Any], int]:
    """Return the type, its settings, and how many of the values are of it."""
    for type_, fits in _KINDS:
        agree = sum(fits(name, value) for value in values)
        if _is_enough(agree, len(values)):
            return type_, {}, agree
    numbers = [number for value in values if (number := _number(value)) is not None]
    if _is_enough(len(numbers), len(values)):
        return *_guess_number(name, values, numbers), len(numbers)
    if any("\n" in str(value) or len(str(value)) > _LONG for value in values):
        return "long_text", {}, len(values)
    texts = [_text(value) for value in values]
    distinct = list(dict.fromkeys(texts))
    if texts and len(distinct) <= _MOST_OPTIONS and len(texts) >= 3 * len(distinct) and max(map(len, distinct)) <= 30:
        return "choice", {"options": _options(distinct)}, len(values)
    return "text", {}, len(values)


def _is_enough(agree: int, total: int) -> bool:
    return total > 0 and (agree == total or (total >= _MANY and agree >= _NEARLY * total))


def _guess_number(name: str, values: list[Any], numbers: list[Decimal]) -> tuple[str, dict[str, Any]]:
    if _MONEY_NAME.search(name) or any(_CURRENCY.search(_text(value)) for value in values):
        return "money", {}
    if all(number == number.to_integral_value() for number in numbers):
        return "integer", {}
    places = max(-int(number.normalize().as_tuple().exponent) for number in numbers)
    return "decimal", {"scale": min(max(places, 1), 8)}


def _options(texts: Iterable[str]) -> dict[str, str]:
    options: dict[str, str] = {}
    for text in texts:
        key = to_option(text, options)
        options[key] = plain(text, MAX_LABEL) or key  # of what nobody can see, its key
    return options


def _is_filled(value: Any) -> bool:
    return value is not None and bool(str(value).strip())


def _text(value: Any) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value).strip()


def _number(value: Any) -> Decimal | None:
    """A code with leading zeros, or of more digits than a number keeps, is a text."""
    text = _CURRENCY.sub("", _text(value)).strip()
    digits = text.lstrip("-").replace(",", "")
    if isinstance(value, bool) or not _NUMBER.fullmatch(text) or len(digits) > 15:
        return None
    if len(digits) > 1 and digits[0] == "0" and digits[1] != ".":
        return None
    try:
        return Decimal(text.replace(",", ""))
    except InvalidOperation:
        return None


def _is_percent(name: str, value: Any) -> bool:
    return isinstance(value, str) and value.strip().endswith(("%", "％")) and _number(value.strip()[:-1]) is not None


def _is_date(name: str, value: Any) -> bool:
    if isinstance(value, datetime):
        return (value.hour, value.minute, value.second) == (0, 0, 0)
    text = _text(value)
    turned = _TURNED.fullmatch(text)
    if turned is not None:
        first, second, year = map(int, turned.groups())
        return _is_day(year, second, first) or _is_day(year, first, second)
    found = _DATE.fullmatch(text) or (_TOGETHER.fullmatch(text) if _DATE_NAME.search(name) else None)
    return found is not None and _is_day(*map(int, found.groups()[:3]))


def _is_moment(name: str, value: Any) -> bool:
    if isinstance(value, datetime):
        return True
    found = _MOMENT.fullmatch(_text(value))
    return found is not None and _is_day(*map(int, found.groups()[:3])) and int(found[4]) < 24 and int(found[5]) < 60


def _is_day(year: int, month: int, day: int) -> bool:
    try:
        return bool(date(year, month, day))
    except ValueError:
        return False


def _is_phone(name: str, value: Any) -> bool:
    """A number of seven or eight digits is one only under a name that says so."""
    plain_number = re.sub(r"[\s()（）-]", "", _text(value))
    local = _LOCAL.fullmatch(plain_number) if _PHONE_NAME.search(name) else None
    return bool(_PHONE.fullmatch(plain_number) or local)


_KINDS: Final[tuple[tuple[str, Callable[[str, Any], bool]], ...]] = (
    ("boolean", lambda name, value: isinstance(value, bool) or _text(value).lower() in _TRUE),
    ("date", _is_date),
    ("datetime", _is_moment),
    ("percent", _is_percent),
    ("credit_code", lambda name, value: credit_code.find_mistake(_text(value)) is None),
    ("phone", _is_phone),
    ("email", lambda name, value: bool(_EMAIL.fullmatch(_text(value)))),
    ("url", lambda name, value: bool(_URL.fullmatch(_text(value)))),
)
