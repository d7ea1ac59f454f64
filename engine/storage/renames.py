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
from typing import Any, Protocol, TypeVar

from sqlalchemy import Connection

from engine.compiler.app import Approval, CompiledApp, Entity, Field, Move, Role, Stage, StageTimer, Step, Workflow
from engine.definition.kinds import find_kind
from engine.definition.source import parse_yaml
from engine.storage.physical import read_schema
from engine.storage.releases import list_sources
from engine.storage.tables import table_name

Key = tuple[str, ...]
Tie = tuple[Key, str, str]
"""(what it stands in, former key, later key) as one release wrote it."""


ROLES, APPROVALS, STAGES, MOVES, TIMERS, OPTIONS = "role:", "approval:", "stage:", "move:", "timer:", "option:"
"""Where ties of parts stand that are no columns; no key of a field holds a colon."""


class Named(Protocol):
    """A part with a key and a former one."""

    @property
    def key(self) -> str:
        """The key it has."""
        ...

    @property
    def was(self) -> str | None:
        """The key it had."""
        ...


P = TypeVar("P", Role, Stage, Move, Step, StageTimer)


def follow(connection: Connection, old: CompiledApp | None, new: CompiledApp, *, back: bool) -> CompiledApp:
    """Return ``new`` with every ``was`` leading to where the values are.

    With ``back`` also keys that were written without ``was`` are followed: the app is an earlier release.
    """
    if old is None:
        return new
    follower = _Follower(connection, old, back)
    return replace(
        new,
        roles=follower.parts((ROLES,), new.roles, old.roles),
        entities={key: follower.entity(entity) for key, entity in new.entities.items()},
        approvals={key: follower.approval(approval) for key, approval in new.approvals.items()},
    )


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
        return read_ties(self.connection)

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
        workflow = self._workflow(entity, before)
        return replace(entity, was=was, fields=fields, workflow=workflow)

    def approval(self, approval: Approval) -> Approval:
        """Return an approval with the former keys of its steps."""
        before = self.old.approvals.get(approval.key)
        steps = self.parts((APPROVALS, approval.key), approval.steps, {} if before is None else before.steps)
        return replace(approval, steps=steps)

    def parts(self, path: Key, parts: Mapping[str, P], before: Mapping[str, Any]) -> dict[str, P]:
        """Return parts that are no tables and columns with their former keys."""
        return {key: self._part((*path, key), part, before) for key, part in parts.items()}

    def _part(self, path: Key, part: P, before: Mapping[str, Any]) -> P:
        there = self._there(path, part, lambda key: key in before)
        return replace(part, was=self._choose(part, there, before))

    def _workflow(self, entity: Entity, before: Entity | None) -> Workflow | None:
        if entity.workflow is None or before is None or before.workflow is None:
            return entity.workflow
        stages = self.parts((entity.key, STAGES), entity.workflow.stages, before.workflow.stages)
        moves = self.parts((entity.key, MOVES), entity.workflow.moves, before.workflow.moves)
        timers = self.parts((entity.key, TIMERS), entity.workflow.timers, before.workflow.timers)
        return replace(entity.workflow, stages=stages, moves=moves, timers=timers)

    def _field(
        self, field: Field, path: Key, entity: str, columns: Collection[str], before: Mapping[str, Field]
    ) -> Field:
        if field.type.has_rows:
            return self._lines(field, path, entity, before)
        names = columns if field.stored else before
        there = self._there(path, field, lambda key: key in names)
        was = self._choose(field, there, before)
        known = before.get(field.key) or before.get(was or "")
        return replace(field, was=was, became=self._became(path, field, known))

    def _became(self, path: Key, field: Field, before: Field | None) -> Mapping[str, str]:
        """Return what options became; on the way back, what an option was before it was renamed."""
        if not self.back or before is None or not field.options:
            return field.became
        gone = before.options.keys() - field.options.keys() - field.became.keys()
        found = {key: find_aliases((*path, OPTIONS, key), self.ties) for key in gone}
        one = {key: {alias[-1] for alias in aliases} & field.options.keys() for key, aliases in found.items()}
        return {**field.became, **{key: names.pop() for key, names in one.items() if len(names) == 1}}

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

    def _there(self, path: Key, thing: Named, is_there: Callable[[str], bool]) -> set[str]:
        """Return under which of its names a thing stands in the database; the history is asked only when it must be."""
        found = {key for key in (thing.key, thing.was) if key is not None and is_there(key)}
        if found or (thing.was is None and not self.back):
            return found
        return {alias[-1] for alias in find_aliases(path, self.ties) if is_there(alias[-1])}

    def _choose(self, thing: Named, there: set[str], before: Iterable[str]) -> str | None:
        """Return the former key: as written while that holds, else the one name the values can only stand under."""
        if thing.key in there or thing.was in there:
            return thing.was
        found = there & set(before) or there
        return found.pop() if len(found) == 1 else thing.was


