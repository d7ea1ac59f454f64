"""What a list comes to: how many records there are in each group, and what their amounts add up to.

Enters: an entity, a ``ListQuery``, the field to group by, the fields to add up. Leaves: ``Figure`` rows over exactly
the records the actor would find in the list. Must not group by or add up a field they may not see: it is
answered like one that is not there. What is kept for some seconds is kept for one person, statement and conditions:
whoever has other rights has another statement, and nobody is answered with the figures of another.
"""

import threading
import time
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from engine.compiler.app import DEPARTMENT, USER, Entity, Field
from engine.errors import FieldError, InvalidValues, NotPossibleNow
from engine.expression import Kind
from engine.people.actor import Actor
from engine.records.labels import department_labels, people_labels
from engine.records.links import label_records
from engine.records.listing import ListPlan, ListQuery, readable_keys
from engine.records.queries import require_read
from engine.records.record import Labels
from engine.records.rights import Rights, get_entity
from engine.records.values import said
from engine.storage.store import Session

MOST_ADDED = 100_000
"""Records that are added up while somebody waits."""

MOST_LATER = 2_000_000
"""Records that are added up once the page is there."""

KEPT_SECONDS = 5.0
"""How long what was added up later answers the same question of the same person."""

MOST_GROUPS = 100
MONTH, WEEK, DAY = "month", "week", "day"
"""What dates and moments are taken for: grouped by ``due`` for months, by ``due.week`` and ``due.day`` for those."""

_CREATED = "created_at"
_DATED = (Kind.DATE, Kind.DATETIME)
_MOST_KEPT = 1_000
_Rows = list[tuple[Any, ...]]
_PEOPLE = ("owner", "team", "created_by")
_SYSTEM: Mapping[str, str | None] = {"stage": None, "owner": USER, "team": DEPARTMENT, "created_by": USER}


@dataclass(frozen=True)
class Figure:
    """One group: the value its records have, how many, and the sums by field.

    A month is ``2026-03``, a week the day of its Monday, by the clocks of the site.
    """

    value: Any
    count: int
    sums: Mapping[str, Any]


@dataclass(frozen=True)
class Figures:
    """The largest groups first, months, weeks and days from the latest; ``more`` when there are further ones."""

    groups: list[Figure]
    labels: Labels
    more: bool = False


def groupable_keys(entity: Entity, rights: Rights) -> list[str]:
    """Return what a list can be grouped by: fields of few values, links, people, dates and moments by their spans."""
    allowed = set(readable_keys(entity, rights))
    keys = ["stage"] if entity.workflow is not None else []
    keys += [key for key, field in entity.fields.items() if _groups(field)]
    found: list[str] = []
    for key in [*keys, *_PEOPLE, _CREATED]:
        found += [key, f"{key}.{WEEK}", f"{key}.{DAY}"] if _is_dated(entity, key) else [key]
    return [key for key in found if key.partition(".")[0] in allowed]


def split_group(entity: Entity, group: str) -> tuple[str, str | None]:
    """Return the field a list is grouped by, and the span a date or moment is taken for, None for what is neither."""
    key, _, span = group.partition(".")
    return key, (span or MONTH) if _is_dated(entity, key) else None


def summable_keys(entity: Entity, rights: Rights) -> list[str]:
    """Return what can be added up: amounts and numbers."""
    allowed = set(readable_keys(entity, rights))
    return [key for key, field in entity.fields.items() if key in allowed and _adds_up(field)]


def figure_records(
    session: Session,
    entity: str,
    query: ListQuery,
    *,
    group: str | None,
    sums: tuple[str, ...],
    actor: Actor,
    later: bool = False,
) -> Figures:
    """Return what a list comes to, as one group without ``group``.

    ``later``: nobody waits for the page any more, so up to ``MOST_LATER`` records are added up, and what they come to
    is kept for ``KEPT_SECONDS``.

    Raises ``InvalidValues`` for an unknown field, ``NotPossibleNow`` when there are too many records to add up at once.
    """
    compiled = get_entity(session.app, entity)
    rights = require_read(session, compiled, actor)
    wrong = [(key, "record.no_sum") for key in sums if key not in summable_keys(compiled, rights)]
    if group is not None and group not in groupable_keys(compiled, rights):
        wrong.append((group, "record.bad_filter"))
    if wrong:
        seen = readable_keys(compiled, rights)
        codes = ((said(key), code if key in seen else "record.bad_filter") for key, code in wrong)
        raise InvalidValues([FieldError(key, code, {"field": key}) for key, code in codes])
    plan = ListPlan(session, compiled, rights, query, actor=actor)
    key, span = (None, None) if group is None else split_group(compiled, group)
    most = MOST_LATER if later else MOST_ADDED
    add_up = partial(plan.figures, session, key, sums, most=most + 1, span=span)
    rows = _kept.find((session.tables.metadata, plan.asks(group, sums), actor.id), add_up) if later else add_up()
    if sum(row[1] for row in rows) > most:
        raise NotPossibleNow("record.too_many_to_add", max=most)
    found = [Figure(row[0], row[1], dict(zip(sums, row[2:], strict=True))) for row in rows[:MOST_GROUPS]]
    labels = _name(session, compiled, key, [one.value for one in found], actor) if key is not None else {}
    return Figures(found, labels, len(rows) > MOST_GROUPS)


class _Kept:
    """What was added up lately; whoever asks the same meanwhile waits for the answer instead of adding up as well."""

    def __init__(self) -> None:
        self._rows: dict[Hashable, tuple[float, _Rows]] = {}
        self._turns = [threading.Lock() for _ in range(64)]

    def find(self, key: Hashable, add_up: Callable[[], _Rows]) -> _Rows:
        """Return what was added up for ``key``, or add it up."""
        with self._turns[hash(key) % len(self._turns)]:
            until, rows = self._rows.get(key, (0.0, []))
            if until < time.monotonic():
                rows = add_up()
                if len(self._rows) > _MOST_KEPT:
                    self._rows = {}
                self._rows[key] = time.monotonic() + KEPT_SECONDS, rows
        return rows


_kept = _Kept()


def _groups(field: Field) -> bool:
    kind, declared = field.type.kind, field.type
    return not declared.many and (
        kind in (Kind.CHOICE, Kind.BOOLEAN, Kind.LINK, Kind.USER, Kind.DEPARTMENT, *_DATED) and field.stored
    )


def _is_dated(entity: Entity, key: str) -> bool:
    field = entity.fields.get(key)
    return key == _CREATED if field is None else field.type.kind in _DATED


def _adds_up(field: Field) -> bool:
    return field.stored and field.adds_up and field.type.right_aligned and field.type.kind in (Kind.MONEY, Kind.NUMBER)


def _name(session: Session, entity: Entity, group: str, values: list[Any], actor: Actor) -> Labels:
    """Return what the records and people that groups stand for are called."""
    field = entity.fields.get(group)
    target = field.target if field is not None else _SYSTEM.get(group)
    ids = {value for value in values if isinstance(value, int)}
    if target is None or not ids:
        return {}
    if target == USER:
        return people_labels(session, ids)
    if target == DEPARTMENT:
        return department_labels(session, ids)
    return label_records(session, target, ids, actor=actor)
