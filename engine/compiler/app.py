"""The compiled app: every name resolved, every expression checked, every lookup ready.

Enters: nothing (``compile.py`` fills these). Leaves: frozen dataclasses that storage, records, workflow and web read on
every request. Must not hold anything that changes while the app runs, nor know SQL tables or HTTP.
"""

import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from engine.compiler.field_types import FieldType
from engine.definition.model import CalendarDefinition, NumberDefinition, PrintDefinition, WhoDefinition
from engine.errors import Location
from engine.expression import Checked, EntityShape, Env

Label = Mapping[str, str]
"""A text in every language of the app: ``{"zh": "报价单", "en": "Quote"}``."""

SYSTEM_FIELDS = ("id", "number", "stage", "owner", "team", "created_at", "created_by", "updated_at", "updated_by")
"""Fields every record has, usable in expressions and lists beside the written ones (``version`` is internal)."""


@dataclass(frozen=True)
class Expression:
    """A checked expression and its Python form; ``run(values, env)`` returns a value or None when missing."""

    checked: Checked
    run: Callable[[Mapping[str, Any], Env], Any]
    location: Location

    @property
    def text(self) -> str:
        """The expression as written."""
        return self.checked.text


@dataclass(frozen=True)
class Field:
    """One compiled field. ``type.parse(raw, field)`` turns what somebody typed into a value."""

    key: str
    type: FieldType
    label: Label
    location: Location
    help: Label = field(default_factory=dict)
    required: bool = False
    readonly: bool = False  # never typed by a person: readonly, computed, number
    required_when: Expression | None = None
    visible_when: Expression | None = None
    readonly_when: Expression | None = None
    default: Any = None
    default_from: Expression | None = None
    computed: Expression | None = None
    fetch: tuple[str, str] | None = None  # (link field here, field there)
    unique: bool = False
    search: bool = False
    words: bool = False
    max_length: int | None = None
    min_length: int | None = None
    pattern: str | None = None
    min: Any = None
    max: Any = None
    scale: int | None = None
    options: Mapping[str, Label] = field(default_factory=dict)
    to: str | None = None  # entity of a link
    where: Expression | None = None
    many: bool = False
    accept: tuple[str, ...] = ()
    max_size: int | None = None
    min_rows: int = 0
    max_rows: int = 500
    fields: "Mapping[str, Field]" = field(default_factory=dict)  # of a line table
    compute_order: tuple[str, ...] = ()  # of a line table: its computed fields, dependencies first
    was: str | None = None
    migrate: Expression | None = None
    retired: bool = False

    @cached_property
    def option_names(self) -> Mapping[str, str]:
        """The option each key and each label stands for, labels in the form people may type them."""
        said = {text: key for key, label in self.options.items() for text in label.values()}
        folded = {unicodedata.normalize("NFKC", text).strip(): key for text, key in said.items()}
        return folded | said | {key: key for key in self.options}

    @cached_property
    def column_plan(self) -> "FieldPlan":
        """What is to be done with the columns of a line."""
        return FieldPlan.of(self.fields)

    @cached_property
    def link_columns(self) -> "tuple[tuple[str, Field], ...]":
        """The columns of a line table that lead to a record or a person."""
        return tuple((key, one) for key, one in self.fields.items() if one.type.column in ("link", "user"))

    @cached_property
    def stored(self) -> bool:
        """Whether the value is a column of the entity's table (files and line tables have tables of their own)."""
        return self.type.column is not None


@dataclass(frozen=True)
class FieldPlan:
    """Which of many fields need a step at all, worked out once so that a record does not ask each of its fields."""

    required: tuple[Field, ...]
    fetched: tuple[Field, ...]

    @classmethod
    def of(cls, fields: Mapping[str, Field]) -> "FieldPlan":
        """Return the plan for the fields of an entity or of a line table."""
        typed = [one for one in fields.values() if not one.retired and one.computed is None]
        return cls(
            required=tuple(one for one in typed if one.required or one.required_when is not None),
            fetched=tuple(one for one in fields.values() if one.fetch is not None),
        )


@dataclass(frozen=True)
class Rule:
    """A rule over several fields. It waits until all of ``needs`` have a value: what is required is said elsewhere."""

    key: str
    check: Expression
    message: Label
    at: frozenset[str]
    fields: tuple[str, ...]
    needs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Unique:
    """A uniqueness over several fields, or conditional, that the database enforces with index ``name``."""

    key: str
    name: str
    fields: tuple[str, ...]
    where: Expression | None
    message: Label


