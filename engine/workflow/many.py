"""Changing or moving many records at once: each by the very command that does it for one.

Enters: records with the versions somebody saw, and what shall happen to each. Leaves: one ``Outcome`` per record, in
the order they were named. Must not judge, nor write: ``update_record`` and ``move_record`` do, each in a savepoint of
its own, so that a record that is refused holds no other back and leaves nothing half done. The history says that it was
one of many.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from engine.errors import FieldError, FormworkError, InvalidValues, NotFound
from engine.messages import joined
from engine.people.actor import Actor
from engine.records.commands import update_record
from engine.records.record import Record
from engine.records.rights import get_entity
from engine.storage.store import Session
from engine.workflow.requirements import say_missing
from engine.workflow.transitions import move_record

MOST = 500
"""Records one call may name."""

Seen = tuple[int, int]
"""A record's id and the version somebody saw."""

Act = Callable[[int, int], Record]


@dataclass(frozen=True)
class Outcome:
    """What became of one record: ``record`` as it is now, or why it was ``refused``."""

    id: int
    record: Record | None = None
    refused: FormworkError | None = None

    def text(self, language: str) -> str:
        """Return why the record was refused, all reasons in one line; nothing when it was not."""
        if isinstance(self.refused, InvalidValues):
            said = [error.text(language) for error in self.refused.errors]
            said += [say_missing(self.refused.missing, language)] if self.refused.missing else []
            return joined(said, language)
        return self.refused.text(language) if self.refused is not None else ""  # type: ignore[attr-defined]


def update_many(
    session: Session,
    entity: str,
    seen: Sequence[Seen],
    raw: Mapping[str, Any],
    *,
    actor: Actor,
    rehearse: bool = False,
) -> list[Outcome]:
    """Change the same fields of many records; with ``rehearse`` only say what would become of each.

    Raises ``NotFound`` for an unknown entity and ``InvalidValues`` when too many records are named, or one twice.
    """
    act = partial(_update, session, entity, dict(raw), replace(actor, via="many"))
    return _each(session, entity, seen, act, rehearse)


def move_many(
    session: Session,
    entity: str,
    move: str,
    seen: Sequence[Seen],
    *,
    raw: Mapping[str, Any] | None = None,
    reason: str | None = None,
    actor: Actor,
    rehearse: bool = False,
) -> list[Outcome]:
    """Make the same move with many records, ``raw`` filled in on the way of each; raises as ``update_many`` does."""
    workflow = get_entity(session.app, entity).workflow
    if workflow is None or move not in workflow.moves:
        raise NotFound("workflow.no_move", move=str(move)[:60])
    act = partial(_move, session, entity, move, dict(raw or {}), reason, replace(actor, via="many"))
    return _each(session, entity, seen, act, rehearse)


def _update(session: Session, entity: str, raw: Mapping[str, Any], actor: Actor, id_: int, version: int) -> Record:
    return update_record(session, entity, id_, raw, version=version, actor=actor)


def _move(
    session: Session,
    entity: str,
    move: str,
    raw: Mapping[str, Any],
    reason: str | None,
    actor: Actor,
    id_: int,
    version: int,
) -> Record:
    return move_record(session, entity, id_, move, raw=raw, reason=reason, version=version, actor=actor)


def _each(session: Session, entity: str, seen: Sequence[Seen], act: Act, rehearse: bool) -> list[Outcome]:
    get_entity(session.app, entity)
    if len(seen) > MOST:
        raise InvalidValues([FieldError("records", "record.too_many", {"max": MOST})])
    if len({id_ for id_, _ in seen}) < len(seen):
        raise InvalidValues([FieldError("records", "record.named_twice")])
    # One order for everybody: two people who change the same records would otherwise wait for each other for ever.
    done = {id_: _one(session, act, id_, version, rehearse) for id_, version in sorted(seen)}
    return [done[id_] for id_, _ in seen]


def _one(session: Session, act: Act, id_: int, version: int, rehearse: bool) -> Outcome:
    with session.attempt() as attempt:
        try:
            outcome = Outcome(id_, record=act(id_, version))
        except FormworkError as refused:
            outcome = Outcome(id_, refused=refused)
        if rehearse or outcome.refused is not None:
            attempt.undo()
    return outcome
