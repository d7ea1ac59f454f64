"""What people write who know spreadsheets, databases or a Chinese keyboard, and what is written here instead.

Enters: the text of an expression and the place where it stopped making sense, or the name of a function nobody knows.
Leaves: a mistake that says what to write, or None. Must not accept anything: a habit is answered, never understood.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping

from engine.expression.errors import ExpressionError

_SIGNS = {
    "=>": ">=", "=<": "<=",
    "==": "=", "<>": "!=", "≠": "!=", "≥": ">=", "≤": "<=", "&&": "and", "||": "or", "!": "not", "、": ",", "【": "[",
    "】": "]", "“": "'", "”": "'", "‘": "'", "’": "'", "「": "'", "」": "'", "×": "*", "÷": "/", ";": ",", "；": ",",
    "&": "join(a, b)", "^": "a * a", "?": "if(condition, a, b)", "？": "if(condition, a, b)", "∧": "and", "∨": "or",
    "¬": "not", "−": "-", "–": "-", "—": "-",
}  # fmt: skip
_WORDS = {
    "且": "and", "并且": "and", "而且": "and", "或": "or", "或者": "or", "不": "not", "等于": "=", "大于": ">",
    "小于": "<", "属于": "in", "like": "contains(text, part)", "contains": "contains(text, part)",
    "包含": "contains(text, part)", "含有": "contains(text, part)", "null": "missing", "nil": "missing",
    "none": "missing", "empty": "missing", "blank": "missing", "空": "missing", "为空": "is missing", "xor": "!=",
}  # fmt: skip
_FUNCTIONS = {
    "if": "if(condition, then, else)", "如果": "if(condition, then, else)",
    "ifs": "if(a, b, if(c, d, e))", "switch": "if(a, b, if(c, d, e))", "choose": "if(a, b, if(c, d, e))",
    "case": "if(a, b, if(c, d, e))", "iif": "if(condition, then, else)",
    "and": "a and b", "or": "a or b", "not": "not a", "xor": "(a) != (b)", "true": "true", "false": "false",
    "sum": "sum(items.total)", "求和": "sum(items.total)",
    "sumif": "sum(items.total where qty > 1)", "sumifs": "sum(items.total where qty > 1 and done)",
    "sumproduct": "sum(items.total)", "average": "avg(items.price)", "平均": "avg(items.price)",
    "中位数": "median(items.price)",
    "averageif": "avg(items.price where qty > 1)", "averageifs": "avg(items.price where qty > 1 and done)",
    "count": "count(items)", "counta": "count(items)", "计数": "count(items)",
    "countif": "count(items where qty > 1)", "countifs": "count(items where qty > 1 and done)",
    "maxifs": "max(items.price where qty > 1)", "minifs": "min(items.price where qty > 1)",
    "最大": "max(a, b)", "最小": "min(a, b)",
    "vlookup": "customer.grade", "hlookup": "customer.grade", "xlookup": "customer.grade", "lookup": "customer.grade",
    "index": "customer.grade", "match": "customer.grade",
    "iferror": "default(a, b)", "ifna": "default(a, b)", "ifnull": "default(a, b)", "nvl": "default(a, b)",
    "coalesce": "default(a, b)", "isnull": "a is missing", "isblank": "a is missing", "isempty": "a is missing",
    "concat": "join(a, b)", "concatenate": "join(a, b)", "textjoin": "join(a, b)",
    "len": "length(text)", "find": "contains(text, part)", "search": "contains(text, part)",
    "left": "starts_with(text, part)", "startswith": "starts_with(text, part)",
    "int": "round(a)", "trunc": "round(a)", "roundup": "round(a)", "rounddown": "round(a)",
    "datedif": "days(b - a)", "datediff": "days(b - a)", "dateadd": "a + 3d",
    "eomonth": "month_end(a)", "月末": "month_end(a)",
    "workday": "a + 2wd", "networkdays": "working_days(a, b)",
    "power": "a * a", "in": "a in [b, c]", "between": "a between b and c", "getdate": "today()", "date": "2026-03-31",
    "datevalue": "2026-03-31", "今天": "today()",
}  # fmt: skip
_CLOSING = {"“": "”", "‘": "’", "「": "」"}
_WIDE = re.compile(
    r"'[^'\n]*'|\"[^\"\n]*\"|[“”‘’「」、【】]|[\uff10-\uff19]+|[\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff5e]"
)
_CELL = re.compile(r"\$?[A-Z]{1,3}\$?[0-9]{1,7}(:\$?[A-Z]{1,3}\$?[0-9]{1,7})?(?!\w)")
_THOUSANDS = re.compile(r"[0-9]{1,3}(,[0-9]{3})+(?![0-9])")
_BEFORE_VALUE = re.compile(r"(^|[(,\[=<>+*/-]|\b(and|or|not|where))\s*$")
_UNITS = {
    "d": ("天", "日", "个自然日", "day", "days"), "wd": ("个工作日", "工作日", "workday", "workdays"),
    "h": ("小时", "个小时", "时", "hour", "hours", "hrs", "hr"), "wh": ("个工作小时", "工作小时"),
    "w": ("周", "个星期", "星期", "week", "weeks"), "m": ("分钟", "分", "minute", "minutes", "min", "mins"),
}  # fmt: skip
_SPANS = {word: unit for unit, words in _UNITS.items() for word in words}
_LONG = dict.fromkeys(("个月", "月", "month", "months", "mo"), 30) | dict.fromkeys(("年", "year", "years", "y"), 365)
_AMOUNTS = {
    "元": "",
    "块": "",
    "万元": "万",
    "亿元": "亿",
    "千": "000",
    "千元": "000",
    "百万": "00万",
    "百万元": "00万",
}
_COUNTED = re.compile(
    rf"([0-9]+)\s*({'|'.join(sorted((*_SPANS, *_LONG), key=len, reverse=True))})(?![^\W_])"
    rf"|([0-9]+(?:\.[0-9]+)?)\s*({'|'.join(sorted(_AMOUNTS, key=len, reverse=True))})(?!\w)"
)
_BRACED = re.compile(r"\{\{? *(\w+(?:\.\w+)?) *\}?\}")


def find_habit(text: str, offset: int, words: Iterable[str]) -> ExpressionError | None:
    """Return what somebody meant who wrote what stands at ``offset``, where ``words`` are those of the grammar."""
    return _whole(text, offset) or _sign(text, offset) or _word(text, offset, frozenset(words))


def find_wide_signs(text: str) -> list[ExpressionError]:
    """Return a mistake for each sign of a Chinese keyboard outside of texts."""
    found, closing = list[ExpressionError](), ""
    for match in _WIDE.finditer(text):
        sign = match[0]
        if sign[0] in "'\"" or closing and sign != closing:
            continue
        closing = "" if closing else _CLOSING.get(sign, "")
        found.append(_write(sign, _SIGNS.get(sign) or unicodedata.normalize("NFKC", sign), match.start()))
    return found


def find_function_habit(name: str, offset: int, usages: Mapping[str, str]) -> ExpressionError | None:
    """Return how what an unknown function does is written here; ``usages`` are the forms of the known ones."""
    lower = unicodedata.normalize("NFKC", name).lower()
    form = _FUNCTIONS.get(lower) or usages.get(lower)
    if form is None or name in usages:
        return None
    code = "no_lookup" if form == "customer.grade" else "function_instead"
    return ExpressionError(code, {"name": name, "form": form}, offset, len(name))


def is_cell(name: str) -> bool:
    """Tell whether a name looks like a cell of a sheet."""
    return _CELL.fullmatch(name) is not None


def word_at(text: str, offset: int) -> str:
    """Return the word, number or path that begins at ``offset``."""
    end = offset
    while end < len(text) and (text[end].isalnum() or text[end] in "_."):
        end += 1
    return text[offset:end]


def _whole(text: str, offset: int) -> ExpressionError | None:
    """Habits that are more than a sign or a word."""
    if text[offset] == "=" and not text[:offset].strip():
        return ExpressionError("no_equals_in_front", {}, offset, 1)
    if text[offset] in "\u00a0\u3000\u2002\u2003\u2009\u200b\ufeff":
        return ExpressionError("strange_space", {}, offset, 1)
    begin = offset - len(text[:offset]) + len(text[:offset].rstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ$0123456789"))
    if text[offset] in "$:" and (cell := _CELL.match(text, begin)):
        return ExpressionError("cell", {"found": cell[0]}, begin, len(cell[0]))
    if braced := _BRACED.match(text, offset):
        return _write(braced[0], braced[1], offset)
    if text[offset] == ",":
        number = next((found for found in _THOUSANDS.finditer(text) if found.start() < offset < found.end()), None)
        if number is not None:
            return _write(number[0], number[0].replace(",", ""), number.start())
    counted = next((one for one in _COUNTED.finditer(text) if one.start() <= offset < one.end()), None)
    if counted is not None:
        return _counted(counted)
    if text[offset] == "(" and re.search(r"\bin\s*$", text[:offset]):
        return _write("(", "[", offset)
    return None


def _counted(found: re.Match[str]) -> ExpressionError | None:
    """Return how a length of time or an amount of money with its unit is written here."""
    count, unit, amount, currency = found.groups()
    if count and unit in _LONG:
        params = {"found": found[0], "instead": f"{int(count[:6]) * _LONG[unit]}d"}
        return ExpressionError("no_months", params, found.start(), len(found[0]))
    if count:
        return _write(found[0], f"{count}{_SPANS[unit]}", found.start())
    if "." in amount and "0" in _AMOUNTS[currency]:
        return None
    return _write(found[0], f"{amount}{_AMOUNTS[currency]}", found.start())


def _sign(text: str, offset: int) -> ExpressionError | None:
    for start, length in ((offset - 1, 2), (offset, 2), (offset, 1)):
        found = text[start : start + length] if start >= 0 else ""
        if found in _SIGNS:
            return _write(found, _SIGNS[found], start)
    wide = word_at(text, offset) if "０" <= text[offset] <= "９" else text[offset]
    if "\uff01" <= text[offset] <= "\uff5e":
        return _write(wide, unicodedata.normalize("NFKC", wide), offset)
    return None


def _word(text: str, offset: int, words: frozenset[str]) -> ExpressionError | None:
    word = word_at(text, offset)
    lower = word.lower()
    called = text[offset + len(word) :].lstrip().startswith("(") and _BEFORE_VALUE.search(text[:offset])
    if called and lower in ("and", "or"):
        return ExpressionError("function_instead", {"name": word, "form": _FUNCTIONS[lower]}, offset, len(word))
    instead = _WORDS.get(lower) or (lower if lower in words - {word} else None)
    return _write(word, instead, offset) if instead else None


def _write(found: str, instead: str, offset: int) -> ExpressionError:
    return ExpressionError("write_instead", {"found": found, "instead": instead}, offset, len(found))
