"""A compiled app: everything the engine needs to run a template.

Enters: nothing (the compiler fills these). Leaves: frozen data asked for on every request. Must not know SQL or HTTP.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cached_property

from engine.compiler.app.approvals import Approval
from engine.compiler.app.automations import Automation
from engine.compiler.app.entities import Entity
from engine.compiler.app.modules import Choices, Module, find_closed, find_off, find_on, without
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
class MenuGroup:
    """Things of the menu under one heading."""

    key: str
    label: Label
    things: tuple[str, ...]


@dataclass(frozen=True)
class TourStep:
    """One stop of a tour: ``kind`` and ``name`` say what it points at on its page, none when at the page itself."""

    key: str
    page: str
    entity: str | None
    kind: str | None
    name: str | None
    text: Label


@dataclass(frozen=True)
class TourFinish:
    """What is made for whoever comes to the end: ``make`` of the first record of ``entity`` that ``where`` finds."""

    entity: str
    where: Expression
    make: str


@dataclass(frozen=True)
class Tour:
    """A task shown step by step on the pages."""

    key: str
    label: Label
    roles: frozenset[str]
    steps: tuple[TourStep, ...]
    finish: TourFinish | None = None

    def entities(self) -> frozenset[str]:
        """Return the entities it goes through."""
        return frozenset(one.entity for one in self.steps if one.entity is not None)


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
    menu_groups: tuple[MenuGroup, ...] = ()
    chain: tuple[str, ...] = ()
    ask_export_above: int = 500  # rows of an export that need no approval, at most
    keep: Keep = field(default_factory=lambda: Keep())
    automations: Mapping[str, Automation] = field(default_factory=dict)
    figures: Mapping[str, Figure] = field(default_factory=dict)
    reports: Mapping[str, Report] = field(default_factory=dict)
    funnels: Mapping[str, Funnel] = field(default_factory=dict)
    dashboards: Mapping[str, Dashboard] = field(default_factory=dict)
    modules: Mapping[str, Module] = field(default_factory=dict)
    tours: Mapping[str, Tour] = field(default_factory=dict)
    choices: Choices = Choices()

    def chosen(self, choices: Choices) -> "CompiledApp":
        """Return this app as administrators chose it to be; ``digest`` stays that of what was written."""
        if choices == self.choices:
            return self
        name, zone = choices.name, choices.timezone
        label = dict.fromkeys(self.languages, name) if name is not None else self.label
        found = replace(self, choices=choices, label=label, timezone=zone or self.timezone)
        if not found.off:
            return found
        entities = {
            key: one if key in found.off else without(one, found.off, self.entities)
            for key, one in self.entities.items()
        }
        automations = {key: one for key, one in self.automations.items() if one.entity not in found.off}
        return replace(found, entities=entities, automations=automations)

    @cached_property
    def on(self) -> frozenset[str]:
        """The modules that are on."""
        return find_on(self.modules, self.choices.modules)

    @cached_property
    def off(self) -> frozenset[str]:
        """The entities that are switched off: for everybody as if they were not there; their data stays."""
        return find_off(self.modules, self.on, self.entities)

    def find_open(self, key: str | None) -> Entity | None:
        """Return an entity that is there and not switched off."""
        return None if key is None or key in self.off else self.entities.get(key)

    @cached_property
    def closed(self) -> Mapping[str, frozenset[str]]:
        """The fields of each entity that are closed while what they lead to is off."""
        return {key: find_closed(one, self.off) if self.off else frozenset() for key, one in self.entities.items()}

    @cached_property
    def automations_of(self) -> Mapping[str, tuple[Automation, ...]]:
        """The automations in use, by the entity they are for."""
        used = [one for one in self.automations.values() if not one.retired]
        keys = dict.fromkeys(one.entity for one in used)
        return {key: tuple(one for one in used if one.entity == key) for key in keys}


@dataclass(frozen=True)
class PrintList:
    """Records of ``entity`` that link to the printed one by ``via``.

    ``sort`` is a field, and whether its largest value comes first.
    """

    key: str
    label: Label
    entity: str
    via: str
    columns: tuple[str, ...]
    where: Expression | None = None
    sort: tuple[str, bool] | None = None


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
    lists: tuple[PrintList, ...] = ()
