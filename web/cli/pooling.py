"""``formwork records claim``, ``release``, ``assign``, ``keep``: what people do with pools, from the command line.

Enters: an entity's key, the id of a record, whoever it is done as. Leaves: the same as the pages do. Must not go around
the commands: what somebody may not do there is refused here in the same sentence.
"""

import click

from web.cli.site import Site, get_actor


@click.command("claim", help="cli.records_claim")
@click.argument("entity")
@click.argument("id", type=int)
@click.option("--as", "login", required=True, help="cli.option_as")
@click.pass_obj
def claim_command(site: Site, entity: str, id: int, login: str) -> None:
    """Take a record from its pool."""
    from engine.records import pools

    with site.open_store().write() as session:
        pools.claim_record(session, entity, id, actor=get_actor(session, login))
    site.say("cli.records_claimed", entity=entity, id=id, login=login)


@click.command("release", help="cli.records_release")
@click.argument("entity")
@click.argument("id", type=int)
@click.argument("pool")
@click.option("--reason", required=True, help="cli.option_release_reason")
@click.option("--as", "login", required=True, help="cli.option_as")
@click.pass_obj
def release_command(site: Site, entity: str, id: int, pool: str, reason: str, login: str) -> None:
    """Give a record back to a pool."""
    from engine.records import pools

    with site.open_store().write() as session:
        pools.release_record(session, entity, id, pool, reason, actor=get_actor(session, login))
    site.say("cli.records_released", entity=entity, id=id, pool=pool)


@click.command("assign", help="cli.records_assign")
@click.argument("entity")
@click.argument("id", type=int)
@click.argument("to", metavar="LOGIN")
@click.option("--as", "login", required=True, help="cli.option_as")
@click.pass_obj
def assign_command(site: Site, entity: str, id: int, to: str, login: str) -> None:
    """Give a record in a pool to a member."""
    from engine.records import pools

    with site.open_store().write() as session:
        pools.assign_record(session, entity, id, get_actor(session, to).id, actor=get_actor(session, login))
    site.say("cli.records_assigned", entity=entity, id=id, to=to)


@click.command("keep", help="cli.records_keep")
@click.argument("entity")
@click.argument("id", type=int)
@click.option("--off", is_flag=True, help="cli.option_keep_off")
@click.option("--as", "login", required=True, help="cli.option_as")
@click.pass_obj
def keep_command(site: Site, entity: str, id: int, off: bool, login: str) -> None:
    """Lock a record of one's own against being taken back, or let go of that."""
    from engine.records import pools

    with site.open_store().write() as session:
        pools.keep_record(session, entity, id, keep=not off, actor=get_actor(session, login))
    site.say("cli.records_let_go" if off else "cli.records_kept", entity=entity, id=id)
