"""The work behind the pages, for administrators: what waits, how late it is, what was parked.

Enters: nothing, or the event to be tried again. Leaves: pages. Must not do the work itself.
"""

from typing import Any

from flask import g, redirect, render_template

from engine.automation import backlog
from engine.automation.backlog import ParkedEvent, Queue
from engine.errors import NotAllowed
from web.api.requests import read_id
from web.cells import Cells
from web.gate import locale, now, reads, writes
from web.pages.frame import page_shell
from web.shell import add_toast

URL = "/admin/background"
_LEADS = {"timers": "/admin/stranded", "runs": "/admin/automations", "messages": "/admin/deliveries"}


@reads
def show() -> Any:
    """Show what waits."""
    _require_admin()
    text, cells = locale(), Cells(locale(), now())
    queues = backlog.measure(g.session)
    late = max((queue.lateness(now()) for queue in queues), default=backlog.ALIVE)
    page = {
        "title": text.t("background.title"),
        "late": late > backlog.ALIVE,
        "queues": [_queue(one, cells) for one in queues],
        "parked": [_parked(one, cells) for one in backlog.list_parked_events(g.session)],
    }
    return render_template("pages/background.html", page=page, shell=page_shell())


@writes
def again(event_id: str) -> Any:
    """Let a parked event be delivered."""
    backlog.try_event_again(g.session, read_id(event_id), actor=g.actor)
    add_toast(locale().t("background.again_done"))
    return redirect(URL, 303)


ROUTES = (
    (URL, ["GET"], show),
    (f"{URL}/events/<event_id>/again", ["POST"], again),
)


def _require_admin() -> None:
    if not g.actor.is_admin:
        raise NotAllowed("people.not_admin")


def _queue(one: Queue, cells: Cells) -> dict[str, Any]:
    return {
        "label": locale().t(f"background.{one.name}"),
        "url": _LEADS.get(one.name),
        "due": _many(one.due),
        "oldest": cells.when(one.oldest) if one.oldest is not None else None,
        "later": _many(one.later),
        "parked": _many(one.parked) if one.parked else None,
        "late": one.lateness(now()) > backlog.ALIVE,
    }


def _many(count: int) -> str:
    return f"{backlog.COUNTED}+" if count >= backlog.COUNTED else str(count)


def _parked(one: ParkedEvent, cells: Cells) -> dict[str, Any]:
    entity = g.session.app.entities.get(one.entity or "")
    about = f"{locale().label(entity.label)} #{one.record_id}" if entity is not None and one.record_id else ""
    return {
        "id": one.id,
        "type": one.type,
        "about": about,
        "at": cells.when(one.at),
        "again_url": f"{URL}/events/{one.id}/again",
    }
