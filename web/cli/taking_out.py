"""``formwork records export`` and ``journey``: a list, or what happened around a record, as somebody sees it.

Enters: an entity's key, a record, whoever it is done as, a format. Leaves: a file. Must not go around the rights, the
log or the approval of exports: what needs one waits for it here too.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from engine.errors import NotPossibleNow
from engine.messages import say
from web.cli.progress import Progress
from web.cli.site import Site, find_record, get_actor

if TYPE_CHECKING:
    from engine.exporting.requests import Export
    from engine.people.actor import Actor
    from engine.storage.store import Store


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
    from engine.exporting import requests
    from engine.records.condition_text import read_conditions
    from engine.records.views import ViewContent

    _require_new(file)
    chosen, tables = (
        tuple(key.strip() for key in (said or "").split(",") if key.strip()) for said in (columns, lines)
    )  # fmt: skip
    content = ViewContent(where=read_conditions(where or ""), sort=sort, columns=chosen)
    store = site.open_store()
    with store.write() as session:
        actor = get_actor(session, login)
        found = requests.ask(
            session, entity, content, format=_format(file), language=site.language, reason=reason, lines=tables,
            actor=actor,
        )  # fmt: skip
    _write(site, store, found, file, actor)


@click.command("journey", help="cli.records_journey")
@click.argument("entity")
@click.argument("record")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--as", "login", required=True, help="cli.option_as")
@click.option("--kind", help="cli.option_journey_kind")
@click.option("--reason", default="", help="cli.option_export_reason")
@click.pass_obj
def export_journey(
    site: Site, entity: str, record: str, file: Path, login: str, kind: str | None, reason: str
) -> None:  # fmt: skip
    """Write all that happened around a record, or one kind of it, and say of which linked records nothing left."""
    from engine.exporting import requests
    from engine.exporting.journeys import JourneyAsked, taken_along
    from engine.records.views import ViewContent

    _require_new(file)
    store = site.open_store()
    with store.write() as session:
        actor = get_actor(session, login)
        found_id = find_record(session, entity, record, actor).id
        journey = JourneyAsked.from_plain({"record": found_id, "kind": kind})
        found = requests.ask(
            session, entity, ViewContent(), format=_format(file), language=site.language, reason=reason,
            journey=journey, actor=actor,
        )  # fmt: skip
        left_out = [session.app.entities[key].label for key in taken_along(session.app, entity, actor)[1]]
    _write(site, store, found, file, actor)
    if left_out and "linked" in journey.kinds:
        site.say("cli.records_left_out", what=", ".join(say(one, site.language) for one in left_out))


def _require_new(file: Path) -> None:
    if file.exists():
        raise NotPossibleNow("cli.file_exists", path=file)


def _format(file: Path) -> str:
    return file.suffix.lstrip(".").lower()


def _write(site: Site, store: "Store", found: "Export", file: Path, actor: "Actor") -> None:
    """Write an export that is allowed to ``file``, or say that it waits for somebody."""
    from engine.exporting import requests, working

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
