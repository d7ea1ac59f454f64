"""A small market whose figures use every kind of row, dimension and period, and people who see parts of it."""

from collections.abc import Mapping

from engine.people import accounts
from engine.people.departments import create_department
from engine.storage.store import Session

APP = """\
app: market
label: 集市
version: 1.0.0
language: zh
languages: [zh]
timezone: Asia/Shanghai
currency: CNY
roles:
  admin: {label: 管理员}
  boss:  {label: 主管}
  lead:  {label: 组长}
  rep:   {label: 销售}
  clerk: {label: 文员}
menu: [client, deal, visit, aim]
ask_export_above: 3
"""

CLIENT = """\
entity: client
label: 客户
display: "{name}"
fields:
  name:   {type: text, label: 名称, required: true}
  region: {type: choice, label: 区域, options: {east: 华东, south: 华南, north: 华北}}
  credit: {type: money, label: 额度}
access:
  admin: {read: all, write: all, create: true, delete: all}
  boss:  {read: all, write: all, create: true}
  lead:  {read: team, write: team, create: true}
  rep:   {read: own, write: own, create: true, hide: [credit]}
  clerk: {read: all, hide: [region]}
"""

DEAL = """\
entity: deal
label: 商机
display: "{name}"
fields:
  name:     {type: text, label: 名称, required: true}
  client:   {type: link, to: client, label: 客户}
  amount:   {type: money, label: 金额}
  score:    {type: decimal, label: 评分, scale: 3}
  chance:   {type: percent, label: 把握}
  others:   {type: links, to: client, label: 其他客户}
  tags:     {type: choices, label: 产品线, options: {a: 甲, b: 乙, c: 丙}}
  hot:      {type: boolean, label: 重点}
  got_at:   {type: datetime, label: 收到}
  signed:   {type: date, label: 签约日}
  cost:     {type: money, label: 成本}
  bought:   {type: money, label: 底价}
  items:
    type: lines
    label: 明细
    fields:
      kind:  {type: choice, label: 品类, options: {x: 阀门, y: 油封}}
      qty:   {type: integer, label: 数量}
      price: {type: money, label: 单价}
      floor: {type: money, label: 限价}
access:
  admin: {read: all, write: all, create: true, delete: all, approve_export: true}
  boss:  {read: all, write: all, create: true, delete: all, export: true}
  lead:  {read: team, write: team, create: true, mask: [bought], hide: [items.floor]}
  rep:   {read: own, write: own, create: true, hide: [cost, bought, items.floor], export: true}
  clerk: {read: hot, hide: [amount, items]}
scopes:
  hot: {where: "hot"}
"""

FLOW = """\
workflow: deal
entity: deal
label: 推进
stages:
  open:  {label: 线索}
  offer: {label: 报价}
  talk:  {label: 谈判}
outcomes:
  won:  {label: 赢单}
  lost: {label: 丢单}
moves:
  quote: {label: 报价, from: [open], to: [offer]}
  argue: {label: 谈判, from: [offer], to: [talk]}
  back:  {label: 退回, from: [offer, talk], to: [open]}
  win:   {label: 赢单, from: [talk], to: [won]}
  lose:  {label: 丢单, from: [open, offer, talk], to: [lost]}
"""

VISIT = """\
entity: visit
label: 回访
display: "{topic}"
fields:
  deal:    {type: link, to: deal, label: 商机}
  topic:   {type: text, label: 内容, required: true}
  at:      {type: datetime, label: 时间}
  minutes: {type: integer, label: 分钟}
access:
  admin: {read: all, write: all, create: true, delete: all}
  boss:  {read: all, write: all, create: true}
  lead:  {read: team, write: team, create: true}
  rep:   {read: own, write: own, create: true}
"""

AIM = """\
entity: aim
label: 目标
display: "{day}"
fields:
  region: {type: choice, label: 区域, options: {east: 华东, south: 华南, north: 华北}}
  day:    {type: date, label: 月份}
  amount: {type: money, label: 金额}
access:
  admin: {read: all, write: all, create: true}
  boss:  {read: all, write: all, create: true}
  lead:  {read: team}
"""

MARKET: Mapping[str, str] = {
    "app.yaml": APP,
    "client/entity.yaml": CLIENT,
    "deal/entity.yaml": DEAL,
    "deal/workflow.yaml": FLOW,
    "visit/entity.yaml": VISIT,
    "aim/entity.yaml": AIM,
}

