"""A trading desk to try the rules of records on: clients, products, deals with lines, people with different rights."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.clock import SetClock
from engine.errors import InvalidValues
from engine.people import accounts
from engine.people.actor import Actor
from engine.people.departments import create_department
from engine.records import commands, queries
from engine.records.filters import Filter
from engine.records.queries import ListQuery, Page
from engine.records.record import Record
from engine.storage.store import Session, Store

APP = """\
app: desk
label: 交易台
version: 1.0.0
language: zh
languages: [zh, en]
timezone: Asia/Shanghai
currency: CNY
roles:
  rep: {label: 业务员}
  lead: {label: 组长}
  chief: {label: 总管}
  eastern: {label: 东区}
  guest: {label: 访客}
  remover: {label: 清理员}
  admin: {label: 管理员}
menu: [client, product, stock, slip, deal]
"""

CLIENT = """\
entity: client
label: 客户
display: "{name}"
fields:
  name:    {type: text, label: 名称, required: true, unique: true, max_length: 60}
  region:  {type: choice, label: 区域, options: {east: 东, west: 西}, default: east}
  code:    {type: credit_code, label: 信用代码, unique: true}
  phone:   {type: phone, label: 电话}
  limit:   {type: money, label: 额度}
  partner: {type: link, to: client, label: 伙伴}
access:
  rep:     {read: own, write: own, create: true, import: true, hide: [limit]}
  lead:    {read: team, write: team, create: true}
  chief:   {read: all, write: all, create: true, delete: all, import: true, share_views: true}
  eastern: {read: east, write: east}
  guest:   {read: all, hide: [phone, limit, partner]}
  remover: {read: all, write: all, delete: own, create: true}
scopes:
  east: {where: "region = 'east'"}
"""

STOCK = """\
entity: stock
label: 库位
fields:
  name:  {type: text, label: 名称}
  house: {type: text, label: 库}
  place: {type: integer, label: 位}
unique:
  place: {fields: [house, place], message: 这个库位已被占用}
access:
  chief: {read: all, create: true, import: true}
"""

SLIP = """\
entity: slip
label: 单据
fields:
  deal:  {type: link, to: deal, label: 交易, where: "stage = 'open'"}
  third: {type: money, label: 三分之一}
  share: {type: percent, label: 份额, scale: 2}
  when:  {type: datetime, label: 时刻}
  kinds: {type: choices, label: 类别, options: {rush: 加急, test: 试样, bulk: 大批}}
  rows:
    type: lines
    label: 行
    fields:
      what: {type: link, to: product, label: 什么}
      part: {type: decimal, label: 份, scale: 1}
      own:  {type: text, label: 自填, default: 自}
access:
  chief: {read: all, create: true}
  rep:   {read: own, create: true, hide: [third], readonly: [rows.part]}
"""

PRODUCT = """\
entity: product
label: 产品
display: "{sku} {name}"
fields:
  sku:   {type: text, label: 编码, required: true, unique: true}
  name:  {type: text, label: 品名, required: true}
  price: {type: money, label: 单价, scale: 4, adds_up: false}
  cost:  {type: money, label: 成本, scale: 4}
  state: {type: choice, label: 状态, options: {sold: 在售, ended: 停售}, default: sold}
access:
  rep:   {read: all, hide: [cost]}
  lead:  {read: all}
  chief: {read: all, write: all, create: true, delete: all}
"""

DEAL = """\
entity: deal
label: 交易
number: {pattern: "JY{yyyyMM}-{seq:3}", reset: monthly, mode: gapless}
display: "{number} {title}"
fields:
  title:    {type: text, label: 标题, max_length: 40, search: true}
  client:   {type: link, to: client, label: 客户}
  phone:    {type: phone, label: 联系电话, fetch: client.phone}
  region:   {type: choice, label: 区域, options: {east: 东, west: 西}, fetch: client.region, readonly: true}
  seller:   {type: user, label: 销售}
  kinds:    {type: choices, label: 类别, options: {rush: 加急, test: 试样, bulk: 大批}}
  share:    {type: percent, label: 份额, default: 10%, min: 0, max: 1}
  weight:   {type: decimal, label: 重量, scale: 3}
  pieces:   {type: integer, label: 件数}
  due:      {type: date, label: 交期}
  met:      {type: datetime, label: 会面}
  agreed:   {type: boolean, label: 已同意}
  note:     {type: long_text, label: 备注}
  until:    {type: date, label: 有效期, default_from: "today() + 30d"}
  secret:   {type: text, label: 机密, search: true}
  serial:   {type: text, label: 流水, readonly: true, default: S}
  old:      {type: text, label: 旧栏, retired: {since: 2026-01-01, reason: 不再使用}}
  why:      {type: text, label: 理由, visible_when: "agreed", required_when: "share > 50%"}
  fixed:    {type: text, label: 定稿后不改, readonly_when: "agreed"}
  papers:   {type: file, label: 文件, many: true, accept: [pdf, txt], max_size: 500KB}
  cover:    {type: file, label: 封面}
  lines:
    type: lines
    label: 明细
    max_rows: 5
    fields:
      product: {type: link, to: product, label: 产品, required: true, where: "state = 'sold'"}
      qty:     {type: decimal, label: 数量, required: true, min: 0, scale: 2}
      price:   {type: money, label: 单价, scale: 4, fetch: product.price}
      cost:    {type: money, label: 成本, fetch: product.cost, readonly: true}
      amount:  {type: money, label: 金额, computed: "qty * price"}
      memo:    {type: text, label: 说明, default: 无}
  total:    {type: money, label: 合计, computed: "sum(lines.amount)"}
  cut:      {type: money, label: 分成, computed: "total * share"}
  twice:    {type: money, label: 两倍, computed: "cut * 2"}
