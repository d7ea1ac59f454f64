"""Any change of a definition over records: the plan says what publish does, every row survives, and so does going back.

Definitions are drawn part by part, each release from what may follow the one before; records are made in between. Some
examples are tried, always the same; more, and others each time, with FORMWORK_CHANGE_EXAMPLES=200. Fields change to any
type, go away and come back. The way back to any earlier release is open unless values repeat that must not, and the way
forward again shows what was there before.
"""

import os
import secrets
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DataObject
from sqlalchemy import select, text

from engine.clock import SetClock
from engine.people.actor import Actor
from engine.records.called import Called
from engine.records.settling import settle_after
from engine.storage import catalog, rollback
from engine.storage.database import Database, open_database
from engine.storage.plan import PlanBlocked
from engine.storage.rewriting import ACTION
from engine.storage.store import Store
from engine.storage.system_tables import history
from tests.conftest import to_folder
from tests.storage.every_type import PLACE, TYPES, furnish, typed
from tests.storage.everything import photograph
from tests.storage.living import assert_histories_replay, make
from tests.storage.workshop import WORKSHOP, edited

EXAMPLES = int(os.environ.get("FORMWORK_CHANGE_EXAMPLES", "0"))
AS_MANY = settings(
    max_examples=EXAMPLES or 4, derandomize=not EXAMPLES, deadline=None, database=None, phases=(Phase.generate,),
    suppress_health_check=list(HealthCheck),
)  # fmt: skip

RETIRED = "retired: {since: 2026-05-01, reason: 不用}"
PARTS: Mapping[str, tuple[str, ...]] = {
    "number": ("", 'number: {pattern: "M{seq:3}"}', 'number: {pattern: "M{yyyy}-{seq:2}", reset: yearly}'),
    "name": (
        "name: {type: text, label: 名称, required: true, max_length: 60}",
        "name: {type: text, label: 品名, required: true, max_length: 80, search: true}",
    ),
    "code": ("code: {type: text, label: 编码, unique: true}", "code: {type: text, label: 编码}"),
    "kind": (
        "kind: {type: choice, label: 类别, options: {lathe: 车床, saw: 锯床}}",
        "kind: {type: choice, label: 类别, options: {lathe: 车床, saw: 锯床, mill: 铣床}}",
        "kind: {type: choice, label: 类别, options: {lathe: 车床, saw: 锯床}, retired_options: [saw]}",
    ),
    "price": (
        "price: {type: money, label: 原值}",
        "",
        f"price: {{type: money, label: 原值, {RETIRED}}}",
        "price: {type: money, label: 原值, scale: 4}",
        "price: {type: text, label: 原值}",
    ),
    "power": (
        "power: {type: integer, label: 功率}",
        "power: {type: decimal, label: 功率}",
        "power: {type: decimal, label: 功率, scale: 2}",
    ),
    "size": (
        "size: {was: dims, type: text, label: 尺寸}",
        "dims: {was: size, type: text, label: 尺寸}",
        "size: {was: dims, type: long_text, label: 尺寸}",
        "size: {was: dims, type: integer, was_type: text, migrate: number(size), existing: keep, label: 尺寸}",
        "",
    ),
    "thing": ("", *(f"thing: {{{typed(key)}, migrate: missing, existing: keep, label: 物}}" for key in TYPES)),
    "bought": ("bought: {type: date, label: 购置}", "bought: {type: date, label: 购置, default_from: today()}"),
    "twice": (
        "",
        'twice: {type: decimal, label: 倍, computed: "power * 2"}',
        'twice: {type: decimal, label: 倍, computed: "power + 1"}',
    ),
    "jobs": ("", "jobs: {type: integer, label: 次数, computed: count(job)}"),
    "check": ("", 'check: {type: date, label: 复检, computed: "bought + 3wd"}'),
    "case": ("", 'case: {type: number_series, label: 箱号, number: {pattern: "X{seq:2}"}}'),
    "rules": ("", "rules:\n  strong: {check: power >= 1, message: 功率太小, existing: keep}"),
    "unique": ("", "unique:\n  pair: {fields: [name, bought]}"),
    "list": ("", "list: {columns: [name, bought], filters: [bought], sort: -bought}"),
}  # fmt: skip
OUTSIDE = ("number", "rules", "unique", "list")
Drawn = Mapping[str, int]


