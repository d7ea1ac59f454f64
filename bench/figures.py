"""Every dashboard over a million opportunities and five million stage moves on PostgreSQL, by one command.

    python -m bench.figures --postgres postgresql://127.0.0.1/postgres --save    # writes results/figures.md
    python -m bench.figures --postgres URL --home FOLDER --records 100000        # kept there for the next time

A site of the manufacturing template with its demo story is filled past the engine: copies of the opportunities of the
story with dates, owners, amounts and customers of their own, five moves for each. Then every dashboard is opened as a
browser does it, all its tiles at once over six connections: at first by nobody before, again at once, and once what was
worked out in the background is there. A tile that is still being worked out says so: that is an answer too. Exit status
1 when a dashboard says nothing for more than two seconds.
"""

import argparse
import os
import platform
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, build_opener

import psycopg
from sqlalchemy import make_url

from bench.fill import clone_rows
from bench.sides import Table
from tests.browser.conftest import Site, serve

RECORDS, MOVES = 1_000_000, 5
MOST_S = 2.0
HERE = Path(__file__).parent
BOARDS = {
    "chairman": "gm_xu", "sales": "director_chen", "warning_daily": "director_chen", "weekly_stalled": "gm_xu",
    "money": "finance_zhou", "desk": "ops_wu", "rep": "rep_wang", "operations": "ops_wu", "trial": "director_chen",
    "weekly_report": "director_chen",
}  # fmt: skip
"""Every kind of dashboard, and whose it is."""
_CONNECTIONS = 6  # as many as a browser opens
_PATIENCE_S = 240
_COMPUTING = 'data-state="computing"'
_PLACES = re.compile(r'hx-get="(/dashboards/[^"]+/(?:tiles|rows)/[^"]+)"')


@dataclass(frozen=True)
class Opened:
    """A dashboard: seconds until everything answered, the slowest answer, how many tiles said they are computing."""

    seconds: float
    slowest: float
    computing: int
    places: int


def main(arguments: list[str]) -> int:
    """Make the site, open every dashboard, print and keep what was measured."""
    asked = _read_options(arguments)
    began = os.getloadavg()[0]
    rows: list[str] = []
    worst = 0.0
    with ExitStack() as stack:
        home = asked.home or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        home.mkdir(parents=True, exist_ok=True)
        url = stack.enter_context(_database(asked.postgres, home, keep=asked.home is not None))
        with serve("manufacturing", home.absolute(), url):
            pass  # installed with its story; nobody works while it is filled
        _say(f"filled in {fill(url, asked.records):.0f} s")
        site = stack.enter_context(serve("manufacturing", home.absolute(), url))
        for board, login in BOARDS.items():
            if asked.boards and board not in asked.boards:
                continue
            person = Person(site, login)
            person.look("/reports")  # the server has answered somebody before
            first, again = person.open(board), person.open(board)
            waited = time.monotonic()
            last = again
            while last.computing and time.monotonic() - waited < _PATIENCE_S:
                time.sleep(1)
                last = person.open(board)
            whole = time.monotonic() - waited if again.computing else 0.0
            worst = max(worst, first.seconds, again.seconds, last.seconds)
            rows.append(
                f"| {board} | {first.places} | {first.seconds:.2f} | {first.computing} | {again.seconds:.2f} | "
                f"{whole:.0f} | {last.seconds:.2f} | {last.computing} |"
            )
            _say(rows[-1])
        text = _render(asked.records, rows, (began, os.getloadavg()[0]))
        print(text)
        if asked.save:
            (HERE / "results" / "figures.md").write_text(text, encoding="utf-8")
    return int(worst > MOST_S)


class Person:
    """Somebody at a browser."""

    def __init__(self, site: Site, login: str) -> None:
        self._site = site
        self._opener = build_opener(HTTPCookieProcessor(CookieJar()))
        page = self._get("/login")
        token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
        form = {"username": login, "password": site.passwords[login], "csrf_token": token[1] if token else ""}
        self._opener.open(f"{site.address}/login", urlencode(form).encode()).read()

    def open(self, board: str) -> Opened:
        """Open a dashboard and every tile of it."""
        began = time.monotonic()
        page = self._get(f"/dashboards/{board}")
        places = [one.replace("&amp;", "&") for one in _PLACES.findall(page)]
        assert places, page[:500]
        with ThreadPoolExecutor(_CONNECTIONS) as pool:
            found = list(pool.map(self._timed, places))
        slowest = max(seconds for seconds, _ in found)
        computing = sum(text.count(_COMPUTING) for _, text in found)
        return Opened(time.monotonic() - began, slowest, computing, len(places))

    def look(self, path: str) -> None:
        """Open a page."""
        self._get(path)

    def _timed(self, path: str) -> tuple[float, str]:
        began = time.monotonic()
        text = self._get(path)
        return time.monotonic() - began, text

    def _get(self, path: str) -> str:
        return str(self._opener.open(f"{self._site.address}{path}", timeout=120).read().decode())


# ---- the data


def fill(url: str, count: int) -> float:
    """Let there be ``count`` opportunities with five moves each; return the seconds it took."""
    began = time.monotonic()
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute("DELETE FROM fw_counts")  # nobody opened a dashboard before
        ids = _column(connection, "SELECT id FROM e_opportunity WHERE deleted_at IS NULL ORDER BY id")
        if len(ids) >= count:
            return 0.0
        customers = _column(connection, "SELECT id FROM e_customer WHERE deleted_at IS NULL")
        owners = connection.execute("SELECT DISTINCT owner_id, team_id FROM e_opportunity").fetchall()
        indexes = _drop_indexes(connection, ("e_opportunity", "fw_stage_moves", "fw_stays"))
        clone_rows(url, _opportunities(customers, owners), ids[:1000], count - len(ids))
        last = max(ids)
        connection.execute(_MOVES, [last])
        connection.execute(_STAYS, [last])
        for definition in indexes:
            connection.execute(definition)
        connection.execute("VACUUM ANALYZE")
    return time.monotonic() - began


