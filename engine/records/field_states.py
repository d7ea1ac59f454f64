"""What the conditions of a field come to: is it asked for, must it be filled in, may it be changed.

Enters: a compiled field, the values of the whole record (of the line, for a column) before and after a change. Leaves:
answers, and errors beside values that were sent against a condition. Must not be answered anywhere else: the form while
somebody types, saving, importing, changing many at once and moving all ask here, so that a condition means one thing.

- *Visible* and *required* follow the values as they would be. An invisible field is never required, keeps the value it
  has, and takes no new one: what is sent for it is refused, only emptying it is not.
- *Read-only* follows the values as they are stored: nobody opens a field by changing its condition in the same breath.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.compiler.app import Entity, Expression, Field
from engine.errors import FieldError
from engine.expression import Env

Row = Mapping[str, Any]
_NEW: Row = {}


@dataclass(frozen=True, slots=True)
class FieldState:
    """What holds for one field now."""

    visible: bool
    required: bool
    readonly: bool


def is_visible(field: Field, after: Row, env: Env) -> bool:
    """Tell whether a record with these values has the field at all."""
    return field.visible_when is None or _holds(field.visible_when, after, env)


def is_required(field: Field, after: Row, env: Env) -> bool:
    """Tell whether ``field`` must have a value in this record; an invisible field never must."""
    if not (field.required or _holds(field.required_when, after, env)):
        return False
    return is_visible(field, after, env)


def is_frozen(field: Field, before: Row, env: Env) -> bool:
    """Tell whether what is stored keeps the field from being changed."""
    return _holds(field.readonly_when, before, env)


def is_missing(value: Any) -> bool:
    """Tell whether a stored value says nothing."""
    return value is None or value == "" or value == []


def find_states(entity: Entity, before: Row, after: Row, env: Env) -> dict[str, FieldState]:
    """Return the state of every field and cell that has a condition, by path (``reason``, ``items.2.discount``).

    ``items.*.discount`` is the cell of a row nobody has begun.
    """
    found = {field.key: _state(field, before, after, env) for field in entity.plan.conditional}
    for lines in entity.line_fields:
        columns = lines.column_plan.conditional
        found |= {f"{lines.key}.*.{column.key}": _state(column, _NEW, _NEW, env) for column in columns}
        for at, old, row in _rows(before.get(lines.key), after.get(lines.key)):
            for column in columns:
                found[f"{lines.key}.{at}.{column.key}"] = _state(column, old, row, env)
    return found


def check_sent(entity: Entity, sent: Row, before: Row, after: Row, env: Env, errors: list[FieldError]) -> None:
    """Add an error for each value in ``sent`` that a condition keeps out.

    ``sent`` holds typed values by key, rows only with the columns that were sent; what says the same as before is no
    change. Paths that are wrong already are left alone.
    """
    wrong = {error.path for error in errors}
    errors += _judged(entity.plan.conditional, sent, before, after, env, "", wrong)
    for lines in entity.line_fields:
        if lines.key in sent and lines.column_plan.conditional:
            known = {row["id"]: row for row in before.get(lines.key) or ()}
            rows = zip(sent[lines.key], after.get(lines.key) or (), strict=False)
            for at, (typed, row) in enumerate(rows):
                old = known.get(typed.get("id"), _NEW)
                columns = lines.column_plan.conditional
                errors += _judged(columns, typed, old, row, env, f"{lines.key}.{at}.", wrong)


def check_options(entity: Entity, sent: Row, before: Row, errors: list[FieldError]) -> None:
    """Add an error for each retired option that ``sent`` chooses anew; where it stands already it stays."""
    wrong = {error.path for error in errors}
    errors += _chosen_late(entity.plan.retiring, sent, before, "", wrong)
    for lines in entity.line_fields:
        if lines.key in sent and lines.column_plan.retiring:
            known = {row["id"]: row for row in before.get(lines.key) or ()}
            for at, typed in enumerate(sent[lines.key] or ()):
                old = known.get(typed.get("id"), _NEW)
                errors += _chosen_late(lines.column_plan.retiring, typed, old, f"{lines.key}.{at}.", wrong)


def _judged(
    fields: Sequence[Field], sent: Row, before: Row, after: Row, env: Env, prefix: str, wrong: set[str]
) -> list[FieldError]:
    found = []
    for field in fields:
        path = f"{prefix}{field.key}"
        if path in wrong or field.key not in sent or _same(sent[field.key], before.get(field.key)):
            continue
        if is_frozen(field, before, env):
            found.append(FieldError(path, "value.readonly_now", {"label": field.label}))
        elif not _says_nothing(sent[field.key]) and not is_visible(field, after, env):
            found.append(FieldError(path, "value.invisible", {"label": field.label}))
    return found


def _chosen_late(fields: Sequence[Field], sent: Row, before: Row, prefix: str, wrong: set[str]) -> Iterator[FieldError]:
    """Yield an error for each retired option that is newly chosen."""
    for field in fields:
        path = f"{prefix}{field.key}"
        late = set(_options(sent.get(field.key))) - set(_options(before.get(field.key)))
        late &= field.retired_options
        if late and path not in wrong:
            label = field.options[min(late)]
            yield FieldError(path, "value.option_retired", {"option": label})


def _options(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else () if value is None else (value,)


def _rows(before: Any, after: Any) -> Iterator[tuple[int, Row, Row]]:
    known = {row.get("id"): row for row in before or ()}
    for at, row in enumerate(after or ()):
        yield at, known.get(row.get("id"), _NEW) if row.get("id") is not None else _NEW, row


def _state(field: Field, before: Row, after: Row, env: Env) -> FieldState:
    return FieldState(is_visible(field, after, env), is_required(field, after, env), is_frozen(field, before, env))


def _same(sent: Any, stored: Any) -> bool:
    return sent == stored or (_says_nothing(sent) and _says_nothing(stored))


def _says_nothing(value: Any) -> bool:
    """An unticked box on a form says as little as an empty text."""
    return value is False or is_missing(value)


def _holds(condition: Expression | None, values: Row, env: Env) -> bool:
    return condition is not None and condition.run(values, env) is True
