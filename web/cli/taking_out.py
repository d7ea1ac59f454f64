"""``formwork records export``: a list of records into a file, as somebody sees it.

Enters: an entity's key, whoever it is done as, a format. Leaves: a file. Must not go around the rights, the log or the
approval of exports: a list that needs one waits for it here too.
"""

from pathlib import Path
from typing import Any

import click

from engine.errors import NotPossibleNow
from web.cli.progress import Progress
from web.cli.site import Site, get_actor


@click.command("export", help="cli.records_export")
@click.argument("entity")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--as", "login", required=True, help="cli.option_as")
@click.option("--columns", help="cli.option_export_columns")
@click.option("--lines", help="cli.option_export_lines")
@click.option("--where", help="cli.option_export_where")
@click.option("--sort", metavar="FIELD", help="cli.option_export_sort")
@click.option("--reason", default="", help="cli.option_export_reason")
@click.pass_obj
def export_records(
    site: Site, entity: str, file: Path, login: str, columns: str | None, lines: str | None, where: str | None,
    sort: str | None, reason: str,
) -> None:  # fmt: skip
    """Write the list to a file of the kind its name says: .xlsx or .csv."""
    from engine.exporting import requests, working
    from engine.records.condition_text import read_conditions
    from engine.records.views import ViewContent

    if file.exists():
        raise NotPossibleNow("draft.exists", path=file)
    chosen, tables = (
        tuple(key.strip() for key in (said or "").split(",") if key.strip()) for said in (columns, lines)
    )  # fmt: skip
    content = ViewContent(where=read_conditions(where or ""), sort=sort, columns=chosen)
    store = site.open_store()
    with store.write() as session:
        actor = get_actor(session, login)
        found = requests.ask(
            session, entity, content, format=file.suffix.lstrip(".").lower(), language=site.language, reason=reason,
            lines=tables, actor=actor,
        )  # fmt: skip
    if not found.is_active:
        site.say("cli.records_asked", rows=found.total, id=found.id)
        return
    with Progress(site).step("cli.step_export", name=file.name) as show:
        working.go_on(store, found.id, progress=show)
    with store.write() as session:
        kept: Any = requests.fetch(session, found.id, actor=actor)
    with store.files.open(kept.sha256) as made, file.open("wb") as out:
        while piece := made.read(1 << 20):
            out.write(piece)
    site.say("cli.records_exported", rows=kept.total, path=file)
