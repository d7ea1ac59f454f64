"""The bundled template with its demo, installed once for all pages and browsers."""

from pathlib import Path

import pytest

from tests.docs.test_commands import free_port, running, site_environ
from tests.once import once_for_all


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which ``formwork run`` was started once, and stopped; to be copied."""

    def install(folder: Path) -> None:
        environ = {key: value for key, value in site_environ().items() if key != "FORMWORK_LANG"}
        with running(folder, free_port(), environ):
            pass

    return once_for_all(tmp_path_factory, "installed", install)
