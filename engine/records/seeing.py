"""Who sees a record and why: by which role and scope, by which share, because they are asked to decide.

Enters: a record that was read, or an entity and whoever owns records of it. Leaves: people with every reason, each with
the place of its rule. Must not decide anything: ``rights`` does, and a test holds the two against each other.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, select

from engine.compiler.app import Access, Entity
from engine.errors import Location, NotAllowed
from engine.people import accounts, groups
from engine.people.actor import Actor
from engine.records.evaluation import parameters
from engine.records.record import Record
from engine.records.rights import ALL, OWN, SHARED, TEAM, WITH_SHARES, get_entity, scope_condition
from engine.records.sharing import Share, list_shares
from engine.storage.approval_tables import approvals, tasks
from engine.storage.store import Session
from engine.storage.system_tables import user_roles, users

MOST = 500
"""People who are looked at; a larger house is told that there are more."""


@dataclass(frozen=True, slots=True)
class Why:
    """One reason: a role's ``scope`` written at ``location``, a ``share``, or, with neither, a task about the record.

    ``depends`` is true for a scope an author wrote when no record is given: it may hold some of them.
    """

    role: str | None = None
    scope: str | None = None
    location: Location | None = None
    share: Share | None = None
    depends: bool = False


@dataclass(frozen=True, slots=True)
class Seer:
    """Somebody who sees a record; ``writes`` whether they may change it too.

    ``actor`` is the person as every gate has them, for whoever asks what else they see.
    """

    id: int
    name: str
    team: int | None
    writes: bool
    reasons: tuple[Why, ...]
    actor: Actor


@dataclass(frozen=True, slots=True)
class _About:
    """What is looked at: a record, or all that ``owner`` has of an entity."""

    entity: Entity
    owner: int | None
    team: int | None
    record_id: int | None
    shares: tuple[Share, ...] = ()
    asked: frozenset[int] = frozenset()
    members: Mapping[str, frozenset[int]] | None = None


def list_seers(session: Session, record: Record, *, actor: Actor) -> tuple[list[Seer], bool]:
    """Return everybody who sees a record, and whether there may be more; for its owner and administrators.

    Raises ``NotAllowed`` for anybody else.
    """
    if not actor.is_admin and record.values.get("owner") != actor.id and not record.owns:
        raise NotAllowed("share.not_told")
    entity = get_entity(session.app, record.entity)
    shares = tuple(list_shares(session, record))
    members = {key: frozenset(one.id for one in held) for key, held in groups.list_members(session.connection).items()}
    about = _About(
        entity, record.values.get("owner"), record.values.get("team"), record.id, shares,
        _asked(session, record), members if shares else None,
    )  # fmt: skip
    return _look(session, about, {})


def list_seers_of(session: Session, entities: Iterable[str], *, actor: Actor) -> dict[str, tuple[list[Seer], bool]]:
    """Return, by entity, who sees its records that the actor owns, beside the actor; shares are not in it."""
    known: dict[int, Actor] = {}
    answers = {}
    for key in entities:
        compiled = get_entity(session.app, key)
        found, more = _look(session, _About(compiled, actor.id, actor.team, None), known)
        answers[key] = ([one for one in found if one.id != actor.id], more)
    return answers


def _look(session: Session, about: _About, known: dict[int, Actor]) -> tuple[list[Seer], bool]:
    """Look at everybody who may see such records; ``known`` keeps who was read before."""
    readers = [role for role, access in about.entity.access.items() if access.read]
    held = select(user_roles.c.user_id).where(user_roles.c.role.in_(readers))
    enabled = (users.c.disabled_at.is_(None), users.c.id.in_(held))
    wanted = select(users.c.id).where(*enabled).order_by(users.c.name, users.c.id).limit(MOST + 1)
    ids = list(session.connection.scalars(wanted))
    found = []
    for id_ in ids[:MOST]:
        if (person := known.get(id_)) is None:
            person = known[id_] = accounts.get_actor(session.connection, id_)
        reads = tuple(_reasons(session, about, person, writing=False))
        if reads:
            writes = any(True for _ in _reasons(session, about, person, writing=True))
            found.append(Seer(id_, person.name, person.team, writes, reads, person))
    return found, len(ids) > MOST


def _reasons(session: Session, about: _About, person: Actor, *, writing: bool) -> Iterator[Why]:
    rules = [about.entity.access[role] for role in sorted(person.roles) if role in about.entity.access]
    takes_shares = False
    for rule in rules:
        scope = rule.write if writing else rule.read
        takes_shares = takes_shares or scope in WITH_SHARES
        if scope is not None and scope != SHARED:
            yield from _by_scope(session, about, person, rule, scope)
    for share in about.shares if takes_shares else ():
        if _reaches(about, share, person) and (share.access == "write" or not writing):
            yield Why(share=share)
    if person.id in about.asked and not writing and not any(rule.read == ALL for rule in rules):
        yield Why()


def _by_scope(session: Session, about: _About, person: Actor, rule: Access, scope: str) -> Iterator[Why]:
    own = about.owner == person.id
    if scope == ALL or (scope == OWN and own) or (scope == TEAM and (own or about.team in person.teams)):
        yield Why(rule.role, scope, rule.location)
    elif scope not in (OWN, TEAM) and (about.record_id is None or _holds(session, about, person, scope)):
        yield Why(rule.role, scope, rule.location, depends=about.record_id is None)


def _holds(session: Session, about: _About, person: Actor, scope: str) -> bool:
    """Whether a scope an author wrote holds the record for somebody."""
    entity, table = about.entity, session.tables.entity[about.entity.key]

    def build() -> Any:
        mine = scope_condition(session.tables, entity, table, [scope])
        return select(table.c.id).where(table.c.id == bindparam("record_id"), mine)

    statement = session.prepared(("sees", entity.key, scope), build)
    given = parameters(session, person) | {"record_id": about.record_id}
    return statement.fetch_one(session.connection, given) is not None


def _reaches(about: _About, share: Share, person: Actor) -> bool:
    to = share.recipient
    if to.kind == "group":
        return person.id in (about.members or {}).get(to.key, ())
    return int(to.key) == person.id if to.kind == "user" else int(to.key) in person.above


def _asked(session: Session, record: Record) -> frozenset[int]:
    about = (approvals.c.entity == record.entity, approvals.c.record_id == record.id)
    held = select(tasks.c.holder_id).join(approvals, approvals.c.id == tasks.c.approval_id).where(*about)
    return frozenset(one for one in session.connection.scalars(held) if one is not None)
