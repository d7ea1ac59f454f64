"""What a test run makes once is made by whoever asks first."""

from pathlib import Path
from threading import Thread

import pytest

from tests.once import once_for_all


def test_of_several_who_ask_at_once_one_makes_it_and_all_get_it(tmp_path_factory: pytest.TempPathFactory) -> None:
    made: list[Path] = []
    got: list[str] = []

    def fill(folder: Path) -> None:
        made.append(folder)
        (folder / "text").write_text("whole")

    def ask() -> None:
        got.append((once_for_all(tmp_path_factory, "asked-at-once", fill) / "text").read_text())

    askers = [Thread(target=ask) for _ in range(4)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    assert len(made) == 1 and got == ["whole"] * 4
