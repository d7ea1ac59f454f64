"""One approval to decide on: what is asked, by whom, the figures that decide it, what changed since it was asked last.

Enters: a record, its submissions newest first, the reader's own task. Leaves: the ``decision`` of
``pages/decision.html``, without what is posted. Must not decide who may decide.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from flask import g

from engine.compiler.app import Entity, Field, Label
from engine.expression import Kind
from engine.people import directory
from engine.records.history import Entry, list_history
from engine.records.record import Record
from engine.records.rights import find_rights
from engine.records.telling import born
from engine.workflow import inbox
from engine.workflow.inbox import InboxItem
from engine.workflow.panel import Panel, PanelPerson
from engine.workflow.shown import Shown
from web.approval_view import figures, headline, view_panel
from web.cells import Cells, record_url, subtitle_of, title_of
from web.gate import rule_place
from web.history_view import view_history
from web.line_view import line_table
from web.widgets import Inputs

_LONG = 8
"""From so many characters on a text is read, not glanced at among the figures."""
_CHOICES = ("approve", "complete", "claim", "answer", "return", "refuse")
_MAIN = ("approve", "complete", "claim", "answer")
_MORE = ("transfer", "consult", "add_before", "add_after", "cc")
_LOOKED_BACK = 100
_QUEUE = 50


@dataclass(frozen=True)
class Filled:
    """What somebody typed into the inputs of a task, and what is wrong with it, by field."""

    typed: Mapping[str, Any] | None = None
    errors: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Involved:
    """What somebody asked for under "more": the deed, the people picked, the words, and what is wrong with each."""

    action: str = ""
    people: Sequence[int] = ()
    text: str = ""
    errors: Mapping[str, str] = field(default_factory=dict)
    open: bool = False


def view_decision(
    cells: Cells,
    entity: Entity,
    record: Record,
    panels: Sequence[Panel],
    panel: Panel,
    step: Label | None = None,
    filled: Filled | None = None,
) -> dict[str, Any]:
    """Return what whoever decides, or may look on, has to see; ``step`` is what the reader's own step is called."""
    found = list_history(g.session, entity.key, record.id, actor=g.actor, limit=_LOOKED_BACK)
    told = [one for one in panel.shown if _is_long(one)]
    before = next((one for one in panels if one.approval == panel.approval and one.round < panel.round), None)
    glanced = [one for one in panel.shown if one.kind is not Kind.LINK and not _is_long(one)]
    return {
        **_head(cells, entity, record, panel, step),
        "message": next((entry.note for entry in found if entry.at == panel.started_at and entry.note), None),
        "figures": figures(cells, glanced, before.shown if before is not None else ()),
        "told": [{"label": cells.locale.label(one.label), "text": str(one.value)} for one in told],
        "changes": _changes(cells, entity, found, panels, (panel, before)),
        **_content(cells, entity, record, panel),
        "path": view_panel(cells, panel, url=record_url(entity.key, record.id)),
        "choices": _choices(cells, panel),
        "question": panel.question or None,
        "targets": [{"key": one.key, "label": cells.locale.label(one.label)} for one in panel.targets],
        "to_starter": panel.to_starter,
        "inputs": _inputs(cells, entity, record, panel, filled or Filled()),
        "more": view_more(cells, panel),
        "comments": view_comments(cells, panel),
    }


def view_more(cells: Cells, panel: Panel, given: Involved | None = None) -> dict[str, Any] | None:
    """Return what else may be done with a task, as it was filled in; None when nothing."""
    offered = [one for one in _MORE if one in panel.actions]
    if panel.status != "running" or not offered:
        return None
    text, given = cells.locale, given or Involved()
    known = directory.people(g.session.connection, given.people)
    return {
        "open": given.open,
        "error": given.errors.get("action"),
        "actions": [
            {"value": one, "label": text.t(f"decision.{one}"), "chosen": one == given.action} for one in offered
        ],
        "people": {
            "kind": "users", "id": "more-people", "name": "people", "label": text.t("decision.more_people"),
            "pick_url": f"/approvals/{panel.task}/people", "pick_with_form": True, "required": True,
            "chosen": [{"value": one, "text": known[one].name} for one in given.people if one in known],
            "error": given.errors.get("people"),
        },
        "text": {
            "kind": "long_text", "id": "more-text", "name": "text", "label": text.t("decision.more_text"), "rows": 2,
            "max_length": 1000, "value": given.text, "error": given.errors.get("text"), "required": False,
        },
    }  # fmt: skip


def view_comments(cells: Cells, panel: Panel) -> list[dict[str, Any]]:
    """Return the remarks, the oldest first."""
    return [
        {
            "who": cells.person(one.person.name),
            "when": cells.when(one.at),
            "text": one.text,
            "to": cells.locale.t("text.comma").join(person.name for person in one.mentions) or None,
        }
        for one in panel.comments
    ]


