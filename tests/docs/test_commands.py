"""Commands of the documentation, run as they are printed against a site of their own."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.docs.test_pages import blocks

FORMWORK = Path(sys.executable).with_name("formwork")
HOST = "crm.example.com"


@dataclass
class Site:
    """A running site; ``folder`` holds its ``formwork-data``."""

    folder: Path
    port: int
    environ: dict[str, str]

    def shell(self, script: str, **more: str) -> str:
        """Run lines of a page and return what they print; fails when one of them does."""
        ran = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=self.folder,
            env=self.environ | more,
            capture_output=True,
            text=True,
            timeout=240,
        )
        assert ran.returncode == 0, f"{script}\n{ran.stdout}{ran.stderr}"
        return ran.stdout


def site_environ() -> dict[str, str]:
    """Return the environment in which the pages expect commands to run."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("FORMWORK_")}
    path = f"{FORMWORK.parent}{os.pathsep}{os.environ['PATH']}"
    return kept | {"FORMWORK_LANG": "en", "PATH": path, "PYTHONPATH": str(ROOT)}


@pytest.fixture(scope="module")
def site(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    shutil.copytree(installed, folder, dirs_exist_ok=True)
    environ, port = site_environ(), free_port()
    with running(folder, port, environ):
        yield Site(folder, port, environ)


class running:
    """``formwork run`` as a process, until the block ends."""

    def __init__(self, folder: Path, port: int, environ: dict[str, str], *arguments: str) -> None:
        self.log = folder / f"run-{port}.log"
        command = [str(FORMWORK), "run", *(arguments or ("manufacturing",)), "--port", str(port)]
        with self.log.open("w") as log:
            self.process = subprocess.Popen(command, cwd=folder, env=environ, stdout=log, stderr=log)
        self.port, self.host = port, HOST if environ.get("FORMWORK_PUBLIC_URL") else "127.0.0.1"

    def __enter__(self) -> "running":
        until = time.monotonic() + 240
        while not self.is_ready():
            if self.process.poll() is not None or time.monotonic() > until:
                self.process.kill()
                pytest.fail(self.log.read_text(encoding="utf-8"))
            time.sleep(0.2)
        return self

    def __exit__(self, *error: object) -> None:
        self.process.terminate()
        assert self.process.wait(60) == 0, self.log.read_text(encoding="utf-8")

    def is_ready(self) -> bool:
        asked = urllib.request.Request(f"http://127.0.0.1:{self.port}/readyz", headers={"Host": self.host})
        try:
            with urllib.request.urlopen(asked, timeout=30) as answer:
                return bool(answer.status == 200)
        except (OSError, urllib.error.URLError):
            return False


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def shell_blocks(page: str) -> list[str]:
    return list(blocks(ROOT / "docs" / page, "sh"))


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_requests_of_the_api_page_are_answered_with_success(site: Site) -> None:
    token, *requests = shell_blocks("api.md")
    token = token.replace(":8700", f":{site.port}")
    statuses: list[str] = []
    seen = 0
    for request in requests:
        for line in request.replace("\\\n", " ").strip().splitlines():
            line = re.sub(r'If-Match: "\d+"', f'If-Match: "{seen}"', line)  # which changes as the demo grows
            answer = site.shell(f"{token}\n{line} -w '\\n%{{http_code}}'")
            body, _, status = answer.rpartition("\n")
            said = json.loads(body)
            assert said
            seen = said["version"] if '/customer/1"' in line else seen
            statuses.append(status)
    assert statuses == ["200", "200", "200", "201", "200", "201"]


def test_the_commands_about_people_work_in_their_order(site: Site) -> None:
    (site.folder / "customers.csv").write_text("客户全称,客户类型,区域,客户状态\n某某阀门,终端,华东,潜在\n", "gbk")
    _, user, token, erp, imports = shell_blocks("tutorial-admin.md")
    site.shell(user)
    assert len(site.shell(token).strip()) > 20
    assert "SAP production" in site.shell(erp)
    site.shell(imports.replace("customers.xlsx", "customers.csv"))


def test_a_backup_is_made_and_restored_as_told(site: Site) -> None:
    backup, _, restore, releases = shell_blocks("backup-and-upgrade.md")
    (site.folder / "backup").mkdir()
    site.shell(backup)
    making = [line for line in restore.splitlines() if "formwork" not in line.split()]
    site.shell("\n".join(making))
    told = site.shell("formwork --home restored releases")
    assert "manufacturing" in told
    site.shell("\n".join(line for line in releases.splitlines() if "rollback" not in line))
    assert (site.folder / "our-crm-before/app.yaml").is_file()
    with running(site.folder, free_port(), site.environ | {"FORMWORK_HOME": "restored"}):
        pass


def test_behind_a_proxy_the_address_of_the_person_is_known(site: Site) -> None:
    told = next(block for block in shell_blocks("deploy.md") if "FORMWORK_PROXIES" in block)
    settings = dict(re.findall(r"^export (\w+)=(\S+)$", told, re.MULTILINE))
    assert settings["FORMWORK_PUBLIC_URL"] == f"https://{HOST}"
    port = free_port()
    with running(site.folder, port, site.environ | settings):
        sign_in(site, port)
    rows = site.shell(
        "python3 -c \"import sqlite3; print(sqlite3.connect('formwork-data/formwork.sqlite3')"
        ".execute('SELECT ip FROM fw_sessions').fetchall())\""
    )
    assert "192.0.2.7" in rows


def sign_in(site: Site, port: int) -> None:
    """Sign in the way a browser behind the proxy of the page would, once in clear through plain HTTP here."""
    account = (site.folder / "formwork-data/demo-accounts.txt").read_text(encoding="utf-8").splitlines()[0].split("\t")
    proxied = {
        "Host": HOST,
        "X-Forwarded-For": "192.0.2.7",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": HOST,
        "Referer": f"https://{HOST}/login",
    }
    address = f"http://127.0.0.1:{port}/login"
    with urllib.request.urlopen(urllib.request.Request(address, headers=proxied), timeout=60) as page:
        cookie, text = page.headers["Set-Cookie"].partition(";")[0], page.read().decode()
    assert "__Host-" in cookie
    token = re.search(r'name="csrf_token" value="([^"]+)"', text)
    assert token
    form = {"csrf_token": token[1], "username": account[0], "password": account[1]}
    posted = urllib.request.Request(address, urllib.parse.urlencode(form).encode(), proxied | {"Cookie": cookie})
    opener = urllib.request.build_opener(_Stay)
    with opener.open(posted, timeout=60) as answer:
        assert answer.status == 303


class _Stay(urllib.request.HTTPRedirectHandler):
    def http_error_303(self, req: object, fp: object, code: int, msg: str, headers: object) -> object:
        return fp
