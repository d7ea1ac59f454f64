"""The place in a list where a page ended, as text that travels to the page and back.

Enters: the sort value and id of the last row. Leaves: a cursor, or both again. Must not trust a cursor: it only says
where to go on, never what may be seen.
"""

import base64
import json
import unicodedata
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from engine.compiler.app import Entity, Field
from engine.compiler.readers import MAX_DIGITS
from engine.errors import FieldError, InvalidValues

_MOST = 12_000
"""Characters of a cursor; the longest text a list can be sorted by fits."""


def encode(value: Any, id_: int) -> str:
    """Return the cursor after a row."""
    said = value if value is None or isinstance(value, int | bool | str) else str(value)
    if isinstance(value, date | time):
        said = value.isoformat()
    if isinstance(value, timedelta):
        said = value // timedelta(seconds=1)
    return base64.urlsafe_b64encode(json.dumps([said, id_], ensure_ascii=False).encode()).decode().rstrip("=")


def decode(cursor: str, entity: Entity, sort: str) -> tuple[Any, int]:
    """Return the sort value and id a cursor stands for; raises ``InvalidValues`` when it is not one of ours."""
    try:
        if len(cursor) > _MOST:
            raise ValueError
        value, id_ = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if isinstance(id_, bool) or not isinstance(id_, int) or not 0 <= id_ < 2**63:
            raise ValueError
        return _typed(value, entity, sort), id_
    except (ValueError, TypeError, InvalidOperation, RecursionError):
        raise InvalidValues([FieldError("after", "record.bad_cursor")]) from None


def folded(text: str) -> str:
    """Return text as it is searched: lower case, full-width forms folded, at most 100 characters."""
    clean = text[:100].replace("\x00", "").encode("utf-8", "ignore").decode("utf-8")
    return unicodedata.normalize("NFKC", clean).lower().strip()


def _typed(value: Any, entity: Entity, sort: str) -> Any:
    if value is None:
        return None
    field = entity.fields.get(sort)
    kind = (field.type.column if field is not None else _SYSTEM.get(sort)) or "text"
    if kind == "decimal":
        return _decimal(value, field)
    read: Callable[[Any], Any] = _READERS.get(kind, _text)
    return read(value)


def _integer(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) >= 2**63:
        raise ValueError
    return value


def _text(value: Any) -> str:
    """Return a text a database can take; ``UnicodeEncodeError`` is a ``ValueError`` too."""
    if not isinstance(value, str) or "\x00" in value:
        raise ValueError
    value.encode("utf-8")
    return value


def _decimal(value: Any, field: Field | None) -> Decimal:
    number = Decimal(_text(value))
    scale = (field.scale if field is not None else 0) or 0
    if not number.is_finite() or number.adjusted() >= MAX_DIGITS - scale:
        raise ValueError
    return number


def _day(value: Any) -> date:
    return date.fromisoformat(_text(value))


def _clock(value: Any) -> time:
    return time.fromisoformat(_text(value))


def _span(value: Any) -> timedelta:
    seconds = _integer(value)
    if abs(seconds) > 10**10:
        raise ValueError
    return timedelta(seconds=seconds)


def _moment(value: Any) -> datetime:
    moment = datetime.fromisoformat(_text(value))
    if moment.tzinfo is None or not 1900 <= moment.year <= 2300:
        raise ValueError
    return moment


_READERS: Mapping[str, Callable[[Any], Any]] = {
    "integer": _integer,
    "link": _integer,
    "user": _integer,
    "boolean": bool,
    "department": _integer,
    "date": _day,
    "time": _clock,
    "seconds": _span,
    "datetime": _moment,
}
_SYSTEM = {
    "id": "integer", "owner": "user", "team": "link", "created_by": "user", "updated_by": "user",
    "created_at": "datetime", "updated_at": "datetime",
}  # fmt: skip
