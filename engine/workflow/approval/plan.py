"""What an approval asks for, kept with it from its first event on: steps, branches, and whom each step asks.

Enters: nothing (``planning`` and the fold fill these). Leaves: frozen values. Must not know who decided what: that is
the state.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Decide = Literal["any", "all", "in_order", "share"]
Refuse = Literal["first", "all", "counted"]
StepKind = Literal["people", "work", "parallel", "call"]

REFUSE_DEFAULTS: Mapping[Decide, Refuse] = {"any": "all", "all": "first", "in_order": "first", "share": "counted"}
"""When a step is refused unless its definition says otherwise."""


@dataclass(frozen=True)
class Why:
    """Why a person is asked: the rule that found them, and ``note`` if they stand in for somebody.

    ``kind`` and ``name`` are those of the ``who:`` entry; ``of`` names the person it started from. ``note``: ``self``
    (instead of the starter), ``empty`` (nobody else was found), ``transfer`` (handed over by ``of``), ``late`` (handed
    over or asked as well because it was late), ``added`` (added by ``of``), ``consult`` (asked for advice by ``of``).
    """

    kind: str
    name: str = ""
    of: str = ""
    note: str = ""


@dataclass(frozen=True)
class Person:
    """A person as named in an approval; the name is kept as it was then."""

    id: int
    name: str
    why: Why = field(default=Why(""))

    def to_data(self) -> dict[str, Any]:
        """Return the person as plain JSON."""
        return {"id": self.id, "name": self.name, "why": dict(vars(self.why))}


@dataclass(frozen=True)
class BranchPlan:
    """One branch of a parallel step; ``key`` is ``step.branch``, the ``within`` of the steps it holds."""

    key: str
    label: Mapping[str, str]
    applies: bool = True
    when: str = ""


@dataclass(frozen=True)
class LatePlan:
    """What happens to an open task at a moment counted from when it opened.

    ``at`` is a share of the due time (``50%``) or a duration after it opened; ``do`` holds one action a mapping:
    ``{"remind": rules}``, ``{"escalate": rules}``, ``{"hand_over": rules}`` or ``{"pass": True}``.
    """

    key: str
    at: str
    do: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True)
class StepPlan:
    """What a step asks for, kept with the approval. ``who`` are the rules as data, read again when the step opens.

    ``within`` is the branch the step stands in, "" for the steps of the approval itself. ``share`` is written as in
    the definition: ``2/3``, ``60%`` or a number of people.
    """

    key: str
    label: Mapping[str, str]
    who: tuple[Mapping[str, Any], ...] = ()
    decide: Decide = "any"
    refuse: Refuse = "all"
    due: str | None = None
    allow: tuple[str, ...] = ("approve", "refuse", "return", "comment")
    reason: tuple[str, ...] = ("refuse", "return")
    when: str = ""  # the condition in its own words, "" when the step always applies
    place: str = ""  # file:line:column of the step
    applies: bool = True  # whether the condition held when the record was submitted
    kind: StepKind = "people"
    within: str = ""
    branches: tuple[BranchPlan, ...] = ()  # of a parallel step
    share: str = ""
    veto: tuple[Mapping[str, Any], ...] = ()
    fields: tuple[str, ...] = ()  # of a work step: what has to be filled in
    call: str = ""  # the approval this step waits for
    of: str = ""  # the link field of the record that approval is about, "" for the record itself
    claim: bool = False  # somebody takes it before deciding
    signature: bool = False  # approving needs a handwritten signature
    cc: tuple[Mapping[str, Any], ...] = ()
    late: tuple[LatePlan, ...] = ()

    def to_data(self) -> dict[str, Any]:
        """Return the step as plain JSON."""
        plain: dict[str, Any] = to_plain(vars(self))
        return plain


def read_plan(data: Mapping[str, Any]) -> StepPlan:
    """Return a step from its plain JSON; what a release before this one did not write has its default."""
    lists = {name: tuple(value) for name, value in data.items() if isinstance(value, list)}
    given = {**data, **lists}
    given["branches"] = tuple(BranchPlan(**one) for one in data.get("branches", ()))
    given["late"] = tuple(LatePlan(**{**one, "do": tuple(one["do"])}) for one in data.get("late", ()))
    return StepPlan(**given)


def read_person(data: Mapping[str, Any]) -> Person:
    """Return a person from plain JSON."""
    return Person(data["id"], data["name"], Why(**data["why"]))


def to_plain(value: Any) -> Any:
    """Return frozen values of this module as plain JSON."""
    if isinstance(value, BranchPlan | LatePlan):
        return to_plain(vars(value))
    if isinstance(value, Mapping):
        return {key: to_plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_plain(item) for item in value]
    return value