def written(drawn: Drawn) -> dict[str, str]:
    """Return the workshop with these parts."""
    said = {key: PARTS[key][at] for key, at in drawn.items()}
    fields = "\n".join(f"  {line}" for key, line in said.items() if line and key not in OUTSIDE)
    after = "\n".join(said[key] for key in OUTSIDE[1:] if said[key])
    machine = (
        f"entity: machine\nlabel: 设备\n{said['number']}\nfields:\n{fields}\n{after}\n"
        "access:\n  admin: {read: all, write: all, create: true, delete: all}\n"
    )
    menu = ("app.yaml", "menu: [machine, job]", "menu: [machine, job, place]")
    return {
        **edited(menu, ("machine/entity.yaml", WORKSHOP["machine/entity.yaml"], machine)),
        "place/entity.yaml": PLACE,
    }


FIRST: Drawn = dict.fromkeys(PARTS, 0)
STATES = st.fixed_dictionaries({key: st.sampled_from(range(len(options))) for key, options in PARTS.items()})


@pytest.fixture(params=["sqlite", "postgresql"])
def fresh(request: pytest.FixtureRequest) -> Callable[[], Any]:
    """Return what gives an empty database of its own to each example."""
    server = request.getfixturevalue("postgresql_server") if request.param == "postgresql" else None

    @contextmanager
    def give() -> Iterator[tuple[Database, Path]]:
        with tempfile.TemporaryDirectory() as place:
            database = open_database(f"sqlite:///{place}/one.sqlite3" if server is None else _schema(server))
            yield database, Path(place)
            database.close()

    return give


def _schema(server: str) -> str:
    name = f"t_{secrets.token_hex(6)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {name}")
    return f"{server}?options=-csearch_path%3D{name}"


@AS_MANY
@given(data=st.data())
def test_a_plan_is_what_publish_does_and_every_row_survives(fresh: Callable[[], Any], data: DataObject) -> None:
    with fresh() as (database, place):
        store, boss, known = _start(database, place)
        for turn in range(3):
            texts = written(data.draw(STATES))
            _change(store, texts, boss)
            _work(store, boss, known, turn)
        assert_histories_replay(store)


@AS_MANY
@given(data=st.data())
def test_going_back_to_any_release_loses_nothing_that_was_typed_since(
    fresh: Callable[[], Any], data: DataObject
) -> None:
    with fresh() as (database, place):
        store, boss, known = _start(database, place)
        for turn in range(3):
            _change(store, written(data.draw(STATES)), boss)
            _work(store, boss, known, turn)
        latest, releases = store.release_id, [release.id for release in list_releases(store)]
        entered = _entered(store)
        for release in (data.draw(st.sampled_from(releases)), latest, releases[-1]):
            _return(store, release)
        if _return(store, latest):
            now = _entered(store)
            assert {key: (values, now[key]) for key, values in entered.items() if now[key] != values} == {}
        _work(store, boss, known, 9)


def _return(store: Store, release: int | None) -> bool:
    """Go to a release and tell whether that was done; only values that repeat and must not hold it up."""
    earlier = rollback.find_earlier(store, release)
    before, shown = _values(store), rollback.plan(store, earlier, Called)
    if shown.blocked:
        assert {item.code for item in shown.items if item.kind == "blocked"} == {"blocked_unique"}
        return False
    settle = settle_after(store.app)
    rollback.publish(store, earlier, Called, actor_id=None, note=None, expected=shown, settle=settle)
    _assert_kept(before, _values(store))
    assert_histories_replay(store)
    return True


