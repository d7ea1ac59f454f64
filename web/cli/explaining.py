"""``formwork explain``: who would sign and why; what a field is and why it is required; what release governs a record.

Enters: the key of an approval with values or a record, the address of a field, or that of a record; a folder for a
draft. Leaves: sentences with the places they are written at. Must not work anything out itself.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from engine.definition.source import read_folder
from engine.errors import FieldError, InvalidValues, NotFound
from web.cli.site import Site, find_template, get_actor

if TYPE_CHECKING:
    from engine.compiler.app import CompiledApp
    from engine.definition.source import SourceFolder
    from engine.storage.store import Session
    from engine.workflow.explaining import Explained

_BETWEEN = re.compile(r"[,，](?=\s*[a-z][a-z0-9_.]*\s*=)")


@click.command("explain", help="cli.explain")
@click.argument("name")
@click.option("--with", "values", multiple=True, metavar="FIELD=VALUE,…", help="cli.option_with")
@click.option("--record", metavar="ENTITY/ID", help="cli.option_record")
@click.option("--as", "login", help="cli.option_starter")
@click.option("--folder", metavar="FOLDER", help="cli.option_draft")
@click.pass_obj
def explain_command(
    site: Site, name: str, values: tuple[str, ...], record: str | None, login: str | None, folder: str | None
) -> None:
    """Answer from the current release, or from a folder that is not published yet."""
    draft = None if folder is None else read_folder(find_template(folder))
    if "/" in name and draft is not None:
        raise InvalidValues([FieldError("--folder", "explain.folder_of_record")])
    if "." in name and "/" not in name and draft is not None:  # a field is written down: no database is asked
        lines = _say_field(site, _load(draft), draft.files, name)
    else:
        with site.open_store().read() as session:
            if "/" in name:
                lines = _record(site, session, name)
            elif "." in name:
                lines = _field(site, session, name)
            else:
                lines = _path(site, session, name, values, record, login, draft)
    for line in lines:
        click.echo(line)


def _record(site: Site, session: "Session", address: str) -> list[str]:
    from engine.workflow.governing import find_governing, say_governing

    entity, _, id_ = address.partition("/")
    if not id_.isdecimal():
        raise NotFound("explain.record_address", name=address, entity=entity)
    return list(say_governing(find_governing(session, entity, int(id_)), site.language))


def _field(site: Site, session: "Session", address: str) -> list[str]:
    from engine.storage.releases import get_sources

    return _say_field(site, session.app, get_sources(session.connection, session.release_id or 0), address)


def _say_field(site: Site, app: "CompiledApp", sources: Mapping[str, str], address: str) -> list[str]:
    from engine.workflow.field_reasons import explain_field

    first, *others = explain_field(app, sources, address)
    return [first.text(site.language), *(f"- {reason.text(site.language)}" for reason in others)]


def _path(
    site: Site,
    session: "Session",
    name: str,
    values: tuple[str, ...],
    record: str | None,
    login: str | None,
    draft: "SourceFolder | None",
) -> list[str]:
    from engine.workflow.explaining import say_path

    if draft is None:
        explained = _find_path(session, name, values, record, login)
    else:
        explained = _find_draft_path(session, draft, name, values, record, login)
    first, *steps, last = say_path(explained, site.language)
    return [first, *(f"- {step}" for step in steps), last]


def _find_path(
    session: "Session", name: str, values: tuple[str, ...], record: str | None, login: str | None
) -> "Explained":
    from engine.workflow.explaining import explain_record, explain_values, get_approval

    approval = get_approval(session.app, name)
    actor = get_actor(session, login) if login is not None else None
    if record is None:
        return explain_values(session, name, read_pairs(values), actor=actor)
    entity, _, id_ = record.partition("/")
    if entity != approval.entity or not id_.isdecimal():
        raise NotFound("explain.record_address", name=record, entity=approval.entity)
    return explain_record(session, name, int(id_), actor=actor)


def _find_draft_path(
    session: "Session",
    draft: "SourceFolder",
    name: str,
    values: tuple[str, ...],
    record: str | None,
    login: str | None,
) -> "Explained":
    from engine.changing.drafts import see
    from engine.changing.simulation import simulate_named

    actor = get_actor(session, login) if login is not None else None
    found = simulate_named(see(session, _load(draft)), name, read_pairs(values), record, actor=actor)
    return replace(found.explained, release_id=None)


def _load(draft: "SourceFolder") -> "CompiledApp":
    from engine.storage.compiled import load_folder

    return load_folder(draft)


def read_pairs(values: tuple[str, ...]) -> dict[str, str]:
    """Read ``disc=22%,amount=300,000``: a comma inside a number separates nothing."""
    pairs = [pair.partition("=") for text in values for pair in _BETWEEN.split(text) if pair.strip()]
    wrong = next((key for key, equals, _ in pairs if not equals), None)
    if wrong is not None:
        raise click.BadParameter(wrong, param_hint="--with")
    return {key.strip(): value.strip() for key, _, value in pairs}
