"""What follows a change: people are told, and each event of the outbox is marked as delivered.

A database enters; notices leave, in the transaction that marks their event. Rung after each commit that wrote an event,
the thread waits a moment and delivers together what was written meanwhile; unrung it looks every few seconds.
"""

import json
import logging
import threading
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, bindparam, select, update
from sqlalchemy.dialects import postgresql, sqlite

from bench.floor.tables import Database, notices, opportunity, outbox

EVERY, GATHER, MOST = 5.0, 0.1, 200
_WAITING = (
    select(outbox.c.id, outbox.c.kind, outbox.c.payload, outbox.c.created_at)
    .where(outbox.c.delivered_at.is_(None))
    .order_by(outbox.c.id)
    .limit(MOST)
    .with_for_update(skip_locked=True)
)
_MARK = update(outbox).where(outbox.c.id.in_(bindparam("ids", expanding=True)))
_NAMES = select(opportunity.c.id, opportunity.c.name).where(opportunity.c.id.in_(bindparam("ids", expanding=True)))
_log = logging.getLogger("floor.delivery")


class Courier:
    """One daemon thread that delivers when rung."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._bell = threading.Event()
        self._thread = threading.Thread(target=self._run, name="courier", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def ring(self) -> None:
        self._bell.set()

    def _run(self) -> None:
        while True:
            if self._bell.wait(EVERY):
                threading.Event().wait(GATHER)
            self._bell.clear()
            try:
                while deliver(self._database) == MOST:
                    pass
            except Exception:  # the next look tries again
                _log.exception("delivery failed")


def deliver(database: Database) -> int:
    """Deliver what waits, `MOST` at once; the number of events."""
    with database.writing() as connection:
        events = connection.execute(_WAITING).all()
        if events:
            told = [(kind, json.loads(payload), at) for _, kind, payload, at in events]
            _tell(connection, [one for one in told if "tell" in one[1]])
            connection.execute(_MARK.values(delivered_at=datetime.now(UTC)), {"ids": [event[0] for event in events]})
    return len(events)


def _tell(connection: Connection, told: list[tuple[str, dict[str, Any], datetime]]) -> None:
    """Write a notice for whom each event names, once however often it is delivered."""
    if not told:
        return
    names = dict(connection.execute(_NAMES, {"ids": [payload["id"] for _, payload, _ in told]}).tuples().all())
    make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    rows = [
        {
            "user_id": payload["tell"], "key": f"{kind}-{payload['id']}-{payload['version']}", "kind": kind, "at": at,
            "record_id": payload["id"], "params": json.dumps({"what": names.get(payload["id"])}, ensure_ascii=False),
        }
        for kind, payload, at in told
    ]  # fmt: skip
    connection.execute(make(notices).on_conflict_do_nothing(index_elements=["key"]), rows)
