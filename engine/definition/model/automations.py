"""What happens by itself, as written: when, on what condition, and what is done.

Enters: nothing (the parser fills these). Leaves: frozen data in file order. Must not resolve a name.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from engine.definition.model.entities import MakeLinesDefinition
from engine.definition.model.values import ExpressionText, Reference
from engine.definition.model.workflows import AfterDefinition, WhoDefinition
from engine.errors import Location

TriggerKind = Literal[
    "created", "changed", "moved", "approval", "file", "commented", "at", "every", "idle", "button", "webhook",
]  # fmt: skip
DoKind = Literal[
    "set", "create", "move", "assign", "notify", "post", "mail", "call", "dial", "wait", "if", "for_each", "use",
]  # fmt: skip
Share = Literal["turn", "load"]


@dataclass(frozen=True)
class TakeDefinition:
    """One part of what another system sends: its ``type`` and its place, ``("data", "number")``; else its own key."""

    key: str
    location: Location
    type: str
    path: tuple[str, ...] = ()


@dataclass(frozen=True)
class AskedDefinition:
    """One thing that visitors fill in: the part of ``takes`` under its key."""

    key: str
    location: Location
    label: str
    required: bool = False
    help: str | None = None
    options: Mapping[str, str] = field(default_factory=dict)  # what is sent -> label in the default language


@dataclass(frozen=True)
class AboutDefinition:
    """The one record a visitor answers about: how it is shown, while what holds, until which of its days.

    A ``lasting`` one outlives the stage and takes many messages. After ``stale`` without a change it tells its age.
    """

    location: Location
    print: Reference
    when: ExpressionText | None = None
    until: Reference | None = None
    lasting: bool = False
    stale: str | None = None


@dataclass(frozen=True)
class PublicFormDefinition:
    """A page for visitors of a website: what they are asked, and which sites may show it in a frame.

    With ``about`` it is for whoever has the link to one record.
    """

    location: Location
    title: str
    fields: Mapping[str, AskedDefinition]
    intro: str | None = None
    consent: str | None = None
    done: str | None = None
    frames: tuple[Reference, ...] = ()
    about: AboutDefinition | None = None


@dataclass(frozen=True)
class CountedDefinition:
    """A figure that a schedule asks for, over a period."""

    key: str
    location: Location
    figure: Reference
    period: str = "month"


@dataclass(frozen=True)
class TriggerDefinition:
    """The ``on:`` of an automation; exactly one kind is written.

    ``created`` and ``commented``; ``changed``: one of ``fields`` (any when empty), ``from_`` one of these values
    ``to`` one of those, unless it came ``not_via`` one of these ways; ``moved``: ``from_`` and ``to`` stages;
    ``approval``: that approval becomes one of ``to``;
    ``file``: one was added to one of ``fields``; ``at``: at each of ``moments``, for dates at ``time`` of the day;
    ``every``: a schedule in words, for each record, or ``once``; ``idle``: nothing changed for ``span``, or no record
    of ``without`` came; ``button``: one of ``who`` pressed it (whoever may write the record when empty); ``webhook``:
    another system sent something to the address ``hook``, of which ``takes`` is read, about the record whose one field
    in ``find`` has that value; with ``form`` visitors of a website fill it in, too. ``counted`` are figures that a
    schedule that is kept ``once`` has under names.
    """

    kind: TriggerKind
    location: Location
    fields: tuple[Reference, ...] = ()
    from_: tuple[Reference, ...] = ()
    to: tuple[Reference, ...] = ()
    not_via: tuple[str, ...] = ()
    approval: Reference | None = None
    moments: tuple[AfterDefinition, ...] = ()
    time: str | None = None
    every: str = ""
    once: bool = False
    span: str = ""
    without: Reference | None = None
    who: tuple[WhoDefinition, ...] = ()
    hook: Reference | None = None
    takes: Mapping[str, TakeDefinition] = field(default_factory=dict)
    find: Mapping[str, ExpressionText] = field(default_factory=dict)
    form: PublicFormDefinition | None = None
    counted: Mapping[str, CountedDefinition] = field(default_factory=dict)


@dataclass(frozen=True)
class DoDefinition:
    """One step of ``do:``; exactly one kind is written, under which ``name`` or an expression stands.

    ``set``: ``values``; ``create``: a record of ``name`` that links here by ``link``, with ``values``, owned by
    ``owner``; ``move``: the move ``name``; ``assign``: to one of ``who`` by ``share``, who owns less than ``at_most``
    records that satisfy ``counting``, then ``do``, or ``otherwise`` when there is nobody; ``notify``: ``who``;
    ``post``: to the channel ``name``; ``mail``: to the address ``value``; ``call``: the webhook ``name`` with
    ``values``; ``dial``: the number ``value`` through channel ``name``; ``wait``: ``span``; ``if``: ``value``, then
    ``do`` or ``otherwise``; ``for_each``: ``do`` for each record of the collection ``name`` that satisfies ``where``,
    or for each row of the line table ``name`` of the record (``items``) or of one it links to (``plan.rows``);
    ``rest``: what the last record a ``for_each`` makes gets of a sum.
    Below the text of ``notify`` and ``post`` stands a ``report`` or a ``dashboard`` over ``period``, as the reader sees
    it, a group as the first of ``eyes`` does. ``key`` names the texts of a step for translations.
    ``use``: the steps of the part ``name`` of the file.
    """

    kind: DoKind
    location: Location
    name: Reference | None = None
    value: ExpressionText | None = None
    values: Mapping[str, ExpressionText] = field(default_factory=dict)
    rest: Mapping[str, ExpressionText] = field(default_factory=dict)
    lines: Mapping[str, MakeLinesDefinition] = field(default_factory=dict)  # lists in what a ``call`` sends
    link: Reference | None = None
    owner: tuple[WhoDefinition, ...] = ()
    who: tuple[WhoDefinition, ...] = ()
    share: Share = "turn"
    at_most: int | None = None
    counting: ExpressionText | None = None
    title: str | None = None
    text: str | None = None
    text_location: Location | None = None
    key: str | None = None  # of the text, for translations
    report: Reference | None = None
    dashboard: Reference | None = None
    period: str | None = None
    eyes: tuple[WhoDefinition, ...] = ()  # as: whose view a group is shown
    span: str = ""
    where: ExpressionText | None = None
    do: tuple["DoDefinition", ...] = ()
    otherwise: tuple["DoDefinition", ...] = ()


@dataclass(frozen=True)
class AutomationDefinition:
    """One rule of what happens by itself."""

    key: str
    location: Location
    label: str
    on: TriggerDefinition
    do: tuple[DoDefinition, ...]
    when: ExpressionText | None = None
    was: str | None = None
    retired: str | None = None  # the reason; it is not started any more


@dataclass(frozen=True)
class AutomationsDefinition:
    """What happens by itself with the records of one entity."""

    key: str
    location: Location
    entity: Reference
    rules: Mapping[str, AutomationDefinition]
    parts: Mapping[str, tuple[DoDefinition, ...]] = field(default_factory=dict)
    calendar: Reference | None = None
