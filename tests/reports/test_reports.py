"""Reports, funnels and dashboards as different people see them, against numbers worked out by hand."""

import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, event, select, text, update
from sqlalchemy.engine import Engine

from engine import reports
from engine.clock import SetClock
from engine.compiler.compile import load_app
from engine.definition.source import SourceFolder
from engine.errors import FormworkError, InvalidValues, NotFound
from engine.records.queries import Page
from engine.reports import Counting, StillCounting, announcing, kept, working, writing
from engine.reports import behind as engine_behind
from engine.reports.announced_words import announced_lines, say_announced
from engine.reports.cumulating import cumulate
from engine.reports.running import Wanted, lay_beside
from engine.speaking import Speaker
from engine.storage import catalog
from engine.storage.count_tables import counts
from engine.storage.database import open_database
from engine.storage.differences import compare
from engine.storage.stage_tables import moves
from engine.storage.store import Session, Store
from engine.storage.upgrades import STEPS
from engine.storage.upgrading import upgrade
from tests.reports.conftest import MONDAY, Market
from tests.reports.market import FULL, add_people


def values(lines: Iterable[reports.Line]) -> dict[Any, list[Any]]:
    return {
        line.keys if len(line.keys) > 1 else line.keys[0]: [cell and cell.value for cell in line.cells]
        for line in lines
    }


def test_a_report_lays_figures_beside_each_other_with_what_they_were_and_should_be(market: Market) -> None:
    with market.store.read() as session:
        found = reports.run(session, "deal.overview", actor=market.actor(session, "bo"), period="2026-03")
    ann, ben, cat = (market.ids[one] for one in ("ann", "ben", "cat"))
    assert [one.key for one in found.figures] == ["deal.count", "deal.won", "deal.rate", "deal.margin"]
    assert values(found.lines) == {
        ann: [2, Decimal("100.00"), Decimal(1), Decimal("380.00")],
        cat: [2, Decimal("1000.00"), Decimal("0.5"), Decimal("987.00")],
        ben: [0, Decimal(0), None, Decimal(0)],
    }
    by_key = {line.keys[0]: line for line in found.lines}
    count, won, rate, _ = by_key[ann].cells
    assert count is not None and won is not None and rate is not None
    assert count.last_year is not None and (count.last_year.value, count.last_year.n) == (1, 1)
    assert won.last_year is not None and won.last_year.value == Decimal("80.00") and won.year_change == Decimal("0.25")
    assert (rate.n, rate.small, rate.target) == (2, True, Decimal("0.5"))
    before = by_key[ben].cells[1]
    assert before is not None and before.previous is not None and before.previous.value == Decimal("50.00")
    assert [cell and (cell.value, cell.n) for cell in found.total.cells][:2] == [(4, 4), (Decimal("1100.00"), 2)]
    assert found.labels["user", ann] == "ann"


def test_what_grows_with_a_month_that_lasts_is_compared_with_as_many_days_unless_it_is_divided(market: Market) -> None:
    def periods(figure: str, **asked: Any) -> list[str | None]:
        with market.store.read() as session:  # it is the second of March
            boss = market.actor(session, "bo")
            found = reports.run_figure(session, figure, actor=boss, compare=["previous", "last_year"], **asked)
        return [one and one.name for one in (found.period, found.previous, found.last_year)]

    assert periods("deal.won") == ["2026-03", "2026-02-01..2026-02-02", "2025-03-01..2025-03-02"]
    assert periods("deal.won", by=["date.day"]) == ["2026-03", "2026-02", "2025-03"]
    assert periods("deal.rate") == ["2026-03", "2026-02", "2025-03"]
    assert periods("deal.won", period="2026-02") == ["2026-02", "2026-01", "2025-02"]


def test_lines_that_are_alike_stand_by_what_comes_then(market: Market) -> None:
    with market.store.read() as session:
        found = reports.run(session, "deal.tied", actor=market.actor(session, "bo"), period="2026-03")
    lines = [tuple(cell and cell.value for cell in line.cells) for line in found.lines]
    assert len({first for first, _ in lines}) == 1 and [count for _, count in lines] == [2, 2, 0]