_MOVES = """
    INSERT INTO fw_stage_moves (entity, record_id, from_stage, to_stage, at, by_id, owner_id, team_id)
    SELECT 'opportunity', o.id, m.from_stage, CASE m.number WHEN 5 THEN o.stage ELSE m.to_stage END,
           o.created_at + m.number * interval '9 days', o.owner_id, o.owner_id, o.team_id
    FROM e_opportunity o CROSS JOIN (VALUES (1, NULL, 'needs'), (2, 'needs', 'proposal'), (3, 'proposal', 'needs'),
         (4, 'needs', 'proposal'), (5, 'proposal', '')) AS m (number, from_stage, to_stage)
    WHERE o.id > %s ORDER BY m.number, o.id
"""
_STAYS = """
    INSERT INTO fw_stays (entity, record_id, stage, version, since)
    SELECT 'opportunity', id, stage, version, created_at FROM e_opportunity WHERE id > %s
"""


def _opportunities(customers: list[int], owners: list[tuple[int, int]]) -> Table:
    return Table(
        "e_opportunity",
        {
            "number": "'SJ2025-' || lpad(i::text, 7, '0')",
            "name": "original.name || ' ' || i",
            "customer": _one_of(customers, 31),
            "decision_contact": "NULL",
            "amount": "(i::bigint * 7919 % 100003 + 1) * 43",
            "weighted": "(i::bigint * 7919 % 100003 + 1) * 21.5",
            "owner_id": _one_of([one[0] for one in owners], 17),
            "team_id": _one_of([one[1] for one in owners], 17),
            "created_at": "now() - (i % 730 + 1) * interval '1 day'",
            "expected_close": "original.expected_close + (i % 400)",
            "next_date": "original.next_date + (i % 30)",
        },
    )


def _one_of(values: list[int], stride: int) -> str:
    """Return SQL that goes through values by turns; ``stride`` keeps two such columns from going in step."""
    cases = " ".join(f"WHEN {at} THEN {'NULL' if value is None else value}" for at, value in enumerate(values))
    return f"(CASE (i * {stride} / 7) % {len(values)} {cases} END)::bigint"


def _drop_indexes(connection: Any, tables: tuple[str, ...]) -> list[str]:
    """Drop the indexes of tables that no constraint needs, and return what makes them again."""
    asked = """
        SELECT c.relname, pg_get_indexdef(i.indexrelid) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
        JOIN pg_class t ON t.oid = i.indrelid
        WHERE t.relname = ANY(%s) AND NOT EXISTS (SELECT 1 FROM pg_constraint k WHERE k.conindid = i.indexrelid)
    """
    found = connection.execute(asked, [list(tables)]).fetchall()
    for name, _ in found:
        connection.execute(f'DROP INDEX "{name}"')
    return [definition for _, definition in found]


def _column(connection: Any, asked: str) -> list[Any]:
    return [row[0] for row in connection.execute(asked)]


@contextmanager
def _database(postgres: str, home: Path, *, keep: bool) -> Iterator[str]:
    """A database of its own on a server, gone at the end unless it is kept beside its home."""
    name = f"formwork_bench_figures_{re.sub(r'[^a-z0-9]', '_', home.name.lower())}"
    with psycopg.connect(postgres, autocommit=True) as connection:
        there = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone()
        if not there:
            connection.execute(f'CREATE DATABASE "{name}"')
    try:
        yield make_url(postgres).set(database=name).render_as_string(hide_password=False)
    finally:
        if not keep:
            with psycopg.connect(postgres, autocommit=True) as connection:
                connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


# ---- telling


def _render(records: int, rows: list[str], load: tuple[float, float]) -> str:
    lines = [
        f"# Results of {date.today():%d %B %Y}",
        "",
        f"{os.cpu_count()} cores, Python {platform.python_version()}, load average {load[0]:.1f} at first, "
        f"{load[1]:.1f} at the end; {records:,} opportunities, {records * MOVES:,} moves, PostgreSQL. Seconds until "
        f"each place of a dashboard answered over {_CONNECTIONS} connections; at most {MOST_S:g} are wanted. "
        "*computing* counts the tiles that said they are being worked out, *whole* are the seconds until none was.",
        "",
        "| dashboard | places | first, s | computing | again, s | whole, s | then, s | computing |",
        "|---|--:|--:|--:|--:|--:|--:|--:|",
        *rows,
    ]
    return "\n".join(lines) + "\n"


def _read_options(arguments: list[str]) -> argparse.Namespace:
    words = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="python -m bench.figures", description=__doc__, formatter_class=words)
    parser.add_argument("--postgres", required=True, metavar="URL", help="a server on which databases may be made")
    parser.add_argument("--records", type=int, default=RECORDS, help="opportunities there shall be")
    parser.add_argument("--boards", type=lambda text: text.split(","), help=f"of {', '.join(BOARDS)}")
    parser.add_argument("--home", type=Path, metavar="FOLDER", help="keep the site there, and its database")
    parser.add_argument("--save", action="store_true", help="write results/figures.md")
    return parser.parse_args(arguments)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
