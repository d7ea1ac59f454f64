"""A small app of deals: stages with every kind of requirement, timers, flags, and calendars of departments."""

from pathlib import Path
from typing import Any

from engine.definition.source import SourceFolder
from engine.people import accounts
from engine.people.departments import create_department
from engine.records.commands import create_record, update_record
from engine.records.flags import RaisedFlag, read_flags
from engine.records.record import Record
from engine.records.stays import Stay, find_stay
from engine.storage.database import Database
from engine.storage.files import StoredFile
from engine.storage.store import Session
from engine.workflow.transitions import move_record
from tests.workflow.site import Site, open_site

APP = """\
app: deals
label: 商机
version: 1.0.0
language: zh
languages: [zh, en]
timezone: Asia/Shanghai
currency: CNY
roles:
  rep: {label: 销售}
  boss: {label: 经理}
  admin: {label: 管理员}
menu: [customer, deal, offer, visit]
calendars:
  shop: {days: [1, 2, 3, 4, 5, 6, 7], hours: ["10:00-22:00"]}
  plant: {days: [1, 2, 3, 4, 5, 6], hours: ["00:00-04:00", "08:00-12:00"]}
"""

CUSTOMER = """\
entity: customer
label: 客户
display: "{name}"
fields:
  name: {type: text, label: 名称, required: true}
  bound_until: {type: date, label: 框架协议到期}
access:
  rep: {read: all, write: all, create: true}
  boss: {read: all, write: all, create: true}
"""

DEAL = """\
entity: deal
label: 商机
display: "{title}"
fields:
  title: {type: text, label: 名称, required: true}
  customer: {type: link, to: customer, label: 客户}
  amount: {type: money, label: 金额}
  need: {type: text, label: 需求}
  verdict: {type: choice, label: 结论, options: {yes_: 可行, no_: 不可行}}
  doc: {type: file, label: 方案, many: true}
  offer: {type: link, to: offer, label: 主报价}
  valid_until: {type: date, label: 有效期}
  last_visit: {type: date, label: 最近拜访, computed: "max(visit.day)"}
  bound_until: {type: date, label: 框架协议到期, computed: "customer.bound_until"}
access:
  rep: {read: own, write: own, create: true, import: true}
  boss: {read: all, write: all, create: true, delete: all}
"""
DEAL = DEAL.replace("yes_", "good").replace("no_", "bad")

OFFER = """\
entity: offer
label: 报价
display: "{title}"
fields:
  title: {type: text, label: 名称, required: true}
  price: {type: money, label: 价格}
access:
  rep: {read: all, write: all, create: true}
  boss: {read: all, write: all, create: true}
"""

OFFER_FLOW = """\
workflow: offer
label: 报价
stages:
  draft: {label: 草稿}
  asked: {label: 审批中}
  approved: {label: 已批准}
moves:
  submit: {label: 提交, from: [draft, approved], to: [approved], during: asked, approval: price}
"""

OFFER_APPROVAL = """\
approval: price
entity: offer
label: 价格审批
guard: [price]
defaults: {self: skip, empty: {assign: [{role: boss}]}}
steps:
  boss: {label: 经理, who: [{role: boss}]}
"""

VISIT = """\
entity: visit
label: 拜访
fields:
  deal: {type: link, to: deal, label: 商机}
  kind: {type: choice, label: 方式, options: {visit: 上门, call: 电话}}
  day: {type: date, label: 日期}
access:
  rep: {read: all, write: all, create: true}
  boss: {read: all, write: all, create: true}
"""

