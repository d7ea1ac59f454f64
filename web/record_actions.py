"""What can be done with a record now: the one main action, a few beside it, the rest behind a menu.

Enters: a record with its possible moves and its approval. Leaves: the actions of ``parts/ui.html``. Must not offer
what a command would refuse for want of a right.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask import g

from engine.compiler.app import Entity
from engine.records.making import list_makes
from engine.records.record import Record
from engine.records.rights import find_rights
from engine.workflow.panel import Panel
from engine.workflow.transitions import PossibleMove
from web.cells import record_url, title_of
from web.gate import locale
from web.printing import prints_of

Action = dict[str, Any]
_SHOWN = 2


@dataclass(frozen=True)
class Arranged:
    """The actions as the page lays them out."""

    main: Action | None
    shown: list[Action]
    more: list[Action]


def arrange_actions(entity: Entity, record: Record, moves: Sequence[PossibleMove], panel: Panel | None) -> Arranged:
    """Return everything the reader may do with a record now."""
    actions = _actions(entity, record, moves, panel)
    main = next((action for action in actions if action["main"]), None)
    others = [action for action in actions if action is not main]
    ready = [action for action in others if not action["aside"] and not action["danger"]]
    shown = ready[:_SHOWN]
    return Arranged(main, shown, [action for action in others if action not in shown])


def make_action(label: str, url: str, icon: str, **more: Any) -> Action:
    """Return an action; ``more`` says what is special about it."""
    return {
        "label": label, "url": url, "icon": icon, "method": "get", "dialog": False, "confirm": None, "key": None,
        "danger": False, "post": {}, "main": False, "aside": False,
    } | more  # fmt: skip


def move_action(record: Record, entity: Entity, possible: PossibleMove) -> Action:
    """Return the action that opens the dialog of a move."""
    move = possible.move
    stage = entity.workflow.stages.get(move.to) if entity.workflow else None
    return make_action(
        locale().label(move.label), f"{record_url(entity.key, record.id)}/moves/{move.key}", "arrow-right",
        main=move.main, danger=stage is not None and stage.tone == "danger", dialog=True,
        aside=not move.forward and not move.main,
    )  # fmt: skip


def withdraw_actions(panel: Panel, url: str) -> list[Action]:
    """Return the action that takes a submission back, when there is something to take back."""
    if panel.status != "running" or not panel.can_withdraw:
        return []
    text = locale()
    return [make_action(
        text.t("approval.withdraw"), f"/approvals/withdraw/{panel.id}", "arrow-back-up", method="post",
        confirm=text.t("approval.withdraw_confirm"), post={"next": url},
    )]  # fmt: skip


def _actions(entity: Entity, record: Record, moves: Sequence[PossibleMove], panel: Panel | None) -> list[Action]:
    text, url = locale(), record_url(entity.key, record.id)
    actions = [move_action(record, entity, possible) for possible in moves]
    if panel is not None and panel.task is not None:
        actions.insert(0, make_action(text.t("record.decide"), f"/approvals/{panel.task}", "checks", main=True))
    for make in list_makes(g.session, record, actor=g.actor):
        first = not any(action["main"] for action in actions)
        actions.append(make_action(text.label(make.label), f"{url}/make/{make.key}", "file-plus", main=first))
    if _is_editable(entity, record):
        actions.append(make_action(text.t("record.edit"), f"{url}/edit", "edit", key="e"))
    for printed in prints_of(g.session.app, entity):
        label = text.t("record.print", name=text.label(printed.label))
        actions.append(make_action(label, f"{url}/print/{printed.key}", "printer", key="p"))
    running = panel is not None and panel.status == "running"
    if find_rights(g.session.app, entity, g.actor).delete and record.can_write and not running:
        actions.append(_delete_action(entity, record, url))
    return actions


def _delete_action(entity: Entity, record: Record, url: str) -> Action:
    text = locale()
    return make_action(
        text.t("record.delete"), f"{url}/delete", "trash", method="post", danger=True, aside=True,
        confirm=text.t("record.delete_confirm", name=title_of(entity, record)), post={"_version": record.version},
    )  # fmt: skip


def _is_editable(entity: Entity, record: Record) -> bool:
    stage = entity.workflow.stages.get(record.values.get("stage") or "") if entity.workflow else None
    free = [key for key, field in entity.fields.items() if not field.readonly and not field.retired]
    return record.can_write and (stage is None or any(key not in stage.locked for key in free))
