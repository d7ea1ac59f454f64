"""Completing and judging a record before it is written: defaults, computed values, required fields, rules.

Enters: the typed values of a whole record (what was there, overlaid with what was sent). Leaves: the same values
completed in place, and errors. Must not read what was typed, nor write: it is the one place where the rules of a
record are judged, for every way in.
"""

from collections.abc import Callable, Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from engine.compiler.app import Entity, Field, FieldPlan
from engine.compiler.readers import MAX_DIGITS
from engine.errors import FieldError
from engine.expression import Env

_UNIT = tuple(Decimal(1).scaleb(-scale) for scale in range(MAX_DIGITS + 1))
_TOO_LARGE = tuple(Decimal(10) ** (MAX_DIGITS - scale) for scale in range(MAX_DIGITS + 1))


def set_defaults(fields: Mapping[str, Field], values: dict[str, Any], env: Env) -> None:
    """Give each field that was not sent its default; a field sent empty stays empty."""
    for key, field in fields.items():
        if key not in values and not field.retired:
            if field.default_from is not None:
                values[key] = fitted(field, field.default_from.run(values, env))
            elif field.default is not None:
                values[key] = field.default


def compute_values(entity: Entity, values: dict[str, Any], env: Env, errors: list[FieldError]) -> None:
    """Compute what is computed, the columns of line tables first."""
    for field in entity.line_fields:
        for at, row in enumerate(values.get(field.key) or ()):
            for key in field.compute_order:
                _compute(field.fields[key], row, env, f"{field.key}.{at}.{key}", errors)
    for key in entity.compute_order:
        _compute(entity.fields[key], values, env, key, errors)


def check_complete(entity: Entity, values: Mapping[str, Any], env: Env, errors: list[FieldError], *, at: str) -> None:
    """Add an error for each missing required value and each broken rule; ``at`` is ``create`` or ``update``."""
    wrong = {error.path for error in errors}
    _check_required(entity.plan, values, env, errors, "", wrong)
    for field in entity.line_fields:
        rows = values.get(field.key) or ()
        if len(rows) < field.min_rows and not field.retired and field.key not in wrong:
            errors.append(FieldError(field.key, "value.too_few_rows", {"min": field.min_rows}))
        for number, row in enumerate(rows):
            _check_required(field.column_plan, row, env, errors, f"{field.key}.{number}.", wrong)
    for rule in entity.rules:
        waits = at not in rule.at or any(values.get(key) is None for key in rule.needs)
        if not waits and rule.check.run(values, env) is not True:
            errors += [FieldError(path, "value.rule", {"message": rule.message}) for path in rule.fields or ("",)]


def fitted(field: Field, value: Any) -> Any:
    """Return a computed number with the digits of its field, rounded half up; anything else as it is."""
    if field.scale is None or not _is_number(value):
        return value
    number = Decimal(value).quantize(_UNIT[field.scale], rounding=ROUND_HALF_UP)
    return int(number) if field.type.key == "integer" else number


def is_required(field: Field, values: Mapping[str, Any], env: Env) -> bool:
    """Tell whether ``field`` must have a value in this record; an invisible field never must."""
    if not (field.required or _holds(field.required_when, values, env)):
        return False
    return field.visible_when is None or _holds(field.visible_when, values, env)


def is_missing(value: Any) -> bool:
    """Tell whether a stored value says nothing."""
    return value is None or value == "" or value == []


def _is_number(value: Any) -> bool:
    return isinstance(value, Decimal | int) and not isinstance(value, bool)


def _compute(field: Field, values: dict[str, Any], env: Env, path: str, errors: list[FieldError]) -> None:
    assert field.computed is not None  # noqa: S101 - the order holds computed fields only
    value = field.computed.run(values, env)
    if _is_number(value) and abs(value) >= _TOO_LARGE[field.scale or 0]:
        errors.append(FieldError(path, "value.too_large"))
        value = None
    values[field.key] = fitted(field, value)


def _check_required(
    plan: FieldPlan,
    values: Mapping[str, Any],
    env: Env,
    errors: list[FieldError],
    prefix: str,
    wrong: set[str],
) -> None:
    for field in plan.required:
        path = f"{prefix}{field.key}"
        if is_missing(values.get(field.key)) and path not in wrong and is_required(field, values, env):
            errors.append(FieldError(path, "value.required", {"label": field.label}))


def _holds(expression: Any, values: Mapping[str, Any], env: Env) -> bool:
    run: Callable[[Mapping[str, Any], Env], Any] | None = None if expression is None else expression.run
    return run is not None and run(values, env) is True
