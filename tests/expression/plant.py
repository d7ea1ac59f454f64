"""A published app with a field of every type, and records of it: what expressions meet outside the small world."""

import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import time, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Table, update

from engine.clock import SetClock
from engine.expression import Env
from engine.people import accounts
from engine.people.departments import create_department
from engine.records.evaluation import Lookups, make_env
from engine.storage import catalog
from engine.storage.store import Session, Store
from engine.storage.system_tables import files, users
from engine.storage.tables import column_name
from tests.conftest import to_folder
from tests.expression.world import LOCATIONS, NOW, PLACES, _day, _decimal, _moment
from tests.records.databases import database_of
from tests.records.desk import APP

QUOTE = """\
entity: quote
label: 报价
display: "{name}"
fields:
  name:      {type: text, label: 名称}
  memo:      {type: long_text, label: 备注}
  rich:      {type: rich_text, label: 说明}
  phone:     {type: phone, label: 电话}
  email:     {type: email, label: 邮箱}
  site:      {type: url, label: 网址}
  credit:    {type: credit_code, label: 信用代码}
  barcode:   {type: barcode, label: 条码}
  colour:    {type: colour, label: 颜色}
  serial:    {type: number_series, label: 流水号, number: {pattern: "S{seq:4}"}}
  amount:    {type: money, label: 金额}
  paid:      {type: money, label: 已付}
  discount:  {type: percent, label: 折扣}
  win_rate:  {type: percent, label: 赢率}
  qty:       {type: decimal, label: 数量}
  fine:      {type: decimal, label: 精细, scale: 6}
  visits_planned: {type: integer, label: 计划拜访}
  stars:     {type: rating, label: 评分}
  archived:  {type: boolean, label: 归档}
  due:       {type: date, label: 到期}
  signed:    {type: date, label: 签订}
  closed_at: {type: datetime, label: 关闭}
  opens:     {type: time, label: 开门}
  closes:    {type: time, label: 关门}
  effort:    {type: duration, label: 工时}
  kind:      {type: choice, label: 类别, options: {draft: 草稿, sent: 已发, approved: 已批}}
  lines_of:  {type: choices, label: 产品线, options: {valve: 阀, pump: 泵}}
  labels:    {type: tags, label: 标签}
  customer:  {type: link, to: customer, label: 客户}
  others:    {type: links, to: customer, label: 其他客户}
  checker:   {type: user, label: 复核}
  invited:   {type: users, label: 参与}
  unit:      {type: department, label: 单位}
  scan:      {type: file, label: 扫描件, many: true}
  photo:     {type: image, label: 照片}
  sign:      {type: signature, label: 签名}
  place:     {type: address, label: 地址}
  point:     {type: geo, label: 位置}
  extra:     {type: json, label: 数据}
  items:
    type: lines
    label: 明细
    fields:
      qty:      {type: decimal, label: 数量}
      price:    {type: money, label: 单价}
      discount: {type: percent, label: 折扣}
      boxes:    {type: integer, label: 箱数}
      ready_on: {type: date, label: 备妥}
      start:    {type: time, label: 开始}
      takes:    {type: duration, label: 用时}
      express:  {type: boolean, label: 加急}
      note:     {type: text, label: 备注}
      product:  {type: link, to: customer, label: 客户}
      packer:   {type: user, label: 打包}
access:
  chief: {read: all, write: all, create: true}
"""

CUSTOMER = """\
entity: customer
label: 客户
display: "{name}"
fields:
  name:   {type: text, label: 名称}
  grade:  {type: choice, label: 等级, options: {a: A, b: B, c: C}}
  credit: {type: money, label: 额度}
  since:  {type: date, label: 起始}
  opens:  {type: time, label: 开门}
  key_account: {type: boolean, label: 重点}
  seller: {type: user, label: 销售}
  unit:   {type: department, label: 单位}
  point:  {type: geo, label: 位置}
  models:
    type: lines
    label: 常用型号
    fields:
      part:     {type: text, label: 零件号}
      price:    {type: money, label: 单价}
      made_for: {type: link, to: customer, label: 给谁}
      seller:   {type: user, label: 销售}
access:
  chief: {read: all, write: all, create: true}
"""

VISIT = """\
entity: visit
label: 拜访
display: "{note}"
fields:
  note:  {type: text, label: 备注}
  quote: {type: link, to: quote, label: 报价}
  at:    {type: datetime, label: 时间}
  hours: {type: decimal, label: 小时}
  took:  {type: duration, label: 用时}
  done:  {type: boolean, label: 完成}
  by:    {type: user, label: 谁}
  seen:  {type: users, label: 见到}
access:
  chief: {read: all, write: all, create: true}
"""

