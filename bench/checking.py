"""How long somebody who writes definitions waits for a check of the full manufacturing template.

    python -m bench.checking

Everything is measured in one run, in turns, as CPU seconds of the process: the command without anything to do
(``--version``) as the floor, a first check, one with nothing changed, one with one file changed; and the same within a
process that goes on, such as ``check --watch``.
"""

import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parent.parent
COMMAND = [sys.executable, "-c", "from web.cli import main; main()"]
ROUNDS = 7
CHANGED = Path("quote/entity.yaml")


def main() -> None:
    """Measure and print one line for each row."""
    found: dict[str, list[float]] = {}
    with _copy() as (folder, cache):
        _cpu(cache, "check", str(folder))
        for turn in range(ROUNDS):
            shutil.rmtree(cache, ignore_errors=True)
            found.setdefault("nothing to do (--version)", []).append(_cpu(cache, "--version"))
            found.setdefault("first check", []).append(_cpu(cache, "check", str(folder)))
            found.setdefault("nothing changed", []).append(_cpu(cache, "check", str(folder)))
            _change(folder, turn)
            found.setdefault("one file changed", []).append(_cpu(cache, "check", str(folder)))
        found["one file changed, within a process"] = list(_within(folder))
    floor = statistics.median(found["nothing to do (--version)"])
    for row, seconds in found.items():
        median = statistics.median(seconds)
        print(f"{row:36} {median:5.2f} s  {median / floor:5.1f} x  ({min(seconds):.2f}–{max(seconds):.2f})")


@contextmanager
def _copy() -> Iterator[tuple[Path, Path]]:
    with tempfile.TemporaryDirectory(prefix="formwork-bench-") as place:
        folder = Path(place) / "manufacturing"
        shutil.copytree(ROOT / "templates" / "manufacturing", folder)
        yield folder, Path(place) / "cache"


def _cpu(cache: Path, *arguments: str) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    # As it is installed: with the bytecode that is written at the first start, whatever this shell says about that.
    environ = {**os.environ, "XDG_CACHE_HOME": str(cache), "PYTHONPYCACHEPREFIX": str(cache.parent / "bytecode")}
    environ.pop("PYTHONDONTWRITEBYTECODE", None)
    subprocess.run([*COMMAND, *arguments], check=True, capture_output=True, cwd=ROOT, env=environ)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _change(folder: Path, turn: int) -> None:
    """Give the entity another label, so that the file says something new."""
    source = (ROOT / "templates" / "manufacturing" / CHANGED).read_text(encoding="utf-8")
    changed = source.replace("label: ", f"label: {turn} ", 1)
    (folder / CHANGED).write_text(changed, encoding="utf-8")


def _within(folder: Path) -> Iterator[float]:
    """Yield the seconds of checks in this process, each after a change of one file."""
    from web.cli.checking import check_folder

    for turn in range(ROUNDS + 1):
        _change(folder, 1000 + turn)
        began = time.process_time()
        good = check_folder(folder)
        if good.problems:
            raise RuntimeError(good.problems[0].text("en"))
        if turn:
            yield time.process_time() - began


if __name__ == "__main__":
    main()
