"""What happened around a record as the rows of an export: whose journey, what it tells, and the cells of each row.

Enters: a record, kinds of happenings. Leaves: a count, pages of cells. Must not tell of linked records that whoever
asks may not take out: what leaves with a journey could leave by itself.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, get_args
from zoneinfo import ZoneInfo

from engine.compiler.app import CompiledApp, Entity
from engine.errors import FieldError, InvalidValues
from engine.exporting.sheets import Columns, plain_text
from engine.messages import say, text
from engine.people.actor import Actor
from engine.records.differences import from_json
from engine.records.evaluation import site_zone
from engine.records.history import Entry, name_links
from engine.records.journey import KINDS, Happening, Kind, count_journey, linking, list_journey
from engine.records.record import Labels
from engine.records.rights import find_rights
from engine.records.telling import born, say_entry
from engine.storage.store import Session

COLUMNS = ("at", "who", "kind", "entity", "record", "what", "changes", "said")
_PAGE = 200


@dataclass(frozen=True)
class JourneyAsked:
    """The journey of a record, of all kinds of happenings or of one."""

    record_id: int
    kind: Kind | None = None

    @property
    def kinds(self) -> Sequence[Kind]:
        """Return what is told."""
        return KINDS if self.kind is None else (self.kind,)

    def to_plain(self) -> dict[str, Any]:
        """Return it as it is kept."""
        return {"record": self.record_id, "kind": self.kind}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> "JourneyAsked":
        """Read what ``to_plain`` made; raises ``InvalidValues`` for a kind there is not."""
        kind = plain.get("kind")
        if kind is not None and kind not in get_args(Kind):
            raise InvalidValues([FieldError("kind", "value.choice", {"options": ", ".join(KINDS)})])
        return cls(int(plain["record"]), kind)


def taken_along(app: CompiledApp, entity: str, actor: Actor) -> tuple[list[str], list[str]]:
    """Return the entities whose linked records leave with a journey, and those that the actor sees but may not take."""
    seen = linking(app, entity, actor)
    taken = [key for key in seen if find_rights(app, app.entities[key], actor).export]
    return taken, [key for key in seen if key not in taken]


def count_happenings(session: Session, entity: str, asked: JourneyAsked, *, actor: Actor, most: int) -> int:
    """Return how many rows a journey has; raises ``NotFound`` like reading the record."""
    among, _ = taken_along(session.app, entity, actor)
    return count_journey(session, entity, asked.record_id, actor=actor, kinds=asked.kinds, among=among, most=most + 1)


def headers(language: str) -> list[str]:
    """Return what the columns of a journey are called."""
    return [text(f"export.journey_{key}", language) for key in COLUMNS]


class JourneyRows:
    """The rows of a journey, page by page, the newest first, as whoever asked sees it."""

    def __init__(self, session: Session, entity: Entity, asked: JourneyAsked, *, language: str, actor: Actor) -> None:
        self._session, self._entity, self._asked = session, entity, asked
        self._language, self._actor = language, actor

    @cached_property
    def _zone(self) -> ZoneInfo:
        return site_zone(self._session.app)

    def headers(self) -> list[str]:
        """Return what the columns are called."""
        return headers(self._language)

    def formats(self) -> Mapping[int, str]:
        """Return the number formats of the columns: none has one."""
        return {}

    def pages(self, most: int) -> Iterator[list[list[Any]]]:
        """Yield the cells of the rows, a page of them in memory at a time, ``most`` rows at most."""
        among, _ = taken_along(self._session.app, self._entity.key, self._actor)
        after, rows = None, 0
        while rows < most:
            found, after = list_journey(
                self._session, self._entity.key, self._asked.record_id, actor=self._actor, kinds=self._asked.kinds,
                among=among, after=after, limit=min(_PAGE, most - rows),
            )  # fmt: skip
            labels = self._labels(found)
            yield [self._cells(one, labels[one.entity]) for one in found]
            rows += len(found)
            if after is None:
                return

    def _labels(self, found: Sequence[Happening]) -> Mapping[str, Labels]:
        named = {}
        for key in {one.entity for one in found}:
            entries = [one.entry for one in found if one.entity == key and one.entry is not None]
            named[key] = name_links(self._session, self._session.app.entities[key], entries)
        return named

    def _cells(self, one: Happening, labels: Labels) -> list[Any]:
        entity, language = self._session.app.entities[one.entity], self._language
        who = one.actor or text("export.journey_system", language)
        label = say(entity.label, language)
        kind = text(f"export.journey_kind_{one.kind}", language)
        cells: list[Any] = [self._local(one.at), who, kind, label, one.name if one.kind == "linked" else None]
        if one.entry is None:
            return [*cells, text(f"export.journey_{one.kind}", language), None, one.text]
        changed = [] if born(one.entry) or one.kind == "linked" else self._changes(entity, one.entry, labels)
        what = say_entry(self._session.app, entity, one.entry, language, changed=len(changed))
        return [*cells, what, "\n".join(changed) or None, one.entry.note]

    def _changes(self, entity: Entity, entry: Entry, labels: Labels) -> list[str]:
        """Return what changed, a line for each field; what follows from what was typed says nothing more."""
        told = {key: pair for key, pair in entry.changes.items() if _is_typed(entity, key)}
        names = self._columns(entity, list(told)).headers()
        lines = []
        for name, (key, pair) in zip(names, told.items(), strict=True):
            old, new = (self._value(entity, key, value, labels) or "—" for value in pair)
            lines.append(text("export.journey_change", self._language, field=name, old=old, new=new))
        return lines

    def _value(self, entity: Entity, key: str, value: Any, labels: Labels) -> str:
        field = entity.fields.get(key)
        if value is None or value == []:
            return ""
        if field is not None and field.type.has_rows:
            return text("export.journey_rows", self._language, count=len(value))
        if field is not None and field.type.has_files:
            return ", ".join(str(one.get("name")) for one in value)
        typed = value if field is None else from_json(field, value)
        return plain_text(self._columns(entity, [key]).row_cells({key: typed}, labels)[0])

    def _columns(self, entity: Entity, keys: list[str]) -> Columns:
        return Columns(entity, keys, language=self._language, zone=self._zone)

    def _local(self, moment: datetime) -> datetime:
        return moment.astimezone(self._zone).replace(tzinfo=None)


def _is_typed(entity: Entity, key: str) -> bool:
    field = entity.fields.get(key)
    return key in ("stage", "owner") if field is None else field.computed is None or field.words
