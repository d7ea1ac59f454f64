"""A checked expression as a Python function.

Enters: ``Checked``. Leaves: nested closures called with the values of one record and an ``Env``; nothing is looked up
by kind or operator while they run. Must not read a database: linked records come through ``Lookup``.

Missing is None. The rules for it are those of ``sql.py``; a test holds the two together.
"""

import operator
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from engine.expression import functions, resolved
from engine.expression.check import Checked
from engine.expression.combining import Run, by_the_clock, if_, rounded
from engine.expression.computing import FOLDS, FUNCTIONS, average, present
from engine.expression.cost import COUNT_STEPS, DAY_STEPS, row_steps, within_budget
from engine.expression.decimals import divide, multiply, round_half_up
from engine.expression.env import NOBODY, Env, Row
from engine.expression.moments import add_working_time, count_working_time, seconds_between
from engine.expression.resolved import Resolved
from engine.expression.types import MANY, MAX_DIGITS, MAX_PLACES, NUMERIC, PAYLOAD_SHAPE, Kind, Type
from engine.expression.walking import walk
from engine.expression.writing import as_percentage, say_minute

__all__ = ["NOBODY", "Env", "Run", "compile_python", "round_half_up"]

_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
_PLAIN: dict[str, Callable[[Any, Any], Any]] = {"+": operator.add, "-": operator.sub, "*": operator.mul}


def compile_python(checked: Checked) -> Run:
    """Return the function that evaluates the expression for one record: ``run(values, env)``.

    It returns a value of the kind of ``checked.type``, or None when it is missing; comparisons are never missing.
    A number is returned however large it is: whoever keeps it says what is too large. Within an expression a number
    with too many digits is missing, as it is in SQL.

    The function raises ``NotPossibleNow`` for a record it would take more than ``MOST_STEPS`` for.
    """
    run = _compile(checked.tree)
    whole: Run = getattr(run, "unbounded", run)
    return within_budget(whole, checked)


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


def _outer(node: resolved.Outer) -> Run:
    name = node.name
    if node.entity == PAYLOAD_SHAPE:
        return lambda record, env: env.payload.get(name)
    return lambda record, env: env.record.get(name)


def _above(node: resolved.Above) -> Run:
    name = node.name
    return lambda record, env: env.above.get(name)


def _column(node: resolved.Column) -> Run:
    link, entity, lines, name = _compile(node.link), node.entity, node.lines, node.name

    def run(record: Row, env: Env) -> Any:
        key = link(record, env)
        found = () if key is None else env.lookup.lines(entity, lines, key)
        env.budget.spend(len(found))
        return [row.get(name) for row in found]

    return run


def _variable(node: resolved.Variable) -> Run:
    if node.name == "user":
        return lambda record, env: NOBODY if env.user is None else env.user
    if node.name == "user.roles":
        return lambda record, env: env.roles
    if node.name == "user.department":
        return lambda record, env: NOBODY if env.department is None else env.department
    if node.name == "now":
        return lambda record, env: env.now
    if node.name == "today":
        return lambda record, env: env.today
    name = node.name.removeprefix("period.")
    return lambda record, env: env.period[name]


def _hop(node: resolved.Hop) -> Run:
    link, entity, name = _compile(node.link), node.entity, node.name

    def run(record: Row, env: Env) -> Any:
        key = link(record, env)
        target = None if key is None else env.lookup.linked(entity, key)
        return None if target is None else target.get(name)

    return run


def _reached(node: resolved.Reached) -> Run:
    """Where a record has been is asked of the database alone, which reports do."""

    def run(record: Row, env: Env) -> Any:
        raise NotImplementedError("reached() is worked out by the database")

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
    if isinstance(node.operand, resolved.Variable) and node.operand.name == "user.department":
        return lambda record, env: (operand(record, env) == NOBODY) is not negated
    if node.operand.type.kind in MANY:
        return lambda record, env: bool(operand(record, env)) is negated
    return lambda record, env: (operand(record, env) is None) is not negated


def _arithmetic(node: resolved.Arithmetic) -> Run:
    left, right, kinds = _compile(node.left), _compile(node.right), (node.left.type.kind, node.right.type.kind)
    if kinds[0] not in NUMERIC:
        return _calendar(node.operator, left, right, kinds)
    if node.operator == "/":
        return _bounded(_unless_missing(divide, left, right), MAX_PLACES)
    if node.operator == "*" and node.left.type.places + node.right.type.places > MAX_PLACES:
        return _bounded(_unless_missing(multiply, left, right), MAX_PLACES)
    return _bounded(_unless_missing(_PLAIN[node.operator], left, right), node.type.places)


def _unless_missing(calculate: Callable[[Any, Any], Any], left: Run, right: Run) -> Run:
    def run(record: Row, env: Env) -> Any:
        first = left(record, env)
        if first is None:
            return None
        second = right(record, env)
        return None if second is None else calculate(first, second)

    return run


