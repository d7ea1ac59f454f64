"""The command that measures every kind of page: a page gives its row, and a crowd is one of real records."""

import sqlite3
from pathlib import Path
from typing import Any

from bench.crowd import crowd
from bench.opening import Stopwatch, plain_page
from bench.pages import measure_all, parse, render
from tests.browser.conftest import Site
from tests.browser.marks import TIMES, Marks


def test_a_page_is_measured_and_its_row_says_what_is_missed(chromium: Any, site: Site) -> None:
    asked = parse(["--kinds", "quotes", "--widths", "390", "--rounds", "1", "--no-lighthouse"])
    with plain_page() as plain:
        watch = Stopwatch(chromium, plain, asked.rounds)
        (row,) = measure_all(chromium, watch, site, asked, "", None)
    assert all(row.marks.found[name] > 0 for name in ("first", "again", "lcp", "kb"))
    text = render([row], watch.least, asked, chromium.version, (1.0, 2.0))
    assert "| quotes | 390 | 0 | 0 | " in text


def test_a_busy_machine_stretches_times_and_nothing_else() -> None:
    found = {name: 400.0 for name in TIMES} | {"axe": 1, "performance": 90, "kb": 201}
    marks = Marks("/", 390, ("region (moderate): <p>",), found)
    assert marks.missed() == ["axe 1", "kb 201", "first 400", "again 400", "tbt 400", "performance 90"]
    assert marks.missed(pace=2) == ["axe 1", "kb 201", "performance 90"]


def test_a_crowd_has_numbers_and_stays_of_its_own(site: Site, tmp_path: Path) -> None:
    with (
        sqlite3.connect(site.home / "formwork.sqlite3") as source,
        sqlite3.connect(tmp_path / "formwork.sqlite3") as to,
    ):
        source.backup(to)
    crowd(tmp_path, 500)
    assert crowd(tmp_path, 400) == 0
    with sqlite3.connect(tmp_path / "formwork.sqlite3") as connection:
        ask = "SELECT count(*), count(DISTINCT number), min(owner_id) FROM e_opportunity WHERE deleted_at IS NULL"
        count, numbers, owner = connection.execute(ask).fetchone()
        stays = connection.execute("SELECT count(*) FROM fw_stays WHERE entity = 'opportunity'").fetchone()[0]
    assert (count, numbers, stays) == (500, 500, 500)
    assert owner is not None