def test_lines_say_which_share_of_the_whole_they_have_so_far_also_where_the_first_alone_are_shown(
    market: Market,
) -> None:
    def shares(report: str, login: str = "bo", **asked: Any) -> list[Any]:
        with market.store.read() as session:
            found = reports.run(session, report, actor=market.actor(session, login), period="2026-03", **asked)
        cells = [line.cells[0] for line in found.lines]
        return [found.cumulated, found.more, *(cell and cell.cumulated for cell in cells)]

    most = Decimal("0.909091")  # 1000 of 1100
    assert shares("deal.pareto") == ["deal.won", 0, most, 1]
    assert shares("deal.first") == ["deal.won", 1, most]
    assert shares("deal.first", filters={"region": "east"}) == ["deal.won", 0, 1]  # the whole is what is left
    assert shares("deal.first", "ann") == ["deal.won", 0, 1]  # and what its reader sees
    assert shares("deal.pareto", by=["size"]) == ["deal.won", 0, most, 1, 1]  # nothing more of the smallest
    for by in (["tags"], ["date.day"], [], ["region", "size"]):  # several keys, time, nothing, two
        assert shares("deal.pareto", by=by)[0] is None
    with market.store.read() as session:
        found = reports.run(session, "deal.pareto", actor=market.actor(session, "bo"), period="2026-03")
    assert writing.result_data(found, "zh")["lines"][0]["cells"][0]["cumulated"] == "0.909091"


@pytest.mark.parametrize(
    ("amounts", "shares"),
    [
        (["6", "3", "1"], ["0.6", "0.9", "1"]),
        (["5", "5", "0"], ["0.5", "1", "1"]),
        (["9", "3", "-4"], ["1.125", "1.5", "1"]),  # what came back comes last
        (["8", None], ["1", None]),
        (["0", "0"], [None, None]),
        (["2", "-5"], [None, None]),
        ([], []),
    ],
)
def test_a_share_so_far_of_nothing_or_less_is_none(
    market: Market, amounts: list[str | None], shares: list[str | None]
) -> None:
    with market.store.read() as session:
        found = reports.run(session, "deal.pareto", actor=market.actor(session, "bo"), period="2026-03")
    cells = [None if one is None else reports.Cell(Decimal(one), 1) for one in amounts]
    lines = tuple(reports.Line((str(at),), (cell, None)) for at, cell in enumerate(cells))
    report = found.report
    assert report is not None
    added = [line.cells[0] for line in cumulate(replace(found, lines=lines), report).lines]
    assert [cell and cell.cumulated for cell in added] == [one and Decimal(one) for one in shares]


def test_the_target_of_a_figure_is_another_figure_divided_the_same_way(market: Market) -> None:
    with market.store.read() as session:
        boss = reports.run(session, "deal.regions", actor=market.actor(session, "bo"), period="2026-03")
        rep = reports.run(session, "deal.regions", actor=market.actor(session, "ann"), period="2026-03")
    told = {line.keys[0]: (cell.value, cell.target, cell.attained) for line in boss.lines if (cell := line.cells[0])}
    assert told == {
        "south": (Decimal("1000.00"), Decimal(0), None),
        "east": (Decimal("100.00"), Decimal(500), Decimal("0.2")),
    }
    assert [line.keys[0] for line in boss.lines] == ["south", "east"]  # the largest first
    assert [cell and cell.target for line in rep.lines for cell in line.cells] == [None]  # reps see no targets


def test_a_figure_is_made_with_others_over_the_same_rows_or_over_each_of_a_dimension(market: Market) -> None:
    def of(figure: str, login: str = "bo", **asked: Any) -> tuple[dict[Any, list[Any]], Any]:
        with market.store.read() as session:
            found = reports.run_figure(session, f"deal.{figure}", actor=market.actor(session, login), **asked)
        total = found.total.cells[0]
        return values(found.lines), total and (total.value, total.n)

    assert of("attained", period="2026-03", by=["region"]) == (
        {"east": [Decimal("0.2")], "south": [None]}, (Decimal("2.2"), 2)
    )  # fmt: skip
    assert of("many", period="2026-03", by=["region"]) == (
        {"east": [None], "south": [None]}, (Decimal("1100"), 2)
    )  # fmt: skip
    # the best of all regions is the same for each of them, and a filter by region leaves it alone
    assert of("best", period="2026-03", by=["region"]) == (
        {"east": [Decimal("0.1")], "south": [Decimal(1)]}, (Decimal("1.1"), 2)
    )  # fmt: skip
    assert of("best", period="2026-03", filters={"region": "east"})[1] == (Decimal("0.1"), 1)
    # a part with a target and no rows is there too; in February 50 of 999, in March 1100 of 500
    parts, total = of("hit", period="2026-02-01..2026-03-31", by=["date.month"])
    assert (list(parts.values()), total) == ([[Decimal(0)], [Decimal(1)]], (Decimal(0), 3))
    assert of("hits", period="2026-02-01..2026-03-31")[1] == (Decimal(1), 5)
    assert of("attained", period="2026-04")[1] == (None, 0)
    # in March ann got two, cat two: each has as many as is usual
    lines, _ = of("usual", period="2026-03", by=["owner"])
    assert [lines[market.ids[one]] for one in ("ann", "cat")] == [[Decimal(1)], [Decimal(1)]]
    with market.store.read() as session, pytest.raises(NotFound):  # who may not see an aim is told nothing made with it
        reports.run_figure(session, "deal.attained", actor=market.actor(session, "ann"))


