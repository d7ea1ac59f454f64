"""Every sentence the engine's code asks for stands in both catalogues, with the parameters it is given."""

import ast
import re
import string
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from engine import messages

ENGINE = Path(messages.__file__).parent.parent
REFUSALS = {"NotAllowed", "NotPossibleNow", "NotFound", "Unavailable"}  # refusals that are one sentence
EVENTS = {"approval", "people"}  # what happened is named like this too, and is no sentence
SECTIONS = {code.partition(".")[0] for code in messages.catalog("zh") if "." in code} - EVENTS
CODE = re.compile(rf"({'|'.join(sorted(SECTIONS))})(\.[a-zA-Z0-9_]+)+")


def trees() -> Iterator[tuple[Path, ast.AST]]:
    for path in sorted(ENGINE.rglob("*.py")):
        yield path, ast.parse(path.read_text(encoding="utf-8"))


def placeholders(code: str, language: str) -> set[str]:
    parsed = string.Formatter().parse(messages.catalog(language)[code])
    return {name for _, name, _, _ in parsed if name is not None}


def asked() -> Iterator[tuple[str, str, set[str] | None]]:
    """Yield (place, code, names of the parameters) for each sentence asked for in so many words."""
    for path, tree in trees():
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call):
                continue
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            place = f"{path.relative_to(ENGINE)}:{node.lineno}"
            arguments = [one.value if isinstance(one, ast.Constant) else None for one in node.args]
            if name == "FieldError" and len(arguments) > 1 and isinstance(arguments[1], str):
                yield place, arguments[1], keys_of(node.args[2] if len(node.args) > 2 else None, node)
            elif (name in REFUSALS or name in ("Wrong", "_refused")) and arguments and isinstance(arguments[0], str):
                named = {one.arg for one in node.keywords if one.arg is not None}
                yield place, arguments[0], None if any(one.arg is None for one in node.keywords) else named
            elif name == "refuse" and arguments and isinstance(arguments[0], str) and arguments[0][1:].isdigit():
                named = {one.arg for one in node.keywords if one.arg not in (None, "suggestion")}
                yield place, f"problem.{arguments[0]}", {str(one) for one in named}


def keys_of(node: ast.expr | None, call: ast.Call) -> set[str] | None:
    """The keys of a dictionary written out, None when it is not."""
    if node is None:
        return set() if not call.keywords else None
    if isinstance(node, ast.Dict) and all(isinstance(key, ast.Constant) for key in node.keys):
        return {str(key.value) for key in node.keys if isinstance(key, ast.Constant)}
    return None


@cache
def each_asked() -> list[tuple[str, str, frozenset[str] | None]]:
    """Return all of them, found when a test first wants them: collecting tests need not read the engine."""
    found = {(place, code, None if names is None else frozenset(names)) for place, code, names in asked()}
    return sorted(found, key=str)


def test_the_code_asks_for_many_sentences() -> None:
    assert len(each_asked()) > 150
    assert {code.partition(".")[0] for _, code, _ in each_asked()} >= {"value", "record", "sheet", "storage", "problem"}


@pytest.mark.parametrize("language", messages.LANGUAGES)
def test_each_sentence_is_there_and_its_parameters_are_given(language: str) -> None:
    catalog = messages.catalog(language)
    wrong: list[Any] = [(place, code) for place, code, _ in each_asked() if code not in catalog]
    for place, code, names in each_asked():
        if code in catalog and names is not None and not placeholders(code, language) <= names:
            wrong.append((place, code, sorted(placeholders(code, language) - names)))

    assert wrong == []


def test_whatever_looks_like_a_code_in_the_engine_is_one() -> None:
    known = messages.catalog("zh")
    wrong = [
        (path.name, node.lineno, node.value)
        for path, tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and CODE.fullmatch(node.value)
        and node.value not in known
        and not any(code.startswith(node.value) for code in known)
    ]

    assert [one for one in wrong if not re.search(r"\.(yaml|py|typ|json)$", one[2])] == []


@pytest.mark.parametrize("language", messages.LANGUAGES)
def test_no_code_stands_twice_and_every_sentence_says_something(language: str) -> None:
    texts = [path.read_text(encoding="utf-8") for path in Path(messages.__file__).parent.glob(f"{language}/*.yaml")]
    written = re.findall(r"^([a-z_]+(?:\.[a-zA-Z0-9_]+)*):", "\n".join(texts), re.MULTILINE)

    assert sorted({code for code in written if written.count(code) > 1}) == []
    catalog = messages.catalog(language)
    assert set(catalog) == set(written)
    assert [code for code, said in catalog.items() if not isinstance(said, str) or not said.strip()] == []


def test_the_two_catalogues_ask_for_the_same_parameters() -> None:
    zh, en = messages.catalog("zh"), messages.catalog("en")

    assert set(zh) == set(en)
    assert [code for code in zh if placeholders(code, "zh") != placeholders(code, "en")] == []
