"""The measurement itself works: both applications do the same duties, and a table comes out. No figure is judged."""

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
    assert "floor: 10 duties done" in ran.stderr and "generic: 10 duties done" in ran.stderr
    rows = [line.split("|")[1].strip() for line in ran.stdout.splitlines() if "CPU s/1000" in line]
    assert rows == ["page of 50 of 1,200, filtered, sorted"]
