"""The generic engine beside the hand-written floor, in one run, on SQLite and PostgreSQL.

    python -m bench.run --quick
    python -m bench.run --postgres postgresql+psycopg://user@127.0.0.1/postgres --save

Both applications run as real servers on the same machine. Each row is measured in turns (floor, generic, generic,
floor, ...), so that a slow moment of the machine hits both. CPU is that of the server and of its database processes
together, over one connection, where threads do not fight for the interpreter; requests per second are counted over
four. The load client is another process and not counted.
"""

import argparse
import contextlib
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import make_url

from bench.contestant import Contestant, Measure
from bench.duties import check_duties
from bench.sides import REP, Floor, Generic, Side
from bench.workbook import own_customers, write_workbook

ROWS = {
    "create": "create, validated, with history",
    "page": "page of 50 of {rows:,}, filtered, sorted",
    "detail": "one record with its customer",
    "update": "update 3 fields with history",
    "move": "stage move under a rule",
    "approve": "approve one task",
}
_BEGAN = time.perf_counter()
RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Size:
    rows: int
    rounds: int
    requests: int
    loaded: int
    imported: int
    imports: int
    starts: int


FULL = Size(rows=100_000, rounds=20, requests=100, loaded=400, imported=10_000, imports=3, starts=3)
QUICK = Size(rows=10_000, rounds=5, requests=25, loaded=60, imported=1_000, imports=1, starts=1)


@dataclass(frozen=True)
class Line:
    """One row of the table: a figure for each side that was measured, and the ratio generic / floor."""

    label: str
    unit: str
    figures: dict[str, float]
    per_second: dict[str, float]
    ratio: float | None
    spread: tuple[float, float] | None
    detail: dict[str, Any]


def main() -> None:
    options = _read_options()
    given = {"rows": options.records, "rounds": options.rounds}
    size = replace(QUICK if options.quick else FULL, **{name: value for name, value in given.items() if value})
    tables: dict[str, list[Line]] = {}
    for kind, database in _databases(options).items():
        with tempfile.TemporaryDirectory(prefix="formwork-bench-") as home, contextlib.ExitStack() as stack:
            sides = [side() for side in (Floor, Generic) if options.only in (None, side.name)]
            contestants = [_install(stack, side, database, Path(home)) for side in sides]
            tables[kind] = list(_measure(kind, contestants, size, options))
    text = _render(tables, size, options.clients, time.perf_counter() - _BEGAN)
    print(text)
    if options.save:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / f"{options.save}.md").write_text(text, encoding="utf-8")
        lines = {kind: [line.__dict__ for line in table] for kind, table in tables.items()}
        (RESULTS / f"{options.save}.json").write_text(json.dumps(lines, indent=1, default=str), encoding="utf-8")


def _read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer records and requests, under a minute")
    parser.add_argument("--only", choices=["floor", "generic"])
    parser.add_argument("--rows", nargs="+", choices=[*ROWS, "import", "start"], default=[*ROWS, "import", "start"])
    parser.add_argument("--database", choices=["sqlite", "postgresql"], help="one of the two")
    parser.add_argument(
        "--postgres",
        default=os.environ.get("FORMWORK_BENCH_POSTGRES"),
        help="address of a local PostgreSQL whose user may create databases; default $FORMWORK_BENCH_POSTGRES",
    )
    parser.add_argument("--records", type=int, help="opportunities in the table")
    parser.add_argument("--rounds", type=int, help="rounds of each row")
    parser.add_argument("--clients", type=int, default=4, help="connections for requests/s")
    parser.add_argument("--save", nargs="?", const="latest", help="name under bench/results/ for .md and .json")
    return parser.parse_args()


# Databases: a function that makes an empty one for a side, and removes it afterwards


@contextlib.contextmanager
def _sqlite(side: str, home: Path) -> Iterator[tuple[str, Callable[[], set[int]]]]:
    yield f"sqlite:///{home}/{side}.sqlite3", set


def _databases(options: argparse.Namespace) -> dict[str, Any]:
    found: dict[str, Any] = {"sqlite": _sqlite}
    if options.postgres:
        found["postgresql"] = _postgresql(options.postgres)
    elif options.database != "sqlite":
        print("PostgreSQL is skipped: no --postgres address.", file=sys.stderr)
    return {kind: found[kind] for kind in found if options.database in (None, kind)}


