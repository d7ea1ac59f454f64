"""A compiler that remembers what it found right says nothing else than one that remembers nothing."""

from collections.abc import Iterator

import pytest

from engine.compiler import judged
from engine.compiler.compile import load_app
from engine.definition.source import SourceFolder, read_folder
from engine.errors import DefinitionError
from tests.cli.conftest import DESK

FILES = dict(read_folder(DESK).files)


def changes() -> Iterator[tuple[str, str]]:
    """Yield each file of which a line is left out, or one word stands for another."""
    for name, text in FILES.items():
        lines = text.splitlines(keepends=True)
        for number, line in enumerate(lines):
            for before, after in (("money", "text"), ("number", "date"), ("choice", "text"), ("boolean", "number")):
                if f"type: {before}" in line:
                    changed = line.replace(f"type: {before}", f"type: {after}")
                    yield name, "".join([*lines[:number], changed, *lines[number + 1 :]])
            if ":" in line and line.startswith("  "):
                yield name, "".join(lines[:number] + lines[number + 1 :])


def said(files: dict[str, str]) -> list[str]:
    try:
        load_app(SourceFolder(files))
    except DefinitionError as refused:
        return [f"{one.location} {one.code} {one.text('en')}" for one in refused.problems]
    return []


def test_whatever_changes_is_judged_as_if_for_the_first_time() -> None:
    assert said(FILES) == []
    refused = 0
    for name, text in changes():
        files = FILES | {name: text}
        remembering = said(files)
        kept = dict(judged._judged)
        judged._judged.clear()
        assert said(files) == remembering, f"{name} with a change: {text}"
        judged._judged.update(kept)
        refused += bool(remembering)
    assert refused > 20, "the changes make a difference"


def test_what_was_found_right_is_not_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    said(FILES)
    asked: list[object] = []
    answer = judged.Judging.answer

    def noting(self: judged.Judging, question: object, shapes: object, work: object) -> object:
        def noted(given: object) -> object:
            asked.append(question)
            return work(given)  # type: ignore[operator]

        return answer(self, question, shapes, noted)  # type: ignore[arg-type]

    monkeypatch.setattr(judged.Judging, "answer", noting)
    name = next(name for name in FILES if name.endswith("entity.yaml"))
    assert said(FILES | {name: FILES[name].replace("label: ", "label: 新", 1)}) == []
    assert asked == []
