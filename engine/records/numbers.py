"""Number series: the next number of an entity or of one of its fields, never twice.

Enters: a session in a write transaction. Leaves: a number such as ``BJ202611-0007``. Must be called last before the
row is written: the counter row stays locked until the commit, which is what keeps a gapless series without holes.
"""

import re
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, bindparam

from engine.compiler.app import Entity
from engine.definition.model import NumberDefinition
from engine.records.evaluation import site_zone
from engine.records.sql import insert_into
from engine.storage.store import Session
from engine.storage.system_tables import series

_PART = re.compile(r"\{([^{}]+)\}")
_DATES = {"yyyy": "%Y", "yy": "%y", "MM": "%m", "dd": "%d"}
_DATE_PART = re.compile("yyyy|yy|MM|dd")
_PERIODS = {"never": "", "yearly": "%Y", "monthly": "%Y%m", "daily": "%Y%m%d"}


def draw_series(session: Session, entity: Entity, count: int) -> list[dict[str, str | None]]:
    """Return, for each of ``count`` new records in order, its ``number`` and the value of each number series field."""
    kept = {"number": _draw_numbers(session, entity.key, entity.number, count)}
    for field in entity.series_fields:
        kept[field.key] = _draw_numbers(session, f"{entity.key}.{field.key}", field.number, count)
    return [{key: numbers[at] for key, numbers in kept.items()} for at in range(count)]


def _draw_numbers(session: Session, key: str, written: NumberDefinition | None, count: int) -> list[str | None]:
    if written is None or count == 0:
        return [None] * count
    return list(_draw_at(session, key, written, [session.now()] * count))


def draw_at(session: Session, entity: Entity, key: str, moments: Sequence[datetime]) -> list[str]:
    """Return a number of the series ``key`` (``number`` or a field's) for each of ``moments``, as if drawn then."""
    written = entity.number if key == "number" else entity.fields[key].number
    assert written is not None  # noqa: S101 - the caller asked
    return _draw_at(session, entity.key if key == "number" else f"{entity.key}.{key}", written, moments)


def _draw_at(session: Session, key: str, written: NumberDefinition, moments: Sequence[datetime]) -> list[str]:
    zone, reset = site_zone(session.app), _PERIODS[written.reset]
    counts = Counter(moments)
    local = {moment: moment.astimezone(zone) for moment in counts}
    period_of = {moment: found.strftime(reset) for moment, found in local.items()}
    periods: Counter[str] = Counter()
    for moment, count in counts.items():
        periods[period_of[moment]] += count
    following = {
        period: iter(range(_draw(session, key, period, count) - count + 1, 2**62))
        for period, count in sorted(periods.items())
    }
    patterns = {moment: _dated(written.pattern, found) for moment, found in local.items()}
    return [_counted(patterns[moment], next(following[period_of[moment]])) for moment in moments]


def _dated(pattern: str, local: datetime) -> str:
    """Return a pattern in which only the parts of the sequence are still to be filled in."""

    def fill(part: re.Match[str]) -> str:
        if part[1].startswith("seq"):
            return part[0]
        return _DATE_PART.sub(lambda found: local.strftime(_DATES[found.group()]), part[1])

    return _PART.sub(fill, pattern)


def _counted(pattern: str, sequence: int) -> str:
    return _PART.sub(lambda part: str(sequence).zfill(int(part[1][4:] or 1)), pattern)


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
