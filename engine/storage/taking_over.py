"""Values that a publish takes over into another type, because the definition says ``existing: convert``.

Enters: a field over its table, where its former values stand, of which field they were. Leaves: each value as the new
type reads it (an import would read it so), and items that count them. Must not drop a value unasked: what cannot be
read blocks the plan until ``otherwise`` says what becomes of it, and the former value stays parked or in the history.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from sqlalchemy import ColumnElement, select

from engine.compiler.app import Field
from engine.storage.changes import TableOf
from engine.storage.filling import Filling, alive, field_item, owner_of
from engine.storage.plan import ItemKind, PlanItem
from engine.storage.returning import Counted, former_column
from engine.storage.rewriting import rewrite_each
from engine.storage.translating import Translated, Translator, Value


def take_over(filling: Filling, place: TableOf, item: Field, parked: str, before: Field) -> Iterator[PlanItem]:
    """Give a field what its new type reads in the former values, which are ``parked``."""
    old = former_column(parked, before)
    taking = _TakingOver(filling, place, item, old, before)
    rewrite_each(filling, place, item.key, taking.work, {item.key: (old, before)})
    yield from taking.tell()


def read_anew(filling: Filling, place: TableOf, item: Field, before: Field) -> Iterator[PlanItem]:
    """Read the values of a field anew where they stand: texts as options, or options as texts."""
    taking = _TakingOver(filling, place, item, place.table.c[item.key], before)
    rewrite_each(filling, place, item.key, taking.work, {})
    yield from taking.tell()


@dataclass
class _TakingOver:
    """The values of one field on their way; ``old`` is where they stand, ``before`` of which field they are."""

    filling: Filling
    place: TableOf
    item: Field
    old: ColumnElement[Any]
    before: Field
    read: Counted = field(default_factory=Counted)
    rounded: Counted = field(default_factory=Counted)
    unread: Counted = field(default_factory=Counted)

    @cached_property
    def translator(self) -> Translator:
        return Translator(self.filling, self.item)

    def work(self, ids: Sequence[int]) -> dict[int, Any]:
        """Return the values of the rows of some records, by the id of the row."""
        table, owner = self.place.table, owner_of(self.place)
        query = select(owner, table.c.id, alive(table), self.old).where(owner.in_(ids), self.old.is_not(None))
        rows = self.filling.connection.execute(query).all()
        translated = self.translator.translate([Value(row[3], self.before) for row in rows])
        return {row[1]: self._settle(row[0], row[2], one) for row, one in zip(rows, translated, strict=True)}

    def _settle(self, record: int, living: bool, one: Translated) -> Any:
        """Return the value one became, and count it."""
        if one.value is None:
            if living:
                self.unread.add(record)
            return None if self.item.otherwise is None else self.item.otherwise.value
        self.read.add(record)
        if not one.whole:
            self.rounded.add(record)
        return one.value

    def tell(self) -> Iterator[PlanItem]:
        """Yield what became of the values."""
        yield from self._say("data", "converted", self.read, listed=False)
        yield from self._say("data", "rounded", self.rounded)
        if made := self.translator.made:
            yield field_item(self.filling, "data", "made_named", self.place, self.item, made)
        said = self.item.otherwise
        if said is None or said.names is not None:
            yield from self._say("blocked", "blocked_unread", self.unread)
        elif said.value is None:
            yield from self._say("data", "emptied", self.unread)
        else:
            value = {"value": self.item.type.to_text(said.value)}
            yield from self._say("data", "filled_otherwise", self.unread, value)

    def _say(
        self, kind: ItemKind, code: str, of: Counted, params: Mapping[str, object] | None = None, *, listed: bool = True
    ) -> Iterator[PlanItem]:
        if of.rows:
            records = tuple(of.records) if listed else ()
            yield field_item(self.filling, kind, code, self.place, self.item, of.rows, params, records)