def test_a_figure_knows_how_many_working_days_its_period_has(market: Market) -> None:
    def of(figure: str, period: str) -> tuple[Any, int]:
        with market.store.read() as session:
            found = reports.run_figure(session, f"deal.{figure}", actor=market.actor(session, "bo"), period=period)
        cell = found.total.cells[0]
        assert cell is not None
        return cell.value, cell.n

    assert of("worked", "2026-W11") == (5, 6)
    assert of("worked", "2026-W40") == (3, 6)  # the 28th of September to the 4th of October
    assert of("worked", "2026-W08") == (None, 0)  # the new year of the lunar calendar
    assert of("worked", "2026-03-07..2026-03-08") == (None, 0)
    assert of("worked", "2026-03-06..2026-03-09") == (2, 6)
    assert of("worked", "all") == (None, 0)  # too long to count
    assert of("pace", "2026-W10") == (Decimal("0.6"), 3)
    assert of("pace", "2026-02-28..2026-02-28") == (1, 1)  # a Saturday on which people work
    assert of("pace", "2026-03-01..2026-03-01") == (None, 1)  # a Sunday


def test_a_series_has_no_holes_and_its_total_is_counted_by_itself(market: Market) -> None:
    with market.store.read() as session:
        found = reports.run(session, "deal.months", actor=market.actor(session, "bo"), period="2026-Q1")
    told = {line.keys[0].name: [cell and cell.value for cell in line.cells] for line in found.lines}
    assert told == {
        "2026-01": [0, None, None],
        "2026-02": [1, Decimal("50.000000"), None],
        "2026-03": [4, Decimal("200.000000"), None],  # 7, 100, 300 and 1000
    }
    assert found.total.cells[1] is not None and found.total.cells[1].value == Decimal("100.000000")


def test_a_cohort_is_told_by_how_far_each_ever_got(market: Market) -> None:
    with market.store.read() as session:
        boss, ann = market.actor(session, "bo"), market.actor(session, "ann")
        found = reports.run_funnel(session, "deal.sales", actor=boss, period="2026-03")
        divided = reports.run_funnel(session, "deal.sales", actor=boss, period="2026-03", by=["owner"])
        own = reports.run_funnel(session, "deal.sales", actor=ann, period="2026-03")
        behind = [
            reports.funnel_rows(session, "deal.sales", one.step.key, actor=ann, period="2026-03") for one in own.total
        ]
    # a won, b came to talk and is open again, d won, e was lost with an offer
    assert [(one.step.key, one.count) for one in found.total] == [("open", 4), ("offer", 4), ("talk", 3), ("won", 2)]
    assert [one.rate for one in found.total] == [None, Decimal(1), Decimal("0.75"), Decimal("0.666667")]
    assert [one.open for one in found.total] == [0, 0, Decimal("0.333333"), 0]
    assert {keys: [one.count for one in stands] for keys, _, stands in divided.parts} == {
        (market.ids["ann"],): [2, 2, 2, 1],
        (market.ids["cat"],): [2, 2, 1, 1],
    }
    assert [one.count for one in own.total] == [one.n for one in behind] == [2, 2, 2, 1]
    assert {record.id for record in behind[-1].records} == {market.records["a"]}


def test_the_rows_behind_a_number_are_as_many_as_it_says(market: Market) -> None:
    with market.store.read() as session:
        for login in market.ids:
            actor = market.actor(session, login)
            for key in session.app.figures:
                try:
                    found = reports.run_figure(session, key, actor=actor, period="2026", by=["owner"])
                except FormworkError:
                    continue
                assert found.total.cells[0] is not None
                cells = [({}, found.total.cells[0]), *(({"owner": one.keys[0]}, one.cells[0]) for one in found.lines)]
                for cell, said in cells:
                    behind = reports.rows(session, key, actor=actor, period="2026", cell=cell)
                    assert said is not None
                    assert (behind.n, len(behind.records)) == (said.n, said.n), (login, key, cell)


def test_a_row_of_lines_or_moves_comes_with_its_record(market: Market) -> None:
    with market.store.read() as session:
        boss = market.actor(session, "bo")
        behind = reports.rows(session, "deal.moves", actor=boss, period="all", cell={"owner": market.ids["cat"]})
    assert [(line["from"], line["to"], line["by"]) for line in behind.lines] == [
        ("open", "offer", market.ids["bo"])
    ] * 2
    assert [record.id for record in behind.records] == [market.records["e"], market.records["d"]]


