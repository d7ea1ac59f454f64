"""Whatever is written in a file, the answer is a definition or problems with places, never a traceback."""

from pathlib import Path
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.definition.kinds import find_kind
from engine.definition.parser import parse_app
from engine.definition.schema import is_plainly_right
from engine.definition.schema_differences import find_differences
from engine.definition.source import SourceFolder, read_folder
from engine.definition.yaml_reader import parse_yaml
from engine.errors import DefinitionError
from engine.messages import LANGUAGES

FILES = dict(read_folder(Path(__file__).parent / "everything").files)
NAMES = sorted(FILES)
DATA = {name: yaml.load(text, Loader=yaml.BaseLoader) for name, text in FILES.items()}
WORDS = [
    "type",
    "label",
    "fields",
    "where",
    "lines",
    "file",
    "choice",
    "role",
    "use",
    "with",
    "steps",
    "from",
    "to",
    "all",
]
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-(10**40), 10**40), st.text(max_size=8), st.sampled_from(WORDS),
    st.sampled_from(["{x}", "{seq:4}", "7wd", "20MB", "99%", "0123", "-amount", "a.b", "*a", "&a", "!x", "<<"]),
)  # fmt: skip
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS) | st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)


def check(files: dict[str, str]) -> None:
    try:
        parse_app(SourceFolder(files))
    except DefinitionError as refused:
        assert refused.problems
        for problem in refused.problems:
            assert problem.location.file in files
            assert all("\n" not in problem.text(language) for language in LANGUAGES)


def paths_in(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for key, item in entries for found in paths_in(item, (*path, key)))]


def replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = replaced(value[path[0]], path[1:], new)
    return copy


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_any_value_in_the_place_of_any_other(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(NAMES))
    path = data.draw(st.sampled_from(paths_in(DATA[name])))
    changed = replaced(DATA[name], path, data.draw(VALUES))
    check(FILES | {name: yaml.safe_dump(changed, allow_unicode=True, sort_keys=False)})


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_any_text_in_the_place_of_any_part(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(NAMES))
    start = data.draw(st.integers(0, len(FILES[name])))
    end = min(len(FILES[name]), start + data.draw(st.integers(0, 12)))
    text = data.draw(
        st.text(alphabet=st.sampled_from("abc09:-{}[]#&*!|>'\"%@`,?\n \t\\~=<.键\x00"), max_size=6)
        | st.text(max_size=4)
    )
    check(FILES | {name: FILES[name][:start] + text + FILES[name][end:]})


@given(st.text(max_size=60))
@settings(max_examples=100, deadline=None)
def test_any_text_at_all(text: str) -> None:
    check(FILES | {"everything/entity.yaml": text})


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_the_quick_library_and_the_one_with_words_find_the_same_right(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(NAMES))
    path = data.draw(st.sampled_from(paths_in(DATA[name])))
    changed = replaced(DATA[name], path, data.draw(VALUES))
    kind = find_kind(name)
    try:
        document = parse_yaml(yaml.safe_dump(changed, allow_unicode=True, sort_keys=False), name)
    except DefinitionError:
        return
    assert kind is not None
    assert is_plainly_right(document.data, kind) == (find_differences(document, kind) == [])
