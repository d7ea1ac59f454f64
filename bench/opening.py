"""How long a page takes somebody who opens it: in a Chromium that has nothing of the site yet, and once more.

Enters: a browser, what it kept of having signed in, an address. Leaves: milliseconds, as medians, and how much moved
while the page came; beside them what a page of one line takes on the same machine in the same minute. Nothing is waited
for by the clock: the page itself notes the frame in which its first row, or its first words where there are no rows,
stood on the screen.
"""

import statistics
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.browser.visitor import DESK

_WATCH = """() => {
  const seen = window.__marks = {row: null, words: null, lcp: 0, cls: 0, tbt: 0};
  const note = (name, selector) => {
    const found = seen[name] === null && document.querySelector(selector);
    if (!found || !found.getBoundingClientRect().height) return;
    seen[name] = 0;
    setTimeout(() => { seen[name] = performance.now(); });  // after the frame was painted
  };
  const look = () => {
    note('row', 'main [data-row-link]');
    note('words', 'main .panel, main h1, main h2');
    if (document.readyState !== 'complete' || !seen.words) requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
  const watch = (type, take) =>
    new PerformanceObserver((list) => list.getEntries().forEach(take)).observe({type, buffered: true});
  watch('largest-contentful-paint', (one) => { seen.lcp = one.startTime; });
  watch('layout-shift', (one) => { if (!one.hadRecentInput) seen.cls += one.value; });
  watch('longtask', (one) => { seen.tbt += Math.max(0, one.duration - 50); });
}"""
_SEEN = """() => new Promise((tell) => {
  const until = performance.now() + 8000;
  const look = () => {
    const waits = !window.__marks.lcp || document.querySelector('.htmx-request');  // parts that come by themselves
    if (!waits || performance.now() > until) requestIdleCallback(() => tell(window.__marks));
    else requestAnimationFrame(look);
  };
  look();
})"""
_PLAIN = b"<!doctype html><html lang=en><meta charset=utf-8><title>plain</title><main><h1>plain</h1></main></html>"


class Stopwatch:
    """Opens pages, by turns with a page of one line: how long that one takes says how much else the machine does."""

    def __init__(self, browser: Any, plain: str, rounds: int) -> None:
        self._browser, self._plain, self._rounds = browser, plain, rounds
        self._all: list[float] = []

    def time(self, state: Any, url: str, width: int) -> dict[str, float]:
        """Return the medians of a first visit with nothing in the cache and of a second one, in milliseconds.

        ``first`` and ``again`` until the first row (or words) could be seen, ``lcp`` the largest content of the first
        visit, ``tbt`` how long scripts kept it from answering, ``cls`` how much moved (no unit); ``plain`` the first
        visit of the page of one line meanwhile.
        """
        taken = []
        for _ in range(self._rounds):
            found = _open_twice(self._browser, state, url, width)
            plain = _open_twice(self._browser, None, self._plain, width)["first"]
            self._all.append(plain)
            taken.append({**found, "plain": plain})
        return {name: statistics.median(one[name] for one in taken) for name in taken[0]}

    @property
    def least(self) -> float:
        """What the page of one line takes when nothing else happens: the least that was seen."""
        return min(self._all)


def _open_twice(browser: Any, state: Any, url: str, width: int) -> dict[str, float]:
    context = browser.new_context(viewport=screen(width), storage_state=state, locale="zh-CN")
    page = context.new_page()
    page.add_init_script(f"({_WATCH})()")
    seen = _open(page, url)
    again = _open(page, url)
    context.close()
    found = {name: seen[name] for name in ("lcp", "cls", "tbt")}
    return {"first": _visible(seen), "again": _visible(again), **found}


def _open(page: Any, url: str) -> Mapping[str, Any]:
    page.goto(url)
    page.wait_for_load_state("load")
    seen: Mapping[str, Any] = page.evaluate(_SEEN)
    return seen


def _visible(seen: Mapping[str, Any]) -> float:
    return float(seen["row"] or seen["words"] or 0)


def screen(width: int) -> Any:
    """Return the size of a screen so wide."""
    return {"width": width, "height": 900 if width >= DESK else 844}


@contextmanager
def plain_page() -> Iterator[str]:
    """Serve a page of one line and give its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Plain)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


class _Plain(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(_PLAIN)))
        self.end_headers()
        self.wfile.write(_PLAIN)

    def log_message(self, *words: object) -> None:
        """Say nothing."""
