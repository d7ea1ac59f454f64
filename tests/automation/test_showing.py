"""A message shows a report or a dashboard in lines: to each as they would see it, to a group as one does."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, text

from engine import reports
from engine.automation import jobs
from engine.automation.previewing import preview
from engine.automation.showing import Found, Part, Teller
from engine.clock import SetClock
from engine.people import accounts
from engine.records import commands
from engine.records.evaluation import make_env
from engine.storage.store import Store
from engine.storage.system_tables import notices
from tests.automation.helpdesk import with_rules
from tests.conftest import MakeStore

RULES = """
morning:
  label: 晨报
  on: {every: "day 08:30", once: true}
  do:
    - post: 管理群
      as: [{role: boss}]
      key: alert
      text: 重点工单
      dashboard: morning
    - notify: [{role: boss}, {role: agent}]
      text: 各级别
      report: ticket.by_level
      period: last month
"""
REPORTS = """\
reports: ticket
figures:
  open:   {label: 未关闭, value: "count(where stage != 'shut')"}
  amount: {label: 金额, date: created_at, value: "sum(amount)"}
  share:  {label: 高级别占比, value: "count(where level = 'high') / count()", unit: percent}
layouts:
  by_level: {label: 按级别, show: [amount, open], by: [level], period: month}
"""
DASHBOARD = """\
dashboard: morning
label: 晨报
for: [boss]
period: month
rows:
  - [{figure: ticket.open}, {figure: ticket.share}]
  - [{list: ticket, label: 停滞, where: "amount > 100", columns: [title, owner, level, amount, due], sort: "-amount",
      top: 2}]
  - [{list: ticket, label: 超大, where: "amount > 100000", columns: [title]}]
"""


ALARM = """
alarm:
  label: 高级别太多
  on:
    every: "day 08:30"
    once: true
    with: {share: {figure: ticket.share}, amount: {figure: ticket.amount, period: last month}}
  when: "share > 49.99% and amount >= 6000"
  do:
    - notify: [{role: boss}, {role: agent}]
      text: "占 {share}，上月 {amount}"
    - if: "share > 60%"
      then: [{post: 管理群, text: 太多}]
      else: [{post: 管理群, text: "群里：{share}"}]
"""


RANKING = """
ranking:
  label: 榜
  on: {every: "day 08:30", once: true}
  do:
    - {post: 管理群, as: [{role: agent}], text: 榜, report: ticket.best}
    - {notify: [{role: agent}], text: 榜, report: ticket.best}
"""
BEST = """\
  best: {label: 销售榜, show: [amount], by: [owner], period: month, sort: -amount, announce: 1}
"""


def let_in(found: Store) -> None:
    with found.write() as session:
        for login, role in (("chief", "boss"), ("ann", "agent"), ("bob", "agent"), ("root", "admin")):
            accounts.create_user(session, login=login, name=login.title(), password=None, roles=[role], actor=None)


@pytest.fixture
def store(make_store: MakeStore) -> Store:
    return open_with(make_store, RULES)


def open_with(make_store: MakeStore, rules: str) -> Store:
    files = with_rules(rules) | {"ticket/reports.yaml": REPORTS, "dashboards/morning.yaml": DASHBOARD}
    return make_store(files, let_in)


def create(store: Store, owner: int, **raw: Any) -> None:
    with store.write() as session:
        commands.create_record(session, "ticket", raw, actor=accounts.get_actor(session.connection, owner))


GROUP = """重点工单

未关闭：4
高级别占比：50%

停滞
1. 停电 | Ann | 高 | 5,000.00
2. 漏水 | Ann | 高 | 1,200.50 | 2026-03-09
…

超大：无"""
OF_CHIEF = """各级别

