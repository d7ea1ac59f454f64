"""The demo tells of a whole year, at any size: every month has business, the money adds up, and all of it ends."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from engine.clock import SetClock
from engine.definition.parser import parse_documents
from engine.definition.source import SourceFolder, read_folder
from engine.errors import Problem
from engine.storage import catalog
from engine.storage.database import open_database
from engine.storage.stage_tables import moves
from engine.storage.store import Session, Store
from engine.storage.system_tables import settings
from tests.conftest import ROOT
from web import demo

NOW = datetime(2026, 8, 3, 1, 0, tzinfo=UTC)
MONTHS = {f"{year}-{month:02}" for year, month in [(2025, m) for m in range(8, 13)] + [(2026, m) for m in range(1, 8)]}


@dataclass
class Told:
    """A demo that was played: its store, what it was made of, and what was left out of it."""

    template: str
    store: Store
    folder: SourceFolder
    left_out: list[Problem]


def open_site(template: str, home: Path) -> tuple[Store, SetClock, SourceFolder]:
    clock = SetClock(NOW)
    store = Store(open_database(f"sqlite:///{home / 'site.sqlite3'}"), home / "files", clock)
    folder = read_folder(Path(ROOT) / "templates" / template)
    catalog.publish(store, folder, actor_id=None)
    demo.create_people(store, folder)
    return store, clock, folder


@pytest.fixture(scope="module", params=["manufacturing", "retail_store"])
def told(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    """The demo of a template, interrupted in the middle of the year's courses and gone on with."""
    store, clock, folder = open_site(request.param, tmp_path_factory.mktemp("demo"))
    left_out: list[Problem] = []

    def interrupt(done: int, total: int) -> None:
        if done == total // 2:
            raise KeyboardInterrupt

    with store.database.without_waiting_for_disk():
        with pytest.raises(KeyboardInterrupt):
            demo.play_story(store, clock, folder, interrupt, left_out.append)
        demo.play_story(store, clock, folder, left_out=left_out.append)
    yield Told(request.param, store, folder, left_out)
    store.database.close()


def months(session: Session, column: Any, *where: Any) -> set[str]:
    """Return the months that a day or a moment of some records falls into."""
    days = session.connection.scalars(select(column).where(*where))
    return {f"{day:%Y-%m}" for day in days if isinstance(day, date)}


def test_nothing_of_it_is_refused(told: Told) -> None:
    assert [one.text("en") for one in told.left_out] == []


def test_every_month_of_the_last_twelve_has_business(told: Told) -> None:
    with told.store.read() as session:
        table = session.tables.entity
        won = {"manufacturing": ("opportunity", "won"), "retail_store": ("contract", "archived")}[told.template]
        moved = (moves.c.entity == won[0], moves.c.to_stage == won[1])
        assert months(session, moves.c.at, *moved) >= MONTHS
        if told.template == "manufacturing":
            assert months(session, table["payment"].c.received_on, table["payment"].c.stage == "confirmed") >= MONTHS
            assert months(session, table["order"].c.order_date, table["order"].c.stage == "done") >= MONTHS
            assert months(session, table["activity"].c.happened_at) >= MONTHS
            share, payment, part = session.tables.lines["payment", "allocations"], table["payment"], table["instalment"]
            paid = share.join(payment, payment.c.id == share.c.parent_id).join(part, part.c.id == share.c.instalment)
            late = payment.c.received_on > part.c.due_date
            assert session.connection.scalar(select(func.count()).select_from(paid).where(late)), "some pay late"
            assert session.connection.scalar(select(func.count()).select_from(paid).where(~late)), "others in time"
        else:
            assert months(session, table["sale"].c.sold_on, table["sale"].c.stage == "sold") >= MONTHS
            assert months(session, table["daily_report"].c.day, table["daily_report"].c.stage == "submitted") >= MONTHS
            assert months(session, table["order_money"].c.created_at) >= MONTHS


