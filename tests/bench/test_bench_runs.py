"""The measurements themselves work: both applications do the same duties, tables come out. No figure is judged."""

import subprocess
import sys

import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="CPU seconds are read from the Linux kernel")


def test_both_applications_do_their_duties_and_are_measured() -> None:
    options = ["--quick", "--database", "sqlite", "--records", "1200", "--rows", "page"]
    command = [sys.executable, "-m", "bench.run", *options]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert ran.returncode == 0, ran.stderr[-2000:]
    assert "floor: 12 duties done" in ran.stderr and "generic: 12 duties done" in ran.stderr
    rows = [line.split("|")[1].strip() for line in ran.stdout.splitlines() if "CPU s/1000" in line]
    assert rows == ["page of 50 of 1,200, filtered, sorted"]


def test_what_happens_behind_the_pages_is_measured_at_two_sizes() -> None:
    options = ["--small", "200", "--rows", "400", "--spread", "1", "--database", "sqlite"]
    command = [sys.executable, "-m", "bench.background", *options]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == 0, ran.stderr[-2000:]
    rows = [line.split("|")[1].strip() for line in ran.stdout.splitlines() if line.startswith("| ")]
    assert rows[1:] == [
        "timer fired, with its reminder",
        "run gone on with after a wait",
        "event delivered",
        "look with nothing to do",
        "page of somebody's queue",
        "figures of the backlog",
        "automations, their runs and what failed",
    ]
    assert "Left alone with 400: of 10 timers" in ran.stdout
