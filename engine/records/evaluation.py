"""Running compiled expressions over records: who acts, what time it is, what a link leads to.

Enters: a session and an actor. Leaves: an ``Env`` and the parameters scope conditions take. Must not apply the actor's
rights to what a rule reads: a rule holds for everybody alike, and says only yes or no.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, select

from engine.compiler.app import CompiledApp, Entity
from engine.expression import Env
from engine.people.actor import Actor
from engine.records.calendar import SiteCalendar
from engine.records.columns import record_columns, to_values
from engine.records.sql import is_one_of
from engine.storage.store import Session

_NO_OFFSET = timedelta()


def site_zone(app: CompiledApp) -> ZoneInfo:
    """Return the zone the site lives in."""
    return ZoneInfo(app.timezone)


def make_env(session: Session, actor: Actor | None) -> Env:
    """Return what expressions may know beside the record."""
    now = session.now()
    local = now.astimezone(site_zone(session.app))
    offset = local.utcoffset() or _NO_OFFSET
    calendar = SiteCalendar(session.app.calendar, session.app.timezone)
    return Env(None if actor is None else actor.id, now, local.date(), Lookups(session), offset, calendar)


def parameters(session: Session, actor: Actor) -> dict[str, Any]:
    """Return the parameters every scope condition may take."""
    now = session.now()
    local = now.astimezone(site_zone(session.app))
    return {
        "actor_id": actor.id,
        "actor_teams": actor.teams,
        "now": now,
        "today": local.date(),
        "utc_offset": (local.utcoffset() or _NO_OFFSET) // timedelta(seconds=1),
    }


class Lookups:
    """Linked records, each read once per command."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._rows: dict[tuple[str, int], dict[str, Any] | None] = {}
        self.allowed: set[tuple[str, int]] = set()
        """Records the actor may choose, as far as was asked."""

    def allow(self, entity: str, row: dict[str, Any]) -> None:
        """Keep a row that was read under the actor's rights."""
        self._rows[entity, row["id"]] = row
        self.allowed.add((entity, row["id"]))

    def linked(self, entity: str, id: int) -> Mapping[str, Any] | None:
        """Return the values of one record of ``entity``, or None when there is none."""
        if (entity, id) not in self._rows:
            self.load(entity, [id])
        return self._rows[entity, id]

    def load(self, entity: str, ids: Iterable[int]) -> None:
        """Read several records of one entity at once."""
        wanted = [id_ for id_ in ids if (entity, id_) not in self._rows]
        if not wanted:
            return
        compiled = self._session.app.entities[entity]
        for row in self._read(compiled, wanted):
            self._rows[entity, row["id"]] = row
        for id_ in wanted:
            self._rows.setdefault((entity, id_), None)

    def collection(self, entity: str, name: str, record: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        """Return the records of collection ``name`` that link to ``record``."""
        found = self._session.app.entities[entity].shape.collections[name]
        if found.via is None:
            return record.get(name) or ()
        return self._read_linking(found.entity, found.via, record["id"]) if record.get("id") else ()

    def _read(self, entity: Entity, ids: Sequence[int]) -> list[dict[str, Any]]:
        session = self._session
        table = session.tables.entity[entity.key]

        def build() -> Any:
            return select(*record_columns(table, entity)).where(
                is_one_of(table.c.id, "ids"), table.c.deleted_at.is_(None)
            )

        statement = session.prepared(("linked", entity.key), build)
        rows = statement.fetch_all(session.connection, {"ids": ids})
        return [to_values(entity, row) for row in rows]

    def _read_linking(self, entity_key: str, via: str, id_: int) -> list[dict[str, Any]]:
        session = self._session
        entity = session.app.entities[entity_key]
        table = session.tables.entity[entity_key]

        def build() -> Any:
            link = table.c[via]
            return select(*record_columns(table, entity)).where(
                link == bindparam("record_id"), table.c.deleted_at.is_(None)
            )

        statement = session.prepared(("linking", entity_key, via), build)
        return [to_values(entity, row) for row in statement.fetch_all(session.connection, {"record_id": id_})]
