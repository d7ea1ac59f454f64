"""Tours on the pages: which one runs here, at which step, what it points at, and which begin here.

Enters: the request, its actor, and the step kept in the cookie. Leaves: plain data for ``layouts/base.html``. Must not
change anything but where the running tour stands: ``engine/guiding/tours`` notes its end.
"""

from collections.abc import Mapping
from typing import Any, Final

from flask import g, request
from flask import session as cookie

from engine.compiler.app import Tour, TourStep
from engine.guiding import tours
from web.gate import is_seen_as, locale, store

RUNNING = "tour"
"""In the cookie: the key of the running tour and the number of its step."""
MOVED = "tour_moved"
"""In the cookie: the tour itself led to this page, so its buttons take the keyboard."""

_PAGES: Final[Mapping[str, tuple[str, str | None]]] = {
    "/": ("home", None),
    "/approvals": ("approvals", None),
    "/reports": ("reports", None),
    "/e/<entity>": ("list", "entity"),
    "/e/<entity>/new": ("form", "entity"),
    "/e/<entity>/<record_id>/edit": ("form", "entity"),
    "/e/<entity>/<record_id>/make/<make>": ("form", "make"),
    "/e/<entity>/<record_id>": ("record", "entity"),
}
_BUTTONS: Final[Mapping[str, str]] = {
    "create": "[data-key=c]",
    "search": ".list-search",
    "filter": ".filters > summary",
    "board": ".board-link",
    "import": ".import-link",
    "export": ".export-link",
    "save": ".form-tools .btn-primary",
    "edit": "[data-key=e]",
    "journey": ".record-side a[href$='/journey']",
}
_PARTS: Final[Mapping[str, str]] = {
    "stages": ".stage-bar",
    "missing": ".missing",
    "facts": ".facts",
    "approval": ".record-side .approval",
    "comments": "#comments",
    "history": "[aria-labelledby=history-title]",
}
_ADDRESSES: Final[Mapping[str, str]] = {"home": "/", "approvals": "/approvals", "reports": "/reports"}


def address_of(step: TourStep) -> str | None:
    """Return where the page of a step is; None for that of a record, which is one of many."""
    if step.entity is None:
        return _ADDRESSES[step.page]
    return {"list": f"/e/{step.entity}", "form": f"/e/{step.entity}/new"}.get(step.page)


def start(tour: Tour, at: int) -> None:
    """Let a tour run from step ``at``."""
    cookie[RUNNING] = {"key": tour.key, "at": at}
    cookie[MOVED] = True


def stop() -> None:
    """Let no tour run."""
    cookie.pop(RUNNING, None)


def view_tours() -> dict[str, Any]:
    """Return the running tour and the tours that begin on this page, for the shell."""
    if is_seen_as() or not store().app.tours:
        return {"running": None, "offers": []}
    here, running = _find_here(), _find_running()
    if running is not None:
        return {"running": _view_running(*running, here), "offers": []}
    return {"running": None, "offers": _offers(here)}


def view_list(states: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return every tour for the reader, with what became of it."""
    text = locale()
    return [
        {"key": one.key, "label": text.label(one.label), "count": len(one.steps), "state": states.get(one.key)}
        for one in tours.list_tours(store().app, g.actor)
    ]


def _find_here() -> tuple[str, str | None] | None:
    """Return which page answers this request: its kind and the entity it is of."""
    found = _PAGES.get(str(request.url_rule))
    if found is None:
        return None
    page, of = found
    given = request.view_args or {}
    entity = given.get("entity")
    if of == "make":
        source = store().app.entities.get(str(entity))
        make = source.makes.get(str(given.get("make"))) if source is not None else None
        entity = make.entity if make is not None else None
    return page, entity if of is not None else None


def _find_running() -> tuple[Tour, int] | None:
    kept = cookie.get(RUNNING)
    if not isinstance(kept, dict):
        return None
    tour = next((one for one in tours.list_tours(store().app, g.actor) if one.key == kept.get("key")), None)
    if tour is None:
        stop()
        return None
    at = kept.get("at")
    return tour, min(at, len(tour.steps) - 1) if isinstance(at, int) and at >= 0 else 0


def _view_running(tour: Tour, at: int, here: tuple[str, str | None] | None) -> dict[str, Any]:
    """Return the panel: the step of this page, or where the tour waits.

    Whoever did what a step says has come to the page of a later one, and goes on there.
    """
    text, moved = locale(), bool(cookie.pop(MOVED, False))
    there = next((number for number in range(at, len(tour.steps)) if _page_of(tour.steps[number]) == here), None)
    if there is not None and there != at:
        cookie[RUNNING] = {"key": tour.key, "at": there}
    shown = there if there is not None else at
    return {
        "key": tour.key,
        "label": text.label(tour.label),
        "here": there is not None,
        "moved": moved,
        "at": shown,
        "count": len(tour.steps),
        "steps": [_view_step(tour, number, here) for number in range(len(tour.steps))],
    }


def _view_step(tour: Tour, number: int, here: tuple[str, str | None] | None) -> dict[str, Any]:
    step = tour.steps[number]
    return {
        "text": locale().label(step.text),
        "here": _page_of(step) == here,
        "target": _selector(step),
        "place": _say_place(step),
    }


def _say_place(step: TourStep) -> str:
    text = locale()
    entity = store().app.entities[step.entity] if step.entity is not None else None
    return text.t(f"tour.page_{step.page}", name=text.label(entity.label) if entity is not None else "")


def _selector(step: TourStep) -> str:
    """Return what finds the thing a step points at; every name was checked when the definition was compiled."""
    by_kind = {
        "field": f"#f-{step.name}-field",
        "section": f"#section-{step.name}",
        "move": f".record-tools a[href$='/moves/{step.name}']",
        "make": f".record-tools a[href$='/make/{step.name}']",
        "button": _BUTTONS.get(step.name or "", ""),
        "part": _PARTS.get(step.name or "", ""),
    }
    return by_kind.get(step.kind or "", "#main h1")


def _page_of(step: TourStep) -> tuple[str, str | None]:
    return step.page, step.entity


def _offers(here: tuple[str, str | None] | None) -> list[dict[str, Any]]:
    """Return the tours that begin here and were neither finished nor left."""
    begin = [one for one in tours.list_tours(store().app, g.actor) if _page_of(one.steps[0]) == here]
    if not begin:
        return []
    known = tours.read_states(g.session, actor=g.actor)
    text = locale()
    return [
        {"key": one.key, "label": text.label(one.label), "count": len(one.steps)}
        for one in begin
        if one.key not in known
    ]
