"""Random expressions over real records with a field of every type: Python, SQLite and PostgreSQL give one answer.

The small world of ``test_parity.py`` has tables of its own; here an app is published and its tables are asked, so that
lists kept as text, files, people, departments and deleted records take part. ``FORMWORK_PARITY_EXAMPLES`` and
``FORMWORK_PARITY_SEED`` as there.
"""

from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, seed, settings
from sqlalchemy import select

from engine.compiler.field_types import FIELD_TYPES
from engine.compiler.shapes import build_shapes
from engine.definition.parser import parse_app
from engine.expression import Checked, Env, Kind, Shapes, check_text, compile_python
from engine.expression.sql import check_sql, compile_sql, compile_where, sql_parameters
from engine.storage.store import Session
from engine.storage.table_source import TableSource
from engine.workflow.requirements import read_whole
from tests.conftest import to_folder
from tests.expression.conftest import held
from tests.expression.plant import PLANT, Plant, plant_of
from tests.expression.test_parity import EXAMPLES, SEED, expressions

LEAVES = {
    "money": [
        "amount",
        "paid",
        "customer.credit",
        "50000",
        "0.5",
        "sum(items.price)",
        "max(items.price)",
        "avg(items.price where express)",
        "median(items.price where express)",
        "min(items.price where qty >= 1 and product.grade = 'a')",
    ],
    "percent": ["discount", "win_rate", "15%", "max(items.discount)", "avg(items.discount)"],
    "number": [
        "qty",
        "fine",
        "visits_planned",
        "stars",
        "id",
        "3",
        "0",
        "0.000001",
        "count(items)",
        "count(visit where done)",
        "sum(visit.hours)",
        "avg(items.boxes)",
        "median(items.boxes)",
        "count(invited)",
        "count(others)",
        "count(labels)",
        "count(lines_of)",
        "count(scan)",
        "count(photo)",
        "count(visit where user in seen)",
        "count(items where product not in record.customer.models.made_for)",
        "sum(visit.hours where by = record.checker)",
    ],
    "boolean": [
        "archived",
        "true",
        "customer.key_account",
        "any(items where express)",
        "all(items where qty > 0 and packer is not missing)",
        "any(items where takes > 1h and start < product.opens)",
        "all(visit where by = user)",
        "any(visit where took > 1d or date(at) > 2026-03-01)",
        "customer in others",
        "customer not in others",
        "others is missing",
        "user in invited",
        "checker in invited",
        "owner not in invited",
        "'valve' in labels",
        "'say \"x\"' in labels",
        "'back\\slash' not in labels",
        "'a,b' in labels",
        "'🔧é' in labels",
        "'pump' in lines_of",
        "owner = user",
        "checker = created_by",
        "checker in ['rep', 'rep.two']",
        "customer.seller = user",
        "items is missing",
        "labels is missing",
        "invited is not missing",
        "scan is missing",
        "photo is not missing",
        "sign is missing",
        "place is missing",
        "point is not missing",
        "extra is missing",
        "unit = 'sales'",
        "team in ['sales', 'quality']",
        "customer.unit = user.department",
        "owner.department = user.department",
        "owner.disabled_at is missing",
        "customer.seller is missing or checker.disabled_at >= created_at",
        "'lead' in user.roles",
        "name in customer.models.part",
        "paid not in customer.models.price",
        "checker in customer.models.seller",
        "all(items where product in record.customer.models.made_for)",
        "any(items where price > record.amount or note in record.customer.models.part)",
        "any(visit where at > record.closed_at)",
    ],
    "date": ["due", "signed", "today()", "2026-03-01", "customer.since", "max(items.ready_on)"],
    "datetime": ["created_at", "updated_at", "closed_at", "now()", "max(visit.at)"],
    "time": ["opens", "closes", "customer.opens", "min(items.start)", "max(items.start where express)"],
    "duration": ["effort", "3d", "90m", "max(items.takes)", "min(visit.took)"],
    "text": [
        "name", "memo", "rich", "phone", "email", "site", "credit", "barcode", "colour", "serial", "number",
        "customer.name", "'Valve'", "'阀门'", "''", "'%_'", "'a''b'", "join(kind, name)", "'🔧é'", "'back\\slash'",
    ],
    "choice": ["kind", "'sent'", "'draft'", "if(archived, kind)"],
    "department": ["unit", "team", "user.department", "customer.unit", "owner.department"],
    "user": ["owner", "checker", "created_by", "updated_by", "user", "customer.seller"],
    "link": ["customer", "if(archived, customer)"],
    "place": ["point", "customer.point"],
}  # fmt: skip


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def plant(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    with plant_of(request, tmp_path_factory.mktemp("plant"), SEED) as made:
        yield made


@pytest.fixture(scope="module")
def session(plant: Plant) -> Iterator[Session]:
    with plant.store.read() as opened:
        yield opened


@pytest.fixture(scope="module")
def env(plant: Plant, session: Session) -> Env:
    return plant.env(session)


@pytest.fixture(scope="module")
def records(session: Session, env: Env) -> list[dict[str, Any]]:
    entity = session.app.entities["quote"]
    table = session.tables.entity["quote"]
    alive = session.connection.scalars(select(table.c.id).where(table.c.deleted_at.is_(None))).all()
    return [read_whole(session, entity, id_, env) for id_ in alive]


def test_every_type_of_the_language_takes_part(session: Session) -> None:
    assert {field.type.key for field in session.app.entities["quote"].fields.values()} == set(FIELD_TYPES)


ONCE_WRONG = [
    "count(labels)",
    "count(invited)",
    "labels is missing",
    "'say \"x\"' in labels",
    "'back\\slash' in labels",
    "',' in labels",
    "name in labels",
]
"""What a database once answered differently."""


def compare(checked: Checked, session: Session, env: Env, records: list[dict[str, Any]]) -> None:
    """Work an expression out on both sides."""
    table, source, text = session.tables.entity["quote"], TableSource(session.tables), checked.text
    run = compile_python(checked)
    expected = {record["id"]: held(checked, run(record, env)) for record in records}
    given, alive = sql_parameters(checked, env), table.c.deleted_at.is_(None)
    found = session.connection.execute(select(table.c.id, compile_sql(checked, source, table)).where(alive), given)
    assert dict(found.all()) == expected, f"{text} (seed {SEED})"
    if checked.type.kind is Kind.BOOLEAN:
        where = select(table.c.id).where(alive, compile_where(checked, source, table))
        chosen = set(session.connection.execute(where, given).scalars())
        assert chosen == {id_ for id_, value in expected.items() if value}, f"{text} (seed {SEED})"


@pytest.mark.parametrize("text", ONCE_WRONG)
def test_lists_are_counted_and_searched_item_by_item(
    text: str, session: Session, env: Env, records: list[dict[str, Any]]
) -> None:
    compare(check_text(text, shapes(), "quote"), session, env, records)


@pytest.mark.parametrize("kind", list(LEAVES))
def test_python_and_the_tables_of_an_app_give_the_same_value(
    kind: str, session: Session, env: Env, records: list[dict[str, Any]]
) -> None:
    @seed(SEED)
    @settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(text=expressions(kind, 3, LEAVES))
    def compare_any(text: str) -> None:
        checked = check_text(text, shapes(), "quote")
        assume(not check_sql(checked))
        compare(checked, session, env, records)

    compare_any()


@cache
def shapes() -> Shapes:
    """The shapes the app is checked against."""
    return build_shapes(parse_app(to_folder(PLANT)))
