"""A shop counter to try books on: sales write stock and points into ledgers, numbered by shop."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import select

from engine.clock import SetClock
from engine.records.record import Record
from engine.storage import catalog
from engine.storage.store import Store
from engine.workflow.transitions import move_record
from tests.conftest import to_folder
from tests.records.databases import database_of
from tests.records.desk import APP, Desk, add_people

ACCESS = "access:\n  chief: {read: all, write: all, create: true, delete: all, import: true}\n"
SHOP = """\
entity: shop
label: 店
display: "{code}"
fields:
  code:  {type: text, label: 编码, required: true, unique: true}
  owing: {type: boolean, label: 允许负库存}
"""
BUYER = """\
entity: buyer
label: 会员
display: "{name}"
fields:
  name:   {type: text, label: 姓名, required: true}
  points: {type: integer, label: 积分, computed: "sum(point.count)"}
"""
STOCK = """\
entity: stock
label: 库存
display: "{item}"
fields:
  shop:    {type: link, to: shop, label: 店, required: true}
  item:    {type: text, label: 货, required: true}
  on_hand: {type: integer, label: 在库, computed: "sum(goods.qty)"}
unique:
  one: {fields: [shop, item]}
rules:
  enough: {check: "on_hand >= 0 or shop.owing", message: 库存不足}
"""
GOODS = """\
entity: goods
label: 库存流水
fields:
  shop:  {type: link, to: shop, label: 店, required: true}
  item:  {type: text, label: 货, required: true}
  stock: {type: link, to: stock, label: 库存, readonly: true, found_by: {shop: shop, item: item}, make_missing: true}
  qty:   {type: integer, label: 数量, required: true}
  kind:  {type: choice, label: 类型, options: {sold: 售出, back: 退回, count: 盘点}}
  sale:  {type: link, to: sale, label: 小票}
  till:  {type: text, label: 收银, fetch: sale.till}
"""
POINTS = """\
entity: point
label: 积分流水
fields:
  buyer: {type: link, to: buyer, label: 会员, required: true}
  count: {type: integer, label: 积分, required: true}
  sale:  {type: link, to: sale, label: 小票}
"""
SALE = """\
entity: sale
label: 小票
number: {pattern: "LS{shop.code}{yyMMdd}{seq:4}", reset: daily}
display: "{number}"
fields:
  shop:  {type: link, to: shop, label: 店, required: true}
  buyer: {type: link, to: buyer, label: 会员}
  till:  {type: text, label: 收银}
  items:
    type: lines
    label: 明细
    fields:
      item:  {type: text, label: 货, required: true}
      qty:   {type: integer, label: 数量, required: true, min: 1}
      stock: {type: link, to: stock, label: 库存, readonly: true, found_by: {shop: record.shop, item: item}}
      left:  {type: integer, label: 在库, fetch: stock.on_hand, readonly: true}
  pieces: {type: integer, label: 件数, computed: "sum(items.qty)"}
books:
  out:
    into: goods
    back: sale
    when: "stage = 'sold'"
    rows: items
    set: {shop: record.shop, item: item, qty: "0 - qty", kind: "'sold'"}
    beside: qty
  again:
    into: goods
    back: sale
    when: "stage = 'void'"
    rows: items
    where: "record.till != 'keep'"
    set: {shop: record.shop, item: item, qty: qty, kind: "'back'"}
  points: {into: point, back: sale, when: "stage = 'sold' and buyer is not missing", set: {buyer: buyer, count: pieces}}
"""
FLOW = """\
workflow: sale
entity: sale
label: 小票
stages: {open: {label: 挂单}}
outcomes:
  sold: {label: 已售, from: [open]}
  void: {label: 作废}
moves:
  void: {label: 作废, from: [sold], to: [void]}
"""
COUNTER = {
    "app.yaml": APP.replace("[client, product, stock, slip, deal]", "[sale]"),
    "sale/workflow.yaml": FLOW,
    **{f"{text.split()[1]}/entity.yaml": text + ACCESS for text in (SHOP, BUYER, STOCK, GOODS, POINTS, SALE)},
}


@contextmanager
def counter_of(request: pytest.FixtureRequest, folder: Path) -> Iterator[Desk]:
    """A counter in an empty database, with the people of the desk."""
    with database_of(request, folder) as database:
        clock = SetClock(datetime(2026, 3, 2, 1, 0, tzinfo=UTC))
        desk = Desk(Store(database, folder / "files", clock), clock)
        catalog.publish(desk.store, to_folder(COUNTER), actor_id=None)
        with desk.store.write() as session:
            add_people(session, desk)
        yield desk


def shop(desk: Desk, *, owing: bool = False, **stock: int) -> Record:
    """A shop with so much of each item."""
    made = desk.create("chief", "shop", code=desk.name("S").replace(" ", ""), owing=owing)
    for item, qty in stock.items():
        desk.create("chief", "goods", shop=made.id, item=item, qty=qty, kind="count")
    return made


def sale(desk: Desk, at: Record, *items: tuple[str, int], **raw: object) -> Record:
    return desk.create("chief", "sale", shop=at.id, items=[{"item": one, "qty": qty} for one, qty in items], **raw)


def move(desk: Desk, record: Record, key: str) -> Record:
    with desk.store.write() as session:
        return move_record(session, "sale", record.id, key, version=record.version, actor=desk.actor("chief"))


def on_hand(desk: Desk, at: Record) -> dict[str, int]:
    """What the stock records of a shop say, and a check that they say what their entries add up to."""
    stock, goods = (desk.store.tables.entity[key] for key in ("stock", "goods"))
    with desk.store.read() as session:
        rows = session.connection.execute(select(stock).where(stock.c.shop == at.id)).mappings().all()
        moves = session.connection.execute(select(goods.c.stock, goods.c.qty).where(goods.c.shop == at.id)).all()
    added = {row["id"]: sum((qty for one, qty in moves if one == row["id"]), Decimal(0)) for row in rows}
    assert {row["id"]: row["on_hand"] for row in rows} == added
    assert len({row["item"] for row in rows}) == len(rows)
    return {row["item"]: int(row["on_hand"]) for row in rows}
