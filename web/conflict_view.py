"""Two people changed a record at once, or it was locked meanwhile: what was typed beside what is stored.

Enters: a record as it is stored now, and what was posted against an older version. Leaves: the ``conflict`` of
``pages/conflict.html``. Must not choose for anybody: what only the other person changed is kept, what only this person
changed goes on, and what both changed is asked. What nobody may change any more is kept as text to copy or to post.
"""

import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from flask import g, request

from engine.compiler.app import Entity, Field
from engine.errors import FieldError
from engine.records.comments import LONGEST
from engine.records.differences import from_json
from engine.records.history import list_history
from engine.records.record import USER, Record
from engine.records.rights import find_rights
from web.cells import Cells, record_url, title_of
from web.form_values import labels_of
from web.gate import locale, now
from web.history_view import say_value
from web.lock_view import find_lock
from web.posted import Posted, Unread, typed_links
from web.widgets import Inputs

_LOOKED_BACK = 200


def view_conflict(entity: Entity, record: Record, posted: Posted, errors: Sequence[FieldError] = ()) -> dict[str, Any]:
    """Return the page that lets somebody choose, value by value; ``errors`` are why it was not saved."""
    cells = Cells(locale(), now())
    lock = find_lock(entity, record)
    sides = _Sides(cells, entity, record, posted, lock.keys if lock else frozenset())
    by = record.labels.get((USER, record.values.get("updated_by") or 0), "")
    return {
        "title": title_of(entity, record),
        "record_url": record_url(entity.key, record.id),
        "who": cells.person(by),
        "when": cells.when(record.values["updated_at"]),
        "action_url": f"{record_url(entity.key, record.id)}/edit",
        "version": record.version,
        "action_id": secrets.token_hex(16),
        "draft": posted.draft,
        "lock": _view_lock(lock.view, sides) if lock is not None and sides.locked else None,
        "savable": sides.savable,
        "errors": [_said_at(entity, one) for one in errors],
        "fields": [sides.shown(key) for key in sides.both],
        "theirs_only": [sides.shown(key) for key in sides.theirs_only],
        "keep": [
            (name, value)
            for name, value in request.form.items(multi=True)
            if name != "csrf_token" and not name.startswith("_")
        ],
    }


def _view_lock(lock: dict[str, Any], sides: "_Sides") -> dict[str, Any]:
    """Return why nothing of it can be saved, both texts, and what was typed as one text."""
    fields = [sides.shown(key) for key in sides.locked]
    text, url = locale(), record_url(sides.entity.key, sides.record.id)
    lines = [f"{one['label']}{text.t('form.colon')}{one['mine'] or text.t('cell.empty')}" for one in fields]
    said = "\n".join([text.t("lock.comment"), *lines])
    return lock | {"fields": fields, "said": said[:LONGEST], "comment_url": f"{url}/comments", "longest": LONGEST}


def _said_at(entity: Entity, error: FieldError) -> dict[str, str]:
    field, text = entity.fields.get(error.path.partition(".")[0]), locale()
    label = text.label(field.label) if field is not None else ""
    return {"path": error.path.replace(".", "-"), "label": label, "text": error.text(text.language)}


class _Sides:
    """What this person and the other one made of the record they both started from; ``closed`` cannot be saved."""

    def __init__(self, cells: Cells, entity: Entity, record: Record, posted: Posted, closed: frozenset[str]) -> None:
        self.cells, self.entity, self.record, self.posted = cells, entity, record, posted
        self.labels = record.labels | labels_of(entity, typed_links(entity, posted.typed))
        rights = find_rights(g.session.app, entity, g.actor).on(record.hidden)
        self.inputs = Inputs(cells, entity, rights, labels=self.labels, errors={}, typed=posted.typed)
        before = self._before()
        typed = [key for key, field in entity.fields.items() if key in posted.raw and not field.readonly]
        theirs = [key for key in typed if key in before and self._stored(key) != before[key]]
        mine = [key for key in typed if self._typed(key) not in (before.get(key, self._stored(key)), self._stored(key))]
        self.locked = [key for key in mine if key in closed]
        self.both = [key for key in theirs if key in mine and key not in closed]
        self.theirs_only = [key for key in theirs if self._typed(key) == before[key]]
        self.savable = any(key not in closed for key in mine)

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
                        found[key] = self._as_typed(field, from_json(field, old))
        return found

    def _stored(self, key: str) -> Any:
        return self._as_typed(self.entity.fields[key], self.record.values.get(key))

    def _typed(self, key: str) -> Any:
        field, typed = self.entity.fields[key], self.posted.typed.get(key)
        if isinstance(typed, Unread):
            return typed.text
        if field.type.has_rows:
            return [_row_typed(field, row) for row in typed or ()]
        if isinstance(typed, list):
            return sorted(map(str, typed))
        if isinstance(typed, Mapping):
            return dict(typed)
        return {True: "true", False: "", None: ""}.get(typed, str(typed)) if not isinstance(typed, str) else typed

    def _as_typed(self, field: Field, value: Any) -> Any:
        if field.type.has_rows:
            return [_row_typed(field, self._row_as_typed(field, row)) for row in value or ()]
        if field.type.has_files:
            return sorted(str(one["id"]) for one in value or ())
        raw = self.inputs.raw(field, value)
        return sorted(map(str, raw)) if isinstance(raw, list) else raw if isinstance(raw, Mapping) else str(raw)

    def _row_as_typed(self, field: Field, row: Mapping[str, Any]) -> dict[str, Any]:
        return {key: self.inputs.raw(one, from_json(one, row.get(key))) for key, one in field.fields.items()}

    def _said(self, field: Field, typed: Any) -> str:
        """Return what was typed in words, where it stands for something; a wrong value as it was typed."""
        if field.type.has_rows:
            return "\n".join(self._row_said(field, row) for row in typed or ())
        if field.options:
            chosen = typed if isinstance(typed, list) else [typed]
            return locale().t("text.comma").join(locale().label(field.options.get(one)) or str(one) for one in chosen)
        if field.target is not None:
            return str(self.inputs.field(field)["text"])
        if field.type.column == "boolean":
            return locale().t("cell.yes" if typed else "cell.no")
        if field.type.has_files:
            return locale().t("conflict.files", count=len(typed or ()))
        if isinstance(typed, list | Mapping):
            return locale().t("text.comma").join(map(str, typed.values() if isinstance(typed, Mapping) else typed))
        return str(typed)

    def _row_said(self, field: Field, row: Mapping[str, Any]) -> str:
        ids = typed_links(self.entity, {field.key: [row]})[field.key][0]
        said = {key: str(row.get(key) or "") for key, column in field.fields.items() if not column.readonly}
        said |= {key: self.labels.get((field.fields[key].to or USER, id_), said[key]) for key, id_ in ids.items()}
        return " · ".join(text for text in said.values() if text)


def _row_typed(field: Field, row: Mapping[str, Any]) -> Sequence[str]:
    return [str(row.get(key) or "") for key, column in field.fields.items() if not column.readonly]
