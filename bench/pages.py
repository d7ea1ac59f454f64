"""The marks of every kind of page, measured in a real Chromium by one command.

    python -m bench.pages --save                    # every kind, at 1440 and 390 pixels; writes results/pages.md
    python -m bench.pages --kinds list,record --no-lighthouse
    python -m bench.pages --home FOLDER             # the site is kept there, and found there the next time

A site of the manufacturing template with its demo story and 100,000 opportunities (``crowd.py``) is opened by people of
several roles. What axe finds, weight, requests, what scrolls sideways and how much moves are the same on every machine
(the first ones are judged by ``tests/browser/test_pages.py`` too); times are not, so a mark for a time is stretched by
as much as a page of one line takes longer than its best in the same run. Lighthouse, a package of ``bench/lighthouse``
that is installed by the first run, judges every page as a phone on a slow network; it needs Node.

Exit status 1 when a page misses a mark.
"""

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from bench.crowd import crowd
from bench.opening import Stopwatch, plain_page, screen
from tests.browser.conftest import OPTIONS, Site, find_chromium, formwork, serve
from tests.browser.marks import LIMITS, MISSING, PAGES, SCORES, STRANGER, Marks, find_path, measure
from tests.browser.visitor import DESK, PHONE, Visitor

RECORDS = 100_000
HERE = Path(__file__).parent
LIGHTHOUSE = HERE / "lighthouse"
OPS = "ops_wu"
KINDS: Mapping[str, Mapping[str, str]] = {**PAGES, OPS: {"preview": "/e/product/import"}}
"""The pages of the suite, and the preview of an import, which has to be brought in first."""

_ROWS = (
    "产品编码,型号,品名,目录价\n"
    + "".join(f"W-{at},DN{at},阀座 {at},{at}.5\n" for at in range(200))
    + ",DN,没有编码,x\n"
)
_COLUMNS = {"kb": "KB", "first": "first row", "again": "again", "best-practices": "best"}


@dataclass(frozen=True)
class Measured:
    """What was found about a page of a kind at one width, and how often as long everything took meanwhile."""

    kind: str
    marks: Marks
    plain: float

    def missed(self, least: float) -> list[str]:
        """Return the marks that were missed; ``least`` is what the page of one line takes at best."""
        return self.marks.missed(pace=max(1.0, self.plain / least))


def main(arguments: list[str]) -> int:
    """Measure and print a row for each page and width."""
    asked = parse(arguments)
    chromium = find_chromium()
    if chromium is None:
        _say("Chromium is not installed (FORMWORK_CHROMIUM names another)")
        return 2
    lighthouse = None if asked.no_lighthouse else _install_lighthouse()
    from playwright.sync_api import sync_playwright

    with ExitStack() as stack:
        home = asked.home or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        home.mkdir(parents=True, exist_ok=True)
        with serve("manufacturing", home.absolute()):
            pass  # installed with its story; nobody works while it is filled
        if crowd(home, asked.records):
            formwork(home.absolute(), "search", "rebuild", "opportunity")
        site = stack.enter_context(serve("manufacturing", home.absolute()))
        driver = stack.enter_context(sync_playwright())
        browser = driver.chromium.launch(executable_path=chromium, args=OPTIONS)
        watch = Stopwatch(browser, stack.enter_context(plain_page()), asked.rounds)
        began = os.getloadavg()[0]
        rows = []
        for one in measure_all(browser, watch, site, asked, chromium, lighthouse):
            rows.append(one)
            _say(_line(one, watch.least))
        least = watch.least
        text = render(rows, least, asked, browser.version, (began, os.getloadavg()[0]))
        print(text)
        if asked.save:  # before the site ends, which fails when one of its requests has failed
            (HERE / "results" / "pages.md").write_text(text, encoding="utf-8")
        browser.close()
    return int(any(one.missed(least) for one in rows))


