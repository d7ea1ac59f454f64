"""The rules of one opportunity and one customer.

Raw values (JSON or spreadsheet cells) enter; typed values and errors per field leave. Never touches the database.
"""

import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

Parser = Callable[[Any], Any]
Errors = dict[str, str]

_CODE_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_CODE_VALUES = {letter: value for value, letter in enumerate(_CODE_ALPHABET)}
_CODE_WEIGHTS = [pow(3, position, 31) for position in range(17)]
_PHONE = re.compile(r"1[3-9]\d{9}|0\d{2,3}-?\d{7,8}", re.ASCII)
_EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")


class WrongValue(ValueError):
    """The value cannot be taken; the text is an error code."""


def parse_opportunity(raw: Any, today: date, existing: bool = False) -> tuple[dict[str, Any], Errors]:
    """Typed values and errors; with `existing` only the fields sent are looked at."""
    values, errors = _parse(raw, OPPORTUNITY, () if existing else OPPORTUNITY_REQUIRED)
    for field in OPPORTUNITY_REQUIRED:
        if existing and field in values and values[field] is None:
            errors[field] = "required"
    close = values.get("expected_close")
    if close is not None and close < today:
        errors["expected_close"] = "in_the_past"
    return values, errors


def parse_customer(raw: Any) -> tuple[dict[str, Any], Errors]:
    return _parse(raw, CUSTOMER, ("name", "grade"))


def _parse(raw: Any, fields: dict[str, Parser], required: tuple[str, ...]) -> tuple[dict[str, Any], Errors]:
    if not isinstance(raw, dict):
        return {}, {"": "object"}
    values: dict[str, Any] = {}
    errors: Errors = {}
    for name, given in raw.items():
        parser = fields.get(name)
        if parser is None:
            errors[name] = "unknown_field"
            continue
        try:
            values[name] = None if given is None or given == "" else parser(given)
        except WrongValue as problem:
            errors[name] = str(problem)
    for name in required:
        if values.get(name) is None and name not in errors:
            errors[name] = "required"
    return values, errors


def _text(limit: int) -> Parser:
    def parse(given: Any) -> str | None:
        if not isinstance(given, str) or "\0" in given:
            raise WrongValue("text")
        given = given.strip()
        if len(given) > limit:
            raise WrongValue("too_long")
        return given or None

    return parse


def _decimal(places: int, least: Decimal, most: Decimal) -> Parser:
    unit = Decimal(1).scaleb(-places)

    def parse(given: Any) -> Decimal:
        if isinstance(given, bool) or not isinstance(given, str | int | float | Decimal):
            raise WrongValue("number")
        try:
            number = Decimal(str(given))
        except InvalidOperation:
            raise WrongValue("number") from None
        if not number.is_finite():
            raise WrongValue("number")
        if not least <= number <= most:
            raise WrongValue("out_of_range")
        if number != (exact := number.quantize(unit)):
            raise WrongValue("too_many_decimals")
        return exact

    return parse


def _integer(least: int, most: int) -> Parser:
    decimal = _decimal(0, Decimal(least), Decimal(most))
    return lambda given: int(decimal(given))


def _choice(*options: str) -> Parser:
    allowed = frozenset(options)

    def parse(given: Any) -> str:
        if not isinstance(given, str) or given not in allowed:
            raise WrongValue("not_an_option")
        return given

    return parse


def _day(given: Any) -> date:
    if isinstance(given, date):
        return given
    try:
        return date.fromisoformat(given)
    except (TypeError, ValueError):
        raise WrongValue("date") from None


def _matching(pattern: re.Pattern[str], limit: int, code: str) -> Parser:
    text = _text(limit)

    def parse(given: Any) -> str | None:
        value: str | None = text(given)
        if value is not None and not pattern.fullmatch(value):
            raise WrongValue(code)
        return value

    return parse


def _credit_code(given: Any) -> str:
    """GB 32100-2015: the last of 18 characters is (31 - weighted sum mod 31) mod 31."""
    code = given.strip().upper() if isinstance(given, str) else ""
    if len(code) != 18 or not all(letter in _CODE_VALUES for letter in code):
        raise WrongValue("credit_code")
    total = sum(_CODE_VALUES[letter] * weight for letter, weight in zip(code, _CODE_WEIGHTS, strict=False))
    if _CODE_VALUES[code[17]] != (31 - total % 31) % 31:
        raise WrongValue("credit_code_check_digit")
    return code


OPPORTUNITY: dict[str, Parser] = {
    "name": _text(120),
    "customer": _integer(1, 2**53),
    "amount": _decimal(2, Decimal(0), Decimal(10) ** 12),
    "win_rate": _decimal(4, Decimal(0), Decimal(1)),
    "expected_close": _day,
    "region": _choice("east", "south", "west", "north"),
    "source": _choice("fair", "website", "referral", "platform", "visit"),
    "product_line": _choice("valve", "pump", "bearing", "seal"),
    "quantity": _integer(1, 100_000),
    "contact_phone": _matching(_PHONE, 20, "phone"),
    "contact_email": _matching(_EMAIL, 120, "email"),
    "end_user_code": _credit_code,
    "need_summary": _text(2000),
    "remark": _text(500),
}
OPPORTUNITY_REQUIRED = ("name", "customer", "amount", "region", "source")
CUSTOMER: dict[str, Parser] = {
    "name": _text(120),
    "credit_code": _credit_code,
    "grade": _choice("a", "b", "c"),
    "status": _choice("active", "blacklisted"),
}
