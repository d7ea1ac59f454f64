"""Whom a task may be handed to, who may be asked or added, who may get a copy: those the command would accept.

Enters: a task of the actor, what they want to do with it, a few letters of a name. Leaves: people; or, when there are
none, why in one sentence. Must not have a rule of its own: the command is asked for each person, and nothing is
written.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal, get_args

from engine.errors import FieldError, FormworkError, InvalidValues
from engine.people import directory
from engine.people.actor import Actor
from engine.people.actor import Person as Somebody
from engine.storage.store import Session
from engine.workflow.approval import handing
from engine.workflow.approval.acting import read_task
from engine.workflow.approval.involving import find_people
from engine.workflow.approval.plan import Person
from engine.workflow.approval.state import Event
from engine.workflow.approval.task_rows import Kept
from engine.workflow.approval.world import Acting, Refusal
from engine.workflow.refusals import to_error

Deed = Literal["transfer", "consult", "add_before", "add_after", "cc"]
DEEDS: Final = get_args(Deed)
OFFERED = 20
_TRIED = 500
_SAID = "?"  # whoever is only looked for has not given a reason yet


@dataclass(frozen=True)
class Candidates:
    """People who would be accepted, ``more`` when there are others; ``why`` says why there is nobody at all."""

    people: tuple[Somebody, ...]
    more: bool = False
    why: FormworkError | None = None


def find_candidates(session: Session, task_id: int, deed: str, letters: str, *, actor: Actor) -> Candidates:
    """Return people whose name contains ``letters`` and with whom ``deed`` would be accepted, at most ``OFFERED``.

    Raises ``NotFound`` for a task that is not theirs, and ``InvalidValues`` for a deed there is none of.
    """
    wanted = next((known for known in DEEDS if known == deed), None)
    if wanted is None:
        raise InvalidValues([FieldError("action", "approval.unknown_deed")])
    kept, by = read_task(session, task_id, actor)
    task = kept.task_number(task_id)
    named = directory.find_people(session, letters, limit=_TRIED)
    found: list[Somebody] = []
    refused: list[FormworkError] = []
    for one in named:
        said = _refusal(session, kept, task, wanted, one.id, by, actor)
        if said is not None:
            refused.append(said)
        elif len(found) == OFFERED:
            return Candidates(tuple(found), more=True)
        else:
            found.append(one)
    return Candidates(tuple(found), why=None if found else _why(letters, refused))


def _refusal(
    session: Session, kept: Kept, task: int, deed: Deed, id_: int, by: Acting, actor: Actor
) -> FormworkError | None:
    """Return what the command would say to this person; None when it would be done."""
    try:
        [person] = find_people(session, kept, [id_], "", actor)
        done = tuple(_try(session, kept, task, deed, person, by))
    except Refusal as refusal:
        return to_error(session, refusal)
    except FormworkError as error:
        return error
    return None if done else InvalidValues([FieldError("people", "approval.has_copy", {"who": person.name})])


def _try(session: Session, kept: Kept, task: int, deed: Deed, person: Person, by: Acting) -> Iterable[Event]:
    state, at = kept.state, session.now()
    if deed == "transfer":
        return handing.transfer(state, task=task, by=by, to=person, reason=_SAID, at=at)
    if deed == "consult":
        return handing.consult(state, task=task, by=by, to=person, question=_SAID, at=at)
    if deed == "cc":
        return handing.copy(state, by=by.person, people=[person], at=at)
    where = deed.removeprefix("add_")
    return handing.add(state, task=task, by=by, people=[person], where=where, reason=_SAID, at=at)


def _why(letters: str, refused: list[FormworkError]) -> FormworkError:
    """One person who fits has a reason of their own; for several it is told who is never accepted."""
    if len(refused) == 1:
        return refused[0]
    if refused:
        return InvalidValues([FieldError("people", "approval.nobody_fits", {"count": len(refused)})])
    return InvalidValues([FieldError("people", "approval.nobody_called", {"letters": letters})])
