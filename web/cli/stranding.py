"""``formwork stranded``: what stands still, and the command that sets it going again.

Enters: nothing, or the address of one thing to mend. Leaves: a list with addresses, or ``--json``. Must not mend more
than was named.
"""

import json
from typing import TYPE_CHECKING

import click

from engine.errors import NotFound
from web.cli.plan_items import name_addresses
from web.cli.site import Site, get_actor

if TYPE_CHECKING:
    from engine.changing.stranded import Stranded
    from engine.storage.store import Session


@click.command("stranded", help="cli.stranded")
@click.option("--fix", "address", metavar="KIND/ID", help="cli.option_fix")
@click.option("--to", "heir", metavar="LOGIN", help="cli.option_heir")
@click.option("--reason", default="", help="cli.option_reason")
@click.option("--as", "login", help="cli.option_as_admin")
@click.option("--json", "as_json", is_flag=True, help="cli.option_json")
@click.pass_obj
def stranded_command(
    site: Site, address: str | None, heir: str | None, reason: str, login: str | None, as_json: bool
) -> None:
    """List what stands still, or mend one thing."""
    from engine.changing.stranded import find_stranded

    if address is not None:
        _fix(site, address, heir, reason, login)
        return
    with site.open_store().read() as session:
        rows = [(one, _named(session, one), _say(site, one)) for one in find_stranded(session)]
    if as_json:
        found = [{"address": one.address, "record": name, "url": url, "text": said} for one, (name, url), said in rows]
        click.echo(json.dumps(found, ensure_ascii=False, indent=2))
        return
    if not rows:
        site.say("stranded.none")
    for one, (name, url), said in rows:
        click.echo(f"{one.address}  {name}  {said}  {url}")
        click.echo("    " + site.text(f"stranded.fix_{one.kind}", address=one.address))


def _fix(site: Site, address: str, heir: str | None, reason: str, login: str | None) -> None:
    from engine.changing.stranded import fix

    kind, _, id_ = address.partition("/")
    if not id_.isdecimal():
        raise NotFound("stranded.not_found", address=address)
    if login is None:
        raise click.MissingParameter(param_hint="--as", param_type="option")
    with site.open_store().write() as session:
        to = get_actor(session, heir).id if heir is not None else None
        fix(session, kind, int(id_), to=to, reason=reason, actor=get_actor(session, login))
    site.say("stranded.fixed", address=address)


def _say(site: Site, one: "Stranded") -> str:
    return site.text(f"stranded.{one.kind}", **one.params)


def _named(session: "Session", one: "Stranded") -> tuple[str, str]:
    found = name_addresses(session, [(one.entity, one.record_id)])
    return (found[0].name, found[0].url) if found else ("–", "–")
