"""Buttons: automations that somebody starts on a record, and sees the end of at once.

Enters: a record's address, the key of an automation, whoever presses. Leaves: the run, done as far as it goes. Must not
let anybody start what is not theirs, nor a condition be overlooked.
"""

from engine.automation import runs, states
from engine.automation.running import run_now
from engine.automation.runs import Begin, Run
from engine.compiler.app import Automation
from engine.errors import NotAllowed, NotFound, NotPossibleNow
from engine.people.actor import Actor
from engine.records.evaluation import make_env
from engine.records.queries import get_record
from engine.records.record import Record
from engine.records.rights import find_rights
from engine.records.writing import lock_record
from engine.storage.store import Session
from engine.workflow.approval.people import Case, is_named, to_rules
from engine.workflow.approval.plan import Person


def list_buttons(session: Session, record: Record, *, actor: Actor) -> list[Automation]:
    """Return the buttons that somebody may press on a record now, in file order."""
    found = [one for one in session.app.automations_of.get(record.entity, ()) if one.on.kind == "button"]
    if not found or not _reaches(session, record.entity, actor):
        return []
    set_aside = {key for key, state in states.read_states(session).items() if state.disabled_at is not None}
    return [
        one
        for one in found
        if one.key not in set_aside and _may(session, one, record, actor) and _holds(session, one, record)
    ]


def press(session: Session, entity: str, id: int, key: str, *, actor: Actor) -> Run:
    """Start an automation by its button and run it as far as it goes.

    Raises ``NotFound``, ``NotAllowed``, and ``NotPossibleNow`` while it is set aside or its condition does not hold.
    """
    record = get_record(session, entity, id, actor=actor)
    automation = session.app.automations.get(key)
    if automation is None or automation.entity != entity or automation.on.kind != "button" or automation.retired:
        raise NotFound("automation.none", name=key[:80])
    if not _reaches(session, entity, actor) or not _may(session, automation, record, actor):
        raise NotAllowed("automation.not_yours", name=automation.label)
    lock_record(session, session.app.entities[entity], id, actor=actor)
    if states.is_disabled(session, key) or not _holds(session, automation, record):
        raise NotPossibleNow("automation.not_now", name=automation.label)
    occasion = f"button {runs.find_last_id(session) + 1} {actor.id} {session.now().isoformat()}"
    return run_now(session, Begin(key, entity, id, occasion, session.now(), actor_id=actor.id))


def _reaches(session: Session, entity: str, actor: Actor) -> bool:
    """Tell whether the token somebody comes with reaches buttons at all."""
    return find_rights(session.app, session.app.entities[entity], actor).press


def _may(session: Session, automation: Automation, record: Record, actor: Actor) -> bool:
    """A button without ``who`` belongs to whoever may write the record."""
    if not automation.on.who:
        return record.can_write
    case = Case(record.values, Person(actor.id, actor.name))
    return is_named(session, to_rules(automation.on.who), case, actor)


def _holds(session: Session, automation: Automation, record: Record) -> bool:
    if automation.when is None:
        return True
    env = make_env(session, None)
    whole = env.lookup.linked(record.entity, record.id) or record.values
    return automation.when.run({**record.values, **whole}, env) is True
