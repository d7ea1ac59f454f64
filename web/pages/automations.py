"""Automations: what happens by itself and what became of it, for administrators; and the buttons on records.

Enters: nothing, an automation's key, or a record and the button pressed. Leaves: pages. Must not do what an automation
does: the engine runs it.
"""

from base64 import b64encode
from collections.abc import Iterable
from typing import Any

from flask import g, redirect, render_template, request

from engine.automation import counting, hooks, pressing, public_forms, runs, states
from engine.automation.previewing import Preview, Said, preview
from engine.automation.runs import Run
from engine.automation.states import ADDRESS
from engine.channels import pictures
from engine.compiler.app import Automation
from engine.errors import NotAllowed, NotFound, NotPossibleNow
from engine.records import queries
from engine.records.list_query import ListQuery
from web.api.requests import read_id
from web.automation_view import is_on, say_trigger, say_why, view_row, view_run, view_steps, view_takes
from web.cells import Cells, record_url, title_of
from web.gate import locale, now, private, reads, settings, store, writes
from web.pages.frame import page_shell
from web.run_words import say_error, say_line
from web.shell import add_toast

_MOST = 30
_RECENT = 20


@reads
def index() -> Any:
    """List the automations there are, those that need somebody first."""
    _require_admin()
    known, counted = states.read_states(g.session), counting.count_runs(g.session)
    cells, text = _cells(), locale()
    found = list(g.session.app.automations.values())
    rows = [view_row(one, known.get(one.key), counted.get(one.key, {}), cells) for one in found]
    rows.sort(key=lambda row: (row["on"], not row["why"]))
    failed = runs.list_runs(g.session, states=("failed", "stopped", "parked"), limit=_MOST)
    page = {
        "title": text.t("automation.title"),
        "rows": rows,
        "failed": _view_runs(failed, cells),
        "empty": {
            "icon": "bolt", "title": text.t("automation.empty"), "action": None,
            "text": text.t("automation.empty_text"),
        },
    }  # fmt: skip
    return render_template("pages/automations.html", page=page, shell=page_shell())


@reads
def show(key: str) -> Any:
    """Show one automation: what it says, and its last runs."""
    _require_admin()
    return _page(_automation(key), None, None)


@writes
def turn(key: str, way: str) -> Any:
    """Set an automation aside, or let it run again."""
    automation = _automation(key)
    if way == "enable":
        states.enable(g.session, key, actor=g.actor)
    else:
        states.disable(g.session, key, actor=g.actor)
    add_toast(locale().t(f"automation.did_{way}", name=locale().label(automation.label)))
    return redirect(f"{ADDRESS}/{key}", 303)


@writes
def rehearse(key: str) -> Any:
    """Show what an automation would do for a record, without doing it."""
    automation = _automation(key)
    record_id = read_id(request.form["record"]) if request.form.get("record") else None
    found = preview(g.session, key, record_id, actor=g.actor)
    return _page(automation, record_id, found)


@private
@writes
def renew(key: str) -> Any:
    """Make the secret of the address at which an automation receives, and show it this once."""
    automation = _automation(key)
    made = hooks.renew_secret(g.session, automation.on.hook, key=settings().secret_key, actor=g.actor)
    return _page(automation, None, None, made=made)


@writes
def close(key: str) -> Any:
    """Let an address take nothing any more."""
    automation = _automation(key)
    hooks.close_hook(g.session, automation.on.hook, actor=g.actor)
    add_toast(locale().t("automation.closed"))
    return redirect(f"{ADDRESS}/{key}", 303)


@writes
def again(run_id: str) -> Any:
    """Let a run that failed go on."""
    runs.try_again(g.session, read_id(run_id), actor=g.actor)
    add_toast(locale().t("automation.did_again"))
    found = runs.get_run(g.session, read_id(run_id))
    return redirect(f"{ADDRESS}/{found.automation}" if found is not None else ADDRESS, 303)


@writes
def press(entity: str, record_id: str, rule: str) -> Any:
    """Start an automation by its button on a record."""
    id_ = read_id(record_id)
    run = pressing.press(g.session, entity, id_, rule, actor=g.actor)
    label = locale().label(g.session.app.automations[rule].label)
    if run.state in ("failed", "stopped", "parked"):
        add_toast(say_error(locale(), run.error) or label, "error")
    else:
        add_toast(locale().t("automation.pressed", name=label))
    return redirect(record_url(entity, id_), 303)


ROUTES = (
    (ADDRESS, ["GET"], index),
    (f"{ADDRESS}/<key>", ["GET"], show),
    (f"{ADDRESS}/<key>/<any(enable, disable):way>", ["POST"], turn),
    (f"{ADDRESS}/<key>/preview", ["POST"], rehearse),
    (f"{ADDRESS}/<key>/secret", ["POST"], renew),
    (f"{ADDRESS}/<key>/close", ["POST"], close),
    (f"{ADDRESS}/runs/<run_id>/again", ["POST"], again),
    ("/e/<entity>/<record_id>/press/<rule>", ["POST"], press),
)


