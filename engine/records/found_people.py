"""People whose names hold a word, for records that are called after a person.

Enters: a word as it is searched. Leaves: ids, the disabled among them: what they did is still called after them. Must
not keep names beside the records: people are few, so each search reads them, and a new name holds at once.
"""

from functools import lru_cache
from typing import Any

from sqlalchemy import select

from engine.records.likeness import text_key
from engine.romanised import sounds_in
from engine.storage.store import Session
from engine.storage.system_tables import users


def find_people(session: Session, word: str) -> list[int]:
    """Return everybody whose name holds a word, as it is written, by its initials or by its sound."""
    statement = session.prepared("everybody by name", lambda: select(users.c.id, users.c.name))
    rows: list[Any] = statement.fetch_all(session.connection, {})
    return [id_ for id_, name in rows if _holds(name, word)]


@lru_cache(maxsize=20_000)
def _holds(name: str, word: str) -> bool:
    return sounds_in(text_key(name), word)
