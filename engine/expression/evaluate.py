"""A checked expression as a Python function.

Enters: ``Checked``. Leaves: nested closures called with the values of one record and an ``Env``; nothing is looked up
by kind or operator while they run. Must not read a database: linked records come through ``Lookup``.

Missing is None. The rules for it are those of ``sql.py``; a test holds the two together.
"""

import operator
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation
from typing import Any, TypeAlias

from engine.expression import resolved
from engine.expression.check import Checked
from engine.expression.env import NOBODY, Env, Row, WorkingCalendar
from engine.expression.resolved import Resolved
from engine.expression.types import MANY, MAX_PLACES, NUMERIC, Kind
from engine.expression.values import WorkingTime

__all__ = ["NOBODY", "Env", "Run", "compile_python", "round_half_up"]

Run: TypeAlias = Callable[[Row, Env], Any]

_EXACT = Context(prec=60, rounding=ROUND_HALF_UP)
_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
_PLAIN: dict[str, Callable[[Any, Any], Any]] = {"+": operator.add, "-": operator.sub, "*": operator.mul}


def compile_python(checked: Checked) -> Run:
    """Return the function that evaluates the expression for one record: ``run(values, env)``.

    It returns a value of the kind of ``checked.type``, or None when it is missing; comparisons are never missing.
    """
    return _compile(checked.tree)


def round_half_up(value: Decimal, places: int) -> Decimal:
    """Round to ``places`` decimal places, halves away from zero."""
    try:
        return value.quantize(Decimal(1).scaleb(-places), context=_EXACT)
    except InvalidOperation:  # too large to have that many places
        return value


def _compile(node: Resolved) -> Run:
    return _COMPILERS[type(node)](node)


def _compile_optional(node: Resolved | None) -> Run | None:
    return None if node is None else _compile(node)


def _constant(node: resolved.Constant) -> Run:
    value = node.value
    return lambda record, env: value


def _field(node: resolved.Field) -> Run:
    name = node.name
    return lambda record, env: record.get(name)


def _variable(node: resolved.Variable) -> Run:
    if node.name == "user":
        return lambda record, env: NOBODY if env.user is None else env.user
    if node.name == "now":
        return lambda record, env: env.now
    return lambda record, env: env.today


def _hop(node: resolved.Hop) -> Run:
    link, entity, name = _compile(node.link), node.entity, node.name

    def run(record: Row, env: Env) -> Any:
        key = link(record, env)
        target = None if key is None else env.lookup.linked(entity, key)
        return None if target is None else target.get(name)

    return run


def _not(node: resolved.Not) -> Run:
    operand = _compile(node.operand)
    return lambda record, env: not operand(record, env)


def _negative(node: resolved.Negative) -> Run:
    operand = _compile(node.operand)

    def run(record: Row, env: Env) -> Any:
        value = operand(record, env)
        return None if value is None else -value

    return run


def _logic(node: resolved.Logic) -> Run:
    left, right = _compile(node.left), _compile(node.right)
    if node.operator == "and":
        return lambda record, env: bool(left(record, env) and right(record, env))
    return lambda record, env: bool(left(record, env) or right(record, env))


def _compare(node: resolved.Compare) -> Run:
    left = _compile(node.left)
    if isinstance(node.right, resolved.Constant):
        return _compare_with_constant(node.operator, left, node.right.value)
    right = _compile(node.right)
    if node.operator == "=":
        return lambda record, env: bool(left(record, env) == right(record, env))
    if node.operator == "!=":
        return lambda record, env: bool(left(record, env) != right(record, env))
    holds = _ORDER[node.operator]

    def run(record: Row, env: Env) -> bool:
        first, second = left(record, env), right(record, env)
        return first is not None and second is not None and holds(first, second)

    return run


def _compare_with_constant(sign: str, left: Run, value: Any) -> Run:
    if sign == "=":
        return lambda record, env: bool(left(record, env) == value)
    if sign == "!=":
        return lambda record, env: bool(left(record, env) != value)
    holds = _ORDER[sign]

    def run(record: Row, env: Env) -> bool:
        first = left(record, env)
        return first is not None and holds(first, value)

    return run


