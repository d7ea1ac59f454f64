"""``formwork run`` without a template in an empty home: chosen on a page, then a site like any other."""

import http.cookiejar
import re
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import pytest

from engine.clock import SystemClock
from engine.guiding.steps import read_guide
from engine.storage.database import open_database
from engine.storage.store import Store
from tests.cli.test_command_line import Serving

GIVEN = {
    "template": "starter",
    "name": "林晓",
    "login": "admin",
    "password": "tidy-otter-4421",
    "again": "tidy-otter-4421",
}


class Chooser:
    """A browser that keeps its cookies and follows where it is led."""

    def __init__(self, served: Serving) -> None:
        jar = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        self.opener, self.base = urllib.request.build_opener(jar), f"http://127.0.0.1:{served.port}"
        self.page = ""

    def get(self, path: str) -> str:
        with self.opener.open(self.base + path, timeout=60) as answer:
            self.page = answer.read().decode()
            return str(answer.url).removeprefix(self.base)

    def post(self, path: str, **form: str) -> str:
        token = re.search(r'name="csrf_token" value="([^"]*)"', self.page)
        sent = urllib.parse.urlencode({**form, "csrf_token": token[1] if token else ""}).encode()
        with self.opener.open(self.base + path, sent, timeout=60) as answer:
            self.page = answer.read().decode()
            return str(answer.url).removeprefix(self.base)

    def until(self, path: str) -> None:
        """Ask for the first page until it leads there; what is not ready yet is asked for again, as a browser does."""
        asked = "/"
        for _ in range(300):
            try:
                if self.get(asked) == path:
                    return
            except urllib.error.HTTPError as error:
                assert error.code == 503
                asked = str(error.url).removeprefix(self.base)
                error.close()
        raise AssertionError(self.page)


@pytest.mark.parametrize("processes", ["1", "2"])
def test_from_an_empty_home_over_the_choice_to_the_guide(tmp_path: Path, processes: str) -> None:
    served = Serving(tmp_path, "--processes", processes)
    assert served.process.stdout is not None
    said = "".join(served.process.stdout.readline() for _ in range(3))
    found = re.search(r"code=([A-Z0-9]{4}-[A-Z0-9]{4})", said)
    assert found, said
    browser = Chooser(served)
    browser.get(f"/?code={found[1]}")
    while 'name="template"' not in browser.page:
        browser.get("/")
    browser.post("/start", **GIVEN, demo="1")
    browser.until("/admin/setup")
    assert "选择模板" in browser.page and "完成" in browser.page and "demo-accounts.txt" in browser.page
    assert "admin" not in (accounts := (tmp_path / "demo-accounts.txt").read_text(encoding="utf-8")), accounts
    with pytest.raises(urllib.error.HTTPError) as gone:
        browser.post("/start", **GIVEN)
    assert gone.value.code == 404
    gone.value.close()
    assert "Ctrl+C" in served.wait()
    assert served.stop() == 0

    database = open_database(f"sqlite:///{tmp_path / 'formwork.sqlite3'}")
    with Store(database, tmp_path / "files", SystemClock()).read() as session:
        guide = read_guide(session)
    assert (guide.steps[0].key, guide.steps[0].state, guide.kept.began is not None) == ("template", "done", True)
    database.close()

    again = Serving(tmp_path)
    said = again.wait()
    assert "code=" not in said and again.get("/login") == 200
    assert again.stop() == 0


def test_stopped_before_anything_was_chosen_it_asks_again_with_another_code(tmp_path: Path) -> None:
    codes = set()
    for _ in range(2):
        served = Serving(tmp_path)
        assert served.process.stdout is not None
        said = "".join(served.process.stdout.readline() for _ in range(3))
        codes |= set(re.findall(r"code=(\S+)", said))
        assert served.stop() == 0
    assert len(codes) == 2
