"""A value of one field as a value of another, where nobody wrote a formula that says how.

Enters: a value, the field it is of and the field it is wanted in. Leaves: what the second reads in what the first
writes, as if it were exported and imported again; or ``Wrong``. Must not read a database: what ids lead to has names
that only the caller knows.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from engine import messages
from engine.compiler.app import Field
from engine.compiler.cells import Reading, read_cell
from engine.compiler.field_types.numbers import read_share
from engine.compiler.readers import MAX_DIGITS, Wrong, is_empty
from engine.expression import Kind
from engine.expression.decimals import round_half_up

_OF_NUMBERS = ("integer", "decimal")
"""Columns whose types read numbers; a share of 15% is 0.15 of something and never becomes a rounded 0."""
_BETWEEN = re.compile(r"[,;、，；]")
_OF_TEXTS = ("text", "long_text", "json")
"""Columns whose types read texts."""


@dataclass(frozen=True)
class Manner:
    """How a site writes: yes and no in its language, moments in its zone."""

    language: str
    zone: ZoneInfo


@dataclass(frozen=True)
class Converted:
    """What a value became; ``whole`` is false where decimal places were rounded away."""

    value: Any
    whole: bool = True


def convert(value: Any, before: Field, item: Field, manner: Manner) -> Converted:
    """Return what a value of ``before`` is in ``item``; raises ``Wrong`` when it is none there.

    Both fields hold values of their own, and no ids.
    """
    alike = (before.type.kind is Kind.PERCENT) == (item.type.kind is Kind.PERCENT) or before.type.is_text
    first: Wrong | None = None
    for written in _writings(value, before, item, manner):
        try:
            return read(written, item, manner, rounds=alike)
        except Wrong as wrong:
            first = first or wrong
    raise first or Wrong("value.text")


def read(written: Any, item: Field, manner: Manner, *, rounds: bool = True) -> Converted:
    """Return what ``item`` reads in a cell, as an import does; raises ``Wrong``.

    Without ``rounds`` a number with more decimal places than the field has is none of its values.
    """
    if is_empty(written):
        return Converted(None)
    typed, whole = read_cell(_followed(written, item), item, Reading()), True
    if rounds and item.type.column in _OF_NUMBERS:
        typed, whole = _rounded(typed, item.scale or 0)
    found = item.type.parse(typed, item)
    if isinstance(found, datetime):
        found = found.replace(tzinfo=found.tzinfo or manner.zone).astimezone(UTC)
    return Converted(None if found == [] else found, whole)


def write(value: Any, item: Field, manner: Manner) -> str:
    """Return a value as people read it: options by their labels, yes and no, a moment by the clock of the site."""
    if isinstance(value, bool):
        return messages.text("plan.yes" if value else "plan.no", manner.language)
    if item.options:
        chosen = value if isinstance(value, list) else [value]
        return ", ".join(messages.say(item.options.get(key, {}), manner.language) or str(key) for key in chosen)
    return item.type.to_text(_by_the_clock(value, manner))


def without_limits(item: Field) -> Field:
    """Return a field that reads whatever is of its type: a value beyond its limits is one to look at, not to lose."""
    limits: dict[str, Any] = {"max_length": None, "min_length": None, "pattern": None}
    return replace(item, **limits, min=item.type.min, max=item.type.max)


def _followed(written: Any, item: Field) -> Any:
    """Return what is written with the options that texts of before became."""
    if not item.became or not isinstance(written, str):
        return written
    if written.strip() in item.became or not item.type.many:
        return item.became.get(written.strip(), written)
    return [item.became.get(part.strip(), part) for part in _BETWEEN.split(written)]


def _rounded(typed: Any, places: int) -> tuple[Decimal, bool]:
    """Return a number as it fits a field, and whether it was rounded for that."""
    number = read_share(typed) if isinstance(typed, str) else Decimal(typed)
    if number.adjusted() > MAX_DIGITS:
        raise Wrong("value.too_large")
    fitted = round_half_up(number, places)
    return fitted, fitted == number


def _writings(value: Any, before: Field, item: Field, manner: Manner) -> Iterator[Any]:
    """Yield how a value may be written, the closest first: as the cell of a sheet, as its text, as people read it."""
    if item.type.column in _OF_TEXTS and before.options:
        yield write(value, before, manner)
    elif before.type.column in _OF_NUMBERS and item.type.column in _OF_NUMBERS:
        yield before.type.to_sheet(value)
    else:
        if item.type.column not in _OF_TEXTS and not isinstance(value, bool):
            yield before.type.to_sheet(_by_the_clock(value, manner))
        if not isinstance(value, bool):
            yield before.type.to_text(_by_the_clock(value, manner))
        yield write(value, before, manner)


def _by_the_clock(value: Any, manner: Manner) -> Any:
    return value.astimezone(manner.zone).replace(tzinfo=None) if isinstance(value, datetime) else value
