"""Drawings of workflows and approvals: all of the definition, nothing over anything else, and the same in words."""

from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.compiler.app import CompiledApp
from engine.compiler.compile import load_app
from engine.definition.source import read_folder
from engine.drawing.picture import Box, Picture, width_of, wrapped
from engine.drawing.stages import DrawnMove, DrawnStage, draw_stages
from engine.drawing.steps import BOX_WIDTH, DrawnBlock, DrawnBranch, DrawnStep, draw_steps
from engine.messages import say
from engine.workflow.drawings.approvals import draw_approval
from engine.workflow.drawings.workflows import draw_workflow
from tests.conftest import ROOT

BUNDLED = ("manufacturing", "retail_store", "starter")
names = st.text("客户报价审批 abcXYZ<>&\"'", min_size=1, max_size=40)
conditions = st.just("") | names


@pytest.fixture(scope="module", params=BUNDLED)
def app(request: pytest.FixtureRequest) -> CompiledApp:
    return load_app(read_folder(Path(ROOT / "templates" / request.param)))


def require_clear(picture: Picture) -> None:
    """Nothing lies outside the picture or over another box, and no text is wider than its box."""
    for box in picture.boxes:
        assert box.x >= 0 and box.y >= 0
        assert box.x + box.width <= picture.width and box.y + box.height <= picture.height
    assert [pair for pair in combinations(picture.boxes, 2) if _overlap(*pair)] == []
    for line in picture.lines:
        assert all(0 <= x <= picture.width and 0 <= y <= picture.height for x, y in line.points)


def _overlap(one: Box, other: Box) -> bool:
    across = one.x < other.x + other.width and other.x < one.x + one.width
    return across and one.y < other.y + other.height and other.y < one.y + one.height


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_stage_and_every_move_of_a_template_is_drawn_and_said(app: CompiledApp, language: str) -> None:
    for entity in app.entities.values():
        picture = draw_workflow(app, entity, language)
        if entity.workflow is None:
            assert picture is None
            continue
        assert picture is not None
        require_clear(picture)
        assert len(picture.boxes) == len(entity.workflow.stages)
        words = "\n".join(picture.words)
        for part in (*entity.workflow.stages.values(), *entity.workflow.moves.values()):
            assert say(part.label, language) in words


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_step_of_an_approval_is_drawn_with_whom_it_asks(app: CompiledApp, language: str) -> None:
    for approval in app.approvals.values():
        picture = draw_approval(app, approval, language)
        require_clear(picture)
        branches = sum(len(step.branches) for step in approval.steps.values())
        assert len(picture.boxes) == len(approval.steps) + branches + 2
        words = "\n".join(picture.words)
        for step in approval.steps.values():
            assert say(step.label, language) in words
            for who in step.who:
                if who.kind == "role":
                    assert say(app.roles[who.name].label, language) in words


def test_the_stage_of_a_record_is_marked() -> None:
    app = load_app(read_folder(ROOT / "templates" / "manufacturing"))
    picture = draw_workflow(app, app.entities["quote"], "zh", at="approval")
    stages = list(app.entities["quote"].workflow.stages)  # type: ignore[union-attr]
    marked = [at for at, box in enumerate(picture.boxes) if box.state == "now"] if picture else []
    assert marked == ([stages.index("approval")] if "approval" in stages else [])


steps = st.recursive(
    st.builds(DrawnStep, names, st.lists(names, max_size=3).map(tuple), conditions),
    lambda inner: st.builds(
        DrawnBlock,
        st.builds(DrawnStep, names),
        st.lists(
            st.builds(DrawnBranch, names, st.lists(inner, min_size=1, max_size=3).map(tuple), conditions),
            min_size=1,
            max_size=3,
        ).map(tuple),
    ),
    max_leaves=8,
)


@given(st.lists(steps, max_size=5))
@settings(max_examples=60, deadline=None)
def test_steps_nested_in_any_way_lie_clear_of_each_other(drawn: list[DrawnStep | DrawnBlock]) -> None:
    require_clear(draw_steps("提交", drawn, "通过"))


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_stages_with_any_moves_between_them_lie_clear_of_each_other(data: st.DataObject) -> None:
    stages = data.draw(st.lists(st.builds(DrawnStage, names, st.lists(names, max_size=4).map(tuple)), min_size=1))
    at = st.integers(0, len(stages) - 1)
    moves = data.draw(st.lists(st.builds(DrawnMove, names, st.lists(at, min_size=1, unique=True).map(tuple), at)))
    require_clear(draw_stages(stages, moves))


@given(names)
def test_a_text_broken_into_lines_fits_its_box_and_loses_nothing_before_the_ellipsis(said: str) -> None:
    lines = wrapped(said, BOX_WIDTH, most=50)
    assert "".join(lines).replace(" ", "") == said.replace(" ", "")
    assert all(width_of(line) <= BOX_WIDTH or " " not in line.strip() for line in lines)