def parse(arguments: list[str]) -> argparse.Namespace:
    """Read the options; an unknown kind ends the program."""
    words = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="python -m bench.pages", description=__doc__, formatter_class=words)
    parser.add_argument("--kinds", type=lambda text: text.split(","), help=f"of {', '.join(_kinds())}")
    parser.add_argument("--widths", type=int, nargs="+", default=[DESK, PHONE], help="in pixels")
    parser.add_argument("--records", type=int, default=RECORDS, help="opportunities there shall be")
    parser.add_argument("--rounds", type=int, default=5, help="visits of each page; the median is told")
    parser.add_argument("--home", type=Path, metavar="FOLDER", help="keep the site there")
    parser.add_argument("--no-lighthouse", action="store_true", help="leave out its scores, which take longest")
    parser.add_argument("--scored", type=lambda text: text.split(","), help="ask Lighthouse about these kinds only")
    parser.add_argument("--save", action="store_true", help="write results/pages.md")
    asked = parser.parse_args(arguments)
    if unknown := {*(asked.kinds or ()), *(asked.scored or ())} - set(_kinds()):
        parser.error(f"there is no kind {', '.join(sorted(unknown))}; there are {', '.join(_kinds())}")
    return asked


def _kinds() -> list[str]:
    return [kind for pages in KINDS.values() for kind in pages]


# ---- measuring


def measure_all(
    browser: Any, watch: Stopwatch, site: Site, asked: argparse.Namespace, chromium: str, lighthouse: Path | None
) -> Iterator[Measured]:
    """Yield what is found about each kind of page at each width, page by page."""
    for who, pages in KINDS.items():
        chosen = {kind: path for kind, path in pages.items() if asked.kinds is None or kind in asked.kinds}
        if not chosen:
            continue
        state = _sign_in(browser, site, who)
        cookies = "; ".join(f"{one['name']}={one['value']}" for one in state["cookies"])
        for kind, written in chosen.items():
            for width in asked.widths:
                context = browser.new_context(
                    base_url=site.address, viewport=screen(width), storage_state=state, locale="zh-CN"
                )
                visitor = Visitor(context.new_page())
                path = bring_in(visitor, written) if kind == "preview" else find_path(visitor, written)
                marks = measure(visitor, path, width)
                context.close()
                found = {**marks.found, **watch.time(state, f"{site.address}{path}", width)}
                plain = found.pop("plain")
                wanted = kind in (asked.scored or _kinds())
                if lighthouse and wanted and width == PHONE and path != MISSING:  # it judges no page that is refused
                    found |= ask_lighthouse(lighthouse, chromium, f"{site.address}{path}", cookies)
                yield Measured(kind, replace(marks, found=found), plain)


def bring_in(visitor: Visitor, path: str) -> str:
    """Bring in a file as far as its preview and return where that stands."""
    visitor.open(path)
    sheet = {"name": "products.csv", "mimeType": "text/csv", "buffer": _ROWS.encode()}
    visitor.page.set_input_files("#file", sheet)
    visitor.press("读取文件")
    visitor.see("h1", "products.csv")
    visitor.press("检查所有行")
    visitor.see(".import-outcome", "可以导入")
    return visitor.path


def _sign_in(browser: Any, site: Site, who: str) -> Any:
    context = browser.new_context(base_url=site.address, locale="zh-CN")
    visitor = Visitor(context.new_page())
    if who != STRANGER:
        visitor.sign_in(who, site.passwords[who])
    state = context.storage_state()
    context.close()
    return state


# ---- Lighthouse


def _install_lighthouse() -> Path | None:
    """Return its program, installed when it is not there; None, said so, where that cannot be."""
    program = LIGHTHOUSE / "node_modules" / ".bin" / "lighthouse"
    npm = shutil.which("npm")
    if not program.exists() and npm:
        _say("installing Lighthouse in bench/lighthouse")
        subprocess.run([npm, "ci", "--ignore-scripts", "--silent"], cwd=LIGHTHOUSE, check=False)
    if program.exists():
        return program
    _say("without Lighthouse: npm could not install it (bench/lighthouse)")
    return None


