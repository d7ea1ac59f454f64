"""What leaves by the channels, for administrators: by state, with the reason of a failure and the exact payload.

Enters: a state, a channel, a delivery. Leaves: a page of deliveries; one that is sent again, put aside or given up.
Must not show a secret.
"""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from flask import g, redirect, render_template, request

from engine.channels import managing, registry, wording
from engine.channels.managing import STATES, Delivery
from engine.channels.message import read_message
from engine.errors import NotPossibleNow
from web.api.requests import read_id
from web.cells import Cells
from web.gate import locale, now, reads, settings, writes
from web.pages.frame import page_shell
from web.shell import add_toast

URL = "/admin/deliveries"
_TONES = {"waiting": "blue", "sending": "blue", "sent": "green", "dead": "red", "parked": "amber"}


@reads
def show() -> Any:
    """Show a page of deliveries."""
    text, cells = locale(), Cells(locale(), now())
    state = request.args.get("state") if request.args.get("state") in STATES else None
    channel = request.args.get("channel") or None
    found = managing.list_deliveries(
        g.session, state=state, channel=channel, before=_before(), actor=g.actor, limit=managing.PAGE + 1
    )
    counts = managing.count_by_state(g.session)
    shown = found[: managing.PAGE]
    seen = managing.find_open(g.session, [one.id for one in shown], actor=g.actor)
    page = {
        "title": text.t("deliveries.title"),
        "tabs": [_tab(one, state, channel, counts) for one in (None, *STATES)],
        "channels": [
            {"name": one.name, "url": _url(state, one.name), "active": one.name == channel}
            for one in registry.list_channels(g.session, actor=g.actor)
        ],
        "all_url": _url(state, None) if channel else None,
        "entries": [_entry(cells, one, one.id in seen) for one in shown],
        "more_url": f"{_url(state, channel, before=shown[-1].id)}" if len(found) > managing.PAGE else None,
        "replay": {"state": state, "channel": channel or ""} if state in ("dead", "parked") and shown else None,
        "channels_url": "/admin/channels",
        "empty": {"icon": "send", "title": text.t("deliveries.none"), "text": None, "action": None},
    }
    return render_template("pages/deliveries.html", page=page, shell=page_shell())


@reads
def delivery(delivery_id: str) -> Any:
    """Show one delivery with what is sent for it."""
    text, cells = locale(), Cells(locale(), now())
    found = managing.get_delivery(g.session, read_id(delivery_id), actor=g.actor)
    parcels, unsaid, seen = [], None, bool(managing.find_open(g.session, [found.id], actor=g.actor))
    try:
        parcels = managing.preview(
            g.session, found.id, key=settings().secret_key, base=settings().public_url, actor=g.actor
        )
    except NotPossibleNow as refused:
        unsaid = refused.text(text.language)
    page = {
        "title": _title(found, seen),
        "back_url": URL,
        "url": f"{URL}/{found.id}",
        "entry": _entry(cells, found, seen),
        "facts": _facts(found),
        "answer": found.answer if seen else None,
        "parcels": parcels,
        "unsaid": unsaid,
        "can_replay": found.state in ("dead", "parked"),
        "can_park": found.state == "waiting",
        "can_drop": found.state in ("waiting", "dead", "parked"),
        "open": found.state in ("waiting", "sending"),
    }
    return render_template("pages/delivery.html", page=page, shell=page_shell())


@writes
def replay(delivery_id: str) -> Any:
    """Send one again."""
    return _do(delivery_id, managing.replay, "replayed")


@writes
def park(delivery_id: str) -> Any:
    """Put one aside."""
    return _do(delivery_id, managing.park, "parked")


@writes
def drop(delivery_id: str) -> Any:
    """Give one up."""
    return _do(delivery_id, managing.drop, "dropped")


@writes
def replay_all() -> Any:
    """Send everything of a state again."""
    state, channel = request.form.get("state", ""), request.form.get("channel") or None
    count = managing.replay_all(g.session, state=state, channel=channel, actor=g.actor)
    add_toast(locale().t("deliveries.did_replay_all", count=count))
    return redirect(_url("waiting", channel), 303)


ROUTES = (
    (URL, ["GET"], show),
    (f"{URL}/replay", ["POST"], replay_all),
    (f"{URL}/<delivery_id>", ["GET"], delivery),
    (f"{URL}/<delivery_id>/replay", ["POST"], replay),
    (f"{URL}/<delivery_id>/park", ["POST"], park),
    (f"{URL}/<delivery_id>/drop", ["POST"], drop),
)


def _do(delivery_id: str, do: Callable[..., None], done: str) -> Any:
    id_ = read_id(delivery_id)
    try:
        do(g.session, id_, actor=g.actor)
        add_toast(locale().t(f"deliveries.did_{done}"))
    except NotPossibleNow as refused:
        add_toast(refused.text(locale().language), "warn")
    return redirect(f"{URL}/{id_}", 303)


def _before() -> int | None:
    said = request.args.get("before", "")
    return int(said) if said.isascii() and said.isdigit() and len(said) < 19 else None


def _url(state: str | None, channel: str | None, **more: Any) -> str:
    given = {key: value for key, value in {"state": state, "channel": channel, **more}.items() if value is not None}
    return f"{URL}?{urlencode(given)}" if given else URL


def _tab(state: str | None, active: str | None, channel: str | None, counts: dict[str, int]) -> dict[str, Any]:
    count = counts.get(state or "", 0)
    return {
        "label": locale().t(f"deliveries.state_{state or 'all'}"),
        "url": _url(state, channel),
        "active": state == active,
        "count": str(count) if count else None,
        "urgent": state == "dead",
    }


def _title(one: Delivery, seen: bool) -> str:
    if not seen:
        return locale().t("deliveries.closed")
    message = read_message(one.message)
    if message.event != "message" and not message.title:
        return message.event
    return wording.title_of(g.session.app, message, locale().language) or locale().t("deliveries.digest")


def _entry(cells: Cells, one: Delivery, seen: bool) -> dict[str, Any]:
    text = locale()
    return {
        "title": _title(one, seen),
        "url": f"{URL}/{one.id}",
        "channel": one.channel,
        "to": one.person or one.recipient,
        "state": {"label": text.t(f"deliveries.state_{one.state}"), "tone": _TONES.get(one.state, "grey")},
        "why": text.say(one.error) if one.error else None,
        "when": cells.when(one.at),
        "due": text.datetime(one.due_at) if one.state == "waiting" else None,
        "attempts": one.attempts,
    }


def _facts(one: Delivery) -> list[dict[str, str]]:
    text = locale()
    said = {
        "channel": one.channel,
        "to": one.person or one.recipient or "–",
        "kind": text.t(f"my_messages.{one.kind}"),
        "message_id": one.message_id,
        "at": text.datetime(one.at),
        "due": text.datetime(one.due_at),
        "attempts": str(one.attempts),
        "ended": text.datetime(one.ended_at) or "–",
    }
    return [{"name": text.t(f"deliveries.{key}"), "value": value} for key, value in said.items()]
