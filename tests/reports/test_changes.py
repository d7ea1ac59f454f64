"""Changes of fields as what figures count, against numbers worked out by hand."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from engine import reports
from engine.clock import SetClock
from engine.definition.source import SourceFolder
from engine.errors import NotFound
from engine.people import accounts
from engine.records import commands
from engine.records.queries import get_record
from engine.reports import behind
from engine.reports.wording import say_figure
from engine.storage import catalog
from engine.storage.store import Session, Store
from tests.records.databases import database_of
from tests.reports.market import APP, CLIENT, add_people

REPORTS = """\
reports: client
figures:
  written:
    {label: 写入, of: client.changes, date: at, where: "filled", value: count()}
  corrected:
    label: 七天内更正
    of: client.changes
    date: at
    where: "filled and field in ['name', 'region', 'credit'] and via = 'web'"
    value: "share(until <= at + 7d)"
  again:   {label: 改动, of: client.changes, date: at, where: "was_filled and by != owner", value: count()}
  emptied: {label: 清空, of: client.changes, where: "not filled", value: count()}
  credits: {label: 改额度, of: client.changes, where: "field = 'credit'", value: count()}
  touched: {label: 改过的客户, value: "count(where any(changes where was_filled))"}
  learning:
    label: 带教期改动
    of: client.changes
    where: "any(every.lesson where person = record.by and from_on <= date(record.at) and date(record.at) <= to_on)"
    value: count()
  known:   {label: 有带教的, value: "count(where count(every.lesson where person = record.owner) > 0)"}
layouts:
  fields: {label: 按字段, show: [written], by: [field], period: all}
  people: {label: 按人, show: [corrected], by: [by, date.week], period: month}
"""
BOSS = "boss:  {read: all, write: all, create: true}"
LESSON = """\
entity: lesson
label: 带教期
display: "{from_on}"
fields:
  person:  {type: user, label: 谁, required: true}
  from_on: {type: date, label: 从, required: true}
  to_on:   {type: date, label: 到, required: true}
access:
  boss: {read: all, write: all, create: true}
  rep:  {read: own}
