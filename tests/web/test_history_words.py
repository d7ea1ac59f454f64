"""Whatever is done with an approval is said in a record's history, with the step it was done in or without."""

import re
from pathlib import Path

import pytest

import engine
from engine.messages import text

ENGINE = Path(engine.__file__).parent
WRITTEN = {name for path in ENGINE.rglob("*.py") for name in re.findall(r'Click\("(\w+)"', path.read_text("utf-8"))}
ACTIONS = sorted(WRITTEN | {"approve", "refuse", "return", "complete", "add_before", "add_after"})


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("action", ACTIONS)
def test_every_action_has_its_words(action: str, language: str) -> None:
    assert text(f"history.{action}", language)
    assert "甲" in text(f"history.{action}_step", language, step="甲") or action in _OF_THE_WHOLE


_OF_THE_WHOLE = ("withdraw", "terminate", "resume", "revoke", "migrate")


def test_the_actions_are_those_the_engine_does() -> None:
    assert {"complete", "claim", "retract", "late", "urge", "cc", "remove"} <= set(ACTIONS)
