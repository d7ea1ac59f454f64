"""One change with everything in it, and what a database must be before and after it."""

from pathlib import Path
from typing import Any

from sqlalchemy import insert, text

from engine.people.actor import Actor
from engine.storage.store import Store
from engine.storage.system_tables import files
from tests.storage.living import hire, make, move
from tests.storage.test_running import BEFORE as RUNNING
from tests.storage.workshop import edited

BEFORE = edited(
    (
        "machine/entity.yaml",
        "access:\n",
        "  keeper: {type: user, label: 保管人}\n  maker: {type: text, label: 厂家}\naccess:\n",
    ),
    texts=RUNNING,
)
AFTER = edited(
    ("machine/entity.yaml", "keeper: {type: user,", "keeper: {type: text, existing: convert,"),
    (
        "machine/entity.yaml",
        "maker: {type: text,",
        "maker: {type: choice, options: {north: 北方, south: 南方}, became: {老厂: north}, "
        "existing: convert, otherwise: empty,",
    ),
    ("app.yaml", "menu: [machine, job]", "menu: [tool, job]"),
    ("app.yaml", "fitter: {label", "mechanic: {was: fitter, label"),
    ("machine/entity.yaml", "entity: machine", "entity: tool\nwas: machine\nnumber: {pattern: 'SB{seq:4}'}"),
    ("machine/entity.yaml", "code:   {type: text", "tag:    {was: code, type: text"),
    ("machine/entity.yaml", "saw: 锯床}", "sawing: 锯床}, became: {saw: sawing}"),
    ("machine/entity.yaml", "power:  {type: integer", "power:  {type: decimal"),
    ("machine/entity.yaml", "size:   {type: text,", 'size:   {type: integer, migrate: "3",'),
    (
        "machine/entity.yaml",
        "access:\n",
        "  jobs: {type: integer, label: 维修次数, computed: 'count(job)'}\n"
        "  checks:\n    type: lines\n    label: 点检\n    fields: {what: {type: text, label: 内容}}\n"
        "unique:\n  one_price: {fields: [name, price]}\n"
        "list: {columns: [name, bought], filters: [bought, kind]}\naccess:\n",
    ),
    ("job/entity.yaml", "to: machine", "to: tool"),
    ("job/entity.yaml", "  fitter: {read", "  mechanic: {read"),
    ("job/entity.yaml", "fault:   {", "trouble: {was: fault, "),
    ("job/entity.yaml", "report:  {", "papers:  {was: report, "),
    ("job/entity.yaml", "part: {", "item: {was: part, "),
    ("job/workflow.yaml", "repair:  {label", "fixing:  {was: repair, label"),
    ("job/workflow.yaml", "to: [repair]", "to: [fixing]"),
    ("job/workflow.yaml", "from: [repair]", "from: [fixing]"),
    ("job/workflow.yaml", "slow: {", "tardy: {was: slow, "),
    ("job/approval.yaml", "[fault, parts]", "[trouble, parts]"),
    ("job/approval.yaml", "show: [fault]", "show: [trouble]"),
    ("job/approval.yaml", "cost: {", "price: {was: cost, "),
    texts=BEFORE,
)


def furnish(store: Store) -> Actor:
    """Make records of everything: two machines, a job whose approval and timers run, a file."""
    boss = hire(store)
    worker = hire(store, "worker", "fitter")
    saw = make(
        store,
        boss,
        "machine",
        name="A",
        code="1",
        kind="saw",
        price="1.50",
        power=3,
        size="大",
        keeper=boss.id,
        maker="老厂",
    )
    make(store, boss, "machine", name="B", code="2", price="2.50", maker="不明")
    job = make(store, boss, "job", machine=saw.id, fault="坏了", parts=[{"part": "带", "qty": 1}], owner=worker.id)
    move(store, worker, "job", job.id, "start")
    with store.write() as session:
        row = {"sha256": "0" * 64, "name": "a.pdf", "size": 1, "content_type": "application/pdf"}
        where = {"uploaded_at": session.now(), "entity": "job", "record_id": job.id, "field": "report"}
        session.connection.execute(insert(files).values(row | where))
    return boss


def photograph(store: Store) -> dict[str, Any]:
    """Return everything in a database: its columns and indexes, and every row of every table but who waits to build."""
    with store.database.read(snapshot=True) as connection:
        sqlite = connection.dialect.name == "sqlite"
        names = connection.scalars(text(_SQLITE_TABLES if sqlite else _PG_TABLES)).all()
        quote = connection.dialect.identifier_preparer.quote
        found: dict[str, Any] = {}
        for name in names:
            result = connection.execute(text(f"SELECT * FROM {quote(name)}"))
            found[name] = (tuple(result.keys()), sorted(map(repr, result.all())))
        found["indexes"] = sorted(connection.scalars(text(_SQLITE_INDEXES if sqlite else _PG_INDEXES)))
        return found


def files_of(folder: Path) -> list[str]:
    """Return the files of a store by name."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


_SQLITE_TABLES = "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"
_SQLITE_INDEXES = "SELECT name FROM sqlite_master WHERE type = 'index'"
_PG_TABLES = """
    SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace ORDER BY relname
"""
_PG_INDEXES = """
    SELECT i.relname || CASE WHEN x.indisvalid THEN '' ELSE ' half made' END FROM pg_index AS x
    JOIN pg_class AS i ON i.oid = x.indexrelid WHERE i.relnamespace = current_schema()::regnamespace
"""
