"""The product as its processes: a web server and workers, started, killed without warning and started again.

Enters: a folder, an address of a database, perhaps one of Redis. Leaves: a running house. Must not look into the
processes: what is promised is seen from outside.
"""

import http.client
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FORMWORK = Path(sys.executable).with_name("formwork")
HOST = "127.0.0.1"
PATIENCE = 60.0
"""Seconds after which a started server must answer; the promise is five on a machine with nothing else to do."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


@dataclass
class House:
    """Processes by name; ``web`` listens on ``port``."""

    folder: Path
    environ: dict[str, str]
    workers: int
    port: int = field(default_factory=free_port)
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    restarts: list[float] = field(default_factory=list)

    @property
    def names(self) -> list[str]:
        """The processes there are."""
        return ["web", *(f"worker{number}" for number in range(self.workers))]

    def start(self, name: str, *more: str) -> None:
        """Start one process; the web server is waited for."""
        words = ["run", *more, "--port", str(self.port), "--no-demo"] if name == "web" else ["worker"]
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [FORMWORK, *words], cwd=self.folder, env=self.environ, stdout=log, stderr=log
            )
        if name == "web":
            began = time.monotonic()
            while not self._answers():
                assert time.monotonic() - began < PATIENCE, (self.folder / "web.log").read_text()[-2000:]
                time.sleep(0.05)
            self.restarts.append(time.monotonic() - began)

    def kill(self, name: str) -> None:
        """End one process without warning, and start it again."""
        process = self.processes[name]
        process.send_signal(signal.SIGKILL)
        process.wait()
        self.start(name)

    def divided(self) -> list[int]:
        """The processes that the web server divided itself into."""
        web = self.processes["web"].pid
        return [int(one) for one in Path(f"/proc/{web}/task/{web}/children").read_text().split()]

    def stop(self) -> None:
        """End everything."""
        for process in self.processes.values():
            process.kill()
            process.wait()

    def ask(self, method: str, path: str, token: str, body: Any = None, key: str = "") -> tuple[int, Any]:
        """Send one request and return status and answer; 0 when the server was not there to the end."""
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        headers |= {"Idempotency-Key": key} if key else {}
        connection = http.client.HTTPConnection(HOST, self.port, timeout=20)
        try:
            connection.request(method, f"/api/v1{path}", None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            said = answer.read()
            return answer.status, json.loads(said) if said else None
        except (OSError, http.client.HTTPException, ValueError):
            return 0, None
        finally:
            connection.close()

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection(HOST, self.port, timeout=2)
        try:
            connection.request("GET", "/readyz")
            answer = connection.getresponse()
            answer.read()
            return answer.status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


@contextmanager
def a_house(
    folder: Path, definition: Mapping[str, str], database: str, redis: str | None, workers: int, processes: int = 1
) -> Iterator[House]:
    """Publish ``definition`` and start everything, the web in so many processes; at the end everything is stopped."""
    written = folder / "crm"
    for path, text in definition.items():
        (written / path).parent.mkdir(parents=True, exist_ok=True)
        (written / path).write_text(text, encoding="utf-8")
    environ = {key: value for key, value in os.environ.items() if not key.startswith("FORMWORK_")}
    environ |= {"FORMWORK_HOME": str(folder / "home"), "FORMWORK_DATABASE_URL": database, "FORMWORK_LANG": "en"}
    environ["FORMWORK_PROCESSES"] = str(processes)
    if redis is not None:
        environ["FORMWORK_REDIS_URL"] = redis
    house = House(folder, environ, workers)
    try:
        house.start("web", str(written))
        for name in house.names[1:]:
            house.start(name)
        yield house
    finally:
        house.stop()


def token_for(house: House, login: str, role: str) -> str:
    """Add a person and return a token of theirs."""
    about: dict[str, Any] = {"cwd": house.folder, "env": house.environ, "check": True, "capture_output": True}
    add = [FORMWORK, "user", "add", login, "--role", role, "--password-stdin"]
    subprocess.run(add, input=b"a long enough password 7\n", **about)
    made = subprocess.run([FORMWORK, "token", "create", login], **about)
    return made.stdout.decode().strip().split()[-1]


@dataclass
class Clients:
    """People at work: each creates one record after another, sending again what was not answered.

    ``acknowledged`` holds the ids of the records the server said are there, by the title each was given.
    """

    house: House
    token: str
    count: int
    acknowledged: dict[str, int] = field(default_factory=dict)
    refused: list[tuple[int, Any]] = field(default_factory=list)
    ending: threading.Event = field(default_factory=threading.Event)

    def work(self, kills: int, seed: int, pause: tuple[float, float], within: bool = False) -> None:
        """Let them work while ``kills`` processes die at moments nobody chose; ``within`` those of the web server."""
        threads = [threading.Thread(target=self._create, args=(number,)) for number in range(self.count)]
        for thread in threads:
            thread.start()
        chance = random.Random(seed)
        for _ in range(kills):
            time.sleep(chance.uniform(*pause))
            if within:
                os.kill(chance.choice(self.house.divided()), signal.SIGKILL)
            else:
                self.house.kill(chance.choice(self.house.names))
        self.ending.set()
        for thread in threads:
            thread.join()

    def _create(self, number: int) -> None:
        for turn in range(1_000_000):
            if self.ending.is_set():
                return
            title, key = f"{number}-{turn}", str(uuid.uuid4())
            while not self.ending.is_set() or title not in self.acknowledged:
                status, said = self.house.ask("POST", "/ticket", self.token, {"title": title}, key)
                if status == 201:
                    self.acknowledged[title] = said["id"]
                    break
                if status not in (0, 409, 429, 503):
                    self.refused.append((status, said))
                    return
                time.sleep(0.1)
