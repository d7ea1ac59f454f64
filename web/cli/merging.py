"""``formwork records merge`` and ``unmerge``: two records of one thing become one, and back.

Enters: two records by number or id, whoever it is done as, what is taken from which. Leaves: lines of text. Must not
decide what may be merged or undone: the commands do.
"""

from typing import TYPE_CHECKING

import click

from engine.errors import NotFound
from web.cli.site import Site, get_actor

if TYPE_CHECKING:
    from engine.people.actor import Actor
    from engine.records.record import Record
    from engine.storage.store import Session


@click.command("merge", help="cli.records_merge")
@click.argument("entity")
@click.argument("kept")
@click.argument("other")
@click.option("--as", "login", required=True, help="cli.option_as")
@click.option("--take", "taken", multiple=True, metavar="FIELD=SIDE", help="cli.option_take")
@click.pass_obj
def merge_command(site: Site, entity: str, kept: str, other: str, login: str, taken: tuple[str, ...]) -> None:
    """Merge record ``other`` into ``kept``."""
    from engine.records.merges import require_merge
    from engine.records.merging import merge_records

    take = {key.strip(): side.strip() for key, _, side in (one.partition("=") for one in taken)}
    with site.open_store().write() as session:
        actor = get_actor(session, login)
        require_merge(session, entity, actor)
        mine, theirs = (_find(session, entity, said, actor) for said in (kept, other))
        seen = (mine.version, theirs.version)
        _, made = merge_records(session, entity, mine.id, theirs.id, take, versions=seen, actor=actor)
    site.say("cli.records_merged", kept=kept, other=other, id=made)


@click.command("unmerge", help="cli.records_unmerge")
@click.argument("merge", type=click.IntRange(1, 2**53))
@click.option("--as", "login", required=True, help="cli.option_as")
@click.pass_obj
def unmerge_command(site: Site, merge: int, login: str) -> None:
    """Undo a merge, and say what stays as it is."""
    from engine.records.unmerging import undo_merge

    with site.open_store().write() as session:
        done = undo_merge(session, merge, actor=get_actor(session, login))
    site.say("cli.records_unmerged" if done.told else "cli.records_unmerged_whole", lost=done.lost)
    for one in done.told:
        click.echo(f"  {one.get(site.language) or next(iter(one.values()))}")


def _find(session: "Session", entity: str, said: str, actor: "Actor") -> "Record":
    """Return the record with this number, or else this id, of those the actor may see."""
    from engine.records.naming import find_records
    from engine.records.queries import get_record

    found = find_records(session, session.app.entities[entity], [said], actor=actor).exact.get(said)
    if found is None and said.isascii() and said.isdecimal() and len(said) < 19:
        found = int(said)
    if found is None:
        raise NotFound()
    return get_record(session, entity, found, actor=actor)
