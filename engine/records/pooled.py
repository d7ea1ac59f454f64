"""Reading what is in a pool: a page of it, one record, the pools somebody sees.

Enters: a session, an entity, a pool, the actor. Leaves: records with what the pool shows and nothing else. Must not
widen what the other queries show: a record in a pool is seen there, or by whoever sees it anyway.
"""

from engine.compiler.app import CompiledApp, Entity, Pool
from engine.errors import NotFound
from engine.people.actor import Actor
from engine.records.links import add_listed
from engine.records.listing import COUNTED, ListPlan, ListQuery
from engine.records.queries import Page, read_page
from engine.records.record import Labels, Record, without_hidden
from engine.records.rights import Rights, get_entity, pool_rights
from engine.storage.store import Session


def list_pooled(session: Session, entity: str, pool: str, query: ListQuery, *, actor: Actor) -> Page:
    """Return a page of what is in a pool, as far as it shows; raises ``NotFound`` when it is not theirs to see."""
    compiled = get_entity(session.app, entity)
    page = read_page(session, compiled, require_pool(session, compiled, pool, actor), query, actor)
    page.records = [without_hidden(record) for record in page.records]
    return page


def count_pooled(
    session: Session, entity: str, pool: str, query: ListQuery, *, actor: Actor, most: int = COUNTED
) -> int:
    """Return how many records of a list are in a pool, counting to ``most + 1`` at most."""
    compiled = get_entity(session.app, entity)
    rights = require_pool(session, compiled, pool, actor)
    return ListPlan(session, compiled, rights, query, actor=actor).count(session, most)


def find_pooled(session: Session, entity: str, id: int, *, actor: Actor) -> Record | None:
    """Return a record in a pool as far as that shows it to the actor; None when it is in none they see."""
    compiled = get_entity(session.app, entity)
    for pool in list_pools(session.app, compiled, actor):
        rights = pool_rights(session.app, compiled, pool.key, actor)
        plan = ListPlan(session, compiled, rights, ListQuery(), actor=actor)
        labels: Labels = {}
        for row in plan.among(session, [id]) if 0 < id < 2**63 else ():
            values = plan.reading.values(row)
            plan.reading.add_labels(row, values, labels)
            add_listed(session, compiled, [values], labels)
            record = Record(entity, id, values.pop("version"), values, labels, hidden=rights.hidden)
            return without_hidden(record)
    return None


def list_pools(app: CompiledApp, entity: Entity, actor: Actor) -> list[Pool]:
    """Return the pools of an entity whose records the actor sees."""
    pools = entity.ownership.pools.values() if entity.ownership is not None else ()
    return [pool for pool in pools if pool_rights(app, entity, pool.key, actor).read]


def require_pool(session: Session, entity: Entity, pool: str, actor: Actor) -> Rights:
    """Return what the actor sees of a pool; raises ``NotFound`` alike for one that is not there and not theirs."""
    rights = pool_rights(session.app, entity, pool, actor)
    if not rights.read:
        raise NotFound("pool.not_found")
    return rights
