"""What happens behind the pages, at ten thousand and at a million timers, runs, events and tasks, in one run.

    python -m bench.background --postgres postgresql://127.0.0.1/postgres --rows 1000000 --save
    python -m bench.background --rows 100000 --database sqlite

Two installations on each database hold so many timers and runs that are due in years, so many that are over, so many
delivered events and so many open tasks of other people; and the same few hundred records. Both do the same work in
turns; a figure is the median of the CPU milliseconds that product and database took for one, and the ratio is that of
the larger to the smaller. Then the larger one's own worker is left alone with work that falls due little by little, and
with all of it at once: how late each was, and how many it did in a second. Linux only.
"""

import argparse
import contextlib
import json
import os
import platform
import random
import shutil
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select, text, update

from bench.fill import clone_rows
from bench.meter import read_cpu_seconds
from bench.sides import Table
from bench.size import RESULTS, address_of, backends_of, busy, command
from engine.automation import backlog, counting, jobs
from engine.automation import runs as runs_of
from engine.automation.jobs import WorkerThread
from engine.automation.outbox import drain
from engine.automation.running import run_due
from engine.automation.timers import sweep
from engine.clock import SystemClock
from engine.definition.source import read_folder
from engine.people import accounts
from engine.records import commands
from engine.storage import catalog
from engine.storage.automation_tables import runs
from engine.storage.database import open_database
from engine.storage.journal import write_event
from engine.storage.stage_tables import timers
from engine.storage.store import Store
from engine.workflow import inbox
from engine.workflow.transitions import move_record

SMALL, LARGE = 10_000, 1_000_000
RECORDS, AT_ONCE, ROUNDS = 700, 20, 9
_FAR = datetime(2030, 1, 1, tzinfo=UTC)
Row = tuple[str, int, Callable[[], object], Callable[[], object]]
"""A name, how many one turn does, what is made ready for it, and what is measured."""


@dataclass
class Site:
    """One installation; ``used`` are the records whose timers or runs were used up, one after the other."""

    store: Store
    used: dict[str, int] = field(default_factory=lambda: {timers.name: 0, runs.name: 0})

    def let_fall_due(self, table: Any, count: int = AT_ONCE, moment: datetime | None = None) -> int:
        """Let the rows of the next few records fall due; return how many there were."""
        first = self.used[table.name] + 1
        self.used[table.name] += count
        due = {"available_at": moment or datetime.now(UTC)}
        own = (table.c.record_id.between(first, first + count - 1), table.c.entity == "job", table.c.state == "pending")
        with self.store.write() as session:
            changed = (
                update(table).where(*own).values(**due, **({"due_at": due["available_at"]} if table is timers else {}))
            )
            return session.connection.execute(changed).rowcount

    def rows(self) -> Iterator[Row]:
        """Yield what is measured; the same for every size."""
        yield "timer fired, with its reminder", AT_ONCE, lambda: self.let_fall_due(timers), lambda: sweep(self.store)
        yield "run gone on with after a wait", AT_ONCE, lambda: self.let_fall_due(runs), lambda: run_due(self.store)
        yield "event delivered", 200, self._events, lambda: drain(self.store)
        yield "look with nothing to do", 1, lambda: None, lambda: jobs.attend(self.store)
        yield "page of somebody's queue", 1, lambda: None, self._queue
        yield "figures of the backlog", 1, lambda: None, self._backlog
        yield "automations, their runs and what failed", 1, lambda: None, self._automations

    def _events(self) -> None:
        with self.store.write() as session:
            for number in range(200):
                write_event(session, "job.updated", "job", 1 + number % RECORDS, {"version": 1, "changed": ["name"]})

    def _queue(self) -> None:
        with self.store.read() as session:
            keen = accounts.find_user(session.connection, "keen") or 0
            page = inbox.list_tasks(session, actor=accounts.get_actor(session.connection, keen))
            assert page.items

    def _backlog(self) -> None:
        with self.store.read() as session:
            backlog.measure(session)

    def _automations(self) -> None:
        with self.store.read() as session:
            counting.count_runs(session)
            runs_of.list_runs(session, states=runs_of.AGAIN, limit=30)


