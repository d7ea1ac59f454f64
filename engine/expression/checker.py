"""The walk that types every node of an expression.

Enters: syntax nodes and ``Names``. Leaves: resolved nodes, or None where a mistake was noted in ``Names``; the walk
goes on beside a mistake so that all of them are found. Must not raise for a mistake of the author.
"""

import unicodedata
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

from engine.expression import calls, resolved, syntax
from engine.expression.errors import nearest
from engine.expression.names import Names
from engine.expression.resolved import Resolved
from engine.expression.types import (
    BOOLEAN,
    MANY,
    NOTHING,
    NUMERIC,
    ORDERED,
    TEXTUAL,
    Kind,
    Type,
    can_compare,
    can_hold,
)
from engine.expression.typing_rules import arithmetic

_ORDER = frozenset({"<", "<=", ">", ">="})
_ELEMENT = {
    Kind.CHOICES: Kind.CHOICE, Kind.TAGS: Kind.TEXT, Kind.USERS: Kind.USER, Kind.LINKS: Kind.LINK,
}  # fmt: skip
_NAMED_BY = {Kind.USER: "login", Kind.DEPARTMENT: "key"}
_LITERAL_KINDS = {
    "number": Kind.NUMBER, "percent": Kind.PERCENT, "duration": Kind.DURATION, "date": Kind.DATE, "text": Kind.TEXT,
    "boolean": Kind.BOOLEAN, "missing": Kind.NOTHING,
}  # fmt: skip


