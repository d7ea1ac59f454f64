"""The command that measures every kind of page: a page gives its row, and a crowd is one of real records."""

import sqlite3
from pathlib import Path
from typing import Any

from bench.crowd import crowd
from bench.opening import Stopwatch, plain_page
from bench.pages import measure_all, parse, render
from tests.browser.conftest import Site
from tests.browser.marks import TIMES, Marks
from tests.browser.visitor import RUN_AXE, SPARE_WHAT_IS_ALIKE


def test_a_page_is_measured_and_its_row_says_what_is_missed(chromium: Any, site: Site) -> None:
    asked = parse(["--kinds", "quotes", "--widths", "390", "--rounds", "1", "--no-lighthouse"])
    with plain_page() as plain:
        watch = Stopwatch(chromium, plain, asked.rounds)
        (row,) = measure_all(chromium, watch, site, asked, "", None)
    assert all(row.marks.found[name] > 0 for name in ("first", "again", "lcp", "kb"))
    text = render([row], watch.least, asked, chromium.version, (1.0, 2.0))
    assert "| quotes | 390 | 0 | 0 | " in text


ROWS = "".join(f"<tr><td>No. {at}</td><td class=name>Name</td><td>Plain</td></tr>" for at in range(12))
FAINT = (
    "<td class=faint>by class</td>", "<td style='color: #aaa'>by style</td>", "<td style='opacity: .4'>layer</td>",
    "<td><b class=faint>within</b></td>", "<td style='background: #444'>by what is behind it</td>",
    "<td style='background: linear-gradient(#444, #444)'><i>a picture, which nobody can judge</i></td>",
)  # fmt: skip
LOOKS = f"""<html lang=en><title>Looks</title><style>.faint {{ color: #aaa }} .dark {{ background: #444 }}</style><main>
<h1>Looks</h1><table>{ROWS}{"".join(f"<tr>{one}</tr>" for one in FAINT * 2)}
<tr class=dark><td>No. 7</td><td class=name>behind the row</td></tr><tr><td class=name>Name</td></tr></table></main>"""


def test_contrast_is_judged_once_for_texts_of_one_look_and_every_faint_one_is_found(chromium: Any) -> None:
    from axe_playwright_python.base import AXE_SCRIPT

    page = chromium.new_page()
    page.set_content(LOOKS)
    judged = "axe._audit.checks['color-contrast']"
    count = f"void ({judged}.evaluate = ((judge) => function (...all) {{ asked++; return judge.apply(this, all) }})"
    found, asked = [], []
    for spared in (False, True):
        page.evaluate(AXE_SCRIPT)
        page.evaluate(f"window.asked = 0; {count}({judged}.evaluate))")
        if spared:
            page.evaluate(SPARE_WHAT_IS_ALIKE)
        found.append(page.evaluate(RUN_AXE, [["color-contrast"], []]))
        asked.append(page.evaluate("window.asked"))
    page.close()
    assert found[0] == found[1]
    assert found[0][0].count(" | ") == 2 * 5 + 2 - 1, "each faint text, and what stands in the dark row"
    faint = 2 * len(FAINT) + 2
    assert asked == [12 * 3 + faint + 2, 2 + faint + 1], "the heading, two kinds of cells, and all that is not fine"


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
