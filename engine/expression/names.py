"""What the names of an expression refer to, and the mistakes found so far.

Enters: the shapes, the entity, names given beforehand. Leaves: resolved fields, hops and folds' rows. Must not judge
whether a value fits its place: the checker does.
"""

import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Protocol

from engine.expression import functions, resolved, syntax
from engine.expression.errors import ExpressionError, nearest
from engine.expression.habits import is_cell
from engine.expression.types import (
    COUNT,
    DATE,
    DATETIME,
    EVERY_SHAPE,
    MANY,
    PAYLOAD_SHAPE,
    USER_SHAPE,
    Collection,
    EntityShape,
    Kind,
    Shapes,
    Type,
)  # fmt: skip

OUTER = "record"
"""The record being edited, in a condition about what one of its links may lead to."""

ABOVE = "above"
"""In the context of an expression: its ``where`` asks the record whose rows are looked at."""

LINE = "line"
"""The line being edited, where a column of it finds its record by itself."""

PAYLOAD = "payload"
"""What another system sent, in an automation that begins with that; ``payload.number`` is a part of it."""

OF_USER = "user."
"""What ``uses`` begin with that are about records of whoever asks."""

ROLES = "roles"
USER_ATTRIBUTES = frozenset({ROLES, "department"})
"""What is known of whoever asks, besides the login; of others also since when their account is disabled."""

EVERY = "every"
"""Begins the name of all records of an entity, whatever they lead to, in a figure: ``every.target``."""
_WHOSE = {"user": USER_SHAPE, EVERY: EVERY_SHAPE}

PERIOD: Mapping[str, Type] = {
    "start": DATETIME, "end": DATETIME, "from": DATE, "to": DATE, "working_days": COUNT,
}  # fmt: skip
"""What a figure may ask of the period it is of: ``period.start`` up to before ``period.end``, as days both included.

``working_days`` are those of the calendar of the app; missing for a period of more than twenty years.
"""

_CONSTANTS_ELSEWHERE = {
    **dict.fromkeys(("null", "none", "nil", "empty", "blank", "空"), "missing"),
    "true": "true", "yes": "true", "是": "true", "false": "false", "no": "false", "否": "false",
}  # fmt: skip


_SELF = frozenset(("me", "myself", "self", "i", "current_user", "login", "我", "本人", "当前用户"))


class Given(Protocol):
    """An expression checked before, as far as a name for it needs."""

    @property
    def tree(self) -> resolved.Resolved: ...
    @property
    def type(self) -> Type: ...
    @property
    def uses(self) -> frozenset[tuple[str, ...]]: ...
    @property
    def context(self) -> frozenset[str]: ...


