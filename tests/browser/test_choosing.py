"""The first start without a template, on the telephone: the code that the terminal shows, a choice, and the guide."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.browser.visitor import DESK, PHONE, Visitor
from web.page_kit import STATIC

PASSWORD = "velvet-harbour-19"
_PATIENCE = 120


@contextmanager
def started(folder: Path) -> Iterator[tuple[str, str]]:
    """Start ``formwork run`` in an empty folder; the address and the code that the terminal shows."""
    if not (STATIC / "dist" / "manifest.json").is_file():
        pytest.skip("the front end is not built; run.py builds it")
    environment = {key: value for key, value in os.environ.items() if not key.startswith("FORMWORK_")}
    terminal = folder / "terminal.txt"
    with terminal.open("wb") as output:
        server = subprocess.Popen(
            [sys.executable, "-c", "from web.cli import main; main()", "run", "--port", "0"],
            env=environment, cwd=folder, stdout=output, stderr=subprocess.STDOUT,
        )  # fmt: skip
    try:
        yield _read_code(terminal, server)
    finally:
        server.terminate()
        server.wait(timeout=60)
    said = terminal.read_text(encoding="utf-8", errors="replace")
    assert "Traceback" not in said, said


def _read_code(terminal: Path, server: "subprocess.Popen[bytes]") -> tuple[str, str]:
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until and server.poll() is None:
        found = re.search(r"(http://\S+)/\?code=(\S+)", terminal.read_text(encoding="utf-8", errors="replace"))
        if found is not None:
            return found[1], found[2]
        time.sleep(0.1)
    pytest.fail(terminal.read_text(encoding="utf-8", errors="replace"))


def choose(visitor: Visitor, template: str, *, name: str = "吴倩", demo: bool = False) -> None:
    """Fill in the page of the choice, be its first administrator, and wait for the guide."""
    page = visitor.page
    page.locator(f"label[for=t-{template}]").click()
    page.fill("#name", name)
    page.fill("#password", PASSWORD)
    page.fill("#again", PASSWORD)
    page.locator("[name=demo]").set_checked(demo)
    visitor.leave("main .btn-primary")
    page.locator(".guide-steps").wait_for(timeout=_PATIENCE * 1000)


def test_a_template_is_chosen_with_the_code_on_any_screen(chromium: Any, tmp_path: Path) -> None:
    with started(tmp_path) as (address, code):

        def visit(width: int) -> Visitor:
            context = chromium.new_context(
                base_url=address, viewport={"width": width, "height": 844}, locale="zh-CN", has_touch=width < DESK
            )
            visitor = Visitor(context.new_page())
            visitor.expect("422", "503")
            visitors.append(visitor)
            return visitor

        def is_fine(visitor: Visitor) -> None:
            assert visitor.violations() == [], visitor.path
            assert visitor.scrolls_sideways() is False, visitor.path

        visitors: list[Visitor] = []
        phone = visit(PHONE)
        assert phone.open("/") == 200
        is_fine(phone)
        phone.page.fill("#code", "AAAA-AAAA")
        phone.leave("main .btn-primary")
        phone.see("#code-note", "设置码不对")
        is_fine(phone)
        phone.page.fill("#code", code.lower().replace("-", " "))
        phone.leave("main .btn-primary")
        phone.page.locator(".choose-offers").wait_for()
        is_fine(phone)

        desk = visit(DESK)
        desk.open(f"/?code={code}")
        desk.page.locator(".choose-offers").wait_for()
        assert code not in desk.page.url, "the code does not stay in the address"
        is_fine(desk)

        phone.page.locator("label[for=t-manufacturing]").click()
        phone.page.fill("#name", "吴倩")
        phone.page.fill("#password", PASSWORD)
        phone.page.fill("#again", "velvet-harbour-91")
        phone.leave("main .btn-primary")
        phone.see("#again-note", "两次")
        assert phone.page.locator("#t-manufacturing").is_checked(), "what was chosen is still there"
        is_fine(phone)

        phone.page.fill("#password", PASSWORD)
        phone.page.fill("#again", PASSWORD)
        phone.page.locator("[name=demo]").uncheck()
        phone.leave("main .btn-primary")
        if phone.page.locator(".choose-works").count():
            is_fine(phone)
        phone.page.locator(".guide-steps").wait_for(timeout=_PATIENCE * 1000)
        assert phone.path == "/admin/setup"
        phone.see(".guide-steps .is-next", "公司名称与时区")
        is_fine(phone)

        desk.open("/")
        desk.page.wait_for_url("**/login**")
        desk.sign_in("admin", PASSWORD)
        assert desk.open(f"/?code={code}") == 200
        assert desk.page.locator(".choose-offers").count() == 0, "nothing is chosen twice"
        assert [problem for visitor in visitors for problem in visitor.problems] == []
        for visitor in visitors:
            visitor.page.context.close()
