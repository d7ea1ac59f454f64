"""Compiled approvals: steps of people over a record.

Enters: nothing (the compiler fills these). Leaves: frozen data asked for on every request. Must not know SQL or HTTP.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from engine.compiler.app.parts import Expression, Label
from engine.definition.model import (
    CopiesDefinition,
    LateDefinition,
    ReturnDefinition,
    RevokeDefinition,
    UrgeDefinition,
    WhoDefinition,
    WithdrawDefinition,
)
from engine.errors import Location


@dataclass(frozen=True)
class Branch:
    """One of the branches of a parallel step; its steps have ``key`` as their ``within``."""

    key: str  # "countersign.tech"
    label: Label
    when: Expression | None
    otherwise: bool  # taken when the condition of none holds


@dataclass(frozen=True)
class Step:
    """One step, of the kind its definition says: ``people``, ``work``, ``parallel`` or ``call``.

    ``within`` is the branch it stands in, "" for a step of the approval itself.
    """

    key: str
    label: Label
    location: Location
    who: tuple[WhoDefinition, ...]
    when: Expression | None
    decide: Literal["any", "all", "in_order", "share"]
    due: str | None
    allow: frozenset[str]
    reason: frozenset[str]
    kind: Literal["people", "work", "parallel", "call"] = "people"
    within: str = ""
    share: str = ""
    refuse: Literal["first", "all", "counted"] = "all"
    veto: tuple[WhoDefinition, ...] = ()
    work: tuple[str, ...] = ()
    branches: tuple[Branch, ...] = ()
    call: str = ""
    of: str = ""
    claim: bool = False
    signature: bool = False
    cc: tuple[WhoDefinition, ...] = ()
    late: tuple[LateDefinition, ...] = ()
    was: str | None = None


@dataclass(frozen=True)
class Approval:
    """Steps of people over a record; ``steps`` holds those inside branches too, in the order of the file."""

    key: str
    entity: str
    label: Label
    let: Mapping[str, Expression]
    let_labels: Mapping[str, Label]
    show: tuple[str, ...]
    auto_pass: Expression | None
    auto_pass_note: Label
    guard: frozenset[str]
    self_: Literal["forbid", "skip", "next_manager"]
    duplicate: Literal["none", "consecutive", "all"]
    empty: tuple[WhoDefinition, ...]
    withdraw: WithdrawDefinition
    return_: ReturnDefinition
    cc: CopiesDefinition
    revoke: RevokeDefinition | None
    urge: UrgeDefinition
    steps: Mapping[str, Step]
