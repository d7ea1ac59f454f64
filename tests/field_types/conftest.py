"""An app with one field of every type, open to people, on each database."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.clock import SetClock
from engine.storage.store import Store
from tests.conftest import MakeStore
from tests.web.conftest import Desk, close_app, ids_of, let_in, open_app
from web.settings import Settings

APP = Path(__file__).parent / "app"


@pytest.fixture
def samples(make_store: MakeStore, tmp_path: Path, clock: SetClock) -> Iterator[Desk]:
    """The running app and its people."""
    store = make_store(APP, let_in)
    settings = Settings(
        home=tmp_path,
        database_url=store.database.url.render_as_string(hide_password=False),
        secret_key="a-key-for-tests-that-is-long-enough-0123456789",
        testing=True,
    )
    app = open_app(settings, clock)
    opened: Store = app.extensions["formwork.store"]
    yield Desk(app, opened, clock, ids_of(store))
    close_app(app)
    store.database.close()
