"""``formwork import``: a spreadsheet into an entity, with the rules of its form.

Enters: an entity's key, a file, whoever it is done as. Leaves: records, and every refused row with the reason; with
``--dry-run`` only the reasons. Must not have rules of its own.
"""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from engine.errors import FormworkError, NotPossibleNow
from web.cli.progress import Progress
from web.cli.site import Site, get_actor

if TYPE_CHECKING:
    from engine.compiler.cells import DateOrder
    from engine.importing.at_once import ImportResult
    from engine.importing.batches import Import
    from engine.importing.columns import Column
    from engine.people.actor import Actor
    from engine.storage.store import Session, Store

_MODES = ["create", "update", "both"]


@click.command("import", help="cli.import")
@click.argument("entity")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--as", "login", required=True, help="cli.option_as")
@click.option("--dry-run", is_flag=True, help="cli.option_import_dry")
@click.option("--mode", type=click.Choice(_MODES), default="create", show_default=True, help="cli.option_import_mode")
@click.option("--by", metavar="FIELD", help="cli.option_import_by")
@click.option("--dates", type=click.Choice(["ymd", "dmy", "mdy"]), help="cli.option_import_dates")
@click.option("--remind", is_flag=True, help="cli.option_import_remind")
@click.pass_obj
def import_command(
    site: Site, entity: str, file: Path, login: str, dry_run: bool, mode: str, by: str | None,
    dates: "DateOrder | None", remind: bool,
) -> int:  # fmt: skip
    """Import a file; exit with 1 when a row was refused."""
    from engine.importing import batches, working

    if by is not None and mode == "create":
        raise NotPossibleNow("cli.import_by_alone")
    store = site.open_store()
    with store.read() as session:
        actor = get_actor(session, login)
    found = _stage(store, entity, file, actor)
    try:
        with store.write() as session:
            columns = _choose(session, found, dates, actor)
            if mode != "create":
                _require_key(session, found, columns, by)
            batches.choose(session, found.id, columns, mode, by, remind, actor=actor, check=dry_run)
            if not dry_run:
                batches.start(session, found.id, actor=actor)
    except FormworkError:
        with store.write() as session:
            batches.drop(session, found.id, actor=actor)
        raise
    with Progress(site).step("cli.step_check" if dry_run else "cli.step_import", name=file.name) as show:
        working.go_on(store, found.id, progress=show)
    return _tell(site, store, found.id, actor, dry_run)


def _stage(store: "Store", entity: str, file: Path, actor: "Actor") -> "Import":
    from engine.importing import batches
    from engine.importing.sheets import read_rows
    from engine.importing.staging import stage

    content = file.read_bytes()
    id_ = stage(store, entity, read_rows(content, file.name), name=file.name, content=content, actor=actor)
    with store.read() as session:
        return batches.get_import(session, id_, actor=actor)


def _require_key(session: "Session", found: "Import", columns: "list[Column]", by: str | None) -> None:
    from engine.importing import batches

    known = batches.match_keys(session.app.entities[found.entity], columns)
    if by not in known:
        code = "cli.import_by" if known else "cli.import_by_none"
        raise NotPossibleNow(code, known=", ".join(known))


def _choose(session: "Session", found: "Import", dates: "DateOrder | None", actor: "Actor") -> "list[Column]":
    """Return the columns with the order of their dates; raises ``InvalidValues`` when one of them is no field."""
    from engine.compiler.cells import is_dated
    from engine.importing import batches, columns

    compiled, rights = batches.require_import(session, found.entity, actor)
    columns.require_known(compiled, rights, found.columns)
    chosen = {}
    for column in found.columns:
        one = column.field_of(compiled)
        reading = column.reading
        if one is not None and dates is not None and is_dated(one):
            reading = replace(reading, dates=dates)
        chosen[column.at] = (column.key, reading)
    return columns.choose_columns(compiled, rights, found.columns, chosen)


def _tell(site: Site, store: "Store", id_: int, actor: "Actor", dry_run: bool) -> int:
    from engine.importing import batches
    from engine.importing.at_once import tell

    result: ImportResult = tell(store, id_, actor=actor)
    for row in result.refused:
        click.echo(site.text("cli.row_refused", row=row.row, why=row.text(site.language)), err=True)
    counts = {"total": result.total, "refused": len(result.refused)}
    if dry_run:
        site.say("cli.import_checked", ready=result.ready, **counts)
        with store.write() as session:
            batches.drop(session, id_, actor=actor)
    else:
        site.say("cli.imported", created=result.created, updated=result.updated, same=result.same, **counts)
    return 1 if result.refused else 0
