"""Compiled stages and moves.

Enters: nothing (the compiler fills these). Leaves: frozen data asked for on every request. Must not know SQL or HTTP.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

from engine.compiler.app.parts import Expression, Label
from engine.definition.model import WhoDefinition
from engine.errors import Location


@dataclass(frozen=True)
class Requirement:
    """One thing needed to enter or leave a stage.

    For ``link``: ``via`` is the link field of ``link`` pointing here, ``by`` its date that ``within`` looks at. For
    ``approval``: ``of`` is the link field to the record that was approved, None for this one.
    """

    key: str
    kind: Literal["fields", "file", "link", "check", "approval"]
    message: Label  # empty when the author wrote none
    location: Location
    fields: tuple[str, ...] = ()
    file: str | None = None
    link: str | None = None
    via: str | None = None
    where: Expression | None = None
    check: Expression | None = None
    min: int = 1
    accept: frozenset[str] = frozenset()
    newer_than: str | None = None
    within: str | None = None
    by: str = "created_at"
    approval: str | None = None
    of: str | None = None


@dataclass(frozen=True)
class Stage:
    """Where a record can be."""

    key: str
    label: Label
    outcome: bool
    tone: str
    due: str | None
    enter: tuple[Requirement, ...]
    leave: tuple[Requirement, ...]
    locked: frozenset[str]  # fields that cannot be edited here (written `lock`, and the guard of a running approval)
    in_approval: str | None  # the approval that runs while a record is here
    was: str | None = None
    retired: bool = False  # nothing enters it
    location: Location | None = None


@dataclass(frozen=True)
class Move:
    """A way between stages. ``to`` has one stage; with ``approval`` the record waits in ``during``."""

    key: str
    label: Label
    location: Location
    from_: frozenset[str]
    to: str
    who: tuple[WhoDefinition, ...]
    when: Expression | None
    reason: Literal["none", "optional", "required"]
    approval: str | None
    during: str | None
    refused: str | None
    set: Mapping[str, Expression]
    main: bool
    forward: bool  # leads to a later stage
    was: str | None = None
    retired: bool = False  # starts nowhere
    returning: frozenset[str] = frozenset()  # the outcomes from which it only leads back to where the record was before


@dataclass(frozen=True)
class Moment:
    """When a timer fires: ``share`` of the time to the stage's due, or ``amount`` before or after ``of``.

    ``of`` is ``stage`` (the record entered it), ``due``, or a date or datetime field.
    """

    of: str
    share: Decimal | None = None
    amount: str | None = None
    before: bool = False

    @property
    def field(self) -> str | None:
        """The field of the record it is counted from."""
        return self.of if self.of not in ("stage", "due") else None


@dataclass(frozen=True)
class TimerAction:
    """One thing a timer does: ``remind`` people, set the flag or make the move ``name``."""

    kind: Literal["remind", "flag", "move"]
    remind: tuple[str, ...] = ()
    name: str = ""


@dataclass(frozen=True)
class StageTimer:
    """What happens at a moment of a record's stay in one of ``stages``; ``every`` so long again, ``at_most`` times."""

    key: str
    location: Location
    moment: Moment
    stages: frozenset[str]
    do: tuple[TimerAction, ...]
    every: str | None
    at_most: int
    message: Label  # empty when the author wrote none
    was: str | None = None


@dataclass(frozen=True)
class Flag:
    """A mark on a record."""

    key: str
    label: Label
    tone: str


@dataclass(frozen=True)
class Workflow:
    """Stages and moves of one entity; ``first`` is where a new record starts."""

    key: str
    label: Label
    stages: Mapping[str, Stage]
    moves: Mapping[str, Move]
    first: str
    calendar: str | None = None
    timers: Mapping[str, StageTimer] = field(default_factory=dict)
    flags: Mapping[str, Flag] = field(default_factory=dict)
    apart: str | None = None  # the link field whose records must not share a file as evidence
    became: Mapping[str, str] = field(default_factory=dict)  # stage that is gone -> where its records go
