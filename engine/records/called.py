"""What records and people are called, for whoever may know all of them: the command line and the plans it shows.

Enters: ids, or names. Leaves: names, or ids; found at once, or made for a publish that says so. Must not be asked on
behalf of a person with rights of their own: ``queries.py`` reads for those.
"""

from collections.abc import Collection, Mapping

from sqlalchemy import select

from engine.compiler.app import DEPARTMENT, USER, Entity
from engine.people.actor import engine_actor
from engine.records.calling import label_names
from engine.records.columns import record_columns, to_values
from engine.records.engine_rows import complete_row
from engine.records.evaluation import Lookups, make_env
from engine.records.found_links import find_links
from engine.records.labels import department_labels, people_labels
from engine.records.naming import find_departments, find_people, find_records
from engine.records.record import display
from engine.records.writing import insert_row
from engine.storage.store import Session


def name_records(session: Session, entity: Entity, ids: Collection[int]) -> dict[int, str]:
    """Return the names of those records that are there, in the order of their ids."""
    table = session.tables.entity[entity.key]
    found = select(*record_columns(table, entity)).where(table.c.id.in_(ids)).order_by(table.c.id)
    rows = [to_values(entity, row) for row in session.connection.execute(found)]
    labels = label_names(session.app, entity, rows, Lookups(session))
    return {row["id"]: display(entity, row, labels) for row in rows}


class Called:
    """Names of records, people and departments, for values of one type that are read as another."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def names(self, target: str, ids: Collection[int]) -> Mapping[int, str]:
        """Return the names of those that are there; ``target`` is an entity, ``user`` or ``department``."""
        if target not in (USER, DEPARTMENT):
            return name_records(self._session, self._session.app.entities[target], ids)
        labels = (people_labels if target == USER else department_labels)(self._session, ids)
        return {id_: name for (_, id_), name in labels.items()}

    def find(self, target: str, names: Collection[str]) -> Mapping[str, int]:
        """Return the ids behind those names that only one is called by."""
        if target == USER:
            found = find_people(self._session, names)
        elif target == DEPARTMENT:
            found = find_departments(self._session, names)
        else:
            found = find_records(self._session, self._session.app.entities[target], names)
        return {name: id_ for name in names if (id_ := found.only(name)) is not None}

    def make(self, target: str, field: str, names: Collection[str]) -> Mapping[str, int]:
        """Make a record of an entity for each of those names that nothing is called by; ``field`` gets the name.

        Nobody owns them; they are there as if the engine had made them.
        """
        entity = self._session.app.entities[target]
        found = find_records(self._session, entity, names)
        actor = engine_actor(0)
        env, made = make_env(self._session, actor), {}
        for name in sorted(name for name in names if not found.called.get(name) and name not in found.exact):
            values = complete_row(
                self._session, entity, {field: name, "owner": None}, actor=actor, env=env, find=find_links
            )
            insert_row(self._session, entity, values, actor, env)
            made[name] = values["id"]
        return made
