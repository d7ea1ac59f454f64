"""The few values whoever decides has to see: collected when a record is submitted, read again for queues and panels.

Enters: the ``show`` names of an approval and a record's values. Leaves: plain JSON to keep, and typed ``Shown`` values
with labels. Must not show a value the reader's roles hide: a computed name is hidden with anything it is computed from.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from engine.compiler.app import Approval, CompiledApp, Entity, Label
from engine.expression import Env, Kind, Type
from engine.records.calling import name_of
from engine.records.rights import Rights
from engine.storage.column_types import from_json, to_json


@dataclass(frozen=True)
class Shown:
    """One value with its label.

    ``value`` is typed by ``kind``: a choice is its label, a link or a person what it is called, several are a tuple.
    """

    name: str
    label: Label
    kind: Kind
    value: Any


def collect_shown(
    app: CompiledApp, entity: Entity, approval: Approval, values: Mapping[str, Any], env: Env
) -> dict[str, Any]:
    """Return the values of the ``show`` names as plain JSON, a link or a person as what it is called now."""
    found: dict[str, Any] = {}
    for name in approval.show:
        type_ = _type_of(entity, approval, name)
        if type_ is not None:
            let = approval.let.get(name)
            value = let.run(values, env) if let is not None else values.get(name)
            found[name] = _CALLED.get(type_.kind, _as_stored)(app, type_, value, env)
    plain: dict[str, Any] = from_json(to_json(found))
    return plain


def read_shown(app: CompiledApp, approval: str, data: Mapping[str, Any], rights: Rights) -> tuple[Shown, ...]:
    """Return what was collected, in the order of ``show``, without what ``rights`` hide and what holds nothing."""
    compiled = app.approvals.get(approval)
    entity = app.entities.get(compiled.entity) if compiled is not None else None
    if compiled is None or entity is None:
        return ()
    shown = []
    for name in compiled.show:
        type_ = _type_of(entity, compiled, name)
        value = data.get(name)
        if type_ is not None and value is not None and not _is_hidden(entity, compiled, name, rights):
            shown.append(Shown(name, _label(entity, compiled, name), type_.kind, _typed(entity, name, type_, value)))
    return tuple(shown)


def _type_of(entity: Entity, approval: Approval, name: str) -> Type | None:
    let = approval.let.get(name)
    return let.checked.type if let is not None else entity.shape.fields.get(name)


def _label(entity: Entity, approval: Approval, name: str) -> Label:
    if name in approval.let:
        return approval.let_labels.get(name) or {"zh": name}
    return entity.fields[name].label if name in entity.fields else {"zh": name}


def _is_hidden(entity: Entity, approval: Approval, name: str, rights: Rights) -> bool:
    let = approval.let.get(name)
    paths = let.checked.uses if let is not None else {(name,)}
    return any(path[0] in rights.hidden or ".".join(path) in rights.hidden for path in paths)


def _called(app: CompiledApp, type_: Type, value: Any, env: Env) -> Any:
    target = app.entities.get(type_.entity or "")
    row = env.lookup.linked(target.key, value) if target is not None and value is not None else None
    return name_of(app, target, row, env.lookup) if target is not None and row is not None else None


def _all_called(app: CompiledApp, type_: Type, value: Any, env: Env) -> Any:
    return [name for one in value or () if (name := _called(app, type_, one, env)) is not None]


def _named(app: CompiledApp, type_: Type, value: Any, env: Env) -> Any:
    row = env.lookup.linked(type_.target or "", value) if value is not None else None
    return row["name"] if row is not None else None


def _names(app: CompiledApp, type_: Type, value: Any, env: Env) -> Any:
    return [name for one in value or () if (name := _named(app, type_, one, env)) is not None]


def _as_stored(app: CompiledApp, type_: Type, value: Any, env: Env) -> Any:
    return value


_CALLED: Mapping[Kind, Callable[[CompiledApp, Type, Any, Env], Any]] = {
    Kind.LINK: _called, Kind.LINKS: _all_called, Kind.USER: _named, Kind.USERS: _names, Kind.DEPARTMENT: _named,
}  # fmt: skip


def _typed(entity: Entity, name: str, type_: Type, value: Any) -> Any:
    field = entity.fields.get(name)
    options: Mapping[str, Label] = field.options if field is not None else {}
    if isinstance(value, list):
        return tuple(options.get(one, one) if isinstance(one, str) else one for one in value)
    if isinstance(value, str) and value in options:
        return options[value]
    return _READERS.get(type_.kind, _as_it_is)(value)


def _as_it_is(value: Any) -> Any:
    return value


_READERS: Mapping[Kind, Callable[[Any], Any]] = {
    Kind.NUMBER: lambda value: Decimal(str(value)),
    Kind.MONEY: lambda value: Decimal(str(value)),
    Kind.PERCENT: lambda value: Decimal(str(value)),
    Kind.DATE: date.fromisoformat,
    Kind.DATETIME: datetime.fromisoformat,
    Kind.TIME: time.fromisoformat,
    Kind.DURATION: lambda value: timedelta(seconds=value),
}
