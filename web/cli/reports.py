"""What ``--json`` prints about problems, for editors and other programs: the shape of ``schemas/report.json``.

Enters: problems and the texts they are about. Leaves: plain data. Must not change what a name means without a
new ``format``.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from engine import messages
from engine.errors import Problem

FORMAT = 1
_WORD = re.compile(r"[^\s,:\[\]{}()\"'#=<>]+")


def problem_data(problem: Problem, files: Mapping[str, str]) -> dict[str, Any]:
    """Return one problem; lines and columns count from 1, columns count characters.

    The end is that of the word at the place (its last character included), null where no word stands.
    """
    place = problem.location
    return {
        "file": place.file,
        "line": place.line,
        "column": place.column,
        "end_column": _end(files.get(place.file, ""), place.line, place.column),
        "code": problem.code,
        "sentence": {language: problem.sentence(language) for language in messages.LANGUAGES},
        "suggestion": problem.suggestion,
    }


def check_data(
    problems: Sequence[Problem], files: Mapping[str, str], untranslated: Mapping[str, Mapping[str, str]], *, ok: bool
) -> dict[str, Any]:
    """Return what ``formwork check --json`` prints."""
    return {
        "format": FORMAT,
        "ok": ok,
        "problems": [problem_data(problem, files) for problem in problems],
        "untranslated": {
            language: [{"path": path, "text": text} for path, text in texts.items()]
            for language, texts in untranslated.items()
        },
    }


def _end(text: str, line: int, column: int) -> int | None:
    lines = text.split("\n")
    word = _WORD.match(lines[line - 1], column - 1) if line <= len(lines) else None
    return word.end() if word else None
