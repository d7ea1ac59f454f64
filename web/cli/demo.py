"""``formwork demo``: invented people and their story, loaded into a site and cleared from it again.

Enters: a site. Leaves: the demo of its release, or none. Must not clear before a person said so.
"""

import click

from engine.errors import NotPossibleNow, Problem
from web.cli.progress import Progress
from web.cli.site import Site
from web.cli.years import demo_command

__all__ = ["demo_command"]


@demo_command.command("load", help="cli.demo_load")
@click.option("--size", type=click.FloatRange(0.01, 1000), default=1.0, show_default=True, help="cli.option_demo_size")
@click.option("--seed", type=int, default=1, show_default=True, help="cli.option_seed")
@click.pass_obj
def load(site: Site, size: float, seed: int) -> None:
    """Create the invented people of the release and play their story."""
    from engine.clock import SetClock, SystemClock
    from engine.definition.source import SourceFolder
    from engine.storage.releases import find_current
    from web import demo

    clock = SetClock(SystemClock().now())
    store = site.open_store(clock)
    with store.read() as session:
        current = find_current(session.connection)
    if current is None:
        raise NotPossibleNow("guide.no_demo")
    left_out: list[Problem] = []
    with Progress(site).step("cli.step_story") as show:
        sources = SourceFolder(current.sources)
        people = demo.load_demo(store, clock, sources, show, left_out.append, size=size, seed=seed, actor=None)
    if left_out:
        site.say("cli.story_left_out", count=len(left_out), first=left_out[0])
    site.say("cli.demo_loaded", count=len(people))
    for one in people:
        click.echo("\t".join((one.login, one.password or "–", ",".join(one.roles), one.name)))


@demo_command.command("clear", help="cli.demo_clear")
@click.option("--yes", is_flag=True, help="cli.demo_yes")
@click.pass_obj
def clear(site: Site, yes: bool) -> None:
    """Take away what invented people made, for good."""
    from engine.guiding.clearing import plan_clearing
    from web import demo

    store = site.open_store()
    with store.read() as session:
        plan = plan_clearing(session)
    site.say("cli.demo_plan", records=plan.count, people=len(plan.people), kept=sum(plan.kept.values()))
    if not (yes or click.confirm(site.text("cli.demo_sure"))):
        raise click.Abort
    with store.write() as session:
        done = demo.clear_demo(session, actor=None)
    site.say("cli.demo_cleared", records=done.count, kept=sum(done.kept.values()))