def test_the_money_of_the_year_adds_up_to_the_cent(told: Told) -> None:
    with told.store.read() as session:

        def total(column: Any, *where: Any) -> Decimal:
            return session.connection.scalar(select(func.sum(column)).where(*where)) or Decimal(0)

        table = session.tables.entity
        if told.template == "manufacturing":
            order, part, payment = table["order"], table["instalment"], table["payment"]
            live = part.c.stage != "void"
            assert total(order.c.total, order.c.stage.not_in(["draft", "review", "cancelled"])) == total(
                part.c.amount, live
            )
            paid = total(payment.c.amount, payment.c.stage == "confirmed")
            ahead = total(payment.c.unallocated, payment.c.stage == "confirmed")
            gone = total(part.c.written_off, live) + total(part.c.credited, live)
            assert total(part.c.amount, live) == (paid - ahead) + gone + total(part.c.open_amount, live)
        else:
            sale, splits, order, money = (
                table["sale"], session.tables.lines["sale", "splits"], table["order"], table["order_money"],
            )  # fmt: skip
            sold = sale.c.stage == "sold"
            apart = total(splits.c.amount, splits.c.parent_id.in_(select(sale.c.id).where(sold)))
            assert total(sale.c.total, sold) == total(sale.c.rest, sold) + apart + total(sale.c.points_worth, sold) > 0
            picked = order.c.stage == "picked_up"
            came = total(money.c.amount, money.c.order.in_(select(order.c.id).where(picked)))
            assert total(order.c.total, picked) == came > 0


def test_what_the_courses_began_has_ended(told: Told) -> None:
    """Who works with the demo finds open what the story tells, not what the year before left behind."""
    with told.store.read() as session:
        kept = session.connection.scalars(select(settings.c.key).where(settings.c.key.startswith("demo.course."))).all()
        assert kept == [], "what was said to the courses is forgotten once all is told"
        if told.template == "manufacturing":
            table = session.tables.entity
            documents = parse_documents(told.folder, "demo")
            steps = [
                one for document in documents if document.file == "demo/past.yaml" for one in document.data["steps"]
            ]
            names = [one["values"]["name"] for one in steps if one.get("create") == "customer"]
            customer = table["customer"]
            old = select(customer.c.id).where(customer.c.name.in_(names))
            for key in ("opportunity", "quote", "contract", "order", "delivery", "complaint", "instalment", "payment"):
                one = table[key]
                ended = {"won", "lost", "accepted", "archived", "done", "signed", "closed", "paid", "confirmed", "void"}
                stages = set(session.connection.scalars(select(one.c.stage).where(one.c.customer.in_(old))))
                assert stages and stages <= ended, key
        else:
            day, store = session.tables.entity["daily_report"], session.tables.entity["store"]
            told_by_the_story = select(store.c.id).where(store.c.code.in_(["S001", "S003", "S005"]))
            left = (day.c.day < NOW.date() - timedelta(days=62)) | day.c.store.not_in(told_by_the_story)
            assert session.connection.scalar(select(func.count()).where(day.c.stage == "open", left)) == 0


@pytest.mark.parametrize("told", ["retail_store"], indirect=True)  # in half the time of the other
def test_an_interrupted_year_is_the_year_that_was_not_interrupted(told: Told, tmp_path: Path) -> None:
    store, clock, folder = open_site(told.template, tmp_path)
    with store.database.without_waiting_for_disk():
        demo.play_story(store, clock, folder)
    assert what_there_is(store) == what_there_is(told.store)
    store.database.close()


def what_there_is(store: Store) -> dict[str, Counter[Any]]:
    with store.read() as session:
        numbered = {key: one for key, one in session.app.entities.items() if one.number is not None}
        tables = {key: session.tables.entity[key] for key in numbered}
        return {key: Counter(session.connection.scalars(select(one.c.created_at))) for key, one in tables.items()}


def test_one_command_clears_all_of_it_at_any_size(tmp_path: Path) -> None:
    store, clock, folder = open_site("retail_store", tmp_path)
    with store.database.without_waiting_for_disk():
        demo.play_story(store, clock, folder, size=0.1)
    with store.write() as session:
        few = session.connection.scalar(select(func.count()).select_from(session.tables.entity["sale"]))
        demo.clear_demo(session, actor=None)
    with store.read() as session:
        left = {
            key: session.connection.scalar(select(func.count()).select_from(table))
            for key, table in session.tables.entity.items()
        }
    assert few is not None and 10 < few < 60 and not any(left.values())
    store.database.close()
