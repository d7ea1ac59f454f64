"""``formwork records merge`` and ``unmerge``: two records of one thing become one, and back.

Enters: two records by number or id, whoever it is done as, what is taken from which. Leaves: lines of text. Must not
decide what may be merged or undone: the commands do.
"""

import click

from web.cli.site import Site, find_record, get_actor


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
        mine, theirs = (find_record(session, entity, said, actor) for said in (kept, other))
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
