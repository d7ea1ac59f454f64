"""Whatever becomes of a template, checking it gives an app or problems in two languages, never a traceback.

``FORMWORK_TEST_EXAMPLES=5000`` asks for a longer run than the everyday one.
"""

import os
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from engine.compiler.compile import load_app
from engine.definition.kinds import find_kind
from engine.definition.source import SourceFolder
from engine.errors import DefinitionError
from engine.messages import LANGUAGES
from tests.conftest import to_folder

EXAMPLES = int(os.environ.get("FORMWORK_TEST_EXAMPLES", "60"))
TEMPLATES = {name: dict(to_folder(name).files) for name in ("starter", "retail_store", "manufacturing")}
DATA = {
    (name, path): yaml.load(text, Loader=getattr(yaml, "CBaseLoader", yaml.BaseLoader))
    for name, files in TEMPLATES.items()
    for path, text in files.items()
}
Path = tuple[Any, ...]


def paths_in(value: Any, path: Path = ()) -> list[Path]:
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for key, item in entries for found in paths_in(item, (*path, key)))]


PATHS = {place: paths_in(data) for place, data in DATA.items()}
KEYS = sorted({part for paths in PATHS.values() for path in paths for part in path if isinstance(part, str)})
ODD = [
    "",
    " ",
    "~",
    "null",
    "true",
    "no",
    "on",
    "22:30",
    "0123",
    "1e400",
    "-1",
    "0",
    "1.5",
    "9" * 400,
    "-" + "9" * 60,
    "99%",
    "-5%",
    "{x}",
    "{",
    "{seq:99999}",
    "{seq:0}",
    "7wd",
    "20MB",
    "-amount",
    "a.b",
    "a.b.c",
    "*a",
    "&a x",
    "!!int 3",
    "<<",
    "名称：值",
    "\u202e",
    "\u0000",
    "\ud7ff",
    "👩‍💻",
    "a" * 5000,
    "(" * 60,
    "[[",
    "(?=",
    "(a+)+$",
    "\\",
    "user",
    "number",
    "id",
    "sum(items.total)",
    "1 / 0",
    "today() + 99999d",
    "stage = 'x'",
    "not",
    "if(1, 2, 3)",
    "customer.region.label",
    "'",
    '"',
]
SCALARS = st.sampled_from(ODD) | st.sampled_from(KEYS) | st.text(max_size=6) | st.integers(-(10**30), 10**30)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=3),
    max_leaves=5,
)


def get(value: Any, path: Path) -> Any:
    for part in path:
        value = value[part]
    return value


def put(value: Any, path: Path, new: Any) -> Any:
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = put(value[path[0]], path[1:], new)
    return copy


def without(value: Any, path: Path) -> Any:
    above = get(value, path[:-1])
    if isinstance(above, dict):
        return put(value, path[:-1], {key: item for key, item in above.items() if key != path[-1]})
    return put(value, path[:-1], [item for at, item in enumerate(above) if at != path[-1]])


def renamed(value: Any, path: Path, key: str) -> Any:
    above = get(value, path[:-1])
    if isinstance(above, dict):
        return put(value, path[:-1], {key if old == path[-1] else old: item for old, item in above.items()})
    return put(value, path[:-1], [*above, above[path[-1]]])


@st.composite
def mutants(draw: st.DrawFn) -> dict[str, str]:
    """A template with one to three of its parts deleted, renamed, doubled, replaced or swapped with another."""
    name = draw(st.sampled_from(sorted(TEMPLATES)))
    files = dict(TEMPLATES[name])
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(sorted(files)))
        files[path] = draw(changed_text(name, path, files[path]))
    if draw(st.integers(0, 9)) == 0:
        moved = draw(st.sampled_from(sorted(files)))
        files[draw(st.sampled_from(sorted(files)))] = files.pop(moved)
    return files


@st.composite
def changed_text(draw: st.DrawFn, template: str, path: str, text: str) -> str:
    data = DATA[(template, path)]
    places = PATHS[(template, path)][1:]
    if text != TEMPLATES[template][path]:
        return text[: draw(st.integers(0, len(text)))] + draw(st.text(max_size=8))
    place = draw(st.sampled_from(places))
    how = draw(st.sampled_from(["delete", "rename", "replace", "swap", "foreign", "empty", "text"]))
    if how == "delete":
        data = without(data, place)
    elif how == "rename":
        data = renamed(data, place, draw(st.sampled_from(KEYS) | st.text(max_size=5)))
    elif how == "replace":
        data = put(data, place, draw(VALUES))
    elif how == "swap":
        data = put(data, place, get(data, draw(st.sampled_from(places))))
    elif how == "foreign":
        other = draw(st.sampled_from(sorted(DATA)))
        data = put(data, place, get(DATA[other], draw(st.sampled_from(PATHS[other]))))
    elif how == "empty":
        data = put(data, place, draw(st.sampled_from(["", {}, [], None])))
    else:
        at = draw(st.integers(0, len(text)))
        return text[:at] + draw(st.sampled_from(ODD) | st.text(max_size=4)) + text[at + draw(st.integers(0, 20)) :]
    return yaml.safe_dump(data, allow_unicode=True, sort_keys=False, width=1000)


def check(files: dict[str, str]) -> None:
    try:
        load_app(SourceFolder(files))
    except DefinitionError as refused:
        assert refused.problems
        for problem in refused.problems:
            assert problem.location.file in {*files, "app.yaml", "."}
            said = [problem.text(language) for language in LANGUAGES]
            assert all("\n" not in text and len(text) < 4000 for text in said), said


@given(mutants())
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # a mutant is small enough; shrinking takes minutes
)
def test_a_template_with_anything_changed_is_an_app_or_problems(files: dict[str, str]) -> None:
    check(files)


@pytest.mark.parametrize(
    "text", ["", "\n", "# nothing\n", "---\n", "{}", "[]", "x", "null\n", "\ufeff", "- - -\n", "? a\n"]
)
def test_any_file_may_hold_nothing_or_little(text: str) -> None:
    for path in TEMPLATES["starter"]:
        check(TEMPLATES["starter"] | {path: text})


def test_any_file_may_hold_what_another_kind_of_file_should() -> None:
    files = TEMPLATES["retail_store"]
    for path in files:
        other = next(one for one in files if find_kind(one) != find_kind(path))
        check(files | {path: files[other]})
