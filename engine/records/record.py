"""A record as the engine hands it around.

Enters: nothing. Leaves: ``Record`` and ``display``. Must not read or write anything.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from engine.compiler.app import DEPARTMENT, USER, Entity

__all__ = ["DEPARTMENT", "USER", "Labels", "Record", "display", "without_hidden"]

Labels = dict[tuple[str, int], str]
"""What linked records and people are called: ``("customer", 12) -> "甬江阀门"``, ``("user", 3) -> "王强"``."""


_NO_LABELS: Mapping[tuple[str, int], str] = MappingProxyType({})


@dataclass(slots=True)
class Record:
    """One record.

    ``values`` by field key, with the system fields ``id number stage owner team created_at created_by updated_at
    updated_by``; a line table is a list of mappings (each with its ``id``), a file field a list of mappings with ``id
    name size sha256 content_type``. Fields hidden from whoever asked are not in ``values``; what is left of those that
    they see in part is in ``masked``, and those are ``hidden`` too. ``release_id`` is the
    release whose rules it was last saved by; None where nobody asked, as in a list. ``can_write`` counts shares,
    ``owns`` says that the actor may write it without one: they may give it away, share and delete it.
    """

    entity: str
    id: int
    version: int
    values: dict[str, Any]
    labels: Labels = field(default_factory=dict)
    can_write: bool = False
    owns: bool = False
    hidden: frozenset[str] = frozenset()
    release_id: int | None = None
    masked: Mapping[str, str] = field(default_factory=dict)

    def shows(self, key: str) -> bool:
        """Tell whether there is something to show of a field, be it a part."""
        if key in self.masked:
            return self.masked[key] != ""
        return key not in self.hidden and self.values.get(key) not in (None, "", [])


def without_hidden(record: Record) -> Record:
    """Return ``record`` as whoever asked may see it: without the values of ``hidden``, columns of lines included."""
    if not record.hidden:
        return record
    values = {key: value for key, value in record.values.items() if key not in record.hidden}
    for name in record.hidden:
        lines, _, column = name.partition(".")
        if column and lines in values:
            values[lines] = [{key: value for key, value in row.items() if key != column} for row in values[lines]]
    return replace(record, values=values)


def display(entity: Entity, values: Mapping[str, Any], labels: Mapping[tuple[str, int], str] = _NO_LABELS) -> str:
    """Return what a record is called, by the entity's ``display``; ``labels`` name what its links lead to."""
    said = "".join(before + _shown(entity, key, values, labels) for before, key in entity.display).strip()
    return said or str(values.get("number") or values.get("id") or "")


def _shown(entity: Entity, key: str | None, values: Mapping[str, Any], labels: Mapping[tuple[str, int], str]) -> str:
    if key is None:
        return ""
    value = values.get(key)
    if value is None:
        return ""
    field_ = entity.fields.get(key)
    if field_ is not None and field_.target is not None:
        return labels.get((field_.target, value), "")
    if field_ is not None and value in field_.options:
        return next(iter(field_.options[value].values()))
    return str(value)
