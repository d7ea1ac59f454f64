"""Bringing in records from a spreadsheet, with the same rules as the form.

Enters: a ``Sheet`` whose first row names the fields, by label or key. Leaves: the records that are right, and for every
other row what is wrong in it. Must not have rules of its own: each row passes ``prepare_new`` and ``insert_records``.

Rows are written in small transactions, so that others never wait long; a row that is refused holds no other back.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import or_, select

from engine.compiler.app import Entity, Field
from engine.compiler.readers import is_empty
from engine.errors import FieldError, InvalidValues, NotAllowed
from engine.expression import Env
from engine.messages import say
from engine.people.actor import Actor
from engine.records.bulk import insert_records
from engine.records.columns import record_columns, to_values
from engine.records.commands import prepare_new
from engine.records.evaluation import Lookups, make_env, parameters
from engine.records.record import display
from engine.records.rights import Rights, find_rights, get_entity, scope_condition
from engine.records.sheets import Sheet
from engine.records.sql import is_one_of
from engine.storage.store import Session, Store
from engine.storage.system_tables import users

CHUNK = 200
_NO_COLUMN = frozenset({"lines", "file"})


@dataclass(frozen=True)
class Refused:
    """A row that was not brought in: its number in the sheet, and the mistakes; ``label`` says which column."""

    row: int
    errors: tuple[tuple[Any, FieldError], ...]

    def text(self, language: str) -> str:
        """Return the mistakes in one line: ``客户名称：请填写…；…``."""
        return "; ".join(
            f"{say(label, language)}: {error.text(language)}" if label else error.text(language)
            for label, error in self.errors
        )


@dataclass
class ImportResult:
    """What an import did."""

    total: int
    created: int = 0
    refused: list[Refused] = field(default_factory=list)


@dataclass(frozen=True)
class _Column:
    at: int
    key: str
    field: Field | None  # None for the owner


def import_records(
    store: Store,
    entity: str,
    sheet: Sheet,
    *,
    actor: Actor,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> ImportResult:
    """Create a record for each row of ``sheet``; ``progress(done, total)`` is called after each small transaction.

    Raises ``NotFound``, ``NotAllowed``, and ``InvalidValues`` when the header names a column that is no field.
    """
    actor = replace(actor, via="import")
    result = ImportResult(total=len(sheet.rows))
    with store.read() as session:
        compiled, rights = _require_import(session, entity, actor)
        columns = _match_columns(compiled, rights, sheet.headers)
    seen: dict[str, set[Any]] = defaultdict(set)
    for start in range(0, len(sheet.rows), CHUNK):
        chunk = sheet.rows[start : start + CHUNK]
        try:
            _import_chunk(store, entity, columns, chunk, actor, result, seen)
        except InvalidValues:  # two of them met in the database: find out which, one by one
            for row in chunk:
                _import_alone(store, entity, columns, row, actor, result, seen)
        progress(min(start + CHUNK, result.total), result.total)
    return result


def _require_import(session: Session, entity: str, actor: Actor) -> tuple[Entity, Rights]:
    compiled = get_entity(session.app, entity)
    rights = find_rights(session.app, compiled, actor)
    if not (rights.bring_in and rights.create):
        raise NotAllowed("record.no_import", entity=compiled.label)
    return compiled, rights


def _match_columns(entity: Entity, rights: Rights, headers: Sequence[str]) -> list[_Column]:
    names = _names(entity, rights)
    columns, errors, taken = [], [], set()
    for at, header in enumerate(headers):
        if not header:
            continue
        found = names.get(_folded(header))
        if found is None:
            errors.append(FieldError(header[:60], "sheet.unknown_column", {"name": header[:60]}))
        elif found[0] in taken:
            errors.append(FieldError(header[:60], "sheet.repeated_column", {"name": header[:60]}))
        else:
            taken.add(found[0])
            columns.append(_Column(at, *found))
    if errors:
        raise InvalidValues(errors)
    return columns


def _names(entity: Entity, rights: Rights) -> dict[str, tuple[str, Field | None]]:
    found: dict[str, tuple[str, Field | None]] = {}
    for key, column in entity.fields.items():
        if column.type.key in _NO_COLUMN or column.readonly or column.retired or key in rights.hidden | rights.readonly:
            continue
        for name in (key, *column.label.values()):
            found.setdefault(_folded(name), (key, column))
    for name in ("owner", "负责人"):
        found.setdefault(name, ("owner", None))
    return found


def _folded(header: str) -> str:
    return header.strip().rstrip("*＊").strip().lower()


def _import_chunk(
    store: Store,
    entity: str,
    columns: Sequence[_Column],
    chunk: Sequence[tuple[int, list[Any]]],
    actor: Actor,
    result: ImportResult,
    seen: dict[str, set[Any]],
) -> None:
    refused: list[Refused] = []
    fresh: dict[str, set[Any]] = defaultdict(set, {key: set(values) for key, values in seen.items()})
    good: list[dict[str, Any]] = []
    with store.write() as session:
        batch = _Batch(session, entity, columns, actor)
        batch.prepare(chunk)
        for number, cells in chunk:
            try:
                good.append(batch.judge(cells, fresh))
            except InvalidValues as invalid:
                refused.append(batch.refused(number, invalid.errors))
        insert_records(session, batch.entity, good, actor=actor, env=batch.env, action="import")
    result.created += len(good)
    result.refused += refused
    seen.update(fresh)


def _import_alone(
    store: Store,
    entity: str,
    columns: Sequence[_Column],
    row: tuple[int, list[Any]],
    actor: Actor,
    result: ImportResult,
    seen: dict[str, set[Any]],
) -> None:
    try:
        _import_chunk(store, entity, columns, [row], actor, result, seen)
    except InvalidValues as invalid:
        with store.read() as session:
            result.refused.append(_Batch(session, entity, columns, actor).refused(row[0], invalid.errors))


class _Batch:
    """A few rows that share what is looked up: linked records, people, values taken already."""

    def __init__(self, session: Session, entity: str, columns: Sequence[_Column], actor: Actor) -> None:
        self.session, self.actor, self.columns = session, actor, columns
        self.entity = get_entity(session.app, entity)
        self.rights = find_rights(session.app, self.entity, actor)
        self.env: Env = make_env(session, actor)
        self._ids: dict[tuple[str, str], int | None] = {}
        self._taken: dict[str, set[Any]] = {}
        self._unique = [key for key, one in self.entity.fields.items() if one.unique]

    def prepare(self, chunk: Iterable[tuple[int, list[Any]]]) -> None:
        """Look up, at once, everything the cells name."""
        rows = [cells for _, cells in chunk]
        for column in self.columns:
            cells = {
                _cell_text(row[column.at]) for row in rows if column.at < len(row) and not is_empty(row[column.at])
            }
            if column.field is None or column.field.type.column == "user":
                self._find_people(column.key, cells)
            elif column.field.to is not None:
                self._find_records(column.key, column.field.to, cells)
            elif column.key in self._unique:
                self._find_taken(column, cells)

    def judge(self, cells: Sequence[Any], seen: dict[str, set[Any]]) -> dict[str, Any]:
        """Return the complete values of a row; raises ``InvalidValues``."""
        raw, errors = self._raw(cells)
        try:
            values = prepare_new(self.session, self.entity, raw, actor=self.actor, rights=self.rights, env=self.env)
        except InvalidValues as invalid:
            named = {error.path for error in errors}
            raise InvalidValues([*errors, *(one for one in invalid.errors if one.path not in named)]) from None
        for key in self._unique:
            if values.get(key) is not None and (values[key] in self._taken.get(key, ()) or values[key] in seen[key]):
                errors.append(FieldError(key, "value.not_unique", {"label": self.entity.fields[key].label}))
        if errors:
            raise InvalidValues(errors)
        for key in self._unique:
            seen[key].add(values.get(key))
        return values

    def refused(self, number: int, errors: Iterable[FieldError]) -> Refused:
        """Return a refused row with the label of each wrong cell."""
        fields = self.entity.fields
        named = [(fields[error.path].label if error.path in fields else "", error) for error in errors]
        return Refused(number, tuple(named))

    def _raw(self, cells: Sequence[Any]) -> tuple[dict[str, Any], list[FieldError]]:
        raw: dict[str, Any] = {}
        errors: list[FieldError] = []
        for column in self.columns:
            cell = cells[column.at] if column.at < len(cells) else None
            if is_empty(cell):
                continue
            if column.field is None or column.field.type.column in ("link", "user"):
                cell = self._linked(column, _cell_text(cell), errors)
            raw[column.key] = cell
        return raw, errors

    def _linked(self, column: _Column, text: str, errors: list[FieldError]) -> int | None:
        found = self._ids.get((column.key, text))
        if found is None:
            code = "sheet.person_not_found" if column.field is None else "sheet.link_not_found"
            errors.append(FieldError(column.key, code, {"name": text[:60]}))
        return found

    def _find_people(self, key: str, names: set[str]) -> None:
        chosen = or_(is_one_of(users.c.login, "names", numbers=False), is_one_of(users.c.name, "names", numbers=False))

        def build() -> Any:
            return select(users.c.id, users.c.login, users.c.name).where(chosen, users.c.disabled_at.is_(None))

        for id_, login, name in self.session.prepared("import people", build).fetch_all(
            self.session.connection, {"names": list(names)}
        ):
            self._ids[key, login] = id_
            self._ids.setdefault((key, name), id_)

    def _find_records(self, key: str, target: str, names: set[str]) -> None:
        entity = self.session.app.entities[target]
        rights = find_rights(self.session.app, entity, self.actor)
        table = self.session.tables.entity[target]
        shown = [table.c[name] for _, name in entity.display if name in entity.fields]
        first = [one for one in (table.c.number, *shown) if str(one.type) == "TEXT"]

        def build() -> Any:
            chosen = or_(*(is_one_of(one, "names", numbers=False) for one in first))
            visible = scope_condition(self.session.tables, entity, table, rights.read)
            return select(*record_columns(table, entity)).where(chosen, table.c.deleted_at.is_(None), visible)

        given = parameters(self.session, self.actor) | {"names": list(names)}
        lookups = self.env.lookup
        statement = self.session.prepared(("import links", target, rights.read), build)
        for row in statement.fetch_all(self.session.connection, given):
            values = to_values(entity, row)
            if isinstance(lookups, Lookups):
                lookups.allow(target, values)
            names_of = {values.get("number"), display(entity, values), *(values.get(one.key) for one in shown)}
            for name in names_of:
                if isinstance(name, str):
                    self._ids.setdefault((key, name), values["id"])

    def _find_taken(self, column: _Column, texts: set[str]) -> None:
        table = self.session.tables.entity[self.entity.key]
        one = table.c[column.key]
        if column.field is None or column.field.type.column != "text":
            return

        def build() -> Any:
            return select(one).where(is_one_of(one, "names", numbers=False), table.c.deleted_at.is_(None))

        statement = self.session.prepared(("import taken", self.entity.key, column.key), build)
        variants = texts | {text.upper() for text in texts}
        rows = statement.fetch_all(self.session.connection, {"names": list(variants)})
        self._taken[column.key] = {row[0] for row in rows}


def _cell_text(cell: Any) -> str:
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return " ".join(str(cell).split())
