"""What becomes of stored values when a field gets another type or another key, on both databases."""

from collections.abc import Mapping
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from engine.definition.source import SourceFolder
from engine.errors import FormworkError
from engine.people import accounts
from engine.records import commands, queries
from engine.storage import catalog
from engine.storage.plan import Plan
from engine.storage.store import Store
from tests.conftest import MakeStore

APP = """\
app: change
label: 变更
version: 1.0.0
language: zh
languages: [zh]
timezone: Asia/Shanghai
roles: {admin: {label: 管理员}}
"""


def texts(field: str, entity: str = "thing", more: str = "") -> Mapping[str, str]:
    return {
        "app.yaml": APP,
        f"{entity}/entity.yaml": f"entity: {entity}\nlabel: 东西\n{more}fields:\n"
        f"  name: {{type: text, label: 名称}}\n  x: {field}\n"
        "access:\n  admin: {read: all, write: all, create: true}\n",
    }


def someone(store: Store) -> Any:
    with store.write() as session:
        id_ = accounts.create_user(
            session, login="anna", name="A", password="velvet-harbour-19", roles=["admin"], actor=None
        )
        return accounts.get_actor(session.connection, id_)


def changed(store: Store, field: str, **more: Any) -> Plan:
    return catalog.publish(store, SourceFolder(texts(field, **more)), actor_id=None)


@pytest.mark.parametrize(
    ("before", "typed", "after", "value"),
    [
        ("{type: text, label: 甲}", "abc", "{type: long_text, label: 甲}", "abc"),
        ("{type: barcode, label: 甲}", "6901234567892", "{type: text, label: 甲}", "6901234567892"),
        ("{type: colour, label: 甲}", "#abc", "{type: text, label: 甲}", "#aabbcc"),
        ("{type: choices, label: 甲, options: {a: 子, b: 丑}}", "a,b", "{type: tags, label: 甲}", ["a", "b"]),
        ("{type: rating, label: 甲}", "4", "{type: integer, label: 甲}", 4),
    ],
)
def test_a_change_that_keeps_the_meaning_just_applies(
    make_store: MakeStore, before: str, typed: str, after: str, value: Any
) -> None:
    store = make_store(texts(before))
    actor = someone(store)
    with store.write() as session:
        commands.create_record(session, "thing", {"x": typed}, actor=actor)
    changed(store, after)
    with store.read() as session:
        assert queries.get_record(session, "thing", 1, actor=actor).values["x"] == value


@pytest.mark.parametrize(
    ("before", "typed", "after"),
    [
        ("{type: text, label: 甲}", "abc", "{type: phone, label: 甲}"),
        ("{type: text, label: 甲}", "abc", "{type: barcode, label: 甲}"),
        ("{type: long_text, label: 甲}", "1 < 2", "{type: rich_text, label: 甲}"),
        ("{type: rich_text, label: 甲}", "<p>a</p>", "{type: long_text, label: 甲}"),
        ("{type: tags, label: 甲}", "a", "{type: users, label: 甲}"),
        ("{type: json, label: 甲}", "[1]", "{type: geo, label: 甲}"),
        ("{type: user, label: 甲}", "1", "{type: department, label: 甲}"),
        ("{type: integer, label: 甲}", "9", "{type: rating, label: 甲}"),
        ("{type: integer, label: 甲}", "9", "{type: duration, label: 甲}"),
    ],
)
def test_a_change_of_the_meaning_asks_for_migrate(make_store: MakeStore, before: str, typed: str, after: str) -> None:
    store = make_store(texts(before))
    actor = someone(store)
    with store.write() as session:
        commands.create_record(session, "thing", {"x": typed}, actor=actor)
    with pytest.raises(FormworkError):
        changed(store, after)


@pytest.mark.parametrize("kind", ["department", "user"])
def test_the_database_keeps_a_person_or_department_from_being_invented(make_store: MakeStore, kind: str) -> None:
    store = make_store(texts(f"{{type: {kind}, label: 甲}}"))
    actor = someone(store)
    with store.write() as session:
        commands.create_record(session, "thing", {"name": "a"}, actor=actor)
    with pytest.raises(IntegrityError), store.write() as session:
        session.connection.execute(update(session.tables.entity["thing"]).values(x=999))


SERIES = '{type: number_series, label: 甲, number: {pattern: "X-{seq:2}"}}'


def draw(store: Store, actor: Any, entity: str = "thing", key: str = "x") -> Any:
    with store.write() as session:
        return commands.create_record(session, entity, {"name": "a"}, actor=actor).values[key]


def test_a_series_counts_on_under_the_new_key_of_its_field(make_store: MakeStore) -> None:
    store = make_store(texts(SERIES))
    actor = someone(store)
    assert draw(store, actor) == "X-01"
    renamed = dict(texts(SERIES))
    renamed["thing/entity.yaml"] = renamed["thing/entity.yaml"].replace("  x: {", "  y: {was: x, ")
    catalog.publish(store, SourceFolder(renamed), actor_id=None)
    assert draw(store, actor, key="y") == "X-02"


def test_a_series_counts_on_under_the_new_key_of_its_entity(make_store: MakeStore) -> None:
    store = make_store(texts(SERIES))
    actor = someone(store)
    draw(store, actor)
    changed(store, SERIES, entity="object", more="was: thing\n")
    assert draw(store, actor, "object") == "X-02"


def test_a_number_of_a_series_is_unique_in_the_database_also_among_deleted_records(make_store: MakeStore) -> None:
    store = make_store(texts(SERIES))
    actor = someone(store)
    draw(store, actor)
    draw(store, actor)
    with pytest.raises(IntegrityError), store.write() as session:
        session.connection.execute(update(session.tables.entity["thing"]).values(x="X-01"))
    with store.read() as session:
        assert session.connection.scalars(select(session.tables.entity["thing"].c.x)).all() == ["X-01", "X-02"]
