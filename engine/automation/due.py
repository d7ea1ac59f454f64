"""What there is to do behind the pages, asked in one statement.

Enters: a store. Leaves: the kinds of work that somebody should begin now. Must not begin any: most looks find nothing,
and a look that asks each kind for itself costs more than what people do meanwhile.
"""

from typing import Any, Final

from sqlalchemy import ColumnElement, FromClause, bindparam, exists, false, literal_column, or_, select

from engine.automation import outbox, runs
from engine.channels import claiming
from engine.exporting import requests
from engine.reports import kept
from engine.storage import timers
from engine.storage.automation_tables import runs as runs_table
from engine.storage.count_tables import counts
from engine.storage.delivery_tables import channels, deliveries
from engine.storage.export_tables import exports
from engine.storage.import_tables import IN_WORK, imports
from engine.storage.index_builds import FAILED
from engine.storage.priorities import PRIORITIES
from engine.storage.stage_tables import timers as timers_table
from engine.storage.store import Session, Store
from engine.storage.system_tables import index_builds
from engine.storage.system_tables import outbox as outbox_table

EVENTS, RUNS, TIMERS, FIGURES, MESSAGES, FILES, INDEXES = KINDS = (
    "events", "runs", "timers", "figures", "messages", "files", "indexes",
)  # fmt: skip
"""Events to deliver, runs to go on with, timers to fire, figures to work out, messages to send, imports and exports to
go on with, indexes to build."""
_ONE: Final[Any] = literal_column("1")


def find_work(store: Store) -> frozenset[str]:
    """Return what kinds of work there are now."""
    with store.read() as session:
        now = session.now()
        given = {"now": now, "counting_since": now - kept.LEASE, "writing_since": now - requests.LEASE}
        row = session.prepared("what there is to do", lambda: _ask(session)).fetch_one(session.connection, given)
    assert row is not None  # noqa: S101 - one row of answers
    return frozenset(kind for kind, there in zip(KINDS, row, strict=True) if there)


def _ask(session: Session) -> Any:
    now, counting, writing = (
        bindparam(name, type_=outbox_table.c.at.type) for name in ("now", "counting_since", "writing_since")
    )
    some_message = _some(deliveries, deliveries.c.channel == channels.c.name, claiming.is_due(now))
    builds = session.connection.dialect.name == "postgresql"
    asked = {
        EVENTS: _first(outbox_table, *outbox.is_due(now)),
        RUNS: _first(runs_table, *runs.is_due(session, now)),
        TIMERS: _some(timers_table, *timers.is_due(session, now)),
        FIGURES: _some(counts, kept.is_free(now, counting)),
        MESSAGES: _some(channels, claiming.is_usable(now), some_message),
        FILES: or_(_some(imports, IN_WORK), _some(exports, requests.is_due(now, writing))),
        INDEXES: _some(index_builds, index_builds.c.state != FAILED) if builds else false(),
    }
    return select(*(asked[kind].label(kind) for kind in KINDS))


def _first(table: Any, *conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    """Return whether a row of some priority meets conditions: each is one range of the index that begins with it."""
    return or_(*(_some(table, table.c.priority == priority, *conditions) for priority in PRIORITIES))


def _some(table: FromClause, *conditions: Any) -> ColumnElement[bool]:
    """Return whether a row of a table meets conditions."""
    return exists(select(_ONE).select_from(table).where(*conditions))
