"""The accounts of a demo: made once, kept in a file only its owner can read, shown again at each start.

Enters: an installation and a template's demo. Leaves: people, records, ``demo-accounts.txt``. Must not load a demo
into a site that has people of its own.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from engine.clock import SetClock
from engine.definition.source import SourceFolder
from engine.errors import Problem
from engine.guiding.steps import find_invented
from engine.people import accounts, passwords
from engine.people.actor import ADMIN
from engine.storage.store import Store
from web.cli.progress import Progress
from web.cli.site import Site
from web.settings import write_private

if TYPE_CHECKING:
    from web.demo import DemoAccount

FILE = "demo-accounts.txt"
_COMPLETE = "# complete"
Row = tuple[str, str, str, str]
"""login, password, roles joined with commas, name"""


def load_demo(
    site: Site, progress: Progress, store: Store, clock: SetClock, sources: SourceFolder, *, fresh: bool
) -> None:
    """Create the demo's people and play its story, or go on where an earlier start was interrupted."""
    path = site.home_folder() / FILE
    if not fresh and (not path.exists() or _COMPLETE in path.read_text(encoding="utf-8")):
        return
    from web import demo

    if fresh:
        write_private(path, "")  # says that whoever is created from here on belongs to the demo
    with progress.step("cli.step_people"):
        people = demo.create_people(store, sources)
        _keep_passwords(store, path, people)
    with progress.step("cli.step_story") as show, store.database.without_waiting_for_disk():
        left_out: list[Problem] = []
        demo.play_story(store, clock, sources, show, left_out.append)
    left = demo.find_leavers(store)
    rows = [row for row in _read(path) if row[0] not in left]
    write_private(path, "".join("\t".join(row) + "\n" for row in rows))
    if left_out:
        site.say("cli.story_left_out", count=len(left_out), first=left_out[0])
    write_private(path, path.read_text(encoding="utf-8") + _COMPLETE + "\n")


def make_admin(site: Site, store: Store) -> None:
    """Create the one account of a site without a demo and show its password once."""
    password = passwords.generate_password()
    with store.write() as session:
        accounts.create_user(session, login=ADMIN, name=ADMIN, password=password, roles=[ADMIN], actor=None)
    site.say("cli.admin_made", login=ADMIN, password=password)


def show_accounts(site: Site) -> None:
    """Print one account for each role."""
    path = site.home_folder() / FILE
    rows = _one_per_role(_read(path))
    if not rows:
        return
    site.say("cli.demo_accounts", path=path)
    width = max(len(login) for login, *_ in rows)
    for login, password, roles, name in rows:
        click.echo(f"  {login:<{width}}  {password}  {name}  ({roles})")


def _keep_passwords(store: Store, path: Path, people: "Sequence[DemoAccount]") -> None:
    """Write the passwords of invented people down; one that was lost to an interruption is made anew.

    Somebody who is not invented keeps their own: whoever set the site up may have a login that the demo names too.
    """
    with store.read() as session:
        invented = find_invented(session)
    ours = {*invented.people, *invented.admins}
    people = [one for one in people if one.id in ours]
    known = {row[0]: row for row in _read(path)}
    rows = []
    for person in people:
        password = person.password or (known[person.login][1] if person.login in known else None)
        login, name, roles = person.login, person.name, ",".join(person.roles)
        rows.append((login, password or _new_password(store, login), roles, name))
    if rows:
        write_private(path, "".join("\t".join(row) + "\n" for row in rows))


def _new_password(store: Store, login: str) -> str:
    password = passwords.generate_password()
    with store.write() as session:
        user_id = accounts.find_user(session.connection, login)
        accounts.set_password(session, user_id or 0, password, actor=None)
    return password


def _read(path: Path) -> list[Row]:
    if not path.is_file():
        return []
    lines = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()]
    return [(line[0], line[1], line[2], line[3]) for line in lines if len(line) == 4]


def _one_per_role(rows: list[Row]) -> list[Row]:
    seen: set[str] = set()
    found = []
    for row in rows:
        fresh = set(row[2].split(",")) - seen
        if fresh:
            seen |= fresh
            found.append(row)
    return found
