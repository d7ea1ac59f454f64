"""Steps of people over a record, as written.

Enters: nothing (the parser fills these). Leaves: frozen data in file order. Must not resolve a name.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from engine.definition.model.values import ExpressionText, Reference
from engine.definition.model.workflows import WhoDefinition
from engine.errors import Location


@dataclass(frozen=True)
class LateActionDefinition:
    """One thing that happens when a task is late; exactly one of the kinds is written."""

    location: Location
    remind: tuple[WhoDefinition, ...] = ()
    escalate: tuple[WhoDefinition, ...] = ()
    hand_over: tuple[WhoDefinition, ...] = ()
    pass_: bool = False


@dataclass(frozen=True)
class LateDefinition:
    """What happens at a moment: ``at`` is a percentage of the due time, or a duration after the task opened."""

    key: str
    location: Location
    at: str
    do: tuple[LateActionDefinition, ...]


@dataclass(frozen=True)
class BranchDefinition:
    """One of the branches of a parallel step."""

    key: str
    location: Location
    label: str
    steps: Mapping[str, "StepDefinition"]
    when: ExpressionText | None = None


@dataclass(frozen=True)
class StepDefinition:
    """One step: of people who decide (any 或签, all 会签, in_order 依次, share 票签), of work (办理, with ``work``), of
    branches side by side (``parallel``), or of another approval (``call``)."""

    key: str
    location: Location
    label: str
    who: tuple[WhoDefinition, ...] = ()
    when: ExpressionText | None = None
    decide: Literal["any", "all", "in_order", "share"] = "any"
    share: str | None = None
    refuse: Literal["first", "all", "counted"] | None = None
    veto: tuple[WhoDefinition, ...] = ()
    due: str | None = None
    allow: tuple[str, ...] | None = None
    reason: tuple[str, ...] | None = None
    work: tuple[Reference, ...] = ()
    parallel: Mapping[str, BranchDefinition] = field(default_factory=dict)
    otherwise: Reference | None = None
    call: Reference | None = None
    of: Reference | None = None
    claim: bool = False
    signature: Literal["handwritten"] | None = None
    cc: tuple[WhoDefinition, ...] = ()
    late: Mapping[str, LateDefinition] = field(default_factory=dict)
    was: str | None = None


@dataclass(frozen=True)
class ApprovalDefaults:
    """What holds for every step that does not say otherwise."""

    due: str | None = None
    self_: Literal["forbid", "skip", "next_manager"] = "next_manager"
    duplicate: Literal["none", "consecutive", "all"] = "consecutive"
    empty: tuple[WhoDefinition, ...] = ()  # who is asked when nobody is found; the parser fills {role: admin}
    allow: tuple[str, ...] = ("approve", "refuse", "return", "comment")
    reason: tuple[str, ...] = ("refuse", "return")


@dataclass(frozen=True)
class AutoPassDefinition:
    """When no person is asked at all."""

    location: Location
    when: ExpressionText
    note: str


@dataclass(frozen=True)
class ReturnDefinition:
    """Where a task may be sent back to, and what follows."""

    to: tuple[Literal["starter", "done_step"], ...] = ("starter",)
    then: Literal["replay", "jump"] = "replay"


@dataclass(frozen=True)
class WithdrawDefinition:
    """Taking a submission back."""

    until: Literal["never", "first_decision", "any_time"] = "first_decision"
    data: Literal["keep", "restore"] = "keep"


@dataclass(frozen=True)
class CopiesDefinition:
    """Who gets a copy when it is submitted, ends, or is refused."""

    started: tuple[WhoDefinition, ...] = ()
    finished: tuple[WhoDefinition, ...] = ()
    refused: tuple[WhoDefinition, ...] = ()


@dataclass(frozen=True)
class RevokeDefinition:
    """Undoing what was approved, through another approval."""

    through: Reference
    within: str | None = None


@dataclass(frozen=True)
class UrgeDefinition:
    """How often the starter may remind."""

    every: str = "4wh"
    at_most: int = 3


@dataclass(frozen=True)
class ApprovalDefinition:
    """Steps of people over a record; ``guard`` are the fields the decision is about."""

    key: str
    location: Location
    entity: Reference
    label: str
    steps: Mapping[str, StepDefinition]
    let: Mapping[str, ExpressionText] = field(default_factory=dict)
    show: tuple[Reference, ...] = ()  # names of `let` or fields shown to whoever decides, in this order
    labels: Mapping[str, str] = field(default_factory=dict)  # labels of `let` names
    auto_pass: AutoPassDefinition | None = None
    guard: tuple[Reference, ...] = ()
    defaults: ApprovalDefaults = field(default_factory=ApprovalDefaults)
    withdraw: WithdrawDefinition = WithdrawDefinition()
    return_: ReturnDefinition = ReturnDefinition()
    cc: CopiesDefinition = CopiesDefinition()
    revoke: RevokeDefinition | None = None
    urge: UrgeDefinition = UrgeDefinition()
