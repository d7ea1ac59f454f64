"""What an author wrote, as frozen data: no behaviour, no lookups, names still unresolved, expressions still text.

Enters: nothing (the parser fills these). Leaves: ``XDefinition`` dataclasses with their places, in file order.
Must not know the database, the web, or what a name refers to: the compiler resolves that.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal, TypeAlias

from engine.errors import Location

Scalar: TypeAlias = str | int | Decimal | bool | None
"""A plain value of YAML after the strict loader: decimal numbers arrive as ``Decimal`` with the digits as written."""


@dataclass(frozen=True)
class ExpressionText:
    """An expression as written; ``location`` is where its first character stands."""

    text: str
    location: Location


@dataclass(frozen=True)
class Reference:
    """A name that must exist somewhere else (a field, stage, role, entity ...), with the place it was written at."""

    name: str
    location: Location


@dataclass(frozen=True)
class FieldDefinition:
    """One field of an entity or a line table (``fields``: of ``type: lines`` only)."""

    key: str
    location: Location
    type: Reference
    label: str
    help: str | None = None
    required: bool = False
    required_when: ExpressionText | None = None
    visible_when: ExpressionText | None = None
    readonly: bool = False
    readonly_when: ExpressionText | None = None
    default: Scalar | list[str] = None
    default_from: ExpressionText | None = None
    computed: ExpressionText | None = None
    fetch: Reference | None = None  # "customer.region": taken from the linked record when left empty
    unique: bool = False
    search: bool = False
    words: bool = False  # money: also shown in capitals (大写金额)
    max_length: int | None = None
    min_length: int | None = None
    pattern: str | None = None
    min: Decimal | None = None
    max: Decimal | None = None
    scale: int | None = None  # digits after the point: money 2, decimal 4, percent 4 (of the fraction) unless said
    options: Mapping[str, str] = field(default_factory=dict)  # key -> label in the default language
    to: Reference | None = None
    where: ExpressionText | None = None  # which records of `to` may be chosen; reads the *linked* record's fields
    many: bool = False
    accept: tuple[str, ...] = ()
    max_size: int | None = None  # bytes
    min_rows: int = 0
    max_rows: int = 500
    fields: "Mapping[str, FieldDefinition]" = field(default_factory=dict)
    was: str | None = None
    migrate: ExpressionText | None = None
    retired: str | None = None  # the reason; a retired field is hidden, read-only and kept


@dataclass(frozen=True)
class NumberDefinition:
    """A number series: ``pattern`` such as ``BJ{yyyyMM}-{seq:4}``."""

    location: Location
    pattern: str
    reset: Literal["never", "yearly", "monthly", "daily"] = "never"
    mode: Literal["standard", "gapless"] = "standard"


@dataclass(frozen=True)
class RuleDefinition:
    """A rule over several fields: ``check`` must be true, else ``message`` is said."""

    key: str
    location: Location
    check: ExpressionText
    message: str
    at: tuple[Literal["create", "update"], ...] = ("create", "update")
    fields: tuple[Reference, ...] = ()  # beside which fields the message is shown


@dataclass(frozen=True)
class UniqueDefinition:
    """No two records (for which ``where`` holds) may agree in all of ``fields``."""

    key: str
    location: Location
    fields: tuple[Reference, ...]
    where: ExpressionText | None = None
    message: str | None = None


@dataclass(frozen=True)
class SectionDefinition:
    """A block of a form: each row holds one field, or several side by side."""

    key: str
    location: Location
    label: str
    fields: tuple[tuple[Reference, ...], ...]


@dataclass(frozen=True)
class ListDefinition:
    """The list of an entity: columns, and the sort as ``-amount`` or ``name``."""

    location: Location
    columns: tuple[Reference, ...] = ()
    sort: Reference | None = None
    filters: tuple[Reference, ...] = ()


@dataclass(frozen=True)
class AccessDefinition:
    """What one role may do with an entity. A scope is ``own``, ``team``, ``all`` or a key of ``scopes``."""

    role: Reference
    location: Location
    read: Reference | None = None
    write: Reference | None = None
    delete: Reference | None = None
    create: bool = False
    bring_in: bool = False  # `import: true`
    hide: tuple[Reference, ...] = ()
    readonly: tuple[Reference, ...] = ()


@dataclass(frozen=True)
class ScopeDefinition:
    """A named set of records, by an expression."""

    key: str
    location: Location
    where: ExpressionText


@dataclass(frozen=True)
class MakeDefinition:
    """How a record of another entity is made from this one (报价 -> 合同).

    ``set``: for each field of the new record an expression over this one; ``lines``: for each of its line tables the
    table here (``rows``) and expressions over one of its lines.
    """

    key: str
    location: Location
    label: str
    entity: Reference
    back: Reference  # the link field of the new record that points back here
    when: ExpressionText | None = None
    set: Mapping[str, ExpressionText] = field(default_factory=dict)
    lines: "Mapping[str, MakeLinesDefinition]" = field(default_factory=dict)


@dataclass(frozen=True)
class MakeLinesDefinition:
    """Where the lines of a made record come from."""

    location: Location
    rows: Reference
    set: Mapping[str, ExpressionText]


@dataclass(frozen=True)
class EntityDefinition:
    """One business thing, such as a customer or a quote."""

    key: str
    location: Location
    label: str
    fields: Mapping[str, FieldDefinition]
    icon: str | None = None
    help: str | None = None
    number: NumberDefinition | None = None
    display: str | None = None  # "{number} {name}"
    display_location: Location | None = None
    rules: Mapping[str, RuleDefinition] = field(default_factory=dict)
    unique: Mapping[str, UniqueDefinition] = field(default_factory=dict)
    form: Mapping[str, SectionDefinition] = field(default_factory=dict)
    list: ListDefinition | None = None
    access: Mapping[str, AccessDefinition] = field(default_factory=dict)
    scopes: Mapping[str, ScopeDefinition] = field(default_factory=dict)
    makes: Mapping[str, MakeDefinition] = field(default_factory=dict)
    was: str | None = None


@dataclass(frozen=True)
class WhoDefinition:
    """One entry of a ``who:`` list, such as ``{role: manager}`` or ``{manager_of: starter}``.

    ``role``: all its holders; ``user``: a login; ``field``: a user field of the record; ``owner``, ``starter``;
    ``manager_of`` one of these two; ``managers_of``: one manager after another, up to the first who holds ``up_to``.
    """

    kind: Literal["role", "user", "field", "owner", "starter", "manager_of", "managers_of"]
    location: Location
    name: str = ""
    up_to: Reference | None = None


@dataclass(frozen=True)
class RequirementDefinition:
    """One thing a record needs to enter (or leave) a stage; exactly one of the kinds is written.

    ``fields``: these are filled; ``file``: that file field holds at least ``min`` files; ``link``: at least ``min``
    records of entity ``link`` point here and satisfy ``where``; ``check``: the expression is true.
    """

    key: str
    location: Location
    kind: Literal["fields", "file", "link", "check"]
    fields: tuple[Reference, ...] = ()
    file: Reference | None = None
    link: Reference | None = None
    where: ExpressionText | None = None
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


@dataclass(frozen=True)
class WorkflowDefinition:
    """The stages of one entity and the moves between them."""

    key: str
    location: Location
    entity: Reference
    label: str
    stages: Mapping[str, StageDefinition]  # outcomes included, after the stages
    moves: Mapping[str, MoveDefinition]
    forward: Literal["written", "next_only"] = "written"  # next_only: a move to the next stage is made for each stage


@dataclass(frozen=True)
class StepDefinition:
    """One step of people. ``decide``: any 或签, all 会签, in_order 依次."""

    key: str
    location: Location
    label: str
    who: tuple[WhoDefinition, ...]
    when: ExpressionText | None = None
    decide: Literal["any", "all", "in_order"] = "any"
    due: str | None = None
    allow: tuple[str, ...] | None = None
    reason: tuple[str, ...] | None = None


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
class ApprovalDefinition:
    """Steps of people over a record; ``guard`` are the fields the decision is about."""

    key: str
    location: Location
    entity: Reference
    label: str
    steps: Mapping[str, StepDefinition]
    let: Mapping[str, ExpressionText] = field(default_factory=dict)
    show: tuple[str, ...] = ()  # names of `let` or fields shown to whoever decides, in this order
    labels: Mapping[str, str] = field(default_factory=dict)  # labels of `let` names
    auto_pass: AutoPassDefinition | None = None
    guard: tuple[Reference, ...] = ()
    defaults: ApprovalDefaults = field(default_factory=ApprovalDefaults)
    withdraw: Literal["never", "first_decision", "any_time"] = "first_decision"


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
    totals: tuple[Reference, ...] = ()
    words: Reference | None = None  # a money field printed in capitals
    notes: tuple[str, ...] = ()
    signatures: tuple[str, ...] = ()
    watermark: str | None = None
    watermark_when: ExpressionText | None = None


@dataclass(frozen=True)
class RoleDefinition:
    """A role people hold."""

    key: str
    location: Location
    label: str


@dataclass(frozen=True)
class CalendarDefinition:
    """Working time: ``days`` 1 (Monday) to 7, ``hours`` such as ``08:30-12:00``, ``holidays`` a country code."""

    location: Location
    days: tuple[int, ...] = (1, 2, 3, 4, 5)
    hours: tuple[str, ...] = ("08:30-12:00", "13:00-17:30")
    holidays: str | None = "CN"


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
    translation_locations: Mapping[str, Mapping[str, Location]] = field(default_factory=dict)
