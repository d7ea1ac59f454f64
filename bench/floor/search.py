"""What records are found by: every end of a number, a phone and a name, and the sound of a name in characters.

Values of a record enter; rows of `search_terms` leave, in the transaction of the record. Knows nothing of permissions.
"""

import os
import re
import unicodedata
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, bindparam, delete, select
from sqlalchemy.sql.elements import ColumnElement

from bench.floor.tables import opportunity, search_terms

SEARCHED = {
    "customer": ("number", "name", "credit_code"),
    "opportunity": ("number", "name", "contact_phone", "end_user_code"),
}
_LONGEST = 20
_BETWEEN = re.compile(r"[\W_]+")
_PART = re.compile(r"[\u3400-\u9fff]|[^\u3400-\u9fff]+")
# Past SQLAlchemy: a record has some fifty terms.
_INSERT = "INSERT INTO search_terms (entity, term, record_id, field, way) VALUES (?, ?, ?, ?, ?)"
_LISTS = "unnest(%s::text[], %s::text[], %s::bigint[], %s::text[], %s::int[])"
_INSERT_LISTS = f"INSERT INTO search_terms (entity, term, record_id, field, way) SELECT * FROM {_LISTS}"
_FORGET = delete(search_terms).where(
    search_terms.c.record_id == bindparam("of"), search_terms.c.entity == bindparam("in"),
    search_terms.c.field == bindparam("by"),
)  # fmt: skip


def add_terms(connection: Connection, entity: str, records: Iterable[tuple[int, Mapping[str, Any]]]) -> None:
    """Write the terms of records and those of their values that are given."""
    rows = [
        (entity, term, row_id, field, way)
        for row_id, values in records
        for field in SEARCHED[entity]
        if values.get(field)
        for term, way in _terms(field, values[field]).items()
    ]
    if not rows:
        return
    rows.sort()  # neighbours are written to the same page
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(_INSERT_LISTS, tuple(map(list, zip(*rows, strict=True))))
    else:
        connection.exec_driver_sql(_INSERT, rows)


def change_terms(connection: Connection, entity: str, row_id: int, values: Mapping[str, Any]) -> None:
    """Write the terms of changed values anew."""
    changed = {field: value for field, value in values.items() if field in SEARCHED[entity]}
    for field in changed:
        connection.execute(_FORGET, {"of": row_id, "in": entity, "by": field})
    add_terms(connection, entity, [(row_id, changed)])


def is_found() -> ColumnElement[bool]:
    """The condition that a term of an opportunity begins with the parameters `q` (to `q_end`)."""
    c = search_terms.c
    begins = (c.entity == "opportunity", c.term >= bindparam("q"), c.term < bindparam("q_end"))
    return opportunity.c.id.in_(select(c.record_id).where(*begins))


def searched(text: str) -> dict[str, str]:
    """The parameters of `is_found`."""
    key = _key(text)[:_LONGEST]
    return {"q": key, "q_end": key + "\U0010ffff"}


def _terms(field: str, value: str) -> dict[str, int]:
    text = _key(value)
    found = _ends(text, 0)
    if field == "name" and not text.isascii():
        said = [one for part in _PART.findall(text) for one in _read(part)]
        sound, at = "".join(said), 0
        for one in said:
            found.setdefault(sound[at : at + _LONGEST], 3)
            at += len(one)
        found = _ends("".join(one[0] for one in said), 2) | found
    return found


def _ends(text: str, way: int) -> dict[str, int]:
    return {text[at : at + _LONGEST]: way + (at > 0) for at in range(len(text))}


def _key(value: str) -> str:
    return _BETWEEN.sub("", unicodedata.normalize("NFKC", value).casefold())


@lru_cache(maxsize=10_000)
def _read(part: str) -> list[str]:
    os.environ["PYPINYIN_NO_PHRASES"] = "true"
    from pypinyin import lazy_pinyin  # with its first name: it takes memory

    return [part] if part.isascii() else list(lazy_pinyin(part))
