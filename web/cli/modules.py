"""``formwork module``: which modules of the site are on.

Enters: the key of a module. Leaves: a list, or a module switched on with what it needs, or off. Must not touch records:
what is off keeps its data.
"""

import click

from engine.changing import choosing
from engine.messages import say
from web.cli.site import Site


@click.group("module", help="cli.module")
def module_command() -> None:
    """Hold the commands about modules."""


@module_command.command("list", help="cli.module_list")
@click.pass_obj
def list_modules(site: Site) -> None:
    """List the modules with what belongs to them."""
    app = site.open_store().app
    if not app.modules:
        site.say("cli.module_none")
    for one in app.modules.values():
        state = site.text("cli.module_is_on" if one.key in app.on else "cli.module_is_off")
        needs = site.text("cli.module_needs", names=", ".join(one.needs)) if one.needs else ""
        things = ", ".join(say(app.entities[key].label, site.language) for key in one.entities)
        click.echo("  ".join(filter(None, (f"{one.key} ({say(one.label, site.language)})", state, things, needs))))


@module_command.command("on", help="cli.module_on")
@click.argument("module")
@click.pass_obj
def switch_on(site: Site, module: str) -> None:
    """Switch a module on, with what it needs."""
    _switch(site, module, on=True)


@module_command.command("off", help="cli.module_off")
@click.argument("module")
@click.pass_obj
def switch_off(site: Site, module: str) -> None:
    """Switch a module off; its data stays."""
    _switch(site, module, on=False)


def _switch(site: Site, key: str, *, on: bool) -> None:
    store = site.open_store()
    with store.write() as session:
        along = [] if on or key not in session.app.on else choosing.find_dependents(session, key)
        changed = choosing.switch_module(session, key, on=on, actor=None)
    names = ", ".join(say(one.label, site.language) for one in (*changed, *along))
    site.say("cli.module_switched_on" if on else "cli.module_switched_off", names=names or "–")
