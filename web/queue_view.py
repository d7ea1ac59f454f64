"""The queue as ``pages/approvals.html`` and the first page draw it.

Enters: items of the queue. Leaves: views in people's words. Must not read the database.
"""

from collections.abc import Collection, Sequence
from typing import Any
from urllib.parse import urlencode

from flask import g

from engine.expression import Kind
from engine.workflow.boxes import BOXES, Box
from engine.workflow.inbox import InboxItem
from web.approval_view import figures, lasted, shown_text
from web.cells import Cells, record_url

_FIGURES = 3
_TONES = {
    "approve": "green",
    "complete": "green",
    "refuse": "red",
    "return": "amber",
    "approved": "green",
    "refused": "red",
    "returned": "amber",
}
_TICKED = ("mine", "overdue")
_URGED = ("team", "started")


def queue_url(box: Box, **more: str | None) -> str:
    """Return the address of a box; empty parameters are left out."""
    given = {"box": box} | {key: value for key, value in more.items() if value}
    return f"/approvals?{urlencode(given)}"


def view_tabs(cells: Cells, counts: dict[Box, int], here: Box, kind: str, q: str) -> list[dict[str, Any]]:
    """Return the boxes, each with how much stands in it."""
    return [
        {
            "label": cells.locale.t(f"approvals.{box}"),
            "url": queue_url(box, kind=kind, q=q),
            "active": box == here,
            "count": _count(counts.get(box, 0)),
            "urgent": box == "overdue",
        }
        for box in BOXES
        if box == here or box not in ("team", "overdue") or counts.get(box)
    ]


def view_kinds(cells: Cells, box: Box, kind: str, q: str) -> list[dict[str, Any]]:
    """Return the kinds of approvals to choose from; none where the site has only one."""
    app = g.session.app
    known = [(key, cells.locale.label(one.label)) for key, one in app.approvals.items() if one.entity not in app.off]
    if len(known) < 2:
        return []
    every = ("", cells.locale.t("approvals.every_kind"))
    return [
        {"label": label, "url": queue_url(box, kind=key, q=q), "active": key == kind}
        for key, label in (every, *sorted(known, key=lambda one: one[1]))
    ]


def group_tasks(items: Sequence[InboxItem], box: Box = "mine", ticked: Collection[int] = ()) -> list[dict[str, Any]]:
    """Return tasks as the queue draws them, one group for each kind of approval; those ``ticked`` are so already."""
    cells = Cells(g.locale, g.session.now())
    groups: dict[str, dict[str, Any]] = {}
    for item in items:
        label = cells.locale.label(item.label)
        groups.setdefault(label, {"label": label, "entries": []})["entries"].append(
            view_task(cells, item, box) | {"ticked": item.task in ticked}
        )
    return list(groups.values())


def view_task(cells: Cells, item: InboxItem, box: Box = "mine") -> dict[str, Any]:
    """Return one task as the queue draws it."""
    text = cells.locale
    ended = item.decision or (item.status if item.status != "running" else None)
    about = next((shown_text(cells, one) for one in item.shown if one.kind is Kind.LINK), None)
    shown = [one for one in item.shown if one.kind is not Kind.LINK]
    return {
        "url": _leads(item, box),
        "title": text.label(item.step_label) or text.label(item.label),
        "record_title": item.name,
        "about": about if about and about not in item.name else None,
        "starter": cells.person(item.starter),
        "when": cells.when(item.at or item.since),
        "late": item.is_late(cells.now),
        "due": cells.due(item.due) if item.due and item.at is None else None,
        "figures": [{"label": one["label"], "text": one["text"]} for one in figures(cells, shown)[:_FIGURES]],
        "outcome": {"label": text.t(f"outcome.{ended}"), "tone": _TONES.get(ended, "grey")} if ended else None,
        "holder": _holder(cells, item, box),
        "unread": item.unread,
        "tick": item.task if box in _TICKED and item.kind == "decide" and item.at is None else None,
        "urge": _urge(item, box),
    }


def view_asking(cells: Cells, task: int, item: InboxItem, reason: str, again: bool) -> dict[str, Any]:
    """Return one task of a batch that needs a reason, with what was typed; ``again`` when it was asked before."""
    drawn = view_task(cells, item)
    missing = cells.locale.t("approvals.batch_missing") if again and not reason.strip() else None
    return {
        "id": task,
        "url": drawn["url"],
        "label": drawn["record_title"],
        "about": drawn["about"],
        "starter": drawn["starter"],
        "figures": drawn["figures"],
        "reason": reason,
        "error": missing,
    }


def _leads(item: InboxItem, box: Box) -> str:
    if box in ("mine", "overdue", "done") and item.task is not None:
        return f"/approvals/{item.task}"
    if box == "started":
        return record_url(item.entity, item.record_id)
    return f"/approvals/of/{item.approval_id}"


def _holder(cells: Cells, item: InboxItem, box: Box) -> str | None:
    """Whom it waits for and for how long; of a deputy's task, for whom."""
    text = cells.locale
    if item.waiting:
        since = item.waiting_since or item.since
        return text.t("approvals.waits", names=text.t("text.comma").join(item.waiting), since=lasted(cells, since))
    if box == "team" and item.holder:
        return text.t("approvals.waits", names=item.holder, since=lasted(cells, item.since))
    if item.holder:
        return text.t("approval.for", name=item.holder)
    return None


def _urge(item: InboxItem, box: Box) -> str | None:
    waits = box == "team" or (box == "started" and item.waiting)
    return f"/approvals/urge/{item.approval_id}" if box in _URGED and waits and item.can_urge else None


def _count(number: int) -> str | None:
    return None if not number else str(number) if number < 100 else "99+"
