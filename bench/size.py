"""Every list, detail, search and save at ten thousand and at a million records of one entity, in one run.

    python -m bench.size --postgres postgresql://127.0.0.1/postgres --save
    python -m bench.size --records 100000 --rows list search
    python -m bench.size --keep FOLDER --grow  # make both and measure nothing; without --grow they are measured

Both sizes are installations of their own (``grown.py``), asked over the product's own addresses by people of each
scope, in turns; the figure is the median of the CPU milliseconds that the product and the database processes took for a
call, so that other work on the machine counts as little as it can. The ratio is that of the larger to the smaller size,
and no row should be above 1.5. Linux only.
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
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import psycopg
from flask.testing import FlaskClient
from sqlalchemy import make_url

from bench.grown import PASSWORD, Grown, find_grown, grow
from bench.meter import read_cpu_seconds
from engine.people import accounts
from engine.records import queries

SMALL, LARGE, MOST = 10_000, 1_000_000, 1.5
RESULTS = Path(__file__).parent / "results"
_DEEP = 49
_WARM = 6  # statements prepared, pages in memory
_WHERE = {"all": [{"any": [["stage", "eq", "proposal"], ["amount", "gte", "9000000"]]}, ["region", "eq", "east"]]}

Ask = Callable[[], None]


def main() -> None:
    options = _read_options()
    tables, began = {}, os.getloadavg()
    for kind in [one for one in ("sqlite", "postgresql") if options.database in (None, one)]:
        if kind == "postgresql" and not options.postgres:
            print("PostgreSQL is skipped: no --postgres address.", file=sys.stderr)
            continue
        tables[kind] = list(_measure(kind, options))
    if options.grow:
        return
    text = _render(tables, options, busy([began, os.getloadavg()]))
    print(text)
    if options.save:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / "size.md").write_text(text, encoding="utf-8")
        data = {"small": SMALL, "large": options.records, "rows": tables}
        (RESULTS / "size.json").write_text(json.dumps(data, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _measure(kind: str, options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    with contextlib.ExitStack() as stack:
        sizes = []
        for count in (SMALL, options.records):
            began = time.perf_counter()
            keep = options.keep and Path(options.keep).absolute() / f"{kind}-{count}"
            made = _kept(kind, options.postgres, count, keep) if keep else _installed(kind, options.postgres, count)
            sizes.append(stack.enter_context(made))
            _say(f"{kind}: {count:,} records made or found in {time.perf_counter() - began:.0f} s")
        if options.grow:
            return
        for small, large in zip(*(rows_of(Asked(one)) for one in sizes), strict=True):
            name, asks = small[0], (small[1], large[1])
            if options.rows and not any(name.startswith(one) for one in options.rows):
                continue
            figures = _time(asks, options.calls, lambda: backends_of(options.postgres, kind))
            row = {"row": name, "small_ms": figures[0], "large_ms": figures[1], "ratio": figures[1] / figures[0]}
            _say(f"  {name:<52} {row['small_ms']:8.1f} {row['large_ms']:8.1f}  x{row['ratio']:.2f}")
            yield row


@contextlib.contextmanager
def _installed(kind: str, postgres: str | None, count: int) -> Iterator[Grown]:
    """A grown installation, gone at the end."""
    home = Path(tempfile.mkdtemp(prefix="formwork-bench-"))
    name = f"formwork_bench_{random.randrange(10**9)}"
    try:
        grown = grow(address_of(kind, postgres, home, name), home, count)
        yield grown
        grown.store.database.close()
    finally:
        shutil.rmtree(home)
        if kind == "postgresql" and postgres is not None:
            command(postgres, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@contextlib.contextmanager
def _kept(kind: str, postgres: str | None, count: int, home: Path) -> Iterator[Grown]:
    """A grown installation that stays: the one made before, or a new one in the place of one that was not finished."""
    name = f"formwork_bench_kept_{count}"
    finished = (home / "grown.json").exists()
    if not finished:
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        if kind == "postgresql" and postgres is not None:
            command(postgres, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    url = address_of(kind, postgres, home, name, make=not finished)
    grown = find_grown(url, home) or grow(url, home, count)
    yield grown
    grown.store.database.close()


def address_of(kind: str, postgres: str | None, home: Path, name: str, make: bool = True) -> str:
    """Return the address of a database, made anew on a server."""
    if kind == "sqlite":
        return f"sqlite:///{home / 'formwork.sqlite3'}"
    assert postgres is not None
    if make:
        command(postgres, f"CREATE DATABASE {name}")
        # A query shared between processes would be counted in part: those that help are gone when it ends.
        command(postgres, f"ALTER DATABASE {name} SET max_parallel_workers_per_gather = 0")
    return make_url(postgres).set(database=name).render_as_string(hide_password=False)


def command(postgres: str, command: str) -> None:
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(command)


# ---- what is asked


@dataclass
class Asked:
    """One installation, asked by people at a browser and by programs."""

    grown: Grown

    def __post_init__(self) -> None:
        self._browsers: dict[str, FlaskClient] = {}
        self._program = self.grown.app.test_client()
        self.dice = random.Random(3)
        self.made = 0

    def page(self, who: str, path: str, **form: str) -> None:
        """Open a page, or send a form to it."""
        browser = self._browsers.get(who)
        if browser is None:
            browser = self._browsers[who] = self.grown.app.test_client()
            said = browser.post("/login", data={"username": who, "password": PASSWORD})
            assert said.status_code == 303, said.get_data(as_text=True)
        said = browser.post(path, data=form) if form else browser.get(path)
        assert said.status_code == 200, (path, said.status_code, said.get_data(as_text=True)[:300])

    def call(self, who: str, path: str, body: Any = None, method: str = "GET", version: int | None = None) -> Any:
        """Call the API and return what it says."""
        headers = {"Authorization": f"Bearer {self.grown.tokens[who]}"}
        headers |= {"If-Match": f'"{version}"'} if version is not None else {}
        said = self._program.open(f"/api/v1{path}", method=method, json=body, headers=headers)
        assert said.status_code in (200, 201), (path, said.status_code, said.get_data(as_text=True)[:300])
        return said.get_json()


def rows_of(on: Asked) -> Iterator[tuple[str, Ask]]:
    """Yield what is measured, by name; the same names for every size."""
    yield from _lists(on)
    yield from _details(on)
    yield from _searches(on)
    yield from _saves(on)


def _lists(on: Asked) -> Iterator[tuple[str, Ask]]:
    deals = "/e/opportunity"
    by_where = urlencode({"where": json.dumps(_WHERE)})
    pages = {
        "list, director": ("director", ""),
        "list, director: of a stage, by amount": ("director", "?stage=proposal&sort=-amount"),
        "list, director: of a stage, by day of closing": ("director", "?stage=proposal&sort=expected_close"),
        "list, director: by number, which is no filter": ("director", "?sort=-number"),
        "list, director: by day of closing": ("director", "?sort=expected_close"),
        "list, director: conditions joined by and and or": ("director", f"?{by_where}"),
        "list, director: of one owner": ("director", f"?owner={on.grown.people['rep']}"),
        "list, leader: their own": ("leader", f"?owner={on.grown.people['leader']}"),
        "list, rep: own": ("rep", ""),
        "list, rep: own, of a stage": ("rep", "?stage=proposal"),
        "list, leader: team": ("leader", ""),
        "list, leader: team, of a stage": ("leader", "?stage=proposal"),
        "list, division: department and those below": ("division", ""),
        "list, division: department and below, of a stage": ("division", "?stage=proposal"),
        "list, regional: of a region": ("regional", ""),
        "list, reader: shared with them": ("reader", ""),
    }
    for name, (who, query) in pages.items():
        yield name, lambda who=who, query=query: on.page(who, deals + query)  # type: ignore[misc]
    yield "list, director: 9,800 records further down", _deep(on)
    for who in ("director", "division", "leader", "regional", "rep"):
        yield f"count, {who}", lambda who=who: on.call(who, "/opportunity?count=true&limit=1&fields=name")  # type: ignore[misc]
    for who in ("director", "division", "leader", "rep"):
        yield f"board, {who}", lambda who=who: on.page(who, f"{deals}/board")  # type: ignore[misc]
    for who in ("leader", "rep", "director"):
        yield f"groups with sums, {who}", lambda who=who: on.page(who, f"{deals}?group=stage")  # type: ignore[misc]
    body = {"filters": [["owner", "eq", str(on.grown.people["rep"])]], "format": "csv"}
    yield "export of 200 records", lambda: on.call("director", "/opportunity/exports", body, "POST")


def _deep(on: Asked) -> Ask:
    after = ""
    for _ in range(min(_DEEP, on.grown.opportunities // 250)):
        after = "&after=" + on.call("director", f"/opportunity?fields=name&limit=200{after}")["next"]
    return lambda: on.page("director", f"/e/opportunity?{after}")


def _details(on: Asked) -> Iterator[tuple[str, Ask]]:
    changed, customers = on.grown.changed, on.grown.customers
    deal = lambda: on.dice.randrange(1, on.grown.opportunities + 1)  # noqa: E731
    yield "record", lambda: on.page("director", f"/e/opportunity/{deal()}")
    yield "record, with 1,000 changes", lambda: on.page("director", f"/e/opportunity/{changed}")
    yield "record, its customer", lambda: on.page("director", f"/e/customer/{on.dice.randrange(20, customers)}")
    yield "journey", lambda: on.page("director", f"/e/opportunity/{deal()}/journey")
    yield "journey of 1,000 changes", lambda: on.page("director", f"/e/opportunity/{changed}/journey")
    yield (
        "journey of a customer",
        lambda: on.page("director", f"/e/customer/{on.dice.randrange(20, customers)}/journey"),
    )
    last = on.call("director", f"/opportunity/{changed}/history?limit=200")["items"][-1]["id"]
    older = f"/e/opportunity/{changed}/history?before={last}"
    yield "older history of 1,000 changes", lambda: on.page("director", older)


def _searches(on: Asked) -> Iterator[tuple[str, Ask]]:
    with on.grown.store.read() as session:
        actor = accounts.get_actor(session.connection, on.grown.people["director"])
        row = queries.get_record(session, "opportunity", on.grown.changed + 7, actor=actor)
        firm = row.labels["customer", row.values["customer"]]
    phone = str(row.values["contact_phone"])
    # What is shown costs as much as there is of it: the ends and beginnings asked for are so long that both sizes have
    # a page full of them.
    digits, many = len(str(on.grown.opportunities)) - 2, on.grown.opportunities > SMALL
    asked = {
        "one number": str(row.values["number"]),
        "the end of a phone": phone[-digits:],
        "eight digits of a phone": phone[1:9],
        "a whole customer's name": firm,
        "name and trade": f"{row.values['name'][: 2 if many else 1]} 阀门",
        "two characters, in all customers' names": "有限",
        "initials": "yjfm" if many else "yj",
        "sound": "yongjiang" if many else "yongj",
        "nothing": "找不到的东西",
        "a slip in a name": "甬江法门有限公可" if many else "法门有限公司",
    }
    for name, words in asked.items():
        for who in ("director", "rep"):
            address = f"/search?q={quote(words)}"
            yield f"search, {who}: {name}", lambda who=who, to=address: on.page(who, to)  # type: ignore[misc]
    for name in ("one number", "the end of a phone", "two characters, in all customers' names"):
        address = f"/e/opportunity?q={quote(asked[name])}"
        yield f"list, director, searched: {name}", lambda to=address: on.page("director", to)  # type: ignore[misc]
        pick = f"/pick/customer?q={quote(asked[name])}&for=opportunity.customer"
        yield f"picker, rep: {name}", lambda to=pick: on.page("rep", to)  # type: ignore[misc]
    yield "picker, rep: nothing typed", lambda: on.page("rep", "/pick/customer?q=&for=opportunity.customer")


def _saves(on: Asked) -> Iterator[tuple[str, Ask]]:
    def create() -> None:
        on.made += 1
        on.call("rep", "/opportunity", _values(on), "POST")

    def update() -> None:
        on.made += 1
        values = {"amount": f"{on.made}.50", "remark": f"客户要求延期 {on.made}", "win_rate": 0.65}
        held[0] = on.call("rep", f"/opportunity/{held[0]['id']}", values, "PATCH", held[0]["version"])

    def move() -> None:
        to = "propose" if moved[0]["stage"] == "needs" else "back"
        path = f"/opportunity/{moved[0]['id']}/moves/{to}"
        moved[0] = on.call("rep", path, {}, "POST", moved[0]["version"])

    held, moved = ([on.call("rep", "/opportunity", _values(on), "POST")] for _ in range(2))
    yield "create", create
    yield "update of 3 fields", update
    yield "move to another stage", move
    form = {"name": "温州甬江阀门有限公司8", "grade": "a", "changed": "name"}
    yield "duplicates while a name is typed", lambda: on.page("rep", "/e/customer/new/preview", **form)


def _values(on: Asked) -> dict[str, Any]:
    at = on.made
    return {
        "name": f"阀门采购 {at}", "customer": 1 + at % 10, "amount": f"{1000 + at % 9000}.25", "win_rate": 0.35,
        "expected_close": "2027-06-01", "region": "east", "source": "fair", "product_line": "valve", "quantity": 120,
        "contact_phone": f"138{at:08}", "contact_email": "buyer@example.com", "need_summary": "需要耐高温阀门",
        "remark": "展会认识",
    }  # fmt: skip


def _time(asks: tuple[Ask, Ask], calls: int, backends: Callable[[], set[int]]) -> list[float]:
    """Return the median CPU ms of each, asked in turns, after some calls that do not count."""
    taken: list[list[float]] = [[] for _ in asks]
    for ask in asks:
        for _ in range(_WARM):
            ask()
    pids = backends()
    for _ in range(calls):
        for ask, found in zip(asks, taken, strict=True):
            before = time.process_time() + sum(map(read_cpu_seconds, pids))
            ask()
            found.append((time.process_time() + sum(map(read_cpu_seconds, pids)) - before) * 1000)
    return [statistics.median(found) for found in taken]


def backends_of(postgres: str | None, kind: str) -> set[int]:
    """Return the processes of the database that serve this bench, and not another one beside it."""
    if kind == "sqlite" or postgres is None:
        return set()
    ours = "datname ~ '^formwork_bench_(kept_)?[0-9]+$' AND backend_type = 'client backend'"
    asked = f"SELECT pid FROM pg_stat_activity WHERE {ours}"
    with psycopg.connect(postgres, autocommit=True) as connection:
        return {row[0] for row in connection.execute(asked)}


# ---- what is told


def _render(tables: dict[str, list[dict[str, Any]]], options: argparse.Namespace, busy: str) -> str:
    count = options.records
    sizes = f"at {SMALL:,} and at {count:,} records with ten rows of history each"
    parts = [
        f"# Results of {date.today():%d %B %Y}",
        "",
        f"{os.cpu_count()} cores, Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, {busy}.",
        "",
        f"CPU ms of product and database for a call (median of {options.calls}), {sizes}.",
    ]
    for kind, rows in tables.items():
        parts += ["", f"## {kind}", "", f"| row | {SMALL:,} | {count:,} | ratio |", "|---|--:|--:|--:|"]
        parts += [f"| {_row(one)} |" for one in rows]
    return "\n".join(parts) + "\n"


def busy(loads: list[tuple[float, float, float]]) -> str:
    """Tell what else the machine did: this alone is a load of one."""
    return "load average " + " at the beginning, ".join(f"{one[0]:.1f}" for one in loads) + " at the end"


def _row(one: dict[str, Any]) -> str:
    ratio = f"{one['ratio']:.2f}"
    shown = f"**{ratio}**" if one["ratio"] > MOST else ratio
    return f"{one['row']} | {one['small_ms']:.1f} | {one['large_ms']:.1f} | {shown}"


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=LARGE, help="of the larger size")
    parser.add_argument("--rows", nargs="+", help="only rows whose names begin so")
    parser.add_argument("--calls", type=int, default=21, help="of each row")
    parser.add_argument("--database", choices=["sqlite", "postgresql"], help="one of the two")
    parser.add_argument("--postgres", help="address of a server on which databases may be made")
    parser.add_argument("--keep", metavar="FOLDER", help="keep what is made there, and find it there the next time")
    parser.add_argument("--grow", action="store_true", help="make what --keep keeps and measure nothing")
    parser.add_argument("--save", action="store_true", help="write results/size.md and .json")
    options = parser.parse_args()
    if options.grow and not options.keep:
        parser.error("--grow makes what --keep keeps: say a folder.")
    return options


if __name__ == "__main__":
    main()