def test_the_rows_of_a_file_come_page_by_page_as_the_page_shows_them(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    with market.store.read() as session:
        boss = market.actor(session, "bo")
        for key in ("deal.count", "deal.moves"):
            shown = reports.rows(session, key, actor=boss, period="all")
            with monkeypatch.context() as patch:
                patch.setattr(engine_behind, "MOST", 2)
                asked = reports.RowsAsked(key, reports.Period.of(("all", "0001-01-02", "9999-12-30")))
                pages = list(engine_behind.pages_behind(session, asked, shown.columns, actor=boss, most=100))
            assert [one.id for page in pages for one in page.records] == [one.id for one in shown.records], key
            assert [row for page in pages for row in page.lines] == list(shown.lines)
            assert all(len(page.records) <= 2 for page in pages)
            assert engine_behind.count_behind(session, asked, actor=boss) == shown.n


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"period": "fortnight"}, "report.bad_period"),
        ({"by": ["colour"]}, "report.no_dimension"),
        ({"filters": {"region": ["west"]}}, "report.bad_value"),
        ({"filters": {"owner": "somebody"}}, "report.bad_value"),
        ({"filters": {"got_at.day": "yesterday"}}, "report.bad_value"),
        ({"filters": {"hot": "maybe"}}, "report.bad_value"),
        ({"filters": {"size": -1}}, "report.bad_value"),
        ({"filters": {"owner": 2**70}}, "report.bad_value"),
        ({"by": ["date.day"], "period": "all"}, "report.too_long"),
        ({"by": ["date.day"], "period": "last 3 years"}, "report.too_long"),
    ],
)
def test_what_cannot_be_asked_is_said_in_words(market: Market, asked: dict[str, Any], code: str) -> None:
    with market.store.read() as session, pytest.raises(InvalidValues) as refused:
        reports.run_figure(session, "deal.count", actor=market.actor(session, "bo"), **asked)
    assert [one.code for one in refused.value.errors] == [code]
    assert all(one.text(language) for one in refused.value.errors for language in ("zh", "en"))


def test_a_dimension_that_reads_what_is_hidden_is_not_there(market: Market) -> None:
    with market.store.read() as session:
        clerk = market.actor(session, "dee")
        for asked in ({"by": ["region"]}, {"filters": {"region": "east"}}, {"by": ["size"]}, {"by": ["colour"]}):
            with pytest.raises(InvalidValues) as refused:
                reports.run_figure(session, "deal.count", actor=clerk, **asked)  # type: ignore[arg-type]
            assert [one.code for one in refused.value.errors] == ["report.no_dimension"]
        for key in ("deal.won", "deal.nothing", "deal.lines", "deal.leading"):  # the last is taken over regions
            with pytest.raises(NotFound):
                reports.run_figure(session, key, actor=clerk)
        assert "deal.regions" not in {one.key for one in reports.list_reports(session, actor=clerk)}


def test_a_column_is_hidden_by_one_role_with_its_table_and_by_another_alone(market: Market) -> None:
    with market.store.read() as session:
        eve = market.actor(session, "eve")  # as a rep she sees items without their floor, as a clerk no items
        assert reports.run_figure(session, "deal.lines", actor=eve).total.cells[0] is not None
        with pytest.raises(NotFound):
            reports.run_figure(session, "deal.below", actor=eve)


def test_a_dashboard_shows_each_reader_the_tiles_that_are_there_for_them(market: Market) -> None:
    with market.store.read() as session:
        boss, ann, dee = (market.actor(session, one) for one in ("bo", "ann", "dee"))
        home = reports.home_of(session, actor=ann)
        assert home is not None and home.key == "home"
        assert reports.home_of(session, actor=dee) is None
        with pytest.raises(NotFound):
            reports.find_dashboard(session, "home", actor=dee)
        shown = [[tile.name for tile in row] for row in reports.seen_tiles(session, home, actor=ann)]
        assert shown == [["deal.count"], ["deal.overview", "deal.sales"], ["deal"]]
        assert reports.seen_tiles(session, home, actor=boss)[0][1].name == "deal.floor"
        (count,), _, (list_,) = reports.seen_tiles(session, home, actor=ann)
        narrowed = reports.run_tile(session, count, actor=boss, period="2026-03", filters={"owner": "me"})
        assert isinstance(narrowed, reports.Result) and narrowed.total.cells[0] is not None
        assert narrowed.total.cells[0].value == 0
        page = reports.run_tile(session, list_, actor=ann)
        assert isinstance(page, Page)
        assert [record.values["name"] for record in page.records] == ["b"]  # one's own, and still open


