"""What can be done with a record now: the one main action, a few beside it, the rest behind a menu.

Enters: a record with its possible moves and its approval. Leaves: the actions of ``parts/ui.html``. Must not offer
what a command would refuse for want of a right.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask import g

from engine.automation.pressing import list_buttons
from engine.automation.visitor_links import list_forms
from engine.compiler.app import Entity
from engine.compiler.app.ownership import POOL
from engine.records.making import list_makes
from engine.records.record import Record
from engine.records.rights import find_rights
from engine.workflow.panel import Panel
from engine.workflow.transitions import PossibleMove
from web.cells import record_url
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
    text = locale()
    able = {
        "urge": (panel.can_urge, panel.id, "bell"),
        "withdraw": (panel.status == "running" and panel.can_withdraw, panel.id, "arrow-back-up"),
        "retract": (panel.retractable is not None, panel.retractable, "arrow-back-up"),
        "revoke": (panel.can_revoke, panel.id, "arrow-back-up"),
        "terminate": (panel.can_terminate, panel.id, "x"),
    }
    return [
        make_action(
            text.t(f"approval.{name}"), f"/approvals/{name}/{id_}", icon, method="post", danger=name == "terminate",
            confirm=text.t(f"approval.{name}_confirm") if name != "urge" else None, post={"next": url},
        )
        for name, (may, id_, icon) in able.items()
        if may
    ]  # fmt: skip


def _actions(entity: Entity, record: Record, moves: Sequence[PossibleMove], panel: Panel | None) -> list[Action]:
    text, url = locale(), record_url(entity.key, record.id)
    actions = [move_action(record, entity, possible) for possible in moves]
    if panel is not None and panel.task is not None:
        actions.insert(0, make_action(text.t("record.decide"), f"/approvals/{panel.task}", "checks", main=True))
    actions += _starting(record, url, any(action["main"] for action in actions))
    if _is_editable(entity, record):
        actions.append(make_action(text.t("record.edit"), f"{url}/edit", "edit", key="e"))
    for printed in prints_of(g.session.app, entity):
        label = text.t("record.print", name=text.label(printed.label))
        actions.append(make_action(label, f"{url}/print/{printed.key}", "printer", key="p"))
    for form in list_forms(g.session, record, actor=g.actor):
        actions.append(make_action(text.label(form.label), f"{url}/link/{form.key}", "link"))
    actions += pool_actions(entity, record)
    if entity.ownership is not None and record.owns and record.values.get("owner") is not None:
        label = text.t("pool.release")
        actions.append(make_action(label, f"{url}/release", "arrow-back-up", danger=True, aside=True))
    if entity.workflow is not None:
        actions.append(make_action(text.t("flow.show"), f"{url}/flow", "sitemap", aside=True))
    if g.actor.is_admin or record.owns or record.values.get("owner") == g.actor.id:
        actions.append(make_action(text.t("seeing.title"), f"{url}/access", "eye", aside=True))
    running = panel is not None and panel.status == "running"
    if record.can_write and not running and find_rights(g.session.app, entity, g.actor).merge:
        actions.append(make_action(text.t("merge.open"), f"{url}/merge", "arrow-merge", aside=True))
    if find_rights(g.session.app, entity, g.actor).delete and record.owns and not running:
        actions.append(_delete_action(entity, record, url))
    return actions


def _starting(record: Record, url: str, has_main: bool) -> list[Action]:
    """Return what can be made from a record, and the buttons of automations; the first to make may be the main one."""
    text = locale()
    makes = [
        make_action(text.label(make.label), f"{url}/make/{make.key}", "file-plus", main=number == 0 and not has_main)
        for number, make in enumerate(list_makes(g.session, record, actor=g.actor))
    ]
    buttons = [
        make_action(text.label(one.label), f"{url}/press/{one.key}", "bolt", method="post")
        for one in list_buttons(g.session, record, actor=g.actor)
    ]
    return [*makes, *buttons]


def pool_actions(entity: Entity, record: Record) -> list[Action]:
    """Return what the reader may do with a record in a pool; none for one that somebody owns."""
    pool = entity.ownership.pools.get(record.values.get(POOL) or "") if entity.ownership is not None else None
    if pool is None:
        return []
    text, url, found = locale(), record_url(entity.key, record.id), []
    if not g.actor.roles.isdisjoint(pool.members):
        found.append(make_action(text.t("pool.claim"), f"{url}/claim", "user-check", method="post", main=True))
    if not g.actor.roles.isdisjoint(pool.admins):
        found.append(make_action(text.t("pool.assign"), f"{url}/assign", "user-check"))
    return found


def _delete_action(entity: Entity, record: Record, url: str) -> Action:
    text = locale()
    return make_action(
        text.t("record.delete"), f"{url}/delete", "trash", method="post", danger=True, aside=True,
        post={"_version": record.version},
    )  # fmt: skip


def _is_editable(entity: Entity, record: Record) -> bool:
    stage = entity.workflow.stages.get(record.values.get("stage") or "") if entity.workflow else None
    free = [key for key, field in entity.fields.items() if not field.readonly and not field.retired]
    return record.can_write and (stage is None or any(key not in stage.locked for key in free))
