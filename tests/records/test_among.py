"""Whoever enters a lead for what somebody else has as a customer is refused, and what comes from outside is kept."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select

from engine.clock import SetClock
from engine.importing import at_once as imports
from engine.importing.sheets import Sheet
from engine.people.actor import engine_actor
from engine.records import commands
from engine.records.history import list_history
from engine.storage import catalog
from engine.storage.dispute_tables import duplicate_hits
from engine.storage.store import Store
from tests.conftest import to_folder
from tests.records.databases import database_of
from tests.records.desk import Desk, add_people, errors_of
from tests.records.test_duplicates import CODE, FIRMS, firm

LEAD_OF = """\
entity: hint
label: 线索
display: "{company}"
fields:
  company: {type: text, label: 公司, required: true}
duplicates:
  known: {among: firm.same_name, with: {name: company}, block: true, message: 这家公司已经建档。}
access:
  rep:   {read: own, write: own, create: true, import: true}
  chief: {read: all, write: all, create: true, import: true}
"""


@pytest.fixture(params=["sqlite", "postgresql"])
def hints(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("hints")
    texts = {**FIRMS, "hint/entity.yaml": LEAD_OF, "app.yaml": FIRMS["app.yaml"].replace("[firm]", "[firm, hint]")}
    with database_of(request, folder) as database:
        clock = SetClock(datetime(2026, 3, 2, 1, 0, tzinfo=UTC))
        desk = Desk(Store(database, folder / "files", clock), clock)
        catalog.publish(desk.store, to_folder(texts), actor_id=None)
        with desk.store.write() as session:
            add_people(session, desk)
        yield desk


def hits_of(desk: Desk) -> list[tuple[Any, ...]]:
    c = duplicate_hits.c
    with desk.store.read() as session:
        found = select(c.entity, c.rule, c.outcome, c.made_id).order_by(c.id)
        return [tuple(row) for row in session.connection.execute(found)]


def test_what_somebody_else_has_in_another_entity_is_refused_and_kept_as_met_there(hints: Desk) -> None:
    firm(hints, "宁波甬江阀门有限公司", code=CODE)
    raw = {"company": "宁波 甬江阀门（有限公司）", "not_duplicate": "就是要"}

    said = errors_of(lambda: hints.create("rep", "hint", **raw))

    assert list(said) == ["company"]
    assert "你看不到" in said["company"] and "甬江" not in said["company"]
    assert hits_of(hints) == [("firm", "same_name", "refused", None)]


def test_ones_own_in_another_entity_asks_for_a_reason_only(hints: Desk) -> None:
    firm(hints, "宁波甬江阀门有限公司", "rep")

    said = errors_of(lambda: hints.create("rep", "hint", company="宁波甬江阀门有限公司"))
    hints.create("rep", "hint", company="宁波甬江阀门有限公司", not_duplicate="新工厂")

    assert "请写明理由" in said["company"]
    assert hits_of(hints) == [("firm", "same_name", "confirmed", None)]


def test_an_import_refuses_the_row_for_somebody_elses(hints: Desk) -> None:
    firm(hints, "宁波甬江阀门有限公司")
    sheet = Sheet(("公司",), [(2, ("宁波甬江阀门有限公司",)), (3, ("另一家公司",))])

    result = imports.import_records(hints.store, "hint", sheet, actor=hints.actor("rep"))

    assert [one.row for one in result.refused] == [2]
    assert "你看不到" in result.refused[0].text("zh")


def test_what_the_engine_brings_is_kept_and_its_history_says_whose_it_is(hints: Desk) -> None:
    firm(hints, "宁波甬江阀门有限公司")
    with hints.store.write() as session:
        keeper = engine_actor(hints.actor("chief").id)
        made = commands.create_record(session, "hint", {"company": "宁波甬江阀门有限公司"}, actor=keeper)
        note = list_history(session, "hint", made.id, actor=hints.actor("chief"))[0].note or ""

    assert note.startswith("这家公司已经建档。") and "负责人" in note and "甬江" not in note
    assert hits_of(hints) == [("firm", "same_name", "confirmed", None)]
