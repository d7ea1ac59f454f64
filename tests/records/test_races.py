"""Many at once: one update wins, no number is given twice or left out, no value repeats."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from engine.clock import SetClock
from engine.errors import InvalidValues
from engine.records import commands
from engine.records.commands import Stale
from engine.records.record import Record
from engine.storage import catalog
from engine.storage.store import Store
from engine.storage.system_tables import history, series
from tests.conftest import to_folder
from tests.racing import at_once
from tests.records.databases import database_of
from tests.records.desk import DESK, Desk, add_people

THREADS = 8


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def busy(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A desk of its own: numbers are counted from the first."""
    folder = tmp_path_factory.mktemp("busy")
    with database_of(request, folder) as database:
        clock = SetClock(datetime(2026, 3, 2, 1, 0, tzinfo=UTC))
        desk = Desk(Store(database, Path(folder) / "files", clock), clock)
        catalog.publish(desk.store, to_folder(DESK), actor_id=None)
        with desk.store.write() as session:
            add_people(session, desk)
        yield desk


def numbers(desk: Desk, month: str) -> list[str]:
    """Every number of a month that is kept, in order."""
    table = desk.store.tables.entity["deal"]
    with desk.store.read() as session:
        found = select(table.c.number).where(table.c.number.like(f"JY{month}-%")).order_by(table.c.number)
        return list(session.connection.scalars(found))


def test_of_many_updates_of_one_version_exactly_one_wins(busy: Desk) -> None:
    deal = busy.deal(note="0")

    answers = at_once(THREADS, lambda number: busy.update("chief", deal, note=f"by {number}"))

    won = [answer for answer in answers if isinstance(answer, Record)]
    assert len(won) == 1
    assert all(isinstance(answer, Stale) for answer in answers if answer is not won[0])
    assert {answer.record.values["note"] for answer in answers if isinstance(answer, Stale)} == {won[0].values["note"]}
    kept = busy.get("chief", deal)
    assert (kept.version, kept.values["note"]) == (2, won[0].values["note"])
    with busy.store.read() as session:
        own = select(history.c.version).where(history.c.entity == "deal", history.c.record_id == deal.id)
        assert sorted(session.connection.scalars(own)) == [1, 2]


def test_numbers_have_no_gaps_and_no_repeats_whoever_is_refused(busy: Desk) -> None:
    busy.clock.at = datetime(2026, 4, 10, tzinfo=UTC)

    def work_on(number: int) -> list[Exception]:
        refused = []
        for at in range(6):
            try:
                busy.deal(share="200" if at % 3 == number % 3 else "20")
            except InvalidValues as error:
                refused.append(error)
        return refused

    answers = at_once(THREADS, work_on)

    assert [len(answer) for answer in answers] == [2] * THREADS
    assert numbers(busy, "202604") == [f"JY202604-{at:03}" for at in range(1, THREADS * 4 + 1)]


def test_a_transaction_that_fails_after_drawing_gives_its_number_back(busy: Desk) -> None:
    busy.clock.at = datetime(2026, 5, 10, tzinfo=UTC)

    class Cut(Exception):
        """Whatever ends a transaction."""

    first = busy.deal()
    with pytest.raises(Cut), busy.store.write() as session:
        commands.create_record(session, "deal", {"title": "x"}, actor=busy.actor("chief"))
        raise Cut
    busy.deal()

    assert first.values["number"] == "JY202605-001"
    assert numbers(busy, "202605") == ["JY202605-001", "JY202605-002"]


def test_a_series_starts_again_with_the_month_of_the_site(busy: Desk) -> None:
    busy.clock.at = datetime(2026, 6, 30, 15, 59, 59, tzinfo=UTC)  # 23:59:59 in Shanghai
    june = busy.deal()
    busy.clock.at = datetime(2026, 6, 30, 16, 0, tzinfo=UTC)
    july = busy.deal()
    busy.clock.at = datetime(2026, 6, 30, 12, 0, tzinfo=UTC)
    late = busy.deal()

    assert [deal.values["number"] for deal in (june, july, late)] == ["JY202606-001", "JY202607-001", "JY202606-002"]


def test_numbers_go_on_beyond_their_digits(busy: Desk) -> None:
    busy.clock.at = datetime(2026, 8, 10, tzinfo=UTC)
    busy.deal()
    with busy.store.write() as session:
        own = (series.c.key == "deal", series.c.period == "202608")
        session.connection.execute(series.update().where(*own).values(last=999))

    assert busy.deal().values["number"] == "JY202608-1000"


def test_of_many_creates_with_one_name_exactly_one_wins(busy: Desk) -> None:
    name = busy.name("同名")

    answers = at_once(THREADS, lambda number: busy.client(name=name))

    refused = [answer for answer in answers if isinstance(answer, InvalidValues)]
    assert len(refused) == THREADS - 1
    assert {(error.path, error.code) for answer in refused for error in answer.errors} == {("name", "value.not_unique")}


def test_changing_the_lines_of_one_record_at_once_keeps_one_version_of_them(busy: Desk) -> None:
    product = busy.product(price="1")
    deal = busy.deal(lines=[{"product": product.id, "qty": "1"}])
    row = deal.values["lines"][0]["id"]

    def change(number: int) -> Record:
        lines = [{"id": row, "qty": str(number + 2)}, {"product": product.id, "qty": "1"}]
        return busy.update("chief", deal, lines=lines)

    answers = at_once(THREADS, change)

    won = [answer for answer in answers if isinstance(answer, Record)]
    assert len(won) == 1
    assert busy.get("chief", deal).values["lines"] == won[0].values["lines"]


def test_a_delete_and_a_change_at_once_leave_a_whole_record_or_none(busy: Desk) -> None:
    for _ in range(5):
        deal = busy.deal(note="a")

        def act(number: int, deal: Record = deal) -> object:
            return busy.delete("chief", deal) if number else busy.update("chief", deal, note="b")

        answers = at_once(2, act)

        assert sum(not isinstance(answer, Exception) for answer in answers) == 1
