"""``formwork module``: what is on, switched by whoever has the machine."""

from pathlib import Path

from engine.definition.source import read_folder
from engine.storage import catalog
from tests.cli.conftest import Run, changed, open_store


def test_a_module_goes_off_and_on_and_is_listed(run: Run, home: Path, tmp_path: Path) -> None:
    assert "declares no modules" in run("module", "list").output
    modules = "modules:\n  desk: {label: Desk, entities: [client, ticket]}\n"
    folder = read_folder(changed(tmp_path, "app.yaml", "menu:", f"{modules}menu:"))
    store = open_store(home)
    catalog.publish(store, folder, actor_id=None)

    assert "Off from now, data kept: Desk" in run("module", "off", "desk").output
    assert run("module", "list").output.startswith("desk (Desk)  off")
    with store.write() as session:
        assert "ticket" in session.app.off
    store.database.close()
    assert "On from now, without a restart: Desk" in run("module", "on", "desk").output
    assert "There is no module 'moon'; those there are: desk." in run("module", "on", "moon").output
