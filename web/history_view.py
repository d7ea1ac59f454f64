"""The history of a record in people's words, as ``parts/history.html`` draws it.

Enters: entries as the reader may see them. Leaves: who did what, and old → new for each field. Must not read more
values.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from engine.compiler.app import CompiledApp, Entity, Field
from engine.records.differences import from_json
from engine.records.history import Entry, name_links
from engine.records.record import USER, Labels
from engine.records.telling import born, say_entry
from engine.storage.journal import BOOK
from engine.storage.store import Session
from web.cells import Cells

_DECISIONS = frozenset({"approve", "refuse", "return", "withdraw", "terminate", "migrate"})
_ICONS = {
    "unflag": "flag",
    "create": "plus",
    "import": "upload",
    "update": "edit",
    "move": "arrow-right",
    "approve": "check",
    "refuse": "x",
    "return": "corner-up-left",
    "withdraw": "arrow-back-up",
    "comment": "message",
    "delete": "trash",
    "restore": "arrow-back-up",
    "roll_up": "refresh",
    BOOK: "refresh",
    "migrate": "refresh",
    "terminate": "x",
    "complete": "check",
    "claim": "user-check",
    "retract": "arrow-back-up",
    "revoke": "arrow-back-up",
    "urge": "bell",
    "share": "users",
    "unshare": "users",
    "merge": "arrow-merge",
    "merged_away": "arrow-merge",
    "relink": "arrow-merge",
    "unmerge": "arrow-back-up",
    "take": "user-check",
    "give": "user-check",
    "give_back": "arrow-back-up",
    "reclaim": "arrow-back-up",
    "lock": "lock",
    "unlock": "lock",
}


def view_history(
    cells: Cells, session: Session, entity: Entity, entries: Sequence[Entry], *, newest: int | None = None
) -> list[dict[str, Any]]:
    """Return the entries as the page shows them, newest first; those before version ``newest`` can be looked at."""
    labels = name_links(session, entity, entries)
    made: list[dict[str, Any]] = []
    for at, entry in enumerate(entries):
        ended = made.pop()["changes"] if at and _brings_about(entry, entries[at - 1]) else []
        older = entries[at + 1].release if at + 1 < len(entries) else None
        shown = view_entry(cells, session.app, entity, entry, labels) | {
            "release": entry.release if entry.release != older else None,
            "version": entry.version if entry.version != newest and (entry.changes or born(entry)) else None,
        }
        made.append(shown | {"changes": [*shown["changes"], *ended]})
    return made


def say_value(cells: Cells, field: Field, value: Any, labels: Labels) -> str:
    """Return a value, typed or as the history keeps it, in the reader's words; one line for each row."""
    if field.type.has_rows:
        return "\n".join(_row(cells, field, row, labels) for row in value or ())
    return _said(cells, field, value, labels)


def _brings_about(decision: Entry, newer: Entry) -> bool:
    """Whether the newer entry is only the change of stage that a decision brought about: told as one."""
    same = newer.at == decision.at and newer.actor_id == decision.actor_id
    return same and "stage" in newer.changes and decision.action in _DECISIONS


def view_entry(cells: Cells, app: CompiledApp, entity: Entity, entry: Entry, labels: Labels) -> dict[str, Any]:
    """Return one entry by itself; ``labels`` name what its values link to."""
    changes = [] if born(entry) else _changes(cells, entity, entry, labels)
    return {
        "when": cells.when(entry.at),
        "who": cells.person(entry.actor) if entry.actor_id is not None else None,
        "what": say_entry(app, entity, entry, cells.locale.language, changed=len(changes)),
        "reason": entry.note,
        "changes": changes,
        "icon": _ICONS.get(entry.action, "point"),
    }


def _changes(cells: Cells, entity: Entity, entry: Entry, labels: Labels) -> list[dict[str, str]]:
    made = []
    for key, (old, new) in entry.changes.items():
        field = entity.fields.get(key)
        if field is not None and field.computed is not None and not field.words and entry.action != "roll_up":
            continue  # it follows from what was typed, which stands beside it
        if field is not None and not field.type.has_rows:
            label = cells.locale.label(field.label)
            made.append(
                {"label": label, "old": _said(cells, field, old, labels), "new": _said(cells, field, new, labels)}
            )
        elif field is not None:
            made += _line_changes(cells, field, old or [], new or [], labels)
        elif key == "stage":
            before, after = cells.stage(entity, old), cells.stage(entity, new)
            said = [badge["label"] if badge else "" for badge in (before, after)]
            made.append({"label": cells.locale.t("field.stage"), "old": said[0], "new": said[1]})
        elif key == "owner":
            said = [labels.get((USER, one), "") for one in (old, new)]
            made.append({"label": cells.locale.t("field.owner"), "old": said[0], "new": said[1]})
    return made


def _line_changes(
    cells: Cells, field: Field, old: Sequence[Mapping[str, Any]], new: Sequence[Mapping[str, Any]], labels: Labels
) -> list[dict[str, str]]:
    """Each line that came, went or changed, named by its place."""
    before = {row.get("id"): row for row in old if row.get("id") is not None}
    made = []
    for at, row in enumerate(new, start=1):
        was = before.pop(row.get("id"), None)
        if was == row:
            continue
        label = f"{cells.locale.label(field.label)} {at}"
        if was is None:
            made.append({"label": label, "old": "", "new": _row(cells, field, row, labels)})
            continue
        for key, column in field.fields.items():
            if was.get(key) != row.get(key) and column.computed is None:
                said = (_said(cells, column, was.get(key), labels), _said(cells, column, row.get(key), labels))
                made.append({"label": f"{label} · {cells.locale.label(column.label)}", "old": said[0], "new": said[1]})
    label = cells.locale.label(field.label)
    return made + [{"label": label, "old": _row(cells, field, row, labels), "new": ""} for row in before.values()]


def _row(cells: Cells, field: Field, row: Mapping[str, Any], labels: Labels) -> str:
    shown = [column for column in field.fields.values() if row.get(column.key) is not None and column.computed is None]
    return " · ".join(_said(cells, column, row[column.key], labels) for column in shown[:5])


def _said(cells: Cells, field: Field, value: Any, labels: Labels) -> str:
    """Return a value kept as JSON in the reader's words."""
    if value is None:
        return ""
    if field.type.has_files:
        return cells.locale.t("text.comma").join(str(one.get("name")) for one in value)
    cell = cells.of_field(field, from_json(field, value), labels)
    return str(cell["text"])
