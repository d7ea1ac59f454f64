"""The place in a list where a page ended, as text that travels to the page and back.

Enters: the sort value and id of the last row. Leaves: a cursor, or both again. Must not trust a cursor: it only says
where to go on, never what may be seen.
"""

import base64
import json
import unicodedata
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from engine.compiler.app import Entity
from engine.errors import FieldError, InvalidValues

_MOST = 2_000


def encode(value: Any, id_: int) -> str:
    """Return the cursor after a row."""
    said = value if value is None or isinstance(value, int | bool | str) else str(value)
    if isinstance(value, date):
        said = value.isoformat()
    return base64.urlsafe_b64encode(json.dumps([said, id_]).encode()).decode().rstrip("=")


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
    return unicodedata.normalize("NFKC", text[:100]).lower().strip().replace("\x00", "")


def _typed(value: Any, entity: Entity, sort: str) -> Any:
    if value is None:
        return None
    field = entity.fields.get(sort)
    kind = field.type.column if field is not None else _SYSTEM.get(sort, "text")
    if kind in ("integer", "link", "user"):
        if isinstance(value, bool) or not isinstance(value, int) or abs(value) >= 2**63:
            raise ValueError
        return value
    if kind == "boolean":
        return bool(value)
    if not isinstance(value, str):
        raise ValueError
    if kind == "decimal":
        number = Decimal(value)
        if not number.is_finite() or number.adjusted() > 18:
            raise ValueError
        return number
    if kind == "date":
        return date.fromisoformat(value)
    if kind == "datetime":
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            raise ValueError
        return moment
    return folded_text(value)


def folded_text(value: str) -> str:
    """Return a text a database can take."""
    value.encode("utf-8")  # UnicodeEncodeError is a ValueError: half of a character is no place in a list
    if "\x00" in value:
        raise ValueError
    return value


_SYSTEM = {
    "id": "integer", "owner": "user", "team": "link", "created_by": "user", "updated_by": "user",
    "created_at": "datetime", "updated_at": "datetime",
}  # fmt: skip
