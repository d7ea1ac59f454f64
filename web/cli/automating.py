"""``formwork automation``: what happens by itself, for whoever has the machine.

Enters: the key of an automation, a record. Leaves: lists, previews; or an automation set aside or on again. Must not do
what an automation does: the engine runs it.
"""

from typing import TYPE_CHECKING

import click

from web.cli.site import Site

if TYPE_CHECKING:
    from engine.automation.runs import Run
    from engine.storage.store import Session


@click.group("automation", help="cli.automation")
def automation_command() -> None:
    """Hold the commands about automations."""


@automation_command.command("list", help="cli.automation_list")
@click.pass_obj
def list_automations(site: Site) -> None:
    """List automations with what became of their runs in the last week."""
    from engine import messages
    from engine.automation import counting, states

    with site.open_store().read() as session:
        known, counted = states.read_states(session), counting.count_runs(session)
        for automation in session.app.automations.values():
            state = known.get(automation.key)
            off = automation.retired or (state is not None and state.disabled_at is not None)
            told = ", ".join(f"{key} {n}" for key, n in sorted(counted.get(automation.key, {}).items())) or "–"
            label = messages.say(automation.label, site.language)
            click.echo(f"{'-' if off else '+'} {automation.key}  {label}  ({told})")


@automation_command.command("runs", help="cli.automation_runs")
@click.argument("key")
@click.option("--limit", type=click.IntRange(1, 500), default=20, help="cli.automation_limit")
@click.pass_obj
def list_runs(site: Site, key: str, limit: int) -> None:
    """List the last runs of an automation, each with its trace."""
    from engine.automation import runs

    with site.open_store().read() as session:
        for run in runs.list_runs(session, automation=key, limit=limit):
            about = f" {run.entity} {run.record_id}" if run.entity else ""
            click.echo(f"#{run.id}{about}: {run.state}")
            _show_run(site, session, run)


@automation_command.command("preview", help="cli.automation_preview")
@click.argument("key")
@click.argument("record", type=int, required=False)
@click.pass_obj
def preview_automation(site: Site, key: str, record: int | None) -> None:
    """Show what an automation would do and say, without doing it."""
    from engine import messages
    from engine.automation.previewing import preview

    with site.open_store().write() as session:
        found = preview(session, key, record, actor=None)
        click.echo(found.run.state)
        _show_run(site, session, found.run)
        for one in found.said:
            text = messages.say(one.text, site.language)
            click.echo(f"  → {one.name}: {messages.say(one.title, site.language)} — {text}")


@automation_command.command("enable", help="cli.automation_enable")
@click.argument("key")
@click.pass_obj
def enable_automation(site: Site, key: str) -> None:
    """Let an automation run again."""
    from engine.automation import states

    with site.open_store().write() as session:
        states.enable(session, key, actor=None)
    site.say("cli.automation_enabled", name=key)


@automation_command.command("disable", help="cli.automation_disable")
@click.argument("key")
@click.pass_obj
def disable_automation(site: Site, key: str) -> None:
    """Set an automation aside."""
    from engine.automation import states

    with site.open_store().write() as session:
        states.disable(session, key, actor=None)
    site.say("cli.automation_disabled", name=key)


@automation_command.command("secret", help="cli.automation_secret")
@click.argument("key")
@click.pass_obj
def renew_secret(site: Site, key: str) -> None:
    """Make the secret of an address and print it once."""
    from engine.automation import hooks

    settings = site.settings()
    with site.open_store().write() as session:
        made = hooks.renew_secret(session, key, key=settings.secret_key, actor=None)
    site.say("cli.automation_secret_made", address=f"{settings.public_url or ''}{hooks.PREFIX}/{key}")
    click.echo(made)


@automation_command.command("close", help="cli.automation_close")
@click.argument("key")
@click.pass_obj
def close_hook(site: Site, key: str) -> None:
    """Let an address take nothing any more."""
    from engine.automation import hooks

    with site.open_store().write() as session:
        hooks.close_hook(session, key, actor=None)
    site.say("cli.automation_closed", name=key)


@automation_command.command("again", help="cli.automation_again")
@click.argument("run", type=int)
@click.pass_obj
def try_again(site: Site, run: int) -> None:
    """Let a run that failed be tried again."""
    from engine.automation import runs

    with site.open_store().write() as session:
        runs.try_again(session, run, actor=None)
    site.say("cli.automation_tried", id=run)


def _show_run(site: Site, session: "Session", run: "Run") -> None:
    """Print what each step did, and why the run ended so."""
    from web.i18n import Locale
    from web.run_words import say_error, say_line

    text = Locale(site.language, session.app.timezone)
    for line in run.trace:
        said = say_line(text, session, line)
        click.echo(f"    {said['step']}  {said['text']}")
    why = say_error(text, run.error)
    if why:
        click.echo(f"    {why}")
