"""``formwork purge`` as people call it: a list, and a drop that only hands on a terminal can consent to."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from engine.people import accounts
from engine.storage.leftovers import find_leftovers
from tests.cli.conftest import Run, changed, open_store
from tests.conftest import ROOT
from tests.storage.living import make


@pytest.fixture
def gone(run: Run, tmp_path: Path, home: Path) -> str:
    """A field with one value that the current release does not show."""
    floor = "  floor_no: {type: integer, label: 楼层}\n  urgent:"
    run("publish", changed(tmp_path, "ticket/entity.yaml", "  urgent:", floor), "--yes")
    store = open_store(home)
    with store.write() as session:
        id_ = accounts.create_user(
            session, actor=None, login="boss", name="boss", password="a long password 1", roles=("admin", "manager")
        )
        accounts.create_user(session, actor=None, login="rep", name="rep", password="a long password 1", roles=())
        boss = accounts.get_actor(session.connection, id_, via="web")
    make(store, boss, "ticket", title="Lift", floor_no=7)
    run("rollback", "--yes")
    return "ticket.floor_no"


def typed(home: Path, words: str, *arguments: str) -> tuple[int, str]:
    """Call purge on a terminal and type ``words``."""
    mine, theirs = pty.openpty()
    command = [sys.executable, "-c", "from web.cli import main; main()"]
    given = [*command, "--lang", "en", "--home", str(home), "purge", *arguments]
    os.write(mine, words.encode())
    done = subprocess.run(given, stdin=theirs, capture_output=True, text=True, cwd=ROOT, check=False)
    os.close(mine)
    os.close(theirs)
    return done.returncode, done.stdout + done.stderr


def left(home: Path) -> list[str]:
    with open_store(home).read() as session:
        return [one.address for one in find_leftovers(session)]


def test_it_lists_what_is_kept_and_how_much(run: Run, gone: str) -> None:
    said = run("purge").stdout
    assert f"- {gone}" in said and "楼层" in said and "1 values" in said


def test_nothing_is_listed_where_nothing_is_left(run: Run) -> None:
    assert run("purge").stdout.strip() == "Nothing is kept that the current release does not show."


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--as", "boss"), "at a terminal only"),
        (("--as", "boss", "--yes"), "There is no --yes here"),
        ((), "--as"),
        (("--as", "rep"), "rep"),
    ],
)
def test_no_pipe_and_no_option_can_consent(
    run: Run, home: Path, gone: str, arguments: tuple[str, ...], says: str
) -> None:
    refused = run("purge", gone, *arguments, input=f"{gone} 1\n")
    assert refused.exit_code == 1 and says in refused.stderr
    assert left(home) == [gone]


def test_what_is_typed_must_be_the_name_and_the_number(home: Path, gone: str) -> None:
    code, said = typed(home, f"{gone} 2\n", gone, "--as", "boss")
    assert code == 1 and "nothing was dropped" in said and left(home) == [gone]
    assert "Make a backup first" in said and "Release 2 still shows it" in said
    code, said = typed(home, f"{gone} 1\n", gone, "--as", "boss")
    assert (code, left(home)) == (0, []) and f"Dropped {gone} with 1 values" in said


def test_a_rollback_past_it_says_what_comes_back_empty(run: Run, home: Path, gone: str) -> None:
    typed(home, f"{gone} 1\n", gone, "--as", "boss")
    assert f"Dropped since and therefore empty there: {gone}" in run("rollback", "2", input="n\n").stdout
