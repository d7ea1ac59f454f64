"""The deeds of the plays as the pages do them: each by its command, in a session of whoever calls."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from engine.automation import timers
from engine.changing import leaving
from engine.people import accounts
from engine.people.actor import Actor
from engine.records.commands import delete_record, update_record
from engine.storage.store import Session
from engine.storage.timers import Timer
from engine.workflow import transitions
from engine.workflow.approval import commands as approvals
from engine.workflow.approval import drafts, involving
from tests.workflow.deeds import DECISIONS, Deed
from tests.workflow.vocabulary import png

ONCE = ("resume", "reassign", "revoke")
"""Commands that take no ``action_id``."""


@dataclass(frozen=True)
class DeedOn:
    """A deed on an approval; ``task`` is the id of its task, ``action`` names the click."""

    deed: Deed
    approval: int
    task: int = 0
    action: str | None = None

    def __call__(self, session: Session) -> Any:
        actor = accounts.get_actor(session.connection, self.deed.by, via="web")
        more = {} if self.deed.name in ONCE else {"action_id": self.action}
        return _COMMANDS[self.deed.name](session, self, {"actor": actor, **more})


@dataclass(frozen=True)
class Submission:
    """A record sent on its way, or simply moved. ``version`` is the one somebody saw."""

    record: int
    move: str
    version: int
    by: int
    chosen: Mapping[str, list[int]]

    def __call__(self, session: Session) -> Any:
        actor = accounts.get_actor(session.connection, self.by, via="web")
        more: dict[str, Any] = {"chosen": self.chosen, "version": self.version, "reason": "because"}
        return transitions.move_record(session, "thing", self.record, self.move, actor=actor, **more)


@dataclass(frozen=True)
class Edit:
    """A field of a record changed in its form; the record deleted when there is no ``field``."""

    record: int
    field: str
    value: Any
    version: int
    by: int

    def __call__(self, session: Session) -> Any:
        actor = accounts.get_actor(session.connection, self.by, via="web")
        if not self.field:
            return delete_record(session, "thing", self.record, version=self.version, actor=actor)
        raw = {self.field: self.value}
        return update_record(session, "thing", self.record, raw, version=self.version, actor=actor)


@dataclass(frozen=True)
class Draft:
    """What somebody has written about a task and not sent."""

    task: int
    by: int

    def __call__(self, session: Session) -> Any:
        return drafts.save_draft(session, self.task, "还没想好", actor=accounts.get_actor(session.connection, self.by))


@dataclass(frozen=True)
class Fire:
    """What a sweeper does with a timer that is due."""

    timer: Timer

    def __call__(self, session: Session) -> Any:
        return timers.fire_timer(session, self.timer)


Act = DeedOn | Submission | Edit | Draft | Fire

More = dict[str, Any]


def _decide(session: Session, on: DeedOn, more: More) -> Any:
    deed = on.deed
    values = {} if deed.cost is None else {"values": {"cost": str(deed.cost)}}
    signed = {"signature": png()} if deed.signed else {}
    return approvals.decide(session, on.task, deed.name, reason=deed.said, to=deed.to, **values, **signed, **more)


def _add(session: Session, on: DeedOn, more: More) -> Any:
    where = on.deed.name.removeprefix("add_")
    return involving.add(session, on.task, on.deed.people, where=where, reason=on.deed.said, **more)


def _reassign(session: Session, on: DeedOn, more: dict[str, Actor]) -> Any:
    return leaving.reassign(session, on.task, on.deed.people[0], reason=on.deed.said, **more)


_COMMANDS: Mapping[str, Callable[[Session, DeedOn, More], Any]] = {
    **dict.fromkeys(DECISIONS, _decide),
    **dict.fromkeys(("add_before", "add_after"), _add),
    "transfer": lambda s, on, more: involving.transfer(s, on.task, on.deed.people[0], reason=on.deed.said, **more),
    "consult": lambda s, on, more: involving.consult(s, on.task, on.deed.people[0], on.deed.said, **more),
    "answer": lambda s, on, more: involving.answer(s, on.task, on.deed.said, **more),
    "remove": lambda s, on, more: involving.remove(s, on.task, reason=on.deed.said, **more),
    "claim": lambda s, on, more: involving.claim(s, on.task, **more),
    "copy": lambda s, on, more: involving.copy(s, on.task, on.deed.people, **more),
    "retract": lambda s, on, more: approvals.retract(s, on.task, reason=on.deed.said, **more),
    "reassign": _reassign,
    "withdraw": lambda s, on, more: approvals.withdraw(s, on.approval, reason=on.deed.said, **more),
    "terminate": lambda s, on, more: approvals.terminate(s, on.approval, reason=on.deed.said, **more),
    "resume": lambda s, on, more: approvals.resume(s, on.approval, **more),
    "revoke": lambda s, on, more: approvals.revoke(s, on.approval, reason=on.deed.said, **more),
    "comment": lambda s, on, more: involving.comment(s, on.approval, on.deed.said, **more),
    "urge": lambda s, on, more: involving.urge(s, on.approval, **more),
}