def _require_admin() -> None:
    if not g.actor.is_admin:
        raise NotAllowed("people.not_admin")


def _automation(key: str) -> Automation:
    _require_admin()
    found: Automation | None = g.session.app.automations.get(key)
    if found is None:
        raise NotFound("automation.none", name=key[:80])
    return found


def _cells() -> Cells:
    return Cells(locale(), now())


def _page(automation: Automation, record_id: int | None, found: Preview | None, made: str | None = None) -> str:
    text, cells = locale(), _cells()
    state = states.read_states(g.session).get(automation.key)
    on = is_on(automation, state)
    last = runs.list_runs(g.session, automation=automation.key, limit=_MOST)
    page = {
        "title": text.label(automation.label),
        "list_url": ADDRESS,
        "list_label": text.t("automation.title"),
        "when": say_trigger(automation),
        "condition": automation.when.text if automation.when is not None else None,
        "place": str(automation.location),
        "steps": view_steps(automation),
        "on": on,
        "why": say_why(state),
        "turn_url": f"{ADDRESS}/{automation.key}/{'disable' if on else 'enable'}" if not automation.retired else None,
        "turn_label": text.t("automation.disable" if on else "automation.enable"),
        "hook": _view_hook(automation, made, cells) if automation.on.hook else None,
        "form": _view_form(automation) if automation.on.form else None,
        "preview_url": f"{ADDRESS}/{automation.key}/preview",
        "records": _recent(automation, record_id),
        "preview": _view_preview(found, cells) if found is not None else None,
        "runs": _view_runs(last, cells),
    }
    return render_template("pages/automation.html", page=page, shell=page_shell())


def _view_hook(automation: Automation, made: str | None, cells: Cells) -> dict[str, Any]:
    """Return the address at which an automation receives; ``made`` is its secret, right after it was made."""
    found = hooks.find_hook(g.session, automation.on.hook)
    site = settings().public_url or request.host_url.rstrip("/")
    rotating = found.rotating_until if found is not None else None
    return {
        "address": f"{site}{hooks.PREFIX}/{automation.on.hook}",
        "takes": view_takes(automation),
        "since": cells.when(found.made_at) if found is not None else None,
        "until": locale().datetime(rotating) if rotating is not None and rotating > now() else None,
        "secret": made,
        "renew_url": f"{ADDRESS}/{automation.key}/secret",
        "close_url": f"{ADDRESS}/{automation.key}/close" if found is not None else None,
    }


def _view_form(automation: Automation) -> dict[str, Any]:
    """Return the address of the page that visitors fill in, and why it is closed, if it is."""
    site, text = settings().public_url or request.host_url.rstrip("/"), locale()
    refused = public_forms.find_obstacle(g.session, automation)
    return {
        "address": f"{site}{public_forms.PREFIX}/{automation.on.hook}",
        "closed": refused.text(text.language) if refused is not None else None,
    }


def _recent(automation: Automation, chosen: int | None) -> list[dict[str, Any]]:
    """Return the newest records to try an automation on, of those the reader may see."""
    entity = g.session.app.entities.get(automation.entity)
    if entity is None:
        return []
    try:
        page = queries.list_records(
            g.session, entity.key, ListQuery(sort="created_at", descending=True, limit=_RECENT), actor=g.actor
        )
    except NotAllowed:
        return []
    return [{"value": one.id, "label": title_of(entity, one), "selected": one.id == chosen} for one in page.records]


def _view_runs(found: list[Run], cells: Cells) -> list[dict[str, Any]]:
    names = _titles({(one.entity, one.record_id) for one in found if one.entity})
    return [view_run(one, names, cells) for one in found]


def _titles(addresses: Iterable[tuple[str, int]]) -> dict[tuple[str, int], str]:
    """Return what those of the records are called that the reader may see."""
    found = {}
    for key, id_ in addresses:
        try:
            record = queries.get_record(g.session, key, id_, actor=g.actor)
        except (NotAllowed, NotFound):
            continue
        found[key, id_] = title_of(g.session.app.entities[key], record)
    return found


def _view_preview(found: Preview, cells: Cells) -> dict[str, Any]:
    text, run = locale(), found.run
    return {
        "state": view_run(run, {}, cells)["state"],
        "why": say_error(text, run.error),
        "trace": [say_line(text, g.session, line) for line in run.trace],
        "said": [
            {"to": one.name, "title": text.label(one.title), "text": text.label(one.text), "picture": _drawn(one)}
            for one in found.said
        ],  # fmt: skip
    }


def _drawn(said: Said) -> str | None:
    """Return the picture of a message that is not kept, as the page holds it."""
    if said.picture is None:
        return None
    try:
        png = pictures.draw(said.picture, store().fonts)
    except NotPossibleNow:
        return None
    return f"data:image/png;base64,{b64encode(png).decode()}"
