"""``formwork check``: everything that is wrong with a folder, at once; what still has to be translated.

Enters: a folder, one file of it, or the name of a template that comes along. Leaves: a line for each problem, JSON for
programs, or a locale to fill in. Must not touch a database, nor show a traceback for anything a file may hold.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from engine import memory
from engine.definition.source import SourceFolder, read_folder
from engine.errors import DefinitionError, Problem
from web.cli.garbage import no_looking_back
from web.cli.reports import check_data
from web.cli.site import Site, find_template
from web.remembering import notation

_LISTED = 20
_EVERY = 0.25


@dataclass(frozen=True)
class Good:
    """What is said of a folder in which nothing is wrong: plain values, so that they can be remembered."""

    label: Mapping[str, str]
    entities: int
    approvals: int
    untranslated: Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class Found:
    """What a check found; ``problems`` are those of the file that was asked for, ``elsewhere`` counts the others."""

    folder: SourceFolder
    good: Good | None
    problems: tuple[Problem, ...] = ()
    elsewhere: int = 0
    untranslated: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def is_good(self, strict: bool) -> bool:
        """Tell whether the exit code is 0; ``strict`` counts missing translations as mistakes."""
        return not self.problems and not (strict and self.untranslated)


@click.command("check", help="cli.check")
@click.argument("path")
@click.option("--json", "as_json", is_flag=True, help="cli.option_json")
@click.option("--strict", is_flag=True, help="cli.option_strict")
@click.option("--translations", is_flag=True, help="cli.option_translations")
@click.option("--watch", is_flag=True, help="cli.option_watch")
@click.pass_obj
def check_command(site: Site, path: str, as_json: bool, strict: bool, translations: bool, watch: bool) -> int:
    """Check a folder; exit with 1 when there are problems."""
    root, only = find_checked(path)
    if watch:
        _watch(site, root, only)
    with (
        memory.opened(memory.cache_folder(site.environ) / "checks.json", notation()),
        no_looking_back(stays=True),
    ):
        found = check_folder(root, only)
    if as_json:
        said = check_data(found.problems, found.folder.files, found.untranslated, ok=found.is_good(strict))
        click.echo(json.dumps(said, ensure_ascii=False, indent=2))
    elif found.problems:
        _warn_of_others(site, found)
        raise DefinitionError(found.problems)
    elif translations:
        _write_locales(found)
    else:
        _say_good(site, found)
    return 0 if found.is_good(strict) else 1


def find_checked(path: str) -> tuple[Path, str | None]:
    """Return the folder to check, and the file that alone was asked for, by its path in there."""
    given = Path(path).expanduser()
    if given.is_file() and given.suffix in (".yaml", ".yml"):
        whole = given.resolve()
        root = next((above for above in whole.parents if (above / "app.yaml").is_file()), whole.parent)
        return root, whole.relative_to(root).as_posix()
    if given.is_dir() and any(given.rglob("*.yaml")):
        return given, None
    return find_template(path), None


def check_folder(root: Path, only: str | None = None) -> Found:
    """Check a folder; a file that is asked for is judged with all others around it."""
    folder = read_folder(root)
    try:
        with no_looking_back():
            good = _recall(folder) or _load(folder)
    except DefinitionError as error:
        own = tuple(problem for problem in error.problems if only in (None, problem.location.file))
        return Found(folder, None, own, len(error.problems) - len(own))
    return Found(folder, good, untranslated={} if only else good.untranslated)


def _recall(folder: SourceFolder) -> Good | None:
    """Return what was said of these very texts when nothing was wrong with them; a mistake is looked for anew."""
    known: Any = None if folder.problems else memory.recall("good", folder.digest)
    return None if known is None else Good(*known)


def _load(folder: SourceFolder) -> Good:
    from engine.compiler.compile import load_app

    app = load_app(folder)
    good = Good(app.label, len(app.entities), len(app.approvals), app.untranslated)
    memory.remember("good", folder.digest, [good.label, good.entities, good.approvals, good.untranslated])
    return good


def _say_good(site: Site, found: Found) -> None:
    good = found.good
    if good is None:
        site.say("cli.check_elsewhere", count=found.elsewhere)
        return
    site.say("cli.check_good", name=good.label, entities=good.entities, approvals=good.approvals)
    for language, texts in found.untranslated.items():
        site.say("cli.untranslated", language=language, count=len(texts))
        for path, text in list(texts.items())[:_LISTED]:
            click.echo(f"  {path}: {' '.join(text.split())}")
        if len(texts) > _LISTED:
            site.say("cli.untranslated_more", count=len(texts) - _LISTED)


def _warn_of_others(site: Site, found: Found) -> None:
    if found.elsewhere:
        click.echo(site.text("cli.check_others", count=found.elsewhere), err=True)


def _write_locales(found: Found) -> None:
    from engine.compiler.translations import write_locale

    for language, texts in found.untranslated.items():
        click.echo(f"# locales/{language}.yaml\n{write_locale(language, texts)}", nl=False)


def _watch(site: Site, root: Path, only: str | None) -> None:
    """Check again whenever a file changes, until it is interrupted."""
    site.say("cli.watching", folder=root)
    seen: object = None
    while True:
        now = _signature(root)
        if now != seen:
            seen = now
            began = time.perf_counter()
            found = check_folder(root, only)
            took = f"{time.perf_counter() - began:.2f} s"
            click.echo(f"— {datetime.now().astimezone():%H:%M:%S} · {took} —")
            for problem in found.problems:
                click.echo(problem.text(site.language))
            if found.problems:
                site.say("cli.problems", count=len(found.problems))
            else:
                _say_good(site, found)
        time.sleep(_EVERY)


def _signature(root: Path) -> object:
    """What changes when a definition file does: read from the folder, not from the files."""
    stats = [(path.as_posix(), path.stat()) for path in sorted(root.rglob("*.y*ml")) if path.is_file()]
    return [(name, stat.st_mtime_ns, stat.st_size) for name, stat in stats]
