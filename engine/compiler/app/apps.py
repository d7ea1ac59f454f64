"""A compiled app: everything the engine needs to run a template.

Enters: nothing (the compiler fills these). Leaves: frozen data asked for on every request. Must not know SQL or HTTP.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property

from engine.compiler.app.approvals import Approval
from engine.compiler.app.automations import Automation
from engine.compiler.app.entities import Entity
from engine.compiler.app.parts import Expression, Label
from engine.compiler.app.reports import Dashboard, Figure, Funnel, Report
from engine.compiler.app.rollups import RollUps
from engine.definition.model import CalendarDefinition, PrintDefinition
from engine.errors import Location


@dataclass(frozen=True)
class Role:
    """A role people hold, or, as a ``service``, programs alone."""

    key: str
    label: Label
    was: str | None = None
    retired: bool = False  # nobody is given it
    location: Location | None = None
    service: bool = False


@dataclass(frozen=True)
class Group:
    """People who are asked together."""

    key: str
    label: Label


@dataclass(frozen=True)
class Keep:
    """How long what happened behind the pages is kept after its end: runs and timers, messages, events."""

    runs: timedelta = timedelta(days=180)
    messages: timedelta = timedelta(days=90)
    events: timedelta = timedelta(days=30)


@dataclass(frozen=True)
class CompiledApp:
    """Everything the engine needs to run a template."""

    key: str
    label: Label
    version: str
    digest: str  # sha256 over the sources, hexadecimal
    language: str
    languages: tuple[str, ...]
    timezone: str
    currency: str
    roles: Mapping[str, Role]
    menu: tuple[str, ...]
    calendar: CalendarDefinition
    entities: Mapping[str, Entity]
    approvals: Mapping[str, Approval]
    prints: Mapping[str, "Print"]
    untranslated: Mapping[str, Mapping[str, str]]  # language -> place in its locale -> the text to translate
    rollups: RollUps = field(default_factory=RollUps)
    calendars: Mapping[str, CalendarDefinition] = field(default_factory=dict)
    groups: Mapping[str, Group] = field(default_factory=dict)
    chain: tuple[str, ...] = ()
    ask_export_above: int = 500  # rows of an export that need no approval, at most
    keep: Keep = field(default_factory=lambda: Keep())
    automations: Mapping[str, Automation] = field(default_factory=dict)
    figures: Mapping[str, Figure] = field(default_factory=dict)
    reports: Mapping[str, Report] = field(default_factory=dict)
    funnels: Mapping[str, Funnel] = field(default_factory=dict)
    dashboards: Mapping[str, Dashboard] = field(default_factory=dict)

    @cached_property
    def automations_of(self) -> Mapping[str, tuple[Automation, ...]]:
        """The automations in use, by the entity they are for."""
        used = [one for one in self.automations.values() if not one.retired]
        keys = dict.fromkeys(one.entity for one in used)
        return {key: tuple(one for one in used if one.entity == key) for key in keys}


@dataclass(frozen=True)
class Print:
    """A printed page; ``definition`` holds the checked names."""

    key: str
    entity: str
    label: Label
    title: Label
    definition: PrintDefinition
    watermark: Label
    watermark_when: Expression | None
    notes: tuple[Label, ...]
    signatures: tuple[Label, ...]