def main() -> None:
    options = _read_options()
    tables, late, began = {}, {}, os.getloadavg()
    for kind in [one for one in ("sqlite", "postgresql") if options.database in (None, one)]:
        if kind == "postgresql" and not options.postgres:
            print("PostgreSQL is skipped: no --postgres address.", file=sys.stderr)
            continue
        with contextlib.ExitStack() as stack:
            sites = [
                stack.enter_context(_installed(kind, options.postgres, one)) for one in (options.small, options.rows)
            ]
            tables[kind] = [_measure(pair, options, kind) for pair in zip(*(one.rows() for one in sites), strict=True)]
            late[kind] = _leave_alone(sites[1], options.spread)
            _say(f"  {late[kind]}")
    told = _render(tables, late, options, busy([began, os.getloadavg()]))
    print(told)
    if options.save:
        (RESULTS / "background.md").write_text(told, encoding="utf-8")
        data = {"small": options.small, "large": options.rows, "rows": tables, "alone": late}
        (RESULTS / "background.json").write_text(json.dumps(data, indent=1, ensure_ascii=False) + "\n", "utf-8")


# ---- made


@contextlib.contextmanager
def _installed(kind: str, postgres: str | None, count: int) -> Iterator[Site]:
    """An installation with so many rows behind its pages, gone at the end."""
    home, began = Path(tempfile.mkdtemp(prefix="formwork-bench-")), time.perf_counter()
    name = f"formwork_bench_{random.randrange(10**9)}"
    url = address_of(kind, postgres, home, name)
    try:
        store = Store(open_database(url), home / "files", SystemClock())
        catalog.publish(store, read_folder(Path(__file__).parent / "behind"), actor_id=None)
        _fill(store, url, count)
        _say(f"{kind}: {count:,} of each made in {time.perf_counter() - began:.0f} s")
        yield Site(store)
        store.database.close()
    finally:
        shutil.rmtree(home)
        if kind == "postgresql" and postgres is not None:
            command(postgres, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def _fill(store: Store, url: str, count: int) -> None:
    """Make the records by the product itself, and copy the rows they left."""
    with store.write() as session:
        made = [
            accounts.create_user(session, login=login, name=login, password=None, roles=[role], actor=None)
            for login, role in [("rep", "rep"), ("keen", "boss"), *((f"busy{n}", "boss") for n in range(50))]
        ]
    for first in range(0, RECORDS, 100):
        with store.write() as session:
            rep = accounts.get_actor(session.connection, made[0])
            for number in range(first, first + 100):
                commands.create_record(session, "job", {"name": f"事项 {number}"}, actor=rep)
    while jobs.attend(store):
        pass
    with store.write() as session:
        rep = accounts.get_actor(session.connection, made[0])
        for record in range(RECORDS - 30, RECORDS):
            move_record(session, "job", record, "ask", raw={}, version=1, actor=rep)
    while jobs.attend(store):
        pass
    ids = {name: _last(store, name) for name in ("fw_timers", "fw_runs", "fw_outbox", "fw_approvals", "fw_tasks")}
    far, over, other = {"record_id": "9000000 + i"}, {"record_id": "90000000 + i"}, f"{made[2]} + i % 50"
    task = {"approval_id": "original.approval_id + i", "holder_id": other}
    for name, varied, picked in (
        ("fw_timers", far, _last(store, "fw_timers", "state = 'pending' AND entity = 'job'")),
        ("fw_timers", {**over, "state": "'fired'", "ended_at": "original.armed_at"}, ids["fw_timers"]),
        ("fw_runs", far, _last(store, "fw_runs", "state = 'pending'")),
        ("fw_runs", {**over, "state": "'done'", "ended_at": "original.created_at"}, ids["fw_runs"]),
        ("fw_outbox", {}, ids["fw_outbox"]),
        ("fw_approvals", far, ids["fw_approvals"]),
        ("fw_tasks", task, ids["fw_tasks"]),
    ):
        clone_rows(url, Table(name, varied), [picked], count)


def _last(store: Store, table: str, where: str = "1 = 1") -> int:
    with store.read() as session:
        return session.connection.scalar(text(f"SELECT max(id) FROM {table} WHERE {where}")) or 0


# ---- measured


def _measure(pair: tuple[Row, Row], options: argparse.Namespace, kind: str) -> dict[str, Any]:
    """Do both in turns and return the median CPU milliseconds of one."""
    taken: list[list[float]] = [[], []]
    pids = backends_of(options.postgres, kind)
    for turn in range(ROUNDS + 2):
        for (_, count, prepare, act), found in zip(pair, taken, strict=True):
            prepare()
            before = time.process_time() + sum(map(read_cpu_seconds, pids))
            act()
            if turn > 1:  # statements are prepared, pages in memory
                found.append((time.process_time() + sum(map(read_cpu_seconds, pids)) - before) * 1000 / count)
    small, large = (statistics.median(found) for found in taken)
    _say(f"  {pair[0][0]:<40} {small:8.2f} {large:8.2f}  x{large / small:.2f}")
    return {"row": pair[0][0], "small_ms": small, "large_ms": large, "ratio": large / small}


def _leave_alone(site: Site, spread: int) -> dict[str, float]:
    """Leave the worker alone with timers that fall due little by little, then with many due at once."""
    worker = WorkerThread(site.store)
    worker.start()
    try:
        first = site.used[timers.name] + 1
        for second in range(spread):
            site.let_fall_due(timers, AT_ONCE // 2, datetime.now(UTC) + timedelta(seconds=second))
        waited = sorted(_wait(site, first, site.used[timers.name]))
        begun, since = site.used[timers.name] + 1, time.monotonic()
        many = site.let_fall_due(timers, RECORDS - 31 - site.used[timers.name])
        worker.ring()
        _wait(site, begun, site.used[timers.name])
        rate = many / (time.monotonic() - since)
    finally:
        worker.stop()
    p99 = waited[min(len(waited) - 1, int(len(waited) * 0.99))]
    half = statistics.median(waited)
    return {"timers": len(waited), "p50_s": half, "p99_s": p99, "at_once": many, "per_second": rate}


def _wait(site: Site, first: int, last: int) -> list[float]:
    """Wait until the timers of these records were fired; return how many seconds late each was."""
    own = (timers.c.record_id.between(first, last), timers.c.entity == "job", timers.c.due_at < _FAR)
    until = time.monotonic() + 300
    while True:
        with site.store.read() as session:
            query = select(timers.c.state, timers.c.due_at, timers.c.ended_at).where(*own)
            found = session.connection.execute(query).all()
        if all(row.state == "fired" for row in found) and len(found) >= last - first + 1:
            return [(row.ended_at - row.due_at).total_seconds() for row in found]
        assert time.monotonic() < until, "the worker did not come to an end"
        time.sleep(0.2)


# ---- told


def _render(
    tables: dict[str, list[dict[str, Any]]], late: dict[str, dict[str, float]], options: argparse.Namespace, load: str
) -> str:
    small, large = f"{options.small:,}", f"{options.rows:,}"
    parts = [
        f"# Results of {date.today():%d %B %Y}",
        "",
        f"{os.cpu_count()} cores, Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, {load}.",
        "",
        f"CPU ms of product and database for one (median of {ROUNDS} turns), with {small} and with {large} each",
        "of timers and runs due in years, timers and runs that are over, delivered events, open tasks of others.",
    ]
    for kind, rows in tables.items():
        parts += ["", f"## {kind}", "", f"| row | {small} | {large} | ratio |", "|---|--:|--:|--:|"]
        parts += [
            f"| {one['row']} | {one['small_ms']:.2f} | {one['large_ms']:.2f} | {one['ratio']:.2f} |" for one in rows
        ]
        alone = late[kind]
        parts += [
            "",
            f"Left alone with {large}: of {alone['timers']:.0f} timers that fell due over {options.spread} s half",
            f"were fired within {alone['p50_s']:.1f} s and 99 % within {alone['p99_s']:.1f} s; {alone['at_once']:.0f}",
            f"due at once went at {alone['per_second']:.0f} a second.",
        ]
    return "\n".join(parts) + "\n"


def _say(said: str) -> None:
    print(said, file=sys.stderr, flush=True)


def _read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=LARGE, help="of each kind in the larger installation")
    parser.add_argument("--small", type=int, default=SMALL, help="of each kind in the smaller one")
    parser.add_argument("--spread", type=int, default=20, help="seconds over which work falls due little by little")
    parser.add_argument("--database", choices=["sqlite", "postgresql"], help="one of the two")
    parser.add_argument("--postgres", help="address of a server on which databases may be made")
    parser.add_argument("--save", action="store_true", help="write results/background.md and .json")
    return parser.parse_args()


if __name__ == "__main__":
    main()