def test_a_result_can_be_written_in_words_and_as_data(market: Market) -> None:
    with market.store.read() as session:
        boss = market.actor(session, "bo")
        found = reports.run(session, "deal.regions", actor=boss, period="2026-03")
        sizes = reports.run_figure(session, "deal.count", actor=boss, period="2026-03", by=["size"])
        rate = reports.run_figure(session, "deal.rate", actor=boss, period="2026-01")
    data = writing.result_data(found, "zh")
    assert data["period"] == {"name": "2026-03", "from": "2026-03-01", "to": "2026-03-31"}
    assert data["lines"][0] == {
        "keys": [{"key": "south", "label": "华南"}],
        "cells": [{"value": "1000", "n": 1, "target": "0"}],
    }
    assert len(data["figures"][0]["digest"]) == 12
    said = [writing.key_text(sizes.axes[0], line.keys[0], sizes.labels, "zh") for line in sizes.lines]
    assert said == ["< 100", "100 – 1000", "≥ 1000"]
    assert rate.total.cells[0] is not None
    assert writing.value_text(rate.figures[0], rate.total.cells[0].value, "zh") == "—"
    assert writing.value_text(rate.figures[0], Decimal("0.125"), "zh") == "12.5%"


def test_where_records_have_been_is_found_in_the_history_of_an_older_database(market: Market) -> None:
    database = market.store.database
    with market.store.read() as session:
        before = read_moves(session)
    with database.write() as connection:
        connection.execute(delete(moves))
        connection.execute(text("DROP TABLE fw_stage_moves"))
        place = [step.__name__ for step in STEPS].index("_add_stage_moves") + 1
        connection.execute(text(f"UPDATE fw_schema_version SET version = {place}"))
    upgrade(database)
    with market.store.read() as session:
        assert read_moves(session) == before
    assert len(before) > 20


def read_moves(session: Session) -> list[tuple[Any, ...]]:
    c = moves.c
    columns = (c.entity, c.record_id, c.from_stage, c.to_stage, c.at, c.by_id, c.owner_id, c.team_id)
    return [tuple(row) for row in session.connection.execute(select(*columns).order_by(c.record_id, c.at, c.id))]


def test_a_plan_tells_which_definition_changes_and_no_other() -> None:
    before = load_app(SourceFolder(dict(FULL)))
    reports_, board = FULL["deal/reports.yaml"], FULL["dashboards/home.yaml"]
    written = {
        "deal/reports.yaml": reports_.replace("value: distinct(client)", "value: distinct(owner)"),
        "dashboards/home.yaml": board.replace("top: 5", "top: 6").replace("{figure: deal.floor}", "{figure: deal.won}"),
    }
    after = load_app(SourceFolder({**FULL, **written}))
    told = {(one.thing, setting.name) for one in compare(before, after) for setting in one.settings}
    assert told == {("figure", "definition"), ("dashboard", "definition")}
    again = load_app(SourceFolder({**FULL, "app.yaml": FULL["app.yaml"] + "\n"}))
    assert compare(before, again) == []


def test_where_records_have_been_follows_a_stage_that_gets_another_key(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path / 'market.sqlite3'}")
    store = Store(database, tmp_path / "files", SetClock(MONDAY))
    catalog.publish(store, SourceFolder(dict(FULL)), actor_id=None)
    with store.write() as session:
        ids = add_people(session)
    market = Market(store, SetClock(MONDAY), ids)
    market.create("deal", "a", "ann", name="a", got_at="2026-03-01 10:00")
    market.move("a", "quote", "back")
    renamed = {
        "deal/workflow.yaml": FULL["deal/workflow.yaml"]
        .replace("offer: {label: 报价}", "bid: {label: 报价, was: offer}")
        .replace("to: [offer]", "to: [bid]")
        .replace("[offer", "[bid")
        .replace(", offer", ", bid"),
        "deal/reports.yaml": FULL["deal/reports.yaml"].replace("'offer'", "'bid'"),
    }
    catalog.publish(store, SourceFolder({**FULL, **renamed}), actor_id=None)
    with store.read() as session:
        found = reports.run_funnel(session, "deal.sales", actor=market.actor(session, "bo"), period="2026-03")
        assert [one.count for one in found.total] == [1, 1, 0, 0]
        assert [row[2:4] for row in read_moves(session)] == [(None, "open"), ("open", "bid"), ("bid", "open")]
    database.close()


