"""``existing: convert``: over every pair of types each value is read as an import reads it, or counted and named."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from engine.errors import DefinitionError
from engine.records.called import Called
from engine.storage import catalog, purging
from engine.storage.filling import Publisher
from engine.storage.leftovers import find_leftovers
from engine.storage.physical import read_schema
from engine.storage.plan import Plan
from engine.storage.store import Store
from tests.conftest import MakeStore, to_folder
from tests.storage.every_type import SHIFTS, TYPES, differences, furnish, named, row_of, told, values, written
from tests.storage.living import assert_histories_replay, column, edit, go_back, hire, make, publish, words
from tests.storage.workshop import WORKSHOP, edited

CONVERT = ", existing: convert"
EMPTY = f"{CONVERT}, otherwise: empty"


def plan(store: Store, texts: dict[str, str]) -> Plan:
    return catalog.plan(store, to_folder(texts), callings=Called)


@pytest.mark.parametrize("shift", SHIFTS)
def test_over_every_pair_of_types_nothing_is_lost(make_store: MakeStore, shift: int) -> None:
    now = {key: TYPES[(at + shift) % len(TYPES)] for at, key in enumerate(TYPES)}
    store = make_store(written({named(key): key for key in TYPES}))
    boss, typed = furnish(store)
    first = store.release_id or 0
    old = make(store, boss, "machine", name="A", **{named(key): typed[key] for key in TYPES}).id
    before = values(store, old)
    wanted = {named(key): type_ for key, type_ in now.items()}
    held = {item.path[-1]["zh"] for item in plan(store, written(wanted, CONVERT)).items if item.kind == "blocked"}
    assert held == {named(key) for key, value in values_after(store, boss, wanted, old).items() if not value}
    assert_histories_replay(store)
    go_back(store, first)
    assert differences(values(store, old), before) == {}, "what nobody touched is what it was"
    assert_histories_replay(store)


def values_after(store: Store, boss: Any, wanted: dict[str, str], id_: int) -> dict[str, bool]:
    shown = publish(store, written(wanted, EMPTY), boss)
    assert not shown.blocked
    found = values(store, id_)
    emptied = {item.path[-1]["zh"]: item.records for item in shown.items if item.code == "emptied"}
    assert emptied == {named(key): (id_,) for key, value in found.items() if value is None}
    return {key: value is not None for key, value in found.items()}


ROWS: list[tuple[str, str, Any, Any]] = [
    ("text", "decimal", "¥1,250.50", Decimal("1250.500")),
    ("text", "decimal", "2.12345", Decimal("2.123")),
    ("text", "integer", "1.5万", 15000),
    ("text", "integer", "大", None),
    ("text", "percent", "12.5%", Decimal("0.1250")),
    ("text", "percent", "12.5", Decimal("0.1250")),
    ("text", "date", "2026年3月4日", date(2026, 3, 4)),
    ("text", "date", "03/04/2026", None),
    ("text", "boolean", "否", False),
    ("text", "choice", "交期", "delivery"),
    ("text", "choice", "运费", None),
    ("text", "choices", "价格、交期", ["price", "delivery"]),
    ("text", "tags", "VIP、华东", ["vip", "华东"]),
    ("text", "link", "一号车间", "一号车间"),
    ("text", "link", "二号车间", None),
    ("text", "user", "wang", "wang"),
    ("text", "users", "boss、wang", ["boss", "wang"]),
    ("text", "department", "北区", "北区"),
    ("decimal", "integer", "12.6", 13),
    ("decimal", "percent", "0.15", Decimal("0.1500")),
    ("percent", "decimal", "15%", Decimal("0.150")),
    ("percent", "text", "12.5%", "12.5%"),
    ("datetime", "date", "2026-03-04 07:30", date(2026, 3, 4)),
    ("boolean", "text", "否", "否"),
    ("choice", "text", "delivery", "交期"),
    ("choice", "choices", "delivery", ["delivery"]),
    ("choices", "choice", ["delivery"], "delivery"),
    ("choices", "choice", ["price", "delivery"], None),
    ("choices", "text", ["price", "delivery"], "价格, 交期"),
    ("choices", "tags", ["price", "delivery"], ["价格", "交期"]),
    ("tags", "text", "vip, 华东", "vip, 华东"),
    ("tags", "choices", "交期", ["delivery"]),
    ("link", "text", "一号车间", "一号车间"),
    ("user", "text", "wang", "wang"),
    ("user", "users", "wang", ["wang"]),
    ("users", "text", ["boss", "wang"], "boss, wang"),
    ("users", "user", ["wang"], "wang"),
    ("users", "user", ["boss", "wang"], None),
    ("department", "text", "北区", "北区"),
]
"""The former type, the new one, what was typed under the former, and what becomes of it; None cannot be read."""


def test_what_was_typed_is_read_by_the_new_type(make_store: MakeStore) -> None:
    store = make_store(written({row_of(at): first for at, (first, *_) in enumerate(ROWS)}))
    boss, known = furnish(store)
    known |= {"一号车间": known["link"], "北区": known["department"], "boss": boss.id, "wang": boss.id + 1}
    start = store.release_id or 0
    first_typed = {row_of(at): told(typed, first, known) for at, (first, _, typed, _) in enumerate(ROWS)}
    one = make(store, boss, "machine", name="A", **first_typed).id
    empty = make(store, boss, "machine", name="B").id
    kept, nothing = values(store, one, *first_typed), values(store, empty, *first_typed)
    then = {row_of(at): then for at, (_, then, *_) in enumerate(ROWS)}
    shown = plan(store, written(then, CONVERT))
    blocked = {item.path[-1]["zh"]: item.records for item in shown.items if item.kind == "blocked"}
    wanted = {row_of(at): told(value, type_, known) for at, (_, type_, _, value) in enumerate(ROWS)}
    assert blocked == {row: (one,) for row, value in wanted.items() if value is None}
    publish(store, written(then, EMPTY), boss)
    assert differences(values(store, one, *wanted), wanted) == {}
    assert set(values(store, empty, *wanted).values()) == {None}
    assert_histories_replay(store)
    go_back(store, start)
    assert differences(values(store, one, *kept), kept) == {}
    assert differences(values(store, empty, *nothing), nothing) == {}
    assert_histories_replay(store)


@pytest.fixture
def store(make_store: MakeStore) -> Store:
    return make_store(WORKSHOP)


def sized(rest: str) -> dict[str, str]:
    return edited(("machine/entity.yaml", "size:   {type: text", f"size:   {{{rest}"))


def test_what_cannot_be_read_is_named_and_becomes_what_otherwise_says(store: Store) -> None:
    boss = hire(store)
    for size in ("3", "大", "999"):
        make(store, boss, "machine", name="A", size=size)
    limited = "type: integer, max: 500, existing: convert"
    shown = plan(store, sized(limited))
    (item,) = [item for item in shown.items if item.kind == "blocked"]
    assert (item.code, item.rows, item.records) == ("blocked_unread", 2, (2, 3)), "what the form would refuse"
    assert "otherwise: empty" in item.text("en") and "otherwise: empty" in item.text("zh")
    shown = publish(store, sized(f"{limited}, otherwise: 0"), boss)
    assert column(store, "machine", "size") == [3, 0, 0]
    assert "设备.尺寸: 2 existing values cannot be read in the new type and become 0" in " ".join(words(shown))
    assert_histories_replay(store)
    assert plan(store, sized(f"{limited}, otherwise: 0")).is_empty


@pytest.mark.parametrize("more", ["", CONVERT])
def test_chinese_texts_become_options_by_name_or_as_said(store: Store, more: str) -> None:
    boss = hire(store)
    first = store.release_id or 0
    texts = ["大号", "特大", "小"]
    for size in texts:
        make(store, boss, "machine", name="A", size=size)
    options = 'options: {large: 大, small: 小}, became: {"大号": large, 特大: large'
    said = f"type: choice, {options}}}{more}" if more else f"type: choice, {options}, 小: small}}"
    publish(store, sized(said), boss)
    assert column(store, "machine", "size") == ["large", "large", "small"]
    assert_histories_replay(store)
    go_back(store, first)
    assert column(store, "machine", "size") == texts
    assert_histories_replay(store)


def test_a_text_that_became_says_of_is_no_removed_option(store: Store) -> None:
    boss = hire(store)
    make(store, boss, "machine", name="A", size="大")
    make(store, boss, "machine", name="B", size="小")
    (item,) = [
        item
        for item in plan(store, sized("type: choice, options: {large: 大, small: 小}, became: {大: large}")).items
        if item.kind == "blocked"
    ]
    assert (item.code, item.rows, item.records) == ("blocked_words", 1, (2,))
    assert "existing: convert" in item.text("zh") and "小" in item.text("zh")


def test_in_a_line_table(store: Store) -> None:
    boss = hire(store)
    saw = make(store, boss, "machine", name="A")
    make(store, boss, "job", machine=saw.id, parts=[{"part": "7"}, {"part": "大"}])
    now = edited(("job/entity.yaml", "part: {type: text, label", "part: {type: decimal, existing: convert, label"))
    (item,) = [item for item in plan(store, now).items if item.kind == "blocked"]
    assert (item.rows, item.records) == (1, (1,)), "the record the line belongs to"
    publish(store, edited(("job/entity.yaml", "existing: convert", "existing: convert, otherwise: 0"), texts=now), boss)
    assert_histories_replay(store)


KIND = """\
entity: kind
label: 类别
display: "{name}"
fields:
  name: {type: text, label: 名称, required: true, unique: true}
  note: {type: text, label: 说明}
