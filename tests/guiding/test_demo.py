"""The demo comes and goes; what real people made stays, with what it leads to."""

import pytest
from sqlalchemy import func, select

from engine.clock import SetClock
from engine.definition.source import SourceFolder
from engine.errors import DefinitionError
from engine.guiding.clearing import plan_clearing
from engine.people import accounts
from engine.records import commands, disputes, queries
from engine.storage.dispute_tables import disputes as dispute_rows
from engine.storage.dispute_tables import duplicate_hits
from engine.storage.store import Store
from engine.storage.system_tables import audit, departments, history, users
from tests.conftest import MakeStore
from web.demo import clear_demo, load_demo

TEXTS = {
    "app.yaml": """\
app: small
label: 小店
version: 1.0.0
language: zh
roles: {seller: {label: 销售}, boss: {label: 老板}, admin: {label: 管理员}}
menu: [firm, deal]
""",
    "firm/entity.yaml": """\
entity: firm
label: 客户
number: {pattern: "KH-{seq:4}"}
display: "{number} {name}"
fields:
  name: {type: text, label: 名称, required: true, search: true}
  sold: {type: money, label: 成交额, computed: "sum(deal.price)"}
access:
  seller: {read: all, write: all, create: true}
""",
    "deal/entity.yaml": """\
entity: deal
label: 商机
fields:
  title: {type: text, label: 标题}
  firm: {type: link, to: firm, label: 客户, required: true}
  price: {type: money, label: 金额}
access:
  seller: {read: all, write: all, create: true}
""",
    "demo/people.yaml": """\
departments: {shop: {name: 门店, manager: lan}}
users:
  lan: {name: 兰, department: shop, roles: [seller]}
  chief: {name: 管理员, department: shop, roles: [admin]}
steps:
  - {at: -9d 09:00, as: lan, create: firm, ref: one, values: {name: 甲公司}}
  - {at: -8d 09:00, as: lan, create: firm, ref: two, values: {name: 乙公司}}
  - {at: -7d 09:00, as: lan, create: deal, values: {title: 演示, firm: one, price: 100}}
  - {at: -6d 09:00, as: lan, create: deal, values: {title: 演示, firm: two, price: 50}}
""",
}


CONTESTED = {
    **TEXTS,
    "firm/entity.yaml": TEXTS["firm/entity.yaml"]
    .replace("{read: all, write: all, create: true}", "{read: own, write: own, create: true}")
    .replace(
        "access:",
        """\
duplicates:
  same: {block: true, match: {name: exact}}
disputes:
  appeal: {to: boss, within: 2wd, grants: ownership}
access:
  boss: {read: all, write: all}
""".rstrip(),
    ),
    "demo/people.yaml": """\
departments: {shop: {name: 门店, manager: wei}}
users:
  lan: {name: 兰, department: shop, roles: [seller]}
  hua: {name: 华, department: shop, roles: [seller]}
  wei: {name: 伟, department: shop, roles: [boss]}
  chief: {name: 管理员, department: shop, roles: [admin]}
steps:
  - {at: -9d 09:00, as: lan, create: firm, ref: one, values: {name: 甲公司}}
  - {at: -8d 09:00, as: hua, create: firm, ref: two, values: {name: 乙公司}}
  - {at: -7d 09:00, as: hua, meet: firm, values: {name: 甲公司}}
  - {at: -7d 09:10, as: hua, appeal: one, reason: 一直是我在跟}
  - {at: -3d 09:00, as: chief, leave: lan, to: hua}
""",
}


def counts(store: Store) -> dict[str, int]:
    with store.read() as session:
        tables = session.tables.entity
        return {key: session.connection.scalar(select(func.count()).select_from(tables[key])) or 0 for key in tables}


