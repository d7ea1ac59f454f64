"""Compiled entities: fields, rules, form, list, access and what is made from a record.

Enters: nothing (the compiler fills these). Leaves: frozen data asked for on every request. Must not know SQL or HTTP.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from engine.compiler.app.fields import USER, Field, FieldPlan
from engine.compiler.app.ownership import POOL, PROTECTED_UNTIL, Ownership
from engine.compiler.app.parts import Expression, Label
from engine.compiler.app.workflows import Workflow
from engine.definition.model import NumberDefinition
from engine.errors import Location
from engine.expression import EntityShape

SYSTEM_FIELDS = ("id", "number", "stage", "owner", "team", "created_at", "created_by", "updated_at", "updated_by")
"""Fields every record has, usable in expressions and lists beside the written ones (``version`` is internal)."""


def find_beyond(only: Collection[str], fields: Mapping[str, Field], named: Collection[str | None]) -> frozenset[str]:
    """Return all that whoever sees ``only`` these does not see: fields, columns of lines, system fields.

    ``items.qty`` opens one column of a line table, ``items`` all of them. The number and what a record is called by
    (``named``) stand in links and lists, and are seen by everybody.
    """
    tables = {name.partition(".")[0] for name in only}
    closed = {key for key in fields if key not in tables and key not in named}
    for key in tables - set(only):
        closed |= {f"{key}.{column}" for column in fields[key].fields if f"{key}.{column}" not in only}
    return frozenset(closed | (set(SYSTEM_FIELDS) - {"id", "number"} - set(only)))


@dataclass(frozen=True)
class Rule:
    """A rule over several fields. It waits until all of ``needs`` have a value: what is required is said elsewhere."""

    key: str
    check: Expression
    message: Label
    at: frozenset[str]
    fields: tuple[str, ...]
    needs: tuple[str, ...] = ()
    keep: bool = False  # records from before this rule stay


@dataclass(frozen=True)
class Unique:
    """A uniqueness over several fields, or conditional, that the database enforces with index ``name``.

    With a ``period``, the fields of the first and the last day, it holds at each time; whoever writes sees to that.
    """

    key: str
    name: str
    fields: tuple[str, ...]
    where: Expression | None
    message: Label
    location: Location
    period: tuple[str, ...] = ()


@dataclass(frozen=True)
class Among:
    """The rule of another entity that is asked, and for each field it compares the field that holds it here."""

    entity: str
    rule: str
    fields: Mapping[str, str]  # field there -> field here


@dataclass(frozen=True)
class Duplicate:
    """When two records are taken for the same thing: ``exact`` fields are the same, ``alike`` ones alike enough, and
    the place ``near`` names is no more than ``within`` metres away; or when a rule of another entity finds one there.
    Of the ``exact`` ones, e-mail addresses in ``domains`` are the same with the same domain of a company.
    """

    key: str
    block: bool
    exact: tuple[str, ...]
    alike: Mapping[str, float]  # field -> how alike, between 0.5 and 1
    message: Label
    near: str | None = None
    within: int = 0
    among: Among | None = None
    domains: frozenset[str] = frozenset()

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields compared."""
        if self.among is not None:
            return tuple(self.among.fields.values())
        return (*self.alike, *self.exact, *((self.near,) if self.near is not None else ()))


@dataclass(frozen=True)
class Merge:
    """Which roles may make one record of two, and for how long that can be undone (``30d``)."""

    who: frozenset[str]
    undo: str


@dataclass(frozen=True)
class Appeal:
    """Which role decides whose a record is, within what time (``2wd``), and what a yes gives."""

    to: str
    within: str
    grants: Literal["ownership", "share"]


@dataclass(frozen=True)
class Disputes:
    """What whoever meets the record of somebody else may ask for: None is nothing; ``log`` are roles that see all."""

    collaborate: Literal["read", "write"] | None
    appeal: Appeal | None
    log: frozenset[str]


@dataclass(frozen=True)
class Locked:
    """What is said of a record that its reader may not read yet; ``{left}`` in it is how much is missing."""

    text: Label
    left: Expression


@dataclass(frozen=True)
class ReadingRules:
    """What reading a record comes with. None in ``locked``: what somebody may not read is not there for them."""

    locked: Locked | None = None
    noted: bool = False
    marked: bool = False


@dataclass(frozen=True)
class Section:
    """A block of a form; rows of one or more field keys."""

    key: str
    label: Label
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Board:
    """What a card shows below its name, and the number added up above each stage (None for none)."""

    card: tuple[str, ...]
    sum: str | None


@dataclass(frozen=True)
class CalendarView:
    """The date that records stand at first (None for an entity without dates), and what is shown beside a name."""

    date: str | None
    card: tuple[str, ...]


@dataclass(frozen=True)
class Access:
    """What one role may do. Scopes are ``own``, ``team``, ``all`` or a key of ``Entity.scopes``; None means no.

    ``mask`` are fields it sees in part, but whole in the records of ``unmask``.
    """

    role: str
    location: Location
    read: str | None
    write: str | None
    delete: str | None
    create: bool
    bring_in: bool
    share_views: bool
    hide: frozenset[str]
    readonly: frozenset[str]
    mask: frozenset[str]
    unmask: str | None
    export: bool
    approve_export: bool


