"""The product as its users meet it: a server process of its own with demo data, and a real Chromium in front of it.

Skipped, and saying so, when Playwright or Chromium is not there. FORMWORK_CHROMIUM names another browser,
FORMWORK_SCREENSHOTS a folder for the pictures of the README.
"""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from werkzeug.serving import make_server

from engine.clock import SystemClock
from engine.definition.source import SourceFolder
from engine.storage import catalog
from engine.storage.database import open_database
from engine.storage.store import Store
from engine.storage.upgrading import upgrade
from tests.browser.visitor import DESK, PICTURES, Visitor
from tests.conftest import ROOT
from tests.docs.conftest import installed as installed
from web.app import create_app
from web.page_kit import STATIC
from web.settings import Settings

OPTIONS = [
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
_COMMAND = "import sys; from web.cli import main; main(sys.argv[1:])"
_PATIENCE = 240


@dataclass(frozen=True)
class Site:
    """A running site: where it is, and the password of each demo account."""

    address: str
    home: Path
    passwords: dict[str, str]


Visit = Callable[..., Visitor]


@pytest.fixture(scope="session")
def site(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A fresh installation of the manufacturing template, served by a process of its own."""
    home = tmp_path_factory.mktemp("site")
    shutil.copytree(installed / "formwork-data", home, dirs_exist_ok=True)
    with serve("manufacturing", home) as served:
        yield served


@contextmanager
def serve(template: str, home: Path, database: str = "") -> Iterator[Site]:
    """Install a template (a name or a folder) with its demo data in ``home``, or another database, and serve it."""
    if not (STATIC / "dist" / "manifest.json").is_file():
        pytest.skip("the front end is not built; run.py builds it")
    port = _free_port()
    environment = {**os.environ, "FORMWORK_HOME": str(home), "FORMWORK_REDIS_URL": ""}
    environment["FORMWORK_DATABASE_URL"] = database
    with (home / "output.txt").open("wb") as output:
        server = subprocess.Popen(
            [sys.executable, "-c", _SERVE, "run", template, "--port", str(port)],
            env=environment, cwd=home, stdout=output, stderr=subprocess.STDOUT,
        )  # fmt: skip
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_for(address, server, home / "output.txt")
        yield Site(address, home, _read_passwords(home / "demo-accounts.txt"))
    finally:
        server.terminate()
        server.wait(timeout=60)
    said = (home / "output.txt").read_text(encoding="utf-8", errors="replace")
    assert "Traceback" not in said, said


def formwork(home: Path, *arguments: str, typed: str = "") -> str:
    """Run a command on the home of a served site and return what it says; ``typed`` is what it reads."""
    environ = {**os.environ, "FORMWORK_HOME": str(home), "FORMWORK_DATABASE_URL": "", "PYTHONPATH": str(ROOT)}
    ran = subprocess.run(
        [sys.executable, "-c", _COMMAND, *arguments],
        env=environ, cwd=home, input=typed, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return ran.stdout


def add_customer(visitor: Visitor, name: str) -> str:
    """Enter a customer as the person who is signed in and return its path: a record no other test touches."""
    visitor.open("/e/customer/new")
    visitor.fill("name", name)
    visitor.tick("经销")
    visitor.page.locator("#f-region").select_option(label="华东")
    visitor.save()
    visitor.see("h1", name)
    return visitor.path


@contextmanager
def serve_app(home: Path, folder: SourceFolder, people: Callable[[Store], object]) -> Iterator[str]:
    """Publish a small app in ``home``, let people in, and serve it by a thread; its address."""
    if not (STATIC / "dist" / "manifest.json").is_file():
        pytest.skip("the front end is not built; run.py builds it")
    url = f"sqlite:///{home / 'formwork.sqlite3'}"
    database = open_database(url)
    upgrade(database)
    store = Store(database, home / "files", SystemClock())
    catalog.publish(store, folder, actor_id=None)
    people(store)
    app = create_app(Settings(home=home, database_url=url, secret_key="a-key-for-tests-that-is-long-enough-0123456789"))
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join()
    server.server_close()
    database.close()
    app.extensions["formwork.store"].database.close()


def find_chromium() -> str | None:
    """Return the program of Chromium, None where there is none."""
    names = ("chromium-headless-shell", "chromium", "chromium-browser")  # the first paints no window that nobody sees
    return os.environ.get("FORMWORK_CHROMIUM") or next(filter(None, map(shutil.which, names)), None)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """A real Chromium, driven by Playwright."""
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    program = find_chromium()
    if program is None:
        pytest.skip("Chromium is not installed (FORMWORK_CHROMIUM names another)")
    with playwright.sync_playwright() as driver, tempfile.TemporaryDirectory() as folder:
        environment: dict[str, str] = dict(os.environ)
        if PICTURES:  # with the letters of the product itself, whatever the machine has
            (Path(folder) / "fonts.conf").write_text(_FONTS.format(dist=STATIC / "dist" / "fonts", kept=folder))
            environment["FONTCONFIG_FILE"] = str(Path(folder) / "fonts.conf")
        browser = driver.chromium.launch(executable_path=program, args=OPTIONS, env=environment)
        yield browser
        browser.close()


_FONTS = """<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <include ignore_missing="yes">/etc/fonts/fonts.conf</include>
  <dir>{dist}</dir>
  <cachedir>{kept}</cachedir>
</fontconfig>
"""


_SIGNED_IN: dict[tuple[str, str, str], Any] = {}
"""What a browser kept of having signed in, by site, login and language: the form is filled in once."""


@pytest.fixture
def visit(chromium: Any, site: Site) -> Iterator[Visit]:
    """Open a browser of their own for somebody; at the end nothing may have gone wrong in any of them."""
    visitors: list[Visitor] = []
    here: set[str] = set()

    def open_browser(
        login: str | None = None, width: int = DESK, *, language: str = "zh", theme: str = "light", script: bool = True
    ) -> Visitor:
        known = (site.address, login or "", language)
        kept = _SIGNED_IN.get(known) if login not in here else None  # whoever comes twice has two sessions
        context = chromium.new_context(
            base_url=site.address,
            storage_state=kept,
            viewport={"width": width, "height": 900 if width >= DESK else 844},
            locale="zh-CN" if language == "zh" else "en-GB",
            color_scheme=theme,
            timezone_id="Asia/Shanghai",
            has_touch=width < DESK,
            java_script_enabled=script,
        )
        visitor = Visitor(context.new_page())
        visitors.append(visitor)
        if login is not None:
            if kept is not None:
                visitor.open("/")
            if kept is None or visitor.path.startswith("/login"):
                visitor.sign_in(login, site.passwords[login])
                _SIGNED_IN[known] = context.storage_state()
            here.add(login)
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
