"""Values of one field as values of another, what leads to something with a name among them.

Enters: values with the fields they are of, the field they are wanted in. Leaves: values of that field; None for what it
cannot read. Must not guess between two of the same name. Names are asked for many values at once.
"""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select

from engine.compiler.app import DEPARTMENT, USER, CompiledApp, Field
from engine.compiler.converting import Manner, convert, read, without_limits, write
from engine.compiler.readers import Wrong
from engine.storage.back import Callings
from engine.storage.changes import means_something_else, reads_anew
from engine.storage.filling import Filling
from engine.storage.system_tables import departments, users

_BETWEEN = re.compile(r"[,;、，；]")


@dataclass(frozen=True)
class Value:
    """A typed value and the field it is of."""

    value: Any
    field: Field


@dataclass(frozen=True)
class Translated:
    """What a value became: ``exact`` when it is the same one, ``whole`` unless decimal places were rounded away."""

    value: Any
    exact: bool = False
    whole: bool = True


_NOTHING = Translated(None)


class Translator:
    """Reads values of other fields as values of ``item``, a field of the app that is about to be published."""

    def __init__(self, filling: Filling, item: Field) -> None:
        self._filling, self._item = filling, item
        self._reader = item if item.convert and filling.back is None else without_limits(item)
        self._manner = Manner(filling.new.language, ZoneInfo(filling.new.timezone))
        self.made = 0

    def translate(self, values: Sequence[Value]) -> list[Translated]:
        """Return what each of these values is in the field."""
        present = {at: one for at, one in enumerate(values) if one.value is not None}
        named = {at: one for at, one in present.items() if self._is_named(one)}
        called = self._names([one for one in named.values() if one.field.type.points])
        texts = {at: self._texts(one, called) for at, one in named.items()}
        found = self._find({text for names in texts.values() for text in names or ()}) if self._item.type.points else {}
        found = {**found, **self._make({text for names in texts.values() for text in names or ()} - found.keys())}
        there = self._there([one for at, one in present.items() if at not in named])
        done = {at: self._by_name(names, found) for at, names in texts.items()}
        done |= {at: self._by_value(one, there) for at, one in present.items() if at not in named}
        return [done.get(at, Translated(None, exact=True)) for at in range(len(values))]

    # ---- values of their own

    def _by_value(self, one: Value, there: set[int]) -> Translated:
        if one.field.type.points:
            return self._same_target(one, there)
        anew = self._filling.back is None and reads_anew(one.field, self._item)
        if not anew and is_same(one, self._item, self._filling.new):
            return Translated(one.value, exact=True)
        try:
            converted = convert(one.value, one.field, self._reader, self._manner)
        except Wrong:
            return _NOTHING
        return Translated(converted.value, whole=converted.whole)

    # ---- what leads to something with a name

    def _is_named(self, one: Value) -> bool:
        """Tell whether a value goes by a name, because one of the fields holds ids that mean nothing in the other."""
        if not (one.field.type.points or self._item.type.points):
            return False
        return self._target(one.field) is None or self._target(one.field) != self._item.target

    def _same_target(self, one: Value, there: set[int]) -> Translated:
        """Take ids over that lead to the same: of those that are there, and as many as the field holds."""
        ids = [id_ for id_ in _listed(one.value) if id_ in there]
        return self._held(ids, of=len(_listed(one.value)), exact=one.field.type.many == self._item.type.many)

    def _by_name(self, texts: Sequence[str] | None, found: Mapping[str, int]) -> Translated:
        if not texts:
            return _NOTHING
        if self._item.type.points:
            return self._held([found[text] for text in texts if text in found], of=len(texts))
        try:
            return Translated(read(", ".join(texts), self._reader, self._manner).value)
        except Wrong:
            return _NOTHING

    def _held(self, ids: list[int], *, of: int, exact: bool = False) -> Translated:
        if len(ids) < of or not ids:
            return _NOTHING
        if self._item.type.many:
            return Translated(list(dict.fromkeys(ids)), exact)
        return Translated(ids[0], exact) if len(ids) == 1 else _NOTHING

    def _texts(self, one: Value, called: Mapping[tuple[str, int], str]) -> list[str] | None:
        """Return the names a value says; None where one of them is not known."""
        if one.field.type.points:
            target = self._target(one.field) or ""
            names = [called.get((target, id_)) for id_ in _listed(one.value)]
            return [name for name in names if name] if all(names) else None
        if one.field.options and isinstance(one.value, list):  # each by itself: its name may hold a comma
            return [write([key], one.field, self._manner).strip() for key in one.value]
        said = write(one.value, one.field, self._manner)
        parts = _BETWEEN.split(said) if self._item.type.many else [said]
        return [part.strip() for part in parts if part.strip()]

    def _there(self, values: Sequence[Value]) -> set[int]:
        """Return the ids of those that are still there."""
        ids = {id_ for one in values if one.field.type.points for id_ in _listed(one.value)}
        if not ids:
            return set()
        tables = {USER: users, DEPARTMENT: departments, **self._filling.tables.entity}
        table = tables[self._item.target or ""]
        return set(self._filling.connection.scalars(select(table.c.id).where(table.c.id.in_(ids))))

    def _names(self, values: Sequence[Value]) -> dict[tuple[str, int], str]:
        wanted: defaultdict[str, set[int]] = defaultdict(set)
        for one in values:
            target = self._target(one.field)
            if target is not None:
                wanted[target] |= set(_listed(one.value))
        return {
            (target, id_): name
            for target, ids in wanted.items()
            for id_, name in self._callings_of(target).names(target, ids).items()
        }

    def _find(self, names: set[str]) -> Mapping[str, int]:
        target = self._item.target or ""
        return self._callings_of(target).find(target, names) if names else {}

    def _make(self, names: set[str]) -> Mapping[str, int]:
        """Make what the field is to lead to and nothing is called, where the definition says so."""
        otherwise = self._item.otherwise
        if otherwise is None or otherwise.names is None or self._filling.back is not None or not names:
            return {}
        made = self._callings_of(self._item.target or "").make(self._item.target or "", otherwise.names, names)
        self.made += len(made)
        self._filling.touched.add(self._filling.tables.entity[self._item.target or ""].name)
        return made

    def _target(self, field: Field) -> str | None:
        """Return what a field of some release leads to, under the key it has now; None when it is not known."""
        target, new, old = field.target, self._filling.new, self._filling.old
        if target in (None, USER, DEPARTMENT) or target in new.entities:
            return target
        today = next((entity.key for entity in new.entities.values() if entity.was == target), None)
        return today or (target if old is not None and target in old.entities else None)

    def _callings_of(self, target: str) -> Callings:
        old, new = self._filling.old, self._filling.new
        known = old is None or target in (USER, DEPARTMENT) or target in new.entities
        return self._under_new if known else self._under_old

    @cached_property
    def _under_new(self) -> Callings:
        return self._filling.callings(self._filling.new)

    @cached_property
    def _under_old(self) -> Callings:
        assert self._filling.old is not None  # noqa: S101 - only asked then
        return self._filling.callings(self._filling.old)


def is_same(one: Value, item: Field, app: CompiledApp) -> bool:
    """Tell whether a value stands in ``item``, a field of ``app``, as it is and means the same there."""
    if means_something_else(one.field, item, app):
        return False
    places = one.field.scale, item.scale
    return None in places or not isinstance(one.value, Decimal) or places[0] <= places[1]  # type: ignore[operator]


def _listed(value: Any) -> list[int]:
    return value if isinstance(value, list) else [value]