class Checker:
    """One walk over one expression."""

    def __init__(self, names: Names) -> None:
        self.names = names
        self._visitors: dict[type, Callable[[Any], Resolved | None]] = {
            syntax.Literal: literal,
            syntax.Name: names.resolve_name,
            syntax.Path: names.resolve_path,
            syntax.Unary: self._unary,
            syntax.Binary: self._binary,
            syntax.Between: self._between,
            syntax.In: self._in,
            syntax.IsMissing: self._is_missing,
            syntax.Call: lambda node: calls.check_call(self, node),
        }

    def visit(self, node: syntax.Node) -> Resolved | None:
        """Resolve one node and all below it."""
        return self._visitors[type(node)](node)

    def condition(self, node: syntax.Node) -> Resolved | None:
        """Resolve a node that must be true or false."""
        found = self.visit(node)
        if found is not None and found.type.kind is not Kind.BOOLEAN:
            self._refuse_no_condition(found)
            return None
        return found

    def require_result(self, found: Resolved, expect: Type) -> None:
        """Note it when the whole expression does not give what is expected."""
        if can_hold(expect, found.type):
            return
        if expect.kind is Kind.CHOICE and found.type.kind in TEXTUAL and found.type.options:
            self._refuse_options(found, expect)
        elif expect.kind is Kind.BOOLEAN:
            self._refuse_no_condition(found)
        else:
            self.names.refuse("wrong_result", found, kind=found.type.kind, expected=expect.kind)

    def _refuse_no_condition(self, found: Resolved) -> None:
        meant = None
        if isinstance(found, resolved.Field) and found.type.kind is not Kind.LINES:
            meant = f"{found.name} is not missing"
        self.names.refuse("not_a_condition", found, kind=found.type.kind, suggestion=meant)

    def same_kind(self, left: Resolved, right: Resolved, node: syntax.Node) -> tuple[Resolved, Resolved] | None:
        """Return both sides of a comparison ready to meet, or None after noting why they cannot."""
        left, right = self._by_name(left, right), self._by_name(right, left)
        if Kind.NOTHING in (left.type.kind, right.type.kind):
            self.names.refuse("compare_missing", node)
            return None
        if left.type.kind in MANY or right.type.kind in MANY:
            self.names.refuse("compare_list", node)
            return None
        if not can_compare(left.type, right.type):
            self._refuse_comparison(left, right, node)
            return None
        return (left, right) if self.options_exist(left, right) and self.options_exist(right, left) else None

    def _unary(self, node: syntax.Unary) -> Resolved | None:
        if node.operator == "not":
            operand = self.condition(node.operand)
            return None if operand is None else resolved.Not(BOOLEAN, node.start, node.end, operand)
        operand = self.visit(node.operand)
        if operand is None:
            return None
        if operand.type.kind not in NUMERIC | {Kind.DURATION, Kind.WORKING_TIME}:
            self.names.refuse("not_a_number", node.operand, kind=operand.type.kind)
            return None
        return _negative(node, operand)

    def _binary(self, node: syntax.Binary) -> Resolved | None:
        if node.operator in ("and", "or"):
            sides = self.condition(node.left), self.condition(node.right)
            if sides[0] is None or sides[1] is None:
                return None
            return resolved.Logic(BOOLEAN, node.start, node.end, node.operator, sides[0], sides[1])
        left, right = self.visit(node.left), self.visit(node.right)
        if left is None or right is None:
            return None
        if node.operator in ("+", "-", "*", "/"):
            return self._arithmetic(node, left, right)
        return self._compare(node, left, right)

    def _compare(self, node: syntax.Binary, left: Resolved, right: Resolved) -> Resolved | None:
        sides = self.same_kind(left, right, node)
        if sides is None:
            return None
        if node.operator in _ORDER and not self._have_order(sides, node):
            return None
        return resolved.Compare(BOOLEAN, node.start, node.end, node.operator, *sides)

    def _between(self, node: syntax.Between) -> Resolved | None:
        parts = self.visit(node.operand), self.visit(node.low), self.visit(node.high)
        if parts[0] is None or parts[1] is None or parts[2] is None:
            return None
        low = self.same_kind(parts[0], parts[1], node)
        high = self.same_kind(parts[0], parts[2], node)
        if low is None or high is None or not self._have_order((*low, high[1]), node):
            return None
        return resolved.Between(BOOLEAN, node.start, node.end, low[0], low[1], high[1])

    def _arithmetic(self, node: syntax.Binary, left: Resolved, right: Resolved) -> Resolved | None:
        result = arithmetic(node.operator, left.type, right.type)
        if result is None:
            self._refuse_arithmetic(node, left, right)
            return None
        if left.type.kind is Kind.DATE and right.type.kind is Kind.DURATION and not _whole_days(right):
            self.names.refuse("date_needs_days", right)
            return None
        if right.type.kind is Kind.WORKING_TIME:
            self.names.context.add("calendar")
        return resolved.Arithmetic(result, node.start, node.end, node.operator, left, right)

    def _in(self, node: syntax.In) -> Resolved | None:
        operand = self.visit(node.operand)
        if isinstance(node.choices, syntax.List):
            items = [self.visit(item) for item in node.choices.items]
            return None if operand is None else self._one_of(node, operand, items)
        mistakes = len(self.names.errors)
        many: Resolved | None = self.names.roles(node.choices) or self.names.column(node.choices)
        if many is None and len(self.names.errors) == mistakes:
            many = self.visit(node.choices)
        if operand is None or many is None:
            return None
        if isinstance(many, resolved.Variable) and not self._roles_exist(operand, many):
            return None
        if isinstance(many, resolved.Column):
            return self._in_column(node, operand, many)
        if many.type.kind not in _ELEMENT or not isinstance(many, (resolved.Field, resolved.Variable)):
            self.names.refuse("in_needs_list", node.choices, kind=many.type.kind)
            return None
        element = Type(_ELEMENT[many.type.kind], many.type.target, many.type.options)
        if self.same_kind(operand, _placeholder(element, node.choices), node) is None:
            return None
        if many.type.kind is Kind.TAGS:
            operand = _folded(operand)
        return resolved.Member(BOOLEAN, node.start, node.end, node.negated, operand, many)

    def _in_column(self, node: syntax.In, operand: Resolved, column: resolved.Column) -> Resolved | None:
        pair = self.same_kind(operand, _placeholder(column.type, node.choices), node)
        if pair is None:
            return None
        if pair[0] is not operand or pair[1].type != column.type:  # a person or a department meant by name
            self.names.refuse("in_needs_list", node.choices, kind=column.type.kind)
            return None
        return resolved.Member(BOOLEAN, node.start, node.end, node.negated, operand, column)

    def _one_of(self, node: syntax.In, operand: Resolved, items: list[Resolved | None]) -> Resolved | None:
        pairs = [None if item is None else self.same_kind(operand, item, node) for item in items]
        good = [pair for pair in pairs if pair is not None]
        if len(good) < len(pairs) or not good:
            return None
        return resolved.OneOf(BOOLEAN, node.start, node.end, node.negated, good[0][0], tuple(pair[1] for pair in good))

    def _is_missing(self, node: syntax.IsMissing) -> Resolved | None:
        name = node.operand.name if isinstance(node.operand, syntax.Name) else ""
        if name in self.names.shape.fields:
            operand: Resolved | None = self.names.field(node.operand, name)
        else:
            operand = self.visit(node.operand)
        if operand is None:
            return None
        return resolved.IsMissing(BOOLEAN, node.start, node.end, node.negated, operand)

    def _by_name(self, thing: Resolved, other: Resolved) -> Resolved:
        """Let ``owner = 'zhang.san'`` mean the login of the owner, and ``team = 'sales'`` the key of the team."""
        name = _NAMED_BY.get(thing.type.kind)
        if name is None or other.type.kind is not Kind.TEXT:
            return thing
        shape = self.names.shapes.get(thing.type.target or "")
        if shape is None or name not in shape.fields or not isinstance(thing, (resolved.Field, resolved.Variable)):
            return thing
        node = syntax.Name(thing.start, thing.end, thing.name)
        return self.names.hop(node, thing, name, thing.start) or thing

    def _roles_exist(self, operand: Resolved, roles: resolved.Variable) -> bool:
        unknown = [role for role in operand.type.options if role not in roles.type.options]
        if operand.type.kind is Kind.CHOICE and len(unknown) < len(operand.type.options):
            return True
        for role in unknown:
            suggestion = nearest(role, roles.type.options)
            self.names.refuse("unknown_role", operand, role=role, roles=roles.type.options, suggestion=suggestion)
        return not unknown

    def options_exist(self, choice: Resolved, text: Resolved) -> bool:
        """Note it when a text is no option of a choice, or two choices share none; tell whether all is well."""
        unknown = set(text.type.options) - set(choice.type.options)
        if choice.type.kind is not Kind.CHOICE or not choice.type.options or not text.type.options or not unknown:
            return True
        if text.type.kind is Kind.CHOICE:  # two choice fields may share only some options
            if unknown < set(text.type.options):
                return True
            self.names.refuse("no_common_option", text)
            return False
        self._refuse_options(text, choice.type)
        return False

    def _refuse_options(self, text: Resolved, wanted: Type) -> None:
        for option in [option for option in text.type.options if option not in wanted.options]:
            suggestion = nearest(option, wanted.options)
            self.names.refuse("unknown_option", text, option=option, options=wanted.options, suggestion=suggestion)

    def _have_order(self, sides: tuple[Resolved, ...], node: syntax.Node) -> bool:
        for side in sides:
            if side.type.kind not in ORDERED:
                self.names.refuse("no_order", node, kind=side.type.kind)
                return False
        return True

    def _refuse_comparison(self, left: Resolved, right: Resolved, node: syntax.Node) -> None:
        kinds = {left.type.kind, right.type.kind}
        if kinds == {Kind.DATE, Kind.DATETIME}:
            self.names.refuse("date_with_moment", node)
        elif kinds == {Kind.DURATION, Kind.NUMBER}:
            self.names.refuse("duration_with_number", node)
        else:
            self.names.refuse("cannot_compare", node, left=left.type.kind, right=right.type.kind)

    def _refuse_arithmetic(self, node: syntax.Binary, left: Resolved, right: Resolved) -> None:
        kinds = left.type.kind, right.type.kind
        if set(kinds) == {Kind.DATE, Kind.DATETIME}:
            self.names.refuse("date_with_moment", node)
        elif node.operator == "+" and set(kinds) <= TEXTUAL:
            self.names.refuse("texts_are_joined", node)
        elif kinds[0] in (Kind.DATE, Kind.DATETIME) and kinds[1] is Kind.NUMBER:
            self.names.refuse("date_plus_number", node.right)
        else:
            self.names.refuse("cannot_calculate", node, operator=node.operator, left=kinds[0], right=kinds[1])


