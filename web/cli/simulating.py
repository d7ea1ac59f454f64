"""``formwork simulate``: an approval played ahead, by the release that holds or by a draft.

Enters: the key of an approval with values or a record, and a folder for a draft. Leaves: sentences, or ``--json``. Must
not write: it opens the store for reading only.
"""

import json

import click

from engine.definition.source import read_folder
from web.cli.explaining import read_pairs
from web.cli.site import Site, find_template, get_actor


@click.command("simulate", help="cli.simulate")
@click.argument("approval")
@click.option("--with", "values", multiple=True, metavar="FIELD=VALUE,…", help="cli.option_with")
@click.option("--record", metavar="ENTITY/ID", help="cli.option_record")
@click.option("--as", "login", help="cli.option_starter")
@click.option("--folder", metavar="FOLDER", help="cli.option_draft")
@click.option("--json", "as_json", is_flag=True, help="cli.option_json")
@click.pass_obj
def simulate_command(
    site: Site,
    approval: str,
    values: tuple[str, ...],
    record: str | None,
    login: str | None,
    folder: str | None,
    as_json: bool,
) -> None:
    """Say who would sign when, what would fall due, and what is still missing."""
    from engine.changing.drafts import see
    from engine.changing.simulation import simulate_named
    from engine.changing.simulation_words import say_simulation, to_data
    from engine.storage.compiled import load_folder

    draft = None if folder is None else load_folder(read_folder(find_template(folder)))
    with site.open_store().read() as session:
        actor = None if login is None else get_actor(session, login)
        found = simulate_named(see(session, draft), approval, read_pairs(values), record, actor=actor)
        lines = say_simulation(found, site.language)
        data = to_data(found, site.language)
    if as_json:
        click.echo(json.dumps(data, ensure_ascii=False, indent=2))
        return
    for line in lines:
        click.echo(line)
