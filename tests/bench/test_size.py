"""A grown installation holds what the engine itself would have written, every row of the bench can be asked of it, and
what is asked most goes along an index. No figure is judged.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from sqlalchemy import event, func, select, text

from bench.grown import CHANGES, Grown, grow
from bench.size import Asked, rows_of
from engine.people import accounts
from engine.records import counting, finding, queries, rarity
from engine.records.figures import figure_records
from engine.records.filters import Filter
from engine.records.queries import ListQuery
from engine.records.search_terms import rebuild
from engine.storage.search_tables import search_terms
from engine.storage.system_tables import history
from tests import prepared

RECORDS = 300
_OF_SMALL_TABLES = ("enable_seqscan", "enable_bitmapscan", "enable_sort")


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def grown(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Grown]:
    home = tmp_path_factory.mktemp("grown")
    with ExitStack() as stack:
        url = f"sqlite:///{home / 'formwork.sqlite3'}"
        if request.param == "postgresql":
            database = stack.enter_context(prepared.a_postgresql_database(request.getfixturevalue("postgresql_server")))
            prepared.with_system_tables(database)
            url = database.url.render_as_string(hide_password=False)
        found = grow(url, home, RECORDS)
        yield found
        found.store.database.close()


def test_it_holds_the_terms_and_the_history_the_engine_would_have_written(grown: Grown) -> None:
    terms = select(search_terms.c.entity, search_terms.c.term, search_terms.c.record_id, search_terms.c.field)
    with grown.store.write() as session:
        copied = set(session.connection.execute(terms).all())
        for entity in ("customer", "opportunity"):
            rebuild(session, entity)
        assert set(session.connection.execute(terms).all()) == copied
        entries = select(func.count()).select_from(history).where(history.c.entity == "opportunity")
        assert session.connection.scalar(entries) == RECORDS * CHANGES + 99 * CHANGES


def test_every_row_of_the_bench_is_answered(grown: Grown) -> None:
    for _, ask in rows_of(Asked(grown)):
        ask()


@pytest.mark.parametrize("few", [0, rarity.FEW])
def test_a_list_is_the_same_whether_few_or_many_are_in_scope(
    grown: Grown, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rarity, "FEW", few)
    rarity.forget()
    with grown.store.read() as session:
        rows = session.connection.execute(text("SELECT id, owner_id, team_id, region, stage FROM e_opportunity")).all()
        teams = accounts.get_actor(session.connection, grown.people["leader"]).teams
        asked = text("SELECT record_id FROM fw_shares WHERE user_id IS NOT NULL")
        shared = set(session.connection.scalars(asked))
        of_house = set(session.connection.scalars(text("SELECT record_id FROM fw_shares WHERE user_id IS NULL")))
    expected: dict[str, set[int]] = {
        "rep": {row.id for row in rows if row.owner_id == grown.people["rep"]} | of_house,
        "leader": {row.id for row in rows if row.team_id in teams} | of_house,
        "regional": {row.id for row in rows if row.region == "east"},
        "reader": shared | of_house,
        "director": {row.id for row in rows},
    }
    stage = {row.id for row in rows if row.stage == "proposal"}
    in_stage = (Filter("stage", "eq", "proposal"),)
    for who, ids in expected.items():
        for sort in ("amount", "expected_close"):
            assert _all(grown, who, ListQuery(sort=sort)) == ids
            assert _all(grown, who, ListQuery(sort=sort, filters=in_stage)) == ids & stage
        by_stage = Counter(row.stage for row in rows if row.id in ids)
        with grown.store.read() as session:
            actor = accounts.get_actor(session.connection, grown.people[who])
            asked = session, "opportunity", ListQuery()
            totals = queries.total_records(*asked, "amount", actor=actor)
            groups = figure_records(*asked, group="stage", sums=("amount",), actor=actor).groups
            most = len(ids) // 2
            assert queries.count_records(*asked, actor=actor, most=most) == most + 1
        assert {stage: count for stage, (count, _) in totals.items()} == by_stage
        assert {one.value: (one.count, one.sums["amount"]) for one in groups} == totals
    rarity.forget()


def test_a_word_of_thousands_is_counted_along_its_terms_as_far_as_asking_each_record_goes(
    grown: Grown, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = [
        ListQuery(text=words, filters=filters)
        for words in ("阀门", "有限", "00", "yong", "有限 阀门")
        for filters in ((), (Filter("stage", "eq", "needs"),))
    ]

    def counted(most: int) -> list[int]:
        with grown.store.read() as session:
            session._published.prepared.clear()  # how many are looked at stands in the statement
            actor = accounts.get_actor(session.connection, grown.people["director"])
            return [queries.count_records(session, "opportunity", one, actor=actor, most=most) for one in asked]

    whole, capped = counted(1_000), counted(5)
    assert all(whole) and len(set(whole)) > 5
    monkeypatch.setattr(finding, "FEW", 3)
    monkeypatch.setattr(finding, "_FEW_OF_A_SOURCE", 3)
    for first in (2, 50, 10_000):
        monkeypatch.setattr(counting, "FIRST", first)
        assert (counted(1_000), counted(5)) == (whole, capped), first


def _all(grown: Grown, who: str, query: ListQuery) -> set[int]:
    with grown.store.read() as session:
        actor = accounts.get_actor(session.connection, grown.people[who])
        seen = queries.list_seen(session, "opportunity", query, actor=actor, most=2 * RECORDS)
        found = [id_ for id_, _ in seen]
        assert len(found) == len(set(found)) == queries.count_records(session, "opportunity", query, actor=actor)
    return set(found)


def test_lists_go_along_an_index(grown: Grown) -> None:
    """What a list is sorted by is an index, and a scope of few records is a few ranges."""
    asked: dict[str, tuple[str, ListQuery, tuple[str, ...]]] = {
        "its own order": ("director", ListQuery(), ("ix_e_opportunity_amount",)),
        "a column it shows": ("director", ListQuery(sort="expected_close"), ("ix_e_opportunity_expected_close",)),
        "its number": ("director", ListQuery(sort="number", descending=True), ("uq_e_opportunity_number",)),
        "a condition": (
            "director", ListQuery(filters=(Filter("stage", "eq", "won"),), sort="amount"), ("ix_e_opportunity_stage",),
        ),
        "a team": ("leader", ListQuery(), ("ix_e_opportunity_team_id", "ix_e_opportunity_owner_id")),
    }  # fmt: skip
    for name, (who, query, indexes) in asked.items():
        plan = _plan(grown, who, query)
        for index in indexes:
            assert index in plan, (name, plan)
        if who == "director":
            assert "TEMP B-TREE" not in plan and "->  Sort" not in plan, (name, plan)


def _plan(grown: Grown, who: str, query: ListQuery) -> str:
    """Return the plan of the statement that reads a page of a list."""
    sent: list[tuple[str, Any]] = []

    def note(connection: object, cursor: object, sql: str, given: Any, *more: object) -> None:
        sent.append((sql, given))

    with grown.store.read() as session:
        connection = session.connection
        actor = accounts.get_actor(connection, grown.people[who])
        event.listen(connection, "before_cursor_execute", note)
        queries.list_records(session, "opportunity", query, actor=actor)
        sql, given = next(one for one in reversed(sent) if "ORDER BY" in one[0])
        if connection.dialect.name == "postgresql":
            for way in _OF_SMALL_TABLES:
                connection.exec_driver_sql(f"SET {way} = off")
        explain = "EXPLAIN QUERY PLAN " if connection.dialect.name == "sqlite" else "EXPLAIN "
        plan = "\n".join(" " + " ".join(map(str, row)) for row in connection.exec_driver_sql(explain + sql, given))
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql("RESET ALL")
    return plan
