"""A web server that divides itself: what one process leaves another takes up, and all end together."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.house import Clients, House, a_house, token_for
from tests.faults.test_killed import KILLS, check, definition, settle
from web.cli.processes import Doorbell

pytestmark = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="processes are looked for in /proc")


@pytest.fixture
def address(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'site.sqlite3'}"


@pytest.fixture
def house(tmp_path: Path, address: str) -> Iterator[House]:
    with a_house(tmp_path, definition(), address, None, workers=0, processes=2) as made:
        yield made


def test_nothing_is_lost_when_one_of_them_dies(house: House, address: str) -> None:
    token = token_for(house, "desk", "agent")
    token_for(house, "chief", "boss")
    first = house.processes["web"].pid
    assert len(house.divided()) == 3, "two that answer and one that does the work"
    clients = Clients(house, token, count=4)
    clients.work(max(2, KILLS // 5), seed=3, pause=(0.5, 1.5), within=True)
    settle(address)
    check(address, clients)
    assert (house.processes["web"].pid, house.processes["web"].poll()) == (first, None)
    assert "another takes its place" in (house.folder / "web.log").read_text()


def test_all_end_when_the_first_is_told_to(house: House) -> None:
    began = house.divided()
    house.processes["web"].send_signal(signal.SIGTERM)
    assert house.processes["web"].wait(30) == 0
    assert [one for one in began if _lives(one)] == []
    assert (house.folder / "web.log").read_text().splitlines()[-1] == "Stopped."


def test_none_outlives_the_first(house: House) -> None:
    began = house.divided()
    house.processes["web"].kill()
    until = time.monotonic() + 30
    while any(map(_lives, began)):
        assert time.monotonic() < until
        time.sleep(0.05)


def test_a_bell_wakes_whoever_answers_and_never_holds_up_who_rings() -> None:
    bell, woken = Doorbell(), threading.Event()
    for _ in range(100_000):  # more than a pipe holds
        bell.ring()
    threading.Thread(target=bell.answer, args=(woken.set,), daemon=True).start()
    assert woken.wait(10)
    time.sleep(0.2)
    woken.clear()
    bell.ring()
    assert woken.wait(10)


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
