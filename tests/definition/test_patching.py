"""A site's file over the template's: merged by key, every value with the place it was written at."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from engine.definition.patching import lay_over
from engine.definition.yaml_reader import Document, parse_yaml
from engine.definition.yaml_writer import write_yaml
from engine.errors import Location

BASE = """\
entity: quote
label: 报价
fields:
  customer: {type: link, to: customer}
  freight:  {type: choice, options: {paid: 含, collect: 到付}}
  notes:    {type: text}
list: {columns: [customer, freight]}
"""


def lay(patch: str, base: str = BASE) -> Any:
    return lay_over(parse_yaml(base, "base/quote/entity.yaml"), parse_yaml(patch, "quote/entity.yaml"))


def said(patch: str) -> list[str]:
    return [problem.text("en") for problem in lay(patch).problems]


def test_maps_are_merged_by_key_and_anything_else_is_replaced() -> None:
    data = lay(
        "entity: quote\nlabel: 报价单\nfields: {freight: {required: true}}\nlist: {columns: [freight]}\n"
    ).document.data
    assert data["label"] == "报价单"
    assert data["fields"]["freight"] == {
        "type": "choice",
        "options": {"paid": "含", "collect": "到付"},
        "required": True,
    }
    assert data["list"] == {"columns": ["freight"]}
    assert list(data["fields"]) == ["customer", "freight", "notes"]


def test_what_is_removed_is_gone_and_a_map_left_without_entries_too() -> None:
    data = lay("entity: quote\nremove: {fields.notes: 不用, list.columns: 用默认}\n").document.data
    assert list(data["fields"]) == ["customer", "freight"] and "list" not in data


def test_what_is_removed_and_written_again_is_replaced_in_its_place() -> None:
    data = lay("entity: quote\nremove: {fields.freight: 改为数字}\nfields: {freight: {type: money}}\n").document.data
    assert list(data["fields"].items())[1] == ("freight", {"type": "money"})


def test_new_keys_stand_last_unless_their_place_is_said() -> None:
    new = "fields: {a: {type: text}, b: {type: text}, c: {type: text}}\n"
    patch = f"entity: quote\nafter: {{fields.customer: [b, a]}}\nbefore: {{fields.customer: [notes]}}\n{new}"
    assert list(lay(patch).document.data["fields"]) == ["notes", "customer", "b", "a", "freight", "c"]


def test_a_value_stands_where_it_was_written() -> None:
    document = lay("entity: quote\nfields:\n  freight: {required: true}\n").document
    assert document.at_value(("fields", "freight", "required")) == Location("quote/entity.yaml", 3, 23)
    assert document.at_key(("fields", "freight")) == Location("quote/entity.yaml", 3, 3)
    assert document.at_value(("fields", "freight", "type")) == Location("base/quote/entity.yaml", 5, 20)
    assert document.at_value(("list", "columns", 1)) == Location("base/quote/entity.yaml", 7, 28)


def test_addresses_that_lead_nowhere_are_named_with_the_nearest_that_does() -> None:
    assert said("entity: quote\nremove: {fields.notez: x, list.columns.0: x}\n") == [
        "quote/entity.yaml:2:10: there is nothing at 'fields.notez'; write the keys from the top of the file, "
        "with dots between them. Did you mean 'fields.notes'? [D306]",
        "quote/entity.yaml:2:27: there is nothing at 'list.columns.0'; write the keys from the top of the file, "
        "with dots between them. Did you mean 'list.columns'? [D306]",
    ]
    assert said("entity: quote\nafter: {fields.notes: [customr], fields.x: [notes]}\n") == [
        "quote/entity.yaml:2:24: 'customr' is not beside 'fields.notes'; only keys of the same map can be put in order."
        " Did you mean 'customer'? [D309]",
        "quote/entity.yaml:2:34: there is nothing at 'fields.x'; write the keys from the top of the file, "
        "with dots between them. Did you mean 'fields'? [D306]",
    ]


# ---- for any two files

keys = st.sampled_from("abcdef")
scalars = st.integers(0, 9) | st.sampled_from(["x", "y"])
trees = st.recursive(
    scalars | st.lists(scalars, max_size=3),
    lambda inner: st.dictionaries(keys, inner, min_size=1, max_size=4),
    max_leaves=12,
)
maps = st.dictionaries(keys, trees, min_size=1, max_size=4)


def document(data: dict[str, Any], file: str) -> Document:
    return parse_yaml(write_yaml(data), file)


@given(maps)
def test_a_file_that_says_nothing_changes_nothing(base: dict[str, Any]) -> None:
    before = document(base, "base")
    after = lay_over(before, Document("own", {}, {(): before.locations[()]})).document
    assert after.data == before.data
    assert {path: after.at_value(path) for path in after.locations if path} == {
        path: before.at_value(path) for path in before.locations if path
    }


@given(maps, maps)
def test_a_file_laid_over_itself_or_twice_is_the_same(base: dict[str, Any], patch: dict[str, Any]) -> None:
    once = lay_over(document(base, "base"), document(patch, "own")).document
    assert lay_over(document(patch, "base"), document(patch, "own")).document.data == patch
    assert lay_over(once, document(patch, "own")).document.data == once.data


@given(maps, maps, maps)
def test_changes_of_different_things_can_be_laid_over_in_any_order(
    base: dict[str, Any], one: dict[str, Any], two: dict[str, Any]
) -> None:
    other = {key: value for key, value in two.items() if key not in one} or {"g": 1}
    first = lay_over(lay_over(document(base, "base"), document(one, "one")).document, document(other, "two"))
    second = lay_over(lay_over(document(base, "base"), document(other, "two")).document, document(one, "one"))
    assert first.document.data == second.document.data


@given(maps, maps)
def test_every_value_is_found_at_its_place(base: dict[str, Any], patch: dict[str, Any]) -> None:
    texts = {"base": write_yaml(base).split("\n"), "own": write_yaml(patch).split("\n")}
    merged = lay_over(document(base, "base"), document(patch, "own")).document
    for path in merged.locations:
        found: Any = merged.data
        for key in path:
            found = found[key]
        place = merged.at_text(path)
        if not isinstance(found, dict | list):
            assert texts[place.file][place.line - 1][place.column - 1 :].startswith(str(found))
