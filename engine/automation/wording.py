"""What a message says: a text with its holes filled in, in the reader's language, with what they may know.

Enters: a compiled text, the values of a record, who reads. Leaves: plain text. Must not return markup, nor fill in for
somebody what is hidden from them: a message is a second way to the same data.
"""

from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from engine import messages
from engine.compiler.app import CompiledApp, Field, Hole, Template
from engine.expression import Env, Kind, Type
from engine.expression.types import DEPARTMENT_SHAPE, USER_SHAPE, row_place
from engine.expression.writing import as_percentage, say_duration, short
from engine.people.actor import Actor
from engine.records.calling import name_of
from engine.records.evaluation import site_zone
from engine.records.rights import find_rights
from engine.reports.values import say_beside
from engine.speaking import Speaker
from engine.storage.store import Session

MISSING = "—"
HIDDEN = "•••"


def fill(
    session: Session,
    template: Template,
    values: Mapping[str, Any],
    env: Env,
    *,
    language: str,
    reader: Actor | None = None,
    hidden: frozenset[str] = frozenset(),
) -> str:
    """Return a text with its holes filled in; ``hidden`` are the fields of the record hidden from ``reader``.

    Without a reader, as for a group, the whole is filled in: whoever wrote the automation answers for it.
    """
    parts = template.get(language) or template.get(session.app.language) or ()
    said = []
    for part in parts:
        if isinstance(part, str):
            said.append(part)
        elif reader is not None and _is_hidden(session.app, part, reader, hidden):
            said.append(HIDDEN)
        else:
            said.append(_fill_in(session, part, part.value.run(values, env), language, env))
    return "".join(said)


def _fill_in(session: Session, hole: Hole, value: Any, language: str, env: Env) -> str:
    if hole.figure is None or value is None:
        return say(session, value, hole.value.checked.type, _field(session, hole), language, env)
    speaker = Speaker(language, session.app.timezone, session.app.currency)
    figure = session.app.figures[hole.figure]
    return say_beside(speaker, Decimal(value), figure.target, figure.unit)[0]


def say(session: Session, value: Any, type_: Type, field: Field | None, language: str, env: Env) -> str:
    """Return a value as people read it."""
    if value is None:
        return MISSING
    if field is not None and value in field.options:
        label = field.options[value]
        return label.get(language) or next(iter(label.values()))
    return _SAY.get(type_.kind, _plain)(session, value, type_, language, env)


def _is_hidden(app: CompiledApp, hole: Hole, reader: Actor, hidden: frozenset[str]) -> bool:
    """Tell whether a value reads anything that is hidden from the reader, here or over a link."""
    entity = app.entities.get(hole.value.checked.entity)
    for path in hole.value.checked.uses:
        if path[0] in hidden or ".".join(path) in hidden:  # a field, or a column of a line table
            return True
        field = entity.fields.get(path[0]) if entity is not None else None
        target = app.entities.get(field.to) if field is not None and field.to is not None else None
        if target is not None and len(path) > 1 and _closed(app, target.key, path[1], reader):
            return True
        shape = entity.shape.collections.get(path[0]) if entity is not None else None
        if shape is not None and shape.via is not None and _closed_rows(app, shape.entity, path, reader):
            return True
    return False


def _closed_rows(app: CompiledApp, shape: str, path: tuple[str, ...], reader: Actor) -> bool:
    """Tell whether a value of records that link here, or of rows of theirs, is hidden from the reader."""
    place = row_place(shape)
    if place is None:
        return _closed(app, shape, path[-1], reader)
    entity, lines = place
    read = (lines, path[2]) if len(path) > 2 and path[1] == entity else (lines, f"{lines}.{path[-1]}")
    return any(_closed(app, entity, one, reader) for one in read)


def _closed(app: CompiledApp, entity: str, field: str, reader: Actor) -> bool:
    rights = find_rights(app, app.entities[entity], reader)
    return not rights.read or field in rights.hidden


def _field(session: Session, hole: Hole) -> Field | None:
    if hole.field is None:
        return None
    entity = session.app.entities.get(hole.field[0])
    return entity.fields.get(hole.field[1]) if entity is not None else None


def _plain(session: Session, value: Any, type_: Type, language: str, env: Env) -> str:
    return str(value)


def _number(session: Session, value: Decimal | int, type_: Type, language: str, env: Env) -> str:
    whole, _, rest = short(value).partition(".")
    return f"{int(whole):,}" + (f".{rest}" if rest else "") if whole not in ("-0", "") else short(value)


def _money(session: Session, value: Decimal, type_: Type, language: str, env: Env) -> str:
    return f"{value:,.{type_.places}f}"


def _percent(session: Session, value: Decimal, type_: Type, language: str, env: Env) -> str:
    return as_percentage(value)


def _truth(session: Session, value: bool, type_: Type, language: str, env: Env) -> str:
    return messages.text("automation.yes" if value else "automation.no", language)


def _day(session: Session, value: date, type_: Type, language: str, env: Env) -> str:
    return value.isoformat()


def _moment(session: Session, value: datetime, type_: Type, language: str, env: Env) -> str:
    return value.astimezone(site_zone(session.app)).strftime("%Y-%m-%d %H:%M")


def _time(session: Session, value: time | str, type_: Type, language: str, env: Env) -> str:
    return value if isinstance(value, str) else value.strftime("%H:%M")


def _span(session: Session, value: timedelta, type_: Type, language: str, env: Env) -> str:
    return say_duration(value)


def _linked(session: Session, value: int, type_: Type, language: str, env: Env) -> str:
    target = type_.target
    row = env.lookup.linked(target, value) if target is not None else None
    if row is None or target is None:
        return MISSING
    if target in (USER_SHAPE, DEPARTMENT_SHAPE):
        return str(row.get("name") or MISSING)
    return name_of(session.app, session.app.entities[target], row, env.lookup)


_SAY: Mapping[Kind, Callable[[Session, Any, Type, str, Env], str]] = {
    Kind.NUMBER: _number,
    Kind.MONEY: _money,
    Kind.PERCENT: _percent,
    Kind.BOOLEAN: _truth,
    Kind.DATE: _day,
    Kind.DATETIME: _moment,
    Kind.TIME: _time,
    Kind.DURATION: _span,
    Kind.LINK: _linked,
    Kind.USER: _linked,
    Kind.DEPARTMENT: _linked,
}
