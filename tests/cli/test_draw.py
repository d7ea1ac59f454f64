"""``formwork draw``: the drawing of a definition as a file, and in words."""

from pathlib import Path
from xml.etree import ElementTree

from tests.cli.conftest import DESK, Run, changed

SVG = "{http://www.w3.org/2000/svg}"


def texts(file: Path) -> str:
    root = ElementTree.parse(file).getroot()
    return "".join(one.text or "" for one in root.iter(f"{SVG}text"))


def test_the_stages_of_the_current_release_are_said_in_words(run: Run) -> None:
    result = run("draw", "ticket", language="zh")
    assert result.exit_code == 0
    assert "完成" in result.output


def test_a_drawing_is_written_as_svg_that_stands_alone(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "ticket.svg"
    result = run("draw", "ticket", "--svg", file)
    assert result.exit_code == 0 and str(file) in result.output
    assert texts(file)
    assert "<style>" in file.read_text(encoding="utf-8")


def test_a_folder_is_drawn_before_it_is_published_and_markup_in_labels_stays_text(run: Run, tmp_path: Path) -> None:
    label = next(
        line for line in (DESK / "ticket/workflow.yaml").read_text(encoding="utf-8").splitlines() if "label" in line
    )
    folder = changed(tmp_path, "ticket/workflow.yaml", label, label.split("label:")[0] + 'label: "<b>&工单"')
    file = tmp_path / "ticket.svg"
    assert run("draw", "ticket", "--folder", folder, "--svg", file).exit_code == 0
    title = ElementTree.parse(file).getroot().find(f"{SVG}title")
    assert title is not None and title.text == "<b>&工单"


def test_a_name_that_cannot_be_drawn_is_answered_with_those_that_can(run: Run) -> None:
    result = run("draw", "tickets")
    assert result.exit_code == 1
    assert "ticket" in result.output
