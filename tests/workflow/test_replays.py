"""3: an action sent again with its ``action_id``, at any later moment and any number of times, has one effect.

Random actions by random people on one payment; the seed is printed with a failure.
"""

import random
from typing import Any

import pytest

from engine.errors import FormworkError
from engine.workflow.approval import commands as approvals
from engine.workflow.approval import involving
from tests.workflow.site import Site


@pytest.mark.parametrize("seed", range(6))
def test_actions_sent_again_later_get_their_first_answer_and_change_nothing(site: Site, seed: int) -> None:
    dice = random.Random(seed)
    record = site.submitted(price=20_000)
    sent: list[tuple[str, str, dict[str, Any], Any]] = []
    for number in range(8):
        waiting = site.waiting(record)
        if not waiting:
            break
        login = dice.choice(waiting)
        action = dice.choice(["approve", "approve", "approve", "return", "refuse", "comment"])
        given: dict[str, Any] = {"action_id": f"click-{number}"}
        given |= {"task": site.task(login, record)}
        sent.append((login, action, given, send(site, login, action, given, site.approval(record))))
    written = site.rows()
    for login, action, given, answer in dice.choices(sent, k=3 * len(sent)):
        assert send(site, login, action, given, site.approval(record)) == answer, f"seed {seed}"
        assert site.rows() == written


def send(site: Site, login: str, action: str, given: dict[str, Any], approval: int) -> Any:
    """The answer of one click; a refusal is an answer too."""
    try:
        with site.store.write() as session:
            actor = site.actor(login)
            if action == "comment":
                return involving.comment(session, approval, "看过", action_id=given["action_id"], actor=actor)
            return approvals.decide(
                session, given["task"], action, reason="理由", actor=actor, action_id=given["action_id"]
            )
    except FormworkError as error:
        return type(error)
