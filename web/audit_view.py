"""Entries of the audit in people's words, as ``pages/audit.html`` shows them.

Enters: entries. Leaves: who did what to whom, with names in place of ids. Must not read more than names.
"""

import datetime as dt
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from flask import g

from engine.people import departments, directory
from engine.people.audit import ACTIONS, AuditEntry
from web.cells import Cells
from web.gate import store
from web.page_kit import has_text

_PERSON, _DEPARTMENT = "user", "department"
_LEADS_TO: Mapping[str, str] = {
    "manager": _PERSON, "manager_id": _PERSON, "deputy": _PERSON, "to": _PERSON, "department": _DEPARTMENT,
    "department_id": _DEPARTMENT, "parent_id": _DEPARTMENT,
}  # fmt: skip
_TO_NOBODY = ("release.rollback", "approval.migrate", "stage.map")
"""What these lead ``to`` is no person: a release, a stage."""
_UNSAID = ("sha256", "seen", "record", "approval")
"""Of no use to a reader, or said already by what the entry is about."""
_SHORT = 12
_MOST_SAID = 200
_STAMP = re.compile(r"\d{4}-\d{2}-\d{2}(T|$)")
_DAY_LENGTH = 10
Names = Mapping[tuple[str, int], str]


def view_entries(cells: Cells, entries: Sequence[AuditEntry]) -> list[dict[str, Any]]:
    """Return the entries as the page shows them."""
    names = _names(entries)
    return [_view(cells, entry, names) for entry in entries]


def _view(cells: Cells, entry: AuditEntry, names: Names) -> dict[str, Any]:
    text, subject = cells.locale, _address(entry.subject)
    named = names.get(subject) if subject is not None else None
    parts = [(key, _part(cells, entry, key, names)) for key in entry.details if key not in _UNSAID]
    return {
        "when": cells.when(entry.at),
        "who": entry.actor or text.t("audit.system"),
        "what": text.t(f"audit.{entry.action}") if entry.action in ACTIONS else entry.action,
        "about": None if subject == (_PERSON, entry.actor_id) else named or _about(cells, entry.subject),
        "details": [{"name": _part_name(cells, key), "value": value} for key, value in parts if value],
        "ip": entry.ip,
    }


def _names(entries: Iterable[AuditEntry]) -> dict[tuple[str, int], str]:
    """Return what everybody and every department in the entries is called."""
    found = {address for entry in entries if (address := _address(entry.subject)) is not None}
    for entry in entries:
        found |= {(_LEADS_TO[key], value) for key, value in entry.details.items() if _is_link(entry, key, value)}
    people = directory.people(g.session.connection, [id_ for kind, id_ in found if kind == _PERSON])
    names = {(_PERSON, id_): person.name for id_, person in people.items()}
    if any(kind == _DEPARTMENT for kind, _ in found):
        names |= {(_DEPARTMENT, one.id): one.name for one in departments.list_departments(g.session.connection)}
    return names


def _part_name(cells: Cells, key: str) -> str:
    name = f"audit.part.{key.removesuffix('_id')}"
    return cells.locale.t(name) if has_text(name) else key


def _part(cells: Cells, entry: AuditEntry, key: str, names: Names) -> str:
    text, value = cells.locale, entry.details[key]
    if _is_link(entry, key, value):
        return names.get((_LEADS_TO[key], value), str(value))
    if isinstance(value, list):
        said = text.t("text.comma").join(_word(cells, key, one) for one in value)
    else:
        said = "" if value is None or isinstance(value, Mapping) else _word(cells, key, value)
    return said if len(said) <= _MOST_SAID else said[:_MOST_SAID] + "…"


def _word(cells: Cells, key: str, value: Any) -> str:
    """Return one value in words: what is called by a key by its label, a moment on the site's clock."""
    text, said = cells.locale, str(value)
    if isinstance(value, bool):
        return text.t("cell.yes" if value else "cell.no")
    known: Mapping[str, Any] = {"roles": store().app.roles, "entity": store().app.entities}.get(key, {})
    if said in known:
        return text.label(known[said].label)
    if key == "digest":
        return said[:_SHORT]
    name = f"audit.word.{key}.{said}"
    return text.t(name) if has_text(name) else _moment(cells, said) or said


def _moment(cells: Cells, said: str) -> str | None:
    """Return a moment or a day, as they are kept in the audit, in the reader's words."""
    if not _STAMP.match(said):
        return None
    try:
        day = dt.date.fromisoformat(said) if len(said) == _DAY_LENGTH else None
        return cells.locale.date(day) if day else cells.locale.datetime(dt.datetime.fromisoformat(said))
    except ValueError:
        return None


def _about(cells: Cells, subject: str | None) -> str | None:
    """Return what an entry is about: ``release:3`` as "release 3", ``quote/12`` as "quote #12"."""
    kind, mark, id_ = (subject or "").partition(":") if ":" in (subject or "") else (subject or "").partition("/")
    entity = store().app.entities.get(kind)
    if entity is not None:
        return cells.locale.label(entity.label) + (f" #{id_}" if mark else "")
    name = f"audit.subject.{kind}"
    if mark and has_text(name):
        return cells.locale.t(name, id=id_)
    return _moment(cells, subject or "") or subject


def _is_link(entry: AuditEntry, key: str, value: Any) -> bool:
    if key == "to" and entry.action in _TO_NOBODY:
        return False
    return key in _LEADS_TO and isinstance(value, int) and not isinstance(value, bool)


def _address(subject: str | None) -> tuple[str, int] | None:
    kind, _, id_ = (subject or "").partition(":")
    return (kind, int(id_)) if id_.isdecimal() and len(id_) < 19 else None
