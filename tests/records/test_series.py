"""Numbers start again when their period does, by the clock of the site, and none is given twice, whoever fails."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from engine.clock import SetClock
from engine.records import commands
from engine.storage import catalog
from engine.storage.store import Store
from tests.conftest import to_folder
from tests.racing import at_once
from tests.records.databases import database_of
from tests.records.desk import APP, Desk, add_people

PATTERNS = {
    "never": "N{seq:4}",
    "yearly": "Y{yy}-{seq:4}",
    "monthly": "M{yyyyMM}-{seq:4}",
    "daily": "D{yyyyMMdd}-{seq:4}",
}
MODES = ("standard", "gapless")
SLIP = """\
entity: {key}
label: 单
number: {{pattern: "{pattern}", reset: {reset}, mode: {mode}}}
fields:
  name: {{type: text, label: 名称, required: true}}
access:
  chief: {{read: all, create: true}}
"""
KINDS = [f"{reset}_{mode}" for reset in PATTERNS for mode in MODES]
SLIPS = {"app.yaml": APP.replace("client, product, stock, slip, deal", ", ".join(KINDS))} | {
    f"{kind}/entity.yaml": SLIP.format(
        key=kind, pattern=PATTERNS[kind.partition("_")[0]], reset=kind.partition("_")[0], mode=kind.partition("_")[2]
    )
    for kind in KINDS
}


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def slips(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("slips")
    with database_of(request, folder) as database:
        clock = SetClock(datetime(2026, 3, 2, 1, 0, tzinfo=UTC))
        desk = Desk(Store(database, folder / "files", clock), clock)
        catalog.publish(desk.store, to_folder(SLIPS), actor_id=None)
        with desk.store.write() as session:
            add_people(session, desk)
        yield desk


@pytest.mark.parametrize("kind", KINDS)
def test_a_series_starts_again_at_midnight_of_the_site(slips: Desk, kind: str) -> None:
    def drawn(*moment: int) -> str:
        slips.clock.at = datetime(*moment, tzinfo=UTC)  # type: ignore[misc,arg-type]
        return str(slips.create("chief", kind, name="x").values["number"])

    last_second = drawn(2027, 12, 31, 15, 59, 59)  # 23:59:59 in Shanghai
    first_second = drawn(2027, 12, 31, 16, 0, 0)

    expected = {
        "never": ("N0001", "N0002"),
        "yearly": ("Y27-0001", "Y28-0001"),
        "monthly": ("M202712-0001", "M202801-0001"),
        "daily": ("D20271231-0001", "D20280101-0001"),
    }
    assert (last_second, first_second) == expected[kind.partition("_")[0]]


@pytest.mark.parametrize("mode", MODES)
def test_no_number_is_given_twice_or_lost_whoever_gives_up(slips: Desk, mode: str) -> None:
    slips.clock.at = datetime(2028, 5, 5, tzinfo=UTC)
    kind = f"daily_{mode}"

    def work(number: int) -> None:
        for at in range(5):
            try:
                with slips.store.write() as session:
                    commands.create_record(session, kind, {"name": "y"}, actor=slips.actor("chief"))
                    if (number + at) % 2:
                        raise ZeroDivisionError
            except ZeroDivisionError:
                continue

    answers = at_once(8, work)

    assert answers == [None] * 8
    table = slips.store.tables.entity[kind]
    with slips.store.read() as session:
        found = select(table.c.number).where(table.c.number.like("D20280505-%")).order_by(table.c.number)
        numbers = list(session.connection.scalars(found))
    assert len(numbers) == len(set(numbers)) == 20
    if mode == "gapless":
        assert numbers == [f"D20280505-{at:04}" for at in range(1, 21)]
