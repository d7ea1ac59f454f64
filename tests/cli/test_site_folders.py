"""A site from its first command to a running database, and the commands that know of its template."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from engine.clock import SetClock
from engine.definition.source import read_folder
from engine.errors import Problem
from engine.storage import catalog
from engine.storage.database import open_database
from engine.storage.store import Store
from tests.cli.conftest import Run, open_store
from tests.sites.site import auto_parts, auto_parts_without_examples, write
from web import demo


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The automotive parts site on disk, without most examples of its template."""
    return write(tmp_path / "auto_parts", auto_parts_without_examples().files)


def test_a_new_site_checks_and_can_be_published(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "Our CRM"
    assert run("new", folder, "--extends", "manufacturing").exit_code == 0
    assert sorted(path.name for path in folder.iterdir()) == ["README.md", "app.yaml", "base", "lock.yaml", "schemas"]
    assert run("check", folder).exit_code == 0
    planned = run("plan", folder)
    assert planned.exit_code == 0 and "服务台 →" in planned.output, planned.output


def test_the_examples_of_a_site_and_of_its_template_hold_together(run: Run, tmp_path: Path) -> None:
    folder = write(tmp_path / "whole", auto_parts().files)
    tested = run("test", folder)
    assert tested.exit_code == 0, tested.output
    assert run("format", folder, "--check").exit_code == 0


def test_a_plan_is_in_words_and_explain_names_the_file_of_whoever_wrote_it(run: Run, folder: Path) -> None:
    assert run("publish", folder, "--yes").exit_code == 0
    explained = run("explain", "quote.freight").output
    assert "Quote.Freight (freight)  quote/entity.yaml:6:3" in explained  # the site retires it
    assert "- type choice  base/quote/entity.yaml:" in explained


def test_a_release_of_a_site_is_exported_as_the_site(run: Run, folder: Path, tmp_path: Path) -> None:
    run("publish", folder, "--yes")
    run("export", tmp_path / "out")
    assert read_folder(tmp_path / "out").files == read_folder(folder).files


def test_a_site_is_rolled_back_with_the_template_it_had(run: Run, folder: Path, home: Path) -> None:
    run("publish", folder, "--yes")
    first = open_store(home).app.digest
    text = (folder / "app.yaml").read_text(encoding="utf-8")
    (folder / "app.yaml").write_text(text.replace("汽车零部件销售管理", "汽配销售"), encoding="utf-8")
    assert run("publish", folder, "--yes").exit_code == 0
    assert open_store(home).app.digest != first
    assert run("rollback", "--yes").exit_code == 0
    assert open_store(home).app.digest == first


def test_the_template_kept_in_a_site_is_not_laid_out_anew(run: Run, folder: Path) -> None:
    untidy = folder / "base" / "source" / "entity.yaml"
    untidy.write_text(untidy.read_text(encoding="utf-8") + "\n\n\n", encoding="utf-8")
    assert "base/" not in run("format", folder, "--check").output
    assert "[D303]" in run("check", folder).output


def test_the_demo_of_the_template_is_played_as_far_as_the_rules_of_the_site_allow(tmp_path: Path) -> None:
    folder = auto_parts_without_examples()
    clock = SetClock(datetime(2026, 3, 2, 1, 0, tzinfo=UTC))
    store = Store(open_database(f"sqlite:///{tmp_path / 'site.sqlite3'}"), tmp_path / "files", clock)
    catalog.publish(store, folder, actor_id=None)
    demo.create_people(store, folder)
    left_out: list[Problem] = []
    played = demo.play_story(store, clock, folder, left_out=left_out.append)
    assert played > 200 and 0 < len(left_out) < played / 10
    assert all(problem.location.file.startswith(("base/demo/", "base/courses/")) for problem in left_out)
    assert demo.play_story(store, clock, folder) == 0
