"""What a few rows would come to: a new record, a change of one that is there, or what is wrong, cell by cell.

Enters: rows of an import, whoever brings them in. Leaves: an ``Intent`` for each. Must not have rules of its own, nor
write: new values pass ``prepare_new``, and changes are judged where they are made, by ``update_record``.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from engine import messages
from engine.compiler.app import DEPARTMENT, USER, Entity, Field
from engine.compiler.cells import cell_reader
from engine.compiler.readers import Wrong, is_empty
from engine.errors import FieldError, InvalidValues
from engine.expression import Env
from engine.importing.batches import BOTH, CREATE, Import, ImportRow
from engine.importing.columns import Column
from engine.importing.folding import more_rows
from engine.importing.names import NUMBER
from engine.importing.once import Mark, Once, marks_of
from engine.importing.sheets import is_blank, letters, said
from engine.importing.staging import cells_of
from engine.people.actor import Actor
from engine.records.commands import prepare_new
from engine.records.evaluation import make_env
from engine.records.naming import Names, find_by_text
from engine.records.rights import Rights, find_rights, get_entity
from engine.records.uniqueness import find_taken, repeated
from engine.storage.store import Session

_BETWEEN = re.compile(r"[,;、，；]")
_MOST_PARTS = 4  # a name may hold commas of its own: so many parts of a cell may be one name

Problem = dict[str, Any]
"""``at`` (the column, None when there is none), ``path`` as in ``FieldError``, the sentence by language, and for what a
line says, the ``row`` of the file."""


@dataclass(frozen=True)
class Intent:
    """What a row is about to do: ``values`` of a new record, ``raw`` for the record ``id``, or ``problems``."""

    row: int
    values: dict[str, Any] | None = None
    id: int | None = None
    version: int = 0
    raw: Mapping[str, Any] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()


class Judge:
    """A few rows that share what is looked up: linked records, people, values taken already, records to change."""

    def __init__(self, session: Session, found: Import, rows: Sequence[ImportRow], *, actor: Actor) -> None:
        self.session, self.actor, self.import_ = session, actor, found
        self.entity: Entity = get_entity(session.app, found.entity)
        self.rights: Rights = find_rights(session.app, self.entity, actor)
        self.env: Env = make_env(session, actor)
        self.columns = [column for column in found.columns if column.key is not None]
        self._listed = {column.at for column in found.columns}
        self._width = max(self._listed, default=-1) + 1
        self._gaps = len(self._listed) < self._width
        self.once = Once(session, found.id)
        self._own = [_Told.of(column, self.entity) for column in self.columns if not column.of_lines]
        self._of_lines: dict[str, list[_Told]] = {}
        for column in self.columns:
            if column.of_lines:
                self._of_lines.setdefault(column.of_lines, []).append(_Told.of(column, self.entity))
        self._at = {column.key: column.at for column in self.columns}
        self._names = Names(session, actor, self.env)
        self._taken: dict[str, set[Any]] = {}
        self._known: dict[Any, list[tuple[int, int]]] = {}
        self._cells = {row.row: cells_of(row.cells) for row in rows}
        self._more = {row.row: [(at, cells_of(cells)) for at, cells in more_rows(row.cells)] for row in rows}
        self._rows_of_lines: dict[int, dict[str, list[int]]] = {}
        self._prepare()

    def judge(self, row: ImportRow) -> Intent:
        """Return what a row would come to."""
        raw, errors = self._read(row.row)
        key = self.import_.match_by if self.import_.mode != CREATE else None
        if key is None:
            return self._new(row, raw, errors)
        said_key = raw.pop(key, None) if key == NUMBER else raw.get(key)
        there = self._known.get(_typed(self.entity.fields.get(key), said_key), [])
        if len(there) == 1:
            return self._changed(row, raw, errors, there[0], key, said_key)
        if self.import_.mode == BOTH and (key != NUMBER or said_key is None):
            return self._new(row, raw, errors)
        code = "import.match_missing" if said_key is None else "import.no_match"
        return Intent(
            row.row, problems=self.say([*errors, FieldError(key, code, {"name": said(said_key)[:60]})], row.row)
        )

    def say(self, errors: Iterable[Any], row: int | None = None) -> tuple[Problem, ...]:
        """Return errors beside their columns, in every language: they are shown long after the rules were asked.

        What is wrong in a line stands in the row of the file that said it, which may be below ``row``.
        """
        found, lines = [], self._rows_of_lines.get(row or 0, {})
        for error in errors:
            path = getattr(error, "path", "")
            key, *rest = path.split(".")
            at = self._at.get(f"{key}.{rest[1]}" if len(rest) == 2 else key)
            problem: Problem = {"at": at, "path": path} | {one: error.text(one) for one in messages.LANGUAGES}
            if rest and rest[0].isdecimal() and int(rest[0]) < len(lines.get(key, ())):
                problem["row"] = lines[key][int(rest[0])]
            found.append(problem)
        return tuple(found)

    # ---- what a row is

    def _new(self, row: ImportRow, raw: Mapping[str, Any], errors: list[FieldError]) -> Intent:
        raw = {key: value for key, value in raw.items() if key != NUMBER}
        try:
            values = prepare_new(self.session, self.entity, raw, actor=self.actor, rights=self.rights, env=self.env)
        except InvalidValues as invalid:
            named = {error.path for error in errors}
            errors += [one for one in invalid.errors if one.path not in named]
            return Intent(row.row, problems=self.say(errors, row.row))
        marks = marks_of(self.entity, values, self.env)
        errors += self.once.check(row.row, marks, {error.path for error in errors})
        said_of = {error.path for error in errors}
        for key, taken in self._taken.items():
            if values.get(key) is not None and values[key] in taken and key not in said_of:
                errors.append(repeated(self.session, self.entity, key, values, actor=self.actor))
        if errors:
            return Intent(row.row, problems=self.say(errors, row.row))
        self.once.claim(row.row, marks)
        return Intent(row.row, values=values)

    def _changed(
        self,
        row: ImportRow,
        raw: Mapping[str, Any],
        errors: list[FieldError],
        there: tuple[int, int],
        key: str,
        name: Any,
    ) -> Intent:
        id_, version = there
        marks = (Mark("", str(id_), key, self.entity.fields[key].label if key in self.entity.fields else None),)
        errors += self.once.check(row.row, marks, set())
        if errors:
            return Intent(row.row, problems=self.say(errors, row.row))
        self.once.claim(row.row, marks)
        seen = row.version if row.record_id == id_ and row.version is not None else version
        return Intent(row.row, id=id_, version=seen, raw={one: raw[one] for one in raw if one != key})

    # ---- what its cells say

    def _read(self, row: int) -> tuple[dict[str, Any], list[FieldError]]:
        raw: dict[str, Any] = {}
        errors: list[FieldError] = []
        cells, more = self._cells[row], self._more[row]
        for told in self._own:
            cell = cells[told.at] if told.at < len(cells) else None
            if cell is None or is_blank(cell):
                continue
            value = self._value(told, cell, told.key, errors)
            if value is not None:
                raw[told.key] = value
        if self._of_lines:
            raw |= self._read_lines(row, errors)
        for at, others in more:
            errors += [
                FieldError(told.key, "import.differs", {"row": at, "first": row})
                for told in self._own
                if not is_blank(_at(others, told)) and said(_at(others, told)) != said(_at(cells, told))
            ]
        for at, each in [(row, cells), *more]:
            if len(each) > self._width or self._gaps:
                errors += self._extra_cells(at, each)
        return raw, errors

    def _extra_cells(self, row: int, cells: Sequence[Any]) -> Iterator[FieldError]:
        """Yield an error for each cell that stands below no header."""
        for at, cell in enumerate(cells):
            if at not in self._listed and not is_blank(cell):
                params = {"name": said(cell)[:60], "column": letters(at)}
                yield FieldError(f"[{letters(at)}]", "sheet.extra_cell", params)

    def _read_lines(self, row: int, errors: list[FieldError]) -> dict[str, list[dict[str, Any]]]:
        """Return the lines that a row and those folded into it say; a row that says nothing of a table has none."""
        found: dict[str, list[dict[str, Any]]] = {}
        numbers: dict[str, list[int]] = {}
        for number, cells in [(row, self._cells[row]), *self._more[row]]:
            for lines, columns in self._of_lines.items():
                told = [one for one in columns if not is_blank(_at(cells, one))]
                if not told:
                    continue
                line: dict[str, Any] = {}
                at = len(found.setdefault(lines, []))
                for one in told:
                    name = one.key.partition(".")[2]
                    value = self._value(one, _at(cells, one), f"{lines}.{at}.{name}", errors)
                    if value is not None:
                        line[name] = value
                found[lines].append(line)
                numbers.setdefault(lines, []).append(number)
        self._rows_of_lines[row] = numbers
        return found

    def _value(self, told: "_Told", cell: Any, path: str, errors: list[FieldError]) -> Any:
        one = told.field
        if told.target is not None:
            many = one is not None and one.type.many
            found = list(self._find(told, _names(many, said(cell))))
            wrong = [name for name in found if isinstance(name, FieldError)]
            errors += [replace(name, path=path) for name in wrong]
            if wrong:
                return None
            if one is None or not many:
                return found[0]
            cell = found
        try:
            if told.target is not None and one is not None:
                return one.type.parse(cell, one)
            return told.read(cell)
        except Wrong as wrong_cell:
            errors.append(FieldError(path, wrong_cell.code, wrong_cell.params))
            return None

    def _find(self, told: "_Told", parts: Sequence[Sequence[str]]) -> Iterator[int | FieldError]:
        """Yield who or what the parts of a cell name, one or more parts a name."""
        at = 0
        while at < len(parts):
            found = [self._names.find(told.key, name, of=told.target or "") for name in parts[at]]
            known = next((back for back, one in enumerate(found) if not isinstance(one, FieldError)), len(found) - 1)
            yield found[known]
            at += len(found) - known

    # ---- what is looked up at once

    def _prepare(self) -> None:
        for column in self.columns:
            one, target = column.field_of(self.entity), column.target(self.entity)
            if target == DEPARTMENT:
                self._names.look_up_departments(column.key or "", self._texts(column))
            elif target == USER:
                self._names.look_up_people(column.key or "", self._called(column, one))
            elif target is not None:
                self._names.look_up_records(column.key or "", target, self._called(column, one))
            elif one is not None and one.unique and one.type.is_text and not column.of_lines:
                self._find_taken(one, self._texts(column))
        if self.import_.mode != CREATE and self.import_.match_by is not None:
            self._find_known(self.import_.match_by)

    def _texts(self, column: Column) -> set[str]:
        rows = [*self._cells.values(), *(cells for more in self._more.values() for _, cells in more)]
        cells = (row[column.at] for row in rows if column.at < len(row))
        texts = {said(cell) for cell in cells if not is_blank(cell)}
        return {text for text in texts if text.isprintable()}  # no record is called by what cannot be stored

    def _called(self, column: Column, one: Field | None) -> set[str]:
        """Return the names in a column, of which a cell for several holds several."""
        many = one is not None and one.type.many
        return {name for text in self._texts(column) for part in _names(many, text) for name in part}

    def _find_taken(self, one: Field, texts: set[str]) -> None:
        variants = texts | {text.upper() for text in texts}
        self._taken[one.key] = find_taken(self.session, self.entity, one.key, variants)
        self.once.look_up(one.key, variants)

    def _find_known(self, key: str) -> None:
        """Find the records the rows are about, of those the actor may see."""
        column = next(column for column in self.columns if column.key == key)
        values = {str(value) for text in self._texts(column) if (value := _typed(self.entity.fields.get(key), text))}
        self._known = find_by_text(self.session, self.entity, key, values, rights=self.rights, actor=self.actor)
        self._taken.pop(key, None)  # whoever is found by it is changed, not repeated


def _typed(one: Field | None, value: Any) -> Any:
    """Return a value as its column holds it; the number of a record is plain text."""
    if is_empty(value):
        return None
    if one is None:
        return said(value)
    try:
        return one.type.parse(value, one)
    except Wrong:
        return None


@dataclass(frozen=True, slots=True)
class _Told:
    """What a column fills in, looked up once for all rows."""

    at: int
    key: str
    field: Field | None
    target: str | None
    read: Callable[[Any], Any]

    @classmethod
    def of(cls, column: Column, entity: Entity) -> "_Told":
        one = column.field_of(entity)
        read = said if one is None else cell_reader(one, column.reading)
        return cls(column.at, column.key or "", one, column.target(entity), read)


def _at(cells: Sequence[Any], told: _Told) -> Any:
    return cells[told.at] if told.at < len(cells) else None


def _names(many: bool, text: str) -> list[list[str]]:
    """Return for each part of a cell the names that may begin there, the longest first: a name may hold a comma."""
    if not many:
        return [[text]]
    ends = [*(one.start() for one in _BETWEEN.finditer(text)), len(text)]
    begins = [0, *(one.end() for one in _BETWEEN.finditer(text))]
    parts = [(begin, end) for begin, end in zip(begins, ends, strict=True) if text[begin:end].strip()]
    return [
        [text[begin:end].strip() for _, end in reversed(parts[at : at + _MOST_PARTS])]
        for at, (begin, _) in enumerate(parts)
    ]
