"""E-mail: a letter as text and as HTML.

Enters: a message in words. Leaves: a letter whose id is the same at every attempt. Must not let what people typed
become a header or markup.
"""

from collections.abc import Mapping
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from html import escape
from typing import Any

from engine.channels.addresses import Unreachable, split_host
from engine.channels.opened import Envelope, Opened
from engine.channels.parcels import Drawn, Letter
from engine.channels.wording import Said

SECURITY = ("starttls", "tls", "none")
_PORTS = {"starttls": 587, "tls": 465, "none": 25}
_LONGEST_SUBJECT = 200
_BUTTON = "display:inline-block;padding:10px 20px;background:#1f5fbf;color:#fff;border-radius:6px;text-decoration:none"


def write(said: Said, channel: Opened, envelope: Envelope) -> list[Letter | Drawn]:
    """Return the letter that says it; raises ``Unreachable`` when the receiver has no address that could be used."""
    plain = _letter(said, channel, envelope)
    if said.picture is None:
        return [plain]
    return [Drawn(said.picture, lambda png: _letter(said, channel, envelope, png), plain, plain)]


def find_server(address: str, options: Mapping[str, Any]) -> tuple[str, int, str]:
    """Return host, port and encryption of a server written ``host`` or ``host:port``; raises ``Unreachable``."""
    security = str(options.get("security", "starttls"))
    host, port = split_host(f"https://{address}")
    if security not in SECURITY or "/" in address or "?" in address:
        raise Unreachable("channel.bad_address", lasting=True)
    return host, port or _PORTS[security], security


def one_line(text: str) -> str:
    """Return a text as it may stand in a header."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


def _letter(said: Said, channel: Opened, envelope: Envelope, png: bytes = b"") -> Letter:
    mail = EmailMessage(policy=SMTP)
    name, sender = parseaddr(str(channel.options.get("sender", "")))
    recipient = envelope.recipient or ""
    try:
        mail["From"] = Address(name or one_line(said.site), addr_spec=sender)
        mail["To"] = Address(addr_spec=recipient)
    except (ValueError, IndexError):
        raise Unreachable("channel.bad_recipient", recipient[:80], lasting=True) from None
    mail["Subject"] = " ".join(filter(None, (channel.keyword, one_line(said.title))))[:_LONGEST_SUBJECT]
    mail["Date"] = format_datetime(envelope.now)
    mail["Message-ID"] = f"<{envelope.id}@{sender.partition('@')[2] or 'formwork'}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(_text(said))
    picture = f"{envelope.id}.picture@formwork" if png else ""
    mail.add_alternative(_html(said, picture), subtype="html")
    if png:
        shown = mail.get_body(("html",))
        assert isinstance(shown, EmailMessage)  # noqa: S101 - it was added just now
        shown.add_related(png, "image", "png", cid=f"<{picture}>", disposition="inline", filename="picture.png")
    return Letter(mail, recipient)


def _text(said: Said) -> str:
    facts = [f"{label}: {value}" for label, value in said.facts]
    items = [f"- {one.title}" + (f"\n  {one.url}" if one.url else "") for one in said.items]
    link = [f"{said.open}: {said.url}"] if said.url else []
    blocks = (said.title, said.text, "\n".join(facts), "\n".join(items), "\n".join(link), f"-- \n{said.site}")
    return "\n\n".join(block for block in blocks if block) + "\n"


def _html(said: Said, picture: str) -> str:
    parts = [f"<h2 style='font-size:18px;margin:0 0 12px'>{escape(said.title)}</h2>"]
    if picture:
        parts.append(f"<p><img src='cid:{picture}' alt='{escape(said.title)}' style='max-width:100%;height:auto'></p>")
    parts += [f"<p>{escape(line)}</p>" for line in said.text.splitlines() if line.strip()]
    if said.facts:
        cell = "<tr><td style='padding:2px 16px 2px 0;color:#57606a'>{}</td><td>{}</td></tr>"
        rows = "".join(cell.format(escape(label), escape(value)) for label, value in said.facts)
        parts.append(f"<table style='border-collapse:collapse;margin:12px 0'>{rows}</table>")
    if said.items:
        link = "<a href='{}'>{}</a>"
        items = (
            link.format(escape(one.url), escape(one.title)) if one.url else escape(one.title) for one in said.items
        )
        parts.append(f"<ul>{''.join(f'<li>{item}</li>' for item in items)}</ul>")
    if said.url:
        parts.append(f"<p><a href='{escape(said.url)}' style='{_BUTTON}'>{escape(said.open)}</a></p>")
    parts.append(f"<p style='color:#57606a'>{escape(said.site)}</p>")
    style = "font-family:sans-serif;font-size:15px"
    return f"<!doctype html><html lang='{said.language}'><body style='{style}'>{''.join(parts)}</body></html>"