def literal(node: syntax.Literal) -> resolved.Constant:
    """Type a value written out; a text knows itself as its only option."""
    kind, value = _LITERAL_KINDS[node.form], node.value
    if kind is Kind.DURATION and not isinstance(value, timedelta):
        kind = Kind.WORKING_TIME
    options = (value,) if isinstance(value, str) else ()
    scale = _places(value) if isinstance(value, Decimal) else None
    type_ = NOTHING if kind is Kind.NOTHING else Type(kind, options=options, scale=scale)
    return resolved.Constant(type_, node.start, node.end, value)


def _places(value: Decimal) -> int:
    return -int(value.as_tuple().exponent)


def _negative(node: syntax.Unary, operand: Resolved) -> Resolved:
    if isinstance(operand, resolved.Constant):
        value: Any = -operand.value  # type: ignore[operator]
        return resolved.Constant(operand.type, node.start, node.end, value)
    return resolved.Negative(operand.type, node.start, node.end, operand)


def _folded(operand: Resolved) -> Resolved:
    """A tag written out is meant in whatever case: tags are kept in lower case."""
    if not isinstance(operand, resolved.Constant) or not isinstance(operand.value, str):
        return operand
    return replace(operand, value=" ".join(unicodedata.normalize("NFKC", operand.value).casefold().split()))


def _whole_days(duration: Resolved) -> bool:
    value = duration.value if isinstance(duration, resolved.Constant) else None
    return not isinstance(value, timedelta) or value % timedelta(days=1) == timedelta()


def _placeholder(type_: Type, node: syntax.Node) -> resolved.Constant:
    return resolved.Constant(type_, node.start, node.end, None)
