"""``formwork import``: a spreadsheet into an entity, with the rules of its form.

Enters: an entity's key, a file, whoever it is done as. Leaves: records, and every refused row with the reason. Must not
have rules of its own.
"""

from pathlib import Path

import click

from web.cli.progress import Progress
from web.cli.site import Site, get_actor


@click.command("import", help="cli.import")
@click.argument("entity")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--as", "login", required=True, help="cli.option_as")
@click.pass_obj
def import_command(site: Site, entity: str, file: Path, login: str) -> int:
    """Import a file; exit with 1 when a row was refused."""
    from engine.records.imports import import_records
    from engine.records.sheets import read_sheet

    store = site.open_store()
    with store.read() as session:
        actor = get_actor(session, login)
    sheet = read_sheet(file.read_bytes(), file.name)
    with Progress(site).step("cli.step_import", name=file.name) as show:
        result = import_records(store, entity, sheet, actor=actor, progress=show)
    for row in result.refused:
        click.echo(site.text("cli.row_refused", row=row.row, why=row.text(site.language)), err=True)
    site.say("cli.imported", created=result.created, total=result.total, refused=len(result.refused))
    return 1 if result.refused else 0