def _inputs(cells: Cells, entity: Entity, record: Record, panel: Panel, filled: Filled) -> list[dict[str, Any]]:
    """What work asks to be filled in, and the pad for a signature."""
    rights = find_rights(g.session.app, entity, g.actor).on(record.hidden)
    made = Inputs(
        cells, entity, rights, labels=record.labels, errors=filled.errors, typed=filled.typed, values=record.values,
        required=frozenset(panel.fields),
    )  # fmt: skip
    found = [made.field(entity.fields[key]) for key in panel.fields if key in entity.fields]
    if panel.signature:
        found.append(
            {
                "kind": "signature", "key": "signature", "id": "signature", "name": "signature",
                "error": filled.errors.get("signature"),
                "label": cells.locale.t("decision.signature"),
                "required": True, "upload_url": "/files?for=signature", "accept": [".png"], "many": False,
                "width": 2, "files": [],
            }
        )  # fmt: skip
    return found


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


def _head(cells: Cells, entity: Entity, record: Record, panel: Panel, step: Label | None) -> dict[str, Any]:
    title, number = title_of(entity, record), record.values.get("number")
    mine = next((person for person in panel.waiting if person.id == g.actor.id), None)
    if mine is None and panel.task_for:
        mine = next((person for person in panel.waiting if person.name == panel.task_for), None)
    return {
        "label": cells.locale.label(panel.label),
        "step": cells.locale.label(step),
        "number": number if number and str(number) not in title else None,
        "title": title,
        "subtitle": subtitle_of(cells, entity, record),
        "record_url": record_url(entity.key, record.id),
        "starter": cells.person(panel.starter.name),
        "asked": cells.when(panel.started_at),
        "due": cells.due(mine.due) if mine and mine.due else None,
        "late": bool(mine and mine.due and mine.due < cells.now),
        "why": _why(cells, panel, mine) if mine else None,
        "for": panel.task_for or None,
    }


def _content(cells: Cells, entity: Entity, record: Record, panel: Panel) -> dict[str, Any]:
    """What was submitted: the guarded fields, but for those that stand above."""
    approval = g.session.app.approvals.get(panel.approval)
    subtitle = subtitle_of(cells, entity, record)
    above = {*(one.name for one in panel.shown), *([subtitle["key"]] if subtitle else [])}
    guarded = [field for key, field in entity.fields.items() if approval and key in approval.guard]
    fields = [field for field in guarded if record.shows(field.key)]
    plain = [field for field in fields if field.stored and field.key not in above]
    return {
        "tables": [line_table(cells, entity, field, record) for field in fields if field.type.has_rows],
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


def _why(cells: Cells, panel: Panel, mine: PanelPerson) -> dict[str, str | None] | None:
    """Answer in one sentence why it is with the reader: as whom, by which rule, and where that is written."""
    step = next((one for one in panel.steps if any(person.task == mine.task for person in one.people)), None)
    if step is None or not mine.why:
        return None
    rule = cells.locale.t("decision.and").join(one for one in (step.branch_rule, step.rule) if one)
    code = "decision.why_rule" if rule else "decision.why"
    return {"text": cells.locale.t(code, why=mine.why, rule=rule), "place": rule_place(step.place)}


def _changes(
    cells: Cells, entity: Entity, found: Sequence[Entry], panels: Sequence[Panel], rounds: tuple[Panel, Panel | None]
) -> dict[str, Any] | None:
    """How the guarded fields differ from when the reader decided last; else from the submission before this one."""
    panel, before = rounds
    mine = [one.at for other in panels for step in other.steps for one in step.people if _decided_by_me(one)]
    seen = max((at for at in mine if at is not None), default=None)
    moment = seen or (before.started_at if before is not None else None)
    if moment is None:
        return None
    approval = g.session.app.approvals.get(panel.approval)
    guard = (approval.guard if approval is not None else ()) or entity.fields
    changes = _net([one for one in reversed(found) if one.at >= moment], guard)
    if not changes:
        return None
    told = replace(found[0], action="update", changes=changes)
    entries = [change for shown in view_history(cells, g.session, entity, [told]) for change in shown["changes"]]
    code = "decision.since_mine" if seen else "decision.since"
    return {"since": cells.locale.t(code, when=cells.locale.datetime(moment)), "entries": entries}


def _net(entries: Sequence[Entry], guard: Collection[str]) -> dict[str, list[Any]]:
    """Return what changed in all, from entries the oldest first: the first value and the last, where they differ."""
    changes: dict[str, list[Any]] = {}
    for entry in entries:
        for key, (old, new) in entry.changes.items():
            if key in guard and not born(entry):
                changes[key] = [changes[key][0] if key in changes else old, new]
    return {key: pair for key, pair in changes.items() if pair[0] != pair[1]}


def _decided_by_me(person: PanelPerson) -> bool:
    return person.id == g.actor.id and person.status in ("approved", "refused", "returned", "done")


def _choices(cells: Cells, panel: Panel) -> list[dict[str, Any]]:
    text = cells.locale
    return [
        {
            "value": one,
            "label": text.t(f"decision.{one}"),
            "reason": one in panel.reasons,
            "main": one in _MAIN,
            "hint": text.t(f"decision.{one}_hint") if one not in _MAIN else None,
        }
        for one in _CHOICES
        if one in panel.actions
    ]


def _is_long(one: Shown) -> bool:
    return one.kind is Kind.TEXT and len(str(one.value)) > _LONG
