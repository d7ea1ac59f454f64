"""Tours: tasks shown step by step on the pages, and who came to the end of which.

Enters: a session and an actor. Leaves: the tours for somebody and what became of them; notes the end and the leaving of
one. What a tour notes at its end is made by the command for it, with the rights of whoever finished. Must not know a
page: which stands where is the business of the web layer.
"""

from collections.abc import Mapping

from sqlalchemy import select

from engine.compiler.app import CompiledApp, Tour, TourFinish
from engine.errors import InvalidValues, NotAllowed, NotFound, NotPossibleNow
from engine.expression.sql import compile_where
from engine.people.actor import Actor
from engine.records.commands import create_record
from engine.records.list_query import LinkCondition, ListQuery
from engine.records.listing import ListPlan
from engine.records.making import make_values
from engine.records.record import Record
from engine.records.rights import find_rights
from engine.records.sql import insert_into
from engine.reports.seeing import SeenSource
from engine.storage.store import Session
from engine.storage.view_tables import tours

FINISHED, LEFT = "finished", "left"


def list_tours(app: CompiledApp, actor: Actor) -> list[Tour]:
    """Return the tours that are for somebody, without those through things that are switched off."""
    return [one for one in app.tours.values() if one.roles & actor.roles and not one.entities() & app.off]


def get_tour(app: CompiledApp, key: str, actor: Actor) -> Tour:
    """Return a tour that is for somebody; raises ``NotFound``."""
    found = next((one for one in list_tours(app, actor) if one.key == key), None)
    if found is None:
        raise NotFound("tour.none", name=key[:60])
    return found


def read_states(session: Session, *, actor: Actor) -> Mapping[str, str]:
    """Return which tours the actor finished or left, by key."""
    asked = select(tours.c.tour, tours.c.state).where(tours.c.user_id == actor.id)
    return {key: state for key, state in session.connection.execute(asked)}


def leave_tour(session: Session, key: str, *, actor: Actor) -> None:
    """Note that somebody does not want a tour; what they finished before stays finished."""
    tour = get_tour(session.app, key, actor)
    if read_states(session, actor=actor).get(tour.key) != FINISHED:
        _note(session, tour, LEFT, actor)


def finish_tour(session: Session, key: str, *, actor: Actor) -> Record | None:
    """Note that somebody came to the end of a tour, and return what that makes of another record, if anything."""
    tour = get_tour(session.app, key, actor)
    _note(session, tour, FINISHED, actor)
    return _make(session, tour.finish, actor) if tour.finish is not None else None


def _note(session: Session, tour: Tour, state: str, actor: Actor) -> None:
    said = {"state": state, "at": session.now()}
    noted = insert_into(tours, session.connection.dialect).values(user_id=actor.id, tour=tour.key, **said)
    own = {"index_elements": [tours.c.user_id, tours.c.tour]}
    session.connection.execute(noted.on_conflict_do_update(**own, set_=said))


def _make(session: Session, finish: TourFinish, actor: Actor) -> Record | None:
    """Make what the end of a tour makes; nothing where its record is not there, or it was made before."""
    source = _find_source(session, finish, actor)
    if source is None:
        return None
    try:
        with session.attempt():
            make, raw = make_values(session, finish.entity, source, finish.make, actor=actor)
            return create_record(session, make.entity, raw, actor=actor)
    except (InvalidValues, NotAllowed, NotPossibleNow):
        return None


def _find_source(session: Session, finish: TourFinish, actor: Actor) -> int | None:
    """Return the first record that the actor sees and the condition holds for."""
    entity = session.app.find_open(finish.entity)
    rights = find_rights(session.app, entity, actor) if entity is not None else None
    if entity is None or rights is None or not rights.read:
        return None
    checked, seen = finish.where.checked, SeenSource(session, actor, None)
    key = ("tour", f"{finish.entity} where {checked.text} for {sorted(actor.roles)}")
    link = LinkCondition(key, lambda table: compile_where(checked, seen, table), {})
    plan = ListPlan(session, entity, rights, ListQuery(limit=1), actor=actor, link=link)
    rows = plan.fetch(session)
    return int(plan.reading.values(rows[0])["id"]) if rows else None
