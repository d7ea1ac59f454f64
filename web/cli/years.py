"""``formwork demo year``: a year of invented business, of any size, in a site that holds a demo.

Enters: a site whose release has ``courses/*.yaml``, a size, a seed. Leaves: records as people make them, dated over the
last year. Must not run beside a server: its clock stands elsewhere.
"""

import click

from engine.errors import NotPossibleNow
from web.cli.progress import Progress
from web.cli.site import Site


@click.group("demo", help="cli.demo")
def demo_command() -> None:
    """What fills a site to try it out."""


@demo_command.command("year", help="cli.demo_year")
@click.option("--size", type=click.FloatRange(0.001, 100), default=0.05, show_default=True, help="cli.option_size")
@click.option("--days", type=click.IntRange(10, 3650), default=365, show_default=True, help="cli.option_year_days")
@click.option("--seed", type=int, default=1, show_default=True, help="cli.option_seed")
@click.pass_obj
def year_command(site: Site, size: float, days: int, seed: int) -> None:
    """Play a year of business."""
    from engine.clock import SetClock, SystemClock
    from engine.definition.source import SourceFolder
    from engine.examples.year import play_year
    from engine.storage.releases import find_current

    clock = SetClock(SystemClock().now())
    store = site.open_store(clock)
    with store.read() as session:
        current = find_current(session.connection)
    if current is None:
        raise NotPossibleNow("guide.no_demo")
    folder = SourceFolder(current.sources)
    with Progress(site).step("cli.step_year") as show:
        played = play_year(store, clock, folder, size=size, days=days, seed=seed, progress=show)
    store.database.close()
    broken = sum(played.refused.values())
    site.say("cli.year_played", courses=played.courses, steps=played.steps, going_on=played.going_on, refused=broken)
    for why, count in played.refused.most_common(20):
        click.echo(f"  {count} × {why}")
