"""What is left of the fields somebody sees in part only, and the records in which they see them whole.

Enters: an entity, the rights of a reader, records with the rows they were read from. Leaves: records marked with what
is hidden and what stands in its place. Must not show more than ``rights`` allows: a masked field is a hidden one in
whatever does not ask here.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, FromClause, true

from engine.compiler.app import Entity
from engine.records.record import Record
from engine.records.rights import NONE, Rights, scope_condition
from engine.storage.tables import Tables


class Masking:
    """The masked fields of an entity for one reader; the engine itself (None) sees everything."""

    def __init__(self, entity: Entity, rights: Rights | None) -> None:
        self._entity, self._rights = entity, rights or NONE
        self._scopes = sorted({whole for _, whole in self._rights.masked if whole}, key=sorted)
        self.keys = frozenset(key for key, _ in self._rights.masked)

    def columns(self, tables: Tables, table: FromClause) -> list[ColumnElement[Any]]:
        """Return what a select needs behind the values: whether each row is one to be seen whole."""
        conditions = [scope_condition(tables, self._entity, table, scopes) for scopes in self._scopes]
        return [one.label(f"whole{at}") for at, one in enumerate(conditions)]

    def mark(self, record: Record, row: Sequence[Any]) -> Record:
        """Mark a record with what its reader sees of it; ``row`` ends with its columns of ``columns``."""
        record.hidden = self._rights.hidden
        if self.keys:
            whole = row[len(row) - len(self._scopes) :]
            clear = {scopes for scopes, is_whole in zip(self._scopes, whole, strict=True) if is_whole}
            partly = [key for key, scopes in self._rights.masked if scopes not in clear]
            record.masked = {key: self._mask(key, record.values.get(key)) for key in partly}
            record.hidden = (record.hidden - self.keys) | record.masked.keys()
        return record

    def _mask(self, key: str, value: Any) -> str:
        return "" if value is None or value in ("", []) else self._entity.fields[key].type.mask(value)


def whole_condition(tables: Tables, entity: Entity, table: FromClause, rights: Rights, key: str) -> ColumnElement[bool]:
    """Return the condition that a row is one whose masked field ``key`` the reader sees whole."""
    whole = dict(rights.masked).get(key)
    return true() if whole is None else scope_condition(tables, entity, table, whole)
