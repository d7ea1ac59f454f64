"""The bundled template with its demo, installed once for all pages."""

from pathlib import Path

import pytest

from tests.docs.test_commands import free_port, running, site_environ


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which ``formwork run`` was started once, and stopped; to be copied."""
    folder = tmp_path_factory.mktemp("installed")
    with running(folder, free_port(), site_environ()):
        pass
    return folder
