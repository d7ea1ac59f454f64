"""Bringing in records from a spreadsheet, with the same rules as the form.

Enters: a ``Sheet`` whose first row names the fields, by label or key. Leaves: the records that are right, and for every
other row what is wrong in it. Must not have rules of its own: each row passes ``prepare_new`` and ``insert_records``.

Rows are written in small transactions, so that others never wait long; a row that is refused holds no other back.
"""

import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import select

from engine.compiler.app import Entity, Field
from engine.compiler.readers import is_empty
from engine.errors import FieldError, InvalidValues, NotAllowed
from engine.expression import Env
from engine.messages import text
from engine.people.actor import Actor
from engine.records.bulk import insert_records
from engine.records.commands import prepare_new
from engine.records.evaluation import make_env
from engine.records.naming import Names
from engine.records.rights import Rights, find_rights, get_entity
from engine.records.sheets import Sheet
from engine.records.sql import is_one_of
from engine.storage.store import Session, Store

CHUNK = 200
_Seen = defaultdict[str, set[Any]]
_NO_COLUMN = frozenset({"lines", "file"})


@dataclass(frozen=True)
class Refused:
    """A row that was not brought in: its number in the sheet, and the mistakes; ``label`` says which column."""

    row: int
    errors: tuple[tuple[Any, FieldError], ...]

    def text(self, language: str) -> str:
        """Return the mistakes in one line: ``客户名称：请填写…；…``."""
        return text("sheet.between", language).join(
            text("sheet.cell", language, label=label, why=error.text(language)) if label else error.text(language)
            for label, error in self.errors
        )


@dataclass
class ImportResult:
    """What an import did."""

    total: int
    created: int = 0
    refused: list[Refused] = field(default_factory=list)


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
    seen: _Seen = defaultdict(set)
    for start in range(0, len(sheet.rows), CHUNK):
        chunk = sheet.rows[start : start + CHUNK]
        try:
            _import_chunk(store, entity, columns, chunk, actor, result, seen)
        except InvalidValues:  # two of them met in the database: find out which, one by one
            for row in chunk:
                _import_alone(store, entity, columns, row, actor, result, seen)
        progress(min(start + CHUNK, result.total), result.total)
    return result


@dataclass(frozen=True)
class _Column:
    at: int
    key: str
    field: Field | None  # None for the owner


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
    return unicodedata.normalize("NFKC", header).strip().rstrip("*").strip().lower()


def _import_chunk(
    store: Store,
    entity: str,
    columns: Sequence[_Column],
    chunk: Sequence[tuple[int, list[Any]]],
    actor: Actor,
    result: ImportResult,
    seen: _Seen,
) -> None:
    refused: list[Refused] = []
    fresh: _Seen = defaultdict(set)
    good: list[dict[str, Any]] = []
    with store.write() as session:
        batch = _Batch(session, entity, columns, actor)
        batch.prepare(chunk)
        for number, cells in chunk:
            try:
                good.append(batch.judge(cells, seen, fresh))
            except InvalidValues as invalid:
                refused.append(batch.refused(number, invalid.errors))
        insert_records(session, batch.entity, good, actor=actor, env=batch.env, action="import")
    result.created += len(good)
    result.refused += refused
    for key, values in fresh.items():
        seen[key] |= values


def _import_alone(
    store: Store,
    entity: str,
    columns: Sequence[_Column],
    row: tuple[int, list[Any]],
    actor: Actor,
    result: ImportResult,
    seen: _Seen,
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
        self._names = Names(session, actor, self.env)
        self._taken: dict[str, set[Any]] = {}
        self._unique = [key for key, one in self.entity.fields.items() if one.unique]

    def prepare(self, chunk: Iterable[tuple[int, list[Any]]]) -> None:
        """Look up, at once, everything the cells name."""
        rows = [cells for _, cells in chunk]
        for column in self.columns:
            if not self._is_looked_up(column):
                continue
            cells = {
                _cell_text(row[column.at]) for row in rows if column.at < len(row) and not is_empty(row[column.at])
            }
            texts = {text for text in cells if text.isprintable()}  # no record is called by what cannot be stored
            if column.field is None or column.field.type.column == "user":
                self._names.look_up_people(column.key, texts)
            elif column.field.to is not None:
                self._names.look_up_records(column.key, column.field.to, texts)
            else:
                self._find_taken(column.field, texts)

    def _is_looked_up(self, column: _Column) -> bool:
        field = column.field
        return field is None or field.type.column in ("user", "link") or column.key in self._unique

    def judge(self, cells: Sequence[Any], seen: _Seen, fresh: _Seen) -> dict[str, Any]:
        """Return the complete values of a row, none of which was seen before; raises ``InvalidValues``."""
        raw, errors = self._raw(cells)
        try:
            values = prepare_new(self.session, self.entity, raw, actor=self.actor, rights=self.rights, env=self.env)
        except InvalidValues as invalid:
            named = {error.path for error in errors}
            raise InvalidValues([*errors, *(one for one in invalid.errors if one.path not in named)]) from None
        for key in self._unique:
            known = (self._taken.get(key, ()), seen[key], fresh[key])
            if values.get(key) is not None and any(values[key] in one for one in known):
                errors.append(FieldError(key, "value.not_unique", {"label": self.entity.fields[key].label}))
        if errors:
            raise InvalidValues(errors)
        for key in self._unique:
            fresh[key].add(values.get(key))
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
                found = self._names.find(column.key, _cell_text(cell), of=column.field.to if column.field else None)
                if isinstance(found, FieldError):
                    errors.append(found)
                    continue
                cell = found
            raw[column.key] = cell
        return raw, errors

    def _find_taken(self, field: Field, texts: set[str]) -> None:
        table = self.session.tables.entity[self.entity.key]
        one = table.c[field.key]
        if field.type.column != "text":
            return

        def build() -> Any:
            return select(one).where(is_one_of(one, "names", numbers=False), table.c.deleted_at.is_(None))

        statement = self.session.prepared(("import taken", self.entity.key, field.key), build)
        variants = texts | {text.upper() for text in texts}
        rows = statement.fetch_all(self.session.connection, {"names": list(variants)})
        self._taken[field.key] = {row[0] for row in rows}


def _cell_text(cell: Any) -> str:
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return " ".join(str(cell).split())
