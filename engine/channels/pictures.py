"""The picture that goes with a message: what is drawn is kept as plain data, drawn when it leaves or is looked at.

Enters: a report as it stands on paper, the key of a message. Leaves: a row of ``fw_pictures``; an address that is
signed with the key of the installation and ends with the row; the bytes of a PNG. Must not show any other picture to
whoever has an address, nor one after its days.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

from sqlalchemy import bindparam, delete, select

from engine.printing.report import ReportPage, render_picture
from engine.records.sql import insert_into
from engine.storage.delivery_tables import pictures
from engine.storage.store import Session

PREFIX = "/pictures/"
KEPT = timedelta(days=14)
"""How long the address of a picture leads anywhere."""
_END = ".png"


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture; ``path`` leads to it on this site, None for a site without a key."""

    id: int
    page: Mapping[str, Any] = field(repr=False)
    path: str | None = field(repr=False, default=None)

    def draw(self, fonts: Path | None) -> bytes:
        """Return it as PNG; raises ``NotPossibleNow`` where there are no fonts."""
        return draw(self.page, fonts)


def keep(session: Session, page: ReportPage, *, key: str) -> int:
    """Keep what is to be drawn for a message, once for each key, and return its id."""

    def build() -> Any:
        row = {name: bindparam(name, type_=pictures.c[name].type) for name in ("key", "at", "until", "page")}
        new = insert_into(pictures, session.connection.dialect).values(row)
        return new.on_conflict_do_nothing().returning(pictures.c.id)

    now = session.now()
    row = {"key": key, "at": now, "until": now + KEPT, "page": dict(page)}
    made = session.prepared("keep picture", build).fetch_one(session.connection, row)
    if made is None:
        made = session.connection.execute(select(pictures.c.id).where(pictures.c.key == key)).one()
    return int(made[0])


def find(session: Session, picture_id: int | None, *, key: str | None) -> Picture | None:
    """Return a picture; None where there is none, or none any more."""
    row = _find(session, picture_id)
    return None if row is None else Picture(row.id, row.page, path_of(row.id, row.until, key) if key else None)


def find_by_name(session: Session, name: str, *, key: str) -> Picture | None:
    """Return the picture that a signed address names; None for a wrong, changed or outlived one."""
    number = name.partition("-")[0]
    row = _find(session, int(number)) if number.isascii() and number.isdigit() and len(number) < 19 else None
    if row is None:
        return None
    path = path_of(row.id, row.until, key)
    return Picture(row.id, row.page, path) if hmac.compare_digest(path.encode(), f"{PREFIX}{name}".encode()) else None


def path_of(picture_id: int, until: datetime, key: str) -> str:
    """Return the signed address of a picture on its site."""
    own = hashlib.sha256(b"formwork pictures\x00" + key.encode("utf-8", "surrogatepass")).digest()
    signed = hmac.new(own, f"{picture_id}.{int(until.timestamp())}".encode(), hashlib.sha256).digest()
    return f"{PREFIX}{picture_id}-{base64.urlsafe_b64encode(signed).decode().rstrip('=')}{_END}"


def draw(page: Mapping[str, Any], fonts: Path | None) -> bytes:
    """Return a page as PNG; raises ``NotPossibleNow`` where there are no fonts."""
    return _drawn(json.dumps(page), fonts)


def forget_old(session: Session) -> int:
    """Remove what has outlived its days and return how many there were."""
    return session.connection.execute(delete(pictures).where(pictures.c.until <= session.now())).rowcount


def _find(session: Session, picture_id: int | None) -> Any:
    if picture_id is None:
        return None
    own = select(pictures).where(pictures.c.id == picture_id, pictures.c.until > session.now())
    return session.connection.execute(own).first()


@lru_cache(maxsize=8)
def _drawn(page: str, fonts: Path | None) -> bytes:
    return render_picture(json.loads(page), fonts)
