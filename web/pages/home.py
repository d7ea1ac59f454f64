"""The first page of the day: what waits for me, what happened to my work, where I was.

Enters: the actor. Leaves: their own work. Must not show a ranking of people.
"""

from collections.abc import Iterator
from itertools import islice
from typing import Any

from flask import g, jsonify, redirect, render_template
from werkzeug.datastructures import MultiDict

from engine import reports
from engine.automation import notices
from engine.automation.notices import Notice
from engine.compiler.app import Entity
from engine.guiding.steps import read_guide
from engine.guiding.timing import read_kept
from engine.records import queries
from engine.records.filters import Filter
from engine.records.queries import ListQuery
from engine.records.record import Record
from engine.records.rights import find_rights
from engine.workflow import inbox
from web.api.requests import read_id
from web.cells import Cells, record_url, subtitle_of, title_of
from web.draft_view import list_mine
from web.gate import locale, now, reads, unnoticed, writes
from web.guide_view import view_guide
from web.notice_view import leads, view_notice
from web.pages.frame import count_waiting, page_shell
from web.queue_view import view_task
from web.reporting.address import read_asked
from web.reporting.dash_page import view_first
from web.reporting.index_page import dashboard_url
from web.shell import ENTITY_URL

_TASKS = 5
_NOTICES = 6
_RECENT = 8
_OF_EACH = 5
_CREATE = 3


@reads
def show() -> Any:
    """Show the first page."""
    cells, text = Cells(locale(), now()), locale()
    tasks = inbox.list_tasks(g.session, actor=g.actor, limit=_TASKS)
    recent = _recent(cells)
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
        "news": [view_notice(cells, notice) for notice in _unread()],
        "recent": recent,
        "drafts": [*list_mine(_OF_EACH), *_drafts(cells)],
        "create": _create(),
        "empty": None if recent or tasks.items else _first_visit(),
        "guide": _guide(),
    }
    return render_template("pages/home.html", home=view, dash=_dashboard(), shell=page_shell())


@writes
def read_notices() -> Any:
    """Mark all notices read."""
    notices.mark_read(g.session, actor=g.actor)
    return redirect("/", 303)


@writes
def open_notice(notice_id: str) -> Any:
    """Mark a notice read and go where it leads; one that is not mine leads home."""
    id_ = read_id(notice_id)
    found = notices.find_notice(g.session, id_, actor=g.actor)
    notices.mark_read(g.session, actor=g.actor, only=id_)
    return redirect(leads(found) if found is not None else "/", 303)


@unnoticed
@reads
def live() -> Any:
    """Answer how much waits and is unread, for pages that stay open."""
    return jsonify({"waiting": count_waiting(), "unread": notices.count_news(g.session, actor=g.actor)})


ROUTES = (
    ("/", ["GET"], show),
    ("/live", ["GET"], live),
    ("/notices/read", ["POST"], read_notices),
    ("/notices/<notice_id>/open", ["POST"], open_notice),
)


def _dashboard() -> dict[str, Any] | None:
    """The dashboard that is for the actor, as much of it as belongs on a first page."""
    board = reports.home_of(g.session, actor=g.actor)
    if board is None:
        return None
    asked = read_asked(dashboard_url(board.key), MultiDict(), period=board.period, today=locale().today(now()))
    return view_first(asked, board)


def _unread() -> Iterator[Notice]:
    """Unread news; what waits for a decision stands in the queue beside it already."""
    found = notices.list_notices(g.session, actor=g.actor, limit=_NOTICES * 5)
    return islice((one for one in found if not one.read and one.kind != "approval_asked"), _NOTICES)


def _recent(cells: Cells) -> list[dict[str, Any]]:
    """The actor's records that changed last, over all kinds on the menu."""
    found = [(entity, record) for entity in _entities() for record in _mine(entity, ())]
    found.sort(key=lambda pair: pair[1].values["updated_at"], reverse=True)
    return [_entry(cells, entity, record) for entity, record in found[:_RECENT]]


def _drafts(cells: Cells) -> list[dict[str, Any]]:
    """Records that still stand in the first stage and would go on through an approval."""
    found = [
        (entity, record)
        for entity in _entities()
        if entity.workflow is not None and _asks_approval(entity)
        for record in _mine(entity, (Filter("stage", "eq", entity.workflow.first),))
    ]
    return [_entry(cells, entity, record) for entity, record in found[:_RECENT]]


def _mine(entity: Entity, filters: tuple[Filter, ...]) -> list[Record]:
    own = Filter("owner", "eq", g.actor.id)
    shown = dict.fromkeys(key for key in entity.display_keys if key in entity.fields)
    shown |= dict.fromkeys(key for key, field in entity.fields.items() if field.to_one is not None and field.required)
    allowed = queries.shown_keys(entity, find_rights(g.session.app, entity, g.actor))
    columns = tuple(key for key in shown if key in allowed)
    query = ListQuery(
        filters=(own, *filters), sort="updated_at", descending=True, limit=_OF_EACH, columns=columns or ("id",)
    )
    return queries.list_records(g.session, entity.key, query, actor=g.actor).records


def _entry(cells: Cells, entity: Entity, record: Record) -> dict[str, Any]:
    subtitle = subtitle_of(cells, entity, record)
    return {
        "entity_label": cells.locale.label(entity.label),
        "icon": entity.icon,
        "title": title_of(entity, record),
        "about": subtitle["text"] if subtitle else None,
        "url": record_url(entity.key, record.id),
        "stage": cells.stage(entity, record.values.get("stage")),
        "unsent": False,
        "when": cells.when(record.values["updated_at"]),
    }


def _entities() -> list[Entity]:
    app = g.session.app
    return [app.entities[key] for key in app.menu if find_rights(app, app.entities[key], g.actor).read]


def _asks_approval(entity: Entity) -> bool:
    workflow = entity.workflow
    return workflow is not None and any(one.approval and workflow.first in one.from_ for one in workflow.moves.values())


def _create() -> list[dict[str, Any]]:
    """What this person may make: what others decide about first, then in the order of the menu."""
    text, app = locale(), g.session.app
    makeable = [entity for entity in _entities() if find_rights(app, entity, g.actor).create]
    makeable.sort(key=lambda entity: not _asks_approval(entity))
    return [
        {
            "label": text.t("list.create", entity=text.label(entity.label)),
            "url": f"{ENTITY_URL.format(entity=entity.key)}/new",
            "icon": entity.icon or "plus",
        }
        for entity in makeable[:_CREATE]
    ]


def _guide() -> dict[str, Any] | None:
    """What administrators go on with while the site is being set up."""
    if not g.actor.is_admin or read_kept(g.session).closed:
        return None
    guide = read_guide(g.session)
    return None if guide.finished else view_guide(guide)


def _first_visit() -> dict[str, Any]:
    create = _create()
    text = locale()
    said = text.t("home.first_text") if create else text.t("home.reader_text")
    return {"title": text.t("home.first_title"), "text": said, "action": create[0] if create else None, "icon": "home"}
