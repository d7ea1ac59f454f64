"""Closed months: written once when their days have passed, shown beside the figure of now to who sees everything."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError

from engine import reports
from engine.automation.jobs import attend
from engine.errors import NotPossibleNow
from engine.reports.closing import AGAIN_AFTER, close_months
from engine.reports.results import Cell
from engine.reports.writing import result_data
from engine.storage.closing_tables import closed_months
from engine.storage.store import Session
from tests.reports.conftest import MONDAY, Market

FEBRUARY = "2026-02"


def months(market: Market) -> list[tuple[Any, ...]]:
    c = closed_months.c
    with market.store.read() as session:
        return [
            tuple(row) for row in session.connection.execute(select(c.figure, c.month, c.value, c.n).order_by(c.id))
        ]


def cell_of(market: Market, login: str = "bo", figure: str = "deal.count", **asked: Any) -> Cell:
    with market.store.read() as session:
        asked = {"period": FEBRUARY, **asked}
        found = reports.run_figure(session, figure, actor=market.actor(session, login), **asked)
    cell = found.total.cells[0]
    assert cell is not None
    return cell


def test_a_closed_month_stays_and_what_came_later_is_an_adjustment(market: Market) -> None:
    assert market.clock.now() == MONDAY
    assert (close_months(market.store), close_months(market.store)) == (1, 0)  # one day after its end, the other three
    assert months(market) == [("deal.count", FEBRUARY, "1", 1)]
    market.clock.at = datetime(2026, 3, 3, 15, 59, tzinfo=UTC)  # still the third in Shanghai
    assert close_months(market.store) == 0
    market.clock.at = datetime(2026, 3, 3, 16, tzinfo=UTC)
    attend(market.store)
    assert months(market)[1:] == [("deal.won", FEBRUARY, "50.00", 1)] and close_months(market.store) == 0

    first = cell_of(market)
    assert first.closed is not None and (first.closed.value, first.adjustment) == (Decimal(1), Decimal(0))
    client = market.records["C1"]
    for name in ("late", "later"):
        market.create("deal", name, "ann", name=name, client=client, amount="25", got_at="2026-02-10 08:00")
    told = cell_of(market)
    assert told.closed is not None and (told.value, told.n) == (3, 3)
    assert (told.closed.value, told.closed.n, told.adjustment) == (Decimal(1), 1, Decimal(2))
    with market.store.read() as session:
        boss = market.actor(session, "bo")
        by_month = reports.run_figure(session, "deal.count", actor=boss, period="2026-Q1", by=["date.month"])
        assert session.app.figures["deal.count"].digest == told.closed.digest
        data = result_data(by_month, "zh")["lines"][1]["cells"][0]["closed"]
        parted = reports.run_figure(session, "deal.count", actor=boss, period=FEBRUARY, by=["owner"])
    assert [line.cells[0] and line.cells[0].adjustment for line in by_month.lines] == [None, Decimal(2), None]
    assert (data["value"], data["n"], data["adjustment"]) == ("1", 1, "2")
    assert all(line.cells[0] is None or line.cells[0].closed is None for line in parted.lines)

    # a part of it was never written down, nor is it for whoever sees a part
    assert cell_of(market, filters={"owner": market.ids["ann"]}).closed is None
    assert cell_of(market, period="2026-02-01..2026-02-27").closed is None
    assert cell_of(market, "ann").closed is None and cell_of(market, "ann").value == 2

    with pytest.raises(IntegrityError), market.store.write() as session:
        session.connection.execute(update(closed_months).values(n=99))
    with pytest.raises(IntegrityError), market.store.write() as session:
        session.connection.execute(delete(closed_months))
    market.clock.at = datetime(2026, 6, 10, 1, tzinfo=UTC)  # nobody looked in April: March stays open, April too
    assert [close_months(market.store) for _ in range(3)] == [1, 1, 0]
    assert {month for _, month, *_ in months(market)} == {FEBRUARY, "2026-05"}


def test_a_figure_that_cannot_be_worked_out_holds_up_no_other_and_is_tried_again_after_an_hour(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where another process looks: what failed is remembered in the database."""
    tried: list[str] = []

    def run(session: Session, figure: str, **asked: Any) -> reports.Result:
        tried.append(figure)
        if figure == "deal.count" and market.clock.now() < mended:
            raise NotPossibleNow("report.too_slow")
        return reports.run_figure(session, figure, **asked)

    monkeypatch.setattr("engine.reports.closing.run_figure", run)
    begun = market.clock.at = datetime(2026, 9, 10, 1, tzinfo=UTC)
    mended = begun + AGAIN_AFTER
    assert [close_months(market.store) for _ in range(4)] == [0, 1, 0, 0]
    assert tried == ["deal.count", "deal.won"] and [one[:2] for one in months(market)[-1:]] == [("deal.won", "2026-08")]
    market.clock.at = mended - timedelta(seconds=1)
    assert close_months(market.store) == 0 and len(tried) == 2
    market.clock.at = mended
    assert (close_months(market.store), tried[2:]) == (1, ["deal.count"]) and close_months(market.store) == 0