def _between(node: resolved.Between) -> Run:
    operand, low, high = _compile(node.operand), _compile(node.low), _compile(node.high)

    def run(record: Row, env: Env) -> bool:
        value, least, most = operand(record, env), low(record, env), high(record, env)
        return None not in (value, least, most) and least <= value <= most

    return run


def _one_of(node: resolved.OneOf) -> Run:
    operand, negated = _compile(node.operand), node.negated
    if all(isinstance(item, resolved.Constant) for item in node.items):
        values = frozenset(item.value for item in node.items if isinstance(item, resolved.Constant))
        return lambda record, env: (operand(record, env) in values) is not negated
    items = [_compile(item) for item in node.items]

    def run(record: Row, env: Env) -> bool:
        value = operand(record, env)
        return (value is not None and any(value == item(record, env) for item in items)) is not negated

    return run


def _member(node: resolved.Member) -> Run:
    operand, many, negated = _compile(node.operand), _compile(node.many), node.negated

    def run(record: Row, env: Env) -> bool:
        value = operand(record, env)
        return (value is not None and value in (many(record, env) or ())) is not negated

    return run


def _is_missing(node: resolved.IsMissing) -> Run:
    operand, negated = _compile(node.operand), node.negated
    if node.operand.type.kind in MANY:
        return lambda record, env: bool(operand(record, env)) is negated
    return lambda record, env: (operand(record, env) is None) is not negated


def _arithmetic(node: resolved.Arithmetic) -> Run:
    left, right, kinds = _compile(node.left), _compile(node.right), (node.left.type.kind, node.right.type.kind)
    if kinds[0] not in NUMERIC:
        return _calendar(node.operator, left, right, kinds)
    if node.operator == "/":
        return _unless_missing(_divide, left, right)
    if node.operator == "*" and node.left.type.places + node.right.type.places > MAX_PLACES:
        return _unless_missing(lambda first, second: round_half_up(first * second, MAX_PLACES), left, right)
    return _unless_missing(_PLAIN[node.operator], left, right)


def _unless_missing(calculate: Callable[[Any, Any], Any], left: Run, right: Run) -> Run:
    def run(record: Row, env: Env) -> Any:
        first = left(record, env)
        if first is None:
            return None
        second = right(record, env)
        return None if second is None else calculate(first, second)

    return run


def _divide(first: Any, second: Any) -> Decimal | None:
    if not second:
        return None
    return round_half_up(_EXACT.divide(Decimal(first), Decimal(second)), MAX_PLACES)


def _calendar(sign: str, left: Run, right: Run, kinds: tuple[Kind, Kind]) -> Run:
    if kinds[1] is Kind.WORKING_TIME:
        return _working_time(sign, left, right, kinds[0])
    if kinds == (Kind.DATETIME, Kind.DATETIME):
        return _unless_missing(_seconds_between, left, right)
    move = operator.add if sign == "+" else operator.sub

    def calculate(first: Any, second: Any) -> Any:
        try:
            return move(first, second)
        except OverflowError:  # before year 1 or after 9999
            return None

    return _unless_missing(calculate, left, right)


def _seconds_between(later: datetime, earlier: datetime) -> timedelta:
    return later.replace(microsecond=0) - earlier.replace(microsecond=0)


def _working_time(sign: str, left: Run, right: Run, kind: Kind) -> Run:
    def run(record: Row, env: Env) -> Any:
        start, span = left(record, env), right(record, env)
        if start is None or span is None or env.calendar is None:
            return None
        return _add_working_time(env.calendar, kind, start, span if sign == "+" else -span)

    return run


def _add_working_time(calendar: WorkingCalendar, kind: Kind, start: Any, span: WorkingTime) -> Any:
    if kind is Kind.DATE:
        return calendar.add_working_days(start, span.days)
    if span.days:
        return calendar.add_working_days_to_moment(start, span.days)
    return calendar.add_working_hours(start, span.hours)


