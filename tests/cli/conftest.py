"""An installed home with the service desk published, and the command line in English on it."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from engine.clock import SystemClock
from engine.storage import catalog
from engine.storage.database import Database, open_database
from engine.storage.store import Store
from tests import prepared
from tests.conftest import ROOT, to_folder
from web.cli import make_cli
from web.settings import install_home, read_settings

DESK = ROOT / "tests" / "web" / "desk"
Run = Callable[..., Result]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home in which the desk runs and nobody is."""
    folder = tmp_path / "home"
    install_home(folder)

    def publish(database: Database) -> None:
        catalog.publish(Store(database, folder / "files", SystemClock()), to_folder(DESK), actor_id=None)

    database = open_database(read_settings({}, home=folder).database_url)
    prepared.fill(database, "the desk, by the system clock", publish)
    database.close()
    return folder


@pytest.fixture
def run(home: Path) -> Run:
    """Run a command on the home."""

    def run_it(*arguments: object, language: str = "en", **more: object) -> Result:
        given = [str(item) for item in arguments]
        result = CliRunner().invoke(make_cli(language), ["--home", str(home), *given], **more)  # type: ignore[arg-type]
        assert "Traceback" not in result.output
        return result

    return run_it


def open_store(home: Path) -> Store:
    """Open the store of a home."""
    settings = read_settings({}, home=home)
    return Store(open_database(settings.database_url), settings.files_dir, SystemClock())


def changed(folder: Path, file: str, old: str, new: str) -> Path:
    """Copy the desk with one text replaced."""
    copy = folder / "desk"
    shutil.copytree(DESK, copy)
    text = (copy / file).read_text(encoding="utf-8")
    assert old in text
    (copy / file).write_text(text.replace(old, new), encoding="utf-8")
    return copy