def list_releases(store: Store) -> list[Any]:
    with store.read() as session:
        return catalog.list_releases(session.connection)


def _start(database: Database, place: Path) -> tuple[Store, Actor, Mapping[str, Any]]:
    store = Store(database, place / "files", SetClock(datetime(2026, 3, 2, 1, 0, tzinfo=UTC)))
    catalog.publish(store, to_folder(written(FIRST)), actor_id=None)
    boss, known = furnish(store)
    _work(store, boss, known, 7)
    return store, boss, known


def _work(store: Store, boss: Actor, known: Mapping[str, Any], turn: int) -> None:
    """Make two machines and a job, with what the release that holds has fields for."""
    values = {"code": f"c{turn}", "kind": "lathe", "price": "1.50", "power": 3, "size": "12", "dims": "大"}
    values["bought"] = "2026-03-02"
    fields = store.app.entities["machine"].fields
    if "thing" in fields:
        values["thing"] = known[fields["thing"].type.key]
    given = {key: value for key, value in values.items() if key in fields and not fields[key].retired}
    one = make(store, boss, "machine", name=f"M{turn}", **given)
    make(store, boss, "machine", name=f"N{turn}")
    make(store, boss, "job", machine=one.id, fault=f"f{turn}", parts=[{"part": "带", "qty": 1}])


def _change(store: Store, texts: Mapping[str, str], boss: Actor) -> None:
    """Publish when the plan says it can be, and see that it did what it said."""
    folder, before = to_folder(texts), _values(store)
    shown = catalog.plan(store, folder)
    if shown.blocked:
        as_it_was = photograph(store)
        with pytest.raises(PlanBlocked):
            catalog.publish(store, folder, actor_id=boss.id)
        assert photograph(store) == as_it_was
        return
    catalog.publish(store, folder, actor_id=boss.id, expected=shown, settle=settle_after(store.app))
    again = catalog.plan(store, folder)
    assert again.is_empty, (again.items, again.statements)
    _assert_kept(before, _values(store))
    assert_histories_replay(store)


def _entered(store: Store) -> dict[tuple[str, int], dict[str, Any]]:
    """Return what the release that holds shows of every record, what is computed left out."""
    found: dict[tuple[str, int], dict[str, Any]] = {}
    with store.read() as session:
        for entity in session.app.entities.values():
            table = session.tables.entity[entity.key]
            keys = [item.key for item in entity.stored_fields if item.computed is None]
            for row in session.connection.execute(select(table)).mappings():
                found[entity.key, row["id"]] = {key: row[key] for key in keys}
    return found


def _values(store: Store) -> dict[tuple[str, int], set[str]]:
    """Return every value of every record there is, by record: in columns of fields that are gone, and in histories."""
    found: dict[tuple[str, int], set[str]] = {}
    with store.read() as session:
        for key, table in session.tables.entity.items():
            for row in session.connection.execute(text(f"SELECT * FROM {table.name}")).mappings():
                found[key, row["id"]] = {_plain(row[name]) for name in row if name not in _KEPT_BY_ENGINE} - {""}
        for told in session.connection.execute(select(history).where(history.c.action == ACTION)):
            pairs = (pair[0] for key, pair in told.changes.items() if key)
            found.get((told.entity, told.record_id), set()).update(_plain(old) for old in pairs)
    return found


_KEPT_BY_ENGINE = ("version", "release_id", "updated_at", "number", "twice", "jobs", "check", "case")


def _plain(value: Any) -> str:
    """A number that got more places is the same number; SQLite keeps it in units of its scale."""
    said = "" if value is None else str(value)
    try:
        return f"{float(said):.0f}".rstrip("0") if said and said[0] in "-0123456789" and "-" not in said[1:] else said
    except ValueError:
        return said


def _assert_kept(before: Mapping[Any, set[str]], after: Mapping[Any, set[str]]) -> None:
    assert before.keys() <= after.keys()
    assert {key: values - after[key] for key, values in before.items() if not values <= after[key]} == {}
