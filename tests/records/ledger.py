"""A ledger to try roll-ups on: payments of contracts of clients, each adding up what links to it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from engine.clock import SetClock
from engine.records.record import Record
from engine.storage import catalog
from engine.storage.store import Store
from tests.conftest import to_folder
from tests.records.databases import database_of
from tests.records.desk import APP, Desk, add_people

CLIENT = """\
entity: client
label: 客户
display: "{name}"
fields:
  name:      {type: text, label: 名称, required: true}
  contracts: {type: integer, label: 合同数, computed: "count(contract)"}
  owing:     {type: money, label: 欠款, computed: "sum(contract.open where kind != 'gift')"}
  received:  {type: money, label: 已收, computed: "sum(payment.amount where confirmed)"}
  last_paid: {type: date, label: 最近回款, computed: "max(payment.day)"}
  unshared:  {type: money, label: 未核销, computed: "sum(contract.rest)"}
  busy:      {type: boolean, label: 有进行中合同, computed: "any(contract where stage = 'open')"}
access:
  chief: {read: all, write: all, create: true, delete: all, import: true}
  rep:   {read: own, create: true}
"""

CONTRACT = """\
entity: contract
label: 合同
display: "{name}"
fields:
  name:   {type: text, label: 名称, required: true}
  client: {type: link, to: client, label: 客户}
  kind:   {type: choice, label: 类别, options: {sale: 销售, gift: 赠送}}
  amount: {type: money, label: 金额}
  items:
    type: lines
    label: 明细
    fields:
      cost: {type: money, label: 成本}
  paid:   {type: money, label: 已回款, computed: "sum(payment.amount where confirmed)"}
  pieces: {type: integer, label: 笔数, computed: "count(payment)"}
  open:   {type: money, label: 未回款, computed: "default(amount, 0) - paid"}
  margin: {type: money, label: 毛利, computed: "paid - sum(items.cost)"}
  shared: {type: money, label: 已核销, computed: "sum(payment_shares.amount where payment.confirmed)"}
  rest:   {type: money, label: 未核销, computed: "default(amount, 0) - shared"}
rules:
  not_shared_twice: {check: "shared <= amount", message: 核销不能超过合同金额}
  not_too_much: {check: "paid <= amount", message: 回款不能超过合同金额}
unique:
  one_settled: {fields: [name], where: "paid = 1000", message: 已有同名的结清合同}
access:
  chief: {read: all, write: all, create: true, delete: all, import: true}
"""

CONTRACT_FLOW = """\
workflow: contract
entity: contract
label: 进程
stages:
  open: {label: 进行}
  shut: {label: 完结}
moves:
  close: {label: 完结, from: [open], to: [shut]}
"""

PAYMENT = """\
entity: payment
label: 回款
display: "{note}"
fields:
  note:      {type: text, label: 摘要}
  contract:  {type: link, to: contract, label: 合同}
  client:    {type: link, to: client, label: 客户}
  amount:    {type: money, label: 金额}
  day:       {type: date, label: 日期}
  confirmed: {type: boolean, label: 已确认}
  shares:
    type: lines
    label: 核销
    fields:
      of:     {type: link, to: contract, label: 合同}
      amount: {type: money, label: 金额}
access:
  chief: {read: all, write: all, create: true, delete: all, import: true}
  rep:   {read: own, write: own, create: true}
"""

LEDGER = {
    "app.yaml": APP.replace("[client, product, stock, slip, deal]", "[client, contract, payment]"),
    "client/entity.yaml": CLIENT,
    "contract/entity.yaml": CONTRACT,
    "contract/workflow.yaml": CONTRACT_FLOW,
    "payment/entity.yaml": PAYMENT,
}


@contextmanager
def ledger_of(request: pytest.FixtureRequest, folder: Path) -> Iterator[Desk]:
    """A ledger in an empty database, with the people of the desk."""
    with database_of(request, folder) as database:
        clock = SetClock(datetime(2026, 3, 2, 1, 0, tzinfo=UTC))
        desk = Desk(Store(database, folder / "files", clock), clock)
        catalog.publish(desk.store, to_folder(LEDGER), actor_id=None)
        with desk.store.write() as session:
            add_people(session, desk)
        yield desk


def stored(desk: Desk, entity: str) -> list[dict[str, Any]]:
    """Every living record as the table holds it."""
    table = desk.store.tables.entity[entity]
    with desk.store.read() as session:
        rows = session.connection.execute(select(table).where(table.c.deleted_at.is_(None))).mappings()
        return [dict(row) for row in rows]


def shared_rows(desk: Desk) -> list[dict[str, Any]]:
    """Every row that shares a payment out."""
    with desk.store.read() as session:
        rows = session.connection.execute(select(desk.store.tables.lines["payment", "shares"])).mappings()
        return [dict(row) for row in rows]


def mistakes(desk: Desk) -> list[str]:
    """Where what is stored is not what adding everything up from scratch gives."""
    clients, contracts, payments = (stored(desk, one) for one in ("client", "contract", "payment"))
    confirmed = {one["id"] for one in payments if one["confirmed"]}
    shares = [row for row in shared_rows(desk) if row["parent_id"] in confirmed]
    found = []

    def same(record: dict[str, Any], key: str, expected: object) -> None:
        if record[key] != expected:
            found.append(f"{record['name']}.{key}: {record[key]} instead of {expected}")

    for one in contracts:
        own = [payment for payment in payments if payment["contract"] == one["id"]]
        paid = sum((payment["amount"] or 0 for payment in own if payment["confirmed"]), Decimal(0))
        same(one, "paid", paid)
        same(one, "pieces", len(own))
        same(one, "open", (one["amount"] or 0) - paid)
        shared = sum((row["amount"] or 0 for row in shares if row["of"] == one["id"]), Decimal(0))
        same(one, "shared", shared)
        same(one, "rest", (one["amount"] or 0) - shared)
    for client in clients:
        mine = [one for one in contracts if one["client"] == client["id"]]
        own = [payment for payment in payments if payment["client"] == client["id"]]
        same(client, "contracts", len(mine))
        same(client, "unshared", sum((one["rest"] for one in mine), Decimal(0)))
        owing = [one["open"] for one in mine if one["kind"] != "gift"]
        same(client, "owing", sum(owing, Decimal(0)))
        same(client, "received", sum((one["amount"] or 0 for one in own if one["confirmed"]), Decimal(0)))
        same(client, "last_paid", max((one["day"] for one in own if one["day"]), default=None))
        same(client, "busy", any(one["stage"] == "open" for one in mine))
    return found


def contract(desk: Desk, client: Record, **raw: Any) -> Record:
    given = {"name": desk.name("合同"), "client": client.id, "kind": "sale", "amount": "1000"} | raw
    return desk.create("chief", "contract", **given)


def payment(desk: Desk, of: Record | None, amount: str = "100", **raw: Any) -> Record:
    given = {"contract": of.id if of else None, "amount": amount, "confirmed": True} | raw
    return desk.create("chief", "payment", **given)
