"""The channels by which messages leave, for administrators.

Enters: a form about one channel. Leaves: the list, a changed channel, a test message. Must not show an address or a
secret that is kept: whoever changes one writes it anew.
"""

from typing import Any

from flask import g, redirect, render_template, request

from engine.channels import managing, registry
from engine.channels.opened import KINDS, SIGNED
from engine.channels.registry import Channel
from engine.errors import InvalidValues
from engine.people.actor import require_admin
from web.admin_fields import said
from web.api.requests import read_id
from web.channel_form import FIELDS, channel_fields, read_channel, test_field
from web.gate import locale, private, reads, settings, writes
from web.pages.frame import page_shell
from web.shell import add_toast

URL = "/admin/channels"
_ICONS = {"email": "send", "webhook": "link", "dialler": "phone"}


@reads
def show() -> Any:
    """Show every channel."""
    text = locale()
    found = registry.list_channels(g.session, actor=g.actor)
    page = {
        "title": text.t("channels.title"),
        "rows": [_row(one) for one in found],
        "new": [
            {"url": f"{URL}/new/{kind}", "label": text.t(f"channels.kind_{kind}"), "icon": _icon(kind)}
            for kind in KINDS
        ],
        "deliveries_url": "/admin/deliveries",
        "public_url": settings().public_url,
    }
    return render_template("pages/channels.html", page=page, shell=page_shell())


@reads
def new(channel_kind: str) -> Any:
    """Show an empty form."""
    require_admin(g.actor)
    return _page(channel_kind, None, {})


@private
@writes
def create(channel_kind: str) -> Any:
    """Create a channel; the secret that was made for it is shown this once."""
    require_admin(g.actor)
    try:
        id_, made = registry.create_channel(
            g.session, read_channel(channel_kind), key=settings().secret_key, actor=g.actor
        )
    except InvalidValues as refused:
        return _page(channel_kind, None, said(refused, FIELDS)), 422
    if made is not None:
        return _page(channel_kind, registry.get_channel(g.session, id_, actor=g.actor), {}, made=made)
    add_toast(locale().t("channels.made"))
    return redirect(f"{URL}/{id_}", 303)


@reads
def channel(channel_id: str) -> Any:
    """Show one channel."""
    found = _find(channel_id)
    return _page(found.kind, found, {})


@writes
def change(channel_id: str) -> Any:
    """Change what the form says."""
    found = _find(channel_id)
    try:
        registry.update_channel(
            g.session, found.id, read_channel(found.kind, found.name), key=settings().secret_key, actor=g.actor
        )
    except InvalidValues as refused:
        return _page(found.kind, found, said(refused, FIELDS)), 422
    add_toast(locale().t("channels.saved"))
    return redirect(f"{URL}/{found.id}", 303)


@private
@writes
def rotate(channel_id: str) -> Any:
    """Make a new secret and show it this once."""
    found = _find(channel_id)
    made = registry.rotate_secret(g.session, found.id, key=settings().secret_key, actor=g.actor)
    return _page(found.kind, registry.get_channel(g.session, found.id, actor=g.actor), {}, made=made)


@writes
def turn(channel_id: str) -> Any:
    """Turn a channel on or off."""
    found = _find(channel_id)
    registry.set_enabled(g.session, found.id, found.disabled_at is not None, actor=g.actor)
    add_toast(locale().t("channels.turned_on" if found.disabled_at else "channels.turned_off"))
    return redirect(f"{URL}/{found.id}", 303)


@writes
def remove(channel_id: str) -> Any:
    """Delete a channel."""
    registry.delete_channel(g.session, _find(channel_id).id, actor=g.actor)
    add_toast(locale().t("channels.deleted"))
    return redirect(URL, 303)


@writes
def test(channel_id: str) -> Any:
    """Leave a test message and lead to what becomes of it."""
    found = _find(channel_id)
    try:
        to = managing.receiver_of(found, request.form.get("to", "").strip())
        made = managing.send_test(g.session, found.name, to, actor=g.actor)
    except InvalidValues as refused:
        return _page(found.kind, found, said(refused, FIELDS)), 422
    return redirect(f"/admin/deliveries/{made}", 303)


ROUTES = (
    (URL, ["GET"], show),
    (f"{URL}/new/<any({', '.join(KINDS)}):channel_kind>", ["GET"], new),
    (f"{URL}/new/<any({', '.join(KINDS)}):channel_kind>", ["POST"], create),
    (f"{URL}/<channel_id>", ["GET"], channel),
    (f"{URL}/<channel_id>", ["POST"], change),
    (f"{URL}/<channel_id>/rotate", ["POST"], rotate),
    (f"{URL}/<channel_id>/turn", ["POST"], turn),
    (f"{URL}/<channel_id>/delete", ["POST"], remove),
    (f"{URL}/<channel_id>/test", ["POST"], test),
)


def _find(channel_id: str) -> Channel:
    return registry.get_channel(g.session, read_id(channel_id), actor=g.actor)


def _row(one: Channel) -> dict[str, Any]:
    return {
        "name": one.name,
        "kind": locale().t(f"channels.kind_{one.kind}"),
        "icon": _icon(one.kind),
        "host": one.host,
        "url": f"{URL}/{one.id}",
        "state": _state(one),
        "personal": one.personal,
    }


def _state(one: Channel) -> dict[str, str] | None:
    text = locale()
    if one.disabled_at is not None:
        return {"label": text.t("channels.off"), "tone": "grey"}
    if one.paused_until is not None and one.paused_until > g.session.now():
        return {"label": text.t("channels.paused"), "tone": "amber"}
    return None


def _icon(kind: str) -> str:
    return _ICONS.get(kind, "message")


def _page(kind: str, found: Channel | None, errors: dict[str, str], *, made: str | None = None) -> str:
    text = locale()
    page = {
        "title": found.name if found else text.t("channels.new", kind=text.t(f"channels.kind_{kind}")),
        "kind": text.t(f"channels.kind_{kind}"),
        "help": text.t(f"channels.help_{kind}"),
        "back_url": URL,
        "url": f"{URL}/{found.id}" if found else f"{URL}/new/{kind}",
        "is_new": found is None,
        "error": errors.get(""),
        "fields": channel_fields(kind, found, errors),
        "made": made,
        "state": _state(found) if found else None,
        "off": found is not None and found.disabled_at is not None,
        "rotates": kind in SIGNED,
        "rotating": _rotating(found) if found else None,
        "test_field": test_field(kind, errors),
    }
    return render_template("pages/channel.html", page=page, shell=page_shell())


def _rotating(one: Channel) -> str | None:
    """Return until when the secret from before signs as well."""
    if one.rotating_until is None or one.rotating_until <= g.session.now():
        return None
    return locale().t("channels.rotating", until=locale().datetime(one.rotating_until))
