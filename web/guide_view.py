"""The set-up guide as its pages show it: steps with their state, their one action and the time they took.

Enters: what ``engine/guiding`` read. Leaves: the ``page`` of ``pages/guide*.html``. Must not change anything.
"""

from typing import Any

from flask import g

from engine.compiler.app import Entity
from engine.guiding.rollout import Phase, Task
from engine.guiding.steps import Guide, Step
from engine.guiding.timing import TARGET, TEMPLATE
from engine.people import directory
from engine.records.rights import find_rights
from web.gate import locale
from web.shell import ENTITY_URL

URL = "/admin/setup"
_PAGES = {
    "site": f"{URL}/site",
    "departments": "/admin/departments",
    "people": f"{URL}/people",
    "calendar": f"{URL}/calendar",
    "modules": f"{URL}/modules",
    "channels": "/admin/channels",
}
_LEFT_OUT = ("departments", "calendar", "modules", "channels")
"""Steps that a small company may leave out."""


def view_guide(guide: Guide) -> dict[str, Any]:
    """Return the whole guide."""
    text, following = locale(), guide.next
    return {
        "title": text.t("guide.title"),
        "done": guide.done,
        "total": len(guide.steps),
        "percent": 100 * guide.done // max(1, len(guide.steps)),
        "time": say_minutes(guide.kept.seconds),
        "target": text.t("guide.target", hours=round(TARGET.total_seconds() / 3600)),
        "finished": guide.finished,
        "closed": guide.kept.closed,
        "steps": [view_step(one, one is following) for one in guide.steps],
    }


def view_step(step: Step, following: bool) -> dict[str, Any]:
    """Return one step; the one that comes next has the main action of the page."""
    text = locale()
    entity = g.session.app.entities[step.entity] if step.entity else None
    label = text.label(entity.label) if entity is not None else ""
    return {
        "key": step.key,
        "title": text.t(f"guide.step_{step.kind}", entity=label),
        "text": text.t(f"guide.text_{step.kind}", entity=label),
        "who": _who(entity) if entity is not None and step.state == "open" else None,
        "state": {"label": text.t(f"guide.{step.state}"), "tone": {"done": "green", "open": "grey"}.get(step.state)},
        "is_open": step.state == "open",
        "count": step.count or None,
        "time": say_minutes(step.seconds) if step.seconds else None,
        "next": following,
        "action": _action(step, entity),
        "may_skip": step.state == "open" and step.key in _LEFT_OUT,
        "may_reopen": step.state == "skipped",
    }


def view_phases(phases: list[Phase]) -> list[dict[str, Any]]:
    """Return the phases with their modules and tasks."""
    text, app = locale(), g.session.app
    return [
        {
            "title": text.t(f"guide.phase_{one.number}"),
            "percent": one.percent,
            "modules": [
                {
                    "key": module.key,
                    "label": text.label(module.label),
                    "help": text.label(module.help),
                    "things": text.t("text.comma").join(text.label(app.entities[key].label) for key in module.entities),
                    "needs": text.t("text.comma").join(text.label(app.modules[key].label) for key in module.needs),
                    "on": module.key in app.on,
                    "chosen": app.choices.modules.get(module.key, not module.off),
                }
                for module in one.modules
            ],
            "tasks": [{"text": _task(task), "done": task.done} for task in one.tasks],
        }
        for one in phases
    ]


def say_minutes(seconds: int) -> str:
    """Return how long something took, in whole minutes."""
    return locale().t("guide.minutes", n=max(1, round(seconds / 60)) if seconds else 0)


def _task(task: Task) -> str:
    text, app = locale(), g.session.app
    known = app.modules.get(task.name) if task.kind == "on" else app.entities.get(task.name)
    return text.t(f"guide.task_{task.kind}", name=text.label(known.label) if known is not None else "")


def _action(step: Step, entity: Entity | None) -> dict[str, Any] | None:
    text = locale()
    if step.key == TEMPLATE:
        return None
    if entity is None:
        return {"label": text.t(f"guide.go_{step.kind}"), "url": _PAGES[step.kind]}
    url = ENTITY_URL.format(entity=entity.key)
    rights = find_rights(g.session.app, entity, g.actor)
    if step.kind == "first" and rights.create:
        return {"label": text.t("list.create", entity=text.label(entity.label)), "url": f"{url}/new"}
    if rights.read:
        return {"label": text.t("guide.go_list", entity=text.label(entity.label)), "url": url}
    return {"label": text.t("guide.go_people"), "url": "/admin/people"}


def _who(entity: Entity) -> str:
    """Return who may make a record, role by role, with the people who hold it."""
    text, said = locale(), []
    for key, role in g.session.app.roles.items():
        rule = entity.access.get(key)
        if rule is None or not rule.create or role.retired or role.service:
            continue
        names = [one.name for one in directory.holders_of(g.session.connection, key)]
        who = text.t("text.comma").join(names[:3]) if names else text.t("guide.nobody_yet")
        said.append(text.t("guide.role_of", role=text.label(role.label), who=who))
    return text.t("guide.who", who=text.t("text.semicolon").join(said)) if said else ""
