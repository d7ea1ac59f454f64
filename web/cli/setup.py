"""``formwork setup``: where the set-up guide stands.

Enters: a site. Leaves: its steps with what is done and how long each took, as lines or as JSON. Must not change
anything.
"""

import json

import click

from web.cli.site import Site


@click.command("setup", help="cli.setup")
@click.option("--json", "as_json", is_flag=True, help="cli.option_json")
@click.pass_obj
def setup_command(site: Site, as_json: bool) -> None:
    """Print the steps of the guide."""
    from engine.guiding.steps import read_guide
    from engine.messages import say

    store = site.open_store()
    with store.read() as session:
        guide, app = read_guide(session), session.app
    if as_json:
        steps = [
            {"key": one.key, "state": one.state, "count": one.count, "seconds": one.seconds} for one in guide.steps
        ]
        told = {"done": guide.done, "steps": steps, "seconds": guide.kept.seconds, "finished": guide.finished}
        click.echo(json.dumps(told, ensure_ascii=False, indent=2))
        return
    for one in guide.steps:
        entity = say(app.entities[one.entity].label, site.language) if one.entity else ""
        state = site.text(f"cli.setup_{one.state}")
        click.echo(
            f"{state}  {site.text(f'cli.setup_step_{one.kind}', entity=entity)}  {_minutes(one.seconds)}".rstrip()
        )
    site.say("cli.setup_total", done=guide.done, total=len(guide.steps), time=_minutes(guide.kept.seconds) or "0 min")


def _minutes(seconds: int) -> str:
    return f"{max(1, round(seconds / 60))} min" if seconds else ""
