"""A notice as pages show it: what it says, where it leads, how urgent it looks.

Enters: a notice of the reader. Leaves: what ``pages/home.html`` and ``pages/notices.html`` draw. Must not mark it read.
"""

from typing import Any

from flask import g

from engine.automation.notices import Notice
from engine.channels import wording
from engine.channels.message import TOLD, Message
from engine.workflow import inbox
from web.cells import Cells

_MOST_SHOWN = 160
_TONES = {
    "stage_due": "amber",
    "ownership_warned": "amber",
    "ownership_reclaimed": "red",
    "stage_late": "red",
    "evidence_shared": "amber",
    "stranded_report": "amber",
    "export_asked": "amber",
    "export_failed": "red",
    "export_refused": "red",
    "approval_approved": "green",
    "approval_refused": "red",
    "approval_returned": "amber",
}
_ICONS = {
    "stage_due": "clock",
    "ownership_warned": "clock",
    "ownership_reclaimed": "arrow-back-up",
    "ownership_assigned": "user-check",
    "stage_late": "alert-triangle",
    "evidence_shared": "file-alert",
    "record_mentioned": "message",
    "record_commented": "message",
    "record_moved": "arrow-right",
    "stranded_report": "alert-triangle",
    "record_shared": "users",
    "export_asked": "download",
    "export_done": "download",
    "export_failed": "alert-triangle",
    "export_refused": "ban",
    "approval_approved": "circle-check",
    "approval_refused": "ban",
    "approval_returned": "corner-up-left",
    "approval_withdrawn": "arrow-back-up",
}


def view_notice(cells: Cells, notice: Notice) -> dict[str, Any]:
    """Return a notice as pages show it; its address takes a POST, which marks it read and leads on."""
    return {
        "text": _said(cells, notice),
        "more": _more(cells, notice),
        "url": f"/notices/{notice.id}/open",
        "icon": _ICONS.get(notice.kind, "bell"),
        "tone": _TONES.get(notice.kind),
        "when": cells.when(notice.at),
        "read": notice.read,
    }


def leads(notice: Notice) -> str:
    """Where a notice leads: what asks for a decision, or tells of one, straight to the page it is decided on."""
    known = notice.entity is not None and notice.record_id is not None
    about = (notice.entity, notice.record_id) if known else None
    task = notice.params.get("task")
    open_ = task is not None and inbox.find_task(g.session, task, actor=g.actor) is not None
    message = Message(
        about=about,  # type: ignore[arg-type]
        task=task if open_ else None,
        approval=notice.params.get("approval_id"),
        path=notice.params.get("path"),
        notice=notice.kind,
        params=notice.params,
    )
    return wording.path_of(message)


def _said(cells: Cells, notice: Notice) -> str:
    """Return what a notice says, as it is said by every channel."""
    message = Message(
        title=notice.params.get("title", ""),
        about=(notice.entity, notice.record_id or 0) if notice.entity else None,
        notice=notice.kind,
        params=notice.params,
    )
    return wording.title_of(g.session.app, message, cells.locale.language)


def _more(cells: Cells, notice: Notice) -> str | None:
    """Return what a message says below its title, the beginning of it."""
    text = cells.locale.label(notice.params.get("text")) if notice.kind == TOLD else ""
    return f"{text[: _MOST_SHOWN - 1]}…" if len(text) > _MOST_SHOWN else text or None
