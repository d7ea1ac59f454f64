"""Handing over what somebody holds: for administrators, and for managers about their own people.

Enters: from whom, to whom, what, when and why, in the address or a form. Leaves: a page that lists everything that
would move, then exactly that moved. Must not move what the page did not show.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from flask import g, redirect, render_template, request

from engine.changing import handing_over
from engine.changing.handing_over import PARTS, HandOver, Item
from engine.errors import FormworkError, InvalidValues, NotAllowed, NotFound, NotPossibleNow
from engine.people import directory
from web.admin_fields import person_field, read_day, read_person, said, text_field
from web.api.requests import read_id
from web.cells import record_url
from web.gate import locale, reads, writes
from web.pages.frame import page_shell
from web.shell import add_toast

URL = "/handover"
_FIELDS = ("from", "to", "on", "reason", "leave")


@reads
def show() -> Any:
    """Show the form, and below it what would move."""
    _require_some()
    errors: dict[str, str] = {}
    return _page(_plan(errors), errors)


@writes
def do() -> Any:
    """Hand over what was shown, now or on the day that was chosen."""
    _require_some()
    errors: dict[str, str] = {}
    plan = _plan(errors)
    if plan is None:
        return _page(None, errors), 422
    try:
        if plan.digest != request.form.get("digest"):
            raise NotPossibleNow("hand_over.changed")
        done = handing_over.hand_over(
            g.session,
            plan,
            reason=request.form.get("reason", ""),
            at=read_day("on"),
            leave="leave" in request.form,
            actor=g.actor,
        )
    except (InvalidValues, NotPossibleNow) as refused:
        return _page(plan, said(refused, _FIELDS)), 422
    code = "hand_over.did" if done is not None else "hand_over.will"
    add_toast(locale().t(code, count=len(plan.items), name=plan.taker.name))
    return redirect(URL, 303)


@writes
def cancel(scheduled_id: str) -> Any:
    """Call a hand-over to come off."""
    handing_over.cancel(g.session, read_id(scheduled_id), actor=g.actor)
    add_toast(locale().t("hand_over.cancelled"))
    return redirect(URL, 303)


ROUTES = (
    (URL, ["GET"], show),
    (URL, ["POST"], do),
    (f"{URL}/<scheduled_id>/cancel", ["POST"], cancel),
)


def _require_some() -> None:
    """Whoever has nobody to hand over for is told whose page this is."""
    if not g.actor.is_admin and not directory.reports_of(g.session, g.actor.id):
        raise NotAllowed("hand_over.for_managers")


def _parts() -> list[str]:
    chosen = request.values.getlist("parts")
    return [one for one in PARTS if one in chosen] if chosen else list(PARTS)


def _pools() -> dict[str, str]:
    """Return the pool chosen for each entity whose records go to one."""
    given = request.values.items()
    return {name.removeprefix("pool."): value for name, value in given if name.startswith("pool.") and value}


def _view_pools() -> list[dict[str, Any]]:
    """Return the entities that have pools, with where their records may go."""
    text, chosen = locale(), _pools()
    return [
        {
            "name": f"pool.{entity.key}",
            "label": text.t("hand_over.records_of", entity=text.label(entity.label)),
            "options": [
                {"value": pool.key, "label": text.label(pool.label), "selected": chosen.get(entity.key) == pool.key}
                for pool in entity.ownership.pools.values()
            ],
        }
        for entity in g.session.app.entities.values()
        if entity.ownership is not None and entity.ownership.pools
    ]


def _plan(errors: dict[str, str]) -> HandOver | None:
    """Return what would move; None before anybody is chosen, or with what is wrong in ``errors``."""
    try:
        going = read_person("from")
        if going is None:
            if request.method == "POST":
                errors["from"] = locale().say("people.empty")
            return None
        to = read_person("to")
        only = [int(one) for one in request.values.getlist("task") if one.isdecimal() and len(one) < 19]
        return handing_over.plan_hand_over(
            g.session, going, to, parts=_parts(), only=only, pools=_pools(), actor=g.actor
        )
    except (InvalidValues, NotPossibleNow, NotFound, NotAllowed) as refused:
        errors |= _placed(refused)
        return None


def _placed(refused: FormworkError) -> dict[str, str]:
    """A refusal that is a sentence is about one of the two people."""
    found = said(refused, _FIELDS)
    if "" in found and isinstance(refused, NotPossibleNow):
        return {"to": found[""]}
    return {"from": found[""]} if "" in found else found


def _page(plan: HandOver | None, errors: dict[str, str]) -> str:
    text, chosen = locale(), _parts()
    parts = [one for one in PARTS if g.actor.is_admin or one in ("tasks", "records", "fields")]
    page = {
        "title": text.t("hand_over.title"),
        "url": URL,
        "people": [
            person_field("from", text.t("hand_over.from"), errors=errors, required=True),
            person_field("to", text.t("hand_over.to"), errors=errors, help=text.t("hand_over.to_help")),
        ],
        "parts": [{"key": one, "label": text.t(f"hand_over.part_{one}"), "chosen": one in chosen} for one in parts],
        "pools": _view_pools(),
        "plan": None if plan is None else _view(plan),
        "on": text_field("on", text.t("hand_over.on"), errors=errors, kind="date", help=text.t("hand_over.on_help")),
        "reason": text_field("reason", text.t("hand_over.reason"), errors=errors, required=True),
        "error": errors.get(""),
        "leave": {"ticked": "leave" in request.values, "error": errors.get("leave")} if g.actor.is_admin else None,
        "scheduled": [
            {
                "text": text.t(
                    "hand_over.planned", going=one.going.name, taker=one.taker.name, on=text.datetime(one.due_at)
                ),
                "reason": one.reason,
                "cancel_url": f"{URL}/{one.id}/cancel",
            }
            for one in handing_over.list_scheduled(g.session, actor=g.actor)
        ],
    }
    return render_template("pages/handover.html", page=page, shell=page_shell())


def _view(plan: HandOver) -> dict[str, Any]:
    text = locale()
    parts = {part: [one for one in plan.items if one.part == part] for part in plan.parts}
    groups = [{"label": text.t(f"hand_over.part_{part}"), "entries": _entries(items)} for part, items in parts.items()]
    return {
        "title": text.t("hand_over.moves", going=plan.going.name, taker=plan.taker.name, count=len(plan.items)),
        "groups": [group for group in groups if group["entries"]],
        "stuck": text.say("hand_over.stuck", what=_entries(plan.stuck)[0]["title"]) if plan.stuck else None,
        "digest": plan.digest,
        "given": {"from": plan.going.id, "to": plan.taker.id},
        "parts": plan.parts,
        "only": plan.only,
        "pools": plan.pools,
    }


def _entries(items: Sequence[Item]) -> list[dict[str, Any]]:
    """Return what moves in one part; of records that the reader may not see only the kind and how many."""
    unseen = Counter((one.entity, _goes(one)) for one in items if _is_unseen(one))
    return [_entry(one) for one in items if not _is_unseen(one)] + [
        _counted(entity, to, count) for (entity, to), count in unseen.items()
    ]


def _is_unseen(one: Item) -> bool:
    return bool(one.entity) and one.what == "–"


def _counted(key: str, to: str, count: int) -> dict[str, Any]:
    text, entity = locale(), g.session.app.entities.get(key)
    title = text.t("hand_over.unseen", entity=text.label(entity.label) if entity is not None else key, n=count)
    note = text.t("hand_over.unseen_why")
    return {"title": title, "note": note, "url": None, "to": to or text.say("hand_over.nobody"), "stuck": not to}


def _goes(one: Item) -> str:
    """Return where one thing goes: to whom, or into which pool; nothing when nobody may have it."""
    owned = g.session.app.entities[one.entity].ownership if one.pool else None
    return locale().label(owned.pools[one.pool].label) if owned is not None else one.to


def _entry(one: Item) -> dict[str, Any]:
    text = locale()
    note = text.label(one.note)
    return {
        "title": note if one.part == "groups" else one.what,
        "note": note if one.part != "groups" else "",
        "url": record_url(one.entity, one.record_id) if one.entity else None,
        "to": _goes(one) or text.say("hand_over.nobody"),
        "stuck": not one.to,
    }
