"""``formwork draw``: the drawing of a workflow or an approval, made from its definition.

Enters: the key of an entity or an approval; a folder, else the current release. Leaves: an SVG file, or the same in
words. Must not draw anything that the definition does not say.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from engine.definition.source import read_folder
from engine.errors import NotFound
from web.cli.site import Site, find_template

if TYPE_CHECKING:
    from engine.compiler.app import CompiledApp
    from engine.drawing.picture import Picture

_STYLE = """
.drawing { background: #fff; font-family: -apple-system, "Segoe UI", "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif; }
.drawing-line { fill: none; stroke: #8b95a3; stroke-width: 1.3; }
.is-dashed { stroke-dasharray: 5 4; }
.drawing-head { fill: #8b95a3; }
.drawing-box { fill: #fff; stroke: #8b95a3; stroke-width: 1.3; }
.tone-success { fill: #e3f3ea; stroke: #17693f; }
.tone-danger { fill: #fbe9e7; stroke: #b3261e; }
.tone-warning { fill: #fbf0d9; stroke: #7d5000; }
.tone-info { fill: #e8f0fa; stroke: #1f5fae; }
.drawing-text { fill: #1a2430; font-size: 13px; font-weight: 500; }
.is-quiet { fill: #56616f; font-weight: 400; }
"""  # noqa: E501 - the names of fonts belong together


@click.command("draw", help="cli.draw")
@click.argument("name")
@click.option("--folder", help="cli.option_draw_folder")
@click.option("--svg", "file", type=click.Path(dir_okay=False, path_type=Path), help="cli.option_svg")
@click.pass_obj
def draw_command(site: Site, name: str, folder: str | None, file: Path | None) -> None:
    """Draw the stages of an entity, or the steps of an approval."""
    picture = _draw(_read_app(site, folder), name, site.language)
    if file is None:
        click.echo(picture.title)
        for line in picture.words:
            click.echo(f"- {line}")
        return
    file.write_text(write_svg(picture), encoding="utf-8")
    site.say("cli.drawn", name=picture.title, path=str(file))


def write_svg(picture: "Picture") -> str:
    """Return the picture as a file that carries its own colours."""
    from jinja2 import Environment, FileSystemLoader

    from web.page_kit import PAGE_TEMPLATES

    env = Environment(loader=FileSystemLoader(PAGE_TEMPLATES), autoescape=True, trim_blocks=True, lstrip_blocks=True)
    macros: Any = env.get_template("parts/drawing.html").module
    drawn = str(macros.svg(picture)).strip()
    return drawn.replace("<defs>", f"<style>{_STYLE}</style>\n<defs>", 1) + "\n"


def _read_app(site: Site, folder: str | None) -> "CompiledApp":
    from engine.compiler.compile import load_app

    return load_app(read_folder(find_template(folder))) if folder is not None else site.open_store().app


def _draw(app: "CompiledApp", name: str, language: str) -> "Picture":
    from engine.workflow.drawings.approvals import draw_approval
    from engine.workflow.drawings.workflows import draw_workflow

    entity = app.entities.get(name)
    picture = draw_workflow(app, entity, language) if entity is not None else None
    if picture is not None:
        return picture
    if name in app.approvals:
        return draw_approval(app, app.approvals[name], language)
    known = ", ".join([*(key for key, one in app.entities.items() if one.workflow is not None), *app.approvals])
    raise NotFound("cli.nothing_to_draw", name=name, known=known)
