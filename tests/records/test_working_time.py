"""Rules and computed fields that count by the calendar go by the days the site changed in it, on both databases."""

from collections.abc import Iterator
from datetime import date

import pytest

from engine.records import working_time
from engine.storage import catalog
from tests.conftest import to_folder
from tests.records.desk import Desk
from tests.records.ledger import LEDGER, PAYMENT, ledger_of

COUNTED = PAYMENT.replace(
    "access:",
    """\
  asked_on: {type: date, label: 申请日}
  waited:   {type: integer, label: 等待工作日, computed: "working_days(asked_on, day)"}
  latest:   {type: date, label: 最迟, computed: "asked_on + 2wd"}
access:""",
    1,
)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def ledger(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with ledger_of(request, tmp_path_factory.mktemp("working")) as desk:
        catalog.publish(desk.store, to_folder(LEDGER | {"payment/entity.yaml": COUNTED}), actor_id=None)
        yield desk


def test_a_computed_field_counts_the_days_a_site_works(ledger: Desk) -> None:
    given = {"note": "x", "asked_on": "2026-03-02", "day": "2026-03-06"}
    before = ledger.create("chief", "payment", **given)
    with ledger.store.write() as session:
        working_time.change_days(session, [date(2026, 3, 4)], False, note="厂庆", actor=None)
    after = ledger.create("chief", "payment", **given)
    assert [(one.values["waited"], one.values["latest"]) for one in (before, after)] == [
        (4, date(2026, 3, 4)),
        (3, date(2026, 3, 5)),
    ]
