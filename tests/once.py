"""What one process of a test run makes for all of them: each would take as long to make it for itself.

Enters: a name, and what fills a folder. Leaves: the folder, filled once however many processes ask for it. Must not be
changed by those who asked: they copy it.
"""

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

_PATIENCE = 300


def once_for_all(places: pytest.TempPathFactory, name: str, fill: Callable[[Path], object]) -> Path:
    """Fill a folder of this name, or wait until the process that came first has filled it."""
    own = places.getbasetemp()
    folder = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / name
    filled, failed = folder.with_suffix(".filled"), folder.with_suffix(".failed")
    try:
        folder.mkdir()
    except FileExistsError:
        until = time.monotonic() + _PATIENCE
        while not filled.exists():
            if failed.exists() or time.monotonic() > until:
                pytest.fail(f"{name} was not made by the process that began to")
            time.sleep(0.1)
        return folder
    try:
        fill(folder)
    except BaseException:
        failed.touch()
        raise
    filled.touch()
    return folder