def _postgresql(address: str) -> Any:
    url = make_url(address)
    plain = url.set(drivername="postgresql").render_as_string(hide_password=False)

    @contextlib.contextmanager
    def make(side: str, home: Path) -> Iterator[tuple[str, Callable[[], set[int]]]]:
        name = f"formwork_bench_{side}_{os.getpid()}"
        asked = "SELECT pid FROM pg_stat_activity WHERE datname = %s AND backend_type <> 'autovacuum worker'"
        with psycopg.connect(plain, autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"')
            try:
                made = url.set(database=name).render_as_string(hide_password=False)
                yield made, lambda: {row[0] for row in connection.execute(asked, (name,))}
            finally:
                connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')

    return make


def _install(stack: contextlib.ExitStack, side: Side, database: Any, home: Path) -> Contestant:
    (place := home / side.name).mkdir()
    url, backends = stack.enter_context(database(side.name, place))
    contestant = Contestant(side, url, place, backends)
    stack.callback(contestant.close)
    contestant.install()
    return contestant


# Measuring


def _measure(kind: str, contestants: list[Contestant], size: Size, options: argparse.Namespace) -> Iterator[Line]:
    for contestant in contestants:
        _say(f"{kind}: {contestant.side.name}: {check_duties(contestant)} duties done; filling")
        contestant.fill(size.rows)
    for row, label in ROWS.items():
        if row in options.rows:
            _say(f"{kind}: {row}")
            yield _measure_row(row, label.format(rows=size.rows), contestants, size, options.clients)
    if "import" in options.rows:
        _say(f"{kind}: import")
        yield _measure_import(contestants, size)
    if "start" in options.rows:
        _say(f"{kind}: start")
        yield from _measure_start(contestants, size)


def _measure_row(row: str, label: str, contestants: list[Contestant], size: Size, clients: int) -> Line:
    found: dict[str, list[Measure]] = {contestant.side.name: [] for contestant in contestants}
    for contestant in contestants:
        contestant.measure(getattr(contestant, f"{row}_requests")(20))
    for contestant in _turns(contestants, size.rounds):
        requests = getattr(contestant, f"{row}_requests")(size.requests)
        found[contestant.side.name].append(contestant.measure(requests))
    line = _line(label, "CPU s/1000", found, 1000)
    for contestant in contestants:
        requests = getattr(contestant, f"{row}_requests")(size.loaded)
        loaded = contestant.measure(requests, clients)
        line.per_second[contestant.side.name] = loaded.requests / loaded.wall
        line.detail[f"{contestant.side.name}, {clients} connections"] = [loaded.__dict__]
    return line


def _measure_import(contestants: list[Contestant], size: Size) -> Line:
    found: dict[str, list[Measure]] = {contestant.side.name: [] for contestant in contestants}
    path = contestants[0].home / "import.xlsx"
    refused = write_workbook(path, size.imported, own_customers(0, 50))
    for contestant in _turns(contestants, size.imports):
        side = contestant.side
        measure, answer = contestant.measure_import(side.bring_in(REP[0], path))
        assert side.imported(answer) == (size.imported - refused, refused), str(answer)[:600]
        found[side.name].append(measure)
    return _line(f"import {size.imported:,} rows", "CPU s", found, 1)


def _measure_start(contestants: list[Contestant], size: Size) -> Iterator[Line]:
    for contestant in contestants:
        contestant.stop()
    found: dict[str, list[tuple[float, float]]] = {contestant.side.name: [] for contestant in contestants}
    for contestant in _turns(contestants, size.starts):
        found[contestant.side.name].append(contestant.measure_start())
    for place, (label, unit) in enumerate([("start of two processes", "s"), ("idle, two processes", "MiB")]):
        figures = {name: statistics.median(pair[place] for pair in pairs) for name, pairs in found.items()}
        yield Line(label, unit, figures, {}, _ratio(figures), None, {"all": found})


def _turns(contestants: list[Contestant], rounds: int) -> Iterator[Contestant]:
    """floor, generic, generic, floor, ...: nobody is always first."""
    for turn in range(rounds):
        yield from contestants if turn % 2 == 0 else contestants[::-1]


def _line(label: str, unit: str, found: dict[str, list[Measure]], scale: int) -> Line:
    figures, per_second, rounds = {}, {}, {}
    for name, measures in found.items():
        rounds[name] = [measure.cpu / measure.requests * scale for measure in measures]
        figures[name] = statistics.median(rounds[name])
        per_second[name] = sum(m.requests for m in measures) / sum(m.wall for m in measures)
    pairs = [generic / floor for floor, generic in zip(*rounds.values(), strict=True)] if len(rounds) == 2 else []
    spread = (min(pairs), max(pairs)) if pairs else None
    detail = {name: [measure.__dict__ for measure in measures] for name, measures in found.items()}
    return Line(label, unit, figures, per_second, statistics.median(pairs) if pairs else None, spread, detail)


def _ratio(figures: dict[str, float]) -> float | None:
    return figures["generic"] / figures["floor"] if len(figures) == 2 else None


# Telling


def _render(tables: dict[str, list[Line]], size: Size, clients: int, seconds: float) -> str:
    parts = [
        f"Python {platform.python_version()}, {os.cpu_count()} cores, {size.rows:,} records, {seconds:.0f} s.",
        f"CPU of server and database in {size.rounds} rounds of {size.requests} requests over one connection;",
        f"ratio: median of the rounds (least to most); requests per second over {clients} connections.",
    ]
    for kind, lines in tables.items():
        parts += ["", f"## {kind}", "", "| row | unit | floor | generic | ratio | floor /s | generic /s |"]
        parts += ["|---|---|--:|--:|--:|--:|--:|"]
        parts += [_render_line(line) for line in lines]
    return "\n".join(parts) + "\n"


def _render_line(line: Line) -> str:
    ratio = "-" if line.ratio is None else f"{line.ratio:.2f}"
    if line.spread:
        ratio += f" ({line.spread[0]:.2f} to {line.spread[1]:.2f})"
    figures = [_figure(line.figures.get(name)) for name in ("floor", "generic")]
    rates = [_figure(line.per_second.get(name)) for name in ("floor", "generic")]
    return "| " + " | ".join([line.label, line.unit, *figures, ratio, *rates]) + " |"


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f}" if value >= 20 else f"{value:.2f}"


def _say(text: str) -> None:
    print(f"{time.perf_counter() - _BEGAN:4.0f} s  {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
