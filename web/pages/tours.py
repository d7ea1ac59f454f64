"""Tours: what there is, taking one, going on and back, leaving it, its end.

Enters: the key of a tour. Leaves: the page its step is on. Must not decide what an end makes: the engine does.
"""

import re
from typing import Any

from flask import g, redirect, render_template, request

from engine.compiler.app import Tour, TourStep
from engine.guiding import tours
from engine.records import queries
from engine.records.list_query import ListQuery
from engine.records.making import list_makes
from web.cells import record_url
from web.gate import locale, reads, writes
from web.pages.frame import page_shell
from web.shell import add_toast
from web.tour_view import address_of, start, stop, view_list
from web.whereabouts import page_behind


@reads
def show() -> Any:
    """Show every tour there is for the reader, and what became of it."""
    states = tours.read_states(g.session, actor=g.actor)
    return render_template("pages/tours.html", tours=view_list(states), shell=page_shell())


@writes
def go(tour: str) -> Any:
    """Go to a step of a tour; without one to the first."""
    found = tours.get_tour(g.session.app, tour, g.actor)
    asked = request.form.get("step", "0")
    at = min(int(asked), len(found.steps) - 1) if asked.isascii() and asked.isdigit() and len(asked) < 4 else 0
    return _lead_to(found, at)


@writes
def pause(tour: str) -> Any:
    """Leave a tour for now; it is offered again where it begins."""
    tours.get_tour(g.session.app, tour, g.actor)
    stop()
    return redirect(page_behind() or "/", 303)


@writes
def leave(tour: str) -> Any:
    """Leave a tour for good; it stays under Tours."""
    tours.leave_tour(g.session, tour, actor=g.actor)
    stop()
    return redirect(page_behind() or "/", 303)


@writes
def finish(tour: str) -> Any:
    """Note that the reader came to the end."""
    found = tours.get_tour(g.session.app, tour, g.actor)
    made = tours.finish_tour(g.session, tour, actor=g.actor)
    stop()
    text, label = locale(), locale().label(found.label)
    if made is None:
        add_toast(text.t("tour.finished", name=label))
    else:
        noted = text.label(g.session.app.entities[made.entity].label)
        add_toast(text.t("tour.finished_and_noted", name=label, noted=noted))
    return redirect(page_behind() or "/", 303)


def _lead_to(tour: Tour, at: int) -> Any:
    """Lead to the page of a step."""
    step = tour.steps[at]
    address = _near(tour, at) or _first_of(step)
    start(tour, at)
    return redirect(address, 303)


def _near(tour: Tour, at: int) -> str | None:
    """Return the page of a step beside the record on which somebody went on: itself, or a form opened on it."""
    step, found = tour.steps[at], re.fullmatch(r"/e/([a-z0-9_]+)/([0-9]{1,18})", page_behind() or "")
    if found is None:
        return None
    if step.page == "record":
        return found[0] if found[1] == step.entity else None
    before = tour.steps[at - 1] if at else None
    if step.page != "form" or before is None or (before.page, before.entity) != ("record", found[1]):
        return None
    record = queries.get_record(g.session, found[1], int(found[2]), actor=g.actor)
    if before.kind == "make":
        makes = [one.key for one in list_makes(g.session, record, actor=g.actor)]
        return f"{found[0]}/make/{before.name}" if before.name in makes else None
    return f"{found[0]}/edit" if record.can_write and before.entity == step.entity else None


def _first_of(step: TourStep) -> str:
    """Return the page of the first record there is, else the list, which says that there is none yet."""
    if step.entity is None or step.page != "record":
        return address_of(step) or "/"
    page = queries.list_records(g.session, step.entity, ListQuery(limit=1), actor=g.actor)
    if page.records:
        return record_url(step.entity, page.records[0].id)
    add_toast(locale().t("tour.none_yet", name=locale().label(g.session.app.entities[step.entity].label)), "info")
    return f"/e/{step.entity}"


ROUTES = (
    ("/tours", ["GET"], show),
    ("/tours/<tour>", ["POST"], go),
    ("/tours/<tour>/pause", ["POST"], pause),
    ("/tours/<tour>/leave", ["POST"], leave),
    ("/tours/<tour>/finish", ["POST"], finish),
)
