"""One approval to decide on: what is asked, by whom, the figures that decide it, what changed since it was asked last.

Enters: a record, its submissions newest first, the reader's own task. Leaves: the ``decision`` of
``pages/decision.html``, without what is posted. Must not decide who may decide.
"""

from collections.abc import Sequence
from typing import Any

from flask import g

from engine.compiler.app import Entity, Field
from engine.expression import Kind
from engine.records.history import Entry, list_history
from engine.records.record import Record
from engine.workflow import inbox
from engine.workflow.inbox import InboxItem
from engine.workflow.panel import Panel
from engine.workflow.shown import Shown
from web.approval_view import figures, headline, view_panel
from web.cells import Cells, record_url, subtitle_of, title_of
from web.history_view import view_history
from web.line_view import line_table

_LONG = 12
"""From so many characters on a text is read, not glanced at among the figures."""
_CHOICES = ("approve", "return", "refuse")
_LOOKED_BACK = 100
_QUEUE = 50


def view_decision(
    cells: Cells, entity: Entity, record: Record, panels: Sequence[Panel], panel: Panel, item: InboxItem
) -> dict[str, Any]:
    """Return what whoever decides has to see."""
    found = list_history(g.session, entity.key, record.id, actor=g.actor, limit=_LOOKED_BACK)
    told = [one for one in panel.shown if _is_long(one)]
    glanced = [one for one in panel.shown if one.kind is not Kind.LINK and not _is_long(one)]
    return {
        **_head(cells, entity, record, panel, item),
        "message": next((entry.note for entry in found if entry.at == panel.started_at and entry.note), None),
        "figures": figures(cells, glanced),
        "told": [{"label": cells.locale.label(one.label), "text": str(one.value)} for one in told],
        "changes": _changes(cells, entity, found, panels, panel),
        **_content(cells, entity, record, panel),
        "path": view_panel(cells, panel),
        "choices": _choices(cells, panel),
    }


def view_position(task_id: int) -> dict[str, Any] | None:
    """Return the place of a task in the reader's queue and where the next one is; None when it is alone."""
    waiting = [item.task for item in inbox.list_tasks(g.session, actor=g.actor, limit=_QUEUE).items]
    if task_id not in waiting or len(waiting) < 2:
        return None
    at = waiting.index(task_id)
    return {"at": at + 1, "of": len(waiting), "next_url": f"/approvals/{waiting[(at + 1) % len(waiting)]}"}


def say_closed(cells: Cells, panel: Panel, item: InboxItem) -> str:
    """Return why there is nothing to decide any more."""
    if item.decision is not None and item.at is not None:
        did = cells.locale.t(f"outcome.{item.decision}")
        return cells.locale.t("decision.you_did", what=did, when=cells.locale.ago(item.at, cells.now))
    return headline(cells, panel)


def _head(cells: Cells, entity: Entity, record: Record, panel: Panel, item: InboxItem) -> dict[str, Any]:
    title, number = title_of(entity, record), record.values.get("number")
    mine = next((person for person in panel.waiting if person.id == g.actor.id), None)
    return {
        "label": cells.locale.label(panel.label),
        "step": cells.locale.label(item.step_label),
        "number": number if number and str(number) not in title else None,
        "title": title,
        "subtitle": subtitle_of(cells, entity, record),
        "record_url": record_url(entity.key, record.id),
        "starter": cells.person(panel.starter.name),
        "asked": cells.when(panel.started_at),
        "due": cells.due(mine.due) if mine and mine.due else None,
        "late": bool(mine and mine.due and mine.due < cells.now),
        "why": mine.why if mine else None,
        "for": None,
        "version": record.version,
    }


def _content(cells: Cells, entity: Entity, record: Record, panel: Panel) -> dict[str, Any]:
    """What was submitted: the guarded fields, but for those that stand above."""
    approval = g.session.app.approvals.get(panel.approval)
    subtitle = subtitle_of(cells, entity, record)
    above = {*(one.name for one in panel.shown), *([subtitle["key"]] if subtitle else [])}
    guarded = [field for key, field in entity.fields.items() if approval and key in approval.guard]
    fields = [field for field in guarded if field.key not in record.hidden and record.values.get(field.key) is not None]
    plain = [field for field in fields if field.type.key not in ("lines", "file") and field.key not in above]
    return {
        "tables": [line_table(cells, entity, field, record) for field in fields if field.type.key == "lines"],
        "entries": [_entry(cells, entity, field, record) for field in plain],
        "files": [
            cells.file(one)
            for field in entity.file_fields
            if field.key not in record.hidden
            for one in record.values.get(field.key) or ()
        ],
    }


def _entry(cells: Cells, entity: Entity, field: Field, record: Record) -> dict[str, Any]:
    return {"label": cells.locale.label(field.label), "cell": cells.of_record(entity, field.key, record)}


def _changes(
    cells: Cells, entity: Entity, found: Sequence[Entry], panels: Sequence[Panel], panel: Panel
) -> dict[str, Any] | None:
    """What was changed between the submission before this one and this one."""
    before = next((one for one in panels if one.round < panel.round), None)
    if before is None:
        return None
    between = [one for one in found if one.action == "update" and before.started_at <= one.at <= panel.started_at]
    entries = [change for shown in view_history(cells, g.session, entity, between) for change in shown["changes"]]
    since = cells.locale.t("decision.since", when=cells.locale.datetime(before.started_at))
    return {"since": since, "entries": entries} if entries else None


def _choices(cells: Cells, panel: Panel) -> list[dict[str, Any]]:
    text = cells.locale
    return [
        {
            "value": one,
            "label": text.t(f"decision.{one}"),
            "reason": one in panel.reasons,
            "main": one == "approve",
            "hint": text.t(f"decision.{one}_hint") if one != "approve" else None,
        }
        for one in _CHOICES
        if one in panel.actions
    ]


def _is_long(one: Shown) -> bool:
    return one.kind is Kind.TEXT and len(str(one.value)) > _LONG
