"""One application on one database: installed, filled, started, loaded and metered.

A Side and an empty database enter; measurements leave. Knows no application's addresses.
"""

import hashlib
import http.client
import json
import random
import select
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from subprocess import PIPE
from typing import Any

from bench.fill import clone_rows, read_ids
from bench.meter import CpuMeter, read_idle_mib
from bench.sides import DEPARTMENTS, DIRECTOR, MANAGER, REP, REPS, Answer, Request, Side

CUSTOMERS = 6000
ROOT = Path(__file__).parent.parent
CREDIT_CODE = "91110000600037341L"


@dataclass(frozen=True)
class Measure:
    """One phase: how many requests, and the seconds they took."""

    requests: int
    server_cpu: float
    database_cpu: float
    wall: float
    p50_ms: float
    p95_ms: float
    after_cpu: float

    @property
    def cpu(self) -> float:
        return self.server_cpu + self.database_cpu


class Contestant:
    def __init__(self, side: Side, url: str, home: Path, backends: Callable[[], set[int]]) -> None:
        self.side, self.url, self.home, self.backends = side, url, home, backends
        self._started: list[subprocess.Popen[Any]] = []
        self._random = random.Random(2)
        self._made = 0

    def install(self) -> None:
        self.side.prepare(self.url, self.home)
        self.client = self._serve([sys.executable, "-m", "bench.load"])
        self.importer = self._serve(self.side.importer(self.url, self.home))
        self._read_answer(self.importer, CpuMeter(self.importer.pid, self.backends))
        self.start()

    def fill(self, rows: int) -> None:
        """Copy records that the application has written until there are `rows`, and note what can be worked on."""
        side = self.side
        names = [hashlib.sha256(rep.name.encode()).hexdigest()[:12] for rep in REP]  # none like another: nobody asks
        asked = zip(REP, names, strict=True)
        customers = [self.ask(side.create_customer(rep, {"name": name, "grade": "a"})) for rep, name in asked]
        self._customers = [side.id_of(customer) for customer in customers]
        written = [self.ask(self._create(n)) for n in range(REPS)]
        self._version = side.version_of(written[0])
        self.stop()
        clone_rows(self.url, side.customer, self._customers, CUSTOMERS)
        clone_rows(self.url, side.opportunity, [side.id_of(row) for row in written], rows)
        self._waiting = {stage: read_ids(self.url, side.opportunity, stage) for stage in ("needs", "proposal")}
        for found in self._waiting.values():
            self._random.shuffle(found)
        self.start()
        self._pages = [request for who in (*REP[:2], *MANAGER[:2], DIRECTOR) for request in self._turn_pages(who)]

    def close(self) -> None:
        for process in self._started:
            end(process)

    def start(self) -> None:
        self.port = free_port()
        self.process = self._launch(self.port)
        wait_until_up(self.port, self.side.health, self.process)
        self.meter = CpuMeter(self.process.pid, self.backends)

    def stop(self) -> None:
        end(self.process)

    def ask(self, request: Request) -> Answer:
        """One request outside the measurement. Raises AssertionError for another status than expected."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        body = (request["body"] or "").encode()
        connection.request(request["method"], request["path"], body, request["headers"])
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        if answer.status != request["expect"]:
            asked = f"{request['method']} {request['path']}"
            raise AssertionError(f"{self.side.name}: {asked}: {answer.status}, not {request['expect']}: {text[:600]}")
        return dict(json.loads(text))

    # What is measured: each returns `count` requests that have not been sent before

    def create_requests(self, count: int) -> list[Request]:
        return [self._create(self._random.randrange(REPS)) for _ in range(count)]

    def page_requests(self, count: int) -> list[Request]:
        return [self._pages[n % len(self._pages)] for n in range(count)]

    def detail_requests(self, count: int) -> list[Request]:
        chosen = self._random.choices(self._waiting["needs"], k=count)
        readers = [(REP[i % REPS], MANAGER[i % DEPARTMENTS], DIRECTOR)[n % 3] for n, (_, i) in enumerate(chosen)]
        return [self.side.detail(who, row_id) for who, (row_id, _) in zip(readers, chosen, strict=True)]

    def update_requests(self, count: int) -> list[Request]:
        values = {"amount": "4321.50", "remark": "客户要求延期", "win_rate": 0.65}
        return [self.side.update(rep, row_id, self._version, values) for rep, row_id in self._take("needs", count)]

    def move_requests(self, count: int) -> list[Request]:
        return [self.side.move(rep, row_id, self._version, "propose") for rep, row_id in self._take("needs", count)]

    def approve_requests(self, count: int) -> list[Request]:
        """Submits first, outside the measurement; 100 open tasks of each approver are seen at once."""
        taken = self._take("proposal", count)
        self.measure([self.side.move(rep, row_id, self._version, "submit") for rep, row_id in taken])
        tasks = [(who, task) for who in MANAGER for task in self.side.tasks_of(self.ask(self.side.inbox(who)))]
        self._random.shuffle(tasks)
        return [self.side.approve(who, task) for who, task in tasks[:count]]

    def measure(self, requests: list[Request], clients: int = 1) -> Measure:
        """Send the requests from another process. Raises AssertionError for an answer with another status."""
        job = json.dumps({"port": self.port, "clients": clients, "requests": requests})
        before = self.meter.read_seconds()
        result = self._ask(self.client, job, self.meter)
        after = self.meter.read_seconds()
        if result["wrong"]:
            raise AssertionError(f"{self.side.name}: {result['wrong_count']} wrong answers, such as {result['wrong']}")
        used = after[0] - before[0], after[1] - before[1]
        return Measure(len(requests), *used, result["seconds"], result["p50_ms"], result["p95_ms"], self._settle())

    def measure_import(self, request: Request) -> tuple[Measure, Answer]:
        """One import by the importer; what the server does with its events stands in `after_cpu`."""
        meter = CpuMeter(self.importer.pid, self.backends)
        before = meter.read_seconds()
        rested = sum(self.meter.read_seconds()) - before[1]
        answer = self._ask(self.importer, json.dumps(request), meter)
        after = meter.read_seconds()
        used = after[0] - before[0], after[1] - before[1]
        self._settle()
        behind = sum(self.meter.read_seconds()) - after[1] - rested
        wall = answer["seconds"]
        return Measure(1, *used, wall, wall * 1000, wall * 1000, behind), answer

    def measure_start(self) -> tuple[float, float]:
        """(seconds until two processes answer, MiB of all there are half a second later)."""
        ports = [free_port() for _ in range(1 if self.side.divides else 2)]
        began = time.perf_counter()
        started = [self._launch(port, processes=2 // len(ports)) for port in ports]
        for port, process in zip(ports, started, strict=True):
            wait_until_up(port, self.side.health, process)
        seconds = time.perf_counter() - began
        time.sleep(0.5)
        memory = sum(read_idle_mib(process.pid) for process in started)
        for process in started:
            end(process)
        return seconds, memory

    def values(self, customer: Any) -> Answer:
        """A valid opportunity with every field filled."""
        self._made += 1
        close = datetime.now(UTC).date() + timedelta(days=30 + self._made % 60)
        return {
            "name": f"阀门采购 {self._made}", "customer": customer, "amount": f"{1000 + self._made % 9000}.25",
            "win_rate": 0.35, "expected_close": close.isoformat(), "region": "east", "source": "fair",
            "product_line": "valve", "quantity": 120, "contact_phone": "13800138000",
            "contact_email": "buyer@example.com", "end_user_code": CREDIT_CODE,
            "need_summary": "两条产线各需要六十台阀门，要求耐高温并提供材质报告。", "remark": "展会认识",
        }  # fmt: skip

    def _serve(self, command: list[str]) -> subprocess.Popen[str]:
        """A process that answers lines."""
        process = subprocess.Popen(command, cwd=ROOT, stdin=PIPE, stdout=PIPE, text=True)
        self._started.append(process)
        return process

    def _ask(self, process: subprocess.Popen[str], job: str, meter: CpuMeter) -> dict[str, Any]:
        assert process.stdin
        print(job, file=process.stdin, flush=True)
        return self._read_answer(process, meter)

    def _read_answer(self, process: subprocess.Popen[str], meter: CpuMeter) -> dict[str, Any]:
        assert process.stdout
        while not select.select([process.stdout], [], [], 0.2)[0]:
            meter.read_seconds()
            if process.poll() is not None:
                raise AssertionError(f"{self.side.name}: a process ended: {process.args}")
        return dict(json.loads(process.stdout.readline()))

    def _create(self, rep: int) -> Request:
        return self.side.create(REP[rep], self.values(self._customers[rep]))

    def _take(self, stage: str, count: int) -> list[tuple[Any, Any]]:
        if len(self._waiting[stage]) < count:
            raise AssertionError(f"there are too few records in stage {stage}: fill more")
        taken, self._waiting[stage] = self._waiting[stage][:count], self._waiting[stage][count:]
        return [(REP[i % REPS], row_id) for row_id, i in taken]

    def _turn_pages(self, who: Any) -> list[Request]:
        """The first page and the three after it."""
        requests = [self.side.page(who, "proposal", 100_000)]
        for _ in range(3):
            after = self.side.cursor_of(self.ask(requests[-1]))
            requests.append(self.side.page(who, "proposal", 100_000, after))
        return requests

    def _launch(self, port: int, processes: int = 1) -> subprocess.Popen[bytes]:
        command = self.side.command(self.url, self.home, port)
        log = (self.home / f"{self.side.name}.log").open("ab")
        process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log, env=self.side.environment(processes))
        self._started.append(process)
        return process

    def _settle(self) -> float:
        """Wait until the server rests (3 s at most); the CPU seconds of what it still had to do."""
        first = last = sum(self.meter.read_seconds())
        for _ in range(60):
            time.sleep(0.05)
            now = sum(self.meter.read_seconds())
            if now - last < 0.002:
                return now - first
            last = now
        return last - first


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until_up(port: int, path: str, process: subprocess.Popen[bytes], seconds: float = 30) -> None:
    """Raises AssertionError when the process ends or does not answer in time."""
    until = time.perf_counter() + seconds
    while time.perf_counter() < until and process.poll() is None:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", path)
            if connection.getresponse().status == 200:
                return
        except OSError:
            time.sleep(0.005)
    raise AssertionError(f"the server on port {port} does not answer {path}; its log is beside its database")


def end(process: subprocess.Popen[Any]) -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
