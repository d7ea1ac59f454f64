"""By which channels I am told of what, my quiet hours, my morning digest.

Enters: the actor, a form. Leaves: their choices. Must not show or change those of anybody else.
"""

from typing import Any

from flask import g, redirect, render_template, request

from engine.channels import choices
from engine.channels.choices import WHEN, Choices, Way
from engine.channels.composing import find_readers
from engine.channels.message import KINDS
from engine.errors import InvalidValues
from web.admin_fields import said, text_field
from web.gate import locale, reads, writes
from web.pages.frame import page_shell
from web.shell import add_toast

URL = "/settings/messages"
_FIELDS = ("quiet_from", "quiet_until", "digest_at", "timezone", *KINDS)


@reads
def show() -> Any:
    """Show what the actor chose."""
    return _page(choices.find_choices(g.session, g.actor.id), {})


@writes
def keep() -> Any:
    """Keep what the actor chooses."""
    chosen = _read()
    try:
        choices.choose(g.session, chosen, actor=g.actor)
    except InvalidValues as refused:
        return _page(chosen, said(refused, _FIELDS)), 422
    add_toast(locale().t("my_messages.saved"))
    return redirect(URL, 303)


ROUTES = (
    (URL, ["GET"], show),
    (URL, ["POST"], keep),
)


def _read() -> Choices:
    form = request.form
    ways: dict[str, Way] = {
        kind: Way(form.get(f"{kind}.when", "now"), tuple(name for name in form.getlist(f"{kind}.channels") if name))  # type: ignore[arg-type]
        for kind in KINDS
        if f"{kind}.when" in form
    }
    quiet = bool(form.get("quiet"))
    return Choices(
        ways,
        form.get("quiet_from", "").strip() if quiet else None,
        form.get("quiet_until", "").strip() if quiet else None,
        form.get("digest_at", "").strip(),
        form.get("timezone", "").strip() or None,
    )


def _page(chosen: Choices, errors: dict[str, str]) -> str:
    text, offered = locale(), choices.list_offered(g.session)
    me = find_readers(g.session, {g.actor.id})[g.actor.id]
    page = {
        "title": text.t("my_messages.title"),
        "url": URL,
        "error": errors.get(""),
        "kinds": [_kind(kind, chosen, offered, errors) for kind in KINDS],
        "quiet": bool(chosen.quiet_from),
        "quiet_fields": [
            _clock("quiet_from", chosen.quiet_from or choices.QUIET[0], errors),
            _clock("quiet_until", chosen.quiet_until or choices.QUIET[1], errors),
        ],
        "fields": [
            _clock("digest_at", chosen.digest_at, errors),
            text_field(
                "timezone", text.t("my_messages.timezone"), errors=errors, value=chosen.timezone or "",
                placeholder=g.session.app.timezone, max_length=60,
            ),
        ],
        "email": me.email,
        "mobile": me.mobile,
        "no_channels": not offered,
    }  # fmt: skip
    return render_template("pages/messages.html", page=page, shell=page_shell())


def _kind(kind: str, chosen: Choices, offered: list[choices.Offered], errors: dict[str, str]) -> dict[str, Any]:
    text, way = locale(), chosen.way(kind)
    picked = {one.name for one in choices.pick_channels(Way("now", way.channels), offered)}
    when = {
        "kind": "choice", "name": f"{kind}.when", "id": f"in-{kind}-when", "label": text.t("my_messages.when"),
        "style": "radio", "error": None,
        "options": [
            {"value": one, "label": text.t(f"my_messages.when_{one}"), "selected": one == way.when} for one in WHEN
        ],
    }  # fmt: skip
    by = {
        "kind": "choices", "name": f"{kind}.channels", "id": f"in-{kind}-channels",
        "label": text.t("my_messages.channels"), "error": errors.get(kind),
        "options": [{"value": one.name, "label": _label(one), "selected": one.name in picked} for one in offered],
    }  # fmt: skip
    return {
        "label": text.t(f"my_messages.{kind}"),
        "text": text.t(f"my_messages.{kind}_text"),
        "fields": [when, by] if offered else [],
    }


def _label(one: choices.Offered) -> str:
    text = locale()
    return text.t("my_messages.channel", name=one.name, kind=text.t(f"channels.kind_{one.kind}"))


def _clock(name: str, value: str, errors: dict[str, str]) -> dict[str, Any]:
    return text_field(name, locale().t(f"my_messages.{name}"), errors=errors, kind="time", value=value)
