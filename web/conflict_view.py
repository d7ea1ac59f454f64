"""Two people changed a record at once: what each of them changed, side by side.

Enters: a record as it is stored now, and what was posted against an older version. Leaves: the ``conflict`` of
``pages/conflict.html``. Must not choose for anybody: what only the other person changed is kept, what only this person
changed goes on, and what both changed is asked.
"""

import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from flask import g, request

from engine.compiler.app import Entity, Field
from engine.records.history import list_history
from engine.records.record import USER, Record
from engine.records.rights import find_rights
from web.cells import Cells, record_url, title_of
from web.form_values import labels_of
from web.gate import locale, now
from web.history_view import say_value, typed_value
from web.posted import Posted, typed_links
from web.widgets import Inputs

_LOOKED_BACK = 200


def view_conflict(entity: Entity, record: Record, posted: Posted) -> dict[str, Any]:
    """Return the page that lets somebody choose, value by value."""
    cells = Cells(locale(), now())
    sides = _Sides(cells, entity, record, posted)
    by = record.labels.get((USER, record.values.get("updated_by") or 0), "")
    return {
        "title": title_of(entity, record),
        "record_url": record_url(entity.key, record.id),
        "who": cells.person(by),
        "when": cells.when(record.values["updated_at"]),
        "action_url": f"{record_url(entity.key, record.id)}/edit",
        "version": record.version,
        "action_id": secrets.token_hex(16),
        "fields": [sides.shown(key) for key in sides.both],
        "theirs_only": [sides.shown(key) for key in sides.theirs_only],
        "keep": [
            (name, value)
            for name, value in request.form.items(multi=True)
            if name != "csrf_token" and not name.startswith("_")
        ],
    }


class _Sides:
    """What this person and the other one made of the record they both started from."""

    def __init__(self, cells: Cells, entity: Entity, record: Record, posted: Posted) -> None:
        self.cells, self.entity, self.record, self.posted = cells, entity, record, posted
        self.labels = record.labels | labels_of(entity, typed_links(entity, posted.typed))
        rights = find_rights(g.session.app, entity, g.actor)
        self.inputs = Inputs(cells, entity, rights, labels=self.labels, errors={}, typed=posted.typed)
        before = self._before()
        theirs = [key for key in before if key in posted.raw and self._stored(key) != before[key]]
        mine = {key for key in theirs if self._typed(key) != before[key]}
        self.both = [key for key in theirs if key in mine and self._typed(key) != self._stored(key)]
        self.theirs_only = [key for key in theirs if key not in mine]

    def shown(self, key: str) -> dict[str, Any]:
        """Return both values as people read them."""
        field = self.entity.fields[key]
        return {
            "key": key,
            "label": self.cells.locale.label(field.label),
            "mine": self._said(field, self.posted.typed.get(key)),
            "theirs": say_value(self.cells, field, self.record.values.get(key), self.labels),
        }

    def _before(self) -> dict[str, Any]:
        """Return each field somebody changed since, as its input held it then."""
        entries = list_history(g.session, self.entity.key, self.record.id, actor=g.actor, limit=_LOOKED_BACK)
        found = {}
        for entry in entries:  # newest first, so the oldest change has the last word
            if entry.version > self.posted.version:
                for key, (old, _) in entry.changes.items():
                    field = self.entity.fields.get(key)
                    if field is not None and not field.readonly:
                        found[key] = self._as_typed(field, typed_value(field, old))
        return found

    def _stored(self, key: str) -> Any:
        return self._as_typed(self.entity.fields[key], self.record.values.get(key))

    def _typed(self, key: str) -> Any:
        field, typed = self.entity.fields[key], self.posted.typed.get(key)
        if field.type.key == "lines":
            return [_row_typed(field, row) for row in typed or ()]
        if isinstance(typed, list):
            return sorted(map(str, typed))
        return {True: "true", False: "", None: ""}.get(typed, str(typed)) if not isinstance(typed, str) else typed

    def _as_typed(self, field: Field, value: Any) -> Any:
        if field.type.key == "lines":
            return [_row_typed(field, self._row_as_typed(field, row)) for row in value or ()]
        if field.type.key == "file":
            return sorted(str(one["id"]) for one in value or ())
        raw = self.inputs.raw(field, value)
        return sorted(map(str, raw)) if isinstance(raw, list) else str(raw)

    def _row_as_typed(self, field: Field, row: Mapping[str, Any]) -> dict[str, Any]:
        return {key: self.inputs.raw(one, typed_value(one, row.get(key))) for key, one in field.fields.items()}

    def _said(self, field: Field, typed: Any) -> str:
        """Return what was typed in words, where it stands for something; a wrong value as it was typed."""
        if field.type.key == "lines":
            return "\n".join(self._row_said(field, row) for row in typed or ())
        if field.type.key in ("choice", "choices"):
            chosen = typed if isinstance(typed, list) else [typed]
            return locale().t("text.comma").join(locale().label(field.options.get(one)) or str(one) for one in chosen)
        if field.type.key in ("link", "user"):
            return str(self.inputs.field(field)["text"])
        if field.type.key == "boolean":
            return locale().t("cell.yes" if typed else "cell.no")
        if field.type.key == "file":
            return locale().t("conflict.files", count=len(typed or ()))
        return str(typed)

    def _row_said(self, field: Field, row: Mapping[str, Any]) -> str:
        ids = typed_links(self.entity, {field.key: [row]})[field.key][0]
        said = {key: str(row.get(key) or "") for key, column in field.fields.items() if not column.readonly}
        said |= {key: self.labels.get((field.fields[key].to or USER, id_), said[key]) for key, id_ in ids.items()}
        return " · ".join(text for text in said.values() if text)


def _row_typed(field: Field, row: Mapping[str, Any]) -> Sequence[str]:
    return [str(row.get(key) or "") for key, column in field.fields.items() if not column.readonly]
