"""What no release shows any more and the database still keeps: the values a definition left behind.

Enters: a session. Leaves: leftovers, each with the number of values it holds and why it cannot go yet, if so. Must not
drop anything: ``purging.py`` does.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from sqlalchemy import Table, func, select, table
from sqlalchemy import column as sql_column

from engine.compiler.app import CompiledApp, Entity, Field, Label
from engine.definition.source import SourceFolder
from engine.errors import DefinitionError
from engine.storage.changes import TableOf, tables_of
from engine.storage.compiled import load_stored
from engine.storage.filling import count, labels_of
from engine.storage.narrowing import holds_option
from engine.storage.physical import read_schema
from engine.storage.releases import find_current_id, get_sources, list_digests
from engine.storage.store import Session
from engine.storage.system_tables import files
from engine.storage.tables import table_name

Kind = Literal["entity", "lines", "field", "parked", "files", "option", "stage"]

_PARKED = re.compile(r"(.+)__old\d+")


@dataclass(frozen=True)
class Leftover:
    """Values kept under an ``address`` of keys with dots; ``values`` counts them, files and rows alike.

    ``known_to`` is the newest release that shows it, ``written`` says that the current one does, as retired.
    ``table`` and ``column`` are where it stands in the database, ``key`` is the field, line table, option or stage.
    """

    kind: Kind
    address: str
    labels: tuple[Label, ...]
    values: int
    entity: str
    key: str = ""
    line: str | None = None
    table: str | None = None
    column: str | None = None
    known_to: int | None = None
    written: bool = False


def find_leftovers(session: Session) -> list[Leftover]:
    """Return everything that is kept and not shown, what can go first, then what is still written as retired."""
    finder = _Finder(session)
    gone = [*finder.tables(), *finder.columns(), *finder.files(), *finder.options()]
    return sorted(gone, key=lambda one: one.address) + list(finder.retired())


class _Finder:
    def __init__(self, session: Session) -> None:
        self.session, self.connection, self.app = session, session.connection, session.app
        self.places = list(tables_of(session.app, session.tables))

    @cached_property
    def wanted(self) -> Mapping[str, Table]:
        return {place.table.name: place.table for place in self.places}

    @cached_property
    def there(self) -> Mapping[str, Mapping[str, str]]:
        return read_schema(self.connection).tables

    @cached_property
    def earlier(self) -> "list[tuple[int, CompiledApp]]":
        """The earlier releases, newest first, each definition once."""
        current, found = find_current_id(self.connection), {}
        for id_, digest in list_digests(self.connection).items():
            if id_ != current:
                found[digest] = id_
        return [(id_, app) for id_ in sorted(found.values(), reverse=True) if (app := self._load(id_)) is not None]

    def _load(self, release_id: int) -> CompiledApp | None:
        try:
            return load_stored(SourceFolder(get_sources(self.connection, release_id)))
        except DefinitionError:  # written for an older program: nobody can go back to it either
            return None

    def known(self, part: Callable[[CompiledApp], Any]) -> tuple[int | None, Any]:
        """Return the newest release that has a part, and that part."""
        found = ((id_, part(app)) for id_, app in self.earlier)
        return next(((id_, one) for id_, one in found if one is not None), (None, None))

    # ---- tables

    def tables(self) -> Iterator[Leftover]:
        for name in self.there:
            if name in self.wanted:
                continue
            release, place = self.known(lambda app, name=name: _place_named(app, name))  # type: ignore[misc]
            rows = count(self.connection, _bare(name))
            if place is None:
                key = name.removeprefix(table_name(""))
                yield Leftover("entity", key, (_label(key),), rows, key, table=name)
                continue
            entity, line = place
            if line is None:
                yield Leftover("entity", entity.key, (entity.label,), rows, entity.key, table=name, known_to=release)
            elif entity.key in self.app.entities:  # lines of an entity that is gone go with it
                labels, address = (entity.label, line.label), f"{entity.key}.{line.key}"
                yield Leftover("lines", address, labels, rows, entity.key, line.key, line.key, name, known_to=release)

    # ---- columns

    def columns(self) -> Iterator[Leftover]:
        for place in self.places:
            for name in self.there.get(place.table.name, {}):
                if name not in place.table.c:
                    yield self._column(place, name)

    def _column(self, place: TableOf, name: str) -> Leftover:
        parked = _PARKED.fullmatch(name)
        key = parked[1] if parked else name
        release, item = self.known(lambda app: _field_of(app, place, key))
        above = (place.entity.label, *([] if place.line is None else [place.line.label]))
        labels = (*above, _label(name) if item is None else item.label)
        line = None if place.line is None else place.line.key
        address = ".".join(part for part in (place.entity.key, line, name) if part)
        rows = count(self.connection, _bare(place.table.name), sql_column(name).is_not(None))
        kind: Kind = "parked" if parked else "field"
        known_to = None if parked else release
        return Leftover(kind, address, labels, rows, place.entity.key, key, line, place.table.name, name, known_to)

    # ---- files

    def files(self) -> Iterator[Leftover]:
        shown = {(entity.key, item.key) for entity in self.app.entities.values() for item in entity.file_fields}
        query = select(files.c.entity, files.c.field, func.count()).where(files.c.field.is_not(None))
        for entity, key, number in self.connection.execute(query.group_by(files.c.entity, files.c.field)):
            if (entity, key) in shown or entity not in self.app.entities:
                continue
            release, item = self.known(lambda app, at=(entity, key): _file_field(app, *at))  # type: ignore[misc]
            labels = (self.app.entities[entity].label, _label(key) if item is None else item.label)
            yield Leftover("files", f"{entity}.{key}", labels, number, entity, key, known_to=release)

    # ---- options

    def options(self) -> Iterator[Leftover]:
        for place in self.places:
            for item in place.fields.values():
                if not item.options or item.retired:
                    continue
                for key, rows in self._held(place, item).items():
                    if key not in item.options:
                        known_to, before = self.known(lambda app, at=(place, item): _field_of(app, at[0], at[1].key))  # type: ignore[misc]
                        label = _label(key) if before is None else before.options.get(key, _label(key))
                        yield _option(place, item, key, label, rows, known_to)

    def _held(self, place: TableOf, item: Field) -> Mapping[str, int]:
        """Return how many rows hold each option."""
        column = place.table.c[item.key]
        held: Counter[str] = Counter()
        query = select(column, func.count()).where(column.is_not(None)).group_by(column)
        for value, rows in self.connection.execute(query):
            for key in value if isinstance(value, list) else [value]:
                held[key] += rows
        return held

    # ---- retired, and still written

    def retired(self) -> Iterator[Leftover]:
        current = self.session.release_id
        for entity in self.app.entities.values():
            if entity.retired:
                rows = count(self.connection, self.session.tables.entity[entity.key])
                yield Leftover("entity", entity.key, (entity.label,), rows, entity.key, known_to=current, written=True)
            yield from self._retired_lines(entity)
            yield from self._retired_stages(entity)
        for place in self.places:
            for item in place.fields.values():
                yield from self._retired_values(place, item)

    def _retired_lines(self, entity: Entity) -> Iterator[Leftover]:
        for item in entity.fields.values():
            if not item.retired or item.stored:
                continue
            if item.type.has_rows:
                kind: Kind = "lines"
                rows = count(self.connection, self.session.tables.lines[entity.key, item.key])
            else:
                kind, mine = "files", (files.c.entity == entity.key, files.c.field == item.key)
                rows = count(self.connection, files, *mine)
            labels, address = (entity.label, item.label), f"{entity.key}.{item.key}"
            yield Leftover(
                kind, address, labels, rows, entity.key, item.key, known_to=self.session.release_id, written=True
            )

    def _retired_stages(self, entity: Entity) -> Iterator[Leftover]:
        stages = () if entity.workflow is None else entity.workflow.stages.values()
        row = self.session.tables.entity[entity.key]
        for stage in stages:
            if stage.retired:
                address, labels = f"{entity.key}.{stage.key}", (entity.label, stage.label)
                rows = count(self.connection, row, row.c.stage == stage.key)
                yield Leftover(
                    "stage", address, labels, rows, entity.key, stage.key, known_to=self.session.release_id,
                    written=True,
                )  # fmt: skip

    def _retired_values(self, place: TableOf, item: Field) -> Iterator[Leftover]:
        current, column = self.session.release_id, place.table.c[item.key]
        if item.retired:
            line = None if place.line is None else place.line.key
            address = ".".join(part for part in (place.entity.key, line, item.key) if part)
            rows = count(self.connection, place.table, column.is_not(None))
            yield Leftover(
                "field", address, labels_of(place, item), rows, place.entity.key, item.key, line, known_to=current,
                written=True,
            )  # fmt: skip
        for key in sorted(item.retired_options):
            held = holds_option(column, key) if item.type.column == "json" else column == key
            rows = count(self.connection, place.table, held)
            yield _option(place, item, key, item.options[key], rows, current, written=True)


def _option(
    place: TableOf, item: Field, key: str, label: Label, rows: int, known_to: int | None, *, written: bool = False
) -> Leftover:
    line = None if place.line is None else place.line.key
    address = ".".join(part for part in (place.entity.key, line, item.key, key) if part)
    labels = (*labels_of(place, item), label)
    return Leftover(
        "option", address, labels, rows, place.entity.key, key, line, place.table.name, item.key, known_to, written
    )


def _place_named(app: CompiledApp, name: str) -> tuple[Entity, Field | None] | None:
    for entity in app.entities.values():
        if table_name(entity.key) == name:
            return entity, None
        for line in entity.line_fields:
            if table_name(entity.key, line.key) == name:
                return entity, line
    return None


def _field_of(app: CompiledApp, place: TableOf, key: str) -> Field | None:
    entity = app.entities.get(place.entity.key)
    if entity is None:
        return None
    if place.line is None:
        return entity.fields.get(key)
    line = entity.fields.get(place.line.key)
    return None if line is None else line.fields.get(key)


def _file_field(app: CompiledApp, entity: str, key: str) -> Field | None:
    found = app.entities.get(entity)
    return next((item for item in found.file_fields if item.key == key), None) if found else None


def _bare(name: str) -> Any:
    """Return a table of which only the name is known."""
    return table(name, sql_column("id"))


def _label(key: str) -> Label:
    return {"zh": key, "en": key}
