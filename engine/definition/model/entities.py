"""A business thing as written: its fields, rules, form, list, access, and what can be made from it.

Enters: nothing (the parser fills these). Leaves: frozen data in file order. Must not resolve a name.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

from engine.definition.model.ownership import OwnershipDefinition
from engine.definition.model.values import ExpressionText, Reference, Scalar
from engine.errors import Location


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
    default_at: Location | None = None  # where it is written
    default_from: ExpressionText | None = None
    computed: ExpressionText | None = None
    fetch: tuple[Reference, ...] = ()  # "customer.region": taken from the linked record when left empty; or the next
    unique: bool = False
    search: bool = False
    words: bool = False  # money: also shown in capitals (大写金额)
    adds_up: bool = True  # numbers and money: a list may add it up
    max_length: int | None = None
    min_length: int | None = None
    pattern: str | None = None
    min: Decimal | None = None
    max: Decimal | None = None
    scale: int | None = None  # digits after the point: money 2, decimal 4, percent 4 (of the fraction) unless said
    options: Mapping[str, str] = field(default_factory=dict)  # key -> label in the default language
    to: Reference | None = None
    where: ExpressionText | None = None  # which records of `to` may be chosen; reads the *linked* record's fields
    quick_create: tuple[Reference, ...] = ()  # fields of `to` that are asked for when one is made on the spot
    found_by: Mapping[str, ExpressionText] = field(default_factory=dict)  # field of `to` -> what it must be
    make_missing: bool = False  # a record that is not found is made
    best: "BestDefinition | None" = None  # the link leads to the best record by itself
    many: bool = False
    accept: tuple[str, ...] = ()
    max_size: int | None = None  # bytes
    original: bool = False  # pictures are kept as they were sent
    number: "NumberDefinition | None" = None  # of a number series
    min_rows: int = 0
    max_rows: int = 500
    fields: "Mapping[str, FieldDefinition]" = field(default_factory=dict)
    was: str | None = None
    was_type: Reference | None = None  # in which migrate reads the former value
    migrate: ExpressionText | None = None
    existing: Literal["keep", "convert"] | None = None  # values from before a tighter rule stay; or are read anew
    otherwise: Scalar | list[str] = None  # what a value becomes that cannot be read anew; "empty" for none
    became: Mapping[str, str] = field(default_factory=dict)  # an option or text that is gone -> the option it became
    retired_options: tuple[str, ...] = ()
    retired: str | None = None  # the reason; a retired field is hidden, read-only and kept


@dataclass(frozen=True)
class BestDefinition:
    """How a link finds its record: of those that meet ``where`` the first by ``order`` (``-price``: largest first)."""

    location: Location
    where: ExpressionText
    order: tuple[Reference, ...]


@dataclass(frozen=True)
class NumberDefinition:
    """A number series: ``pattern`` such as ``BJ{yyyyMM}-{seq:4}``."""

    location: Location
    pattern: str
    reset: Literal["never", "yearly", "monthly", "daily"] = "never"
    mode: Literal["standard", "gapless"] = "standard"
    existing: Literal["keep"] | None = None


@dataclass(frozen=True)
class RuleDefinition:
    """A rule over several fields: ``check`` must be true, else ``message`` is said."""

    key: str
    location: Location
    check: ExpressionText
    message: str
    at: tuple[Literal["create", "update"], ...] = ("create", "update")
    fields: tuple[Reference, ...] = ()  # beside which fields the message is shown
    existing: Literal["keep"] | None = None


@dataclass(frozen=True)
class UniqueDefinition:
    """No two records (for which ``where`` holds) may agree in all of ``fields``; with ``period``, at the same time."""

    key: str
    location: Location
    fields: tuple[Reference, ...]
    period: tuple[Reference, ...] = ()  # the fields of its first and its last day
    where: ExpressionText | None = None
    message: str | None = None


@dataclass(frozen=True)
class MatchDefinition:
    """How one field is compared: exactly, by how alike two texts must be (``likeness``, 0.5 to 1), by how many metres
    two places may be apart (``within``), or an e-mail address by its ``domain``."""

    field: Reference
    likeness: Decimal | None = None
    within: int | None = None
    domain: bool = False


@dataclass(frozen=True)
class DuplicateDefinition:
    """Records that agree in all of ``match`` are taken for the same thing; ``block`` refuses the second.

    With ``among`` it is looked for among the records of another entity, as one of its rules does; ``with_`` says for
    each field that rule compares which field holds it here.
    """

    key: str
    location: Location
    match: tuple[MatchDefinition, ...] = ()
    among: Reference | None = None
    with_: tuple[tuple[Reference, Reference], ...] = ()
    block: bool = False
    message: str | None = None


@dataclass(frozen=True)
class MergeDefinition:
    """Who may make one record of two that are the same thing, and for how long that can be undone."""

    location: Location
    who: tuple[Reference, ...]
    undo: str = "30d"


@dataclass(frozen=True)
class AppealDefinition:
    """Who decides when somebody holds that a record should be theirs, within what time, and what a yes gives."""

    location: Location
    to: Reference
    within: str
    grants: Literal["ownership", "share"] = "ownership"


@dataclass(frozen=True)
class DisputesDefinition:
    """What whoever meets the record of somebody else may ask for, and which roles see all that was met."""

    location: Location
    collaborate: Literal["read", "write"] | None = None
    appeal: AppealDefinition | None = None
    log: tuple[Reference, ...] = ()


@dataclass(frozen=True)
class LockedDefinition:
    """What is said of a record that its reader may not read yet; ``left`` is how much is missing."""

    location: Location
    text: str
    left: ExpressionText


@dataclass(frozen=True)
class ReadingDefinition:
    """What reading a record comes with: what others see of it, whether it is noted, whether pages are marked."""

    location: Location
    locked: LockedDefinition | None = None
    noted: bool = False
    marked: bool = False


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
class BoardDefinition:
    """The board of an entity with stages: what a card shows, and which amount is added up above each stage."""

    location: Location
    card: tuple[Reference, ...] = ()
    sum: Reference | None = None


@dataclass(frozen=True)
class CalendarViewDefinition:
    """The calendar of an entity with dates: by which date at first, and what is shown beside a name."""

    location: Location
    date: Reference | None = None
    card: tuple[Reference, ...] = ()


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
    share_views: bool = False
    only: tuple[Reference, ...] = ()  # the fields it sees, when it sees no others
    hide: tuple[Reference, ...] = ()
    readonly: tuple[Reference, ...] = ()
    mask: tuple[Reference, ...] = ()
    unmask: Reference | None = None  # the records whose masked fields it sees whole
    export: bool = False
    approve_export: bool = False


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
    """Where the lines of a made record come from: a line table here, or records that link here (``rows``).

    ``where`` leaves some of them out; ``link`` is the column that leads to the record a line is made from.
    """

    location: Location
    rows: Reference
    set: Mapping[str, ExpressionText]
    where: ExpressionText | None = None
    link: Reference | None = None


@dataclass(frozen=True)
class BookDefinition:
    """What a record writes into a ledger when ``when`` becomes true: one record, or one for each line of ``rows``."""

    key: str
    location: Location
    into: Reference
    back: Reference  # the link field of the new record that points back here
    when: ExpressionText
    set: Mapping[str, ExpressionText]
    rows: Reference | None = None
    where: ExpressionText | None = None
    beside: Reference | None = None  # beside which field or column a refusal is said


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
    duplicates: Mapping[str, DuplicateDefinition] = field(default_factory=dict)
    merge: MergeDefinition | None = None
    disputes: DisputesDefinition | None = None
    reading: ReadingDefinition | None = None
    form: Mapping[str, SectionDefinition] = field(default_factory=dict)
    list: ListDefinition | None = None
    board: BoardDefinition | None = None
    calendar: CalendarViewDefinition | None = None
    access: Mapping[str, AccessDefinition] = field(default_factory=dict)
    scopes: Mapping[str, ScopeDefinition] = field(default_factory=dict)
    makes: Mapping[str, MakeDefinition] = field(default_factory=dict)
    books: Mapping[str, BookDefinition] = field(default_factory=dict)
    ownership: OwnershipDefinition | None = None
    was: str | None = None
    retired: str | None = None  # the reason; in no menu, nothing is created or changed
