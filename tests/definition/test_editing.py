"""A small change to a file leaves everything else as its author wrote it."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from engine.definition.editing import Change, Drop, Put, Rename, edit
from engine.definition.yaml_reader import parse_yaml
from engine.definition.yaml_writer import write_yaml

TEXT = """\
# yaml-language-server: $schema=../schemas/patch/entity.json
# Why we differ.
entity: quote

fields:
  # what they call it
  amount:   {label: 金额, min: 0}   # agreed in May
  freight:
    label: 运费
    help: >
      两行
      文字
  # a comment of notes
  notes:    {label: 备注}
list: {columns: [a, b]}
"""


def changed(*changes: Change) -> str:
    return edit(TEXT, changes)


def test_a_value_on_a_line_is_replaced_and_the_comment_behind_it_stays() -> None:
    assert changed(Put(("fields", "amount", "label"), "报价: 金额")) == TEXT.replace("金额", '"报价: 金额"')


def test_a_new_entry_stands_behind_the_one_that_is_named_else_last() -> None:
    assert "  amount:   {label: 金额, min: 0}   # agreed in May\n  new: {type: text}\n  freight:" in changed(
        Put(("fields", "new"), {"type": "text"}, ("amount",))
    )
    assert "  notes:    {label: 备注}\n  new: {type: text}\nlist:" in changed(Put(("fields", "new"), {"type": "text"}))
    assert "{label: 金额, max: 9, min: 0}" in changed(Put(("fields", "amount", "max"), 9, ("label",)))
    assert changed(Put(("form", "basics", "label"), "x")).endswith("b]}\nform:\n  basics: {label: x}\n")


def test_what_is_dropped_takes_its_comments_with_it() -> None:
    left = changed(Drop(("fields", "notes")))
    assert "notes" not in left and "# what they call it" in left
    assert left.endswith("      文字\nlist: {columns: [a, b]}\n")
    assert "amount:   {label: 金额}   # agreed" in changed(Drop(("fields", "amount", "min")))
    assert "amount:   {min: 0}   # agreed" in changed(Drop(("fields", "amount", "label")))
    assert "help" not in changed(Drop(("fields", "freight", "help")))


def test_a_map_that_would_be_empty_goes_too() -> None:
    assert "list" not in changed(Drop(("list", "columns")))
    assert "notes" not in changed(Drop(("fields", "notes", "label")))
    assert edit("a: {b: {c: 1}}\n", [Drop(("a", "b", "c"))]) == ""


def test_a_key_is_renamed_where_it_stands() -> None:
    assert "  total:   {label: 金额" in changed(Rename(("fields", "amount"), "total"))


def test_a_list_is_replaced_whole() -> None:
    assert "list: {columns: [c]}" in changed(Put(("list", "columns"), ["c"]))


keys = st.sampled_from(["a", "b", "c", "d e", "true", "1"])
scalars = st.integers(0, 9) | st.sampled_from(["x", "two words", "a: b", "长" * 60]) | st.booleans()


def deeper(inner: Any) -> Any:
    return st.dictionaries(keys, inner, min_size=1, max_size=4) | st.lists(st.dictionaries(keys, inner), max_size=2)


trees: Any = st.recursive(scalars | st.lists(scalars, max_size=3), deeper, max_leaves=10)
paths = st.lists(keys, min_size=1, max_size=3).map(tuple)
changes = st.lists(
    st.builds(Drop, paths) | st.builds(Put, paths, trees, st.lists(keys, max_size=2).map(tuple)), min_size=1, max_size=4
)


@given(st.dictionaries(keys, trees, min_size=1, max_size=4), changes)
def test_any_change_gives_exactly_the_data_that_was_meant(data: dict[str, Any], some: list[Change]) -> None:
    done = edit(write_yaml(data), some)
    wanted = data
    for change in some:
        wanted = apply(wanted, change.path, change)
    assert (parse_yaml(done, "").data if done else {}) == wanted


def apply(data: Any, path: Any, change: Any) -> Any:
    """The plain meaning of a change."""
    key, *rest = path
    here = dict(data) if isinstance(data, dict) else {}
    if isinstance(change, Drop):
        if not isinstance(data, dict) or key not in here:
            return data
        below = apply(here[key], rest, change) if rest else None
        if rest and below != {}:
            return {**here, key: below}
        del here[key]
        return here
    return {**here, key: apply(here.get(key), rest, change) if rest else change.value}
