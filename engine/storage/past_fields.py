"""What a field was in earlier releases, under whatever name it had there.

Enters: a connection, a field of the app that is about to be published. Leaves: the compiled field of a release, or None
where that release did not have it. Must not read a value. Releases are compiled only when somebody asks.
"""

from collections.abc import Iterator
from functools import cached_property

from sqlalchemy import Connection

from engine.compiler.app import CompiledApp, Field
from engine.definition.source import SourceFolder
from engine.errors import DefinitionError, NotFound
from engine.storage.changes import TableOf, find_old_field
from engine.storage.compiled import load_stored
from engine.storage.releases import get_sources, list_digests
from engine.storage.renames import Key, Tie, find_aliases, read_ties


class PastFields:
    """The fields of earlier releases."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._apps: dict[int, CompiledApp | None] = {}
        self._found: dict[tuple[int | None, str, str], Field | None] = {}

    def find_former(self, old: CompiledApp | None, place: TableOf, item: Field) -> Field | None:
        """Return of which field the values are that stand in the column of ``item``; ``old`` is the app that holds."""
        before = find_old_field(old, place, item)
        return before if before is not None and before.stored else self.find_before(None, place, item)

    def find_before(self, release_id: int | None, place: TableOf, item: Field) -> Field | None:
        """Return what a stored field was in the newest release before this one that had it; None means before now.

        Its column held, or holds, values of that field.
        """
        key = (release_id, place.table.name, item.key)
        if key not in self._found:
            earlier = (id_ for id_ in self._newest_first if release_id is None or id_ < release_id)
            apps = (app for id_ in earlier if (app := self._load(id_)) is not None)
            found = (next(self._named(app, place, item), None) for app in apps)
            self._found[key] = next((one for one in found if one is not None), None)
        return self._found[key]

    @cached_property
    def _ties(self) -> frozenset[Tie]:
        return read_ties(self._connection)

    @cached_property
    def _newest_first(self) -> list[int]:
        return sorted(list_digests(self._connection), reverse=True)

    def _load(self, release_id: int) -> CompiledApp | None:
        if release_id not in self._apps:
            try:
                self._apps[release_id] = load_stored(SourceFolder(get_sources(self._connection, release_id)))
            except (DefinitionError, NotFound):  # written for an older program
                self._apps[release_id] = None
        return self._apps[release_id]

    def _named(self, app: CompiledApp, place: TableOf, item: Field) -> Iterator[Field]:
        for path in self._paths(place, item):
            entity = app.entities.get(path[0])
            fields = {} if entity is None else entity.fields
            if len(path) == 3:
                fields = fields[path[1]].fields if path[1] in fields else {}
            found = fields.get(path[-1])
            if found is not None and found.stored:
                yield found

    def _paths(self, place: TableOf, item: Field) -> Iterator[Key]:
        """Yield the names of a field: today's, those it is told to have had, those any release tied to them."""
        line = () if place.line is None else (place.line,)
        today = (place.entity.key, *(one.key for one in line), item.key)
        yield today
        yield (place.entity.was or today[0], *(one.was or one.key for one in line), item.was or item.key)
        yield from sorted(find_aliases(today, self._ties))
