"""A checked expression in plain words.

Enters: ``Checked`` and functions that give the labels of fields and options. Leaves: one phrase, without a full stop,
in the reader's language. Must not hold words itself: they stand in ``engine/messages`` under ``expression.say.``.
"""

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from engine import messages
from engine.expression import resolved
from engine.expression.check import Checked
from engine.expression.resolved import Resolved
from engine.expression.types import PAYLOAD_SHAPE, USER_SHAPE, Kind
from engine.expression.values import WorkingTime
from engine.expression.writing import as_percentage

Label = Callable[[str, str], str]
"""(key of the shape, key of the field or collection) -> label; a name of ``let`` comes with an empty shape key."""

OptionLabel = Callable[[str, str, str], str]
"""(key of the shape, key of the field, key of the option) -> label"""

_NAMES = frozenset({"login", "key"})
"""What people and departments are known by, which is said as themselves."""
_ORDER = {"<": "less", "<=": "at_most", ">": "more", ">=": "at_least"}
_CALENDAR_ORDER = {"<": "before", "<=": "not_after", ">": "after", ">=": "not_before"}
_SIGNS = {"+": "+", "-": "−", "*": "×", "/": "÷"}
_BINDING = {"+": 1, "-": 1, "*": 2, "/": 2}
_CALL_CODES = {
    "days": "days_of", "hours": "hours_of", "minutes": "minutes_of", "working_days": "working_days_of",
    "working_hours": "working_hours_of", "working_minutes": "working_minutes_of", "text": "text_of",
}  # fmt: skip
_UNITS = (("weeks", timedelta(weeks=1)), ("days", timedelta(days=1)), ("hours", timedelta(hours=1)))


def explain(
    checked: Checked,
    label: Label,
    language: str = messages.DEFAULT_LANGUAGE,
    option: OptionLabel | None = None,
    *,
    within: bool = False,
) -> str:
    """Return the expression as a person would say it: ``折扣 大于 15% 并且 金额 小于 50000``.

    ``within`` other words a sum or a product stands in brackets.
    """
    speaker = _Speaker(label, language, option)
    if within and checked.type.kind is not Kind.BOOLEAN:
        return speaker.one(checked.tree)
    return speaker.condition(checked.tree) if checked.type.kind is Kind.BOOLEAN else speaker.value(checked.tree)