rules:
  due_after_met: {check: "due >= date(met)", message: 交期不能早于会面, fields: [due]}
  light:         {check: "weight < 1000 or note is not missing", message: 超重要写备注, fields: [note]}
  fresh:         {check: "due >= today()", at: [create], message: 交期已过, fields: [due]}
unique:
  once: {fields: [client, title], where: "agreed", message: 这家客户已有同名交易}
makes:
  slip:
    label: 开单
    entity: slip
    back: deal
    when: "total > 0 and secret != 'no'"
    set: {third: "total / 3", share: share, when: met, kinds: kinds}
    lines:
      rows: {rows: lines, set: {what: product, part: "qty / 3"}}
list: {columns: [number, title, client, total], sort: "-total", filters: [client, share]}
access:
  rep:     {read: own, write: own, create: true, hide: [secret, lines.cost], readonly: [pieces, lines.memo]}
  lead:    {read: team, write: team, create: true, import: true}
  chief:   {read: all, write: all, create: true, delete: all, import: true}
  eastern: {read: east, write: east}
  guest:   {read: all, hide: [secret, total, cut, twice, lines.cost, papers, client]}
  remover: {read: all, write: all, delete: own, create: true}
scopes:
  east: {where: "region = 'east'"}
"""

FLOW = """\
workflow: deal
entity: deal
label: 进程
stages:
  open: {label: 进行}
  shut: {label: 封存, lock: [title, lines]}
moves:
  close: {label: 封存, from: [open], to: [shut]}
"""

DESK: Mapping[str, str] = {
    "app.yaml": APP,
    "client/entity.yaml": CLIENT,
    "product/entity.yaml": PRODUCT,
    "stock/entity.yaml": STOCK,
    "slip/entity.yaml": SLIP,
    "deal/entity.yaml": DEAL,
    "deal/workflow.yaml": FLOW,
}


@dataclass
class Desk:
    """The running desk and shorthand for what its people do, each in a transaction of its own."""

    store: Store
    clock: SetClock
    people: dict[str, int] = field(default_factory=dict)
    made: int = 0

    def actor(self, login: str) -> Actor:
        with self.store.read() as session:
            return accounts.get_actor(session.connection, self.people[login], via="web")

    def create(self, login: str, entity: str, **raw: Any) -> Record:
        with self.store.write() as session:
            return commands.create_record(session, entity, raw, actor=self.actor(login))

    def update(self, login: str, record: Record, **raw: Any) -> Record:
        version = raw.pop("seen", record.version)
        with self.store.write() as session:
            actor = self.actor(login)
            return commands.update_record(session, record.entity, record.id, raw, version=version, actor=actor)

    def delete(self, login: str, record: Record) -> None:
        with self.store.write() as session:
            actor = self.actor(login)
            commands.delete_record(session, record.entity, record.id, version=record.version, actor=actor)

    def get(self, login: str, record: Record) -> Record:
        with self.store.read() as session:
            return queries.get_record(session, record.entity, record.id, actor=self.actor(login))

    def page(self, login: str, entity: str, *filters: Filter, **more: Any) -> Page:
        with self.store.read() as session:
            return queries.list_records(session, entity, ListQuery(filters, **more), actor=self.actor(login))

    def ids(self, login: str, entity: str, *filters: Filter, **more: Any) -> list[int]:
        return [record.id for record in self.page(login, entity, *filters, **more).records]

    def count(self, login: str, entity: str, *filters: Filter, **more: Any) -> int:
        with self.store.read() as session:
            return queries.count_records(session, entity, ListQuery(filters, **more), actor=self.actor(login))

    def client(self, login: str = "chief", **raw: Any) -> Record:
        return self.create(login, "client", **{"name": self.name("客户")} | raw)

    def product(self, **raw: Any) -> Record:
        sku = self.name("P")
        return self.create("chief", "product", **{"sku": sku, "name": "垫片", "price": "10", "cost": "4"} | raw)

    def deal(self, login: str = "chief", **raw: Any) -> Record:
        return self.create(login, "deal", **{"title": self.name("交易")} | raw)

    def name(self, prefix: str) -> str:
        """A name nobody else has."""
        self.made += 1
        return f"{prefix}{self.made:05}"


def add_people(session: Session, desk: Desk) -> None:
    """Two teams, one below the other, and somebody from elsewhere."""
    upper = create_department(session, key="upper", name="上", actor=None)
    lower = create_department(session, key="lower", name="下", parent=upper, actor=None)
    other = create_department(session, key="other", name="外", actor=None)

    def add(login: str, *roles: str, department: int) -> None:
        desk.people[login] = accounts.create_user(
            session, login=login, name=f"{login} 的名字", password=None, roles=roles, department=department, actor=None
        )

    add("rep", "rep", department=lower)
    add("rep2", "rep", department=lower)
    add("stranger", "rep", department=other)
    add("lead", "lead", department=upper)
    add("chief", "chief", department=other)
    add("eastern", "eastern", department=other)
    add("guest", "guest", department=other)
    add("remover", "remover", department=other)
    add("nobody", department=other)
    add("gone", "rep", department=lower)
    accounts.disable_user(session, desk.people["gone"], actor=None)


def line(product: Record, **more: Any) -> dict[str, Any]:
    return {"product": product.id, "qty": "2", **more}


def errors_of(act: Callable[[], Any], language: str = "zh") -> dict[str, str]:
    """The sentences beside the fields of what is refused."""
    try:
        act()
    except InvalidValues as invalid:
        return {error.path: error.text(language) for error in invalid.errors}
    raise AssertionError("nothing was refused")
