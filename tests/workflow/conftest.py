"""A site per test, on each database."""

from pathlib import Path

import pytest

from engine.definition.source import read_folder
from engine.storage.database import Database
from tests.workflow.site import APP, Site, make_people, open_site


@pytest.fixture
def site(database: Database, tmp_path: Path) -> Site:
    return open_site(database, tmp_path, read_folder(APP), make_people)
