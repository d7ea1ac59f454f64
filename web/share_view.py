"""With whom a record is shared, as its page shows it; and the form that shares it.

Enters: a record as its reader may see it. Leaves: ``shares`` of ``parts/shares.html``. Must not offer the form to
whoever the command would refuse.
"""

from typing import Any

from flask import g, request

from engine.records.record import Record
from engine.records.sharing import Share, find_recipient, list_shares, name_recipient
from web.admin_fields import text_field
from web.cells import Cells, record_url
from web.gate import locale

ICONS = {"user": "user", "department": "sitemap", "group": "users-group"}


def view_shares(cells: Cells, record: Record) -> dict[str, Any] | None:
    """Return the panel; None where nothing is shared and the reader may not share."""
    found = list_shares(g.session, record)
    if not found and not record.owns:
        return None
    url = f"{record_url(record.entity, record.id)}/shares"
    return {
        "entries": [_entry(cells, one, url, ends=record.owns) for one in found],
        "form": share_form(url, {}) if record.owns else None,
    }


def share_form(url: str, errors: dict[str, str]) -> dict[str, Any]:
    """Return the form; what was typed stays in it."""
    text = locale()
    chosen = "write" if request.form.get("access") == "write" else "read"
    value, typed = request.form.get("to", ""), request.form.get("to._text", "")
    to = find_recipient(g.session, value) if value else None
    if to is not None and not typed:  # of what was chosen only the id is sent
        typed = name_recipient(g.session, to) or ""
    picker = {
        "kind": "user", "value": value if to is not None else "", "text": typed, "pick_url": "/pick-recipient",
        "placeholder": text.t("share.to_hint"),
    }  # fmt: skip
    return {
        "url": url,
        "fields": [
            text_field("to", text.t("share.to"), errors=errors, id="share-to", required=True, width=2, **picker),
            text_field(
                "access", text.t("share.access"), errors=errors, id="share-access", kind="choice", style="radio",
                options=[
                    {"value": one, "label": text.t(f"share.{one}"), "selected": one == chosen}
                    for one in ("read", "write")
                ],
            ),
            text_field(
                "until", text.t("share.until"), errors=errors, id="share-until", kind="date",
                help=text.t("share.until_help"),
            ),
        ],
        "error": errors.get(""),
    }  # fmt: skip


def _entry(cells: Cells, one: Share, url: str, *, ends: bool) -> dict[str, Any]:
    text = locale()
    until = text.t("share.to_day", date=text.last_day(one.ends_at)) if one.ends_at is not None else None
    return {
        "name": one.name,
        "icon": ICONS[one.recipient.kind],
        "access": text.t(f"share.{one.access}"),
        "tone": "blue" if one.access == "write" else "grey",
        "until": until,
        "by": text.t("share.by", name=one.by),
        "when": cells.when(one.created_at),
        "left": not one.enabled,
        "end_url": f"{url}/{one.id}/end" if ends else None,
    }
