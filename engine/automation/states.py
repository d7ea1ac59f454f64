"""What is known of each automation: whether it is set aside, how often it failed in a row, when its schedule was kept.

Enters: what became of a run, or an administrator. Leaves: one row for each automation that there is something to say
of. Must not begin or end a run.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select, update

from engine import messages
from engine.automation.runs import Run
from engine.channels.message import Message
from engine.channels.posting import Person, post
from engine.errors import NotFound
from engine.people import directory
from engine.people.actor import ADMIN, Actor, require_admin
from engine.records.sql import insert_into
from engine.storage.automation_tables import automations
from engine.storage.journal import write_audit
from engine.storage.store import Session

MOST_FAILURES = 5
"""Failures in a row after which an automation is set aside."""
ADDRESS = "/admin/automations"
"""Where administrators look after automations."""


@dataclass(frozen=True, slots=True)
class State:
    """What is known of one automation; ``why`` is the last failure, or what an administrator said."""

    key: str
    trigger: str | None = None
    slot: datetime | None = None
    failures: int = 0
    disabled_at: datetime | None = None
    disabled_by: int | None = None
    why: Mapping[str, Any] | None = None


def read_states(session: Session) -> dict[str, State]:
    """Return what is known, by automation."""

    def build() -> Any:
        c = automations.c
        return select(c.key, c.trigger, c.slot, c.failures, c.disabled_at, c.disabled_by, c.why)

    rows = session.prepared("states of automations", build).fetch_all(session.connection, {})
    return {row[0]: State(*row) for row in rows}


def is_disabled(session: Session, key: str) -> bool:
    """Return whether an automation is set aside."""

    def build() -> Any:
        return select(automations.c.disabled_at).where(automations.c.key == bindparam("of_key"))

    found = session.prepared("is disabled", build).fetch_one(session.connection, {"of_key": key})
    return found is not None and found[0] is not None


def note_failure(session: Session, run: Run, why: Mapping[str, Any]) -> None:
    """Count a failure; the fifth in a row sets the automation aside and tells the administrators.

    What another system sends may be wrong time and again through no fault of the rule: of that they are told only.
    """
    c = automations.c
    _ensure(session, run.automation)
    failed = update(automations).where(c.key == run.automation)
    session.connection.execute(failed.values(failures=c.failures + 1, why={**why, "run": run.id}))
    automation = session.app.automations.get(run.automation)
    if automation is not None and automation.on.hook:
        if session.connection.scalar(select(c.failures).where(c.key == run.automation)) == MOST_FAILURES:
            _tell_admins(session, run, "automation.keeps_failing")
        return
    set_aside = failed.where(c.failures >= MOST_FAILURES, c.disabled_at.is_(None))
    if session.connection.execute(set_aside.values(disabled_at=session.now())).rowcount:
        _tell_admins(session, run, "automation.set_aside")
        write_audit(session, "automating.disabled", run.automation, {"failures": MOST_FAILURES}, actor=None)


def note_success(session: Session, key: str) -> None:
    """Forget the failures before: they were not in a row."""

    def build() -> Any:
        c = automations.c
        return update(automations).where(c.key == bindparam("of_key"), c.failures > 0).values(failures=0)

    session.prepared("note success", build).execute(session.connection, {"of_key": key})


def enable(session: Session, key: str, *, actor: Actor | None) -> None:
    """Let an automation run again; raises ``NotFound`` and ``NotAllowed``."""
    require_admin(actor)
    _require(session, key)
    _ensure(session, key)
    on = {"disabled_at": None, "disabled_by": None, "failures": 0, "why": None}
    session.connection.execute(update(automations).where(automations.c.key == key).values(**on))
    write_audit(session, "automating.enabled", key, {}, actor=actor)


def disable(session: Session, key: str, *, actor: Actor | None) -> None:
    """Set an automation aside; what waits of it will not go on. Raises ``NotFound`` and ``NotAllowed``."""
    require_admin(actor)
    _require(session, key)
    _ensure(session, key)
    off = {"disabled_at": session.now(), "disabled_by": None if actor is None else actor.id}
    session.connection.execute(update(automations).where(automations.c.key == key).values(**off))
    write_audit(session, "automating.disabled", key, {}, actor=actor)


def keep_slot(session: Session, key: str, before: datetime | None, slot: datetime) -> bool:
    """Note that a schedule was kept at ``slot``; False when another kept it meanwhile."""
    _ensure(session, key)
    c = automations.c

    def build() -> Any:
        unchanged = c.slot.is_(None) if before is None else c.slot == bindparam("before", type_=c.slot.type)
        own = (c.key == bindparam("of_key", type_=c.key.type), unchanged)
        return update(automations).where(*own).values(slot=bindparam("now_at", type_=c.slot.type))

    keeping = session.prepared(("keep slot", before is None), build)
    return keeping.execute(session.connection, {"of_key": key, "before": before, "now_at": slot}).rowcount == 1


def keep_trigger(session: Session, key: str, trigger: str) -> None:
    """Note what records were armed for."""
    _ensure(session, key)
    session.connection.execute(update(automations).where(automations.c.key == key).values(trigger=trigger))


def _tell_admins(session: Session, run: Run, code: str) -> None:
    automation = session.app.automations.get(run.automation)
    label = automation.label if automation is not None else run.automation
    title = {
        language: messages.text(code, language, name=messages.say(label, language), times=MOST_FAILURES)
        for language in messages.LANGUAGES
    }
    told = Message(kind="reminder", title=title, path=f"{ADDRESS}/{run.automation}")
    admins = [Person(one.id) for one in directory.holders_of(session.connection, ADMIN)]
    post(session, told, to=admins, key=f"set-aside-{run.automation}-{run.id}")


def _ensure(session: Session, key: str) -> None:
    def build() -> Any:
        row = insert_into(automations, session.connection.dialect)
        return row.values(key=bindparam("of_key", type_=automations.c.key.type), failures=0).on_conflict_do_nothing()

    session.prepared("know an automation", build).execute(session.connection, {"of_key": key})


def _require(session: Session, key: str) -> None:
    if key not in session.app.automations:
        raise NotFound("automation.none", name=key[:80])