PLANT = {
    "app.yaml": APP.replace("[client, product, stock, slip, deal]", "[quote, customer, visit]"),
    "quote/entity.yaml": QUOTE,
    "customer/entity.yaml": CUSTOMER,
    "visit/entity.yaml": VISIT,
}
TEXTS = [
    "Valve",
    "valve",
    "阀门",
    "a'b",
    "%_",
    "",
    " ",
    'say "x"',
    "back\\slash",
    "🔧é",
    "a,b",
    "rep",
    "é",
    "Ｖalve",
    None,
]
LABELS = [None, [], ["valve"], ["pump", "valve"], ['say "x"'], ["back\\slash", "a,b"], ["阀门"], ["🔧é"], ["valves"]]
QUOTES, VISITS, CUSTOMERS = 40, 50, 5


class Plant:
    """A store with records, read once, and what both sides of a comparison need."""

    def __init__(self, store: Store, people: Mapping[str, int], departments: Sequence[int]) -> None:
        self.store = store
        self.people = people
        self.departments = departments

    def env(self, session: Session) -> Env:
        """Return what an expression may know when the representative asks; aggregates are worked out in Python."""
        actor = accounts.get_actor(session.connection, self.people["rep"], via="web")
        env = make_env(session, actor)
        return Env(
            env.user, env.now, env.today, InPython(session), env.offset, env.calendar, roles=env.roles,
            department=env.department,
        )  # fmt: skip


