"""Drafts of forms as their owner meets them: offered above the form, listed on the first page, shown again.

Enters: the drafts there are, the record as it is now. Leaves: notes for ``parts/drafts.html``. Must not show a value of
a draft by itself: the form does, under the rights its reader has now. Must not show a draft to an administrator who
sees as its author: it is the author's alone.
"""

from collections.abc import Iterable
from itertools import islice
from typing import Any

from flask import g, request
from werkzeug.datastructures import MultiDict

from engine.compiler.app import Entity
from engine.records import queries
from engine.records.form_drafts import FormDraft, find_draft, list_drafts, list_drafts_of
from engine.records.history import list_history
from engine.records.record import Record
from web.api.requests import read_id
from web.cells import Cells, record_url, title_of
from web.form_values import labels_of
from web.gate import is_seen_as, locale, now
from web.posted import Posted, is_id
from web.shell import ENTITY_URL, add_toast

ASKED = "_draft"
"""The parameter of a form's address that names the draft to go on with, and the input that names it when sent."""

_OFFERED = 3
_LOOKED_BACK = 50
_NAMED = 5


def find_asked() -> FormDraft | None:
    """Return the draft that the address asks for; when it is over, say so and return None."""
    if ASKED not in request.args:
        return None
    found = None if is_seen_as() else find_draft(g.session, read_id(request.args[ASKED]), actor=g.actor)
    if found is None:
        add_toast(locale().t("draft.over"), "info")
    return found


def to_form(draft: FormDraft) -> "MultiDict[str, str]":
    """Return a draft as the form that it was."""
    return MultiDict([*draft.content, (ASKED, draft.token), ("_version", str(draft.version))])


def view_drafts(
    entity: Entity, record: Record | None, posted: Posted | None, restored: FormDraft | None
) -> dict[str, Any] | None:
    """Return the note above a form: which draft it shows, or which could be gone on with; None when it needs none."""
    if restored is not None:
        return {"restored": True, "entries": [_entry(entity, record, restored) | {"about": None}]}
    if posted is not None or is_seen_as():
        return None
    found = list_drafts_of(g.session, entity.key, None if record is None else record.id, actor=g.actor)
    entries = [_entry(entity, record, one) for one in found[:_OFFERED]]
    return {"restored": False, "entries": entries} if entries else None


def list_mine(limit: int) -> list[dict[str, Any]]:
    """Return the reader's drafts as the first page lists them."""
    found = () if is_seen_as() else list_drafts(g.session, actor=g.actor)
    return [_listed(one) for one in islice(found, limit)]


def _entry(entity: Entity, record: Record | None, draft: FormDraft) -> dict[str, Any]:
    text = locale()
    return {
        "when": Cells(text, now()).when(draft.at),
        "at": _time(draft),
        "about": None if record is not None else _called(entity, draft.content),
        "changes": _changes(entity, record, draft) if record is not None else None,
        "restore_url": _form_url(draft),
        "discard_url": f"/drafts/{draft.id}/discard",
    }


def _time(draft: FormDraft) -> str:
    """Return when a draft was kept: today the time alone."""
    text = locale()
    at, today = text.local(draft.at), text.local(now()).date()
    return f"{at:%H:%M}" if at.date() == today else f"{text.date(at.date())} {at:%H:%M}"


def _changes(entity: Entity, record: Record, draft: FormDraft) -> str | None:
    """Return who changed what of the record since the draft was begun, in one sentence."""
    if record.version == draft.version:
        return None
    text = locale()
    entries = list_history(g.session, entity.key, record.id, actor=g.actor, limit=_LOOKED_BACK)
    since = [one for one in entries if one.version > draft.version]
    keys = dict.fromkeys(key for one in reversed(since) for key in one.changes if key in entity.fields)
    names = [text.label(entity.fields[key].label) for key in keys if not entity.fields[key].readonly]
    who = dict.fromkeys(one.actor for one in since if one.actor)
    comma = text.t("text.comma")
    if not names:
        return text.t("draft.moved_on")
    more = "…" if len(names) > _NAMED else ""
    return text.t("draft.since", who=comma.join(who) or "–", what=comma.join(names[:_NAMED]) + more)


def _listed(draft: FormDraft) -> dict[str, Any]:
    entity, cells = g.session.app.entities[draft.entity], Cells(locale(), now())
    label = cells.locale.label(entity.label)
    if draft.record_id is None:
        title, about = cells.locale.t("form.new", entity=label), _called(entity, draft.content)
    else:
        record = queries.get_record(g.session, draft.entity, draft.record_id, actor=g.actor)
        title, about = cells.locale.t("form.edit", name=title_of(entity, record)), None
    return {
        "entity_label": label, "icon": entity.icon, "title": title, "about": about, "url": _form_url(draft),
        "stage": None, "unsent": True, "when": cells.when(draft.at),
    }  # fmt: skip


def _form_url(draft: FormDraft) -> str:
    new = f"{ENTITY_URL.format(entity=draft.entity)}/new"
    place = new if draft.record_id is None else f"{record_url(draft.entity, draft.record_id)}/edit"
    return f"{place}?{ASKED}={draft.id}"


def _called(entity: Entity, content: Iterable[tuple[str, str]]) -> str | None:
    """Return what a new record would be called so far: the first text or link typed, those of its name first."""
    typed = {name: value.strip() for name, value in content if value.strip()}
    for key in (*entity.display_keys, *entity.fields):
        field = entity.fields.get(key)
        if field is not None and field.type.is_text and not field.options and key in typed:
            return typed[key][:60]
        if field is not None and field.target is not None and not field.type.many and is_id(typed.get(key, "")):
            return labels_of(entity, {key: int(typed[key])}).get((field.target, int(typed[key])))
    return None