@dataclass(frozen=True)
class MakeLines:
    """Where the lines of a made record come from.

    ``rows`` is a line table of the record, or a collection of records that link to it: ``of`` is their entity then,
    ``via`` their link, and ``link`` the column that leads to the one a line is made from.
    """

    rows: str
    set: Mapping[str, Expression]
    where: Expression | None = None
    of: str = ""
    via: str = ""
    link: str = ""


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
class Book:
    """What a record writes into the entity ``into`` when ``when`` becomes true: one record, or one of each line."""

    key: str
    into: str
    back: str
    when: Expression
    set: Mapping[str, Expression]
    rows: str | None
    where: Expression | None
    beside: str


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
    board: Board
    calendar: CalendarView
    access: Mapping[str, Access]
    scopes: Mapping[str, Expression]
    makes: Mapping[str, Make]
    books: tuple[Book, ...]
    workflow: Workflow | None
    duplicates: tuple[Duplicate, ...]
    merge: Merge | None
    disputes: Disputes | None
    reading: ReadingRules
    compute_order: tuple[str, ...]  # computed fields, dependencies first
    search: tuple[str, ...]
    ownership: Ownership | None = None
    was: str | None = None
    retired: bool = False
    derived: frozenset[str] = frozenset()  # settings nobody wrote, such as ``columns`` and ``board/card``

    @cached_property
    def stored_fields(self) -> tuple[Field, ...]:
        """The fields that are columns of the entity's own table, in order."""
        return tuple(item for item in self.fields.values() if item.stored)

    @cached_property
    def apart(self) -> tuple[Unique, ...]:
        """The uniquenesses that hold at each time."""
        return tuple(one for one in self.unique if one.period)

    @cached_property
    def value_keys(self) -> tuple[str, ...]:
        """The names of a record's values: system fields, ``version``, then stored fields in order."""
        return (*SYSTEM_FIELDS, "version", *(item.key for item in self.stored_fields))

    @cached_property
    def owned_keys(self) -> frozenset[str]:
        """The fields that follow from whose a record is: nobody types or chooses them."""
        return frozenset((POOL, PROTECTED_UNTIL)) if self.ownership is not None else frozenset()

    @cached_property
    def entered_keys(self) -> tuple[str, ...]:
        """What people put in: the owner, the stage, every field that somebody types; the changes figures count."""
        own = (key for key, one in self.fields.items() if not one.readonly and key not in self.owned_keys)
        return ("owner", *(("stage",) if self.workflow is not None else ()), *own)

    @cached_property
    def display_keys(self) -> tuple[str, ...]:
        """The fields, system fields among them, whose values are part of what a record is called."""
        return tuple(dict.fromkeys(key for _, key in self.display if key))

    @cached_property
    def display_links(self) -> tuple[Field, ...]:
        """The links whose names are part of what a record is called."""
        fields = (self.fields[key] for key in self.display_keys if key in self.fields)
        return tuple(one for one in fields if one.to is not None)

    @cached_property
    def display_people(self) -> tuple[Field, ...]:
        """The fields of one person whose names are part of what a record is called."""
        fields = (self.fields[key] for key in self.display_keys if key in self.fields)
        return tuple(one for one in fields if one.target == USER)

    @cached_property
    def plan(self) -> FieldPlan:
        """What is to be done with the fields of a record."""
        return FieldPlan.of(self.fields)

    @cached_property
    def writes_others(self) -> bool:
        """Whether saving a record may write others: entries of ledgers, or what its links are to lead to."""
        columns = (*self.plan.found, *(one for lines in self.line_fields for one in lines.column_plan.found))
        return bool(self.books) or any(one.make_missing for one in columns)

    @cached_property
    def pointing(self) -> Mapping[str, Field]:
        """The fields that lead to something with a name of its own, and the line tables, whose columns may."""
        return {key: one for key, one in self.fields.items() if one.target is not None or one.type.has_rows}

    @cached_property
    def judged_links(self) -> tuple[Field, ...]:
        """The links, and the line tables with links, whose conditions read the record itself."""
        return tuple(
            one for one in self.fields.values() if one.judged_by or any(link.judged_by for _, link in one.link_columns)
        )

    def empty_values(self) -> dict[str, Any]:
        """Return the value of every field of a record nobody has filled in."""
        return {key: None if item.stored else [] for key, item in self.fields.items()}

    @cached_property
    def line_fields(self) -> tuple[Field, ...]:
        """The line tables."""
        return tuple(item for item in self.fields.values() if item.type.has_rows)

    @cached_property
    def series_fields(self) -> tuple[Field, ...]:
        """The fields that are drawn from a series when a record is made; a retired one draws no more."""
        return tuple(item for item in self.fields.values() if item.type.drawn and not item.retired)

    @cached_property
    def people_fields(self) -> tuple[Field, ...]:
        """The fields that hold several people."""
        return tuple(item for item in self.fields.values() if item.type.people and item.type.many)

    @cached_property
    def links_fields(self) -> tuple[Field, ...]:
        """The fields that lead to several records; the database keeps them by a table of entries for each."""
        return tuple(item for item in self.fields.values() if item.to is not None and item.type.many)

    @cached_property
    def file_fields(self) -> tuple[Field, ...]:
        """The fields that hold files."""
        return tuple(item for item in self.fields.values() if item.type.has_files)
