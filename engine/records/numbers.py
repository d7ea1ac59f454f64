"""Number series: the next number of an entity, never twice.

Enters: a session in a write transaction. Leaves: a number such as ``BJ202611-0007``. Must be called last before the
row is written: the counter row stays locked until the commit, which is what keeps a gapless series without holes.
"""

import re
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, bindparam

from engine.compiler.app import Entity
from engine.records.evaluation import site_zone
from engine.records.sql import insert_into
from engine.storage.store import Session
from engine.storage.system_tables import series

_PART = re.compile(r"\{([^{}]+)\}")
_DATES = {"yyyy": "%Y", "yy": "%y", "MM": "%m", "dd": "%d"}
_DATE_PART = re.compile("yyyy|yy|MM|dd")
_PERIODS = {"never": "", "yearly": "%Y", "monthly": "%Y%m", "daily": "%Y%m%d"}


def draw_number(session: Session, entity: Entity) -> str | None:
    """Return the next number of ``entity``, or None when it has no series."""
    return draw_numbers(session, entity, 1)[0]


def draw_numbers(session: Session, entity: Entity, count: int) -> list[str | None]:
    """Return the next ``count`` numbers of ``entity`` in order, or as many None when it has no series."""
    if entity.number is None or count == 0:
        return [None] * count
    pattern = entity.number.pattern
    local = session.now().astimezone(site_zone(session.app))
    last = _draw(session, entity.key, local.strftime(_PERIODS[entity.number.reset]), count)
    return [
        _PART.sub(lambda part, at=at: _fill(part.group(1), local, at), pattern)  # type: ignore[misc]
        for at in range(last - count + 1, last + 1)
    ]


def _fill(part: str, local: datetime, sequence: int) -> str:
    if part.startswith("seq"):
        return str(sequence).zfill(int(part[4:] or 1))
    return _DATE_PART.sub(lambda found: local.strftime(_DATES[found.group()]), part)


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
