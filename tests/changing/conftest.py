"""A site of the payments app per test, on each database, and drafts of it."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from sqlalchemy import func, select

from engine.compiler.app import CompiledApp
from engine.definition.source import SourceFolder, read_folder
from engine.storage.compiled import load_folder
from engine.storage.database import Database
from engine.storage.store import Store
from engine.storage.system_columns import metadata
from tests.workflow.site import APP, Site, make_people, open_site


@pytest.fixture
def site(database: Database, tmp_path: Path) -> Site:
    return open_site(database, tmp_path, read_folder(APP), make_people)


def draft_of(*changes: tuple[str, str, str]) -> SourceFolder:
    """The sources of the payments app with texts replaced: file, old, new."""
    files: Mapping[str, str] = read_folder(APP).files
    for file, old, new in changes:
        assert old in files[file], (file, old)
        files = {**files, file: files[file].replace(old, new)}
    return SourceFolder(files)


def compiled(*changes: tuple[str, str, str]) -> CompiledApp:
    return load_folder(draft_of(*changes))


def everything(store: Store) -> dict[str, int]:
    """How many rows each table has: of the engine and of the app."""
    with store.read() as session:
        tables = [*metadata.tables.values(), *session.tables.entity.values()]
        return {table.name: session.connection.scalar(select(func.count()).select_from(table)) or 0 for table in tables}
