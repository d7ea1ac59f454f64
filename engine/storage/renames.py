"""Under which name the database holds what an app calls by a key.

Enters: an app that is about to be published and the tables there are. Leaves: the same app, with ``was`` set to the
name its values stand under today. Must not guess: only names that some release tied together by ``was:`` are followed.

It matters after a return to an earlier release. That one knows nothing of the renames since, so they are turned round;
and a folder that says ``was:`` may find that the name it starts from was given back meanwhile.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from sqlalchemy import Connection

from engine.compiler.app import CompiledApp, Entity, Field
from engine.definition.kinds import find_kind
from engine.definition.source import parse_yaml
from engine.storage.physical import read_schema
from engine.storage.releases import list_sources
from engine.storage.tables import table_name

Key = tuple[str, ...]
Tie = tuple[Key, str, str]
"""(what it stands in, former key, later key) as one release wrote it."""


def follow(connection: Connection, old: CompiledApp | None, new: CompiledApp, *, back: bool) -> CompiledApp:
    """Return ``new`` with every ``was`` leading to where the values are.

    With ``back`` also keys that were written without ``was`` are followed: the app is an earlier release.
    """
    if old is None:
        return new
    follower = _Follower(connection, old, back)
    return replace(new, entities={key: follower.entity(entity) for key, entity in new.entities.items()})


@dataclass
class _Follower:
    connection: Connection
    old: CompiledApp
    back: bool

    @cached_property
    def tables(self) -> Mapping[str, Any]:
        """The names of the columns by table."""
        return read_schema(self.connection).tables

    @cached_property
    def ties(self) -> frozenset[Tie]:
        """What all releases said about former keys; read when first needed."""
        texts = {text for files in list_sources(self.connection) for text in _telling(files)}
        return frozenset(tie for text in texts for tie in _read_ties(text))

    def entity(self, entity: Entity) -> Entity:
        """Return an entity with its former keys, and those of its fields."""
        there = self._there((entity.key,), entity, lambda key: table_name(key) in self.tables)
        was = self._choose(entity, there, self.old.entities)
        today = entity.key if table_name(entity.key) in self.tables else was
        if today is None:
            return entity
        columns = self.tables.get(table_name(today), {})
        before = self.old.entities.get(today)
        fields = {
            key: self._field(field, (entity.key, key), today, columns, before.fields if before else {})
            for key, field in entity.fields.items()
        }
        return replace(entity, was=was, fields=fields)

    def _field(
        self, field: Field, path: Key, entity: str, columns: Collection[str], before: Mapping[str, Field]
    ) -> Field:
        if field.type.key == "lines":
            return self._lines(field, path, entity, before)
        names = columns if field.stored else before
        there = self._there(path, field, lambda key: key in names)
        return replace(field, was=self._choose(field, there, before))

    def _lines(self, field: Field, path: Key, entity: str, before: Mapping[str, Field]) -> Field:
        there = self._there(path, field, lambda key: table_name(entity, key) in self.tables)
        was = self._choose(field, there, before)
        today = field.key if table_name(entity, field.key) in self.tables else was
        if today is None:
            return field
        columns = self.tables.get(table_name(entity, today), {})
        known = before[today].fields if today in before else {}
        inside = {
            key: self._field(column, (*path, key), entity, columns, known) for key, column in field.fields.items()
        }
        return replace(field, was=was, fields=inside)

    def _there(self, path: Key, thing: Entity | Field, is_there: Callable[[str], bool]) -> set[str]:
        """Return under which of its names a thing stands in the database; the history is asked only when it must be."""
        found = {key for key in (thing.key, thing.was) if key is not None and is_there(key)}
        if found or (thing.was is None and not self.back):
            return found
        return {alias[-1] for alias in _find_aliases(path, self.ties) if is_there(alias[-1])}

    def _choose(self, thing: Entity | Field, there: set[str], before: Iterable[str]) -> str | None:
        """Return the former key: as written while that holds, else the one name the values can only stand under."""
        if thing.key in there or thing.was in there:
            return thing.was
        found = there & set(before) or there
        return found.pop() if len(found) == 1 else thing.was


def _find_aliases(path: Key, ties: Iterable[Tie]) -> set[Key]:
    """Return every path that some release tied to ``path``, itself included."""
    if not path:
        return {()}
    parents = _find_aliases(path[:-1], ties)
    pairs = [{was, key} for parent, was, key in ties if parent in parents]
    names = {path[-1]}
    while grown := set().union(*(pair for pair in pairs if pair & names)) - names:
        names |= grown
    return {(*parent, name) for parent in parents for name in names}


_WAS = re.compile(r"\bwas\s*:")


def _telling(files: Mapping[str, str]) -> Iterator[str]:
    """Yield the texts of entities that speak of a former key."""
    yield from (text for path, text in files.items() if find_kind(path) == "entity" and _WAS.search(text))


def _read_ties(text: str) -> Iterator[Tie]:
    """Read former keys without checking the rest, which an older program may have written otherwise."""
    data = parse_yaml(text, "").data
    if data.get("was"):
        yield (), data["was"], data["entity"]
    yield from _read_field_ties(data, (data["entity"],))


def _read_field_ties(holder: Mapping[str, Any], path: Key) -> Iterator[Tie]:
    for key, field in (holder.get("fields") or {}).items():
        if field.get("was"):
            yield path, field["was"], key
        yield from _read_field_ties(field, (*path, key))
