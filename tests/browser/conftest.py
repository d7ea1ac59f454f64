"""The product as its users meet it: a server process of its own with demo data, and a real Chromium in front of it.

Skipped, and saying so, when Playwright or Chromium is not there. FORMWORK_CHROMIUM names another browser,
FORMWORK_SCREENSHOTS a folder for the pictures of the README.
"""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.browser.visitor import DESK, Visitor
from web.page_kit import STATIC

_OPTIONS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
_SERVE = "from web.cli import main; main()"
_PATIENCE = 90


@dataclass(frozen=True)
class Site:
    """A running site: where it is, and the password of each demo account."""

    address: str
    home: Path
    passwords: dict[str, str]


Visit = Callable[..., Visitor]


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A fresh installation of the manufacturing template, served by a process of its own."""
    if not (STATIC / "dist" / "manifest.json").is_file():
        pytest.skip("the front end is not built; run.py builds it")
    home = tmp_path_factory.mktemp("site")
    port = _free_port()
    environment = {**os.environ, "FORMWORK_HOME": str(home), "FORMWORK_DATABASE_URL": "", "FORMWORK_REDIS_URL": ""}
    with (home / "output.txt").open("wb") as output:
        server = subprocess.Popen(
            [sys.executable, "-c", _SERVE, "run", "manufacturing", "--port", str(port)],
            env=environment, cwd=home, stdout=output, stderr=subprocess.STDOUT,
        )  # fmt: skip
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_for(address, server, home / "output.txt")
        yield Site(address, home, _read_passwords(home / "demo-accounts.txt"))
    finally:
        server.terminate()
        server.wait(timeout=20)
    said = (home / "output.txt").read_text(encoding="utf-8", errors="replace")
    assert "Traceback" not in said, said


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """A real Chromium, driven by Playwright."""
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    program = os.environ.get("FORMWORK_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.skip("Chromium is not installed (FORMWORK_CHROMIUM names another)")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=_OPTIONS)
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium: Any, site: Site) -> Iterator[Visit]:
    """Open a browser of their own for somebody; at the end nothing may have gone wrong in any of them."""
    visitors: list[Visitor] = []

    def open_browser(
        login: str | None = None, width: int = DESK, *, language: str = "zh", theme: str = "light"
    ) -> Visitor:
        context = chromium.new_context(
            base_url=site.address,
            viewport={"width": width, "height": 900 if width >= DESK else 844},
            locale="zh-CN" if language == "zh" else "en-GB",
            color_scheme=theme,
            timezone_id="Asia/Shanghai",
            has_touch=width < DESK,
        )
        visitor = Visitor(context.new_page())
        visitors.append(visitor)
        if login is not None:
            visitor.sign_in(login, site.passwords[login])
        return visitor

    yield open_browser
    for visitor in visitors:
        visitor.page.context.close()
    assert [problem for visitor in visitors for problem in visitor.problems] == []


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _wait_for(address: str, server: "subprocess.Popen[bytes]", output: Path) -> None:
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until and server.poll() is None:
        try:
            urllib.request.urlopen(f"{address}/login", timeout=5).close()
            return
        except OSError:
            time.sleep(0.2)
    pytest.fail(f"the site did not start:\n{output.read_text(encoding='utf-8', errors='replace')}")


def _read_passwords(path: Path) -> dict[str, str]:
    rows = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()]
    return {row[0]: row[1] for row in rows if len(row) > 2}
