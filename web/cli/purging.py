"""``formwork purge``: what no release shows any more, listed, and dropped once somebody typed its name and size.

Enters: addresses such as ``machine.size``. Leaves: a list, or a database without them. Must not take consent from
anything but hands on a terminal.
"""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from engine.errors import NotPossibleNow
from web.cli.site import Site, get_actor

if TYPE_CHECKING:
    from engine.storage.leftovers import Leftover


@click.command("purge", help="cli.purge")
@click.argument("names", nargs=-1)
@click.option("--as", "login", help="cli.option_purger")
@click.option("--yes", is_flag=True, help="cli.option_purge_yes")
@click.pass_obj
def purge_command(site: Site, names: tuple[str, ...], login: str | None, yes: bool) -> int:
    """List leftovers; with names, drop those whose name and number of values are typed."""
    if yes:
        raise NotPossibleNow("cli.purge_yes")
    if not names:
        _list(site)
        return 0
    if login is None:
        raise NotPossibleNow("cli.purge_who")
    return _drop(site, names, login)


def _list(site: Site) -> None:
    from engine.storage.leftovers import find_leftovers

    with site.open_store().read() as session:
        found = find_leftovers(session)
    if not found:
        site.say("cli.purge_nothing")
        return
    width = max(len(one.address) for one in found)
    for one in found:
        click.echo(f"{' ' if one.written else '-'} {one.address:<{width}}  {_said(site, one)}")
    if not all(one.written for one in found):
        site.say("cli.purge_hint")


def _drop(site: Site, names: Sequence[str], login: str) -> int:
    from engine.storage import purging
    from engine.storage.filling import Publisher

    store = site.open_store()
    with store.read() as session:
        actor = get_actor(session, login)
        if not actor.is_admin:
            raise NotPossibleNow("cli.publisher_no_admin", login=login)
        chosen = purging.find_chosen(session, names)
        for one in chosen:
            hindrance = purging.find_hindrance(session, one, chosen)
            if hindrance is not None:
                raise hindrance
    if not sys.stdin.isatty():
        raise NotPossibleNow("cli.purge_terminal")
    if not _consents(site, chosen):
        site.say("cli.purge_wrong")
        return 1
    purging.purge(store, chosen, Publisher(actor.id))
    for one in chosen:
        site.say("cli.purge_done", name=one.address, count=one.values)
    return 0


def _consents(site: Site, chosen: "Sequence[Leftover]") -> bool:
    """Show what goes, and tell whether somebody types the name and the number of values of each."""
    for one in chosen:
        click.echo(f"- {one.address}  {_said(site, one)}")
        if one.known_to is not None:
            site.say("cli.purge_back_to", release=one.known_to)
    site.say("cli.purge_backup")
    for one in chosen:
        click.echo(site.text("cli.purge_ask", name=one.address) + " ", nl=False)
        if sys.stdin.readline().split() != [*one.address.split(), str(one.values)]:
            return False
    return True


def _said(site: Site, one: "Leftover") -> str:
    from engine.messages import say

    name = ".".join(say(label, site.language) for label in one.labels)
    kind = site.text(f"purge.kind.{one.kind}")
    return site.text("purge.item_written" if one.written else "purge.item", name=name, kind=kind, values=one.values)
