"""What administrators chose in the product: which modules are on, what the site is called, where it is, what
stands below its name on paper.

Enters: a connection and a choice. Leaves: rows of ``fw_settings``, and a new generation of the release, by which every
process notices at its next write, and at its next read within a second. Must not judge a choice.
"""

from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from engine.compiler.app import Choices
from engine.storage.system_tables import current_release, settings

NAME, TIMEZONE, LETTERHEAD, MODULE = "chosen.name", "chosen.timezone", "chosen.letterhead", "chosen.module."


def read_choices(connection: Connection) -> Choices:
    """Return what was chosen so far."""
    kept = settings.c.key
    mine = kept.in_((NAME, TIMEZONE, LETTERHEAD)) | kept.startswith(MODULE)
    found = {row.key: row.value for row in connection.execute(select(kept, settings.c.value).where(mine))}
    modules = {key.removeprefix(MODULE): value is True for key, value in found.items() if key.startswith(MODULE)}
    return Choices(found.get(NAME), found.get(TIMEZONE), modules, tuple(found.get(LETTERHEAD) or ()))


def keep_choice(connection: Connection, key: str, value: Any) -> None:
    """Keep one choice, None for what the release says; it holds for whoever begins after this transaction."""
    keep_setting(connection, key, value)
    connection.execute(update(current_release).values(generation=current_release.c.generation + 1))


def read_setting(connection: Connection, key: str) -> Any:
    """Return what is kept under ``key``, None when nothing is."""
    return connection.scalar(select(settings.c.value).where(settings.c.key == key))


def keep_setting(connection: Connection, key: str, value: Any) -> None:
    """Keep plain data under ``key``; None takes it away."""
    if value is None:
        connection.execute(delete(settings).where(settings.c.key == key))
        return
    known = connection.execute(update(settings).where(settings.c.key == key).values(value=value))
    if known.rowcount == 0:
        connection.execute(insert(settings).values(key=key, value=value))


def read_settings(connection: Connection, prefix: str) -> dict[str, Any]:
    """Return what is kept under the keys that begin so, by the rest of each key."""
    mine = select(settings.c.key, settings.c.value).where(settings.c.key.startswith(prefix))
    return {row.key.removeprefix(prefix): row.value for row in connection.execute(mine)}


def forget_settings(connection: Connection, prefix: str) -> None:
    """Take away what is kept under the keys that begin so."""
    connection.execute(delete(settings).where(settings.c.key.startswith(prefix)))
