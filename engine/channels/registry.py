"""The channels of a site, as an administrator sets them.

Enters: a name, a kind, an address, a secret. Leaves: rows whose address and secrets are sealed with the key of the
installation, and an audit row for each change. Must not show a secret once it is kept, nor send one to a host it was
not given for: whoever changes the host gives the secret again.
"""

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from engine.channels import addresses
from engine.channels.addresses import Unreachable
from engine.channels.kinds import mail, webhooks
from engine.channels.opened import KINDS, SIGNED, Opened
from engine.errors import FieldError, InvalidValues, NotFound, NotPossibleNow
from engine.people.actor import Actor, require_admin
from engine.people.sealing import seal, unseal
from engine.storage.delivery_tables import channels, deliveries
from engine.storage.journal import write_audit
from engine.storage.store import Session

OVERLAP = timedelta(hours=24)
"""How long the old secret still signs after a new one was made."""
FASTEST = 600
_NAME = re.compile(r"[\w.()（）\- ]{1,60}")
_LONGEST = 2_000


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel as it may be shown: without its address and secrets."""

    id: int
    name: str
    kind: str
    host: str
    has_secret: bool
    rotating_until: datetime | None
    keyword: str | None
    rate: int | None
    inside: bool
    personal: bool
    options: dict[str, Any]
    disabled_at: datetime | None
    paused_until: datetime | None


@dataclass(frozen=True, slots=True)
class Given:
    """What an administrator says of a channel; ``address`` and ``secret`` None keep what is there."""

    name: str
    kind: str
    address: str | None = field(default=None, repr=False)
    secret: str | None = field(default=None, repr=False)
    keyword: str | None = None
    rate: int | None = None
    inside: bool = False
    personal: bool = False
    user: str | None = None  # of an e-mail server
    sender: str | None = None
    security: str = "starttls"


def list_channels(session: Session, *, actor: Actor | None) -> list[Channel]:
    """Return every channel, in the order of names."""
    require_admin(actor)
    return [_read(row) for row in session.connection.execute(select(channels).order_by(channels.c.name))]


def get_channel(session: Session, channel_id: int, *, actor: Actor | None) -> Channel:
    """Return one channel; raises ``NotFound``."""
    require_admin(actor)
    return _read(_row(session, channel_id))


def find_channel(session: Session, name: str, *, actor: Actor | None) -> Channel:
    """Return the channel of a name; raises ``NotFound``."""
    require_admin(actor)
    row = session.connection.execute(select(channels).where(channels.c.name == name)).first()
    if row is None:
        raise NotFound("channel.unknown", name=name)
    return _read(row)


def create_channel(session: Session, given: Given, *, key: str, actor: Actor | None) -> tuple[int, str | None]:
    """Create a channel and return its id, and the secret that was made for a webhook that was given none.

    Raises ``InvalidValues`` and ``NotAllowed``.
    """
    require_admin(actor)
    made = webhooks.make_secret() if given.kind in SIGNED and not given.secret else None
    secret = given.secret or made
    errors = _check(given, given.address or "", secret)
    if errors:
        raise InvalidValues(errors)
    row = _columns(given) | {
        "kind": given.kind,
        "host": _host(given.kind, given.address or ""),
        "address": seal(given.address or "", key),
        "secret": seal(secret, key) if secret else None,
        "created_at": session.now(),
    }
    try:
        id_ = session.connection.execute(insert(channels).values(row).returning(channels.c.id)).scalar_one()
    except IntegrityError:
        raise InvalidValues([FieldError("name", "channel.name_taken")]) from None
    _audit(session, "channels.create", given.name, actor, kind=given.kind, host=row["host"])
    return int(id_), made


def update_channel(session: Session, channel_id: int, given: Given, *, key: str, actor: Actor | None) -> None:
    """Change a channel; its kind stays, and its name, by which it is meant elsewhere.

    Raises ``InvalidValues``, ``NotAllowed`` and ``NotFound``.
    """
    require_admin(actor)
    row = _row(session, channel_id, lock=True)
    address = given.address or _open(row.address, key)
    errors = _check(given, address, given.secret, kept=row)
    moved = not errors and _host(row.kind, address) != row.host
    if moved and row.secret is not None and not given.secret:
        errors.append(FieldError("secret", "channel.secret_again"))
    if errors:
        raise InvalidValues(errors)
    changes = _columns(given) | {"host": _host(row.kind, address), "address": seal(address, key), "paused_until": None}
    changes["name"] = row.name
    if given.secret:
        changes |= {"secret": seal(given.secret, key), "old_secret": None, "old_secret_until": None}
    session.connection.execute(update(channels).where(channels.c.id == channel_id).values(changes))
    _audit(session, "channels.update", row.name, actor, host=changes["host"], secret=bool(given.secret))


def rotate_secret(session: Session, channel_id: int, *, key: str, actor: Actor | None) -> str:
    """Make a new secret for a webhook and return it, this once; for a day the old one signs beside it."""
    require_admin(actor)
    row = _row(session, channel_id, lock=True)
    if row.kind not in SIGNED:
        raise NotPossibleNow("channel.no_rotation")
    made = webhooks.make_secret()
    changes = {"secret": seal(made, key), "old_secret": row.secret, "old_secret_until": session.now() + OVERLAP}
    session.connection.execute(update(channels).where(channels.c.id == channel_id).values(changes))
    _audit(session, "channels.rotate", row.name, actor)
    return made


def set_enabled(session: Session, channel_id: int, enabled: bool, *, actor: Actor | None) -> None:
    """Turn a channel off, so that what is to leave by it waits, or on again."""
    require_admin(actor)
    row = _row(session, channel_id, lock=True)
    changes = {"disabled_at": None if enabled else session.now(), "paused_until": None}
    session.connection.execute(update(channels).where(channels.c.id == channel_id).values(changes))
    _audit(session, "channels.enable" if enabled else "channels.disable", row.name, actor)


def delete_channel(session: Session, channel_id: int, *, actor: Actor | None) -> None:
    """Delete a channel; what was sent by it stays listed under its name, what waits for it is put aside."""
    require_admin(actor)
    row = _row(session, channel_id, lock=True)
    c = deliveries.c
    waiting = update(deliveries).where(c.channel == row.name, c.state == "waiting")
    session.connection.execute(waiting.values(state="parked", error="channel.none", ended_at=session.now()))
    session.connection.execute(delete(channels).where(channels.c.id == channel_id))
    _audit(session, "channels.delete", row.name, actor)


def open_channel(row: Any, *, key: str | None, now: datetime) -> Opened:
    """Return a row of ``fw_channels`` with its secrets open; raises ``Unreachable`` when the key is another one."""
    newest, old = (_unsealed(sealed, key) for sealed in (row.secret, row.old_secret))
    rotating = old is not None and row.old_secret_until is not None and row.old_secret_until > now
    secrets = tuple(one for one in (newest, old if rotating else None) if one)
    address = _unsealed(row.address, key)
    if address is None:
        raise Unreachable("channel.other_key", lasting=True)
    return Opened(row.name, row.kind, address, secrets, row.keyword or "", bool(row.inside), row.options or {})


def _unsealed(sealed: str | None, key: str | None) -> str | None:
    if sealed is None:
        return None
    found = unseal(sealed, key) if key is not None else None
    if found is None:
        raise Unreachable("channel.other_key", lasting=True)
    return found


def _open(sealed: str, key: str) -> str:
    found = unseal(sealed, key)
    if found is None:
        raise InvalidValues([FieldError("address", "channel.other_key")])
    return found


def _check(given: Given, address: str, secret: str | None, *, kept: Any = None) -> list[FieldError]:
    kind = given.kind if kept is None else kept.kind
    errors = []
    if not _NAME.fullmatch(given.name) or given.name != given.name.strip():
        errors.append(FieldError("name", "channel.bad_name"))
    if kind not in KINDS:
        errors.append(FieldError("kind", "channel.bad_kind"))
    errors += _check_address(given, kind, address)
    if kind == "email" and given.security == "none" and not given.inside:
        errors.append(FieldError("security", "channel.open_line"))
    if kind == "email" and given.security == "none" and (secret or (kept is not None and kept.secret)):
        errors.append(FieldError("security", "channel.password_open"))
    if given.rate is not None and not 1 <= given.rate <= FASTEST:
        errors.append(FieldError("rate", "channel.bad_rate", {"most": FASTEST}))
    if secret and kind in SIGNED and not webhooks.is_secret(secret):
        errors.append(FieldError("secret", "channel.bad_secret"))
    for name, text in (("secret", secret), ("keyword", given.keyword), ("user", given.user), ("address", address)):
        if text and (len(text) > _LONGEST or not text.isprintable()):
            errors.append(FieldError(name, "channel.bad_text"))
    if kind == "email" and not re.fullmatch(r"[^\r\n<>]*<?[^@\s<>]+@[^@\s<>]+\.[^@\s<>]+>?", given.sender or ""):
        errors.append(FieldError("sender", "channel.bad_sender"))
    return errors


def _check_address(given: Given, kind: str, address: str) -> list[FieldError]:
    try:
        if kind == "email":
            mail.find_server(address, {"security": given.security})
        else:
            addresses.find_host(address)
            if not given.inside and not address.startswith("https://"):
                return [FieldError("address", "channel.not_encrypted")]
    except Unreachable as refused:
        return [FieldError("address", refused.code)]
    return []


def _host(kind: str, address: str) -> str:
    return addresses.find_host(f"https://{address}" if kind == "email" else address).casefold()


def _columns(given: Given) -> dict[str, Any]:
    mailing = {"user": given.user or "", "sender": given.sender, "security": given.security}
    return {
        "name": given.name,
        "keyword": given.keyword or None,
        "rate": given.rate,
        "inside": int(given.inside),
        "personal": int(given.personal),
        "options": {name: value for name, value in mailing.items() if value} if given.sender else {},
    }


def _row(session: Session, channel_id: int, *, lock: bool = False) -> Any:
    found = select(channels).where(channels.c.id == channel_id)
    row = session.connection.execute(found.with_for_update() if lock else found).first()
    if row is None:
        raise NotFound("channel.gone_away")
    return row


def _read(row: Any) -> Channel:
    return Channel(
        id=row.id,
        name=row.name,
        kind=row.kind,
        host=row.host,
        has_secret=row.secret is not None,
        rotating_until=row.old_secret_until,
        keyword=row.keyword,
        rate=row.rate,
        inside=bool(row.inside),
        personal=bool(row.personal),
        options=row.options or {},
        disabled_at=row.disabled_at,
        paused_until=row.paused_until,
    )


def _audit(session: Session, action: str, name: str, actor: Actor | None, **details: Any) -> None:
    write_audit(session, action, subject=f"channel:{name}", details=details, actor=actor)
