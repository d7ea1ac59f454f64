"""``formwork import-schema``: an entity from a JSON Schema or from the columns of a spreadsheet.

Enters: a file. Leaves: an ``entity.yaml`` on standard output or in a folder, and in words what it does not say.
Must not overwrite a file, nor fetch what the file refers to.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from engine.definition.source import SourceFolder
from engine.errors import NotPossibleNow
from web.cli.site import Site

if TYPE_CHECKING:
    from engine.compiler.drafts.draft import Draft

_SHEETS = (".csv", ".xlsx", ".xlsm", ".xls", ".ods")
_MOST_BYTES = 4 * 1024 * 1024


@click.command("import-schema", help="cli.import_schema")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--entity", metavar="KEY", help="cli.option_entity")
@click.option("--into", type=click.Path(file_okay=False, exists=True, path_type=Path), help="cli.option_into")
@click.pass_obj
def import_schema_command(site: Site, file: Path, entity: str | None, into: Path | None) -> None:
    """Print the entity, or write it into a folder; what was left out is said on standard error."""
    from engine.compiler.drafts.writing import write_entity

    draft = read_draft(file, entity)
    if not draft.fields:
        raise NotPossibleNow("draft.no_fields", file=file.name)
    text = write_entity(draft, site.language)
    require_good(draft, text)
    if into is None:
        click.echo(text, nl=False)
    else:
        _write(site, into / draft.key / "entity.yaml", text)
    for note in draft.notes:
        click.echo(note.text(site.language), err=True)
    click.echo(site.text("cli.import_schema_access", entity=draft.key), err=True)


def read_draft(file: Path, key: str | None) -> "Draft":
    """Return the draft of a file; ``NotPossibleNow`` when it is neither a schema nor a spreadsheet."""
    from engine.compiler.drafts.columns import draft_columns
    from engine.compiler.drafts.json_schema import draft_schema
    from engine.compiler.drafts.keys import to_key

    if key is not None and to_key(key) != key:
        raise NotPossibleNow("draft.wrong_key", key=key, suggestion=to_key(key))
    if file.suffix.lower() not in _SHEETS:
        return draft_schema(_read_json(file), key=key)
    from engine.importing.sheets import read_sheet

    sheet = read_sheet(file.read_bytes(), file.name)
    rows = [cells for _, cells in sheet.rows]
    return draft_columns(sheet.headers, rows, key=key or to_key(file.stem, otherwise="thing"), label=file.stem)


def require_good(draft: "Draft", text: str) -> None:
    """Check what was made, in an app of its own; raises ``DefinitionError`` with places in the new file."""
    from engine.compiler.compile import load_app

    app = "app: draft\nlabel: Draft\nversion: 0.1.0\nlanguage: zh\nroles:\n  admin: {label: Admin}\n"
    load_app(SourceFolder({"app.yaml": app, f"{draft.key}/entity.yaml": text}))


def _read_json(file: Path) -> Any:
    """Return the schema; a number with a point stays exact."""
    from decimal import Decimal

    if file.stat().st_size > _MOST_BYTES:
        raise NotPossibleNow("draft.too_large", file=file.name, limit=_MOST_BYTES // 1024 // 1024)
    try:
        found = json.loads(file.read_bytes(), parse_float=Decimal)
    except (ValueError, RecursionError):
        raise NotPossibleNow("draft.not_json", file=file.name) from None
    if not isinstance(found, dict):
        raise NotPossibleNow("draft.not_json", file=file.name)
    return found


def _write(site: Site, path: Path, text: str) -> None:
    if path.exists():
        raise NotPossibleNow("draft.exists", path=path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")
    site.say("cli.import_schema_written", path=path)