"""
FILES = {
    "app.yaml": APP.replace("menu: [client, deal, visit, aim]\nask_export_above: 3\n", "menu: [client, lesson]\n"),
    "client/entity.yaml": CLIENT.replace(BOSS, BOSS.replace("true}", "true, delete: all}")),
    "lesson/entity.yaml": LESSON,
    "client/reports.yaml": REPORTS,
}


class World:
    """A store whose clock is set, and its people."""

    def __init__(self, store: Store, clock: SetClock, ids: dict[str, int]) -> None:
        self.store, self.clock, self.ids, self.records = store, clock, ids, dict[str, int]()

    def at(self, day: int, hour: int = 9, minute: int = 0) -> None:
        """Set the clock to a time in Shanghai, in March 2026."""
        self.clock.at = datetime(2026, 3, day, hour - 8, minute, tzinfo=UTC)

    def actor(self, session: Session, login: str) -> Any:
        return accounts.get_actor(session.connection, self.ids[login], via="web")

    def create(self, login: str, name: str, entity: str = "client", **values: Any) -> None:
        with self.store.write() as session:
            given = values if entity == "lesson" else {"name": name, **values}
            made = commands.create_record(session, entity, given, actor=self.actor(session, login))
        self.records[name] = made.id

    def change(self, login: str, name: str, **values: Any) -> None:
        with self.store.write() as session:
            actor = self.actor(session, login)
            version = get_record(session, "client", self.records[name], actor=actor).version
            commands.update_record(session, "client", self.records[name], values, version=version, actor=actor)

    def of(self, login: str, figure: str, **asked: Any) -> Any:
        """Return value and n of a figure, in all of time unless said."""
        with self.store.read() as session:
            actor = self.actor(session, login)
            found = reports.run_figure(session, f"client.{figure}", actor=actor, **{"period": "all", **asked})
            cell = found.total.cells[0]
            assert cell is not None
            rows = reports.rows(session, f"client.{figure}", actor=actor, **{"period": "all", **asked})
            assert rows.n == cell.n and len(rows.records) == cell.n
        return cell.value, cell.n


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder: Path = tmp_path_factory.mktemp("changes")
    with database_of(request, folder) as database:
        clock = SetClock(datetime(2026, 3, 2, 1, tzinfo=UTC))
        store = Store(database, folder / "files", clock)
        catalog.publish(store, SourceFolder(dict(FILES)), actor_id=None)
        with store.write() as session:
            ids = add_people(session)
        made = World(store, clock, ids)
        fill(made)
        yield made


def fill(world: World) -> None:
    """Two clients.

    甲 on Monday the 2nd: owner, name, region; the region again exactly seven days later, by then once more after a
    second. 乙 on the 3rd with a credit; its credit is emptied a day later, entered again, and the name stays.
    """
    lesson = {"person": world.ids["ann"], "from_on": "2026-03-02", "to_on": "2026-03-08"}
    world.create("bo", "带教", "lesson", owner=world.ids["bo"], **lesson)
    world.at(2)
    world.create("ann", "甲", region="east")
    world.at(3)
    world.create("bo", "乙", region="south", credit="100", owner=world.ids["ann"])
    world.at(4)
    world.change("bo", "乙", credit=None)
    world.at(5)
    world.change("bo", "乙", credit="200")
    world.at(9)
    world.change("ann", "甲", region="south")  # seven days to the minute
    world.at(16, 9, 1)
    world.change("bo", "甲", region="north")  # seven days and a minute


def test_each_field_of_each_save_is_a_row(world: World) -> None:
    # 甲: owner, name, region, the region twice more. 乙: owner, name, region, credit, credit again; emptied once
    assert world.of("bo", "written") == (10, 10)
    assert world.of("bo", "written", period="2026-W10") == (8, 8)
    assert world.of("bo", "written", period="2026-W11") == (1, 1)
    assert world.of("bo", "emptied") == (1, 1)
    assert world.of("bo", "touched") == (2, 2)


def test_what_stood_for_seven_days_was_no_correction(world: World) -> None:
    # in the 10th week: 甲 name, region (until the 9th: 7 days, corrected); 乙 name, region, credit (corrected), credit
    value, n = world.of("bo", "corrected", period="2026-W10")
    assert (n, round(value, 4)) == (6, Decimal("0.3333"))
    # in the 11th: the region of 甲 stood a minute too long; in the 12th it stands
    assert world.of("bo", "corrected", period="2026-W11") == (0, 1)
    assert world.of("bo", "corrected", period="2026-W12") == (0, 1)
    assert world.of("bo", "corrected", period="2026-W13") == (None, 0)


def test_changes_of_hidden_fields_are_not_there(world: World) -> None:
    # ann is a rep: no credit; she sees her own two clients. dee may not see regions, and of those who wrote nothing
    assert world.of("ann", "written") == (8, 8)
    assert world.of("ann", "emptied") == (0, 0)
    assert world.of("ann", "credits") == (0, 0)
    assert world.of("bo", "credits") == (3, 3)
    value, n = world.of("ann", "corrected", period="2026-W10")
    assert (n, round(value, 4)) == (4, Decimal("0.25"))
    with world.store.read() as session:  # which fields there are to divide by follows the same rights
        for login, known in (("bo", {"owner", "name", "region", "credit"}), ("ann", {"owner", "name", "region"})):
            found = reports.run(session, "client.fields", actor=world.actor(session, login))
            assert {line.keys[0] for line in found.lines} == known
    assert world.of("cat", "written") == (0, 0)  # clients of others
    assert world.of("ann", "touched") == (1, 2)  # of 乙 she knows of no change


def test_who_and_whose_are_told_apart(world: World) -> None:
    # by bo in a client of ann: credit emptied, the region of 甲; entering the credit again filled what was empty
    assert world.of("bo", "again") == (2, 2)
    with world.store.read() as session:
        actor = world.actor(session, "bo")
        rows = reports.rows(session, "client.again", actor=actor, period="all")
        assert [(one["field"], one["by"], one["via"]) for one in rows.lines] == [
            ("credit", world.ids["bo"], "web"), ("region", world.ids["bo"], "web")
        ]  # fmt: skip
        assert [one.id for one in rows.records] == [world.records["乙"], world.records["甲"]]
        assert rows.lines[0]["until"] == datetime(2026, 3, 5, 1, tzinfo=UTC) and rows.lines[1]["until"] is None
        found = reports.run(session, "client.people", actor=actor)
        told = {line.keys: cell.n for line in found.lines if (cell := line.cells[0]) is not None and cell.n}
        names = {(login, key[1].name) for login, id_ in world.ids.items() for key in told if key[0] == id_}
    assert names == {("ann", "2026-W10"), ("bo", "2026-W10"), ("ann", "2026-W11"), ("bo", "2026-W12")}


def test_rows_are_held_against_all_records_of_something_they_do_not_lead_to(world: World) -> None:
    # within the lesson of ann: 甲 with three fields; the region of the 9th came a day after its end, bo has no lesson
    assert world.of("bo", "learning") == (3, 3)
    assert world.of("bo", "known") == (2, 2)
    # ann sees no lesson that is not her own: for her there is none, whatever others see
    assert world.of("ann", "learning") == (0, 0)
    assert world.of("ann", "known") == (0, 2)


def test_a_file_of_changes_comes_page_by_page(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.reports.behind.MOST", 3)
    with world.store.read() as session:
        actor = world.actor(session, "bo")
        asked = reports.RowsAsked("client.written", reports.Period.of(("all", "0001-01-02", "9999-12-30")))
        pages = list(behind.pages_behind(session, asked, ("name",), actor=actor, most=100))
    rows = [(record.id, line["field"], line["at"]) for page in pages for record, line in
            zip(page.records, page.lines, strict=True)]  # fmt: skip
    assert len(rows) == len(set(rows)) == 10


def test_what_lies_in_the_bin_counts_nowhere_and_the_figure_says_what_it_counts(world: World) -> None:
    world.at(20)
    world.create("bo", "丙", region="north")
    before = world.of("bo", "written")
    with world.store.write() as session:
        actor = world.actor(session, "bo")
        record = get_record(session, "client", world.records["丙"], actor=actor)
        commands.delete_record(session, "client", record.id, version=record.version, actor=actor)
    assert (before, world.of("bo", "written")) == ((13, 13), (10, 10))
    with world.store.read() as session:
        said = say_figure(session.app, session.app.figures["client.corrected"], "zh")
        assert "字段" in said and "途径" in said and "网页" in said
        with pytest.raises(NotFound):
            reports.find_figure(session, "client.nothing", actor=world.actor(session, "bo"))