def _call(node: resolved.Call) -> Run:
    arguments = [_compile(argument) for argument in node.arguments]
    if node.name == "if":
        return _if(*arguments)
    if node.name == "round":
        return _round(arguments[0], node.type.places)
    if node.name == "date":
        return _local_date(arguments[0])
    calculate = _FUNCTIONS[node.name]
    if len(arguments) == 1:
        only = arguments[0]
        return lambda record, env: calculate(only(record, env))
    return lambda record, env: calculate(*[argument(record, env) for argument in arguments])


def _if(condition: Run, then: Run, otherwise: Run = lambda record, env: None) -> Run:
    return lambda record, env: then(record, env) if condition(record, env) else otherwise(record, env)


def _round(number: Run, places: int) -> Run:
    def run(record: Row, env: Env) -> Any:
        value = number(record, env)
        return None if value is None else round_half_up(Decimal(value), places)

    return run


def _local_date(moment: Run) -> Run:
    def run(record: Row, env: Env) -> Any:
        value = moment(record, env)
        return None if value is None else (value + env.offset).date()

    return run


def _fold(node: resolved.Fold) -> Run:
    rows, where = _rows(node), _compile_optional(node.where)
    value, for_all = _compile_optional(node.value), node.name == "all"
    finish = _FOLDS.get(node.name, bool)

    def run(record: Row, env: Env) -> Any:
        found = rows(record, env)
        if for_all and where is not None:
            return all(where(row, env) for row in found)
        if where is not None:
            found = [row for row in found if where(row, env)]
        return finish(found) if value is None else finish(_present(value(row, env) for row in found))

    return run


def _rows(node: resolved.Fold) -> Run:
    name, entity = node.collection, node.entity
    if node.via is None:
        return lambda record, env: record.get(name) or ()
    return lambda record, env: env.lookup.collection(entity, name, record)


def _present(values: Any) -> list[Any]:
    return [value for value in values if value is not None]


def _average(values: list[Any]) -> Decimal | None:
    return _divide(sum(values), len(values)) if values else None


def _largest(*values: Any) -> Any:
    return max(_present(values), default=None)


def _smallest(*values: Any) -> Any:
    return min(_present(values), default=None)


def _both(test: Callable[[str, str], bool]) -> Callable[[Any, Any], bool]:
    return lambda text, part: text is not None and part is not None and test(text, part)


def _of(calculate: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: None if value is None else calculate(value)


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "default": lambda value, otherwise: otherwise if value is None else value,
    "days": _of(lambda span: span // timedelta(days=1)),
    "hours": _of(lambda span: span // timedelta(hours=1)),
    "year": _of(lambda day: day.year),
    "month": _of(lambda day: day.month),
    "abs": _of(abs),
    "max": _largest,
    "min": _smallest,
    "count": lambda many: len(many or ()),
    "length": _of(len),
    "contains": _both(lambda text, part: part in text),
    "starts_with": _both(str.startswith),
    "join": lambda *texts: "".join(_present(texts)) or None,
}

_FOLDS: dict[str, Callable[[Sequence[Any]], Any]] = {
    "sum": lambda values: sum(values, start=Decimal(0)),
    "avg": lambda values: _average(list(values)),
    "max": lambda values: max(values, default=None),
    "min": lambda values: min(values, default=None),
    "count": len,
    "any": bool,
}

_COMPILERS: dict[type, Callable[[Any], Run]] = {
    resolved.Constant: _constant,
    resolved.Field: _field,
    resolved.Variable: _variable,
    resolved.Hop: _hop,
    resolved.Let: lambda node: _compile(node.value),
    resolved.Not: _not,
    resolved.Negative: _negative,
    resolved.Logic: _logic,
    resolved.Compare: _compare,
    resolved.Between: _between,
    resolved.OneOf: _one_of,
    resolved.Member: _member,
    resolved.IsMissing: _is_missing,
    resolved.Arithmetic: _arithmetic,
    resolved.Call: _call,
    resolved.Fold: _fold,
}
