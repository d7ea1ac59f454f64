"""Functions and folds: which arguments they take and what comes out.

Enters: a call and the checker that resolves its arguments. Leaves: ``Call``, ``Fold`` or ``Variable`` nodes, or None
after noting a mistake. Must not know how a function is computed.
"""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Protocol

from engine.expression import functions, resolved, syntax
from engine.expression.errors import nearest
from engine.expression.habits import find_function_habit
from engine.expression.names import Names
from engine.expression.resolved import Resolved
from engine.expression.types import (
    BOOLEAN,
    COUNT,
    DATE,
    DATETIME,
    MANY,
    MAX_PLACES,
    NUMERIC,
    ORDERED,
    USER_SHAPE,
    EntityShape,
    Kind,
    Type,
    join,
)


class Walk(Protocol):
    """The checker, as far as calls need it."""

    @property
    def names(self) -> Names: ...
    def visit(self, node: syntax.Node) -> Resolved | None: ...
    def condition(self, node: syntax.Node) -> Resolved | None: ...
    def options_exist(self, choice: Resolved, text: Resolved) -> bool: ...


def check_call(walk: Walk, node: syntax.Call) -> Resolved | None:
    """Resolve one call."""
    names = walk.names
    if node.name == "reached" and names.counted:
        return _check_reached(names, node)
    if node.name not in functions.NAMES:
        if habit := find_function_habit(node.name, node.start, functions.USAGES):
            names.errors.append(habit)
            return None
        suggestion = nearest(node.name, functions.NAMES)
        names.refuse("unknown_function", _word(node), name=node.name, suggestion=suggestion)
        return None
    first = node.arguments[0] if node.arguments else None
    beyond = None if first is None else names.find_beyond(first)
    if beyond is not None and node.name in functions.FOLDS:
        return _check_fold(walk, replace(node, arguments=(beyond[0],)), _first_part(beyond[0]), beyond[1])
    collection = None if first is None else names.find_collection(first)
    if node.name in functions.FOLDS and (collection or node.where or node.name not in functions.FUNCTIONS):
        return _check_fold(walk, node, collection)
    if node.where is not None:
        names.refuse("where_needs_list", node, name=node.name)
        return None
    if node.name == "today":
        return names.variable(node, "today", DATE) if _no_arguments(names, node) else None
    if node.name == "now":
        return names.variable(node, "now", DATETIME) if _no_arguments(names, node) else None
    return _check_function(walk, node)


def _check_reached(names: Names, node: syntax.Call) -> Resolved | None:
    known = names.shape.reached
    said = node.arguments[0] if len(node.arguments) == 1 and node.where is None else None
    if not isinstance(said, syntax.Literal) or said.form != "text":
        names.refuse("wrong_arguments", node, usage="reached('stage')")
        return None
    if not known:
        names.refuse("no_stage", node, entity=names.shape.key.lstrip("@"))
        return None
    stage = str(said.value)
    if stage not in known:
        names.refuse("unknown_option", said, option=stage, options=tuple(known), suggestion=nearest(stage, known))
        return None
    names.uses.add(("stage",))
    return resolved.Reached(BOOLEAN, node.start, node.end, names.shape.key, stage, known[stage])


def _check_function(walk: Walk, node: syntax.Call) -> Resolved | None:
    function = functions.FUNCTIONS[node.name]
    most = len(function.takes)
    if len(node.arguments) < most - function.optional or (len(node.arguments) > most and not function.more):
        walk.names.refuse("wrong_arguments", node, usage=function.usage)
        return None
    found = [walk.visit(argument) for argument in node.arguments]
    arguments = [argument for argument in found if argument is not None]
    if len(arguments) < len(found) or not _kinds_fit(walk.names, function, arguments):
        return None
    if node.name == "default" and _one_written(arguments) and not walk.options_exist(*arguments):
        return None
    result = _RESULTS[node.name](arguments) if node.name in _RESULTS else function.gives
    if result is None:
        _refuse_mixed(walk.names, node, arguments)
        return None
    if node.name in ("date", "text") and arguments[0].type.kind is Kind.DATETIME:
        walk.names.context.add("offset")
    if node.name in functions.OF_CALENDAR:
        walk.names.context.add("calendar")
    return resolved.Call(result, node.start, node.end, node.name, tuple(arguments))


def _kinds_fit(names: Names, function: functions.Function, arguments: list[Resolved]) -> bool:
    good = True
    for position, argument in enumerate(arguments):
        takes = function.takes[min(position, len(function.takes) - 1)]
        if takes and argument.type.kind not in takes or not takes and argument.type.kind in MANY | {Kind.WORKING_TIME}:
            names.refuse("wrong_argument", argument, usage=function.usage, kind=argument.type.kind)
            good = False
    return good


