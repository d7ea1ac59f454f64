"""The tables of an app: real keys, real uniqueness, and an index where a list needs one."""

import pytest
from sqlalchemy import insert, select, text
from sqlalchemy.exc import IntegrityError

from engine.storage.ordering import largest_first, smallest_first
from engine.storage.store import Store
from engine.storage.tables import NAME_LIMIT, build_tables, short_name
from tests.conftest import MakeStore
from tests.storage.workshop import WORKSHOP, add_machines, add_record


def test_names_fit_postgresql_and_stay_apart() -> None:
    long = "e_" + "purchase_requisition_" * 4
    assert len(short_name(long)) <= NAME_LIMIT
    assert short_name(long) != short_name(long + "x") and short_name(long) == short_name(long)
    assert short_name("e_quote") == "e_quote"


@pytest.mark.parametrize("template", ["manufacturing", "retail_store"])
def test_every_name_of_a_bundled_template_fits(make_store: MakeStore, template: str) -> None:
    metadata = build_tables(make_store(template).app).metadata
    names = [table.name for table in metadata.tables.values()]
    names += [str(index.name) for table in metadata.tables.values() for index in table.indexes]
    names += [str(key.name) for table in metadata.tables.values() for key in table.foreign_key_constraints]
    assert all(len(name) <= NAME_LIMIT for name in names)
    assert len(set(names)) == len(names)


def test_a_unique_field_is_refused_twice_unless_empty_or_deleted(make_store: MakeStore) -> None:
    store = make_store(WORKSHOP)
    with store.write() as session:
        add_record(session, "machine", name="gone", code="A", deleted_at=session.now())
    add_machines(store, {"name": "1", "code": "A"}, {"name": "2"}, {"name": "3"})
    with pytest.raises(IntegrityError):
        add_machines(store, {"name": "4", "code": "A"})


def test_a_conditional_uniqueness_holds_only_where_its_condition_does(make_store: MakeStore) -> None:
    store = make_store(WORKSHOP)
    (machine,) = add_machines(store, {"name": "A"})
    with store.write() as session:
        for stage in ("done", "done", "open"):
            add_record(session, "job", machine=machine, stage=stage)
    with pytest.raises(IntegrityError), store.write() as session:
        add_record(session, "job", machine=machine, stage="repair")


def test_the_number_of_a_deleted_record_is_never_given_again(make_store: MakeStore) -> None:
    store = make_store(WORKSHOP)
    (machine,) = add_machines(store, {"name": "A"})
    with store.write() as session:
        add_record(session, "job", machine=machine, number="WX1", stage="done", deleted_at=session.now())
    with pytest.raises(IntegrityError), store.write() as session:
        add_record(session, "job", machine=machine, number="WX1", stage="done")


def test_lines_go_with_their_record(make_store: MakeStore) -> None:
    store = make_store(WORKSHOP)
    with store.write() as session:
        job, lines = session.tables.entity["job"], session.tables.lines["job", "parts"]
        id_ = add_record(session, "job", machine=add_record(session, "machine", name="A"), stage="open")
        session.connection.execute(insert(lines).values(parent_id=id_, position=0, part="P"))
        session.connection.execute(job.delete().where(job.c.id == id_))
        assert session.connection.execute(select(lines.c.id)).all() == []


def test_missing_values_are_smallest_on_both_databases(make_store: MakeStore) -> None:
    store = make_store(WORKSHOP)
    add_machines(store, {"name": "B", "power": 2}, {"name": "none"}, {"name": "A", "power": 1})
    with store.read() as session:
        table = session.tables.entity["machine"]
        up = session.connection.scalars(select(table.c.name).order_by(smallest_first(table.c.power))).all()
        down = session.connection.scalars(select(table.c.name).order_by(largest_first(table.c.power))).all()
    assert up == ["none", "A", "B"] and down == ["B", "A", "none"]


@pytest.mark.parametrize("descending", [True, False])
def test_a_filtered_and_sorted_list_is_one_range_of_one_index(make_store: MakeStore, descending: bool) -> None:
    store = make_store(WORKSHOP)
    with store.write() as session:
        now = session.now()
        common = {"created_at": now, "updated_at": now, "version": 1}
        rows = [{**common, "stage": "repair" if number % 50 == 0 else "done"} for number in range(20_000)]
        session.connection.execute(insert(session.tables.entity["job"]), rows)
        # This table alone: without a name it would lock every table of every other test until the commit, more than
        # PostgreSQL keeps room for, and whoever needs a lock then is told that the database is busy.
        session.connection.execute(text("ANALYZE e_job"))
    plan = _explain(store, descending)
    assert "ix_e_job_stage" in plan
    assert "SORT" not in plan.upper() and "TEMP B-TREE" not in plan.upper()


def _explain(store: Store, descending: bool) -> str:
    with store.read() as session:
        table = session.tables.entity["job"]
        order = largest_first if descending else smallest_first
        query = (
            select(table.c.id)
            .where(table.c.stage == "repair", table.c.deleted_at.is_(None))
            .order_by(order(table.c.created_at), table.c.id.desc() if descending else table.c.id)
            .limit(50)
        )
        sql = str(query.compile(session.connection.engine, compile_kwargs={"literal_binds": True}))
        explain = "EXPLAIN QUERY PLAN" if session.connection.dialect.name == "sqlite" else "EXPLAIN"
        return "\n".join(str(row) for row in session.connection.execute(text(f"{explain} {sql}")))