def _bounded(run: Run, places: int) -> Run:
    """Make a number missing that has too many digits."""
    limit = 10 ** (MAX_DIGITS - places)

    def within(record: Row, env: Env) -> Any:
        value = run(record, env)
        return value if value is None or -limit < value < limit else None

    within.__dict__["unbounded"] = run
    return within


def _raised(node: Resolved, run: Run, result: Type) -> Run:
    """Return ``run`` where its number gets the decimal places of a result that has more."""
    grows = node.type.kind in NUMERIC and node.type.places < result.places
    return _bounded(run, result.places) if grows else run


def _calendar(sign: str, left: Run, right: Run, kinds: tuple[Kind, Kind]) -> Run:
    if kinds[1] is Kind.WORKING_TIME:
        return _working_time(sign, left, right, kinds[0])
    if kinds == (Kind.DATETIME, Kind.DATETIME):
        return _unless_missing(seconds_between, left, right)
    move = operator.add if sign == "+" else operator.sub

    def calculate(first: Any, second: Any) -> Any:
        try:
            return move(first, second)
        except OverflowError:  # before year 1 or after 9999
            return None

    return _unless_missing(calculate, left, right)


def _working_time(sign: str, left: Run, right: Run, kind: Kind) -> Run:
    def run(record: Row, env: Env) -> Any:
        start, span = left(record, env), right(record, env)
        if start is None or span is None or env.calendar is None:
            return None
        env.budget.spend(DAY_STEPS * (abs(span.days) + abs(span.hours)))
        return add_working_time(env.calendar(), kind, start, span if sign == "+" else -span)

    return run


def _counted_working_time(function: str, first: Run, last: Run) -> Run:
    def run(record: Row, env: Env) -> Any:
        start, end = first(record, env), last(record, env)
        if start is None or end is None or env.calendar is None:
            return None
        env.budget.spend(COUNT_STEPS)
        return count_working_time(env.calendar(), function, start, end)

    return run


def _call(node: resolved.Call) -> Run:
    if node.name == "if":
        condition, *branches = node.arguments
        return if_(_compile(condition), *[_raised(branch, _compile(branch), node.type) for branch in branches])
    arguments = [_compile(argument) for argument in node.arguments]
    if node.name == "round":
        return rounded(arguments[0], node.type.places)
    if node.name in ("date", "text") and node.arguments[0].type.kind is Kind.DATETIME:
        return by_the_clock(arguments[0], datetime.date if node.name == "date" else say_minute)
    if node.name == "text" and node.arguments[0].type.kind is Kind.PERCENT:
        share = arguments[0]
        return lambda record, env: None if (value := share(record, env)) is None else as_percentage(value + 0)
    if node.name in functions.OF_CALENDAR:
        return _counted_working_time(node.name, *arguments)
    if node.name in ("default", "max", "min"):
        pairs = zip(node.arguments, arguments, strict=True)
        arguments = [_raised(argument, run, node.type) for argument, run in pairs]
    calculate = FUNCTIONS[node.name]
    if len(arguments) == 1:
        only = arguments[0]
        return lambda record, env: calculate(only(record, env))
    return lambda record, env: calculate(*[argument(record, env) for argument in arguments])


def _fold(node: resolved.Fold) -> Run:
    run = _fold_rows(node)
    if node.name in ("sum", "avg", "median"):
        run = _bounded(run, node.type.places)
    if node.via is None:
        return run

    def ask_first(record: Row, env: Env) -> Any:
        answer = env.lookup.fold(node, record, env)
        return run(record, env) if answer is None else answer[0]

    return ask_first


def _fold_rows(node: resolved.Fold) -> Run:
    rows, where, weight = _rows(node), _compile_optional(node.where), row_steps(node)
    value, for_all = _compile_optional(node.value), node.name == "all"
    finish = FOLDS.get(node.name, bool) if node.name != "avg" else average(node)
    looks_up = node.where is not None and any(isinstance(part, resolved.Above) for part in walk(node.where))

    def run(record: Row, env: Env) -> Any:
        found = rows(record, env)
        env.budget.spend(len(found) * weight)
        env = replace(env, above=record) if looks_up else env
        if for_all and where is not None:
            return all(where(row, env) for row in found)
        if where is not None:
            found = [row for row in found if where(row, env)]
        return finish(found) if value is None else finish(present(value(row, env) for row in found))

    return run


def _rows(node: resolved.Fold) -> Run:
    name, entity = node.collection, node.entity
    if node.via is None:
        return lambda record, env: record.get(name) or ()
    return lambda record, env: env.lookup.collection(entity, name, record)


_COMPILERS: dict[type, Callable[[Any], Run]] = {
    resolved.Constant: _constant,
    resolved.Field: _field,
    resolved.Outer: _outer,
    resolved.Above: _above,
    resolved.Column: _column,
    resolved.Variable: _variable,
    resolved.Hop: _hop,
    resolved.Reached: _reached,
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
