"""What every change of stored values shares: the two apps, the new tables, and how rows are counted and named.

Enters: a publish under way. Leaves: counts, samples and plan items. Must not change a row: ``rewriting.py`` does.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, func, select, true

from engine.compiler.app import CompiledApp, Field, Label
from engine.storage.back import Back, Callings, MakeCallings
from engine.storage.changes import TableOf, today_key
from engine.storage.past_fields import PastFields
from engine.storage.plan import ItemKind, PlanItem
from engine.storage.store import Session
from engine.storage.tables import Tables

Parameters = Mapping[str, Any]


@dataclass(frozen=True)
class Publisher:
    """Whoever publishes, as the journal names people."""

    id: int
    via: str = "cli"


@dataclass(frozen=True)
class Filling:
    """One publish as it changes what is stored.

    ``parameters`` are those of expressions (``now`` ...), ``release_id`` the id the release will have, ``by`` whoever
    publishes it, ``back`` says that it is an earlier release, which nobody can write a ``migrate:`` for. ``touched``
    collects the tables whose values changed, so that what is computed from them follows. ``session_of`` opens a session
    under one of the apps in the transaction of the publish, for what only the layers above know;
    ``make_callings`` makes of it what says how things are called.
    """

    connection: Connection
    old: CompiledApp | None
    new: CompiledApp
    tables: Tables
    parameters: Parameters
    release_id: int
    by: Publisher | None = None
    back: Back | None = None
    session_of: Callable[[CompiledApp], Session] | None = None
    make_callings: MakeCallings | None = None
    touched: set[str] = field(default_factory=set)

    @cached_property
    def past(self) -> PastFields:
        """What fields were in earlier releases."""
        return PastFields(self.connection)

    def callings(self, app: CompiledApp) -> Callings:
        """Return what things are called by the rules of an app."""
        assert self.make_callings is not None and self.session_of is not None  # noqa: S101 - every command gives them
        return self.make_callings(self.session_of(app))

    def former(self, place: TableOf, item: Field) -> Field | None:
        """Return of which field the values are that stood in the column of a field before."""
        return self.past.find_former(self.old, place, item)


def count(connection: Connection, table: Table, *conditions: ColumnElement[bool]) -> int:
    """Return how many rows of a table meet the conditions."""
    return connection.scalar(select(func.count()).select_from(table).where(*conditions)) or 0


def sample(connection: Connection, place: TableOf, *conditions: ColumnElement[bool]) -> tuple[int, ...]:
    """Return the ids of some records concerned (for a line table, of the records the lines belong to)."""
    id_ = owner_of(place)
    return tuple(connection.scalars(select(id_).where(*conditions).distinct().order_by(id_).limit(20)))


def owner_of(place: TableOf) -> ColumnElement[int]:
    """Return the column with the id of the record a row belongs to."""
    return place.table.c.id if place.line is None else place.table.c.parent_id


def alive(table: Table) -> ColumnElement[bool]:
    """Return the condition that a row is not deleted (lines go with their record)."""
    return table.c.deleted_at.is_(None) if "deleted_at" in table.c else true()


def labels_of(place: TableOf, item: Field) -> tuple[Label, ...]:
    """Return the labels from the entity down to a field."""
    line = () if place.line is None else (place.line.label,)
    return (place.entity.label, *line, item.label)


def field_item(
    filling: Filling,
    kind: ItemKind,
    code: str,
    place: TableOf,
    item: Field,
    rows: int,
    params: Mapping[str, object] | None = None,
    records: tuple[int, ...] = (),
) -> PlanItem:
    """Return an item about the values of a field."""
    return PlanItem(
        kind, code, "field", labels_of(place, item), params=params or {}, rows=rows, records=records,
        location=item.location, entity=today_key(filling.old, place.entity),
    )  # fmt: skip
