"""Where records have been before that was written down: the moves their history tells of.

Enters: a database whose history knows changes of stages. Leaves: rows of ``fw_stage_moves``, once. Must not guess:
whose a record was at a moment is known only where its history says so from the beginning.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, Text, cast, insert, select

from engine.storage.stage_tables import moves
from engine.storage.system_tables import history

_BATCH = 1000
_SAID = ('"stage"', '"owner"', '"team"')


def write_past_moves(connection: Connection) -> None:
    """Write a row for each stage a record came into, from what its history says."""
    c = history.c
    told = [cast(c.changes, Text).contains(one, autoescape=True) for one in _SAID]
    query = select(c.entity, c.record_id, c.at, c.actor_id, c.via, c.changes).where(told[0] | told[1] | told[2])
    rows: list[dict[str, Any]] = []
    found = connection.execute(query.order_by(c.entity, c.record_id, c.id)).all()
    for _, entries in groupby(found, key=lambda row: (row[0], row[1])):
        rows += _moves(list(entries))
        if len(rows) >= _BATCH:
            connection.execute(insert(moves), rows)
            rows = []
    if rows:
        connection.execute(insert(moves), rows)


def _moves(entries: Sequence[Any]) -> Iterator[dict[str, Any]]:
    """Yield the moves of one record."""
    holder: dict[str, Any] = {"owner": None, "team": None}
    for entity, record_id, at, actor, via, changes in entries:
        holder |= {key: changes[key][1] for key in holder if key in (changes or {})}
        pair = (changes or {}).get("stage")
        if not isinstance(pair, list) or len(pair) != 2 or not isinstance(pair[1], str):
            continue
        yield {
            "entity": entity, "record_id": record_id, "from_stage": pair[0], "to_stage": pair[1], "at": at,
            "by_id": None if via == "automation" else actor, "owner_id": holder["owner"], "team_id": holder["team"],
        }  # fmt: skip