def _join_all(arguments: list[Resolved]) -> Type | None:
    result: Type | None = arguments[0].type
    for argument in arguments[1:]:
        result = result and join(result, argument.type)
    return result


def _filled_up(arguments: list[Resolved]) -> Type | None:
    return arguments[0].type if _one_written(arguments) else _join_all(arguments)


def _one_written(arguments: list[Resolved]) -> bool:
    """Tell whether a choice is given, and beside it texts that are written out: these must be options of it."""
    value, otherwise = (argument.type for argument in arguments)
    return value.kind is Kind.CHOICE and bool(value.options) and otherwise.kind is Kind.TEXT and bool(otherwise.options)


def _join_ordered(arguments: list[Resolved]) -> Type | None:
    result = _join_all(arguments)
    return result if result is not None and result.kind in ORDERED - {Kind.TEXT} else None


def _rounded(arguments: list[Resolved]) -> Type | None:
    if len(arguments) == 1:
        return replace(arguments[0].type, scale=0)
    places = arguments[1].value if isinstance(arguments[1], resolved.Constant) else None
    if not isinstance(places, Decimal) or places not in range(MAX_PLACES + 1):
        return None
    return replace(arguments[0].type, scale=min(int(places), arguments[0].type.places))


_RESULTS: dict[str, Callable[[list[Resolved]], Type | None]] = {
    "if": lambda arguments: arguments[1].type if len(arguments) == 2 else join(arguments[1].type, arguments[2].type),
    "default": _filled_up,
    "round": _rounded,
    "abs": lambda arguments: replace(arguments[0].type, scale=arguments[0].type.places),
    "max": _join_ordered,
    "min": _join_ordered,
}


def _refuse_mixed(names: Names, node: syntax.Call, arguments: list[Resolved]) -> None:
    if node.name == "round":
        names.refuse("round_needs_places", arguments[1], limit=MAX_PLACES)
        return
    kinds = tuple(dict.fromkeys(argument.type.kind for argument in arguments[1 if node.name == "if" else 0 :]))
    names.refuse("mixed_kinds", node, name=node.name, kinds=kinds)


def _first_part(node: syntax.Name | syntax.Path) -> str:
    return node.name if isinstance(node, syntax.Name) else node.parts[0]


def _check_fold(
    walk: Walk, node: syntax.Call, collection: str | None, whose: EntityShape | None = None
) -> Resolved | None:
    names, usage = walk.names, functions.FOLDS.get(node.name, "count(items where qty > 1)")
    if names.inside:
        names.refuse("fold_inside_where", node)
        return None
    if collection is None and node.arguments and walk.visit(node.arguments[0]) is None:
        return None
    if collection is None or len(node.arguments) != 1:
        names.refuse("wrong_fold", node, usage=usage)
        return None
    rows = node.arguments[0]
    if isinstance(rows, syntax.Path) is (node.name in functions.FOLDS_OF_ROWS):
        names.refuse("wrong_fold", node, usage=usage)
        return None
    if node.name in ("any", "all") and node.where is None:
        names.refuse("wrong_fold", node, usage=usage)
        return None
    return _fold(walk, node, collection, whose or names.shape)


def _fold(walk: Walk, node: syntax.Call, name: str, whose: EntityShape) -> Resolved | None:
    names, errors = walk.names, len(walk.names.errors)
    entity, collection, rows = whose.key, whose.collections[name], node.arguments[0]
    if whose.key == USER_SHAPE:
        names.context.add("user")
    else:
        names.uses.add((name,))
    with names.rows(name, whose):
        value = names.row_field(rows) if isinstance(rows, syntax.Path) else None
        where = walk.condition(node.where) if node.where is not None else None
    if len(names.errors) > errors:
        return None
    result = _fold_type(node.name, value)
    if result is None and value is not None:
        names.refuse("wrong_argument", rows, usage=functions.FOLDS[node.name], kind=value.type.kind)
        return None
    if result is None:
        return None
    return resolved.Fold(
        result, node.start, node.end, node.name, entity, name, collection.entity, collection.via, value, where
    )


def _fold_type(name: str, value: resolved.Field | None) -> Type | None:
    if value is None:
        return COUNT if name == "count" else BOOLEAN
    kind = value.type.kind
    if name in ("max", "min"):
        return value.type if kind in ORDERED - {Kind.TEXT} else None
    if kind not in NUMERIC:
        return None
    return replace(value.type, scale=value.type.places if name == "sum" else MAX_PLACES)


def _no_arguments(names: Names, node: syntax.Call) -> bool:
    if node.arguments:
        names.refuse("wrong_arguments", node, usage=functions.FUNCTIONS[node.name].usage)
    return not node.arguments


def _word(node: syntax.Call) -> syntax.Name:
    return syntax.Name(node.start, node.start + len(node.name), node.name)
