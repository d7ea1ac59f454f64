"""The records there are, seen under a draft that is not published: its rules over today's values.

Enters: a reading session and the compiled draft. Leaves: a session under the draft, its ``Env``, and whole records by
the draft's keys. Must not write, nor alter a table: a column the draft adds is empty, one it renames keeps its values.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from engine.compiler.app import CompiledApp, Entity
from engine.expression import Env
from engine.people.actor import Actor
from engine.records.evaluation import Lookups, make_env
from engine.storage.changes import find_old_entity
from engine.storage.store import Session
from engine.workflow.requirements import read_whole


@dataclass(frozen=True)
class Seen:
    """What is there: ``session`` is under the draft, ``today`` under the release that holds."""

    session: Session
    today: Session
    is_draft: bool

    def env(self, session: Session, actor: Actor | None) -> Env:
        """Return what the draft's expressions may know; what links lead to is read as it lies there today."""
        env = make_env(session, actor)
        return replace(env, lookup=_Lookups(self)) if self.is_draft else env

    def make_env(self, actor: Actor | None) -> Env:
        """Return the same for the session under the draft."""
        return self.env(self.session, actor)

    def read_whole(self, entity: Entity, id: int) -> dict[str, Any]:
        """Return all values of a record by the draft's keys; empty when it is gone, or its entity is new."""
        before = find_old_entity(self.today.app, entity)
        if before is None:
            return {}
        values = read_whole(self.today, before, id, make_env(self.today, None))
        return carried(before, entity, values) if values else {}


def see(session: Session, app: CompiledApp | None = None) -> Seen:
    """Return what is there under ``app``, or under the release that holds."""
    return Seen(session if app is None else session.under(app), session, app is not None)


def carried(before: Entity, entity: Entity, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values by the keys of a newer definition: renamed fields and stages follow, new fields are empty."""
    found = {key: value for key, value in values.items() if key not in before.fields}
    for key, field in entity.fields.items():
        source = key if key in before.fields else field.was
        found[key] = values.get(source) if source is not None else None
    if entity.workflow is not None and found.get("stage") is not None:
        found["stage"] = carried_stage(entity, found["stage"])
    return found


def carried_stage(entity: Entity, stage: str) -> str:
    """Return what a stage is called in a newer definition; a stage that is gone keeps its name."""
    workflow = entity.workflow
    if workflow is None or stage in workflow.stages:
        return stage
    renamed = (key for key, one in workflow.stages.items() if one.was == stage)
    return next(renamed, workflow.became.get(stage, stage))


class _Lookups(Lookups):
    """Linked records by the draft's keys."""

    def __init__(self, seen: Seen) -> None:
        super().__init__(seen.session)
        self._seen = seen
        self._today = Lookups(seen.today)

    def load(self, entity: str, ids: Iterable[int]) -> None:
        """Read several records of one entity at once."""
        compiled = self._seen.session.app.entities[entity]
        before = find_old_entity(self._seen.today.app, compiled)
        wanted = [id_ for id_ in ids if (entity, id_) not in self._rows]
        if before is not None:
            self._today.load(before.key, wanted)
        for id_ in wanted:
            row = None if before is None else self._today.linked(before.key, id_)
            self._rows[entity, id_] = None if row is None or before is None else carried(before, compiled, row)

    def _read_lines(self, entity: str, name: str, id_: int) -> list[dict[str, Any]]:
        compiled = self._seen.session.app.entities[entity]
        before = find_old_entity(self._seen.today.app, compiled)
        source = compiled.fields[name].was or name
        if before is None or source not in before.fields:
            return []
        was = {key: column.was or key for key, column in compiled.fields[name].fields.items()}
        return [{key: row.get(old) for key, old in was.items()} for row in self._today.lines(before.key, source, id_)]

    def _read_linking(self, entity_key: str, via: str, id_: int) -> list[dict[str, Any]]:
        compiled = self._seen.session.app.entities[entity_key]
        before = find_old_entity(self._seen.today.app, compiled)
        link = compiled.fields[via]
        source = via if before is not None and via in before.fields else link.was
        if before is None or source is None:
            return []
        rows: Sequence[dict[str, Any]] = self._today._read_linking(before.key, source, id_)
        return [carried(before, compiled, row) for row in rows]