class Names:
    """The scope of one expression; inside ``where`` it is the row's.

    ``counted`` says that it is about a row that a figure counts, which may ask for the period and for stages reached.
    """

    def __init__(
        self,
        shapes: Shapes,
        entity: str,
        let: Mapping[str, Given],
        outer: str | None = None,
        line: str | None = None,
        *,
        counted: bool = False,
    ) -> None:
        self.shapes = shapes
        self.counted = counted
        self.outer = None if outer is None else shapes[outer]
        self.line = None if line is None else shapes[line]
        self.shape = shapes[entity]
        self.let = let
        self.errors: list[ExpressionError] = []
        self.uses: set[tuple[str, ...]] = set()
        self.context: set[str] = set()
        self._prefix: tuple[str, ...] = ()
        self._above: EntityShape | None = None

    def refuse(self, code: str, node: syntax.Node | resolved.Resolved, **params: object) -> None:
        """Note a mistake at ``node``."""
        self.errors.append(ExpressionError(code, params, node.start, node.end - node.start))

    @contextmanager
    def rows(self, collection: str, whose: EntityShape) -> Iterator[EntityShape]:
        """Resolve names among the fields of the rows of ``collection`` for a while; rows have no rows of their own."""
        outer = self.shape, self.let, self._prefix
        of_user = whose.key == USER_SHAPE
        self._above = None if of_user or self.outer is not None else self.shape
        self.shape = self.shapes[whose.collections[collection].entity]
        self.let, self._prefix = {}, (f"{OF_USER}{collection}" if of_user else collection,)
        try:
            yield self.shape
        finally:
            self.shape, self.let, self._prefix = outer
            self._above = None

    @property
    def inside(self) -> bool:
        """Whether the names are those of rows."""
        return bool(self._prefix)

    def find_collection(self, node: syntax.Node) -> str | None:
        """Return the collection ``node`` names or begins with, if it does."""
        first = node.name if isinstance(node, syntax.Name) else node.parts[0] if isinstance(node, syntax.Path) else ""
        return first if first in self.shape.collections else None

    def find_beyond(self, node: syntax.Node) -> tuple[syntax.Name | syntax.Path, EntityShape] | None:
        """Return ``case`` or ``case.amount`` of ``user.case.amount``, ``every.case.amount``, and whose they are.

        Those are records that belong to whoever asks, or all there are, whatever they lead to.
        """
        first = node.parts[0] if isinstance(node, syntax.Path) else ""
        whose = None if first in {*self.let, *self._known()} else self.shapes.get(_WHOSE.get(first, ""))
        if not isinstance(node, syntax.Path) or whose is None or node.parts[1] not in whose.collections:
            return None
        if len(node.parts) == 2:
            return syntax.Name(node.offsets[1], node.end, node.parts[1]), whose
        return syntax.Path(node.offsets[1], node.end, node.parts[1:], node.offsets[1:]), whose

    def collection(self, name: str) -> Collection:
        """Return a collection of the present shape."""
        return self.shape.collections[name]

    def resolve_name(self, node: syntax.Name) -> resolved.Resolved | None:
        """Resolve ``amount``, ``user`` or a name of ``let``."""
        if node.name in self.let:
            return self._given(node)
        if node.name in self.shape.fields:
            return self.field(node, node.name)
        if node.name == OUTER and self.outer is not None:
            return self._outer(node, Type(Kind.LINK, entity=self.outer.key), "id", self.outer)
        if node.name == "user":
            return self.variable(node, "user", Type(Kind.USER))
        if node.name in self.shape.collections:
            self._refuse_bare_list(node)
            return None
        self._refuse_unknown(node, node.name, node.start, [*self.let, "user", *self._known()])
        return None

    def resolve_path(self, node: syntax.Path) -> resolved.Resolved | None:
        """Resolve ``customer.grade`` or ``user.department``."""
        if node.parts[0] in self.shape.collections:
            self._refuse_bare_list(node)
            return None
        around = self._around(node.parts[0])
        if around is not None:
            return around(node)
        start, end = node.offsets[0], node.offsets[0] + len(node.parts[0])
        link = self.resolve_name(syntax.Name(start, end, node.parts[0]))
        if link is None:
            return None
        if not isinstance(link, (resolved.Field, resolved.Variable)) or not self._leads(link.type):
            self.refuse("not_a_link", link, name=node.parts[0], kind=link.type.kind)
            return None
        if len(node.parts) > 2:
            self.refuse("hop_too_far", node, path=".".join(node.parts), reached=".".join(node.parts[:2]))
            return None
        if isinstance(link, resolved.Variable) and node.parts[1] in USER_ATTRIBUTES:
            return self._of_user(node)
        return self.hop(node, link, node.parts[1], node.offsets[1])

    def _leads(self, type_: Type) -> bool:
        """Tell whether a value leads to one thing of which more can be asked."""
        return type_.kind not in MANY and type_.target in self.shapes

    def _around(self, first: str) -> Callable[[syntax.Path], resolved.Resolved | None] | None:
        """Return what resolves a path that begins beyond the fields: the record around, a line, a period, a payload."""
        if first == OUTER and self.outer is not None:
            return partial(self._of_outer, shape=self.outer)
        if first == LINE and self.line is not None:
            return partial(self._of_outer, shape=self.line, beside=f"{LINE}.")
        if first == PAYLOAD and PAYLOAD_SHAPE in self.shapes:
            return partial(self._of_outer, shape=self.shapes[PAYLOAD_SHAPE])
        if first in self.shape.fields:
            return None
        if first == OUTER and self._above is not None:
            return partial(self._of_above, shape=self._above)
        if first == "period" and self.counted:
            return self._of_period
        return None

    def column(self, node: syntax.Node) -> resolved.Column | None:
        """Return what ``customer.models.product`` names: a column of a line table of the linked record."""
        parts, offsets = (node.parts, node.offsets) if isinstance(node, syntax.Path) else ((), ())
        whose, at = self.shape, 0
        around = self.outer or self._above
        if around is not None and parts[:1] == (OUTER,) and OUTER not in self.shape.fields:
            whose, at = around, 1
        link = whose.fields.get(parts[at]) if len(parts) == at + 3 else None
        target = self.shapes.get(link.target or "") if link is not None and link.kind is Kind.LINK else None
        lines = target.collections.get(parts[at + 1]) if target is not None else None
        if link is None or target is None or lines is None or lines.via is not None:
            return None
        row = self.shapes[lines.entity]
        if parts[-1] not in row.fields:
            self._refuse_unknown(node, parts[-1], offsets[-1], row.fields, entity=row.key)
            return None
        if not at:
            self.uses |= {(*self._prefix, parts[0]), (*self._prefix, parts[0], parts[1])}
            start: resolved.Field | resolved.Above | resolved.Outer = resolved.Field(
                link, node.start, node.end, whose.key, parts[0]
            )
        elif self.outer is not None:
            start = self._outer(node, link, parts[1], whose)
        else:
            self.uses |= {(parts[1],), (parts[1], parts[2])}
            start = self._from_above(node, link, parts[1], whose)
        return resolved.Column(
            row.fields[parts[-1]], node.start, node.end, start, target.key, parts[at + 1], row.key, parts[-1]
        )

    def roles(self, node: syntax.Node) -> resolved.Variable | None:
        """Return ``user.roles`` when ``node`` is that, which can only be asked whether it holds a role."""
        if not isinstance(node, syntax.Path) or node.parts != ("user", ROLES) or "user" in {*self.let, *self._known()}:
            return None
        known = self.shapes.get(USER_SHAPE)
        type_ = None if known is None else known.fields.get(ROLES)
        return None if type_ is None else self.variable(node, f"user.{ROLES}", type_)

    def _of_user(self, node: syntax.Path) -> resolved.Variable | None:
        name = node.parts[1]
        known = self.shapes[USER_SHAPE].fields
        if name not in known:
            self._refuse_unknown(node, name, node.offsets[1], known, entity="user")
            return None
        if name == ROLES:
            self.refuse("roles_need_in", node)
            return None
        return self.variable(node, f"user.{name}", known[name])

    def hop(
        self, node: syntax.Node, link: resolved.Field | resolved.Variable, name: str, offset: int
    ) -> resolved.Hop | None:
        """Follow a link to field ``name`` of the record it points to."""
        target = self.shapes[link.type.target or ""]
        if name not in target.fields:
            self._refuse_unknown(node, name, offset, target.fields, entity=target.key)
            return None
        field_type = target.fields[name]
        if field_type.kind in MANY:
            self.refuse("hop_to_list", node, path=f"{link.name}.{name}")
            return None
        if isinstance(link, resolved.Field):
            self.uses.add((*self._prefix, link.name, name))
        return resolved.Hop(field_type, node.start, node.end, link, target.key, name)

    def field(self, node: syntax.Node, name: str) -> resolved.Field:
        """Return the field ``name`` of the present shape, which has it."""
        self.uses.add((*self._prefix, name))
        return resolved.Field(self.shape.fields[name], node.start, node.end, self.shape.key, name)

    def row_field(self, node: syntax.Path) -> resolved.Field | None:
        """Return the field of the rows ``items.total`` names, within ``rows``."""
        name = node.parts[1]
        if len(node.parts) > 2:
            self.refuse("hop_too_far", node, path=".".join(node.parts), reached=".".join(node.parts[:2]))
            return None
        if name not in self.shape.fields:
            self._refuse_unknown(node, name, node.offsets[1], self.shape.fields, entity=self.shape.key)
            return None
        return self.field(node, name)

    def variable(self, node: syntax.Node, name: str, type_: Type) -> resolved.Variable:
        """Return ``user``, ``now`` or ``today`` and remember that the result depends on it."""
        self.context.add(name)
        return resolved.Variable(type_, node.start, node.end, name)

    def _of_period(self, node: syntax.Path) -> resolved.Variable | None:
        name = ".".join(node.parts[1:])
        if name not in PERIOD:
            self._refuse_unknown(node, name, node.offsets[1], PERIOD, entity="period")
            return None
        return self.variable(node, f"period.{name}", PERIOD[name])

    def _of_outer(self, node: syntax.Path, shape: EntityShape, beside: str = "") -> resolved.Outer | None:
        name = self._one_field(node, shape)
        return None if name is None else self._outer(node, shape.fields[name], f"{beside}{name}", shape)

    def _of_above(self, node: syntax.Path, shape: EntityShape) -> resolved.Above | None:
        name = self._one_field(node, shape)
        if name is None:
            return None
        self.uses.add((name,))
        return self._from_above(node, shape.fields[name], name, shape)

    def _one_field(self, node: syntax.Path, shape: EntityShape) -> str | None:
        """Return which field of ``shape`` a path of two parts names; None after refusing it."""
        name = node.parts[1]
        if len(node.parts) > 2:
            self.refuse("hop_too_far", node, path=".".join(node.parts), reached=".".join(node.parts[:2]))
            return None
        if name not in shape.fields:
            self._refuse_unknown(node, name, node.offsets[1], shape.fields, entity=shape.key)
            return None
        if shape.fields[name].kind in MANY:
            self.refuse("hop_to_list", node, path=".".join(node.parts))
            return None
        return name

    def _from_above(self, node: syntax.Node, type_: Type, name: str, shape: EntityShape) -> resolved.Above:
        self.context.add(ABOVE)
        return resolved.Above(type_, node.start, node.end, shape.key, name)

    def _outer(self, node: syntax.Node, type_: Type, name: str, shape: EntityShape) -> resolved.Outer:
        self.context.add(f"{PAYLOAD if shape.key == PAYLOAD_SHAPE else OUTER}.{name}")
        return resolved.Outer(type_, node.start, node.end, shape.key, name)

    def _given(self, node: syntax.Name) -> resolved.Let:
        given = self.let[node.name]
        self.uses |= given.uses
        self.context |= given.context
        return resolved.Let(given.type, node.start, node.end, node.name, given.tree)

    def _known(self) -> list[str]:
        return [*self.shape.fields, *self.shape.collections]

    def _refuse_bare_list(self, node: syntax.Name | syntax.Path) -> None:
        name = self.find_collection(node) or ""
        self.refuse("list_needs_fold", node, name=name)

    def _refuse_unknown(
        self, node: syntax.Node, name: str, offset: int, known: Iterable[str], entity: str | None = None
    ) -> None:
        key, known = entity or self.shape.key, list(known)
        if name == "stage" and key.isidentifier():  # of a record, not of a row of lines or a person
            self.errors.append(ExpressionError("no_stage", {"entity": key}, offset, len(name)))
            return
        if name in functions.NAMES:
            suggestion: str | None = functions.FUNCTIONS[name].usage if name in functions.FUNCTIONS else f"{name}(...)"
        elif name.lower() in _CONSTANTS_ELSEWHERE:
            suggestion = _CONSTANTS_ELSEWHERE[name.lower()]
        elif key in self.shapes and name in self.shapes[key].labels:
            suggestion = self.shapes[key].labels[name]
        elif name.lower() in _SELF and "user" in known:
            suggestion = "user"
        elif is_cell(name):
            self.errors.append(ExpressionError("cell", {"found": name}, offset, len(name)))
            return
        else:
            suggestion = nearest(unicodedata.normalize("NFKC", name), known)
        params = {"name": name, "entity": key.strip("@#"), "suggestion": suggestion}
        self.errors.append(ExpressionError("unknown_name", params, offset, len(name)))