@dataclass(frozen=True)
class Section:
    """A block of a form; rows of one or more field keys."""

    key: str
    label: Label
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Access:
    """What one role may do. Scopes are ``own``, ``team``, ``all`` or a key of ``Entity.scopes``; None means no."""

    role: str
    read: str | None
    write: str | None
    delete: str | None
    create: bool
    bring_in: bool
    hide: frozenset[str]
    readonly: frozenset[str]


@dataclass(frozen=True)
class MakeLines:
    """Where the lines of a made record come from."""

    rows: str
    set: Mapping[str, Expression]


@dataclass(frozen=True)
class Make:
    """How a record of another entity is made from this one."""

    key: str
    label: Label
    entity: str
    back: str
    when: Expression | None
    set: Mapping[str, Expression]
    lines: Mapping[str, MakeLines]


@dataclass(frozen=True)
class Requirement:
    """One thing needed to enter or leave a stage. For ``link``: ``via`` is the link field of ``link`` pointing here."""

    key: str
    kind: Literal["fields", "file", "link", "check"]
    message: Label  # empty when the author wrote none
    location: Location
    fields: tuple[str, ...] = ()
    file: str | None = None
    link: str | None = None
    via: str | None = None
    where: Expression | None = None
    check: Expression | None = None
    min: int = 1


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


@dataclass(frozen=True)
class Workflow:
    """Stages and moves of one entity; ``first`` is where a new record starts."""

    key: str
    label: Label
    stages: Mapping[str, Stage]
    moves: Mapping[str, Move]
    first: str


@dataclass(frozen=True)
class Step:
    """One step of people."""

    key: str
    label: Label
    location: Location
    who: tuple[WhoDefinition, ...]
    when: Expression | None
    decide: Literal["any", "all", "in_order"]
    due: str | None
    allow: frozenset[str]
    reason: frozenset[str]


@dataclass(frozen=True)
class Approval:
    """Steps of people over a record."""

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
    withdraw: Literal["never", "first_decision", "any_time"]
    steps: Mapping[str, Step]


@dataclass(frozen=True)
class Entity:
    """One business thing, ready to run."""

    key: str
    label: Label
    help: Label
    icon: str | None
    location: Location
    fields: Mapping[str, Field]  # in file order, retired ones included
    shape: EntityShape
    number: NumberDefinition | None
    display: tuple[tuple[str, str | None], ...]  # literal text and the field after it: ("", "number"), (" ", "name")
    rules: tuple[Rule, ...]
    unique: tuple[Unique, ...]
    sections: tuple[Section, ...]
    columns: tuple[str, ...]
    sort: tuple[str, bool]  # field, descending
    filters: tuple[str, ...]
    access: Mapping[str, Access]
    scopes: Mapping[str, Expression]
    makes: Mapping[str, Make]
    workflow: Workflow | None
    compute_order: tuple[str, ...]  # computed fields, dependencies first
    search: tuple[str, ...]
    was: str | None = None

    @cached_property
    def stored_fields(self) -> tuple[Field, ...]:
        """The fields that are columns of the entity's own table, in order."""
        return tuple(item for item in self.fields.values() if item.stored)

    @cached_property
    def value_keys(self) -> tuple[str, ...]:
        """The names of a record's values: system fields, ``version``, then stored fields in order."""
        return (*SYSTEM_FIELDS, "version", *(item.key for item in self.stored_fields))

    @cached_property
    def plan(self) -> FieldPlan:
        """What is to be done with the fields of a record."""
        return FieldPlan.of(self.fields)

    def empty_values(self) -> dict[str, Any]:
        """Return the value of every field of a record nobody has filled in."""
        return {key: None if item.stored else [] for key, item in self.fields.items()}

    @cached_property
    def line_fields(self) -> tuple[Field, ...]:
        """The line tables."""
        return tuple(item for item in self.fields.values() if item.type.key == "lines")

    @cached_property
    def file_fields(self) -> tuple[Field, ...]:
        """The fields that hold files."""
        return tuple(item for item in self.fields.values() if item.type.key == "file")


@dataclass(frozen=True)
class Role:
    """A role people hold."""

    key: str
    label: Label


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
