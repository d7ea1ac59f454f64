"""Compiled automations: what starts one, and a program of steps with jumps instead of branches.

Enters: nothing (the compiler fills these). Leaves: frozen data asked for at each event. Must not know SQL or HTTP.

A program is flat, so that where a run stands is one number: a run that waits is a row with that number and a moment.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time, timedelta
from typing import Literal

from engine.compiler.app.fields import Field
from engine.compiler.app.parts import Expression, Label
from engine.compiler.app.workflows import Moment
from engine.definition.model import DoKind, TriggerKind, WhoDefinition
from engine.errors import Location
from engine.expression import Type

NOTHING = ""
"""The shape of what runs for no record."""


@dataclass(frozen=True)
class Schedule:
    """When something happens again and again: on which ``day`` at which ``time``, or every so many ``minutes``."""

    day: str = "day"  # as written: "working day", "Monday", "first of month"
    at: time = time(9)
    minutes: int | None = None


@dataclass(frozen=True)
class Take:
    """One part of what another system sends: how it is read, like a field, and where in the body it stands."""

    field: Field
    path: tuple[str, ...]


@dataclass(frozen=True)
class Asked:
    """One thing that visitors fill in; ``options`` are what can be chosen, anything when there are none."""

    label: Label
    required: bool = False
    help: Label = field(default_factory=dict)
    options: Mapping[str, Label] = field(default_factory=dict)


@dataclass(frozen=True)
class About:
    """The one record a visitor answers about: its print, the condition under which, its last day if it has one.

    A ``lasting`` one outlives the stage and takes many messages. Without a change for longer than ``stale``, the page
    says as of when it is.
    """

    print: str
    when: Expression | None = None
    until: str = ""
    lasting: bool = False
    stale: timedelta | None = None


@dataclass(frozen=True)
class PublicForm:
    """A page for visitors of a website; ``frames`` are the sites that may show it in a frame.

    With ``about`` it is for whoever has the link to one record.
    """

    title: Label
    asked: Mapping[str, Asked]
    intro: Label = field(default_factory=dict)
    consent: Label = field(default_factory=dict)
    done: Label = field(default_factory=dict)
    frames: tuple[str, ...] = ()
    about: About | None = None


@dataclass(frozen=True)
class CountedFigure:
    """A figure that a schedule asks for: its key, of which period, and as what expressions have it."""

    figure: str
    period: str
    type: Type


@dataclass(frozen=True)
class Trigger:
    """What starts an automation; see ``TriggerDefinition`` for what goes with which kind.

    ``without`` is the entity of the records waited for and its link to this one; ``find`` the field of the record
    that a webhook is about, and the value it has; ``form`` asks visitors for what it takes; ``counted`` are figures
    that what runs for no record has under names.
    """

    kind: TriggerKind
    fields: frozenset[str] = frozenset()
    from_: frozenset[str] = frozenset()
    to: frozenset[str] = frozenset()
    not_via: frozenset[str] = frozenset()
    approval: str | None = None
    moments: tuple[Moment, ...] = ()
    time: time = time(9)
    schedule: Schedule | None = None
    once: bool = False
    span: str = ""
    without: tuple[str, str] | None = None
    who: tuple[WhoDefinition, ...] = ()
    hook: str = ""
    takes: Mapping[str, Take] = field(default_factory=dict)
    find: tuple[str, Expression] | None = None
    form: PublicForm | None = None
    counted: Mapping[str, CountedFigure] = field(default_factory=dict)


@dataclass(frozen=True)
class Hole:
    """A place in a text: a value, and the field or the ``figure`` it is written like, if it is one."""

    value: Expression
    field: tuple[str, str] | None = None
    figure: str | None = None


Template = Mapping[str, tuple[str | Hole, ...]]
"""A text with holes, by language; empty when nothing was written."""


@dataclass(frozen=True)
class Do:
    """One thing done; see ``DoDefinition``. ``path`` names it in a trace: ``2.then.1``, counted from 1.

    ``if`` goes on at instruction ``other`` unless ``value`` is true; ``skip`` goes on there always. ``rows`` is where
    the rows of a ``for_each`` stand: a link field, or nothing for the record itself, and the line table.
    """

    kind: DoKind | Literal["skip"]
    path: str
    location: Location
    name: str = ""
    value: Expression | None = None
    values: Mapping[str, Expression] = field(default_factory=dict)
    link: str = ""
    owner: tuple[WhoDefinition, ...] = ()
    who: tuple[WhoDefinition, ...] = ()
    share: Literal["turn", "load"] = "turn"
    at_most: int | None = None
    counting: Expression | None = None
    title: Template = field(default_factory=dict)
    text: Template = field(default_factory=dict)
    report: str = ""
    dashboard: str = ""
    period: str | None = None
    eyes: tuple[WhoDefinition, ...] = ()
    span: str = ""
    where: Expression | None = None
    rest: Mapping[str, Expression] = field(default_factory=dict)
    rows: tuple[str, str] | None = None
    lines: Mapping[str, "Do"] = field(default_factory=dict)  # of a ``call``: a ``for_each`` whose values are a row's
    do: tuple["Do", ...] = ()
    other: int = 0


@dataclass(frozen=True)
class Automation:
    """One rule of what happens by itself; ``key`` is ``instalment.reminder``.

    ``digest`` is that of its program: a run that waits goes on only in the program it began.
    """

    key: str
    label: Label
    location: Location
    entity: str  # NOTHING when it runs for no record
    on: Trigger
    when: Expression | None
    do: tuple[Do, ...]
    digest: str
    calendar: str | None = None
    was: str | None = None
    retired: bool = False

    @property
    def only_tells(self) -> bool:
        """Whether all it does is telling people something."""
        return all(step.kind in _TELLING for step in self.do)


_TELLING = ("notify", "post", "mail", "if", "skip", "wait")
