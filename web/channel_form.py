"""The form of a channel: its fields by kind, and reading what was posted in them.

Enters: a kind, a channel that is there. Leaves: fields for ``widgets/inputs.html``; ``Given``. Must not put an address
or a secret that is kept, or was just typed, into a page.
"""

from dataclasses import dataclass
from typing import Any

from flask import request

from engine.channels import registry
from engine.channels.kinds.mail import SECURITY
from engine.channels.opened import ROBOTS
from engine.channels.registry import Channel, Given
from engine.errors import FieldError, InvalidValues
from web.admin_fields import text_field
from web.gate import locale

FIELDS = (
    "name", "kind", "address", "secret", "keyword", "rate", "inside", "personal", "user", "sender", "security", "to",
)  # fmt: skip


def read_channel(kind: str, name: str | None = None) -> Given:
    """Return what was posted of a channel; raises ``InvalidValues``."""
    form = request.form
    rate = form.get("rate", "").strip()
    if rate and not (rate.isascii() and rate.isdigit() and len(rate) < 6):
        raise InvalidValues([FieldError("rate", "channel.bad_rate", {"most": registry.FASTEST})])
    return Given(
        name=name or form.get("name", "").strip(),
        kind=kind,
        address=form.get("address", "").strip() or None,
        secret=form.get("secret", "").strip() or None,
        keyword=form.get("keyword", "").strip() or None,
        rate=int(rate) if rate else None,
        inside=bool(form.get("inside")),
        personal=bool(form.get("personal")),
        user=form.get("user", "").strip() or None,
        sender=form.get("sender", "").strip() or None,
        security=form.get("security") or "starttls",
    )


def test_field(kind: str, errors: dict[str, str]) -> dict[str, Any] | None:
    """Return the box for whom a test message goes to; None where the channel itself says it."""
    if kind not in ("email", "dialler"):
        return None
    return text_field(
        "to", locale().t(f"channels.test_{kind}"), errors=errors, kind="email" if kind == "email" else "phone"
    )


def channel_fields(kind: str, found: Channel | None, errors: dict[str, str]) -> list[dict[str, Any]]:
    """Return the fields of one kind of channel; of one that is there, its address and secret are not shown."""
    form = _Form(kind, found, errors)
    parts = (form.naming(), form.mailing() if kind == "email" else [], form.sealing(), form.bounding())
    return [field for part in parts for field in part]


@dataclass(frozen=True)
class _Form:
    kind: str
    found: Channel | None
    errors: dict[str, str]

    def field(self, name: str, value: str | None, **more: Any) -> dict[str, Any]:
        shown = request.form.get(name) if name in request.form and name not in ("secret", "address") else value
        return text_field(name, locale().t(f"channels.{name}"), errors=self.errors, value=shown or "", **more)

    def box(self, name: str, value: bool, help: str) -> dict[str, Any]:
        label, said = locale().t(f"channels.{name}"), locale().t(f"channels.{help}")
        return text_field(name, label, errors=self.errors, kind="boolean", value=_ticked(name, value), help=said)

    def naming(self) -> list[dict[str, Any]]:
        text, found = locale(), self.found
        name = self.field("name", "", required=True, max_length=60, help=text.t("channels.name_help"))
        shown = found.host if found else text.t(f"channels.address_{self.kind}")
        kept = text.t("channels.kept") if found else None
        address = self.field("address", "", kind="url", width=2, required=not found, placeholder=shown, help=kept)
        return [address] if found else [name, address]

    def mailing(self) -> list[dict[str, Any]]:
        options = self.found.options if self.found else {}
        chosen = request.form.get("security") or options.get("security") or SECURITY[0]
        offered = [
            {"value": one, "label": locale().t(f"channels.security_{one}"), "selected": one == chosen}
            for one in SECURITY
        ]
        return [
            self.field("sender", options.get("sender"), required=True, help=locale().t("channels.sender_help")),
            self.field("user", options.get("user")),
            self.field("security", None, kind="choice", style="select", options=offered),
        ]

    def sealing(self) -> list[dict[str, Any]]:
        text, found = locale(), self.found
        fields = []
        if self.kind != "wecom":
            kept = found is not None and found.has_secret
            said = text.t("channels.kept" if kept else f"channels.secret_{self.kind}")
            fields.append(self.field("secret", "", help=said))
        if self.kind in ROBOTS:
            keyword = found.keyword if found else ""
            fields.append(self.field("keyword", keyword, help=text.t("channels.keyword_help")))
        return fields

    def bounding(self) -> list[dict[str, Any]]:
        found = self.found
        rate = str(found.rate) if found and found.rate else ""
        fields = [
            self.field("rate", rate, kind="integer", help=locale().t(f"channels.rate_{self.kind}")),
            self.box("inside", found.inside if found else False, "inside_help"),
        ]
        if self.kind in ("email", *ROBOTS):
            personal = found.personal if found else self.kind == "email"
            said = "personal_mail" if self.kind == "email" else "personal_robot"
            fields.append(self.box("personal", personal, said))
        return fields


def _ticked(name: str, value: bool) -> str:
    """Return whether a box is ticked: as it was sent, else as it is kept."""
    if request.method == "POST" and name in request.form:
        return "true" if any(request.form.getlist(name)) else ""
    return "true" if value else ""