class Impatient(Counting):
    """A page for which every figure that nobody has takes too long."""

    def _try(self, session: Session, statement: Any, given: Any, ask: Any) -> Any:
        session.aside(ask)
        raise StillCounting(session.now(), None)


def counted(market: Market, login: str, counting: Counting | None = None, **asked: Any) -> reports.Result:
    given: dict[str, Any] = {"period": "last 2 months", "compare": ["previous", "target"], "by": ["owner"], **asked}
    with market.store.read() as session:
        return reports.run(
            session, "deal.overview", actor=market.actor(session, login), counting=counting or Impatient(), **given
        )


@pytest.fixture
def nothing_kept(market: Market) -> None:
    """No figure is kept or waits: tests share a market, in any order."""
    with market.store.write() as session:
        session.connection.execute(delete(counts))


@pytest.mark.usefixtures("nothing_kept")
def test_what_takes_long_is_worked_out_in_the_background_as_whoever_asked_sees_it(market: Market) -> None:
    for login in ("bo", "ann", "ben"):
        with pytest.raises(StillCounting) as still:
            counted(market, login)
        assert (still.value.done, still.value.total) == (0, 5 if login == "bo" else 3)  # with a target and a margin
    with pytest.raises(StillCounting):  # asked again, it waits: nothing is asked twice
        counted(market, "ann")
    assert working.work(market.store) == 11
    for login in ("bo", "ann", "ben"):
        counting = Impatient()
        assert counted(market, login, counting) == counted(market, login, Counting(9))
        assert counting.as_of == market.clock.now()
    seen = {login: counted(market, login).total.cells[0] for login in ("bo", "ann", "ben")}
    assert len({one and one.n for one in seen.values()}) == 3  # each sees another number of deals
    with pytest.raises(StillCounting):  # other filters are another figure
        counted(market, "ann", filters={"owner": ["me"]})
    working.work(market.store)
    assert counted(market, "ann", filters={"owner": ["me"]}).total.cells[0] is not None


APRIL = datetime(2026, 4, 1, 1, tzinfo=UTC)


def announced(market: Market, login: str, report: str = "deal.best", **asked: Any) -> reports.Announced | None:
    with market.store.read() as session:
        return reports.run(session, report, actor=market.actor(session, login), **asked).announced


def told(found: reports.Announced | None) -> tuple[Any, ...]:
    """Return the month, who came first with what, the place of the reader and their parts."""
    assert found is not None
    first = [(one.rank, found.labels["user", one.person], one.value) for one in found.first]
    own = [cell and (cell.value, cell.n) for cell in found.own or ()]
    return found.period.name, first, found.rank, own


@pytest.fixture
def in_april(market: Market) -> Iterator[None]:
    market.clock.at = APRIL
    yield
    market.clock.at = MONDAY


@pytest.mark.usefixtures("in_april")
def test_who_came_first_is_told_to_everybody_by_name_and_figure_and_each_their_own_place(market: Market) -> None:
    first = [(1, "cat", Decimal("1000.00"))]  # over all deals: ann sees hers alone, where she would be first
    assert told(announced(market, "ann")) == ("2026-03", first, 2, [(Decimal("100.00"), 1), (2, 2)])
    assert told(announced(market, "cat")) == ("2026-03", first, 1, [(Decimal("1000.00"), 1), (2, 2)])
    assert told(announced(market, "ben")) == ("2026-03", first, None, [])
    assert told(announced(market, "bo")) == ("2026-03", first, None, [])
    assert announced(market, "dee") is None  # amounts are hidden from her, and so is what is made of them
    with market.store.read() as session:
        assert reports.run(session, "deal.best", actor=market.actor(session, "dee")).figures[0].key == "deal.count"
        with pytest.raises(NotFound):
            reports.run(session, "deal.best", actor=replace(market.actor(session, "ann"), roles=frozenset()))
    # nothing that is asked changes it, but the month: the last of those that are over, no other stretch of days
    narrowed = announced(market, "ann", filters={"owner": "me"}, by=["region"], compare=["previous"])
    assert narrowed == announced(market, "ann")
    for asked in ("month", "2026-04", "2026-03-02", "2026-Q1", "2026", "all", "last 7 days"):
        assert announced(market, "ann", period=asked) == announced(market, "ann"), asked
    february = told(announced(market, "ann", period="2026-01-05..2026-02-03"))
    assert february == ("2026-02", [(1, "ben", Decimal("50.00"))], None, [])
    assert told(announced(market, "ann", period="2024-05"))[:2] == ("2024-05", [])
    # whoever is alike in all that decides shares a place, and both are told where it is among the first
    busy = announced(market, "ben", "deal.busy")
    assert told(busy)[1] == [(1, "ann", 2), (1, "cat", 2)]
    assert (busy and busy.in_part, announced(market, "bo").in_part) == (True, False)  # type: ignore[union-attr]


