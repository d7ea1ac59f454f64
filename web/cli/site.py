"""The installation a command works on: home folder, settings, store, templates.

Enters: the global options. Leaves: settings and an open store, made when first asked for. Must not install anything by
itself: only ``run`` does.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from engine import messages
from engine.errors import NotFound

if TYPE_CHECKING:
    from engine.clock import Clock
    from engine.people.actor import Actor
    from engine.records.record import Record
    from engine.storage.store import Session, Store
    from web.settings import Settings


@dataclass(frozen=True)
class Site:
    """One installation as the command line sees it."""

    language: str
    home: str | None
    environ: Mapping[str, str]

    def say(self, code: str, /, **params: object) -> None:
        """Print a sentence."""
        click.echo(self.text(code, **params))

    def text(self, code: str, /, **params: object) -> str:
        """Return a sentence."""
        return messages.text(code, self.language, **params)

    def home_folder(self) -> Path:
        """Return the home folder, whether it exists or not."""
        from web.settings import find_home

        return find_home(self.environ, self.home)

    def settings(self) -> "Settings":
        """Return the settings; ``WrongSetting`` when nothing is installed."""
        from web.settings import read_settings

        return read_settings(self.environ, home=self.home)

    def open_store(self, clock: "Clock | None" = None) -> "Store":
        """Open the store of this installation."""
        from datetime import timedelta

        from engine.clock import SystemClock
        from engine.storage.database import open_database
        from engine.storage.store import Store
        from engine.storage.turns import Patience
        from web.page_kit import FONTS
        from web.remembering import remembering

        settings = self.settings()
        with remembering(settings.home):
            store = Store(open_database(settings.database_url), settings.files_dir, clock or SystemClock())
        store.large_table = settings.large_table
        store.secret_key, store.public_url = settings.secret_key, settings.public_url
        store.fonts = FONTS
        store.patience = Patience(timedelta(seconds=settings.lock_wait), timedelta(seconds=settings.publish_wait))
        return store


def find_template(name: str) -> Path:
    """Return the folder of a template: a path that exists, else one that comes with Formwork."""
    from engine.places import find_data

    given = Path(name).expanduser()
    if (given / "app.yaml").is_file():
        return given
    try:
        bundled = find_data("templates")
    except FileNotFoundError:
        bundled = given
    if (bundled / name / "app.yaml").is_file() and name not in ("", ".", ".."):
        return bundled / name
    known = sorted(path.parent.name for path in bundled.glob("*/app.yaml"))
    raise NotFound("cli.no_template", name=name, known=", ".join(known))


def has_content(folder: Path) -> bool:
    """Tell whether there is more in a folder than ``.git`` and the like."""
    return folder.is_dir() and any(not entry.name.startswith(".") for entry in folder.iterdir())


def get_actor(session: "Session", login: str) -> "Actor":
    """Return the person the command acts as; ``NotFound`` when there is none."""
    from engine.people import accounts

    user_id = accounts.find_user(session.connection, login)
    if user_id is None:
        raise NotFound("cli.no_user", login=login)
    return accounts.get_actor(session.connection, user_id, via="cli")


def find_record(session: "Session", entity: str, said: str, actor: "Actor") -> "Record":
    """Return the record with this number, or else this id, of those the actor may see; raises ``NotFound``."""
    from engine.records.naming import find_records
    from engine.records.queries import get_record
    from engine.records.rights import get_entity

    found = find_records(session, get_entity(session.app, entity), [said], actor=actor).exact.get(said)
    if found is None and said.isascii() and said.isdecimal() and len(said) < 19:
        found = int(said)
    if found is None:
        raise NotFound()
    return get_record(session, entity, found, actor=actor)
