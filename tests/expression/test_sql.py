"""The SQL form in use: by prepared statements, in the condition of an index, and served by an index."""

from dataclasses import replace

from sqlalchemy import Connection, Index, select

from engine.expression import check, compile_python, parse
from engine.expression.sql import compile_sql, compile_where, sql_parameters
from engine.storage.prepared import Prepared
from tests.expression.conftest import SOURCE, TABLES, check_quote, in_sql
from tests.expression.test_examples import EXAMPLES
from tests.expression.world import PLACES, SHAPES, World

QUOTE, CUSTOMER = TABLES["quote"], TABLES["customer"]


def test_a_prepared_statement_reads_the_same_values(database: Connection, world: World) -> None:
    for text in EXAMPLES:
        checked = check_quote(text)
        prepared = Prepared(select(QUOTE.c.id, compile_sql(checked, SOURCE).label("value")), database.dialect)
        found = prepared.fetch_all(database, sql_parameters(checked, world.env()))
        assert dict(found) == in_sql(database, checked, world)


def test_the_place_of_the_record_being_edited_is_a_parameter(database: Connection, world: World) -> None:
    text = "distance(location, record.place) <= 200"
    near = check(parse(text), SHAPES, "customer", text=text, outer="quote")
    asked, run = select(CUSTOMER.c.id).where(compile_where(near, SOURCE)), compile_python(near)
    prepared = Prepared(asked, database.dialect)
    for place, found in ((PLACES[-1], [4]), (PLACES[3], [1]), (None, [])):
        env = replace(world.env(), record={"place": place})
        assert [id_ for (id_,) in prepared.fetch_all(database, sql_parameters(near, env))] == found
        assert [row["id"] for row in world.records["customer"] if run(row, env)] == found


def test_a_condition_can_be_the_condition_of_an_index(empty_database: Connection) -> None:
    text = (
        "stage not in ['draft'] and archived = false and discount <= 15% and due > 2026-01-01 and customer is missing"
    )
    where = compile_where(check_quote(text), SOURCE)
    index = Index("open_quotes", QUOTE.c.stage, unique=True, sqlite_where=where, postgresql_where=where)
    try:
        index.create(empty_database)
    finally:
        QUOTE.indexes.discard(index)


def test_an_index_serves_a_condition(empty_database: Connection) -> None:
    for name, column in (
        ("by_stage", QUOTE.c.stage),
        ("by_amount", QUOTE.c.amount),
        ("by_plan", QUOTE.c.visits_planned),
    ):
        index = Index(name, column)
        index.create(empty_database)
        QUOTE.indexes.discard(index)
    for text in ("stage = 'sent'", "amount > 50000", "visits_planned between 1 and 3", "stage in ['sent', 'draft']"):
        assert "index" in _plan(empty_database, text).lower()


def _plan(connection: Connection, text: str) -> str:
    statement = select(QUOTE.c.id).where(compile_where(check_quote(text), SOURCE))
    sql = statement.compile(dialect=connection.dialect, compile_kwargs={"literal_binds": True})
    if connection.dialect.name == "sqlite":
        return str(connection.exec_driver_sql(f"explain query plan {sql}").all())
    connection.exec_driver_sql("set enable_seqscan = off")
    return str(connection.exec_driver_sql(f"explain {sql}").all())
