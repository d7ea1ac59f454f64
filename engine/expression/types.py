"""What a value can be, and what the checker knows about the fields of every entity.

Enters: shapes made by the compiler from the definitions. Leaves: types, and the answers to "may these two meet?".
Must not know field types, columns or widgets: several field types share one kind here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

MAX_PLACES = 6
"""Decimal places a product, a quotient or an average keeps at most; more are rounded half up (away from zero), in every
back end alike."""

MAX_DIGITS = 18
"""Digits a number has at most, decimal places of its type included; a result with more is missing, in every back end
alike. So many fit into the 64-bit integers SQLite calculates with, and into a column of numbers."""

_DEFAULT_SCALE = {"number": 4, "money": 2, "percent": 4}


class Kind(StrEnum):
    """The kinds of values. The value in Python stands behind each."""

    TEXT = "text"  # str
    NUMBER = "number"  # Decimal, or int where scale is 0
    MONEY = "money"  # Decimal
    PERCENT = "percent"  # Decimal, as a fraction: 15% is 0.15
    BOOLEAN = "boolean"  # bool
    DATE = "date"  # date
    TIME = "time"  # time
    DATETIME = "datetime"  # aware datetime in UTC
    DURATION = "duration"  # timedelta of whole seconds; in SQL an integer of seconds
    WORKING_TIME = "working_time"  # WorkingTime; only added to a date or a moment
    CHOICE = "choice"  # str, one of options
    CHOICES = "choices"  # sequence of str
    LINK = "link"  # int, the id of a record of entity
    LINKS = "links"  # sequence of int, the ids of records of entity
    USER = "user"  # int, the id of a user
    USERS = "users"  # sequence of int
    DEPARTMENT = "department"  # int, the id of a department
    TAGS = "tags"  # sequence of str, folded to lower case
    FILE = "file"  # anything with a length: the attachments of a record
    LINES = "lines"  # sequence of mappings; its rows are reached through a Collection
    PLACE = "place"  # mapping with lat and lng, in degrees
    JSON = "json"  # any value JSON can say; only asked whether it is missing
    NOTHING = "nothing"  # None: the word `missing`


USER_SHAPE, DEPARTMENT_SHAPE = "@user", "@department"
EVERY_SHAPE = "@every"
"""The shape whose collections are all records of each entity; only figures have it."""
"""The shapes of people and departments; no entity can have such a key."""

PAYLOAD_SHAPE = "@payload"
"""The shape of what another system sent, where there is such a thing."""

_TARGETS = {Kind.USER: USER_SHAPE, Kind.USERS: USER_SHAPE, Kind.DEPARTMENT: DEPARTMENT_SHAPE}

NUMERIC = frozenset({Kind.NUMBER, Kind.MONEY, Kind.PERCENT})
TEXTUAL = frozenset({Kind.TEXT, Kind.CHOICE})
MANY = frozenset({Kind.CHOICES, Kind.TAGS, Kind.USERS, Kind.LINKS, Kind.FILE, Kind.LINES})
ORDERED = NUMERIC | {Kind.TEXT, Kind.DATE, Kind.TIME, Kind.DATETIME, Kind.DURATION}


@dataclass(frozen=True, slots=True)
class Type:
    """A kind with what narrows it.

    ``entity``: where a link points. ``options``: the allowed keys of a choice; of a text written
    in the expression, that text, so that a misspelt option is found. ``scale``: decimal places of a numeric kind.
    """

    kind: Kind
    entity: str | None = None
    options: tuple[str, ...] = ()
    scale: int | None = None

    @property
    def places(self) -> int:
        """Decimal places of a numeric value (number 4, money 2, percent 4 unless ``scale`` says otherwise)."""
        return _DEFAULT_SCALE.get(self.kind, 0) if self.scale is None else self.scale

    @property
    def target(self) -> str | None:
        """The shape a value points to: an entity, or that of people or departments."""
        return _TARGETS.get(self.kind) if self.entity is None else self.entity


@dataclass(frozen=True, slots=True)
class Collection:
    """Rows of shape ``entity`` that belong to a record.

    ``via`` is None for a line table (the rows are the value itself); otherwise it names the link field of ``entity``
    that points back. Rows of other records' line tables that point back have a shape like ``payment.shares.row``: the
    columns of the table, and under ``payment`` the record a row belongs to.
    """

    entity: str
    via: str | None = None

    @property
    def of_records(self) -> bool:
        """Whether the rows are records that link here, not rows of anybody's line table."""
        return self.via is not None and "." not in self.entity


