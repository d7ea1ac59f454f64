"""Conditions about who asks: the same records by scope, list, count and rule on both databases."""

from collections.abc import Iterator

import pytest

from engine.records.record import Record
from engine.storage import catalog
from tests.conftest import to_folder
from tests.records.desk import Desk, errors_of
from tests.records.ledger import LEDGER, PAYMENT, ledger_of

SCOPED = PAYMENT.replace(
    "  chief: {read: all, write: all, create: true, delete: all, import: true}\n"
    "  rep:   {read: own, write: own, create: true}\n",
    """\
  chief:   {read: all, write: all, create: true}
  rep:     {read: near, write: near, create: true}
  lead:    {read: below, create: true}
  guest:   {read: lowest}
  eastern: {read: strict}
  remover: {read: earned, create: true}
scopes:
  near:   {where: "owner.department = user.department"}
  below:  {where: "'lead' in user.roles and team = 'lower'"}
  lowest: {where: "owner in ['rep', 'rep2'] and created_by = 'rep'"}
  strict: {where: "'chief' in user.roles"}
  earned: {where: "owner = user or count(user.payment where note = 'mine') >= 2 and sum(user.payment.amount) > 13"}
rules:
  large: {check: "amount <= 100 or 'chief' in user.roles or user.department = 'upper'", message: 大额由总管登记}
  few: {check: "note != 'mine' or count(user.payment where note = 'mine') < 2", at: [create], message: 每人两笔}
""",
)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def ledger(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with ledger_of(request, tmp_path_factory.mktemp("asking")) as desk:
        catalog.publish(desk.store, to_folder(LEDGER | {"payment/entity.yaml": SCOPED}), actor_id=None)
        yield desk


@pytest.fixture(scope="module")
def payments(ledger: Desk) -> dict[str, Record]:
    return {login: ledger.create(login, "payment", note=login, amount="7") for login in ("rep", "rep2", "stranger")}


@pytest.mark.parametrize(
    ("login", "seen"),
    [
        ("chief", {"rep", "rep2", "stranger"}),
        ("rep", {"rep", "rep2"}),
        ("stranger", {"stranger"}),
        ("lead", {"rep", "rep2"}),
        ("guest", {"rep"}),
        ("eastern", set()),
    ],
)
def test_a_scope_knows_who_asks(ledger: Desk, payments: dict[str, Record], login: str, seen: set[str]) -> None:
    assert set(ledger.ids(login, "payment")) == {payments[one].id for one in seen}
    assert ledger.count(login, "payment") == len(seen)


@pytest.mark.parametrize(("login", "allowed"), [("chief", True), ("lead", True), ("rep", False)])
def test_a_rule_knows_who_saves(ledger: Desk, login: str, allowed: bool) -> None:
    if allowed:
        assert ledger.create(login, "payment", note="much", amount="101").id
    else:
        refused = errors_of(lambda: ledger.create(login, "payment", note="much", amount="101"))
        assert "大额由总管登记" in refused.values()


def test_a_condition_counts_what_belongs_to_whoever_asks(ledger: Desk, payments: dict[str, Record]) -> None:
    first = ledger.create("remover", "payment", note="mine", amount="7")
    assert ledger.ids("remover", "payment") == [first.id]  # one is not enough

    second = ledger.create("remover", "payment", note="mine", amount="7")
    assert {first.id, second.id, payments["rep"].id} <= set(ledger.ids("remover", "payment"))
    assert errors_of(lambda: ledger.create("remover", "payment", note="mine", amount="1")) == {"note": "每人两笔"}

    ledger.update("chief", second, note="somebody else's")
    assert set(ledger.ids("remover", "payment")) == {first.id, second.id}  # those of others are gone at once
