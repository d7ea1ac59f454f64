"""A site per test, on each database."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.definition.source import read_folder
from tests.workflow.site import APP, Site, make_people, open_site, with_transfer


@pytest.fixture(params=["sqlite", "postgresql"])
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    yield from open_site(request.param, tmp_path, read_folder(APP), with_transfer, make_people)
