"""What the pure core asks while an approval goes on, what it is started with, and what it answers with.

Enters: nothing. Leaves: ``World``, ``Holders``, ``Submission``, ``Acting`` and ``Refusal``. Must not know a database.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol

from engine.workflow.approval.plan import Person, StepPlan


class Refusal(Exception):
    """Why an action has no effect: ``kind`` is the branch of errors it belongs to, ``code`` names the sentence."""

    def __init__(self, kind: Literal["absent", "forbidden", "late", "invalid"], code: str, /, **params: Any) -> None:
        self.kind = kind
        self.code = code
        self.params = params
        super().__init__(code)


@dataclass(frozen=True)
class Holders:
    """Who is asked in a step. Nobody, and ``skip`` false: the step is stranded, it never passes by itself."""

    people: tuple[Person, ...]
    skip: bool = False  # only with `self: skip`: the starter was the only one to ask


class World(Protocol):
    """What an approval has to ask while it goes on."""

    def holders(self, step: StepPlan) -> Holders:
        """Return who is asked in this step now."""
        ...

    def people(self, rules: Sequence[Mapping[str, Any]], holder: int | None = None) -> tuple[Person, ...]:
        """Return whom rules name now, each once; ``holder`` is whose task it is about."""
        ...

    def due(self, step: StepPlan) -> datetime | None:
        """Return when a task of this step that opens now is due."""
        ...

    def moments(self, step: StepPlan) -> tuple[tuple[str, datetime], ...]:
        """Return the late rules of a step that opens now, each with its moment."""
        ...

    def can_call(self, step: StepPlan) -> bool:
        """Return whether there is an approval to call, and a record it is about."""
        ...

    def later(self, duration: str, start: datetime) -> datetime:
        """Return the moment a duration after another."""
        ...


@dataclass(frozen=True)
class Acting:
    """Who acts: ``person`` themselves, or as a deputy for one of ``principals`` (委托)."""

    person: Person
    principals: frozenset[int] = frozenset()

    @property
    def id(self) -> int:
        """The id of whoever acts."""
        return self.person.id

    def may_act_for(self, holder: int) -> bool:
        """Return whether this person acts for the holder of a task."""
        return holder == self.person.id or holder in self.principals

    def deputy_of(self, holder: int) -> Person | None:
        """Return who acts, when it is not the holder."""
        return None if holder == self.person.id else self.person


@dataclass(frozen=True)
class Submission:
    """What is submitted: the plan with its settings, and who submits it. Fields as in ``ApprovalState``.

    ``jump``: the step a returned submission goes straight back to; ``passed`` what had passed before it.
    """

    approval: str
    round: int
    starter: Person
    content: str
    steps: tuple[StepPlan, ...]
    self_: str = "next_manager"
    duplicate: str = "consecutive"
    withdraw: str = "first_decision"
    empty: tuple[Mapping[str, Any], ...] = ()
    origin: Mapping[str, Any] | None = None
    auto_note: Mapping[str, str] | None = None  # set: no person is asked
    rules: Mapping[str, Any] | None = None
    parent: Mapping[str, Any] | None = None
    passed: frozenset[str] = frozenset()  # steps that passed before a return that jumps straight back


def settle_holders(
    found: Sequence[Person],
    *,
    starter: int,
    self_: str,
    manager: Person | None,
    fallback: Sequence[Person],
) -> Holders:
    """Return who is asked, from who the step's rules found (disabled people already left out).

    ``manager`` is the next manager of the starter; ``fallback`` is who the ``empty`` policy names. The starter never
    decides their own submission: with ``next_manager`` the manager is asked in the same place, with ``skip`` the
    starter's part falls away (and with it a step that would ask nobody else), with ``forbid`` it counts as nobody.
    """
    stand_in = manager if self_ == "next_manager" else None
    others = unique(_replace_starter(found, starter, stand_in))
    if others:
        return Holders(others)
    if found and self_ == "skip":
        return Holders((), skip=True)
    return Holders(unique(_replace_starter(fallback, starter, stand_in)))


def unique(people: Sequence[Person]) -> tuple[Person, ...]:
    """Return each person once, where they stand first."""
    first: dict[int, Person] = {}
    for person in people:
        first.setdefault(person.id, person)
    return tuple(first.values())


def _replace_starter(found: Sequence[Person], starter: int, manager: Person | None) -> list[Person]:
    """Put the manager where the starter stands; without one the starter's place falls away."""
    placed = [manager if person.id == starter else person for person in found]
    return [person for person in placed if person is not None and person.id != starter]