def row_shape(entity: str, lines: str) -> str:
    """Return the key of the shape of rows looked at from outside their record."""
    return f"{entity}.{lines}.row"


def row_place(shape: str) -> tuple[str, str] | None:
    """Return the entity and the line table of a shape that ``row_shape`` named; None for any other."""
    entity, *rest = shape.split(".")
    return (entity, rest[0]) if len(rest) == 2 else None


@dataclass(frozen=True, slots=True)
class EntityShape:
    """The fields and collections expressions may name. A line table is a shape too, with a key like ``quote.items``.

    ``labels``: what people call a field or an option, and how that is written in an expression. ``reached``: for each
    stage those in which a record has come as far as that one.
    """

    key: str
    fields: Mapping[str, Type]
    collections: Mapping[str, Collection] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    reached: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


Shapes: TypeAlias = Mapping[str, EntityShape]

BOOLEAN = Type(Kind.BOOLEAN)
COUNT = Type(Kind.NUMBER, scale=0)
DURATION = Type(Kind.DURATION)
DATE = Type(Kind.DATE)
DATETIME = Type(Kind.DATETIME)
NOTHING = Type(Kind.NOTHING)


def join(left: Type, right: Type) -> Type | None:
    """Return the type that holds both (branches of ``if``, arguments of ``max``), or None when there is none."""
    if left == right or right.kind is Kind.NOTHING:
        return left
    if left.kind is Kind.NOTHING:
        return right
    if left.kind in NUMERIC and right.kind in NUMERIC:
        return _join_numbers(left, right)
    if left.kind in TEXTUAL and right.kind in TEXTUAL:
        return _join_texts(left, right)
    return left if left.kind is right.kind and left.target == right.target else None


def can_compare(left: Type, right: Type) -> bool:
    """Tell whether ``=`` and ``!=`` make sense between the two; order needs ``ORDERED`` kinds besides."""
    if left.kind in MANY | {Kind.PLACE, Kind.JSON, Kind.WORKING_TIME} or Kind.NOTHING in (left.kind, right.kind):
        return False
    return join(left, right) is not None


def can_hold(wanted: Type, actual: Type) -> bool:
    """Tell whether a value of type ``actual`` may be stored where ``wanted`` is expected."""
    if actual.kind is Kind.NOTHING:
        return True
    if wanted.kind in NUMERIC and actual.kind in NUMERIC:
        return wanted.kind is Kind.NUMBER or actual.kind in (wanted.kind, Kind.NUMBER)
    if wanted.kind is Kind.CHOICE:
        return actual.kind in TEXTUAL and bool(actual.options) and set(actual.options) <= set(wanted.options)
    if wanted.kind is Kind.TEXT:
        return actual.kind in TEXTUAL
    if wanted.kind is Kind.JSON and actual.kind is Kind.PLACE:
        return True
    return wanted.kind is actual.kind and (wanted.entity is None or wanted.entity == actual.target)


def _join_numbers(left: Type, right: Type) -> Type | None:
    kinds = {left.kind, right.kind}
    if kinds == {Kind.MONEY, Kind.PERCENT}:
        return None
    kind = next((kind for kind in (Kind.MONEY, Kind.PERCENT) if kind in kinds), Kind.NUMBER)
    return Type(kind, scale=max(left.places, right.places))


def _join_texts(left: Type, right: Type) -> Type:
    if not (left.options and right.options):
        return Type(Kind.TEXT)
    kind = Kind.CHOICE if left.kind is right.kind is Kind.CHOICE else Kind.TEXT
    return Type(kind, options=tuple(dict.fromkeys(left.options + right.options)))
