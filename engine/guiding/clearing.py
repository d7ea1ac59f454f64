"""Clearing the demo: what invented people made goes for good; what real people made stays, and all configuration.

Enters: a session. Leaves: no record of the demo but those that a real one leads to, its invented people disabled, and a
line in the audit. Must not touch a record that a real person made: what that one leads to stays too, and is counted.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from sqlalchemy import Table, delete, select, update

from engine.compiler.app import Entity, Field
from engine.guiding.steps import DEMO_PEOPLE, Invented, find_invented
from engine.people import accounts
from engine.people.actor import ADMIN, Actor, require_admin
from engine.records.columns import record_columns, to_values
from engine.records.rollups import Written, followed
from engine.storage.chosen import keep_setting
from engine.storage.journal import write_audit
from engine.storage.store import Session
from engine.storage.system_columns import metadata
from engine.storage.system_tables import departments, series, user_roles, users

PLACE = "demo_cleared"
"""The setting that says when the demo was cleared: it is not loaded again by a start."""
_AT_ONCE = 400

Address = tuple[str, int]


@dataclass(frozen=True)
class Clearing:
    """What clearing would do: ids that go and how many stay, by entity; how many people would be disabled."""

    going: Mapping[str, Sequence[int]]
    kept: Mapping[str, int]
    people: Sequence[int]

    @property
    def count(self) -> int:
        """How many records go."""
        return sum(len(ids) for ids in self.going.values())


def plan_clearing(session: Session) -> Clearing:
    """Return what there is of the demo, and what of it stays because a record of real people leads to it."""
    invented = find_invented(session)
    made = {key: _made_by(session, key, invented) for key in session.app.entities}
    kept = _needed(session, made)
    stays = {key: sum(1 for one in kept if one[0] == key) for key in made}
    going = {key: sorted(one for one in ids if (key, one) not in kept) for key, ids in made.items()}
    return Clearing(
        {key: ids for key, ids in going.items() if ids},
        {key: count for key, count in stays.items() if count},
        _people(session, invented),
    )


def clear(session: Session, *, actor: Actor | None) -> Clearing:
    """Do what ``plan_clearing`` says, in this transaction; raises ``NotAllowed``. None is the command line."""
    require_admin(actor)
    plan = plan_clearing(session)
    with ExitStack() as stack:
        for key, ids in plan.going.items():
            entity = session.app.entities[key]
            before: list[Written] = [(values, {}) for values in _lead_out(session, entity, ids, plan)]
            if before:
                stack.enter_context(followed(session, entity, before, actor=None))
        for key, ids in plan.going.items():
            _unlink(session, session.app.entities[key], ids)
        for key, ids in plan.going.items():
            _delete(session, session.app.entities[key], ids)
    _forget_numbers(session, plan)
    for one in plan.people:
        if actor is None or one != actor.id:
            accounts.disable_user(session, one, actor=actor)
            _free_login(session, one, actor)
    _forget_departments(session, find_invented(session))
    keep_setting(session.connection, DEMO_PEOPLE, None)
    keep_setting(session.connection, PLACE, session.now().isoformat())
    told = {"records": plan.count, "kept": sum(plan.kept.values()), "people": len(plan.people)}
    write_audit(session, "setting.demo_cleared", None, told, actor=actor)
    return plan


# ---- what is there


def _made_by(session: Session, key: str, invented: Invented) -> set[int]:
    table = session.tables.entity[key]
    return set(session.connection.scalars(select(table.c.id).where(table.c.created_by.in_(invented.people))))


def _people(session: Session, invented: Invented) -> list[int]:
    """Return the invented people who can go: whoever looks after the site stays."""
    admins = select(user_roles.c.user_id).where(user_roles.c.role == ADMIN)
    own = (users.c.id.in_(invented.people), users.c.disabled_at.is_(None), users.c.id.not_in(admins))
    return list(session.connection.scalars(select(users.c.id).where(*own).order_by(users.c.id)))


def _needed(session: Session, made: Mapping[str, set[int]]) -> set[Address]:
    """Return what real records lead to, and what that leads to in turn."""
    leads: dict[Address, set[Address]] = {}
    needed: list[Address] = []
    for key, entity in session.app.entities.items():
        for table, field, parent in _links(session, entity):
            if field.to is None or not made[field.to]:
                continue
            source, target = table.c[parent], table.c["leads_to" if field.type.many else field.key]
            for from_, to in session.connection.execute(select(source, target).where(target.is_not(None))):
                if to not in made[field.to]:
                    continue
                if from_ in made[key]:
                    leads.setdefault((key, from_), set()).add((field.to, to))
                else:
                    needed.append((field.to, to))
    found: set[Address] = set()
    while needed:
        one = needed.pop()
        if one not in found:
            found.add(one)
            needed += leads.get(one, ())
    return found


def _links(session: Session, entity: Entity) -> Iterator[tuple[Table, Field, str]]:
    """Yield the columns that lead to records, each with the column that says whose they are."""
    own = session.tables.entity[entity.key]
    for field in entity.fields.values():
        if field.type.column == "link":
            yield own, field, "id"
        elif field.to is not None and field.type.many:
            yield session.tables.entries[entity.key, field.key], field, "parent_id"
    for lines in entity.line_fields:
        table = session.tables.lines[entity.key, lines.key]
        for column in lines.fields.values():
            if column.type.column == "link":
                yield table, column, "parent_id"


def _lead_out(session: Session, entity: Entity, ids: Sequence[int], plan: Clearing) -> list[dict[str, object]]:
    """Return the values of records that go and lead to one that stays, which may add them up."""
    table = session.tables.entity[entity.key]
    links = [field for field in entity.fields.values() if field.type.column == "link" and field.to is not None]
    found = []
    for some in _parts(ids):
        for row in session.connection.execute(select(*record_columns(table, entity)).where(table.c.id.in_(some))):
            values = to_values(entity, row)
            if any(values.get(one.key) and values[one.key] not in plan.going.get(one.to or "", ()) for one in links):
                found.append(values)
    return found


# ---- what goes


def _unlink(session: Session, entity: Entity, ids: Sequence[int]) -> None:
    """Take the links out of what goes, so that it can go in any order."""
    for table, field, parent in _links(session, entity):
        for some in _parts(ids):
            mine = table.c[parent].in_(some)
            many = field.type.many
            session.connection.execute(
                delete(table).where(mine) if many else update(table).where(mine).values({field.key: None})
            )


def _delete(session: Session, entity: Entity, ids: Sequence[int]) -> None:
    """Delete records with their lines, and every row of the engine that is about them."""
    table = session.tables.entity[entity.key]
    for some in _parts(ids):
        for own in reversed(metadata.sorted_tables):
            for column in own.c:
                key = next(iter(column.foreign_keys), None)
                target = key.column.table if key is not None else None
                if target is not None and _is_about(target) and "id" in target.c and target is not own:
                    of_it = select(target.c.id).where(target.c.entity == entity.key, target.c.record_id.in_(some))
                    session.connection.execute(delete(own).where(column.in_(of_it)))
            if _is_about(own):
                session.connection.execute(delete(own).where(own.c.entity == entity.key, own.c.record_id.in_(some)))
        for lines in entity.line_fields:
            rows = session.tables.lines[entity.key, lines.key]
            session.connection.execute(delete(rows).where(rows.c.parent_id.in_(some)))
        session.connection.execute(delete(table).where(table.c.id.in_(some)))


def _is_about(table: Table) -> bool:
    return {"entity", "record_id"} <= {*table.c.keys()} and table.name != "fw_audit"


def _forget_numbers(session: Session, plan: Clearing) -> None:
    """Where no record is left, numbers begin anew."""
    for key in plan.going:
        table = session.tables.entity[key]
        if session.connection.scalar(select(table.c.id).limit(1)) is None:
            session.connection.execute(delete(series).where((series.c.key == key) | series.c.key.startswith(f"{key}.")))


def _free_login(session: Session, person: int, actor: Actor | None) -> None:
    """Let real people, or the next demo, have the login."""
    login = session.connection.scalar(select(users.c.login).where(users.c.id == person))
    accounts.update_user(session, person, login=f"{login}.{person}", actor=actor)


def _forget_departments(session: Session, invented: Invented) -> None:
    """Delete departments of the demo that only invented people who left belong to."""
    c = users.c
    gone = c.id.in_(invented.people) & c.disabled_at.is_not(None)
    mine = c.id.in_(invented.admins) & c.department_id.in_(invented.departments)
    session.connection.execute(update(users).where(gone | mine).values(department_id=None))
    owned = [select(table.c.team_id).where(table.c.team_id.is_not(None)) for table in session.tables.entity.values()]
    used = {id_ for one in owned for id_ in session.connection.scalars(one.distinct())}
    used |= set(session.connection.scalars(select(c.department_id).where(c.department_id.is_not(None)).distinct()))
    left = {one for one in invented.departments if one not in used}
    while left:
        above = set(
            session.connection.scalars(select(departments.c.parent_id).where(departments.c.parent_id.in_(left)))
        )
        ends = left - above
        if not ends:
            return
        session.connection.execute(delete(departments).where(departments.c.id.in_(ends)))
        left -= ends


def _parts(ids: Iterable[int]) -> Iterator[list[int]]:
    found = list(ids)
    for at in range(0, len(found), _AT_ONCE):
        yield found[at : at + _AT_ONCE]