class InPython(Lookups):
    """Reads what links here once, and leaves every aggregate to Python."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._kept: dict[tuple[str, str, int], Sequence[Mapping[str, Any]]] = {}

    def fold(self, fold: Any, record: Any, env: Env) -> None:
        return None

    def collection(self, entity: str, name: str, record: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        key = (entity, name, record["id"])
        if key not in self._kept:
            self._kept[key] = super().collection(entity, name, record)
        return self._kept[key]


@contextmanager
def plant_of(request: pytest.FixtureRequest, folder: Path, seed: int) -> Iterator[Plant]:
    """A published app in an empty database, filled with records that are the same on every database."""
    with database_of(request, folder) as database:
        store = Store(database, folder / "files", SetClock(NOW))
        catalog.publish(store, to_folder(PLANT), actor_id=None)
        with store.write() as session:
            units = [create_department(session, key=key, name=key, actor=None) for key in ("sales", "quality")]
            people = {
                login: accounts.create_user(
                    session, login=login, name=login, password=None, roles=roles, department=unit, actor=None
                )
                for login, roles, unit in (("rep", ["rep", "lead"], units[0]), ("rep.two", ["rep"], None))
            }
            plant = Plant(store, people, units)
            disabled = update(users).where(users.c.login == "rep.two").values(disabled_at=NOW)
            session.connection.execute(disabled)
            _fill(session, plant, random.Random(seed))
        yield plant


def _fill(session: Session, plant: Plant, draw: random.Random) -> None:
    tables, people = session.tables, [None, *plant.people.values()]
    units = [None, *plant.departments]

    def common(id_: int) -> dict[str, Any]:
        moments = {"created_at": _moment(draw) or NOW, "updated_at": _moment(draw) or NOW}
        persons = {key: draw.choice(people) for key in ("owner", "created_by", "updated_by")}
        gone = NOW if id_ % 7 == 4 else None
        return {"id": id_, "number": f"N{id_:03}", "team": draw.choice(units), "deleted_at": gone} | moments | persons

    later: list[dict[str, Any]] = []
    for id_ in range(1, CUSTOMERS + 1):
        known = {"name": draw.choice(TEXTS), "grade": draw.choice(["a", "b", None]), "credit": _decimal(draw, 5, 2)}
        known |= {"since": _day(draw), "opens": _time(draw), "key_account": _yes(draw)}
        known |= {"seller": draw.choice(people), "unit": draw.choice(units), "point": LOCATIONS[id_ % len(LOCATIONS)]}
        _insert(session, tables.entity["customer"], common(id_) | known)
        for position in range(id_ % 3 * 2):
            place = {"parent_id": id_, "position": position, "part": draw.choice(TEXTS), "price": _decimal(draw, 3, 2)}
            place |= {"made_for": draw.choice([None, *range(1, CUSTOMERS + 1)]), "seller": draw.choice(people)}
            later.append(place)
    for place in later:
        _insert(session, tables.lines["customer", "models"], place)
    for id_ in range(1, QUOTES + 1):
        _insert(session, tables.entity["quote"], common(id_) | {"serial": f"S{id_:04}"} | _quote(draw, people, units))
        for position in range(draw.choice([0, 0, 1, 2, 3])):
            place = {"parent_id": id_, "position": position}
            _insert(session, tables.lines["quote", "items"], place | _line(draw, people))
        _attach(session, draw, id_)
    for id_ in range(1, VISITS + 1):
        known = {"note": draw.choice(TEXTS), "quote": draw.randint(1, QUOTES), "at": _moment(draw), "done": _yes(draw)}
        known |= {"hours": _decimal(draw, 2, 4), "took": _span(draw), "by": draw.choice(people)}
        known |= {"seen": draw.choice([None, people[1:2], people[1:]])}
        _insert(session, tables.entity["visit"], common(id_) | known)


def _quote(draw: random.Random, people: list[int | None], units: list[int | None]) -> dict[str, Any]:
    texts = ("name", "memo", "rich", "phone", "email", "site", "credit", "barcode", "colour")
    return {
        **{key: draw.choice(TEXTS) for key in texts},
        "amount": _decimal(draw, 6, 2),
        "paid": _decimal(draw, 6, 2),
        "discount": _decimal(draw, 0, 4),
        "win_rate": _decimal(draw, 0, 4),
        "qty": _decimal(draw, 3, 4),
        "fine": _decimal(draw, 3, 6),
        "visits_planned": draw.choice([None, 0, 1, 2, 7, -3]),
        "stars": draw.choice([None, 1, 5]),
        "archived": _yes(draw),
        "due": _day(draw),
        "signed": _day(draw),
        "closed_at": _moment(draw),
        "opens": _time(draw),
        "closes": _time(draw),
        "effort": _span(draw),
        "kind": draw.choice(["draft", "sent", "approved", None]),
        "lines_of": draw.choice([None, [], ["valve"], ["pump", "valve"]]),
        "labels": draw.choice(LABELS),
        "customer": draw.choice([None, *range(1, CUSTOMERS + 1)]),
        "others": draw.choice([None, [], [1], [2, 1]]),
        "checker": draw.choice(people),
        "invited": draw.choice([None, [], people[1:2], people[1:]]),
        "unit": draw.choice(units),
        "place": draw.choice([None, {"city": "宁波"}]),
        "point": draw.choice(PLACES),
        "extra": draw.choice([None, {"a": [1]}, [], 0]),
    }


def _line(draw: random.Random, people: list[int | None]) -> dict[str, Any]:
    return {
        "qty": _decimal(draw, 2, 4),
        "price": _decimal(draw, 3, 2),
        "discount": _decimal(draw, 0, 4),
        "boxes": draw.choice([None, 0, 2, 5]),
        "ready_on": _day(draw),
        "start": _time(draw),
        "takes": _span(draw),
        "express": _yes(draw),
        "note": draw.choice(TEXTS),
        "product": draw.choice([None, *range(1, CUSTOMERS + 1)]),
        "packer": draw.choice(people),
    }


def _attach(session: Session, draw: random.Random, id_: int) -> None:
    for field in ("scan", "photo", "sign"):
        for number in range(draw.choice([0, 0, 1, 2]) if field == "scan" else draw.choice([0, 1])):
            row = {"sha256": f"{id_}{field}{number}", "name": "x", "size": 1, "content_type": "text/plain"}
            row |= {"uploaded_at": NOW, "entity": "quote", "record_id": id_, "field": field, "position": number}
            row |= {"deleted_at": NOW if draw.random() < 0.2 else None}
            session.connection.execute(files.insert(), row)


def _insert(session: Session, table: Table, values: Mapping[str, Any]) -> None:
    row = {column_name(key): value for key, value in values.items()}
    session.connection.execute(table.insert(), row)


def _yes(draw: random.Random) -> bool | None:
    return draw.choice([True, False, None])


def _time(draw: random.Random) -> time | None:
    return draw.choice([None, time(8, 30), time(0, 0), time(23, 59, 59), time(8, 30, 1)])


def _span(draw: random.Random) -> timedelta | None:
    return draw.choice([None, timedelta(), timedelta(hours=-30), timedelta(days=3), timedelta(minutes=90)])