FLOW = """\
workflow: deal
label: 推进
forward: next_only
evidence: {apart: customer}
stages:
  needs: {label: 需求, due: 7wd}
  proposal:
    label: 方案
    due: 2wd
    enter:
      basics: {fields: [amount, need]}
      doc: {file: doc, accept: [pdf], newer_than: 30d}
  review:
    label: 评审
    enter:
      visited: {link: visit, where: "kind = 'visit'", within: 7d, by: day}
    leave:
      verdict: {check: "verdict = 'good'", message: 评审须可行}
  contract:
    label: 签约
    due: 5wd
    enter:
      price: {approval: price, of: offer}
outcomes:
  won: {label: 赢单, from: [contract]}
  lost: {label: 丢单, from: [any], reason: required}
  expired: {label: 过期}
moves:
  back: {label: 退回, from: [proposal, review, contract], to: [previous], reason: required}
  reopen: {label: 重新激活, from: [lost, expired], to: [previous], who: [{role: boss}]}
  expire: {label: 过期, from: [proposal], to: [expired], when: "valid_until < today()"}
timers:
  near_due: {after: 80% of due, do: [{remind: [owner]}]}
  overdue: {after: due, every: 2wd, at_most: 3, do: [{remind: [owner, manager]}, {flag: stalled}]}
  expiring: {in: [proposal], after: 3d before valid_until, do: [{remind: [owner]}], message: 报价快到期了}
  expired: {in: [proposal], after: valid_until, do: [{move: expire}]}
  quiet: {in: [proposal], after: 9d after last_visit, do: [{remind: [owner]}]}
  unbound: {in: [proposal], after: bound_until, do: [{remind: [owner]}]}
flags:
  stalled: {label: 停滞, tone: danger}
"""

SOURCES = {
    "app.yaml": APP,
    "customer/entity.yaml": CUSTOMER,
    "deal/entity.yaml": DEAL,
    "deal/workflow.yaml": FLOW,
    "offer/entity.yaml": OFFER,
    "offer/workflow.yaml": OFFER_FLOW,
    "offer/approval.yaml": OFFER_APPROVAL,
    "visit/entity.yaml": VISIT,
}


class Deals(Site):
    """A site of deals and shorthand for what its people do."""

    def make(self, entity: str, login: str = "rep", **values: Any) -> Record:
        with self.store.write() as session:
            return create_record(session, entity, values, actor=self.actor(login))

    def change(self, entity: str, record: int, login: str = "rep", **values: Any) -> Record:
        version = self.found(entity, record).version
        with self.store.write() as session:
            return update_record(session, entity, record, values, version=version, actor=self.actor(login))

    def found(self, entity: str, record: int) -> Record:
        from engine.records.queries import get_record

        with self.store.read() as session:
            return get_record(session, entity, record, actor=self.actor("boss"))

    def go(self, record: int, move: str, login: str = "rep", entity: str = "deal", **more: Any) -> Record:
        version = self.found(entity, record).version
        with self.store.write() as session:
            return move_record(session, entity, record, move, version=version, actor=self.actor(login), **more)

    def where(self, record: int) -> str:
        return str(self.found("deal", record).values["stage"])

    def stay(self, record: int) -> Stay:
        with self.store.read() as session:
            found = find_stay(session, "deal", record)
        assert found is not None
        return found

    def flags(self, record: int) -> list[RaisedFlag]:
        with self.store.read() as session:
            return read_flags(session, "deal", [record]).get(record, [])

    def upload(self, name: str = "方案.pdf", sha256: str = "ab" * 32, login: str = "rep") -> int:
        from engine.records.uploads import create_upload

        with self.store.write() as session:
            stored = StoredFile(sha256, name, 12, "application/pdf")
            return int(create_upload(session, stored, actor=self.actor(login))["id"])


def open_deals(database: Database, folder: Path) -> Deals:
    """A site with a rep whose manager is the boss, and a rep of the shop."""
    site = open_site(database, folder, SourceFolder(SOURCES), _people)
    return Deals(site.store, site.clock, site.people)


def _people(session: Session, site: Site) -> None:
    office = create_department(session, key="office", name="办公室", actor=None)
    shop = create_department(session, key="shop", name="门店", parent=office, actor=None)

    def add(login: str, name: str, *roles: str, department: int = office, manager: str | None = None) -> None:
        above = site.people[manager] if manager else None
        site.people[login] = accounts.create_user(
            session,
            login=login,
            name=name,
            password=None,
            roles=roles,
            department=department,
            manager=above,
            actor=None,
        )

    add("boss", "李经理", "boss", "admin")
    add("rep", "小王", "rep", manager="boss")
    add("seller", "小赵", "rep", department=shop, manager="boss")
