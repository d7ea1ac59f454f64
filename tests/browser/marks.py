"""The marks every kind of page must reach, measured in a real Chromium: ``python -m tests.browser.marks``.

Enters: a site with demo data of its own. Leaves: a row for each page and width,
and exit status 1 when one misses a mark. Must not need anything but Chromium; with ``--lighthouse PROGRAM`` (the npm
package, where somebody installed it) its scores are asked too. What depends on how busy the machine is, is measured by
this command alone; the rest (``STABLE``) is judged by ``test_pages.py`` as well.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.browser.visitor import DESK, PHONE, Visitor

LEAD, ADMIN = "manager_li", "admin"
MISSING = "/e/nothing-like-it"

PAGES: Mapping[str, tuple[str, ...]] = {
    LEAD: (
        "/", "/e/customer", "/e/quote", "/e/quote?stage=lost", "/e/quote?group=stage", "/e/quote/new",
        "/e/customer/new", "/e/quote/1", "/e/contract/1", "/e/customer/1", "/e/customer/1/edit", "/e/opportunity/board",
        "/e/quote/calendar", "/e/opportunity/1/journey", "/e/quote/filter", "/e/quote/columns", "/e/quote/views/new",
        "/e/quote/flow", "/search", "/search?q=甬川", "/approvals", "/approvals?box=done", "/settings/account",
        "/settings/visibility", "/settings/delegations", "/e/customer/export",
        MISSING,
    ),
    ADMIN: (
        "/admin/people", "/admin/people/new", "/admin/people/1", "/admin/departments", "/admin/groups",
        "/admin/stranded", "/admin/audit", "/handover", "/e/customer/deleted", "/e/customer/1/versions/1",
        "/e/customer/import",
    ),
}  # fmt: skip
"""One page of each kind, by who opens it."""

LIMITS: Mapping[str, float] = {
    "refused": 0, "axe": 0, "sideways": 0, "requests": 12, "kb": 200,
    "first": 300, "again": 200, "lcp": 1200, "cls": 0.1, "tbt": 200,
    "performance": 95, "accessibility": 100, "best-practices": 100,
}  # fmt: skip
"""At most this much; scores of Lighthouse at least this much."""

STABLE = ("refused", "axe", "sideways", "requests", "kb")
_SCORES = ("performance", "accessibility", "best-practices")

_WATCH = """() => {
  const seen = window.__marks = {first: null, lcp: 0, cls: 0, tbt: 0};
  const look = () => {
    const row = document.querySelector('main [data-row-link], main .panel, main h1, main h2');
    if (row && row.getBoundingClientRect().height) seen.first = performance.now(); else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
  const watch = (type, take) =>
    new PerformanceObserver((list) => list.getEntries().forEach(take)).observe({type, buffered: true});
  watch('largest-contentful-paint', (one) => { seen.lcp = one.startTime; });
  watch('layout-shift', (one) => { if (!one.hadRecentInput) seen.cls += one.value; });
  watch('longtask', (one) => { seen.tbt += Math.max(0, one.duration - 50); });
}"""


@dataclass(frozen=True)
class Marks:
    """What was measured of one page at one width; ``axe`` lists what is violated, ``found`` holds the figures."""

    path: str
    width: int
    axe: tuple[str, ...]
    found: Mapping[str, float]

    def missed(self, names: tuple[str, ...] = tuple(LIMITS)) -> list[str]:
        """Return which marks were missed, each with what was found."""
        return [f"{name} {self.found[name]:g}" for name in names if name in self.found and not self._holds(name)]

    def _holds(self, name: str) -> bool:
        value, limit = self.found[name], LIMITS[name]
        return value >= limit if name in _SCORES else value <= limit


def measure(visitor: Visitor, path: str, width: int) -> Marks:
    """Open a page with nothing in the cache and return what is stable about it."""
    loaded: list[Any] = []

    def note(request: Any) -> None:
        loaded.append(request)

    watch = visitor.page.context.new_cdp_session(visitor.page)
    watch.send("Network.enable")
    watch.send("Network.setCacheDisabled", {"cacheDisabled": True})
    visitor.page.on("requestfinished", note)
    status = visitor.open(path)
    axe = tuple(visitor.violations(also=("target-size",) if width == PHONE else ()))
    sideways = int(visitor.scrolls_sideways())
    visitor.page.remove_listener("requestfinished", note)
    sizes = [request.sizes() for request in loaded]
    kilobytes = sum(one["responseBodySize"] + one["responseHeadersSize"] for one in sizes) / 1024
    watch.detach()
    refused = int(status >= 400 and path != MISSING)
    found = {"refused": refused, "axe": len(axe), "sideways": sideways, "requests": len(loaded), "kb": kilobytes}
    return Marks(path, width, axe, found)


def measure_time(browser: Any, state: Any, address: str, path: str, width: int) -> dict[str, float]:
    """Return how long a page takes on a first visit, with nothing in the cache, and on a second."""
    context = browser.new_context(base_url=address, viewport=_screen(width), storage_state=state, locale="zh-CN")
    page = context.new_page()
    page.add_init_script(f"({_WATCH})()")
    page.goto(path)
    page.wait_for_load_state("networkidle")
    seen = page.evaluate("window.__marks")
    page.goto(path)
    page.wait_for_load_state("networkidle")
    again = page.evaluate("window.__marks.first")
    context.close()
    return {
        "first": seen["first"] or 0,
        "again": again or 0,
        "lcp": seen["lcp"],
        "cls": seen["cls"],
        "tbt": seen["tbt"],
    }


def _at_best(browser: Any, state: Any, address: str, path: str, width: int) -> dict[str, float]:
    """Return the least of up to three measurements: a machine that does other things only ever adds."""
    found = measure_time(browser, state, address, path, width)
    for _ in range(2):
        if all(value <= LIMITS[name] for name, value in found.items()):
            break
        more = measure_time(browser, state, address, path, width)
        found = {name: min(value, more[name]) for name, value in found.items()}
    return found


def ask_lighthouse(program: str, chromium: str, address: str, path: str, cookies: str, width: int) -> dict[str, float]:
    """Return the scores that Lighthouse gives a page."""
    only = f"--only-categories={','.join(_SCORES)}"
    flags = ["--chrome-flags=--headless --no-sandbox --disable-gpu", "--quiet", "--output=json"]
    screen = ["--preset=desktop"] if width == DESK else []
    headers = f"--extra-headers={json.dumps({'Cookie': cookies})}"
    ran = subprocess.run(
        [program, f"{address}{path}", only, *flags, *screen, headers],
        env={**os.environ, "CHROME_PATH": chromium},
        capture_output=True, text=True, check=True, timeout=180,
    )  # fmt: skip
    categories = json.loads(ran.stdout)["categories"]
    return {name: round((categories[name]["score"] or 0) * 100) for name in _SCORES}


def _screen(width: int) -> Any:
    return {"width": width, "height": 900 if width >= DESK else 844}


# ---- the command


def main(arguments: list[str]) -> int:
    """Measure every kind of page and print a table of them."""
    asked = _parse(arguments)
    from playwright.sync_api import sync_playwright

    from tests.browser.conftest import OPTIONS, find_chromium, serve

    program = find_chromium()
    if program is None:
        print("Chromium is not installed (FORMWORK_CHROMIUM names another)", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as home, serve("manufacturing", Path(home)) as site, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=OPTIONS)
        missed = 0
        print(_row("page", "width", [name for name in LIMITS if asked.lighthouse or name not in _SCORES]))
        for marks in _measure_all(browser, site, asked, program):
            said = marks.missed(STABLE if asked.stable else tuple(LIMITS))
            missed += bool(said)
            print(
                _row(marks.path, str(marks.width), [f"{value:.3g}" for value in marks.found.values()]) + _verdict(said)
            )
            for one in marks.axe:
                print(f"    {one}")
        browser.close()
    print(f"\n{missed} missed a mark" if missed else "\nevery page reaches every mark")
    return int(bool(missed))


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.browser.marks", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--lighthouse", metavar="PROGRAM", help="the program of the npm package lighthouse")
    parser.add_argument("--only", metavar="PATH", action="append", help="only this page; may be given several times")
    parser.add_argument("--stable", action="store_true", help="judge only what does not depend on the machine")
    return parser.parse_args(arguments)


def _measure_all(browser: Any, site: Any, asked: argparse.Namespace, program: str) -> Iterator[Marks]:
    for width in (DESK, PHONE):
        for who, paths in PAGES.items():
            context = browser.new_context(base_url=site.address, viewport=_screen(width), locale="zh-CN")
            visitor = Visitor(context.new_page())
            visitor.sign_in(who, site.passwords[who])
            state = context.storage_state()
            context.close()
            cookies = "; ".join(f"{one['name']}={one['value']}" for one in state["cookies"])
            for path in paths:
                if asked.only and path not in asked.only:
                    continue
                context = browser.new_context(
                    base_url=site.address, viewport=_screen(width), storage_state=state, locale="zh-CN"
                )
                marks = measure(Visitor(context.new_page()), path, width)
                context.close()
                found = {**marks.found, **_at_best(browser, state, site.address, path, width)}
                if asked.lighthouse:
                    found |= ask_lighthouse(asked.lighthouse, program, site.address, path, cookies, width)
                yield Marks(path, width, marks.axe, found)


def _row(path: str, width: str, cells: list[str]) -> str:
    return f"{path:<28} {width:>5} " + " ".join(f"{cell[:9]:>9}" for cell in cells)


def _verdict(missed: list[str]) -> str:
    return f"  ✗ {', '.join(missed)}" if missed else "  ✓"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
