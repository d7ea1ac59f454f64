"""``formwork channel``: the channels by which messages leave, for whoever has the machine.

Enters: names, kinds, addresses. Leaves: channels, or a list of them; a secret that was made, printed once. Must not
take an address or a secret as an argument: both would stay in the shell's history and in the process list.
"""

import sys
from dataclasses import replace
from typing import Any

import click

from engine.channels import registry
from engine.channels.opened import KINDS
from engine.channels.registry import Channel, Given
from engine.storage.store import Session
from web.cli.site import Site


@click.group("channel", help="cli.channel")
def channel_command() -> None:
    """Hold the commands about channels."""


@channel_command.command("list", help="cli.channel_list")
@click.pass_obj
def list_channels(site: Site) -> None:
    """List channels: name, kind, host, whether it is on."""
    with site.open_store().read() as session:
        for one in registry.list_channels(session, actor=None):
            state = "" if one.disabled_at is None else "\t" + site.text("cli.channel_off")
            click.echo("\t".join((one.name, one.kind, one.host)) + state)


@channel_command.command("add", help="cli.channel_add")
@click.argument("name")
@click.argument("kind", type=click.Choice(KINDS))
@click.option("--keyword", help="cli.channel_keyword")
@click.option("--rate", type=int, help="cli.channel_rate")
@click.option("--inside", is_flag=True, help="cli.channel_inside")
@click.option("--personal", is_flag=True, help="cli.channel_personal")
@click.option("--sender", help="cli.channel_sender")
@click.option("--user", help="cli.channel_user")
@click.option("--security", type=click.Choice(("starttls", "tls", "none")), default="starttls", help="cli.channel_tls")
@click.pass_obj
def add_channel(site: Site, /, name: str, kind: str, **given: Any) -> None:
    """Create a channel; its address and its secret are two lines of standard input."""
    address, secret = _read_lines(site)
    with site.open_store().write() as session:
        said = Given(name, kind, address=address, secret=secret, **given)
        _, made = registry.create_channel(session, said, key=site.settings().secret_key, actor=None)
    site.say("cli.channel_added", name=name)
    _show(site, made)


@channel_command.command("edit", help="cli.channel_edit")
@click.argument("name")
@click.option("--keyword", help="cli.channel_keyword")
@click.option("--rate", type=int, help="cli.channel_rate")
@click.option("--inside/--outside", default=None, help="cli.channel_inside")
@click.option("--personal/--not-personal", default=None, help="cli.channel_personal")
@click.option("--sender", help="cli.channel_sender")
@click.option("--user", help="cli.channel_user")
@click.option("--security", type=click.Choice(("starttls", "tls", "none")), help="cli.channel_tls")
@click.option("--address-stdin", is_flag=True, help="cli.channel_address_stdin")
@click.pass_obj
def edit_channel(site: Site, /, name: str, address_stdin: bool, **given: Any) -> None:
    """Change what is given about a channel."""
    address, secret = _read_lines(site) if address_stdin else (None, None)
    changes = {key: value for key, value in given.items() if value is not None}
    with site.open_store().write() as session:
        found = _find(session, name)
        said = replace(_as_given(found), address=address, secret=secret, **changes)
        registry.update_channel(session, found.id, said, key=site.settings().secret_key, actor=None)
    site.say("cli.channel_edited", name=name)


@channel_command.command("rotate", help="cli.channel_rotate")
@click.argument("name")
@click.pass_obj
def rotate_channel(site: Site, name: str) -> None:
    """Make a new secret for a webhook and print it once."""
    with site.open_store().write() as session:
        made = registry.rotate_secret(session, _find(session, name).id, key=site.settings().secret_key, actor=None)
    _show(site, made)


@channel_command.command("test", help="cli.channel_test")
@click.argument("name")
@click.option("--to", help="cli.channel_to")
@click.pass_obj
def test_channel(site: Site, name: str, to: str | None) -> None:
    """Send a test message and show what left and what was answered."""
    from engine.channels import managing, working

    store = site.open_store()
    with store.write() as session:
        found = _find(session, name)
        made = managing.send_test(session, name, managing.receiver_of(found, to), actor=None)
    working.deliver(store)
    with store.read() as session:
        sent = managing.get_delivery(session, made, actor=None)
        key, base = store.secret_key, store.public_url
        for one in managing.preview(session, made, key=key, base=base, actor=None):
            click.echo("\n".join((one.to, *(f"{header}: {value}" for header, value in one.headers), "", one.body)))
    if sent.error is not None:
        raise click.ClickException(" ".join(filter(None, (site.text(sent.error), sent.answer))))
    site.say("cli.channel_tested" if sent.state == "sent" else "cli.channel_waits")


@channel_command.command("disable", help="cli.channel_disable")
@click.argument("name")
@click.pass_obj
def disable_channel(site: Site, name: str) -> None:
    """Turn a channel off."""
    _turn(site, name, enabled=False)


@channel_command.command("enable", help="cli.channel_enable")
@click.argument("name")
@click.pass_obj
def enable_channel(site: Site, name: str) -> None:
    """Turn a channel on."""
    _turn(site, name, enabled=True)


@channel_command.command("delete", help="cli.channel_delete")
@click.argument("name")
@click.pass_obj
def delete_channel(site: Site, name: str) -> None:
    """Delete a channel."""
    with site.open_store().write() as session:
        registry.delete_channel(session, _find(session, name).id, actor=None)
    site.say("cli.channel_deleted", name=name)


def _turn(site: Site, name: str, *, enabled: bool) -> None:
    with site.open_store().write() as session:
        registry.set_enabled(session, _find(session, name).id, enabled, actor=None)
    site.say("cli.channel_edited", name=name)


def _find(session: Session, name: str) -> Channel:
    return registry.find_channel(session, name, actor=None)


def _as_given(found: Channel) -> Given:
    options = found.options
    return Given(
        found.name,
        found.kind,
        keyword=found.keyword,
        rate=found.rate,
        inside=found.inside,
        personal=found.personal,
        user=options.get("user"),
        sender=options.get("sender"),
        security=options.get("security", "starttls"),
    )


def _read_lines(site: Site) -> tuple[str | None, str | None]:
    """Return the address and the secret, typed unseen or piped in as two lines; an empty line is none."""
    if sys.stdin.isatty():
        address = click.prompt(site.text("cli.channel_address"), hide_input=True, default="", show_default=False)
        secret = click.prompt(site.text("cli.channel_secret"), hide_input=True, default="", show_default=False)
    else:
        address, secret = sys.stdin.readline(), sys.stdin.readline()
    return address.strip() or None, secret.strip() or None


def _show(site: Site, secret: str | None) -> None:
    if secret is not None:
        site.say("cli.channel_secret_made", secret=secret)
