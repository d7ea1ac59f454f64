"""``formwork test`` and what it means for ``formwork publish``."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from engine.clock import SystemClock
from engine.storage import catalog
from engine.storage.database import Database, open_database
from engine.storage.store import Store
from tests.conftest import to_folder
from tests.examples.test_examples import rows_of
from web.cli import make_cli
from web.settings import install_home, read_settings

SHOP = Path(__file__).parent / "shop"
Run = Callable[..., Result]


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A copy of the shop that may be changed."""
    return Path(shutil.copytree(SHOP, tmp_path / "shop"))


@pytest.fixture
def home(sqlite_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with the shop published."""
    return install(sqlite_database, tmp_path, monkeypatch)


@pytest.fixture
def either_home(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same on each kind of database."""
    return install(database, tmp_path, monkeypatch)


def install(database: Database, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FORMWORK_DATABASE_URL", database.url.render_as_string(hide_password=False))
    install_home(folder / "home")
    store = open_store(folder / "home")
    catalog.publish(store, to_folder(SHOP), actor_id=None)
    store.database.close()
    return folder / "home"


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run a command, on the home when there is one."""

    def run_it(*arguments: str | Path, **more: object) -> Result:
        given = [str(item) for item in arguments]
        result = CliRunner().invoke(make_cli("en"), ["--home", str(tmp_path / "home"), *given], **more)  # type: ignore[arg-type]
        assert "Traceback" not in result.output
        return result

    return run_it


def open_store(home: Path) -> Store:
    settings = read_settings(os.environ, home=home)
    return Store(open_database(settings.database_url), settings.files_dir, SystemClock())


def spoil(shop: Path) -> None:
    """Let a small order need the boss, against what an example says."""
    file = shop / "order" / "approval.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("amount < 5", "amount < 4"), encoding="utf-8")


def test_a_bare_folder_is_tested_without_anything_installed(run: Run, shop: Path, tmp_path: Path) -> None:
    result = run("test", shop)
    assert (result.exit_code, result.stdout.splitlines()[-1]) == (0, "All 12 examples hold.")
    assert not (tmp_path / "home").exists()


def test_a_failing_example_exits_with_1_and_its_place(run: Run, shop: Path) -> None:
    spoil(shop)
    result = run("test", shop)
    assert result.exit_code == 1
    place = "order/examples/all.yaml:20"
    rule = "example 'small orders pass at once'"
    assert result.stderr.splitlines() == [
        f"{place}:21: {rule}: the stage: expected done, found asks. [T002]",
        f"{place}:33: {rule}: the path of the approval: expected [], found [boss]. [T002]",
        f"{place}:49: {rule}: whoever it waits on: expected [], found [boss]. [T002]",
    ]
    assert result.stdout.splitlines()[-1] == "1 of 12 examples do not hold."


def test_tools_read_the_result_as_json(run: Run, shop: Path) -> None:
    assert json.loads(run("test", shop, "--json").stdout)["ok"] is True
    spoil(shop)
    result = run("test", shop, "--json")
    told = json.loads(result.stdout)
    (bad,) = [one for one in told["examples"] if not one["ok"]]
    assert (result.exit_code, told["ok"], len(told["examples"])) == (1, False, 12)
    assert (bad["file"], bad["key"], bad["line"]) == ("order/examples/all.yaml", "small", 14)
    assert [problem["code"] for problem in bad["problems"]] == ["T002"] * 3


def test_one_file_is_played_alone(run: Run, shop: Path) -> None:
    all_of_them = shop / "order" / "examples" / "all.yaml"
    text = all_of_them.read_text(encoding="utf-8")
    all_of_them.with_name("more.yaml").write_text(text, encoding="utf-8")
    assert run("test", shop).stdout.splitlines()[-1] == "All 24 examples hold."
    assert run("test", all_of_them).stdout.splitlines()[-1] == "All 12 examples hold."
    assert run("test", shop / "order" / "entity.yaml").stdout.splitlines()[-1] == "All 24 examples hold."
    assert "no examples" in run("test", shop / "app.yaml").stdout
    assert run("test", shop / "order" / "examples" / "nothing.yaml").exit_code == 1


def test_a_folder_without_examples_is_no_failure(run: Run, shop: Path) -> None:
    shutil.rmtree(shop / "order" / "examples")
    result = run("test", shop)
    assert (result.exit_code, "no examples" in result.stdout) == (0, True)


def test_a_broken_folder_is_said_as_by_check(run: Run, shop: Path) -> None:
    (shop / "order" / "workflow.yaml").write_text("workflow: order\n", encoding="utf-8")
    assert run("test", shop).exit_code == 1


def test_examples_run_in_the_installed_database_and_leave_nothing(run: Run, either_home: Path, shop: Path) -> None:
    store = open_store(either_home)
    before = rows_of(store)
    result = run("test", shop, "--site")
    assert (result.exit_code, result.stdout.splitlines()[-1]) == (0, "All 12 examples hold.")
    assert rows_of(store) == before
    assert [path for path in (either_home / "files").rglob("*") if path.is_file()] == []
    store.database.close()


def test_the_installed_database_tests_only_what_is_published(run: Run, home: Path, shop: Path) -> None:
    spoil(shop)
    result = run("test", shop, "--site")
    assert result.exit_code == 1
    assert "publish it first" in result.stderr


def test_a_failing_example_stops_publishing(run: Run, home: Path, shop: Path) -> None:
    store = open_store(home)
    release = store.release_id
    spoil(shop)
    result = run("publish", shop, "--yes")
    assert result.exit_code == 1
    assert "order/examples/all.yaml:20:21:" in result.stderr
    assert result.stdout.splitlines()[-1] == "An example does not hold; nothing was published."
    store.reload()
    assert store.release_id == release
    store.database.close()


def test_what_holds_is_published(run: Run, home: Path, shop: Path) -> None:
    file = shop / "app.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("label: Shop", "label: Shop of shops"), encoding="utf-8")
    assert run("publish", shop, "--yes").exit_code == 0
    store = open_store(home)
    assert "Shop of shops" in store.app.label.values()
    store.database.close()
