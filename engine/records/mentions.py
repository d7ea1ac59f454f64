"""Whom a remark may be addressed to: people who may see the record it is about.

Enters: a record, a few letters, a text with ``@names``. Leaves: people. Must not name somebody to whom the record would
be news.
"""

import re
from collections.abc import Collection, Iterable

from engine.errors import NotAllowed, NotFound
from engine.people import accounts, directory
from engine.people.actor import Actor, Person
from engine.records.queries import get_record
from engine.storage.store import Session

_OFFERED = 8
_TRIED = 20
_NAME = re.compile(r"@([^\s@，。,.;；:：!！?？]{1,40})")


def suggest_people(
    session: Session, entity: str, record_id: int, letters: str, *, near: Collection[int], actor: Actor
) -> list[Person]:
    """Return people to mention whose name contains ``letters``, at most ``8``: first those ``near``, who take part."""
    known = directory.people(session.connection, near).values()
    close = [one for one in known if one.enabled and _fits(one, letters)]
    others = directory.find_people(session, letters, limit=_TRIED)
    found: list[Person] = []
    for one in {one.id: one for one in (*sorted(close, key=lambda one: one.name), *others)}.values():
        if len(found) < _OFFERED and one.id != actor.id and may_see(session, one.id, entity, record_id):
            found.append(one)
    return found


def find_mentioned(session: Session, text: str, picked: Iterable[int]) -> list[int]:
    """Return the ids a text is addressed to: those ``picked`` whose ``@name`` still stands in it, and any other name
    that only one person has."""
    known = directory.people(session.connection, picked)
    mentioned = [one.id for one in known.values() if f"@{one.name}" in text]
    taken = {one.name for one in known.values()}
    for name in dict.fromkeys(_NAME.findall(text)):
        if name not in taken:
            same = [one for one in directory.find_people(session, name) if one.name == name]
            mentioned += [same[0].id] if len(same) == 1 else []
    return mentioned


def may_see(session: Session, user_id: int, entity: str, record_id: int) -> bool:
    """Tell whether somebody may see a record now."""
    try:
        get_record(session, entity, record_id, actor=accounts.get_actor(session.connection, user_id))
    except (NotFound, NotAllowed):
        return False
    return True


def _fits(person: Person, letters: str) -> bool:
    wanted = letters.strip().casefold()
    return wanted in person.name.casefold() or wanted in person.login
