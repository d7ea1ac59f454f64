"""``formwork test``: the examples of a folder, played and taken back.

Enters: a folder, one file of it, or the name of a template. Leaves: what differs from what the examples expect, with
its place. Must not leave anything in a database.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click

from engine.definition.source import SourceFolder, read_folder
from engine.errors import NotPossibleNow
from web.cli.checking import find_checked
from web.cli.progress import Progress
from web.cli.reports import FORMAT, problem_data
from web.cli.site import Site

if TYPE_CHECKING:
    from engine.clock import SetClock
    from engine.examples.running import Outcome
    from engine.storage.store import Store


_FOLDER = "/examples/"


@click.command("test", help="cli.test")
@click.argument("path")
@click.option("--json", "as_json", is_flag=True, help="cli.option_json")
@click.option("--site", "on_site", is_flag=True, help="cli.option_site")
@click.pass_obj
def test_command(site: Site, path: str, as_json: bool, on_site: bool) -> int:
    """Play the examples of a folder, or of one file in it; exit with 1 when one does not hold."""
    root, only = find_checked(path)
    folder = read_folder(root)
    outcomes = play(site, folder, quiet=as_json, on_site=on_site, only=only)
    if as_json:
        click.echo(json.dumps(_as_data(outcomes, folder), ensure_ascii=False, indent=2))
        return 1 if any(outcome.problems for outcome in outcomes) else 0
    failed = show_failures(site, outcomes)
    if failed:
        site.say("cli.test_failed", count=len(outcomes), failed=failed)
    else:
        site.say("cli.test_passed" if outcomes else "cli.test_none", count=len(outcomes))
    return 1 if failed else 0


def play(
    site: Site, folder: SourceFolder, *, quiet: bool = False, on_site: bool = False, only: str | None = None
) -> "list[Outcome]":
    """Play the examples of a folder, or those of ``only`` one of its files; without any it takes no time."""
    from engine.examples.reading import read_examples
    from engine.examples.running import run_examples, throw_away_store

    files = [one for one in read_examples(folder) if only is None or _is_of(one.file, only)]
    if not files:
        return []
    place = _site_store(site, folder) if on_site else throw_away_store(folder)
    if quiet:
        with place as (store, clock):
            return run_examples(store, clock, files)
    with Progress(site).step("cli.step_examples") as show, place as (store, clock):
        return run_examples(store, clock, files, show)


def _is_of(examples: str, file: str) -> bool:
    """Tell whether examples are those of a file: itself, or of what the file says something about."""
    return examples == file or (_FOLDER not in file and examples.startswith(file.rpartition("/")[0] + _FOLDER))


def examples_hold(site: Site, folder: SourceFolder) -> bool:
    """Play the examples of what is to be published and say which of them do not hold."""
    failed = show_failures(site, play(site, folder))
    if failed:
        site.say("cli.publish_examples")
    return not failed


def show_failures(site: Site, outcomes: "Sequence[Outcome]") -> int:
    """Print what differs, once for each place, and return how many examples do not hold."""
    problems = dict.fromkeys(problem.text(site.language) for outcome in outcomes for problem in outcome.problems)
    for said in problems:
        click.echo(said, err=True)
    return sum(1 for outcome in outcomes if outcome.problems)


@contextmanager
def _site_store(site: Site, folder: SourceFolder) -> "Iterator[tuple[Store, SetClock]]":
    """Open the installed database with a clock that can be set; files go to a folder that is thrown away."""
    from datetime import UTC, datetime

    from engine.clock import SetClock
    from engine.storage.database import open_database
    from engine.storage.store import Store

    clock = SetClock(datetime.now(UTC))
    with TemporaryDirectory(prefix="formwork-test-") as files:
        store = Store(open_database(site.settings().database_url), Path(files), clock)
        try:
            if store.app.digest != folder.digest:
                raise NotPossibleNow("cli.test_other_release")
            yield store, clock
        finally:
            store.database.close()


def _as_data(outcomes: "Sequence[Outcome]", folder: SourceFolder) -> dict[str, object]:
    return {
        "format": FORMAT,
        "ok": not any(outcome.problems for outcome in outcomes),
        "examples": [
            {
                "file": outcome.file,
                "key": outcome.example.key,
                "example": outcome.example.example,
                "line": outcome.example.location.line,
                "column": outcome.example.location.column,
                "ok": not outcome.problems,
                "problems": [problem_data(problem, folder.files) for problem in outcome.problems],
            }
            for outcome in outcomes
        ],
    }
