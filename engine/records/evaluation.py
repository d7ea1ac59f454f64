"""Running compiled expressions over records: who acts, what time it is, what a link leads to.

Enters: a session and an actor. Leaves: an ``Env`` and the parameters scope conditions take. Must not apply the actor's
rights to what a rule reads: a rule holds for everybody alike, and says only yes or no.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, select

from engine.compiler.app import CompiledApp, Entity
from engine.errors import NotPossibleNow
from engine.expression import NOBODY, Checked, Env
from engine.expression.resolved import Fold
from engine.expression.sql import check_sql, compile_sql, roles_parameter, sql_parameters
from engine.expression.types import DEPARTMENT_SHAPE, USER_SHAPE, row_place
from engine.expression.walking import read_context
from engine.people.actor import Actor
from engine.records.columns import record_columns, to_values
from engine.records.labels import people_labels
from engine.records.record import Labels
from engine.records.sql import is_one_of
from engine.records.working_time import find_working_time
from engine.storage.store import Session
from engine.storage.table_source import TableSource

_NO_OFFSET = timedelta()
MOST_ROWS = 10_000
"""Linked records one command reads to work out what the database cannot; more is refused."""


def site_zone(app: CompiledApp) -> ZoneInfo:
    """Return the zone the site lives in."""
    return ZoneInfo(app.timezone)


def make_env(session: Session, actor: Actor | None) -> Env:
    """Return what expressions may know beside the record."""
    now = session.now()
    local = now.astimezone(site_zone(session.app))
    offset = local.utcoffset() or _NO_OFFSET
    user = None if actor is None else actor.id
    calendar = cache(lambda: find_working_time(session))  # the days the site changed are read when first asked for
    return Env(
        user, now, local.date(), Lookups(session), offset, calendar,
        roles=frozenset() if actor is None else actor.roles,
        department=None if actor is None else actor.team,
    )  # fmt: skip


def parameters(session: Session, actor: Actor) -> dict[str, Any]:
    """Return the parameters every scope condition may take."""
    now = session.now()
    local = now.astimezone(site_zone(session.app))
    return {
        "actor_id": actor.id,
        "actor_teams": actor.teams,
        "actor_above": actor.above,
        "actor_team": NOBODY if actor.team is None else actor.team,
        "actor_roles": roles_parameter(actor.roles),
        "now": now,
        "today": local.date(),
        "utc_offset": (local.utcoffset() or _NO_OFFSET) // timedelta(seconds=1),
    }


class Lookups:
    """Linked records, each read once per command."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._visited = 0
        self._rows: dict[tuple[str, int], dict[str, Any] | None] = {}
        self._lines: dict[tuple[str, str, int], Sequence[Mapping[str, Any]]] = {}
        self.allowed: set[tuple[str, int]] = set()
        """Records the actor may choose, as far as was asked."""

    def allow(self, entity: str, row: dict[str, Any]) -> None:
        """Keep a row that was read under the actor's rights."""
        self._rows[entity, row["id"]] = row
        self.allowed.add((entity, row["id"]))

    def keep(self, entity: str, row: Mapping[str, Any]) -> None:
        """Keep the values a record is being given, in place of those that were read."""
        self._rows[entity, row["id"]] = dict(row)

    def people(self, ids: Iterable[int]) -> Labels:
        """Return what people are called, read once for all that are asked for."""
        return people_labels(self._session, sorted(set(ids)))

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
        if entity in (USER_SHAPE, DEPARTMENT_SHAPE):
            rows = self._read_people(entity, wanted)
        else:
            rows = self._read(self._session.app.entities[entity], wanted)
        for row in rows:
            self._rows[entity, row["id"]] = row
        for id_ in wanted:
            self._rows.setdefault((entity, id_), None)

    def collection(self, entity: str, name: str, record: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        """Return the records of collection ``name`` that link to ``record``."""
        found = self._session.app.entities[entity].shape.collections[name]
        if found.via is None:
            return record.get(name) or ()
        if not record.get("id"):
            return ()
        place = row_place(found.entity)
        if place is not None:
            return self._read_linking_rows(*place, found.via, record["id"])
        return self._read_linking(found.entity, found.via, record["id"])

    def lines(self, entity: str, name: str, id: int) -> Sequence[Mapping[str, Any]]:
        """Return the rows of a line table of one record of ``entity``; none when there is no such record."""
        if (entity, name, id) not in self._lines:
            self._lines[entity, name, id] = self._read_lines(entity, name, id)
        return self._lines[entity, name, id]

    def fold(self, fold: Fold, record: Mapping[str, Any], env: Env) -> tuple[Any] | None:
        """Let the database work out an aggregate over linked records; None for a record nothing can link to yet."""
        session, id_ = self._session, env.user if fold.entity == USER_SHAPE else record.get("id")
        context = read_context(fold)
        checked = Checked(fold, fold.type, "", fold.entity, frozenset(), context)
        if not id_ or any(name == "above" or name.startswith("record.") for name in context) or check_sql(checked):
            return None
        source = TableSource(session.tables)
        table = source.table(fold.entity)

        def build() -> Any:
            value = compile_sql(checked, source, table)
            return select(value.label("value")).where(table.c.id == bindparam("record_id"))

        statement = session.prepared(("fold", fold), build)
        found = statement.fetch_one(session.connection, {"record_id": id_} | sql_parameters(checked, env))
        return None if found is None else (found[0],)

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

    def _read_people(self, shape: str, ids: Sequence[int]) -> list[dict[str, Any]]:
        session = self._session
        names = ("id", "login", "department", "disabled_at") if shape == USER_SHAPE else ("id", "key")

        def build() -> Any:
            source = TableSource(session.tables)
            table = source.table(shape)
            columns = [source.column(table, shape, name) for name in names]
            return select(*columns, table.c.name).where(is_one_of(table.c.id, "ids"))

        statement = session.prepared(("linked", shape), build)
        rows = statement.fetch_all(session.connection, {"ids": ids})
        return [dict(zip((*names, "name"), row, strict=True)) for row in rows]

    def _read_linking(self, entity_key: str, via: str, id_: int) -> list[dict[str, Any]]:
        session = self._session
        entity = session.app.entities[entity_key]
        table = session.tables.entity[entity_key]

        def build() -> Any:
            link = table.c[via]
            return (
                select(*record_columns(table, entity))
                .where(link == bindparam("record_id"), table.c.deleted_at.is_(None))
                .limit(MOST_ROWS + 1)
            )

        statement = session.prepared(("linking", entity_key, via), build)
        found = statement.fetch_all(session.connection, {"record_id": id_})
        self._note_visited(len(found))
        return [to_values(entity, row) for row in found]

    def _read_lines(self, entity: str, name: str, id_: int) -> list[dict[str, Any]]:
        session = self._session
        field = session.app.entities[entity].fields[name]
        table, whole = session.tables.lines[entity, name], session.tables.entity[entity]
        keys = [column.key for column in field.fields.values() if column.stored]

        def build() -> Any:
            alive = (whole.c.id == table.c.parent_id, whole.c.deleted_at.is_(None))
            return (
                select(*(table.c[key] for key in keys))
                .where(table.c.parent_id == bindparam("record_id"), *alive)
                .limit(MOST_ROWS + 1)
            )

        statement = session.prepared(("lines of linked", entity, name), build)
        found = statement.fetch_all(session.connection, {"record_id": id_})
        self._note_visited(len(found))
        return [dict(zip(keys, row, strict=True)) for row in found]

    def _note_visited(self, rows: int) -> None:
        self._visited += rows
        if self._visited > MOST_ROWS:
            raise NotPossibleNow("record.too_many_rows", limit=MOST_ROWS)

    def _read_linking_rows(self, entity: str, lines: str, via: str, id_: int) -> list[dict[str, Any]]:
        """Return the rows of a line table of living records that lead to a record, each with the id of its own."""
        session = self._session
        field = session.app.entities[entity].fields[lines]
        table, whole = session.tables.lines[entity, lines], session.tables.entity[entity]
        keys = [column.key for column in field.fields.values() if column.stored]

        def build() -> Any:
            alive = (whole.c.id == table.c.parent_id, whole.c.deleted_at.is_(None))
            columns = (table.c.parent_id, table.c.id, *(table.c[key] for key in keys))
            return select(*columns).where(table.c[via] == bindparam("record_id"), *alive).limit(MOST_ROWS + 1)

        statement = session.prepared(("linking rows", entity, lines, via), build)
        found = statement.fetch_all(session.connection, {"record_id": id_})
        self._note_visited(len(found))
        return [dict(zip((entity, "id", *keys), row, strict=True)) for row in found]
