"""What an entry of the history says somebody did, in words: one sentence for pages and files.

Enters: an entry as its reader may see it. Leaves: "made the move “send”" and the like, without who or when. Must not
say values: what changed stands beside it.
"""

from engine.compiler.app import CompiledApp, Entity
from engine.messages import catalog, say, text
from engine.records.history import Entry
from engine.storage.journal import BOOK


def born(entry: Entry) -> bool:
    """Tell whether the record began with this entry."""
    return entry.action in ("create", "import", BOOK)


def say_entry(app: CompiledApp, entity: Entity, entry: Entry, language: str, *, changed: int) -> str:
    """Return what was done; ``changed`` is how many values the reader sees changed."""
    move = entity.workflow.moves.get(str(entry.details.get("move"))) if entity.workflow else None
    if move is not None:
        approval = app.approvals.get(str(move.approval))
        if approval is not None and entry.details.get("to") == move.during:
            return text("history.submitted", language, approval=approval.label)
        return text("history.moved", language, move=move.label)
    if "restored" in entry.details:
        return text("history.restored_version", language, count=changed, version=entry.details["restored"])
    if entry.action in ("share", "unshare"):
        access = text(f"history.access_{entry.details.get('access')}", language)
        return text(f"history.{entry.action}", language, to=entry.details.get("to"), access=access)
    merged = entry.details.get("merge") or entry.details.get("unmerge")
    if merged:
        undone = "un" if "unmerge" in entry.details else ""
        action = "relink" if entry.action == "relink" else "merge"
        return text(f"history.{undone}{action}", language, name=merged.get("name"))
    step = say(entry.details.get("label") or "", language)
    if step:
        return text(f"history.{entry.action}_step", language, step=step)
    key = f"history.{entry.action}"
    return text(key if key in catalog(language) else "history.update", language, count=changed)
