"""Drawing what differs between the courses of an invented year: people, names, goods, amounts, luck.

Enters: what ``draw`` of a course says, a source of chance. Leaves: values by name, and texts with them filled in. Must
not look at a database: the same seed draws the same.
"""

import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from decimal import Decimal
from random import Random
from typing import Any

from engine.compiler.credit_code import ALPHABET, check_character

Drawn = dict[str, Any]

_NAME = r"[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)?"
_HOLE = re.compile(rf"\{{({_NAME})(?: \* ({_NAME}))?\}}")
_CENTS = Decimal("0.01")
_LENGTH = re.compile(r"(-?\d+)(m|h|d|wd)")
_MINUTES = {"m": 1, "h": 60, "d": 1440, "wd": 2016}
"""A working day is 7/5 of a day, on the average of a week."""


def draw(random: Random, written: Mapping[str, Any], n: int) -> Drawn:
    """Return what is drawn for the ``n``-th course (from 1), each name in the order it is written."""
    drawn: Drawn = {"n": n}
    for name, how in written.items():
        drawn[name] = _draw_one(random, how, drawn)
    return drawn


def fill(value: Any, known: Callable[[str], Any]) -> Any:
    """Return a written value with every ``{name}``, ``{ref.field}`` and ``{one * other}`` (to the cent) replaced.

    Lists and maps are gone through. A text that is nothing but a name becomes what was drawn, whatever its type. Raises
    ``KeyError`` for a name nobody knows.
    """
    if isinstance(value, str):
        alone = _HOLE.fullmatch(value)
        return _fill_one(alone, known) if alone else _HOLE.sub(lambda hole: str(_fill_one(hole, known)), value)
    if isinstance(value, Mapping):
        return {key: fill(one, known) for key, one in value.items()}
    return [fill(one, known) for one in value] if isinstance(value, list) else value


def _fill_one(hole: re.Match[str], known: Callable[[str], Any]) -> Any:
    if hole[2] is None:
        return known(hole[1])
    one, other = (Decimal(str(known(name))) for name in hole.groups())
    return (one * other).quantize(_CENTS)


def draw_length(random: Random, written: list[str]) -> timedelta:
    """Return a length of time between the first and the last that is written: ``["1h", "3d"]``, ``["2wd"]``."""
    ends = [_to_minutes(one) for one in written]
    return timedelta(minutes=random.randint(min(ends), max(ends)))


def _to_minutes(written: str) -> int:
    found = _LENGTH.fullmatch(written)
    assert found is not None  # noqa: S101 - the schema has checked it
    return int(found[1]) * _MINUTES[found[2]]


def _draw_one(random: Random, how: Mapping[str, Any], drawn: Drawn) -> Any:
    if "one_of" in how:
        return random.choice(how["one_of"])
    if "from" in how:
        step = Decimal(str(how.get("step", 1)))
        low, high = Decimal(str(how["from"])), Decimal(str(how["to"]))
        value = low + step * random.randint(0, max(0, int((high - low) / step)))
        return int(value) if value == value.to_integral_value() else value
    if "text" in how:
        return fill(how["text"], drawn.__getitem__)
    if "by" in how:
        return how["of"][str(drawn[how["by"]])]
    return _INVENTED[how["invent"]](random)


def _credit_code(random: Random) -> str:
    body = "91" + str(random.randint(110000, 659000)) + "".join(random.choice(ALPHABET) for _ in range(9))
    return body + check_character(body)


def _mobile(random: Random) -> str:
    return f"1{random.choice('3578')}{random.randint(0, 10**9 - 1):09d}"


_INVENTED: Mapping[str, Callable[[Random], str]] = {"credit_code": _credit_code, "mobile": _mobile}