@pytest.mark.usefixtures("in_april")
def test_what_is_announced_is_said_in_words_and_as_data(market: Market) -> None:
    with market.store.read() as session:
        found = reports.run(session, "deal.best", actor=market.actor(session, "ann"))
    data = writing.result_data(found, "en")["announced"]
    assert data["first"] == [{"rank": 1, "name": "cat", "value": "1000"}] and data["own"]["rank"] == 2
    assert data["own"]["cells"]["deal.won"] == {"value": "100", "n": 1}
    assert found.announced is not None
    lines = list(announced_lines(Speaker("en"), found.announced))
    assert lines == [
        "Announced for Mar 2026",
        "1. cat: ¥1,000.00",
        "You are number 2: 赢单金额 ¥100.00, 数量 2",
    ]
    group = announcing.without_own(found).announced
    assert group is not None and list(announced_lines(Speaker("zh"), group)) == [
        "公布的名次：2026 年 3 月", "1. cat：¥1,000.00",
    ]  # fmt: skip
    said = say_announced(Speaker("zh"), found.announced)
    assert json.dumps(said, ensure_ascii=False).count("cat") == 1 and "n" in said["own"]["rows"][0]["cells"][0]
    assert said["first"]["rows"] == [
        {"label": "1. cat", "cells": [{"text": "¥1,000.00", "n": None, "url": None, "few": False, "before": []}]}
    ]
    nobody = announced(market, "ann", period="2024-05")
    assert nobody is not None and "还没有人有名次" in say_announced(Speaker("zh"), nobody)["notes"][0]


@pytest.mark.usefixtures("nothing_kept", "in_april")
def test_what_is_announced_is_worked_out_in_the_background_for_whoever_may_still_open_the_report(
    market: Market,
) -> None:
    def ask_for(login: str) -> reports.Result:
        with market.store.read() as session:
            return reports.run(session, "deal.best", actor=market.actor(session, login), counting=Impatient())

    with pytest.raises(StillCounting):
        ask_for("ann")
    with market.store.read() as session:
        waiting = {one["what"] for one in session.connection.scalars(select(counts.c.asked))}
    assert waiting == {"figure", "announced"}
    while working.work(market.store):
        with suppress(StillCounting):
            ask_for("ann")
    assert told(ask_for("ann").announced) == told(announced(market, "ann"))
    with pytest.raises(StillCounting):  # what ann sees is not what ben does, what is announced is the same
        ask_for("ben")
    with market.store.read() as session:
        again = session.connection.scalars(select(counts.c.asked).where(counts.c.state == "waiting"))
        assert {one["what"] for one in again} == {"figure"}


@pytest.mark.usefixtures("nothing_kept")
def test_a_kept_figure_is_not_that_of_other_rights_and_grows_old(market: Market) -> None:
    with pytest.raises(StillCounting):
        counted(market, "cat")
    working.work(market.store)
    begun = market.clock.now()
    with market.store.write() as session:  # they took long: what did not is asked at once when it is old
        session.connection.execute(update(counts).values(took_ms=9000))
    team = counted(market, "cat")
    try:
        market.clock.at = begun + kept.FRESH
        assert counted(market, "cat") == team  # shown, and worked out again
        assert working.work(market.store) == 3
        counting = Impatient()
        counted(market, "cat", counting)
        assert counting.as_of == begun + kept.FRESH
        with market.store.write() as session:
            session.connection.execute(update(counts).values(took_ms=9000))
        market.clock.at = begun + kept.FRESH + kept.KEPT
        with pytest.raises(StillCounting):
            counted(market, "cat")
        market.clock.at += kept.UNWANTED * 2  # who asked has left
        with market.store.read() as session:
            assert len(kept.list_due(session)) == 3
    finally:
        market.clock.at = begun
    before = market.ids["cat"]
    with market.store.read() as session:
        boss = market.actor(session, "bo")
        with pytest.raises(StillCounting):
            reports.run_figure(session, "deal.count", actor=boss, period="2025", counting=Impatient())
    working.work(market.store)
    with market.store.read() as session:
        cat = market.actor(session, "cat")
        assert cat.id == before
        with pytest.raises(StillCounting):
            reports.run_figure(session, "deal.count", actor=cat, period="2025", counting=Impatient())


