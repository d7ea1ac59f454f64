"""A consultation that changes hands: whoever leaves was asked for advice too; and who cannot be asked for any."""

import pytest

from engine.workflow.approval import handing
from engine.workflow.approval.world import Refusal
from tests.workflow.people_world import People, Run, person, plan


def test_advice_goes_on_with_its_question_when_whoever_was_asked_leaves() -> None:
    run = Run(People({"a": (1,)}), plan("a"))
    run.act("consult", 1, to=person(5), question="合理吗？")
    run.keep(handing.reassign(run.state, task=2, heirs=[person(6)], reason="离职", at=run.tick()))
    heir = run.state.tasks[-1]
    assert (heir.person.id, heir.kind, heir.question, heir.asked_by) == (6, "consult", "合理吗？", 1)
    run.say(1)
    assert not run.state.open_tasks


def test_whoever_waits_in_a_step_or_may_be_asked_again_is_not_asked_for_advice_there() -> None:
    run = Run(People({"a": (1, 2)}), plan("a", "all"))
    run.act("add_before", 1, people=[5])
    run.say(2)
    for who in (1, 2):  # one is asked after the one who was added, the other may take their answer back
        with pytest.raises(Refusal) as refused:
            run.act("consult", 5, to=person(who), question="?")
        assert refused.value.code == "approval.person_asked"