def test_clearing_leaves_what_real_people_made_and_what_that_leads_to(make_store: MakeStore, clock: SetClock) -> None:
    store, folder = make_store(TEXTS), SourceFolder(TEXTS)
    people = load_demo(store, clock, folder, actor=None)
    assert counts(store) == {"firm": 2, "deal": 2} and {one.login for one in people} == {"lan", "chief"}
    with store.write() as session:
        made = accounts.create_user(session, login="wu", name="吴", password=None, roles=["seller"], actor=None)
        real = accounts.get_actor(session.connection, made)
        found = session.connection.execute(select(session.tables.entity["firm"])).all()
        firm = next(row.id for row in found if row.name == "甲公司")
        mine = commands.create_record(session, "deal", {"title": "真的", "firm": firm, "price": "7"}, actor=real)
    with store.read() as session:
        plan = plan_clearing(session)
        assert ({key: len(ids) for key, ids in plan.going.items()}, plan.kept) == ({"firm": 1, "deal": 2}, {"firm": 1})

    with store.write() as session:
        clear_demo(session, actor=None)

    assert counts(store) == {"firm": 1, "deal": 1}
    with store.read() as session:
        kept = queries.get_record(session, "firm", firm, actor=real).values
        assert (kept["name"], str(kept["sold"])) == ("甲公司", "7.00"), "what was added up is right again"
        assert queries.get_record(session, "deal", mine.id, actor=real).values["title"] == "真的"
        logins = dict(session.connection.execute(select(users.c.login, users.c.disabled_at)).all())
        assert logins["wu"] is None and logins["chief"] is None and "lan" not in logins
        assert session.connection.scalar(select(func.count()).select_from(departments)) == 1, "its records stay in it"
        told = select(func.count()).select_from(history).where(history.c.entity == "deal")
        assert session.connection.scalar(told) == 1
        assert "setting.demo_cleared" in session.connection.scalars(select(audit.c.action)).all()


def test_what_was_cleared_whole_can_be_loaded_again_with_the_first_numbers(
    make_store: MakeStore, clock: SetClock
) -> None:
    store, folder = make_store(TEXTS), SourceFolder(TEXTS)
    load_demo(store, clock, folder, actor=None)
    with store.write() as session:
        clear_demo(session, actor=None)
        assert session.connection.scalar(select(func.count()).select_from(departments)) == 0

    load_demo(store, clock, folder, actor=None)

    assert counts(store) == {"firm": 2, "deal": 2}
    with store.read() as session:
        firm = session.tables.entity["firm"]
        assert sorted(session.connection.scalars(select(firm.c.number))) == ["KH-0001", "KH-0002"]


def test_in_a_story_two_are_after_one_customer_and_somebody_leaves(make_store: MakeStore, clock: SetClock) -> None:
    store = make_store(CONTESTED)

    people = load_demo(store, clock, SourceFolder(CONTESTED), actor=None)

    assert {one.login for one in people} == {"hua", "wei", "chief"}, "whoever left cannot sign in and is not told"
    assert counts(store)["firm"] == 2, "what was met was not made"
    with store.read() as session:
        boss = accounts.get_actor(session.connection, accounts.find_user(session.connection, "wei") or 0)
        assert [one.reason for one in disputes.list_asked(session, actor=boss)] == ["一直是我在跟"]
        hua = accounts.find_user(session.connection, "hua")
        owners = session.connection.scalars(select(session.tables.entity["firm"].c.owner_id)).all()
        assert set(owners) == {hua}

    with store.write() as session:
        clear_demo(session, actor=None)
    with store.read() as session:
        assert session.connection.scalar(select(func.count()).select_from(dispute_rows)) == 0
        assert session.connection.scalar(select(func.count()).select_from(duplicate_hits)) == 0


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ("{at: -6d 09:00, as: hua, meet: firm, values: {name: 丙公司}}", "建成了"),
        ("{at: -6d 09:00, as: hua, appeal: two, reason: 想要}", "没有撞到“two”"),
        ("{at: -6d 09:00, as: hua, meet: firm, values: {}}", "名称"),
    ],
)
def test_a_story_says_why_nothing_was_met_or_appealed_for(
    make_store: MakeStore, clock: SetClock, step: str, said: str
) -> None:
    texts = {**CONTESTED, "demo/people.yaml": CONTESTED["demo/people.yaml"] + f"  - {step}\n"}
    with pytest.raises(DefinitionError) as raised:
        load_demo(make_store(texts), clock, SourceFolder(texts), actor=None)
    assert said in raised.value.problems[0].text("zh")
