"""A small shop to break: orders of customers, with lines, a workflow, an approval and a printed page."""

from collections.abc import Mapping

APP = """\
app: shop
label: 店铺
version: 1.0.0
language: zh
languages: [zh, en]
timezone: Asia/Shanghai
currency: CNY
roles:
  clerk: {label: 店员}
  boss: {label: 老板}
menu: [customer, order]
"""

CUSTOMER = """\
entity: customer
label: 客户
display: "{name}"
fields:
  name: {type: text, label: 名称, required: true}
  grade: {type: choice, label: 等级, options: {a: 甲, b: 乙}}
  phone: {type: phone, label: 电话}
access:
  clerk: {read: all, write: all, create: true}
"""

ORDER = """\
entity: order
label: 订单
number: {pattern: "DD{yyyy}-{seq:4}", reset: yearly}
display: "{number} {title}"
fields:
  title: {type: text, label: 标题, max_length: 40}
  customer: {type: link, to: customer, label: 客户, where: "grade != 'b'"}
  grade: {type: choice, label: 客户等级, options: {a: 甲, b: 乙}, fetch: customer.grade}
  due: {type: date, label: 交期}
  seller: {type: user, label: 销售}
  scan: {type: file, label: 扫描件}
  tags: {type: choices, label: 标签, options: {x: 急, y: 样}}
  lines:
    type: lines
    label: 明细
    fields:
      qty: {type: integer, label: 数量, min: 1}
      price: {type: money, label: 单价}
      total: {type: money, label: 小计, computed: "qty * price"}
  amount: {type: money, label: 金额, computed: "sum(lines.total)"}
rules:
  soon: {check: "due >= today()", message: 交期已过, fields: [due]}
unique:
  one_title: {fields: [customer, title], where: "stage != 'done'"}
form:
  basics: {label: 基本, fields: [title, [customer, due]]}
list: {columns: [number, customer, amount], sort: "-amount", filters: [customer]}
scopes:
  mine: {where: "seller = user"}
makes:
  again: {label: 再来一单, entity: order_copy, back: source, set: {title: title}, lines: {lines: {rows: lines, set: {qty: qty}}}}
access:
  clerk: {read: mine, write: own, create: true, hide: [amount], readonly: [due]}
"""  # noqa: E501

COPY = """\
entity: order_copy
label: 复单
fields:
  title: {type: text, label: 标题}
  source: {type: link, to: order, label: 来源}
  lines:
    type: lines
    label: 明细
    fields:
      qty: {type: integer, label: 数量}
"""

FLOW = """\
workflow: order
entity: order
label: 流程
stages:
  draft: {label: 草稿}
  asked: {label: 审批中}
outcomes:
  done:
    label: 完成
    enter:
      paper: {file: scan}
      copies: {link: order_copy, where: "title is not missing"}
moves:
  submit: {label: 提交, from: [draft], to: [done], during: asked, refused: draft, approval: price, who: [{role: clerk}]}
"""

APPROVAL = """\
approval: price
entity: order
label: 价格审批
let: {big: "amount > 1000"}
show: [amount, big]
guard: [lines]
defaults: {empty: {assign: [{role: boss}]}}
steps:
  boss: {label: 老板, who: [{role: boss}], when: big}
"""

PRINT = """\
print: order
entity: order
label: 订单纸
title: 订单
head: [customer, due]
lines: lines
columns: [qty, price]
totals: [amount]
words: amount
watermark: {text: 未审批, when: "stage != 'done'"}
"""

LOCALE = """\
locale: en
entities:
  order:
    label: Order
    fields:
      title: Title
"""

SHOP: Mapping[str, str] = {
    "app.yaml": APP,
    "customer/entity.yaml": CUSTOMER,
    "order/entity.yaml": ORDER,
    "order_copy/entity.yaml": COPY,
    "order/workflow.yaml": FLOW,
    "order/approval.yaml": APPROVAL,
    "order/print.yaml": PRINT,
    "locales/en.yaml": LOCALE,
}


def edited(path: str, old: str, new: str) -> dict[str, str]:
    """The shop with one text exchanged; an edit that finds nothing or too much is a mistake of the test."""
    assert SHOP[path].count(old) == 1, f"{old!r} stands {SHOP[path].count(old)} times in {path}"
    return {**SHOP, path: SHOP[path].replace(old, new)}
