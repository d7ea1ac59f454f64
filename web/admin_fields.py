"""Fields of the pages about people and of what stands still, and reading what was posted in them.

Enters: names and what was typed. Leaves: fields for ``widgets/inputs.html``; the id of the person that was picked, or
typed by login. Must not decide who may do what.
"""

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

from flask import g, request

from engine.errors import FieldError, FormworkError, InvalidValues
from engine.people import accounts, departments, directory
from web.gate import locale

Field = dict[str, Any]


def person_field(
    name: str, label: str, *, errors: dict[str, str], id: str | None = None, default: int | None = None, **more: Any
) -> Field:
    """Return a box in which a person is picked; what was typed stays in it, else ``default`` stands there."""
    value, text = _picked(name, default)
    if value and not text:
        known = directory.people(g.session.connection, [int(value)])
        text = known[int(value)].name if int(value) in known else ""
    shown = {"kind": "user", "value": value, "text": text, "pick_url": "/pick-person"}
    return _field(name, label, errors, id) | shown | more


def department_field(
    name: str, label: str, *, errors: dict[str, str], id: str | None = None, default: int | None = None, **more: Any
) -> Field:
    """Return a box in which a department is picked; what was typed stays in it, else ``default`` stands there."""
    value, text = _picked(name, default)
    if value and not text:
        known = {one.id: one.name for one in departments.list_departments(g.session.connection)}
        text = known.get(int(value), "")
    shown = {"kind": "department", "value": value, "text": text, "pick_url": "/pick-department"}
    return _field(name, label, errors, id) | shown | more


def text_field(name: str, label: str, *, errors: dict[str, str], id: str | None = None, **more: Any) -> Field:
    """Return a line of text, a day (``kind="date"``) or a choice."""
    return (
        _field(name, label, errors, id)
        | {"kind": "text", "value": request.form.get(name, ""), "max_length": 500}
        | more
    )


def read_person(name: str) -> int | None:
    """Return the person picked under ``name``, or typed there by login; None when the box is empty.

    Raises ``InvalidValues`` for somebody there is none of.
    """
    picked, typed = _chosen(name)
    if picked is not None or not typed:
        return picked
    found = accounts.find_user(g.session.connection, typed)
    if found is None:
        raise InvalidValues([FieldError(name, "cli.no_user", {"login": typed[:60]})])
    return found


def read_department(name: str) -> int | None:
    """Return the department picked under ``name``, or typed there by key or name; None when the box is empty.

    Raises ``InvalidValues`` for one there is none of.
    """
    picked, typed = _chosen(name)
    if picked is not None or not typed:
        return picked
    for one in departments.list_departments(g.session.connection):
        if typed in (one.key, one.name):
            return one.id
    raise InvalidValues([FieldError(name, "people.department_not_found")])


def read_day(name: str, *, end: bool = False) -> dt.datetime | None:
    """Return the first moment of a day typed under ``name`` (with ``end`` the first after it), UTC; None when empty."""
    typed = request.values.get(name, "").strip()
    if not typed:
        return None
    try:
        day = dt.date.fromisoformat(typed)
    except ValueError:
        raise InvalidValues([FieldError(name, "value.date")]) from None
    if not 1900 <= day.year <= 2200:  # as in fields of records
        raise InvalidValues([FieldError(name, "value.year")])
    day += dt.timedelta(days=1 if end else 0)
    return dt.datetime.combine(day, dt.time(), ZoneInfo(g.session.app.timezone)).astimezone(dt.UTC)


def said(refused: FormworkError, known: tuple[str, ...] = ()) -> dict[str, str]:
    """Return why something was refused, by the field it is about; ``""`` holds what is about the whole."""
    language = locale().language
    if not isinstance(refused, InvalidValues):
        return {"": str(refused.text(language)) if hasattr(refused, "text") else str(refused)}
    found: dict[str, str] = {}
    for error in refused.errors:
        path = error.path if error.path in known else ""
        found[path] = " ".join(filter(None, (found.get(path), error.text(language))))
    return found


def _picked(name: str, default: int | None) -> tuple[str, str]:
    """Return the id in a box, "" for none, and what was typed there."""
    if name not in request.values:
        return "" if default is None else str(default), ""
    value = request.values[name]
    return value if _is_id(value) else "", request.values.get(f"{name}._text", "")


def _chosen(name: str) -> tuple[int | None, str]:
    """Return the id that was picked under ``name`` and what was typed; a box that was emptied holds neither."""
    picked, typed = request.values.get(name, "").strip(), request.values.get(f"{name}._text")
    emptied = typed is not None and not typed.strip()
    return int(picked) if _is_id(picked) and not emptied else None, (typed or "").strip()


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 19


def _field(name: str, label: str, errors: dict[str, str], id: str | None) -> Field:
    return {"name": name, "id": id or f"in-{name}", "label": label, "error": errors.get(name), "required": False}
