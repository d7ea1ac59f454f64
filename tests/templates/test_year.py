"""A season of business, invented from a seed and played through the commands: it goes well, and the money adds up."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import func, select

from engine.clock import SetClock
from engine.definition.parser import parse_documents
from engine.definition.source import read_folder
from engine.examples.drawing import draw
from engine.examples.year import PlayedYear, play_year
from engine.storage import catalog
from engine.storage.database import open_database
from engine.storage.store import Store
from tests.conftest import ROOT
from web import demo

NOW = datetime(2026, 6, 30, 9, 0, tzinfo=UTC)
LIKE_ANOTHER = "inquiry: name"
"""Invented companies may be called much alike: somebody would have to look, nobody does here."""

Season = tuple[Store, PlayedYear]


@pytest.fixture(scope="module")
def season(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Season]:
    yield from play("manufacturing", tmp_path_factory.mktemp("year"), size=0.03, days=100)


def play(template: str, home: Path, *, size: float, days: int) -> Iterator[Season]:
    clock = SetClock(NOW)
    store = Store(open_database(f"sqlite:///{home / 'site.sqlite3'}"), home / "files", clock)
    folder = read_folder(Path(ROOT) / "templates" / template)
    catalog.publish(store, folder, actor_id=None)
    demo.create_people(store, folder)
    demo.play_story(store, clock, folder)
    yield store, play_year(store, clock, folder, size=size, days=days, seed=20260630)
    store.database.close()


def test_what_people_do_in_it_is_what_they_may(season: Season) -> None:
    _, played = season
    assert played.courses == 16
    assert played.steps > 100
    assert [why for why in played.refused if not why.startswith(LIKE_ANOTHER)] == []


def test_orders_are_instalments_and_instalments_are_money_or_open_to_the_cent(season: Season) -> None:
    store, _ = season
    with store.read() as session:
        order, part, share, payment, lost = (
            session.tables.entity["order"], session.tables.entity["instalment"],
            session.tables.lines["payment", "allocations"], session.tables.entity["payment"],
            session.tables.entity["write_off"],
        )  # fmt: skip

        def total(column: Any, *where: Any) -> Decimal:
            return session.connection.scalar(select(func.sum(column)).where(*where)) or Decimal(0)

        orders = total(order.c.total, order.c.stage.not_in(["draft", "review", "cancelled"]))
        planned = total(part.c.amount, part.c.stage != "void")
        counted = select(payment.c.id).where(payment.c.stage.in_(["confirmed", "reversing"]))
        allocated = total(share.c.amount, share.c.parent_id.in_(counted))
        gone = total(lost.c.amount, lost.c.stage.in_(["written_off", "restoring"]))
        back = total(part.c.credited, part.c.stage != "void")
        still = total(part.c.open_amount, part.c.stage != "void")
        paid = total(payment.c.amount, payment.c.id.in_(counted))
        ahead = total(payment.c.unallocated, payment.c.id.in_(counted))

    assert orders == planned > 0
    assert planned == allocated + gone + back + still
    assert gone > 0, "the story writes some off"
    assert paid == allocated + ahead > 0


def test_tickets_are_money_that_came_in_and_goods_that_left_the_shelves(tmp_path: Path) -> None:
    for store, played in play("retail_store", tmp_path, size=0.03, days=60):
        assert dict(played.refused) == {} and played.steps > 60
        with store.read() as session:
            sale, splits, move, shelf, item = (
                session.tables.entity["sale"], session.tables.lines["sale", "splits"],
                session.tables.entity["stock_move"], session.tables.entity["stock"], session.tables.entity["sold_item"],
            )  # fmt: skip
            paid = sale.c.stage == "sold"

            def total(column: Any, *where: Any) -> Decimal:
                return session.connection.scalar(select(func.sum(column)).where(*where)) or Decimal(0)

            apart = total(splits.c.amount, splits.c.parent_id.in_(select(sale.c.id).where(paid)))
            assert total(sale.c.total, paid) == total(sale.c.rest, paid) + apart + total(sale.c.points_worth, paid) > 0
            assert total(item.c.amount) == total(sale.c.goods_total, paid), "no ticket of this season has amounts off"
            assert total(item.c.qty) == -total(move.c.qty, move.c.kind == "sale")
            assert total(shelf.c.on_hand) == total(move.c.qty) > 0

            day = session.tables.entity["daily_report"]
            closed = total(day.c.tickets, day.c.stage == "submitted", day.c.footfall.is_not(None))
            assert closed > 0, "shops send in their days"


def test_the_same_seed_draws_the_same() -> None:
    folder = read_folder(Path(ROOT) / "templates" / "manufacturing")
    written = parse_documents(folder, "course")[0].data["draw"]
    assert draw(Random("a"), written, 1) == draw(Random("a"), written, 1) != draw(Random("b"), written, 1)
