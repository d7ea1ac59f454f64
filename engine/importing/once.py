"""What may stand in a file only once, found however far apart two rows are and without keeping them in memory.

Enters: the values of a row. Leaves: marks, and which row had one first. Must not ask about records: the database does.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, select

from engine.compiler.app import Entity
from engine.compiler.app.parts import Label
from engine.errors import FieldError
from engine.expression import Env
from engine.records.match_keys import is_unique, match_key
from engine.records.sql import insert_into, is_one_of
from engine.storage.import_tables import import_values
from engine.storage.store import Session


@dataclass(frozen=True)
class Mark:
    """A value no two rows may share: ``of`` what (an index, a rule), and the field to say it beside."""

    of: str
    value: str
    field: str
    label: Label | None


class Once:
    """The marks of a few rows, and those of the rows before them."""

    def __init__(self, session: Session, import_id: int) -> None:
        self._session, self._import = session, import_id
        self._here: dict[tuple[str, str], int] = {}
        self._asked: set[tuple[str, str]] = set()

    def check(self, row: int, marks: Sequence[Mark], said: Collection[str]) -> list[FieldError]:
        """Return an error for each mark that an earlier row has; nothing is said twice beside one field."""
        errors = []
        for mark in marks:
            first = self._here.get((mark.of, mark.value)) or self._find(mark)
            if first is not None and first != row and mark.field not in said:
                label = mark.label or {"zh": "编号", "en": "Number"}
                errors.append(FieldError(mark.field, "import.repeated", {"label": label, "row": first}))
        return errors

    def claim(self, row: int, marks: Sequence[Mark]) -> None:
        """Remember that a row has these marks."""
        self._here |= {(mark.of, mark.value): row for mark in marks}

    def keep(self, rows: Collection[int]) -> None:
        """Write down the marks of the rows that were good, for those that come later."""
        kept = [
            {"import_id": self._import, "of": of, "value": value, "row": row}
            for (of, value), row in self._here.items()
            if row in rows
        ]
        self._keep_statement().execute_many(self._session.connection, kept)

    def _keep_statement(self) -> Any:
        def build() -> Any:
            names = ("import_id", "of", "value", "row")
            row = {name: bindparam(name, type_=import_values.c[name].type) for name in names}
            c = import_values.c
            told = insert_into(import_values, self._session.connection.dialect).values(row)
            return told.on_conflict_do_nothing(index_elements=[c.import_id, c.of, c.value])

        return self._session.prepared("keep import value", build)

    def look_up(self, of: str, values: Collection[str]) -> None:
        """Find the earlier rows that have any of these values, all at once."""
        c = import_values.c

        def build() -> Any:
            own = (c.import_id == bindparam("import_id"), c.of == bindparam("of"))
            return select(c.value, c.row).where(*own, is_one_of(c.value, "values", numbers=False))

        given = {"import_id": self._import, "of": of, "values": list(values)}
        rows = self._session.prepared("import values", build).fetch_all(self._session.connection, given)
        self._here |= {(of, value): row for value, row in rows}
        self._asked |= {(of, value) for value in values}

    def _find(self, mark: Mark) -> int | None:
        if (mark.of, mark.value) in self._asked:
            return None
        c = import_values.c

        def build() -> Any:
            own = (c.import_id == bindparam("import_id"), c.of == bindparam("of"), c.value == bindparam("value"))
            return select(c.row).where(*own)

        given = {"import_id": self._import, "of": mark.of, "value": mark.value}
        row = self._session.prepared("import value", build).fetch_one(self._session.connection, given)
        return None if row is None else int(row[0])


def marks_of(entity: Entity, values: Mapping[str, Any], env: Env) -> tuple[Mark, ...]:
    """Return what no other row may share with one: unique fields, unique sets of fields, rules that block."""
    found = []
    for one in entity.stored_fields:
        if one.unique and values.get(one.key) is not None:
            found.append(Mark(one.key, str(values[one.key]), one.key, one.label))
    for unique in entity.unique:
        given = [values.get(key) for key in unique.fields]
        applies = not unique.period and (unique.where is None or unique.where.run(values, env) is True)
        if applies and all(value is not None for value in given):
            label = entity.fields[unique.fields[0]].label if unique.fields[0] in entity.fields else None
            found.append(Mark(f"unique {unique.key}", "\x1f".join(map(str, given)), unique.fields[0], label))
    for rule in entity.duplicates:
        key = match_key(entity, rule, values) if is_unique(rule) else None
        if key is not None:
            label = entity.fields[rule.fields[0]].label
            found.append(Mark(f"rule {rule.key}", key.exact, rule.fields[0], label))
    return tuple(found)