REPORTS = """\
reports: deal
dimensions:
  region: {label: 区域, value: client.region}
  size:   {label: 规模, value: amount, buckets: [100, 1000]}
  ready:  {label: 金额已填, value: "amount is not missing"}
figures:
  count:    {label: 数量, date: got_at, value: count(), closes: 1}
  won:
    label: 赢单金额
    date: signed
    where: "stage = 'won'"
    value: sum(amount)
    better: more
    target_from: aim.amount
    closes: 3
  rate:
    label: 赢单率
    date: signed
    value: "count(where stage = 'won') / count(where stage in ['won', 'lost'])"
    unit: percent
    target: 50%
    at_least: 5
  middle:   {label: 中位数, date: got_at, value: median(amount)}
  p90:      {label: P90, date: got_at, value: "percentile(score, 90)"}
  clients:  {label: 客户数, date: got_at, value: distinct(client)}
  lively:
    label: 活跃占比
    where: "created_at < period.end"
    value: "share(count(visit where at >= period.start and at < period.end) >= 2)"
  margin:   {label: 毛利, date: signed, value: "sum(amount) - sum(cost)"}
  floor:    {label: 底价, value: sum(bought)}
  lines:    {label: 明细金额, of: deal.items, date: signed, value: "sum(qty * price)"}
  below:    {label: 低于限价, of: deal.items, value: "count(where price < floor)"}
  moves:    {label: 进入报价次数, of: deal.moves, date: at, where: "to = 'offer'", value: count()}
  edits:    {label: 更改, of: deal.changes, date: at, where: "field in ['name', 'hot']", value: count()}
  worked:   {label: 工作日, where: "period.working_days > 0", value: max(period.working_days)}
  pace:     {label: 每个工作日, date: got_at, value: count() / period.working_days}
  many:     {label: 够多, date: signed, where: "stage = 'won'", value: sum(amount), hide_below: 2}
  fresh:
    label: 新到的
    date: got_at
    value: count()
    provisional: {when: "max(got_at) > now() - 10d", says: 还有不满 10 天的}
  attained: {label: 达成, date: signed, where: "stage = 'won'", with: {aim: aim.amount}, value: sum(amount) / aim}
  best:
    label: 与最好的区域比
    date: signed
    where: "stage = 'won'"
    with: {best: {figure: won, each: region, take: max}}
    value: sum(amount) / best
  hit:
    label: 达标
    date: signed
    where: "stage = 'won'"
    with: {aim: aim.amount}
    value: if(sum(amount) >= aim and period.to < today() + 60d, 1, 0)
  hits:     {label: 达标月数, date: signed, with: {hits: {figure: hit, each: date.month, take: sum}}, value: hits}
  leading:
    {label: 与最多的区域比, date: got_at, with: {most: {figure: count, each: region, take: max}}, value: count() / most}
  usual:
    {label: 人均, date: got_at, with: {usual: {figure: count, each: owner, take: median}}, value: count() / usual}
layouts:
  overview:
    {label: 概览, show: [count, won, rate, margin], by: [owner], period: month, compare: [previous, last_year, target]}
  months:   {label: 逐月, show: [count, middle, p90], by: [date.month], period: year}
  lines:    {label: 明细, show: [lines], by: [kind, tags], period: year}
  tied:     {label: 并列, show: [worked, count], by: [owner], period: month, sort: -worked, then: -count}
  best:     {label: 榜, show: [won, count], by: [owner], period: month, sort: -won, then: -count, announce: 1}
  busy:     {label: 忙, show: [count], by: [owner], period: month, sort: -count, announce: 1}
  regions:  {label: 区域, show: [won], by: [region], period: month, compare: [target], sort: -won, top: 2}
  pareto:
    label: 帕累托
    show: [won, margin]
    by: [region]
    period: month
    compare: [previous]
    chart: bars
    sort: -won
    cumulative: true
  first:    {label: 第一, show: [won], by: [region], period: month, sort: -won, cumulative: true, top: 1}
  falls:
    label: 瀑布
    show: [won, margin, lines]
    by: [region]
    period: month
    chart: waterfall
    adds: {from: won, minus: [margin], to: lines}
funnels:
  sales:
    label: 漏斗
    date: got_at
    steps:
      open:  {label: 线索}
      offer: {label: 报价, when: "reached('offer')"}
      talk:  {label: 谈判, when: "reached('talk')"}
      won:   {label: 赢单, when: "stage = 'won'"}
"""

AIMS = """\
reports: aim
figures:
  amount: {label: 目标, date: day, value: sum(amount)}
"""

BOARD = """\
dashboard: home
label: 首页
for: [boss, rep]
filters: [owner, region]
rows:
  - [{figure: deal.count}, {figure: deal.floor}]
  - [{report: deal.overview}, {funnel: deal.sales}]
  - [{list: deal, where: "stage = 'open' and owner = user", columns: [name, amount], sort: -amount, top: 5}]
"""

FULL: Mapping[str, str] = {
    **MARKET, "deal/reports.yaml": REPORTS, "aim/reports.yaml": AIMS, "dashboards/home.yaml": BOARD,
}  # fmt: skip

PEOPLE: Mapping[str, tuple[str, ...]] = {
    "bo": ("boss",), "li": ("lead",), "ann": ("rep",), "ben": ("rep",), "cat": ("rep",), "dee": ("clerk",),
    "eve": ("rep", "clerk"),
}  # fmt: skip
TEAMS: Mapping[str, str] = {
    "li": "east",
    "ann": "east",
    "ben": "east",
    "cat": "south",
    "bo": "top",
    "dee": "top",
    "eve": "south",
}


def add_people(session: Session) -> dict[str, int]:
    """Create everybody; return their ids by login."""
    top = create_department(session, key="top", name="总部", actor=None)
    teams = {"top": top} | {
        key: create_department(session, key=key, name=key, parent=top, actor=None) for key in ("east", "south")
    }
    return {
        login: accounts.create_user(
            session, login=login, name=login, password=None, roles=roles, department=teams[TEAMS[login]], actor=None
        )
        for login, roles in PEOPLE.items()
    }
