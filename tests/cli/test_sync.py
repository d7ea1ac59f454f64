"""``formwork sync``: two folders of one site, as two people have them, and the database between them."""

import shutil
from pathlib import Path

import pytest

from engine.definition.source import read_folder
from tests.cli.conftest import DESK, Run, open_store
from tests.cli.test_upgrade import change


@pytest.fixture
def mine(run: Run, tmp_path: Path) -> Path:
    """A folder published from, in step with the database."""
    shutil.copytree(DESK, tmp_path / "mine")
    assert run("publish", tmp_path / "mine", "--yes").exit_code == 0
    return tmp_path / "mine"


@pytest.fixture
def hers(run: Run, mine: Path, tmp_path: Path) -> Path:
    """A colleague's folder of the same release, written from the database."""
    run("export", tmp_path / "hers")
    return tmp_path / "hers"


def test_a_folder_that_was_published_is_in_step(run: Run, mine: Path) -> None:
    assert "are in step" in run("sync", mine).output


def test_only_the_folder_changed_so_it_is_published(run: Run, mine: Path) -> None:
    change(mine / "ticket/entity.yaml", "label: 工单", "label: 报修单")
    shown = run("sync", mine)
    assert "Only the folder was changed" in shown.output and "报修单" in shown.output
    assert run("publish", mine, "--yes").exit_code == 0
    assert "are in step" in run("sync", mine).output


def test_only_the_database_changed_so_the_files_follow(run: Run, mine: Path, hers: Path) -> None:
    change(hers / "ticket/entity.yaml", "label: 工单", "label: 报修单")
    run("publish", hers, "--yes")
    asked = run("sync", mine, input="n\n")
    assert asked.exit_code == 1 and "Files to be written (1): ticket/entity.yaml" in asked.output
    assert "报修单" not in (mine / "ticket/entity.yaml").read_text("utf-8")
    assert run("sync", mine, "--yes").exit_code == 0
    assert read_folder(mine).digest == read_folder(hers).digest
    assert "are in step" in run("sync", mine).output


def test_publishing_over_what_was_published_from_elsewhere_is_said_before(run: Run, mine: Path, hers: Path) -> None:
    change(hers / "ticket/entity.yaml", "label: 工单", "label: 报修单")
    run("publish", hers, "--yes")
    change(mine / "client/entity.yaml", "label: 客户", "label: 顾客")
    asked = run("publish", mine, input="n\n")
    assert "was published from elsewhere" in asked.output and "ticket/entity.yaml" in asked.output
    assert run("sync", mine, "--yes").exit_code == 0
    again = run("publish", mine, "--yes")
    assert "published from elsewhere" not in again.output and again.exit_code == 0


def test_both_changed_is_joined_and_contradictions_are_asked(run: Run, mine: Path, hers: Path, home: Path) -> None:
    change(hers / "ticket/entity.yaml", "label: 工单", "label: 报修单")
    change(hers / "app.yaml", "label: 服务台", "label: 客服台")
    run("publish", hers, "--yes")
    change(mine / "ticket/entity.yaml", "label: 工单", "label: 任务单   # our word")
    change(mine / "client/entity.yaml", "label: 客户", "label: 顾客")
    open_one = run("sync", mine, "--yes", input="")
    assert open_one.exit_code == 1 and "Not decided yet: 1" in open_one.output
    assert "you wrote 任务单, they changed 工单 to 报修单" in open_one.output
    assert run("sync", mine, "--yes", "--ours", "entity.ticket").exit_code == 0
    assert "label: 任务单   # our word" in (mine / "ticket/entity.yaml").read_text("utf-8")
    assert "label: 客服台" in (mine / "app.yaml").read_text("utf-8")
    assert run("publish", mine, "--yes").exit_code == 0
    app = open_store(home).app
    assert (app.label["zh"], app.entities["ticket"].label["zh"]) == ("客服台", "任务单")


def test_a_folder_of_unknown_origin_says_what_to_name(run: Run, mine: Path, tmp_path: Path) -> None:
    shutil.copytree(DESK, tmp_path / "found")
    change(tmp_path / "found/ticket/entity.yaml", "label: 工单", "label: 报修单")
    refused = run("sync", tmp_path / "found")
    assert refused.exit_code == 1 and "--since" in refused.output
    assert run("sync", tmp_path / "found", "--since", "1").exit_code == 0


def test_a_bundled_template_is_not_written_into(run: Run) -> None:
    from engine.places import find_data

    run("publish", "starter", "--yes")
    assert not list(find_data("templates").rglob(".formwork-release.yaml"))
