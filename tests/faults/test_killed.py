"""Killed at any moment, nothing acknowledged is lost and nothing happens twice: seen from outside, on both profiles.

``FORMWORK_KILLS=300 pytest tests/faults`` kills as often as that; the figures stand in docs/promises.md.
"""

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, text

from tests.automation.helpdesk import with_rules
from tests.faults.house import Clients, House, a_house, token_for

Look = Callable[[str], list[Any]]
KILLS = int(os.environ.get("FORMWORK_KILLS", "30"))
RULES = """
count: {label: 计数, on: {created: true},
  do: [{set: {count: "default(count, 0) + 1"}}, {notify: [{role: boss}], text: "{title}"}]}
later: {label: 之后, on: {created: true}, do: [{wait: 1m}, {set: {mark: "'到'"}}]}
"""
NUMBERED = 'display: "{title}"\nnumber: {pattern: "T{seq:6}", mode: gapless}'


def definition() -> dict[str, str]:
    files = with_rules(RULES)
    return {**files, "ticket/entity.yaml": files["ticket/entity.yaml"].replace('display: "{title}"', NUMBERED)}


@contextmanager
def looking(address: str) -> Iterator[Look]:
    """Look into the database from outside, at one moment: what is timed goes on happening meanwhile."""
    postgresql = address.startswith("postgresql")
    engine = create_engine(address.replace("postgresql://", "postgresql+psycopg://"))
    try:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("BEGIN ISOLATION LEVEL REPEATABLE READ" if postgresql else "BEGIN")
            yield lambda sql: [tuple(row) for row in connection.execute(text(sql))]
            connection.exec_driver_sql("ROLLBACK")
    finally:
        engine.dispose()


def rows(address: str, sql: str) -> list[Any]:
    with looking(address) as look:
        return look(sql)


def settle(address: str) -> None:
    """Wait until nothing that is due is left to do."""
    until = time.monotonic() + 90
    events = "SELECT count(*) FROM fw_outbox WHERE done_at IS NULL"
    begun = "SELECT count(*) FROM fw_runs WHERE state = 'pending' AND position = 0"
    while rows(address, f"SELECT ({events}) + ({begun})") != [(0,)]:
        assert time.monotonic() < until, "work is left that nobody does"
        time.sleep(0.3)


def check(address: str, clients: Clients) -> None:
    """Look from outside at everything that is promised."""
    assert clients.refused == []
    with looking(address) as look:
        tickets = {title: about for title, *about in look("SELECT title, id, number, count, version FROM e_ticket")}
        made = look("SELECT count(*) FROM e_ticket")
        told = Counter(record for (record,) in look("SELECT record_id FROM fw_notices"))
        history = Counter(record for (record,) in look("SELECT record_id FROM fw_history WHERE entity = 'ticket'"))
        waiting = look("SELECT count(*) FROM fw_runs WHERE automation = 'ticket.later'")
    assert len(clients.acknowledged) > 20
    lost = {title: id_ for title, id_ in clients.acknowledged.items() if tickets.get(title, [None])[0] != id_}
    assert lost == {}, "acknowledged, and not there"
    assert made == [(len(tickets),)], "the same request made two records"
    assert {count for _, _, count, _ in tickets.values()} == {1}, "an automation ran twice, or never"
    numbers = sorted(number for _, number, _, _ in tickets.values())
    assert numbers == [f"T{n:06}" for n in range(1, len(numbers) + 1)], "a number twice, or a gap"
    assert told == {id_: 1 for id_, _, _, _ in tickets.values()}, "told twice, or never"
    assert history == {id_: version for id_, _, _, version in tickets.values()}, "history and record differ"
    assert waiting == [(len(tickets),)]


def play(house: House, address: str, kills: int, seed: int) -> None:
    token = token_for(house, "desk", "agent")
    token_for(house, "chief", "boss")
    clients = Clients(house, token, count=4)
    clients.work(kills, seed, pause=(0.1, 0.5))
    settle(address)
    check(address, clients)


def test_one_process_with_its_own_database(tmp_path: Path) -> None:
    address = f"sqlite:///{tmp_path / 'site.sqlite3'}"
    with a_house(tmp_path, definition(), address, None, workers=0) as house:
        play(house, address, kills=max(1, KILLS // 3), seed=1)


def test_a_server_and_two_workers_with_postgresql_and_redis(
    tmp_path: Path, postgresql_site: str, redis_server: str
) -> None:
    with a_house(tmp_path, definition(), postgresql_site, redis_server, workers=2) as house:
        play(house, postgresql_site, kills=max(1, KILLS - KILLS // 3), seed=2)


def test_redis_that_is_not_there_loses_nothing(tmp_path: Path) -> None:
    address = f"sqlite:///{tmp_path / 'site.sqlite3'}"
    with a_house(tmp_path, definition(), address, "redis://127.0.0.1:1/0", workers=1) as house:
        token = token_for(house, "desk", "agent")
        assert house.ask("POST", "/ticket", token, {"title": "一"})[0] == 201
        settle(address)