def ask_lighthouse(program: Path, chromium: str, url: str, cookies: str) -> dict[str, float]:
    """Return the scores that Lighthouse gives a page as a phone on a slow network; none when it gives up twice."""
    command = [
        str(program), url, f"--only-categories={','.join(SCORES)}", "--quiet", "--output=json",
        "--chrome-flags=--headless --no-sandbox --disable-gpu", f"--extra-headers={json.dumps({'Cookie': cookies})}",
    ]  # fmt: skip
    for _ in range(2):  # on a busy machine it loses its browser now and then
        ran = subprocess.run(
            command, env={**os.environ, "CHROME_PATH": chromium}, capture_output=True, text=True, check=False
        )
        if ran.returncode == 0:
            categories = json.loads(ran.stdout)["categories"]
            return {name: round((categories[name]["score"] or 0) * 100) for name in SCORES}
    _say(f"Lighthouse gave up on {url}: {ran.stderr.strip()[-300:]}")
    return {}


# ---- telling


def _line(one: Measured, least: float) -> str:
    figures = " ".join(f"{name}={value:.4g}" for name, value in one.marks.found.items())
    missed = one.missed(least)
    return "\n    ".join([f"{one.kind} {one.marks.width}: {figures}", *missed, *one.marks.axe])


def render(
    rows: list[Measured], least: float, asked: argparse.Namespace, chromium: str, load: tuple[float, float]
) -> str:
    """Return the results as Markdown: the machine, a row for each page and width, and what misses its mark."""
    names = [name for name in LIMITS if name != "refused"]
    shown = [_COLUMNS.get(name, name) for name in names]
    marks = [f"{LIMITS[name]:g}" for name in names]
    missed = [(one, one.missed(least)) for one in rows if one.missed(least)]
    lines = [
        f"# Results of {date.today():%d %B %Y}",
        "",
        f"{os.cpu_count()} cores, Python {platform.python_version()}, Chromium {chromium}, load average {load[0]:.1f} "
        f"at the beginning, {load[1]:.1f} at the end; {asked.records:,} opportunities. Times in ms, the median of "
        f"{asked.rounds} visits; scores of Lighthouse with its phone and slow network.",
        "",
        f"A page of one line takes {least:.0f} ms at best; *pace* is how often as long it took while the page of the "
        "row was timed, and the marks for times are stretched by it.",
        "",
        f"| page | width | {' | '.join(shown)} | pace |",
        f"|---|--:|{'--:|' * len(names)}--:|",
        f"| *mark* | | {' | '.join(marks)} | |",
    ]
    for one in rows:
        gone = {text.split()[0] for text in one.missed(least)}
        cells = [_severities(one.marks.axe)] + [_cell(one.marks.found.get(name), name in gone) for name in names[1:]]
        pace = f"{max(1.0, one.plain / least):.1f}"
        lines.append(f"| {one.kind} | {one.marks.width} | {' | '.join(cells)} | {pace} |")
    lines += ["", f"{len(missed)} of {len(rows)} rows miss a mark." if missed else "Every page reaches every mark."]
    for one, gone_marks in missed:
        lines += [f"- {one.kind} at {one.marks.width}: {', '.join([*gone_marks, *one.marks.axe])}"]
    return "\n".join(lines) + "\n"


def _severities(axe: tuple[str, ...]) -> str:
    """Return how many rules are violated, by how severe axe calls it."""
    counted = Counter(said.partition("(")[2].partition(")")[0] for said in axe)
    return ", ".join(f"**{count} {impact}**" for impact, count in counted.items()) or "0"


def _cell(value: float | None, missed: bool) -> str:
    if value is None:
        return ""
    shown = f"{value:.2f}".rstrip("0").rstrip(".") if 0 < value < 1 else f"{value:.0f}"
    return f"**{shown}**" if missed else shown


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
