"""Number series: the next number of an entity or of one of its fields, never twice.

Enters: a session in a write transaction. Leaves: a number such as ``BJ202611-0007``. Must be called last before the
row is written: the counter row stays locked until the commit, which is what keeps a gapless series without holes.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import BigInteger, bindparam

from engine.compiler.app import Entity
from engine.definition.model import NumberDefinition
from engine.errors import FieldError, InvalidValues
from engine.expression import Env
from engine.records.evaluation import site_zone
from engine.records.sql import insert_into
from engine.storage.store import Session
from engine.storage.system_tables import series

_PART = re.compile(r"\{([^{}]+)\}")
_DATES = {"yyyy": "%Y", "yy": "%y", "MM": "%m", "dd": "%d"}
_DATE_PART = re.compile("yyyy|yy|MM|dd")
_PERIODS = {"never": "", "yearly": "%Y", "monthly": "%Y%m", "daily": "%Y%m%d"}


def draw_series(
    session: Session, entity: Entity, many: Sequence[Mapping[str, Any]], env: Env
) -> list[dict[str, str | None]]:
    """Return, for each new record in order, its ``number`` and the value of each number series field.

    Raises ``InvalidValues`` beside a field that a pattern names and that is empty.
    """
    now = [session.now()] * len(many)
    kept: dict[str, Sequence[str | None]] = {"number": [None] * len(many)}
    if entity.number is not None:
        kept["number"] = _draw_at(session, entity, entity.key, entity.number, now, many, env)
    for field in entity.series_fields:
        if field.number is not None:
            series_key = f"{entity.key}.{field.key}"
            kept[field.key] = _draw_at(session, entity, series_key, field.number, now, many, env)
    return [{key: numbers[at] for key, numbers in kept.items()} for at in range(len(many))]


def draw_at(
    session: Session, entity: Entity, key: str, moments: Sequence[datetime], many: Sequence[Mapping[str, Any]], env: Env
) -> list[str]:
    """Return a number of the series ``key`` (``number`` or a field's) for each of ``moments``, as if drawn then."""
    written = entity.number if key == "number" else entity.fields[key].number
    assert written is not None  # noqa: S101 - the caller asked
    return _draw_at(
        session, entity, entity.key if key == "number" else f"{entity.key}.{key}", written, moments, many, env
    )


def _draw_at(
    session: Session,
    entity: Entity,
    key: str,
    written: NumberDefinition,
    moments: Sequence[datetime],
    many: Sequence[Mapping[str, Any]],
    env: Env,
) -> list[str]:
    zone, reset = site_zone(session.app), _PERIODS[written.reset]
    places = _named(written.pattern)
    told: dict[tuple[Any, ...], tuple[str, str]] = {}  # many records begin at one moment
    begun = []
    for moment, values in zip(moments, many, strict=True):
        named = {place: _called(entity, place, values, env) for place in places}
        one = (moment, *named.values())
        if one not in told:
            local = moment.astimezone(zone)
            period = "|".join([local.strftime(reset), *named.values()])
            told[one] = _dated(written.pattern, local, named), period
        begun.append(told[one])
    following = {
        period: iter(range(_draw(session, key, period, count) - count + 1, 2**62))
        for period, count in sorted(Counter(period for _, period in begun).items())
    }
    return [_counted(pattern, next(following[period])) for pattern, period in begun]


def _named(pattern: str) -> list[str]:
    """Return the fields a pattern names, such as ``store.code``."""
    return [part for part in _PART.findall(pattern) if not part.startswith("seq:") and not _is_date(part)]


def _is_date(part: str) -> bool:
    return _DATE_PART.sub("", part) == ""


def _called(entity: Entity, place: str, values: Mapping[str, Any], env: Env) -> str:
    """Return what stands in a named field of a record, or of the record its link leads to."""
    own, _, there = place.partition(".")
    found = values.get(own)
    if there and found is not None:
        found = (env.lookup.linked(entity.fields[own].to or "", found) or {}).get(there)
    if found is None or found == "":
        raise InvalidValues([FieldError(own, "value.required", {"label": entity.fields[own].label})])
    return str(found)


def _dated(pattern: str, local: datetime, named: Mapping[str, str]) -> str:
    """Return a pattern in which only the part of the sequence is still to be filled in."""

    def fill(part: re.Match[str]) -> str:
        if part[1].startswith("seq:"):
            return part[0]
        if part[1] in named:
            return named[part[1]].replace("{", "").replace("}", "")
        return _DATE_PART.sub(lambda found: local.strftime(_DATES[found.group()]), part[1])

    return _PART.sub(fill, pattern)


def _counted(pattern: str, sequence: int) -> str:
    texts = list(_split(pattern))
    for at in range(1, len(texts), 2):
        texts[at] = str(sequence).zfill(int(texts[at][4:] or 1))
    return "".join(texts)


@lru_cache(maxsize=256)
def _split(pattern: str) -> tuple[str, ...]:
    """Return the texts of a pattern and, at every second place, what is to be filled in."""
    return tuple(_PART.split(pattern))


def _draw(session: Session, key: str, period: str, count: int) -> int:
    """Raise the counter by ``count`` and return it."""

    def build() -> Any:
        statement = insert_into(series, session.connection.dialect).values(
            key=bindparam("key"), period=bindparam("period"), last=bindparam("count", type_=BigInteger)
        )
        drawn = statement.on_conflict_do_update(
            index_elements=[series.c.key, series.c.period],
            set_={"last": series.c.last + bindparam("count", type_=BigInteger)},
        )
        return drawn.returning(series.c.last)

    row = session.prepared("draw number", build).fetch_one(
        session.connection, {"key": key, "period": period, "count": count}
    )
    assert row is not None  # noqa: S101 - an upsert returns its row
    return int(row[0])
