"""The table of promises names every promise, and tests that are there."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "promises.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| (\d+) \| ([^|]+) \| ([^|]+) \| (.+) \|$", re.MULTILINE)
LINK = re.compile(r"\[([^]]+)\]\(\.\./([^)]+)\)")


def test_there_are_twenty_three_promises_in_order() -> None:
    assert [int(row[0]) for row in ROW.findall(PAGE)] == list(range(1, 24))


def test_each_is_kept_by_tests_that_are_there() -> None:
    for number, _, _, tests in ROW.findall(PAGE):
        named = LINK.findall(tests)
        assert named, f"promise {number} is kept by no test"
        for name, path in named:
            said = f"def test_{name.replace(' ', '_')}("
            assert said in (ROOT / path).read_text(encoding="utf-8"), f"promise {number}: {path} has no {name!r}"
