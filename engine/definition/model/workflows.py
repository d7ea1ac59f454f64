"""The stages of an entity and the moves between them, as written.

Enters: nothing (the parser fills these). Leaves: frozen data in file order. Must not resolve a name.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

from engine.definition.model.values import ExpressionText, Reference
from engine.errors import Location

WhoKind = Literal[
    "role", "user", "field", "group", "owner", "starter", "holder", "manager_of", "managers_of", "head_of",
    "department", "chosen_by",
]  # fmt: skip


@dataclass(frozen=True)
class WhoDefinition:
    """One entry of a ``who:`` list, such as ``{role: manager}`` or ``{manager_of: starter}``.

    ``role``: all its holders, or those responsible for the value of field ``match``; ``group``; ``user``: a login;
    ``field``: a field of people of the record; ``owner``, ``starter``, ``holder`` (of a late task); ``manager_of`` one
    of these; ``managers_of``: one manager after another, up to the first who holds ``up_to``, or so many ``levels``;
    ``head_of``: of the department of ``owner``, ``starter`` or ``record``; ``department``: the head of this one;
    ``chosen_by``: whom the starter chooses, ``min`` to ``max`` people of those in ``from_`` (anybody when empty).
    """

    kind: WhoKind
    location: Location
    name: str = ""
    up_to: Reference | None = None
    levels: int | None = None
    match: Reference | None = None
    from_: tuple["WhoDefinition", ...] = ()
    min: int = 1
    max: int = 1


@dataclass(frozen=True)
class RequirementDefinition:
    """One thing a record needs to enter (or leave) a stage; exactly one of the kinds is written.

    ``fields``: these are filled; ``file``: that file field holds at least ``min`` files, of the kinds in ``accept`` and
    uploaded within ``newer_than``; ``link``: at least ``min`` records of entity ``link`` point here, satisfy ``where``
    and lie ``within`` that time, counted by their date ``by``; ``check``: the expression is true; ``approval``: that
    approval passed, of this record or of the one in link field ``of``, and nothing it guards has changed since.
    """

    key: str
    location: Location
    kind: Literal["fields", "file", "link", "check", "approval"]
    fields: tuple[Reference, ...] = ()
    file: Reference | None = None
    accept: tuple[str, ...] = ()
    newer_than: str | None = None
    link: Reference | None = None
    where: ExpressionText | None = None
    within: str | None = None
    by: Reference | None = None
    approval: Reference | None = None
    of: Reference | None = None
    check: ExpressionText | None = None
    min: int = 1
    message: str | None = None


@dataclass(frozen=True)
class StageDefinition:
    """Where a record can be. An outcome is a stage that ends the way (``outcome`` is true)."""

    key: str
    location: Location
    label: str
    outcome: bool = False
    tone: Literal["neutral", "info", "success", "warning", "danger"] = "neutral"
    due: str | None = None  # "7wd"
    enter: Mapping[str, RequirementDefinition] = field(default_factory=dict)
    leave: Mapping[str, RequirementDefinition] = field(default_factory=dict)
    lock: tuple[Reference, ...] = ()  # fields that cannot be edited here; `all` for every field
    was: str | None = None
    retired: str | None = None  # the reason; nothing enters it any more


@dataclass(frozen=True)
class MoveDefinition:
    """A way between stages, named by its verb.

    With ``approval`` it waits in ``during`` until people decided, then enters ``to``, else ``refused`` (or goes back).
    """

    key: str
    location: Location
    label: str
    from_: tuple[Reference, ...]  # stage keys, or `any`
    to: tuple[Reference, ...]
    who: tuple[WhoDefinition, ...] = ()  # empty: whoever may write the record
    when: ExpressionText | None = None
    reason: Literal["none", "optional", "required"] = "none"
    approval: Reference | None = None
    during: Reference | None = None
    refused: Reference | None = None
    set: Mapping[str, ExpressionText] = field(default_factory=dict)
    main: bool = False  # the one main action of the page in these stages
    was: str | None = None
    retired: str | None = None  # the reason; nobody can make it


@dataclass(frozen=True)
class AfterDefinition:
    """The moment of a timer: ``80% of due``, ``due``, ``2wd after due``, ``3d before valid_until``, ``5wd``.

    ``share`` of the time to ``due`` (0.8), or ``amount`` before or after ``of``; ``of`` is None for the moment a record
    entered its stage, ``due``, or a date field of the record.
    """

    location: Location
    share: Decimal | None = None
    amount: str | None = None
    before: bool = False
    of: Reference | None = None


@dataclass(frozen=True)
class ActionDefinition:
    """One thing a timer does: ``remind`` people, set a ``flag``, or make a ``move``."""

    kind: Literal["remind", "flag", "move"]
    location: Location
    remind: tuple[Literal["owner", "manager"], ...] = ()
    name: Reference | None = None


@dataclass(frozen=True)
class TimerDefinition:
    """What happens while a record stays in a stage: in those of ``in``, else in every stage the moment makes sense in.

    With ``every`` it happens again after each such amount of time, ``at_most`` times in all.
    """

    key: str
    location: Location
    after: AfterDefinition
    do: tuple[ActionDefinition, ...]
    in_: tuple[Reference, ...] = ()
    every: str | None = None
    at_most: int = 1
    message: str | None = None
    was: str | None = None


@dataclass(frozen=True)
class FlagDefinition:
    """A mark on a record that people see and filter by."""

    key: str
    location: Location
    label: str
    tone: Literal["neutral", "info", "success", "warning", "danger"] = "warning"


@dataclass(frozen=True)
class EvidenceDefinition:
    """What is watched about the evidence of moves: ``apart`` is the link whose records must not share a file."""

    location: Location
    apart: Reference


@dataclass(frozen=True)
class WorkflowDefinition:
    """The stages of one entity and the moves between them."""

    key: str
    location: Location
    entity: Reference
    label: str
    stages: Mapping[str, StageDefinition]  # outcomes included, after the stages
    moves: Mapping[str, MoveDefinition]
    became: Mapping[str, Reference] = field(default_factory=dict)  # a stage that is gone -> where its records go
    forward: Literal["written", "next_only"] = "written"  # next_only: a move to the next stage is made for each stage
    calendar: Reference | None = None
    timers: Mapping[str, TimerDefinition] = field(default_factory=dict)
    flags: Mapping[str, FlagDefinition] = field(default_factory=dict)
    evidence: EvidenceDefinition | None = None
