"""The first page of the day: what waits for me, what I should do next, where I was.

Enters: the actor. Leaves: their own work. Must not show a ranking of people.
"""

from typing import Any

from flask import g, render_template

from engine.automation import notices
from engine.automation.notices import Notice
from engine.compiler.app import Entity
from engine.records import queries
from engine.records.filters import Filter
from engine.records.queries import ListQuery
from engine.records.record import Record
from engine.records.rights import find_rights
from engine.workflow import inbox
from web.cells import Cells, record_url, title_of
from web.gate import locale, now, reads, writes
from web.pages.approvals import view_task
from web.pages.frame import page_shell
from web.shell import ENTITY_URL

_TASKS = 5
_RECENT = 8
_CREATE = 4


@reads
def show() -> Any:
    """Show the first page."""
    cells, text = Cells(locale(), now()), locale()
    tasks = inbox.list_tasks(g.session, actor=g.actor, limit=_TASKS)
    recent, drafts = _recent(cells), _drafts(cells)
    hour = text.local(cells.now).hour
    part = "morning" if hour < 12 else "afternoon" if hour < 18 else "evening"
    view = {
        "greeting": text.t(f"home.{part}", name=g.actor.name),
        "date_text": text.date(cells.today),
        "approvals": {
            "url": "/approvals",
            "waiting": inbox.count_tasks(g.session, actor=g.actor),
            "entries": [view_task(cells, item) for item in tasks.items],
        },
        "todo": [_todo(cells, notice) for notice in notices.list_notices(g.session, actor=g.actor, limit=_RECENT) if not notice.read],
        "recent": recent,
        "drafts": drafts,
        "create": _create(),
        "empty": None if recent or tasks.items else _first_visit(),
    }
    return render_template("pages/home.html", home=view, shell=page_shell())


@writes
def read_notices() -> Any:
    """Mark the notices read."""
    notices.mark_read(g.session, actor=g.actor)
    return "", 204


ROUTES = (
    ("/", ["GET"], show),
    ("/notices/read", ["POST"], read_notices),
)


def _todo(cells: Cells, notice: Notice) -> dict[str, Any]:
    url = record_url(notice.entity, notice.record_id) if notice.entity and notice.record_id else "/approvals"
    if notice.kind == "approval_asked" and "task" in notice.params:
        url = f"/approvals/{notice.params['task']}"
    tone = {"approval_approved": "green", "approval_refused": "red", "approval_returned": "amber"}.get(notice.kind)
    return {
        "text": cells.locale.t(f"notice.{notice.kind}", what=notice.params.get("what", "")),
        "url": url,
        "icon": "bell",
        "tone": tone,
        "when": cells.when(notice.at),
    }


def _recent(cells: Cells) -> list[dict[str, Any]]:
    """The records the actor touched last, over all kinds on the menu."""
    found: list[tuple[Any, dict[str, Any]]] = []
    for entity in _entities():
        for record in _mine(entity, ()):
            found.append((record.values["updated_at"], _entry(cells, entity, record)))
    found.sort(key=lambda pair: pair[0], reverse=True)
    return [entry for _, entry in found[:_RECENT]]


def _drafts(cells: Cells) -> list[dict[str, Any]]:
    """Records that still stand in the first stage and would go on through an approval."""
    entries = []
    for entity in _entities():
        workflow = entity.workflow
        if workflow is not None and any(move.approval and workflow.first in move.from_ for move in workflow.moves.values()):
            entries += [_entry(cells, entity, record) for record in _mine(entity, (Filter("stage", "eq", workflow.first),))]
    return entries[:_RECENT]


def _mine(entity: Entity, filters: tuple[Filter, ...]) -> list[Record]:
    own = Filter("owner", "eq", g.actor.id)
    shown = tuple(key for _, key in entity.display if key and key in entity.fields)
    query = ListQuery(filters=(own, *filters), sort="updated_at", descending=True, limit=5, columns=shown or ("id",))
    return queries.list_records(g.session, entity.key, query, actor=g.actor).records


def _entry(cells: Cells, entity: Entity, record: Record) -> dict[str, Any]:
    return {
        "entity_label": cells.locale.label(entity.label),
        "title": title_of(entity, record),
        "number": record.values.get("number"),
        "url": record_url(entity.key, record.id),
        "stage": cells.stage(entity, record.values.get("stage")),
        "when": cells.when(record.values["updated_at"]),
    }


def _entities() -> list[Entity]:
    app = g.session.app
    return [app.entities[key] for key in app.menu if find_rights(app, app.entities[key], g.actor).read]


def _create() -> list[dict[str, Any]]:
    text, app = locale(), g.session.app
    makeable = [entity for entity in _entities() if find_rights(app, entity, g.actor).create]
    return [
        {"label": text.t("list.create", entity=text.label(entity.label)), "url": f"{ENTITY_URL.format(entity=entity.key)}/new", "icon": entity.icon or "plus"}
        for entity in makeable[:_CREATE]
    ]


def _first_visit() -> dict[str, Any]:
    create = _create()
    text = locale()
    return {"title": text.t("home.first_title"), "text": text.t("home.first_text"), "action": create[0] if create else None}