class _Speaker:
    """One phrase in one language."""

    def __init__(self, label: Label, language: str, option: OptionLabel | None) -> None:
        self.label = label
        self.language = language
        self.option = option

    def say(self, node: Resolved) -> str:
        """Say one node."""
        return _SAYERS[type(node)](self, node)

    def words(self, code: str, **parts: str) -> str:
        """Return the words for ``code``."""
        return messages.text(f"expression.say.{code}", self.language, **parts)

    def condition(self, node: Resolved, inside: str = "") -> str:
        """Say a condition; a bare yes-or-no field says that it is yes. ``inside`` is the word around it."""
        if isinstance(node, resolved.Logic) and inside and node.operator != inside:
            return self.words("bracket", inner=self.say(node))
        if isinstance(node, (resolved.Field, resolved.Hop)):
            return self.words("is_yes", value=self.say(node))
        return self.say(node)

    def constant(self, node: resolved.Constant, told: Resolved | None = None) -> str:
        """Say a value; ``told`` is what it is compared with, whose options have labels."""
        value = node.value
        if isinstance(value, str):
            return self.words("text", value=self._option(value, told))
        if isinstance(value, bool):
            return self.words("yes" if value else "no")
        if isinstance(value, Decimal):
            return as_percentage(value) if node.type.kind is Kind.PERCENT else f"{value:f}"
        return self._span(value)

    def value(self, node: Resolved, told: Resolved | None = None) -> str:
        """Say one side of a comparison."""
        return self.constant(node, told) if isinstance(node, resolved.Constant) else self.say(node)

    def one(self, node: Resolved) -> str:
        """Say a value so that words before or after it are of all of it."""
        return self._operand(node, 3)

    def field(self, node: resolved.Field) -> str:
        return self.label(node.entity, node.name)

    def outer(self, node: resolved.Outer) -> str:
        if node.entity == PAYLOAD_SHAPE:
            return f"payload.{node.name}"
        if node.type.kind is Kind.LINK and node.name == "id":
            return self.words("this_record")
        line, _, name = node.name.rpartition(".")
        return self.words("of_line" if line else "of_record", field=self.label(node.entity, name))

    def above(self, node: resolved.Above) -> str:
        return self.words("of_record", field=self.label(node.entity, node.name))

    def column(self, node: resolved.Column) -> str:
        lines = self.words("of", link=self.say(node.link), field=self.label(node.entity, node.lines))
        return self.words("of", link=lines, field=self.label(node.row, node.name))

    def variable(self, node: resolved.Variable) -> str:
        return self.words(node.name.replace(".", "_"))

    def hop(self, node: resolved.Hop) -> str:
        if node.entity.startswith("@") and node.name in _NAMES:
            return self.say(node.link)
        return self.words("of", link=self.say(node.link), field=self.label(node.entity, node.name))

    def reached(self, node: resolved.Reached) -> str:
        stage = node.stage if self.option is None else self.option(node.entity, "stage", node.stage)
        return self.words("reached", stage=stage)

    def let(self, node: resolved.Let) -> str:
        return self.label("", node.name)

    def not_(self, node: resolved.Not) -> str:
        if isinstance(node.operand, (resolved.Field, resolved.Hop)):
            return self.words("is_no", value=self.say(node.operand))
        return self.words("not", inner=self.say(node.operand))

    def negative(self, node: resolved.Negative) -> str:
        return f"−{self._operand(node.operand, 3)}"

    def logic(self, node: resolved.Logic) -> str:
        left, right = self.condition(node.left, node.operator), self.condition(node.right, node.operator)
        return self.words(node.operator, left=left, right=right)

    def compare(self, node: resolved.Compare) -> str:
        left, right = self.value(node.left, node.right), self.value(node.right, node.left)
        if node.operator in _ORDER:
            calendar = node.left.type.kind in (Kind.DATE, Kind.DATETIME, Kind.TIME)
            return self.words((_CALENDAR_ORDER if calendar else _ORDER)[node.operator], left=left, right=right)
        return self.words("equal" if node.operator == "=" else "not_equal", left=left, right=right)

    def between(self, node: resolved.Between) -> str:
        return self.words("between", value=self.say(node.operand), low=self.say(node.low), high=self.say(node.high))

    def one_of(self, node: resolved.OneOf) -> str:
        items = self.words("list_or").join(self.value(item, node.operand) for item in node.items)
        return self.words("none_of" if node.negated else "one_of", value=self.say(node.operand), items=items)

    def member(self, node: resolved.Member) -> str:
        value = self.value(node.operand, node.many)
        return self.words("excludes" if node.negated else "includes", many=self.say(node.many), value=value)

    def is_missing(self, node: resolved.IsMissing) -> str:
        return self.words("filled" if node.negated else "missing", value=self.say(node.operand))

    def arithmetic(self, node: resolved.Arithmetic) -> str:
        binding = _BINDING[node.operator]
        # The right side of - and / needs brackets even around an operator that binds alike.
        right = self._operand(node.right, binding + (node.operator in "-/"))
        return f"{self._operand(node.left, binding)} {_SIGNS[node.operator]} {right}"

    def call(self, node: resolved.Call) -> str:
        said = [self.condition(part) if part.type.kind is Kind.BOOLEAN else self.say(part) for part in node.arguments]
        if node.name not in ("if", "default"):  # words before and after take one value, not a sum
            said = [self.one(part) if isinstance(part, resolved.Arithmetic) else one
                    for part, one in zip(node.arguments, said, strict=True)]  # fmt: skip
        if node.name == "if" and len(said) == 2:
            return self.words("if_only", a=said[0], b=said[1])
        if node.name in ("max", "min", "join"):
            return self.words(node.name, items=self.words("list_and").join(said))
        if node.name == "round" and len(said) == 1:
            said.append("0")
        code = _CALL_CODES.get(node.name, node.name)
        if node.name == "date" and node.arguments[0].type.kind is not Kind.DATETIME:
            code = "date_in"
        return self.words(code, **dict(zip("abc", said, strict=False)))

    def fold(self, node: resolved.Fold) -> str:
        rows = self.label(node.entity, node.collection)
        if node.entity == USER_SHAPE:
            rows = self.words("of_user", rows=rows)
        where = "" if node.where is None else self.condition(node.where)
        if node.name in ("any", "all"):
            return self.words(f"{node.name}_row", rows=rows, where=where)
        if where:
            rows = self.words("rows_where", rows=rows, where=where)
        field = "" if node.value is None else self.say(node.value)
        return self.words(f"{node.name}_rows", rows=rows, field=field)

    def _operand(self, node: Resolved, binding: int) -> str:
        said = self.say(node)
        loose = isinstance(node, resolved.Arithmetic) and _BINDING[node.operator] < binding
        return f"({said})" if loose else said

    def _option(self, value: str, told: Resolved | None) -> str:
        if self.option is not None and isinstance(told, resolved.Variable):
            return self.option(USER_SHAPE, told.name, value)
        if self.option is None or not isinstance(told, (resolved.Field, resolved.Hop, resolved.Above, resolved.Column)):
            return value
        known = told.type.kind in (Kind.CHOICE, Kind.CHOICES)
        shape = told.row if isinstance(told, resolved.Column) else told.entity
        return self.option(shape, told.name, value) if known else value

    def _span(self, value: Any) -> str:
        if isinstance(value, date):
            return value.isoformat()
        if isinstance(value, WorkingTime):
            unit = "working_days" if value.days else "working_hours"
            return self.words(unit, count=str(value.days or value.hours))
        if isinstance(value, timedelta):
            unit, size = next(((u, s) for u, s in _UNITS if value and not value % s), ("minutes", timedelta(minutes=1)))
            return self.words(unit, count=str(value // size))
        return self.words("nothing")


_SAYERS: dict[type, Callable[[_Speaker, Any], str]] = {
    resolved.Constant: _Speaker.constant,
    resolved.Field: _Speaker.field,
    resolved.Outer: _Speaker.outer,
    resolved.Above: _Speaker.above,
    resolved.Column: _Speaker.column,
    resolved.Variable: _Speaker.variable,
    resolved.Hop: _Speaker.hop,
    resolved.Reached: _Speaker.reached,
    resolved.Let: _Speaker.let,
    resolved.Not: _Speaker.not_,
    resolved.Negative: _Speaker.negative,
    resolved.Logic: _Speaker.logic,
    resolved.Compare: _Speaker.compare,
    resolved.Between: _Speaker.between,
    resolved.OneOf: _Speaker.one_of,
    resolved.Member: _Speaker.member,
    resolved.IsMissing: _Speaker.is_missing,
    resolved.Arithmetic: _Speaker.arithmetic,
    resolved.Call: _Speaker.call,
    resolved.Fold: _Speaker.fold,
}
