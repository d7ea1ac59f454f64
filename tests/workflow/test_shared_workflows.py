"""Every reusable approval in ``workflows/`` is built into an app with values for its inputs and played to its end."""

from pathlib import Path

import pytest
import yaml

from engine.definition.source import SourceFolder, read_folder
from engine.examples.running import play_folder
from tests.conftest import ROOT
from tests.workflow.patterns.fixture import write

PATTERNS = sorted((ROOT / "workflows").glob("*.yaml"))
BASE = read_folder(ROOT / "docs" / "cookbook").files
WITH = {
    "any_two_of_three": {"first": "director", "second": "legal", "third": "general_manager"},
    "committee_share": {"members": "finance", "last": "general_manager"},
    "finance_countersign": {"finance": "finance", "partner": "legal"},
    "manager_then_director": {"figure": "total", "limit": 1000, "director": "director"},
    "one_of_then_all": {"gate": "finance", "first": "director", "second": "legal"},
    "parallel_then_head": {"left": "tech", "right": "finance"},
    "up_the_line": {"top": "director", "figure": "total", "limit": 1000, "last": "general_manager"},
}
WAYS = {
    "any_two_of_three": ["legal_tang", "gm_xu"],
    "committee_share": ["finance_qian", "finance_sun", "gm_xu"],
    "finance_countersign": ["manager_li", "legal_tang", "finance_qian", "finance_sun"],
    "manager_then_director": ["manager_li", "director_wang"],
    "one_of_then_all": ["finance_sun", "legal_tang", "director_wang"],
    "parallel_then_head": ["finance_qian", "tech_zhao", "manager_li"],
    "up_the_line": ["manager_li", "director_wang", "gm_xu"],
}
"""Who approves in which order until it is approved, and not before the last."""


@pytest.mark.parametrize("path", PATTERNS, ids=lambda path: path.stem)
def test_a_shared_workflow_is_built_and_ends_with_its_last_approver(path: Path) -> None:
    key = path.stem
    assert set(yaml.safe_load(path.read_text(encoding="utf-8"))["inputs"]) == set(WITH[key])
    approval = {
        "approval": "offer",
        "entity": "offer",
        "label": "审批",
        "guard": ["total"],
        "use": key,
        "with": WITH[key],
    }
    submit = [
        {"create": "offer", "ref": "bj", "values": {"title": "报价", "total": 5000}},
        {"move": "submit", "of": "bj"},
    ]
    votes = [{"as": login, "approve": "bj"} for login in WAYS[key]]
    examples = {
        "all": {"example": "都同意", "as": "rep_chen", "do": submit + votes, "expect": {"stage": "approved"}},
        "less": {"example": "少一个", "as": "rep_chen", "do": submit + votes[:-1], "expect": {"stage": "review"}},
    }
    files = {"offer/approval.yaml": write(approval), "offer/examples/way.yaml": write({"examples": examples})}
    outcomes = play_folder(SourceFolder({**BASE, f"workflows/{path.name}": path.read_text(encoding="utf-8"), **files}))
    assert [problem.text("en") for outcome in outcomes for problem in outcome.problems] == []
    assert len(outcomes) == 2
