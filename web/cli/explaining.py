"""``formwork explain``: who would sign and why; what a field is and why it is required, read-only or hidden.

Enters: the key of an approval with values or a record, or the address of a field. Leaves: sentences with the places
they are written at. Must not work anything out itself.
"""

import re
from typing import TYPE_CHECKING

import click

from engine.errors import NotFound
from web.cli.site import Site, get_actor

if TYPE_CHECKING:
    from engine.storage.store import Session
    from engine.workflow.explaining import Explained

_BETWEEN = re.compile(r"[,，](?=\s*[a-z][a-z0-9_.]*\s*=)")


@click.command("explain", help="cli.explain")
@click.argument("name")
@click.option("--with", "values", multiple=True, metavar="FIELD=VALUE,…", help="cli.option_with")
@click.option("--record", metavar="ENTITY/ID", help="cli.option_record")
@click.option("--as", "login", help="cli.option_starter")
@click.pass_obj
def explain_command(site: Site, name: str, values: tuple[str, ...], record: str | None, login: str | None) -> None:
    """Answer from the current release."""
    with site.open_store().read() as session:
        is_field = "." in name
        lines = _field(site, session, name) if is_field else _path(site, session, name, values, record, login)
    for line in lines:
        click.echo(line)


def _field(site: Site, session: "Session", address: str) -> list[str]:
    from engine.storage.releases import get_sources
    from engine.workflow.field_reasons import explain_field

    sources = get_sources(session.connection, session.release_id or 0)
    first, *others = explain_field(session.app, sources, address)
    return [first.text(site.language), *(f"- {reason.text(site.language)}" for reason in others)]


def _path(
    site: Site, session: "Session", name: str, values: tuple[str, ...], record: str | None, login: str | None
) -> list[str]:
    from engine.workflow.explaining import say_path

    explained = _find_path(session, name, values, record, login)
    first, *steps, last = say_path(explained, site.language)
    return [first, *(f"- {step}" for step in steps), last]


def _find_path(
    session: "Session", name: str, values: tuple[str, ...], record: str | None, login: str | None
) -> "Explained":
    from engine.workflow.explaining import explain_record, explain_values, get_approval

    approval = get_approval(session.app, name)
    actor = get_actor(session, login) if login is not None else None
    if record is None:
        return explain_values(session, name, _read_pairs(values), actor=actor)
    entity, _, id_ = record.partition("/")
    if entity != approval.entity or not id_.isdecimal():
        raise NotFound("explain.record_address", name=record, entity=approval.entity)
    return explain_record(session, name, int(id_), actor=actor)


def _read_pairs(values: tuple[str, ...]) -> dict[str, str]:
    """Read ``disc=22%,amount=300,000``: a comma inside a number separates nothing."""
    pairs = [pair.partition("=") for text in values for pair in _BETWEEN.split(text) if pair.strip()]
    wrong = next((key for key, equals, _ in pairs if not equals), None)
    if wrong is not None:
        raise click.BadParameter(wrong, param_hint="--with")
    return {key.strip(): value.strip() for key, _, value in pairs}
