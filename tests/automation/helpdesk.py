"""A small app about tickets whose automations use every kind of trigger and step."""

from collections.abc import Mapping

APP = """\
app: helpdesk
label: 服务台
version: 1.0.0
language: zh
languages: [zh]
timezone: Asia/Shanghai
currency: CNY
roles:
  admin: {label: 管理员}
  agent: {label: 客服}
  boss:  {label: 主管}
menu: [ticket, visit]
"""

TICKET = """\
entity: ticket
label: 工单
display: "{title}"
fields:
  title:    {type: text, label: 标题, required: true}
  level:    {type: choice, label: 级别, options: {low: 低, high: 高}}
  amount:   {type: money, label: 金额}
  secret:   {type: text, label: 底价}
  due:      {type: date, label: 期限}
  received: {type: datetime, label: 收到}
  mark:     {type: text, label: 标注}
  count:    {type: integer, label: 次数}
  paper:    {type: file, label: 附件, many: true}
rules:
  not_negative: {check: "amount >= 0", message: 金额不能小于零, fields: [amount]}
access:
  admin: {read: all, write: all, create: true, delete: all, import: true}
  boss:  {read: all, write: all, create: true, import: true}
  agent: {read: own, write: own, create: true, hide: [secret]}
"""

VISIT = """\
entity: visit
label: 回访
display: "{topic}"
fields:
  ticket: {type: link, to: ticket, label: 工单, required: true}
  topic:  {type: text, label: 内容, required: true}
  done:   {type: boolean, label: 已完成}
access:
  admin: {read: all, write: all, create: true, delete: all}
  boss:  {read: all, write: all, create: true}
  agent: {read: own, write: own, create: true}
"""

FLOW = """\
workflow: ticket
entity: ticket
label: 处理
stages:
  open: {label: 待处理}
  work: {label: 处理中}
outcomes:
  shut:
    label: 关闭
    enter: {why: {fields: [mark]}}
moves:
  begin: {label: 开始, from: [open], to: [work]}
  close: {label: 关闭, from: [open, work], to: [shut]}
"""

HELPDESK: Mapping[str, str] = {
    "app.yaml": APP,
    "ticket/entity.yaml": TICKET,
    "ticket/workflow.yaml": FLOW,
    "visit/entity.yaml": VISIT,
}


def with_rules(rules: str, entity: str = "ticket") -> dict[str, str]:
    """Return the app with these automations of an entity, each a line of ``rules``."""
    indented = "\n".join(f"  {line}" for line in rules.strip("\n").splitlines())
    return {**HELPDESK, f"{entity}/automations.yaml": f"automations: {entity}\nrules:\n{indented}\n"}
