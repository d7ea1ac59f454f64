"""Records and people by what they are called, as a spreadsheet names them.

Enters: the texts of a column, all at once. Leaves: ids, or why there is none. Must not find what the actor may not see,
nor guess between two of the same name.
"""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import or_, select

from engine.compiler.app import Entity
from engine.errors import FieldError
from engine.expression import Env
from engine.people.actor import Actor
from engine.records.columns import record_columns, to_values
from engine.records.evaluation import Lookups, parameters
from engine.records.listing import scope_key
from engine.records.record import display
from engine.records.rights import find_rights, scope_condition
from engine.records.sql import is_one_of
from engine.storage.store import Session
from engine.storage.system_tables import users


class Names:
    """What was found under the names of a few rows. ``key`` is that of the column the names stand in."""

    def __init__(self, session: Session, actor: Actor, env: Env) -> None:
        self._session, self._actor, self._env = session, actor, env
        self._exact: dict[tuple[str, str], int] = {}
        self._called: dict[tuple[str, str], set[int]] = {}

    def find(self, key: str, text: str, *, of: str | None) -> int | FieldError:
        """Return the id of the one called ``text``; ``of`` is the entity, None for people."""
        exact = self._exact.get((key, text))
        called = {exact} if exact is not None else self._called.get((key, text), set())
        if len(called) == 1:
            return next(iter(called))
        missing = "sheet.person_not_found" if of is None else "sheet.link_not_found"
        return FieldError(key, "sheet.ambiguous" if called else missing, {"name": text[:60]})

    def look_up_people(self, key: str, texts: Iterable[str]) -> None:
        """Look up people by login or name."""
        chosen = or_(is_one_of(users.c.login, "names", numbers=False), is_one_of(users.c.name, "names", numbers=False))

        def build() -> Any:
            return select(users.c.id, users.c.login, users.c.name).where(chosen, users.c.disabled_at.is_(None))

        statement = self._session.prepared("import people", build)
        for id_, login, name in statement.fetch_all(self._session.connection, {"names": list(texts)}):
            self._exact[key, login] = id_
            self._called.setdefault((key, name), set()).add(id_)

    def look_up_records(self, key: str, target: str, texts: Iterable[str]) -> None:
        """Look up records of ``target`` by number, or by the texts that name them."""
        session, entity = self._session, self._session.app.entities[target]
        rights = find_rights(session.app, entity, self._actor)
        table = session.tables.entity[target]
        texts_of = [name for _, name in entity.display if name and _is_text(entity, name)]

        def build() -> Any:
            named = [table.c.number, *(table.c[name] for name in texts_of)]
            chosen = or_(*(is_one_of(one, "names", numbers=False) for one in named))
            visible = scope_condition(session.tables, entity, table, rights.read)
            return select(*record_columns(table, entity)).where(chosen, table.c.deleted_at.is_(None), visible)

        statement = session.prepared(("import links", target, scope_key(rights.read)), build)
        given = parameters(session, self._actor) | {"names": list(texts)}
        for row in statement.fetch_all(session.connection, given):
            values = to_values(entity, row)
            self._allow(target, values)
            if values["number"] is not None:
                self._exact[key, values["number"]] = values["id"]
            for name in {display(entity, values), *(values[one] for one in texts_of)} - {None}:
                self._called.setdefault((key, name), set()).add(values["id"])

    def _allow(self, target: str, values: dict[str, Any]) -> None:
        lookups = self._env.lookup
        if isinstance(lookups, Lookups):
            lookups.allow(target, values)


def _is_text(entity: Entity, name: str) -> bool:
    return name in entity.fields and entity.fields[name].type.column == "text"
