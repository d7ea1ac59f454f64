"""A new folder checks, plans, publishes and runs as it is."""

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from engine.clock import SystemClock
from engine.definition.source import read_folder
from engine.places import find_data
from engine.records.commands import create_record
from engine.storage.database import open_database
from engine.storage.store import Store
from engine.workflow.transitions import move_record
from tests.cli.conftest import Run, open_store
from tests.cli.test_command_line import Serving
from web import demo
from web.cli import make_cli
from web.cli.site import get_actor
from web.settings import install_home


@pytest.mark.parametrize("template", ["starter", "manufacturing"])
def test_a_new_folder_is_checked_planned_and_published(tmp_path: Path, template: str) -> None:
    """The copy of a large template is not published: its files are those whose examples ``tests/examples`` plays."""
    folder, home = tmp_path / "Our CRM", tmp_path / "home"
    install_home(home)

    def run(*arguments: object) -> str:
        given = ["--home", str(home), *map(str, arguments)]
        result = CliRunner().invoke(make_cli("en"), given)
        assert result.exit_code == 0, result.output
        return result.output

    run("new", folder, *([] if template == "starter" else ["--from", template]))
    run("check", folder)
    assert "Add" in run("plan", folder)
    assert (folder / "README.md").is_file()
    if template == "starter":
        run("publish", folder, "--yes")
        assert open_store(home).app.key == "our_crm"


def test_a_copy_and_a_site_at_once_are_refused(run: Run, tmp_path: Path) -> None:
    result = run("new", tmp_path / "mine", "--from", "starter", "--extends", "manufacturing")
    assert result.exit_code == 1 and "not both" in result.stderr
    assert not (tmp_path / "mine").exists()


def test_the_starter_checks_plays_its_examples_and_runs_with_demo_people(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    for command in ("new", "check", "test"):
        assert run(command, folder).exit_code == 0, command
    serving = Serving(tmp_path / "site", str(folder), "--lang", "en")
    try:
        said = serving.wait()
        assert serving.get("/readyz") == 200 and serving.get("/login") == 200
    finally:
        assert serving.stop() == 0
    assert "Demo accounts" in said and "manager" in said


def test_the_first_line_of_every_file_leads_to_its_schema(run: Run, tmp_path: Path) -> None:
    run("new", tmp_path / "crm", "--from", "manufacturing")
    files = [path for path in (tmp_path / "crm").rglob("*.yaml")]
    assert len(files) == len(read_folder(find_data("templates") / "manufacturing").files)
    for path in files:
        first = path.read_text(encoding="utf-8").splitlines()[0]
        schema = path.parent / re.fullmatch(r"# yaml-language-server: \$schema=(\S+)", first)[1]  # type: ignore[index]
        assert "title" in json.loads(schema.read_text(encoding="utf-8")), path


def test_a_copy_of_the_site_that_comes_along_is_a_site_of_ones_own(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "parts"
    run("new", folder, "--from", "auto_parts")
    assert run("check", folder).exit_code == 0 and "Nothing to do" in run("upgrade", folder).output
    for path in (folder / "quote/approval.yaml", folder / "ppap/entity.yaml"):
        first = path.read_text(encoding="utf-8").splitlines()[0]
        assert (path.parent / first.partition("$schema=")[2]).is_file(), first
    run("new", tmp_path / "plant", "--extends", "auto_parts")
    assert run("check", tmp_path / "plant").exit_code == 0


def test_a_record_of_the_starter_goes_all_the_way(run: Run, tmp_path: Path, home: Path) -> None:
    run("new", tmp_path / "mine")
    store = Store(open_database(f"sqlite:///{tmp_path}/mine.db"), tmp_path / "files", SystemClock())
    from engine.storage import catalog

    sources = read_folder(tmp_path / "mine")
    catalog.publish(store, sources, actor_id=None)
    demo.create_people(store, sources)
    raw = {"title": "显示器", "kind": "device"}
    with store.write() as session:
        member, manager = (get_actor(session, login) for login in ("member", "manager"))
        record = create_record(session, "request", raw, actor=member)
        filled = {"amount": "1200", "reason": "旧的坏了"}
        moved = move_record(session, "request", record.id, "submit", raw=filled, version=record.version, actor=member)
        done = move_record(session, "request", record.id, "agree", version=moved.version, actor=manager)
    assert done.values["stage"] == "agreed"


def test_a_folder_with_something_in_it_is_left_alone(run: Run, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("x", encoding="utf-8")
    result = run("new", tmp_path / "mine")
    assert result.exit_code == 1
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["notes.txt"]
    assert run("new", tmp_path / "other", "--from", "manufactoring").exit_code == 1
    assert not (tmp_path / "other").exists()


def test_a_template_is_not_copied_into_itself(run: Run, tmp_path: Path) -> None:
    run("new", tmp_path / "mine")
    result = run("new", tmp_path / "mine" / "request" / "copy", "--from", tmp_path / "mine")
    assert result.exit_code == 1 and not (tmp_path / "mine" / "request" / "copy").exists()
