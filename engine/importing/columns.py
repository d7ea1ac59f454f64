"""The columns of a file: which field each one is, and how its cells are read.

Enters: headers, a few cells of each, what earlier files said. Leaves: ``Column`` values, proposed, then confirmed by a
person. Must not offer a field somebody may not write, nor give one field to two columns.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from engine.compiler.app import USER, Entity, Field
from engine.compiler.cells import Reading, read_cell
from engine.compiler.readers import Wrong, is_empty
from engine.errors import FieldError, InvalidValues
from engine.importing.forms import propose_reading
from engine.importing.names import OWNER, fillable, fold, name_columns, other_keys, unit_of, without_unit
from engine.importing.sheets import letters
from engine.records.rights import Rights

SAMPLES = 5
"""Cells kept of each column to show what is in it."""

_ANY_TEXT = "甲乙 any text 7"


@dataclass(frozen=True)
class Column:
    """One column. ``at`` counts from 0; ``key`` is a field, ``owner``, ``number``, ``not_duplicate`` or None for none.

    ``how`` says why it was proposed: ``name``, ``remembered``, ``content``, or empty when a person chose. ``forms``
    counts how its cells are written.
    """

    at: int
    header: str
    key: str | None = None
    how: str = ""
    reading: Reading = Reading()
    samples: tuple[Any, ...] = ()
    forms: Mapping[str, int] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return the column as it is kept."""
        return {**asdict(self), "samples": list(self.samples)}

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> "Column":
        """Return the column as it was kept."""
        return cls(**{**kept, "reading": Reading(**kept["reading"]), "samples": tuple(kept["samples"])})

    @property
    def of_lines(self) -> str | None:
        """The line table whose column it is, None for what the record says itself."""
        return self.key.partition(".")[0] if self.key is not None and "." in self.key else None

    def field_of(self, entity: Entity) -> Field | None:
        """Return the field it fills in, or the column of a line table; None for what is neither."""
        if self.key is None:
            return None
        key, _, cell = self.key.partition(".")
        field = entity.fields.get(key)
        return field.fields.get(cell) if field is not None and cell else field

    def target(self, entity: Entity) -> str | None:
        """Return what the names in it lead to, None for plain values."""
        if self.key == OWNER:
            return USER
        one = self.field_of(entity)
        return None if one is None else one.target


def propose_columns(
    entity: Entity, rights: Rights, columns: Sequence[Column], remembered: Mapping[str, Mapping[str, Any]]
) -> list[Column]:
    """Return the columns with the fields they probably are.

    A name counts first, then what the same header was in an earlier file (``remembered`` by folded header), then
    content that only one field takes.
    """
    names, open_fields = name_columns(entity, rights), fillable(entity, rights)
    known = {*open_fields, *other_keys(entity)}
    taken: set[str] = set()
    found = []
    for column in columns:
        key, how = names.get(fold(column.header)) or names.get(fold(without_unit(column.header))), "name"
        earlier = remembered.get(fold(column.header))
        if key is None and earlier is not None:
            key, how = earlier["key"], "remembered"
        if key not in known or key in taken:
            key, how = None, ""
        if key is not None:
            taken.add(key)
        found.append(replace(column, key=key, how=how))
    found = [column if column.key else _by_content(column, open_fields, taken) for column in found]
    return [_with_reading(entity, column, remembered.get(fold(column.header))) for column in found]


def choose_columns(
    entity: Entity, rights: Rights, columns: Sequence[Column], chosen: Mapping[int, tuple[str | None, Reading]]
) -> list[Column]:
    """Return the columns as a person chose them; raises ``InvalidValues`` for a field that is none, or chosen twice."""
    known = {*fillable(entity, rights), *other_keys(entity)}
    errors, taken, found = [], set(), []
    for column in columns:
        key, reading = chosen.get(column.at, (None, Reading()))
        if key is not None and key not in known:
            errors.append(FieldError(f"column.{column.at}", "sheet.unknown_column", {"name": column.header}))
        elif key is not None and key in taken:
            errors.append(FieldError(f"column.{column.at}", "sheet.repeated_column", {"name": column.header}))
        taken.add(key)
        how = column.how if key == column.key else ""
        found.append(replace(column, key=key, how=how, reading=reading))
    if not any(column.key for column in found):
        errors.append(FieldError("", "import.no_columns"))
    if errors:
        raise InvalidValues(errors)
    return found


def require_known(entity: Entity, rights: Rights, columns: Sequence[Column]) -> None:
    """Raise ``InvalidValues`` when a column that has a name is no field, or a field has two columns."""
    names = name_columns(entity, rights)
    errors, taken = [], set()
    for column in columns:
        key = column.key or names.get(fold(column.header))
        if not column.header and key is None:
            errors.append(FieldError("", "sheet.unnamed_column", {"column": letters(column.at)}))
            continue
        if key is None:
            errors.append(FieldError(column.header[:60], "sheet.unknown_column", {"name": column.header[:60]}))
        elif key in taken:
            errors.append(FieldError(column.header[:60], "sheet.repeated_column", {"name": column.header[:60]}))
        taken.add(key)
    if errors:
        raise InvalidValues(errors)


def _by_content(column: Column, open_fields: Mapping[str, Field], taken: set[str]) -> Column:
    """Give a column to the one free field that refuses ordinary text but takes every cell seen of it."""
    seen = [cell for cell in column.samples if not is_empty(cell)]
    if len(seen) < 3:
        return column
    free = [one for key, one in open_fields.items() if key not in taken and _is_telling(one)]
    fitting = [one.key for one in free if all(_takes(one, cell) for cell in seen)]
    if len(fitting) != 1:
        return column
    taken.add(fitting[0])
    return replace(column, key=fitting[0], how="content")


def _is_telling(one: Field) -> bool:
    return one.type.column == "text" and not _takes(one, _ANY_TEXT) and not _takes(one, "1")


def _takes(one: Field, cell: Any) -> bool:
    try:
        one.type.parse(read_cell(cell, one, Reading()), one)
    except Wrong:
        return False
    return True


def _with_reading(entity: Entity, column: Column, earlier: Mapping[str, Any] | None) -> Column:
    one = column.field_of(entity)
    if one is None:
        return column
    same = earlier is not None and earlier["key"] == column.key
    remembered = Reading(**earlier["reading"]) if earlier is not None and same else None
    return replace(column, reading=propose_reading(one, unit_of(column.header), column.forms, remembered))
