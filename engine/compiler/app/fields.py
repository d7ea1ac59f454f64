"""Compiled fields, and which of them need a step at all.

Enters: nothing (the compiler fills these). Leaves: frozen data asked for on every request. Must not know SQL or HTTP.
"""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from engine.compiler.app.parts import Expression, Label
from engine.compiler.field_types import FieldType
from engine.definition.model import NumberDefinition
from engine.errors import Location
from engine.expression.resolved import Fold
from engine.expression.types import USER_SHAPE
from engine.expression.walking import equalities, walk

USER, DEPARTMENT = "user", "department"
"""What a field's ids lead to when they lead to no entity."""


@dataclass(frozen=True)
class Otherwise:
    """What a value becomes that a new type cannot read; None leaves the field empty.

    ``names`` is the field of the linked thing that is given a name nothing there is called by: a record is made of it.
    """

    value: Any = None
    names: str | None = None


@dataclass(frozen=True)
class Best:
    """How a link finds its record: of those that meet ``where`` the first by ``order`` (field, largest first)."""

    where: Expression
    order: tuple[tuple[str, bool], ...]


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
    fetch: tuple[tuple[str, str], ...] = ()  # (link field here, field there); the first that has a value
    unique: bool = False
    search: bool = False
    words: bool = False
    adds_up: bool = True
    max_length: int | None = None
    min_length: int | None = None
    pattern: str | None = None
    min: Any = None
    max: Any = None
    scale: int | None = None
    options: Mapping[str, Label] = field(default_factory=dict)
    to: str | None = None  # entity of a link
    where: Expression | None = None
    quick_create: tuple[str, ...] = ()  # fields of `to` in which a record to link to is made on the spot
    found_by: Mapping[str, Expression] = field(default_factory=dict)
    make_missing: bool = False
    best: "Best | None" = None
    many: bool = False
    accept: tuple[str, ...] = ()
    max_size: int | None = None
    original: bool = False
    number: NumberDefinition | None = None  # of a number series
    min_rows: int = 0
    max_rows: int = 500
    fields: "Mapping[str, Field]" = field(default_factory=dict)  # of a line table
    compute_order: tuple[str, ...] = ()  # of a line table: its computed fields, dependencies first
    was: str | None = None
    migrate: Expression | None = None
    keep: bool = False  # values from before a tighter rule stay
    convert: bool = False  # values of another type are read as an import reads them
    otherwise: Otherwise | None = None
    became: Mapping[str, str] = field(default_factory=dict)  # option or text that is gone -> option its values take
    retired: bool = False
    retired_options: frozenset[str] = frozenset()

    @cached_property
    def kept_by_engine(self) -> bool:
        """Whether no person types it, but a move or an automation may fill it in: it is worked out from nothing."""
        worked_out = (self.computed, self.best, self.found_by or None, self.fetch or None)
        return self.readonly and not self.type.drawn and all(one is None for one in worked_out)

    @cached_property
    def option_names(self) -> Mapping[str, str]:
        """The option each key and each label stands for, labels in the form people may type them.

        In small letters too, where no other option differs by capitals alone.
        """
        said = {text: key for key, label in self.options.items() for text in label.values()}
        folded = {unicodedata.normalize("NFKC", text).strip(): key for text, key in said.items()}
        exact = folded | said | {key: key for key in self.options}
        lowered: dict[str, set[str]] = {}
        for name, key in exact.items():
            lowered.setdefault(name.casefold(), set()).add(key)
        alone = {name: next(iter(keys)) for name, keys in lowered.items() if len(keys) == 1}
        return alone | exact

    @cached_property
    def column_plan(self) -> "FieldPlan":
        """What is to be done with the columns of a line."""
        return FieldPlan.of(self.fields)

    @cached_property
    def link_columns(self) -> "tuple[tuple[str, Field], ...]":
        """The columns of a line table that lead to something with a name of its own."""
        return tuple((key, one) for key, one in self.fields.items() if one.target is not None)

    @cached_property
    def target(self) -> str | None:
        """What the ids in the field lead to: an entity's key, ``user`` or ``department``; None when it holds no ids."""
        if self.to is not None or not self.type.points:
            return self.to
        return USER if self.type.people else DEPARTMENT

    @property
    def to_one(self) -> str | None:
        """The entity of the one record the field leads to; None when it may lead to several, or to none."""
        return None if self.type.many else self.to

    @cached_property
    def judged_by(self) -> frozenset[str]:
        """The fields of the record being edited that the condition of a link reads."""
        return frozenset() if self.where is None else self.where.checked.outer_reads

    @cached_property
    def implied(self) -> Mapping[str, str]:
        """What ``where`` says of any record chosen: by field there, the field of the record being edited it equals."""
        return {} if self.where is None else dict(equalities(self.where.checked.tree))

    @cached_property
    def has_condition(self) -> bool:
        """Whether what the record says shows the field, asks for it or freezes it."""
        return any(one is not None for one in (self.required_when, self.visible_when, self.readonly_when))

    @cached_property
    def folds(self) -> tuple[Fold, ...]:
        """The folds over linked records its value is computed from; a field that has any is a roll-up."""
        nodes = () if self.computed is None else walk(self.computed.checked.tree)
        return tuple(
            node for node in nodes if isinstance(node, Fold) and node.via is not None and node.entity != USER_SHAPE
        )

    @cached_property
    def own_reads(self) -> frozenset[str]:
        """The fields of its own record its value is computed from, links it reads over included."""
        uses = frozenset() if self.computed is None else self.computed.checked.uses
        return frozenset(use[0] for use in uses) - {fold.collection for fold in self.folds}

    @cached_property
    def asked(self) -> "Field":
        """This field as a filter reads its values: without the limits of what may be entered."""
        return replace(self, min=None, max=None, min_length=None, max_length=None, pattern=None, many=True)

    @cached_property
    def stored(self) -> bool:
        """Whether the value is a column of the entity's table (files and line tables have tables of their own)."""
        return self.type.column is not None


@dataclass(frozen=True)
class FieldPlan:
    """Which of many fields need a step at all, worked out once so that a record does not ask each of its fields."""

    required: tuple[Field, ...]
    fetched: tuple[Field, ...]
    found: tuple[Field, ...] = ()
    """The links that are looked for by the values of the record."""
    conditional: tuple[Field, ...] = ()
    """Those that a condition shows, asks for or freezes."""
    matched: tuple[Field, ...] = ()
    """The links that find their record by themselves."""
    retiring: tuple[Field, ...] = ()
    """Those with options that are kept where they are and chosen no more."""

    @classmethod
    def of(cls, fields: Mapping[str, Field]) -> "FieldPlan":
        """Return the plan for the fields of an entity or of a line table."""
        typed = [one for one in fields.values() if not one.retired and one.computed is None]
        return cls(
            required=tuple(one for one in typed if one.required or one.required_when is not None),
            fetched=tuple(one for one in fields.values() if one.fetch),
            found=tuple(one for one in fields.values() if one.found_by and not one.retired),
            matched=tuple(one for one in fields.values() if one.best is not None and not one.retired),
            conditional=tuple(one for one in fields.values() if not one.retired and one.has_condition),
            retiring=tuple(one for one in fields.values() if not one.retired and one.retired_options),
        )
