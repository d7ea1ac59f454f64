"""A whole template as written: its settings, roles, printed pages and everything the other files define.

Enters: nothing (the parser fills these). Leaves: frozen data in file order. Must not resolve a name.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.definition.model.approvals import ApprovalDefinition
from engine.definition.model.automations import AutomationsDefinition
from engine.definition.model.entities import EntityDefinition
from engine.definition.model.reports import DashboardDefinition, ReportsDefinition
from engine.definition.model.values import ExpressionText, Reference
from engine.definition.model.workflows import WorkflowDefinition
from engine.errors import Location


@dataclass(frozen=True)
class PrintListDefinition:
    """Records that link to the printed one, below its lines; ``sort`` may begin with a minus."""

    key: str
    location: Location
    columns: tuple[Reference, ...]
    label: str | None = None
    where: ExpressionText | None = None
    sort: Reference | None = None


@dataclass(frozen=True)
class PrintDefinition:
    """A printed page of an entity."""

    key: str
    location: Location
    entity: Reference
    label: str
    title: str
    head: tuple[Reference, ...] = ()
    lines: Reference | None = None
    columns: tuple[Reference, ...] = ()
    lists: Mapping[str, PrintListDefinition] = field(default_factory=dict)
    totals: tuple[Reference, ...] = ()
    words: Reference | None = None  # a money field printed in capitals
    notes: tuple[str, ...] = ()
    signatures: tuple[str, ...] = ()
    watermark: str | None = None
    watermark_when: ExpressionText | None = None


@dataclass(frozen=True)
class RoleDefinition:
    """A role people hold, or, as a ``service``, programs alone."""

    key: str
    location: Location
    label: str
    service: bool = False
    was: str | None = None
    retired: str | None = None  # the reason; nobody is given it


@dataclass(frozen=True)
class GroupDefinition:
    """People who are asked together; unlike a role it gives no rights."""

    key: str
    location: Location
    label: str


@dataclass(frozen=True)
class ModuleDefinition:
    """Things that are switched on and off together; ``off`` says how it begins, ``phase`` (1 to 4) when it comes."""

    key: str
    location: Location
    label: str
    entities: tuple[Reference, ...]
    help: str | None = None
    needs: tuple[Reference, ...] = ()
    phase: int = 1
    off: bool = False


@dataclass(frozen=True)
class MenuGroupDefinition:
    """Things of the menu under one heading."""

    key: str
    location: Location
    label: str
    things: tuple[Reference, ...]


@dataclass(frozen=True)
class TourStepDefinition:
    """One stop of a tour: a page, and at most one thing on it."""

    key: str
    location: Location
    page: str
    text: str
    entity: Reference | None = None
    field: Reference | None = None
    section: Reference | None = None
    move: Reference | None = None
    make: Reference | None = None
    button: Reference | None = None
    part: Reference | None = None


@dataclass(frozen=True)
class TourFinishDefinition:
    """What the end of a tour notes: a ``make`` of the first record of an entity that ``where`` finds."""

    location: Location
    from_: Reference
    where: ExpressionText
    make: Reference


@dataclass(frozen=True)
class TourDefinition:
    """A task shown step by step on the pages themselves, to some roles."""

    key: str
    location: Location
    label: str
    for_: tuple[Reference, ...]
    steps: Mapping[str, TourStepDefinition]
    finish: TourFinishDefinition | None = None


@dataclass(frozen=True)
class CalendarDefinition:
    """Working time: ``days`` 1 (Monday) to 7, ``hours`` such as ``08:30-12:00``, ``holidays`` a country code."""

    location: Location
    days: tuple[int, ...] = (1, 2, 3, 4, 5)
    hours: tuple[str, ...] = ("08:30-12:00", "13:00-17:30")
    holidays: str | None = "CN"


@dataclass(frozen=True)
class KeepDefinition:
    """How long what happened behind the pages is kept, in days as written."""

    runs: str = "180d"
    messages: str = "90d"
    events: str = "30d"


@dataclass(frozen=True)
class AppDefinition:
    """A whole template, as written."""

    key: str
    location: Location
    label: str
    version: str
    language: str
    languages: tuple[str, ...]
    timezone: str
    currency: str
    roles: Mapping[str, RoleDefinition]
    menu: tuple[Reference, ...]
    calendar: CalendarDefinition
    entities: Mapping[str, EntityDefinition]
    workflows: Mapping[str, WorkflowDefinition]
    approvals: Mapping[str, ApprovalDefinition]
    prints: Mapping[str, PrintDefinition]
    translations: Mapping[str, Mapping[str, str]]  # language -> {"quote.fields.total": "Total", ...}
    calendars: Mapping[str, CalendarDefinition] = field(default_factory=dict)
    translation_locations: Mapping[str, Mapping[str, Location]] = field(default_factory=dict)
    groups: Mapping[str, GroupDefinition] = field(default_factory=dict)
    menu_groups: Mapping[str, MenuGroupDefinition] = field(default_factory=dict)
    chain: tuple[Reference, ...] = ()
    ask_export_above: int = 500
    keep: KeepDefinition = field(default_factory=lambda: KeepDefinition())
    automations: Mapping[str, AutomationsDefinition] = field(default_factory=dict)
    reports: Mapping[str, ReportsDefinition] = field(default_factory=dict)
    dashboards: Mapping[str, DashboardDefinition] = field(default_factory=dict)
    modules: Mapping[str, ModuleDefinition] = field(default_factory=dict)
    tours: Mapping[str, TourDefinition] = field(default_factory=dict)
