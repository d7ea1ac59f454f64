"""Records and people by what they are called, as a spreadsheet names them.

Enters: the texts of a column, all at once. Leaves: ids, or why there is none. Must not find what the actor may not see,
nor guess between two of the same name.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import or_, select

from engine.compiler.app import Entity
from engine.errors import FieldError
from engine.expression import Env
from engine.people.actor import Actor
from engine.records.aliases import numbers_now
from engine.records.calling import label_names
from engine.records.columns import record_columns, to_values
from engine.records.evaluation import Lookups, parameters
from engine.records.links import kept_for_link
from engine.records.listing import scope_key
from engine.records.record import DEPARTMENT, USER, display
from engine.records.rights import ALL, Rights, find_rights, scope_condition
from engine.records.sql import is_one_of
from engine.storage.store import Session
from engine.storage.system_tables import departments, users

_MISSING = {USER: "sheet.person_not_found", DEPARTMENT: "sheet.department_not_found"}


@dataclass
class Found:
    """Who or what was found under some names: ``exact`` by what only one can be called, ``called`` by names."""

    exact: dict[str, int] = field(default_factory=dict)
    called: defaultdict[str, set[int]] = field(default_factory=lambda: defaultdict(set))

    def ids(self, name: str) -> set[int]:
        """Return the ids of all that are called so."""
        return {self.exact[name]} if name in self.exact else self.called.get(name, set())

    def only(self, name: str) -> int | None:
        """Return the id of the only one called so, None when there is none or more than one."""
        ids = self.ids(name)
        return next(iter(ids)) if len(ids) == 1 else None


class Names:
    """What was found under the names of a few rows. ``key`` is that of the column the names stand in."""

    def __init__(self, session: Session, actor: Actor, env: Env) -> None:
        self._session, self._actor, self._env = session, actor, env
        self._found: defaultdict[str, Found] = defaultdict(Found)

    def find(self, key: str, text: str, *, of: str) -> int | FieldError:
        """Return the id of the one called ``text``; ``of`` is an entity, ``user`` or ``department``."""
        only = self._found[key].only(text)
        if only is not None:
            return only
        missing = _MISSING.get(of, "sheet.link_not_found")
        return FieldError(key, "sheet.ambiguous" if self._found[key].ids(text) else missing, {"name": text[:60]})

    def look_up_people(self, key: str, texts: Iterable[str]) -> None:
        """Look up people by login or name."""
        self._found[key] = find_people(self._session, texts)

    def look_up_departments(self, key: str, texts: Iterable[str]) -> None:
        """Look up departments by key or name."""
        self._found[key] = find_departments(self._session, texts)

    def look_up_records(self, key: str, target: str, texts: Iterable[str]) -> None:
        """Look up records of ``target`` by number, or by the texts that name them."""
        entity = self._session.app.entities[target]
        self._found[key] = find_records(self._session, entity, texts, actor=self._actor, env=self._env)


def find_people(session: Session, texts: Iterable[str]) -> Found:
    """Return people by login or name, disabled ones left out."""
    chosen = or_(is_one_of(users.c.login, "names", numbers=False), is_one_of(users.c.name, "names", numbers=False))

    def build() -> Any:
        return select(users.c.id, users.c.login, users.c.name).where(chosen, users.c.disabled_at.is_(None))

    return _found(session, "import people", build, texts)


def find_departments(session: Session, texts: Iterable[str]) -> Found:
    """Return departments by key or name."""
    c = departments.c
    chosen = or_(is_one_of(c.key, "names", numbers=False), is_one_of(c.name, "names", numbers=False))

    def build() -> Any:
        return select(c.id, c.key, c.name).where(chosen)

    return _found(session, "import departments", build, texts)


def _found(session: Session, statement: str, build: Callable[[], Any], texts: Iterable[str]) -> Found:
    found = Found()
    for id_, exact, name in session.prepared(statement, build).fetch_all(session.connection, {"names": list(texts)}):
        found.exact[exact] = id_
        found.called[name].add(id_)
    return found


def find_records(
    session: Session, entity: Entity, texts: Iterable[str], *, actor: Actor | None = None, env: Env | None = None
) -> Found:
    """Return the records ``actor`` may see, or all, by number or by the texts that name them.

    What was found is allowed to be chosen in ``env``.
    """
    scope = frozenset({ALL}) if actor is None else find_rights(session.app, entity, actor).read
    table = session.tables.entity[entity.key]
    texts_of = [name for _, name in entity.display if name and _is_text(entity, name)]

    def build() -> Any:
        named = [table.c.number, *(table.c[name] for name in texts_of)]
        chosen = or_(*(is_one_of(one, "names", numbers=False) for one in named))
        visible = scope_condition(session.tables, entity, table, scope)
        found = select(*record_columns(table, entity)).where(chosen, table.c.deleted_at.is_(None), visible)
        return kept_for_link(session, found, table)

    statement = session.prepared(("import links", entity.key, scope_key(scope), session.writes), build)
    texts = list(texts)
    merged = numbers_now(session, entity, texts)
    given = ({} if actor is None else parameters(session, actor)) | {"names": [*texts, *merged.values()]}
    rows = [to_values(entity, row) for row in statement.fetch_all(session.connection, given)]
    labels = label_names(session.app, entity, rows, Lookups(session))
    found = Found()
    for values in rows:
        if env is not None and isinstance(env.lookup, Lookups):
            env.lookup.allow(entity.key, values)
        if values["number"] is not None:
            found.exact[values["number"]] = values["id"]
        for name in {display(entity, values, labels), *(values[one] for one in texts_of)} - {None}:
            found.called[name].add(values["id"])
    found.exact |= {old: found.exact[new] for old, new in merged.items() if new in found.exact}
    return found


def find_by_text(
    session: Session, entity: Entity, key: str, texts: Collection[str], *, rights: Rights, actor: Actor
) -> dict[str, list[tuple[int, int]]]:
    """Return id and version of the records the actor may see, by what they have in a field of text or as number."""
    table = session.tables.entity[entity.key]

    def build() -> Any:
        visible = scope_condition(session.tables, entity, table, rights.read)
        named = is_one_of(table.c[key], "texts", numbers=False)
        return select(table.c[key], table.c.id, table.c.version).where(named, table.c.deleted_at.is_(None), visible)

    statement = session.prepared(("by text", entity.key, key, scope_key(rights.read)), build)
    merged = numbers_now(session, entity, texts) if key == "number" else {}
    given = parameters(session, actor) | {"texts": [*texts, *merged.values()]}
    found: dict[str, list[tuple[int, int]]] = {}
    for text, id_, version in statement.fetch_all(session.connection, given):
        found.setdefault(text, []).append((id_, version))
    return found | {old: found[new] for old, new in merged.items() if new in found}


def _is_text(entity: Entity, name: str) -> bool:
    return name in entity.fields and entity.fields[name].type.column == "text"