access:
  admin: {read: all, write: all, create: true}
"""
CHOICE = "kind:   {type: choice, label: 类别, options: {lathe: 车床, mill: 铣床, saw: 锯床}}"


def kinds(rest: str) -> dict[str, str]:
    """The choice of the machines as a thing of its own, to which they link."""
    link = f"kind:   {{type: link, to: kind, label: 类别, existing: convert{rest}}}"
    return {**edited(("machine/entity.yaml", CHOICE, link)), "kind/entity.yaml": KIND}


def test_options_become_records_of_a_thing_of_its_own_and_go_back(store: Store) -> None:
    """A new thing holds nothing at the publish that brings it: the names make its records, each once."""
    boss, first = hire(store), store.release_id or 0
    for kind in ("mill", "lathe", "mill", ""):
        make(store, boss, "machine", name="A", kind=kind)
    (item,) = [item for item in plan(store, kinds("")).items if item.kind == "blocked"]
    assert item.rows == 3
    shown = publish(store, kinds(", otherwise: create"), boss)
    assert [(one.code, one.rows) for one in shown.items if one.kind == "data"][:2] == [
        ("converted", 3),
        ("made_named", 2),
    ]
    found = dict(zip(column(store, "kind", "id"), column(store, "kind", "name"), strict=True))
    assert sorted(found.values()) == ["车床", "铣床"]
    assert [found.get(id_) for id_ in column(store, "machine", "kind")] == ["铣床", "车床", "铣床", None]
    assert publish(store, kinds(", otherwise: create"), boss).items == ()
    assert_histories_replay(store)
    go_back(store, first)
    assert column(store, "machine", "kind") == ["mill", "lathe", "mill", None]


def several_kinds() -> dict[str, str]:
    """The same for a machine of several kinds."""
    texts = kinds(", otherwise: create")
    return texts | {"machine/entity.yaml": texts["machine/entity.yaml"].replace("type: link,", "type: links,")}


USES = "kind:   {type: choices, label: 类别, options: {lathe: 车床, mill: 铣床, saw: '锯, 切'}}"


@pytest.mark.parametrize("was", [CHOICE, USES])
def test_options_become_several_records_and_go_back(store: Store, was: str) -> None:
    """The database holds each of them there, once and in order; going back it lets go, and forward it holds again."""
    store.large_table = 1  # their indexes are built beside
    boss = hire(store)
    publish(store, edited(("machine/entity.yaml", CHOICE, was)), boss)
    first = store.release_id or 0
    typed = (["mill"], ["lathe"], ["mill"]) if was is CHOICE else (["saw", "lathe"], ["mill"])
    for one in typed:
        make(store, boss, "machine", name="A", kind=one[0] if was is CHOICE else one)
    old = column(store, "machine", "kind")
    now = several_kinds()
    publish(store, now, boss)
    found = dict(zip(column(store, "kind", "id"), column(store, "kind", "name"), strict=True))
    said = [[found[id_] for id_ in ids] for ids in column(store, "machine", "kind")]
    names = {"mill": "铣床", "lathe": "车床", "saw": "锯, 切"}
    assert said == [[names[one] for one in ([was] if isinstance(was, str) else was)] for was in old]
    assert entries(store) == [
        (at, id_, place) for at, ids in enumerate(column(store, "machine", "kind"), 1) for place, id_ in enumerate(ids)
    ]
    assert {item.code for item in publish(store, now, boss).items} <= {"index_later"}
    assert_histories_replay(store)
    second, held = store.release_id or 0, entries(store)
    edit(store, boss, "machine", 1, kind=[1])
    go_back(store, first)
    assert column(store, "machine", "kind")[1:] == old[1:]
    with store.read() as session:
        assert "e_machine__kind__kind" not in read_schema(session.connection).tables
    go_back(store, second)
    assert entries(store)[1:] == held[-len(entries(store)[1:]) :]
    assert_histories_replay(store)


def entries(store: Store, name: str = "kind") -> list[tuple[int, int, int]]:
    with store.read() as session:
        table = session.tables.entries["machine", name]
        columns = (table.c.parent_id, table.c.leads_to, table.c.position)
        query = select(*columns).order_by(table.c.parent_id, table.c.position)
        return [tuple(row) for row in session.connection.execute(query)]


def test_one_link_becomes_several_and_one_again(store: Store) -> None:
    boss = hire(store)
    link = "kind:   {type: link, to: kind, label: 类别}"
    texts = {**edited(("machine/entity.yaml", CHOICE, link)), "kind/entity.yaml": KIND}

    def with_kind(said: str) -> dict[str, str]:
        return {**texts, "machine/entity.yaml": texts["machine/entity.yaml"].replace(link, said)}

    publish(store, with_kind(f"{link[:-1]}, existing: convert, otherwise: empty}}"), boss)
    for name in ("车床", "铣床"):
        make(store, boss, "kind", name=name)
    for kind in (2, 1, None):
        make(store, boss, "machine", name="A", kind=kind)

    def as_several(rest: str, key: str = "kind") -> dict[str, str]:
        return with_kind(f"{key}:   {{type: links, to: kind, label: 类别{rest}}}")

    publish(store, as_several(", existing: convert"), boss)
    assert (column(store, "machine", "kind"), entries(store)) == ([[2], [1], None], [(1, 2, 0), (2, 1, 0)])
    edit(store, boss, "machine", 2, kind=[1, 2])
    publish(store, as_several(", was: kind", "kinds"), boss)
    assert entries(store, "kinds") == [(1, 2, 0), (2, 1, 0), (2, 2, 1)]
    (item,) = [item for item in plan(store, as_several(", max: 1", "kinds")).items if item.kind == "blocked"]
    assert (item.code, item.records) == ("blocked_count", (2,))
    publish(store, as_several(", was: kinds"), boss)
    single = with_kind(f"{link[:-1]}, existing: convert}}")
    (item,) = [item for item in plan(store, single).items if item.kind == "blocked"]
    assert (item.code, item.records) == ("blocked_unread", (2,))
    edit(store, boss, "machine", 2, kind=[1])
    publish(store, single, boss)
    assert column(store, "machine", "kind") == [2, 1, None]
    assert_histories_replay(store)


def test_a_name_that_is_there_is_taken_and_one_of_two_is_not_made_anew(store: Store) -> None:
    boss = hire(store)
    texts = {**WORKSHOP, "kind/entity.yaml": KIND.replace(", unique: true", "")}
    publish(store, texts, boss)
    for name in ("车床", "铣床", "铣床"):
        make(store, boss, "kind", name=name)
    for kind in ("lathe", "mill", "saw"):
        make(store, boss, "machine", name="A", kind=kind)
    now = {**kinds(", otherwise: create"), "kind/entity.yaml": texts["kind/entity.yaml"]}
    (item,) = [item for item in plan(store, now).items if item.kind == "blocked"]
    assert (item.code, item.records) == ("blocked_unread", (2,))
    edit(store, boss, "kind", 3, name="旧铣床")
    publish(store, now, boss)
    found = dict(zip(column(store, "kind", "id"), column(store, "kind", "name"), strict=True))
    assert list(found.values()) == ["车床", "铣床", "旧铣床", "锯床"]
    assert [found[id_] for id_ in column(store, "machine", "kind")] == ["车床", "铣床", "锯床"]


def test_a_record_changed_while_the_plan_is_read_is_not_lost(store: Store) -> None:
    boss = hire(store)
    make(store, boss, "machine", name="A", size="3")
    texts = sized("type: integer, existing: convert, otherwise: empty")
    shown = plan(store, texts)
    edit(store, boss, "machine", 1, size="三")
    with pytest.raises(Exception, match="plan_changed"):
        catalog.publish(store, to_folder(texts), actor_id=None, expected=shown, callings=Called)
    assert column(store, "machine", "size") == ["三"]


@pytest.mark.parametrize(
    ("rest", "code"),
    [
        ("type: integer, otherwise: 0", "E070"),
        ('type: integer, was_type: text, migrate: "number(size)", existing: convert', "E071"),
        ("type: integer, existing: convert, otherwise: large", "E072"),
        ("type: link, to: job, existing: convert, otherwise: 3", "E073"),
        ("type: link, to: job, existing: convert, otherwise: create", "E116"),
        ("type: user, existing: convert, otherwise: create", "E116"),
    ],
)
def test_what_does_not_go_together_is_said(store: Store, rest: str, code: str) -> None:
    with pytest.raises(DefinitionError) as refused:
        plan(store, sized(rest))
    assert [problem.code for problem in refused.value.problems] == [code]


def test_a_purge_takes_the_list_and_what_it_led_to(store: Store) -> None:
    """The entries hold nothing of their own: they go with the field, so that what it led to can go for good."""
    boss = hire(store)
    make(store, boss, "machine", name="A", kind="mill")
    publish(store, several_kinds(), boss)
    publish(store, edited(("machine/entity.yaml", f"  {CHOICE}\n", "")), boss)
    with store.read() as session:
        left = {one.address for one in find_leftovers(session)}
        chosen = purging.find_chosen(session, ["machine.kind", "kind"])
    assert left == {"machine.kind", "machine.kind__old1", "kind"}
    purging.purge(store, chosen, Publisher(boss.id))
    with store.read() as session:
        assert not [name for name in read_schema(session.connection).tables if "kind" in name]