按级别 (2026-02)
低：金额 ¥300.00，未关闭 2
高：金额 ¥6,200.50，未关闭 2
合计：金额 ¥6,500.50，未关闭 4"""


def test_once_a_day_each_reads_their_own_and_a_group_what_somebody_named_sees(store: Store, clock: SetClock) -> None:
    jobs.look(store)
    clock.at -= timedelta(days=20)
    create(store, 2, title="漏水", level="high", amount="1200.5", due="2026-03-09")
    create(store, 2, title="停电", level="high", amount="5000")
    create(store, 3, title="灯坏", level="low", amount="200")
    create(store, 3, title="门坏", level="low", amount="100")
    clock.at += timedelta(days=21)
    for _ in range(3):
        jobs.look(store)

    with store.read() as session:
        posted = session.connection.execute(text("SELECT channel FROM fw_deliveries")).all()
        told = {row[0]: row[1] for row in session.connection.execute(select(notices.c.user_id, notices.c.params))}
    assert [tuple(one) for one in posted] == [("管理群",)]
    assert told[1]["text"] == OF_CHIEF
    assert told[3]["text"] == "各级别\n\n按级别 (2026-02)\n低：金额 ¥300.00，未关闭 2"
    with store.write() as session:
        seen = preview(session, "ticket.morning", None, actor=None)
    assert [one.text for one in seen.said if one.channel] == [GROUP]
    assert {one.name for one in seen.said if not one.channel} == {"Chief", "Ann", "Bob"}


def test_what_nobody_there_may_see_fails_and_says_so(store: Store, clock: SetClock) -> None:
    with store.write() as session:
        accounts.disable_user(session, 1, actor=None)
    jobs.look(store)
    clock.advance(timedelta(days=1))
    jobs.look(store)
    with store.read() as session:
        (error,) = session.connection.execute(text("SELECT error FROM fw_runs")).scalars()
    assert "morning" in str(error)


def test_a_figure_in_a_text_reads_as_on_its_page_and_is_judged_as_exact_as_it_is(
    make_store: MakeStore, clock: SetClock
) -> None:
    store = open_with(make_store, ALARM.replace("> 49.99% and amount >= 6000", "> 33.33% and share < 33.34%"))
    jobs.look(store)
    for title, level in (("漏水", "high"), ("灯坏", "low"), ("门坏", "low")):
        create(store, 3, title=title, level=level, amount="1")
    clock.advance(timedelta(days=1))
    jobs.look(store)
    with store.read() as session:
        told = {row[0]: row[1] for row in session.connection.execute(select(notices.c.user_id, notices.c.params))}
        boss = accounts.get_actor(session.connection, 1)
        found = reports.run_figure(session, "ticket.share", actor=boss)
        said = Teller(session, boss, "zh", make_env(session, boss)).text(
            Found({"zh": ""}, (Part({"zh": "占比"}, found),))
        )
    assert told[1]["text"].startswith("占 33.3%，") and said == "占比：33.3%"


def test_a_schedule_asks_for_figures_and_tells_them_to_those_who_see_all_of_them(
    make_store: MakeStore, clock: SetClock
) -> None:
    """Two of three are high, then two of four, of 6,400.50 in February; the day after nothing is told."""
    store = open_with(make_store, ALARM)
    jobs.look(store)
    clock.at -= timedelta(days=20)
    create(store, 2, title="漏水", level="high", amount="1200.5")
    create(store, 2, title="停电", level="high", amount="5000")
    create(store, 3, title="灯坏", level="low", amount="200")
    clock.at += timedelta(days=21)
    create(store, 3, title="门坏", level="low", amount="100")
    for _ in range(2):
        jobs.look(store)
    with store.read() as session:
        posted = session.connection.execute(text("SELECT message FROM fw_deliveries")).scalars().all()
        told = {row[0]: row[1] for row in session.connection.execute(select(notices.c.user_id, notices.c.params))}
    assert told[1]["text"] == "占 50%，上月 ¥6,400.50"
    assert told[2]["text"] == told[3]["text"] == "占 •••，上月 •••"
    assert len(posted) == 1 and "群里：50%" in str(posted[0])
    create(store, 3, title="窗坏", level="low", amount="100")  # two of five
    clock.advance(timedelta(days=1))
    jobs.look(store)
    with store.read() as session:
        assert len(session.connection.execute(select(notices.c.id)).all()) == 3


def test_who_came_first_is_pushed_to_a_group_and_to_each_with_their_own_place(
    make_store: MakeStore, clock: SetClock
) -> None:
    store = make_store(with_rules(RANKING) | {"ticket/reports.yaml": REPORTS + BEST}, let_in)
    jobs.look(store)
    clock.at -= timedelta(days=20)
    create(store, 2, title="停电", level="high", amount="5000")
    create(store, 3, title="灯坏", level="low", amount="200")
    clock.at += timedelta(days=21)
    for _ in range(3):
        jobs.look(store)
    with store.read() as session:
        told = {
            row[0]: row[1]["text"] for row in session.connection.execute(select(notices.c.user_id, notices.c.params))
        }
    first = "公布的名次：2026 年 2 月\n1. Ann：¥5,000.00"
    assert told[2] == f"榜\n\n销售榜 (2026-03)\n无\n{first}\n你是第 1 名：金额 ¥5,000.00"
    assert told[3] == f"榜\n\n销售榜 (2026-03)\n无\n{first}\n你是第 2 名：金额 ¥200.00"
    with store.write() as session:
        group = next(one for one in preview(session, "ticket.ranking", None, actor=None).said if one.channel)
    assert group.text == f"榜\n\n销售榜 (2026-03)\n无\n{first}"  # not the place of whoever it is read for
    assert group.picture is not None
    drawn = str(group.picture)
    assert "1. Ann" in drawn and "¥5,000.00" in drawn and "你是第" not in drawn
