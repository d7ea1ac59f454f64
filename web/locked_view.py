"""Records that are not open to their reader yet, as a page and the foot of a list show them.

Enters: what the engine tells of them. Leaves: ``locked`` of ``pages/locked.html``, entries for ``pages/list.html``.
Must not show more than what they are called and what opens them.
"""

from typing import Any

from flask import g

from engine.compiler.app import Entity
from engine.records.locked import Locked, list_locked
from web.cells import record_url, title_of
from web.gate import locale
from web.shell import ENTITY_URL


def view_locked(entity: Entity, locked: Locked) -> dict[str, Any]:
    """Return the page of one of them."""
    title, number = title_of(entity, locked.record), locked.record.values.get("number")
    return {
        "title": title,
        "number": number if number and str(number) not in title else None,
        "entity_label": locale().label(entity.label),
        "list_url": ENTITY_URL.format(entity=entity.key),
        "text": _say(locked),
    }


def list_entries(entity: Entity) -> list[dict[str, str]]:
    """Return those a list names below its rows."""
    if entity.reading.locked is None:
        return []
    return [
        {"title": title_of(entity, one.record), "url": record_url(entity.key, one.record.id), "text": _say(one)}
        for one in list_locked(g.session, entity.key, actor=g.actor)
    ]


def _say(locked: Locked) -> str:
    return locale().label(locked.text).replace("{left}", locked.left)
