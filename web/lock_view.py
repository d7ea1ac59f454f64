"""Why a record, or a part of it, cannot be changed now, and what can be done about it.

Enters: a record as its reader may see it. Leaves: the fields that are closed, a sentence, and the actions that open
them again. Must not decide what is closed: the stage and the approval under way do.
"""

from dataclasses import dataclass
from typing import Any

from flask import g

from engine.compiler.app import Entity
from engine.records.guarding import find_guarded
from engine.records.record import Record
from engine.records.rights import find_rights
from engine.workflow.panel import Panel, find_panel
from engine.workflow.transitions import list_moves
from web.approval_view import headline
from web.cells import Cells, record_url
from web.gate import locale, now
from web.record_actions import Action, move_action, withdraw_actions


@dataclass(frozen=True)
class Lock:
    """The fields nobody may change now; ``whole`` when that is all of them; ``view`` as ``ui.lock`` draws it."""

    keys: frozenset[str]
    whole: bool
    view: dict[str, Any]


def find_lock(entity: Entity, record: Record) -> Lock | None:
    """Return what is closed, of the fields the reader could change otherwise; None when nothing is."""
    rights = find_rights(g.session.app, entity, g.actor)
    closed = rights.hidden | rights.readonly
    own = {key for key, field in entity.fields.items() if not (field.readonly or field.retired or key in closed)}
    stage = entity.workflow.stages.get(record.values.get("stage") or "") if entity.workflow else None
    keys = own & (stage.locked if stage else frozenset())
    keys |= set(find_guarded(g.session, entity, record.id, own - keys))
    if not keys or stage is None:
        return None
    panel = find_panel(g.session, entity.key, record.id, actor=g.actor)
    running = panel is not None and panel.status == "running"
    text, whole = locale(), keys == own
    names = text.t("text.comma").join(text.label(field.label) for key, field in entity.fields.items() if key in keys)
    view = {
        "text": text.t("lock.whole" if whole else "lock.part", stage=text.label(stage.label), names=names),
        "status": headline(Cells(text, now()), panel) if panel is not None and running else None,
        "actions": _actions(entity, record, panel, keys),
        "url": record_url(entity.key, record.id),
    }
    return Lock(frozenset(keys), whole, view)


def _actions(entity: Entity, record: Record, panel: Panel | None, keys: set[str]) -> list[Action]:
    """Return what leads to where some of ``keys`` can be changed."""
    url = record_url(entity.key, record.id)
    taken = [one for one in withdraw_actions(panel, url) if "/urge/" not in one["url"]] if panel is not None else []
    stages = entity.workflow.stages if entity.workflow else {}
    back = [
        one
        for one in list_moves(g.session, record, actor=g.actor)
        if not stages[one.move.to].outcome and keys - stages[one.move.to].locked
    ]
    return [*taken, *(move_action(record, entity, one) for one in back)]
