"""Reusable approvals: steps written once, used with other people and limits.

Enters: an approval that says ``use:`` and ``with:``, and the patterns by name. Leaves: the pattern's document with the
inputs filled in, or the problems. Must not nest: a pattern cannot use another.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from engine.definition.kinds import BASE
from engine.definition.problems import did_you_mean, listed, problem, unknown
from engine.definition.yaml_reader import Document
from engine.errors import Location, Problem
from engine.places import find_data

_USE: Final = re.compile(r"^use: *['\"]?([a-z][a-z0-9_]*)", re.MULTILINE)
_PLACEHOLDER: Final = re.compile(r"\{([a-z][a-z0-9_]*)\}")
_NUMBER: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?%?")
_ROLE: Final = re.compile(r"[a-z](_?[a-z0-9])*")


def expand(approval: Document, patterns: Mapping[str, Document]) -> Document:
    """Return the pattern an approval uses with its inputs filled in; ``check_use`` found nothing wrong before."""
    pattern = patterns[approval.data["use"]]
    given = {key: str(value) for key, value in approval.data.get("with", {}).items()}
    return replace(pattern, data={**pattern.data, "steps": _fill(pattern.data["steps"], given)})


def read_used(files: Mapping[str, str]) -> dict[str, str]:
    """Return the patterns that approvals among ``files`` use and the folder does not have itself, by relative path.

    They become part of the folder, so that a release stays what it was when the installed patterns change. What a site
    keeps of its template has its own already.
    """
    own = {path: text for path, text in files.items() if not path.startswith(BASE)}
    used = {name for path, text in own.items() if path.endswith("/approval.yaml") for name in _USE.findall(text)}
    paths = {name: _bundled() / f"{name}.yaml" for name in used if name in bundled_names()}
    read = {f"workflows/{name}.yaml": path.read_text(encoding="utf-8") for name, path in sorted(paths.items())}
    return {path: text for path, text in read.items() if path not in files and BASE + path not in files}


def bundled_names() -> list[str]:
    """Return the names of the patterns that come with the product."""
    return sorted(path.stem for path in _bundled().glob("*.yaml"))


def check_use(approval: Document, patterns: Mapping[str, Document]) -> Iterator[Problem]:
    """Yield what is wrong with the ``use:`` and ``with:`` of an approval."""
    name = approval.data.get("use")
    if name is None:
        return
    if name not in patterns:
        known = sorted({*patterns, *bundled_names()})
        yield unknown("D203", approval.at_text(("use",)), name, known, pattern=name)
        return
    yield from _check_inputs(approval, name, patterns[name].data.get("inputs", {}))


def check_pattern(pattern: Document) -> Iterator[Problem]:
    """Yield what is wrong with a pattern beyond the shape of its file."""
    name = pattern.data["pattern"]
    file = pattern.file.rpartition("/")[2].removesuffix(".yaml")
    if name != file:
        yield problem("D208", pattern.at_text(("pattern",)), file, pattern=name, file=pattern.file)
    inputs = pattern.data.get("inputs", {})
    for path, text in _texts(pattern.data["steps"], ("steps",)):
        for used in _PLACEHOLDER.findall(text):
            if used not in inputs:
                yield unknown("D206", pattern.at_text(path), used, inputs, input=used)


def _bundled() -> Path:
    return find_data("workflows")


def _check_inputs(approval: Document, name: str, inputs: Mapping[str, Any]) -> Iterator[Problem]:
    given = approval.data.get("with", {})
    for key in inputs:
        if key not in given:
            yield problem("D204", _with_location(approval), None, pattern=name, input=key)
    for key, value in given.items():
        if key not in inputs:
            near = did_you_mean(key, inputs)
            yield problem("D205", approval.at_key(("with", key)), near, pattern=name, input=key, known=listed(inputs))
        elif not _fits(value, inputs[key]["type"]):
            yield problem("D207", approval.at_value(("with", key)), None, input=key, value=value)


def _with_location(approval: Document) -> Location:
    return approval.at_key(("with",) if "with" in approval.data else ("use",))


def _fits(value: Any, kind: str) -> bool:
    if kind == "number":
        return isinstance(value, int | Decimal) or bool(_NUMBER.fullmatch(value))
    if kind == "role":
        return isinstance(value, str) and bool(_ROLE.fullmatch(value))
    return isinstance(value, str)


def _fill(value: Any, given: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _fill(item, given) for key, item in value.items()}
    if isinstance(value, list):
        return [_fill(item, given) for item in value]
    if isinstance(value, str):
        return _PLACEHOLDER.sub(lambda found: given.get(found[1], found[0]), value)
    return value


def _texts(value: Any, path: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    if isinstance(value, str):
        yield path, value
        return
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in entries:
        yield from _texts(item, (*path, key))