@pytest.mark.usefixtures("nothing_kept")
def test_a_statement_that_runs_on_is_given_up_and_kept_for_the_background(market: Market) -> None:
    with market.store.read() as session:
        boss = market.actor(session, "bo")
        reports.run_funnel(session, "deal.sales", actor=boss, period="2026", by=["owner"])
        slow = Counting(0)
        with suppress(StillCounting):
            reports.run_funnel(session, "deal.sales", actor=boss, period="2026", by=["owner"], counting=slow)
        assert slow.seconds < 0
    with market.store.read() as session, pytest.raises(StillCounting):
        reports.run_funnel(session, "deal.sales", actor=boss, period="2026", by=["owner"], counting=Impatient())
    working.work(market.store)
    with market.store.read() as session:
        once = reports.run_funnel(session, "deal.sales", actor=boss, period="2026", by=["owner"], counting=Impatient())
        assert once == reports.run_funnel(session, "deal.sales", actor=boss, period="2026", by=["owner"])
        assert once.parts


def test_a_funnel_divided_by_several_choices_has_the_whole_of_its_rows(market: Market) -> None:
    with market.store.read() as session:
        boss = market.actor(session, "bo")
        whole = reports.run_funnel(session, "deal.sales", actor=boss, period="2026")
        parts = reports.run_funnel(session, "deal.sales", actor=boss, period="2026", by=["tags"])
    assert parts.total == whole.total and sum(n for _, n, _ in parts.parts) == whole.n + 1  # one deal has two


@pytest.mark.usefixtures("nothing_kept")
def test_a_list_that_takes_long_is_kept_as_ids_and_read_as_it_is_now(market: Market) -> None:
    def listed(login: str, counting: Counting | None) -> list[int]:
        with market.store.read() as session:
            actor = market.actor(session, login)
            tile = session.app.dashboards["home"].rows[2][0]
            found = reports.run_tile(session, tile, actor=actor, counting=counting)
            assert isinstance(found, Page)
            return [one.id for one in found.records]

    for login in ("ann", "ben"):
        with pytest.raises(StillCounting):
            listed(login, Impatient())
    assert working.work(market.store) == 2
    assert listed("ann", Impatient()) == listed("ann", None) != []
    assert listed("ben", Impatient()) == listed("ben", None)
    with market.store.write() as session:
        session.connection.execute(update(session.tables.entity["deal"]).values(deleted_at=session.now()))
        session.connection.execute(update(counts).values(counted_at=session.now()))
        assert session.app.dashboards
        seen = reports.run_tile(
            session, session.app.dashboards["home"].rows[2][0], actor=market.actor(session, "ann"),
            counting=Impatient(),
        )  # fmt: skip
        assert isinstance(seen, Page) and seen.records == []  # what is gone is not shown
        session.connection.rollback()


def test_rows_are_kept_with_their_types() -> None:
    moment = datetime(2026, 3, 2, 1, 2, 3, 4, tzinfo=UTC)
    rows = [(1, None, True, "x", Decimal("1.50"), date(2026, 3, 2), moment)]
    assert repr(kept.read_rows(json.loads(json.dumps(kept.write_rows(rows))))) == repr(rows)


def test_a_choice_that_is_worked_out_is_called_as_the_fields_it_is_taken_from_call_it() -> None:
    def options(value: str) -> dict[str, str]:
        written = FULL["deal/reports.yaml"].replace("value: client.region", f'value: "{value}"')
        app = load_app(SourceFolder({**FULL, "deal/reports.yaml": written}))
        found = app.figures["deal.count"].rows.dimensions["region"].options
        return {key: Speaker("zh").label(label) for key, label in found.items()}

    regions = {"east": "华东", "south": "华南", "north": "华北"}
    assert options("client.region") == regions
    assert options("default(if(hot, client.region), client.region)") == regions
    assert options("default(client.region, 'north')") == regions


def test_figures_made_with_the_same_ones_ask_for_them_once(market: Market) -> None:
    # Both are made with ``hit`` of each month, which is made with the aims: of the quarter and of its months alike.
    def asked(*figures: str) -> int:
        sent: list[str] = []

        def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
            if "found" in statement:
                sent.append(statement)

        event.listen(Engine, "before_cursor_execute", note)
        try:
            with market.store.read() as session:
                wanted = Wanted(reports.find_period("2026-Q1", date(2026, 3, 11)), ("date.month",), (), {}, False)
                actor = market.actor(session, "bo")
                lay_beside(session, [session.app.figures[one] for one in figures], wanted, actor)
        finally:
            event.remove(Engine, "before_cursor_execute", note)
        return len(sent)

    assert asked("deal.hits") == 3, "its own rows, those of hit, the aims"
    assert asked("deal.hits", "deal.hits") == asked("deal.hits"), "what is known is not asked for again"
    assert asked("deal.hits", "deal.hit") == 5, "hit of other periods is another count"
