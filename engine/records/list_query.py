"""What may be asked of a list: its query, and the fields somebody may see, sort and filter by.

Enters: an entity and rights. Leaves: plain values. Must not read records: ``listing.py`` does.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Table

from engine.compiler.app import SYSTEM_FIELDS, Entity
from engine.expression import Kind
from engine.records.filters import Conditions
from engine.records.rights import ALL, Rights


@dataclass(frozen=True)
class ListQuery:
    """What a list shows: the records that meet all of ``filters``.

    ``sort`` None is the entity's own, ``after`` the cursor of the page before, ``text`` a search. ``then`` decides
    between records that are alike by ``sort``, and whether the largest comes first; a list with it has one page.
    """

    filters: Conditions = ()
    sort: str | None = None
    descending: bool = False
    after: str | None = None
    limit: int = 50
    text: str = ""
    columns: tuple[str, ...] = ()  # empty: every field
    then: tuple[str, bool] | None = None


@dataclass(frozen=True)
class LinkCondition:
    """What the records offered for a link must meet; ``key`` names the link, ``given`` what its record says."""

    key: tuple[str, str]
    build: Callable[[Table], ColumnElement[bool]]
    given: Mapping[str, Any]


def readable_keys(entity: Entity, rights: Rights) -> list[str]:
    """Return the stored fields and system fields the actor may see, sort and filter by."""
    fields = [item.key for item in entity.stored_fields if item.key not in rights.hidden and not item.retired]
    return [*fields, *_system_keys(rights)]


def shown_keys(entity: Entity, rights: Rights) -> list[str]:
    """Return what a list can show: what the actor may see, be it in part."""
    masked = {key for key, _ in rights.masked}
    fields = [item.key for item in entity.stored_fields if item.key not in rights.hidden or item.key in masked]
    return [*(key for key in fields if not entity.fields[key].retired), *_system_keys(rights)]


def dated_keys(entity: Entity, rights: Rights) -> list[str]:
    """Return the dates and moments by which the actor can look at the records in a calendar."""
    allowed, dated = set(readable_keys(entity, rights)), (Kind.DATE, Kind.DATETIME)
    return [key for key, field in entity.fields.items() if key in allowed and field.type.kind in dated]


def _system_keys(rights: Rights) -> list[str]:
    """Return the system fields: programs may be kept from some, people from none."""
    return [key for key in SYSTEM_FIELDS if key not in rights.hidden]


def scope_key(scopes: frozenset[str]) -> Any:
    """Return what tells the statements of different scopes apart."""
    return ALL if ALL in scopes else scopes
