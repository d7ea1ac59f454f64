"""Rules over a hundred thousand linked records: the database counts where it can, and a refusal says so where not."""

from collections.abc import Iterator

import pytest
from sqlalchemy import text

from engine.errors import NotPossibleNow
from engine.records.evaluation import MOST_ROWS
from engine.records.record import Record
from engine.storage import catalog
from tests.conftest import to_folder
from tests.records.desk import Desk, errors_of
from tests.records.ledger import CLIENT, LEDGER, ledger_of

MANY = 100_000
RULES = """\
rules:
  few:   {check: "count(payment where amount > 7) <= 100000 or name = 'many'", message: 回款太多}
  small: {check: "all(payment where amount < 1000)", message: 回款太大}
"""
WORKING_TIME = """\
rules:
  young: {check: "count(payment where day + 2wd < 2000-01-01) = 0", message: 回款太旧}
"""


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def ledger(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with ledger_of(request, tmp_path_factory.mktemp("many")) as desk:
        yield desk


def publish(desk: Desk, rules: str) -> None:
    entity = CLIENT.replace("access:", f"{rules}access:")
    catalog.publish(desk.store, to_folder(LEDGER | {"client/entity.yaml": entity}), actor_id=None)


def with_many_payments(desk: Desk) -> Record:
    client = desk.client()
    made = desk.create("chief", "payment", note="x", client=client.id, amount="8", day="2026-03-01")
    with desk.store.write() as session:
        table = desk.store.tables.entity["payment"]
        names = ", ".join(column.name for column in table.columns if column.name != "id")
        numbers = f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {MANY}) "
        copied = (
            f"INSERT INTO {table.name} ({names}) {numbers} SELECT {names} FROM {table.name}, n WHERE id = {made.id}"
        )
        session.connection.execute(text(copied))
    return client


def test_rules_over_a_hundred_thousand_records_are_worked_out_by_the_database_or_refused_in_a_sentence(
    ledger: Desk,
) -> None:
    publish(ledger, RULES)
    client = with_many_payments(ledger)
    client = ledger.get("chief", client)
    assert "回款太多" in str(errors_of(lambda: ledger.update("chief", client, name="other")))
    ledger.update("chief", client, name="many")

    publish(ledger, WORKING_TIME)
    client = ledger.get("chief", client)
    with pytest.raises(NotPossibleNow) as refused:
        ledger.update("chief", client, name="third")
    assert refused.value.code == "record.too_many_rows"
    assert str(MOST_ROWS) in refused.value.text("en")
