"""``formwork search``: the terms records are found by, made anew.

Enters: keys of entities, or none for all. Leaves: their terms, a batch in a transaction. Must not be needed by
anybody who writes through the engine: terms are kept with every change.
"""

import click

from engine.records.rights import get_entity
from engine.records.search_terms import rebuild
from web.cli.site import Site


@click.group("search", help="cli.search")
def search_command() -> None:
    """Hold the commands about search."""


@search_command.command("rebuild", help="cli.search_rebuild")
@click.argument("entities", nargs=-1)
@click.pass_obj
def rebuild_terms(site: Site, entities: tuple[str, ...]) -> None:
    """Make the terms of entities anew."""
    store = site.open_store()
    for key in entities:
        get_entity(store.app, key)
    for key in entities or store.app.entities:
        made, after = 0, 0
        while True:
            with store.write() as session:
                some, further = rebuild(session, key, after=after)
            made += some
            if further is None:
                break
            after = further
        site.say("cli.search_rebuilt", entity=key, count=made)