def read_ties(connection: Connection) -> frozenset[Tie]:
    """Return what all releases said about former keys."""
    texts = {text for files in list_sources(connection) for text in _telling(files)}
    return frozenset(tie for text in texts for tie in _read_ties(text))


def find_aliases(path: Key, ties: Iterable[Tie]) -> set[Key]:
    """Return every path that some release tied to ``path``, itself included."""
    if not path:
        return {()}
    parents = find_aliases(path[:-1], ties)
    pairs = [{was, key} for parent, was, key in ties if parent in parents]
    names = {path[-1]}
    while grown := set().union(*(pair for pair in pairs if pair & names)) - names:
        names |= grown
    return {(*parent, name) for parent in parents for name in names}


_WAS = re.compile(r"\b(was|became)\s*:")
_KINDS = ("app", "entity", "workflow", "approval", "pattern", "automations")


def _telling(files: Mapping[str, str]) -> Iterator[str]:
    """Yield the texts that speak of a former key."""
    yield from (text for path, text in files.items() if find_kind(path) in _KINDS and _WAS.search(text))


def _read_ties(text: str) -> Iterator[Tie]:
    """Read former keys without checking the rest, which an older program may have written otherwise."""
    data = parse_yaml(text, "").data
    if "entity" in data and "workflow" not in data:
        if data.get("was"):
            yield (), data["was"], data["entity"]
        yield from _read_field_ties(data, (data["entity"],))
    elif "workflow" in data:
        entity = data.get("entity", data["workflow"])
        for kind in ("stages", "outcomes"):
            yield from _read_part_ties(data.get(kind), (entity, STAGES))
        for kind in ("moves", "outcomes"):
            yield from _read_part_ties(data.get(kind), (entity, MOVES))
        yield from _read_part_ties(data.get("timers"), (entity, TIMERS))
    elif "approval" in data:
        yield from _read_step_ties(data.get("steps"), (APPROVALS, data["approval"]))
    elif "app" in data:
        yield from _read_part_ties(data.get("roles"), (ROLES,))


def _read_field_ties(holder: Mapping[str, Any], path: Key) -> Iterator[Tie]:
    for key, field in (holder.get("fields") or {}).items():
        if field.get("was"):
            yield path, field["was"], key
        for old, new in (field.get("became") or {}).items():
            yield (*path, key, OPTIONS), old, new
        yield from _read_field_ties(field, (*path, key))


def _read_part_ties(parts: Mapping[str, Any] | None, path: Key) -> Iterator[Tie]:
    yield from ((path, part["was"], key) for key, part in (parts or {}).items() if part.get("was"))


def _read_step_ties(steps: Mapping[str, Any] | None, path: Key) -> Iterator[Tie]:
    """Steps in branches are called by their key alone, as those of the approval itself."""
    yield from _read_part_ties(steps, path)
    for step in (steps or {}).values():
        for branch in (step.get("parallel") or {}).values():
            yield from _read_step_ties(branch.get("steps"), path)
