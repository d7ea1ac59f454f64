"""A release that changes what records are found by also finds those that are there already."""

from engine.people.actor import Actor
from engine.records import commands, queries
from engine.records.settling import settle_after
from engine.storage import catalog
from tests.conftest import to_folder

APP = """\
app: shop
label: 店
version: "1"
language: zh
languages: [zh]
timezone: Asia/Shanghai
currency: CNY
roles:
  clerk: {label: 店员}
menu: [part]
"""
PART = """\
entity: part
label: 零件
fields:
  name: {type: text, label: 名称}
  shelf: {type: text, label: 货架}
access:
  clerk: {read: all, write: all, create: true}
"""
CLERK = Actor(1, "clerk", "店员", frozenset({"clerk"}), None, frozenset(), "zh", "web")


def test_records_are_found_by_a_field_that_becomes_searched(make_store, database):
    texts = {"app.yaml": APP, "part/entity.yaml": PART}
    store = make_store(texts)
    with store.write() as session:
        _add_clerk(session)
        commands.create_record(session, "part", {"name": "垫片", "shelf": "B-17"}, actor=CLERK)
    assert _find(store, "b-17") == []
    changed = texts | {"part/entity.yaml": PART.replace("label: 货架", "label: 货架, search: true")}
    before = store.app
    catalog.publish(store, to_folder(changed), actor_id=None, settle=settle_after(before))
    assert _find(store, "b-17") == ["垫片"]


def _add_clerk(session):
    from engine.storage.system_tables import users

    row = {"id": 1, "login": "clerk", "name": "店员", "created_at": session.now()}
    session.connection.execute(users.insert().values(**row))


def _find(store, text):
    with store.read() as session:
        return [found.text for hits in queries.search(session, text, actor=CLERK).values() for found in hits]
