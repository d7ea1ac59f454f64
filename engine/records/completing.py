"""Completing and judging a record before it is written: defaults, computed values, required fields, rules.

Enters: the typed values of a whole record (what was there, overlaid with what was sent). Leaves: the same values
completed in place, and errors. Must not read what was typed, nor write: it is the one place where the rules of a
record are judged, for every way in.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from engine.compiler.app import Entity, Field, FieldPlan, Rule
from engine.compiler.readers import MAX_DIGITS
from engine.errors import FieldError
from engine.expression import Env
from engine.records.field_states import is_missing, is_required

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


def compute_values(
    entity: Entity,
    values: dict[str, Any],
    env: Env,
    errors: list[FieldError],
    before: Mapping[str, Any] | None = None,
    kept: Collection[str] = (),
) -> None:
    """Compute what is computed, the columns of line tables first; ``kept`` fields (``items.due``) stay as they are.

    ``before`` are the values of a record that is there already. What it rolls up was right in them, and stays unless
    the field reads something else that changed.
    """
    for field in entity.line_fields:
        for at, row in enumerate(values.get(field.key) or ()):
            for key in field.compute_order:
                if f"{field.key}.{key}" in kept:
                    continue
                compute_field(field.fields[key], row, env, f"{field.key}.{at}.{key}", errors)
    for key in entity.compute_order:
        field = entity.fields[key]
        if key in kept:
            continue
        if before is not None and field.folds and all(values.get(one) == before.get(one) for one in field.own_reads):
            values[key] = before.get(key)
        else:
            compute_field(field, values, env, key, errors)


def compute_field(field: Field, values: dict[str, Any], env: Env, path: str, errors: list[FieldError]) -> None:
    """Work out one computed value."""
    assert field.computed is not None  # noqa: S101 - the order holds computed fields only
    keep_computed(field, values, field.computed.run(values, env), path, errors)


def keep_computed(field: Field, values: dict[str, Any], value: Any, path: str, errors: list[FieldError]) -> None:
    """Keep a value that was worked out, with the digits of its field; one too large for it is an error."""
    if _is_number(value) and abs(value) >= _TOO_LARGE[field.scale or 0]:
        errors.append(FieldError(path, "value.too_large"))
        value = None
    values[field.key] = fitted(field, value)


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
    for rule in broken_rules(entity, values, env, at=at, wrong=wrong):
        errors += [FieldError(path, "value.rule", {"message": rule.message}) for path in rule.fields or ("",)]


def broken_rules(
    entity: Entity, values: Mapping[str, Any], env: Env, *, at: str, wrong: Iterable[str] = ()
) -> Iterator[Rule]:
    """Yield the rules over several fields that do not hold, of those that wait for nothing.

    A rule that reads a field at one of the paths in ``wrong`` waits: what is no value cannot break it.
    """
    unread = {path.partition(".")[0] for path in wrong}
    for rule in entity.rules:
        waits = at not in rule.at or any(use[0] in unread for use in rule.check.checked.uses)
        if not waits and is_broken(rule, values, env):
            yield rule


def is_broken(rule: Rule, values: Mapping[str, Any], env: Env) -> bool:
    """Tell whether a record breaks a rule; one that waits for a value is not broken."""
    return not any(values.get(key) is None for key in rule.needs) and rule.check.run(values, env) is not True


def fitted(field: Field, value: Any) -> Any:
    """Return a computed number with the digits of its field, rounded half up; anything else as it is."""
    if field.scale is None or not _is_number(value):
        return value
    number = Decimal(value).quantize(_UNIT[field.scale], rounding=ROUND_HALF_UP)
    return int(number) if field.type.column == "integer" else number


def _is_number(value: Any) -> bool:
    return isinstance(value, Decimal | int) and not isinstance(value, bool)


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
