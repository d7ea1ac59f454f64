"""What plain YAML does to business values in silence does not happen here."""

from decimal import Decimal

import pytest

from engine.definition.yaml_reader import MAX_FILE_BYTES, Document, parse_yaml
from engine.errors import DefinitionError, Location


def read(text: str) -> Document:
    return parse_yaml(text, "x.yaml")


def value_of(written: str) -> object:
    return read(f"key: {written}\n").data["key"]


def codes_of(text: str) -> list[str]:
    with pytest.raises(DefinitionError) as refused:
        read(text)
    return [problem.code for problem in refused.value.problems]


@pytest.mark.parametrize(
    "written",
    ["yes", "no", "on", "off", "y", "n", "True", "FALSE", "Null", "NULL", "0123", "0x1F", "0o17", "0b11", "1_000", "+5",
     "22:30", "06:00", "190:20:30", "1e5", "1.5e3", ".5", "5.", ".inf", ".nan", "-.inf", "2026-03-04",
     "2026-03-04 10:00:00", "7wd", "15%", "20MB", "1.2.3", "0.1.0", "-0123", "=", "007"],
)  # fmt: skip
def test_whatever_is_not_plainly_a_number_or_true_or_false_stays_text(written: str) -> None:
    assert value_of(written) == written


@pytest.mark.parametrize(
    ("written", "value"), [("true", True), ("false", False), ("null", None), ("~", None), ("", None)]
)
def test_only_these_words_are_not_text(written: str, value: object) -> None:
    assert value_of(written) is value


@pytest.mark.parametrize(("written", "value"), [("0", 0), ("7", 7), ("-12", -12), ("999999999999999999", 10**18 - 1)])
def test_whole_numbers_are_whole_numbers(written: str, value: int) -> None:
    found = value_of(written)
    assert found == value
    assert type(found) is int


@pytest.mark.parametrize("written", ["1.10", "0.00", "-3.50", "12345678901234567.89"])
def test_decimals_keep_the_digits_as_written(written: str) -> None:
    found = value_of(written)
    assert isinstance(found, Decimal)
    assert str(found) == written


@pytest.mark.parametrize("written", ["true", "5", "1.10", "null", "~"])
def test_a_quoted_value_is_text(written: str) -> None:
    assert value_of(f"'{written}'") == value_of(f'"{written}"') == written


def test_keys_are_always_text() -> None:
    assert list(read("on: 1\nno: 2\n5: 3\ntrue: 4\n2026-01-01: 5\n~: 6\n").data) == [
        "on",
        "no",
        "5",
        "true",
        "2026-01-01",
        "~",
    ]


def test_the_order_of_keys_is_that_of_the_file() -> None:
    assert list(read("b: 1\na: 2\nc: 3\n").data) == ["b", "a", "c"]


def test_every_node_knows_where_its_key_and_its_value_stand() -> None:
    document = read("label: Quote\nfields:\n  name: {type: text}\n  list: [a, 'b']\n")
    assert document.at_key(("fields", "name")) == Location("x.yaml", 3, 3)
    assert document.at_value(("fields", "name")) == Location("x.yaml", 3, 9)
    assert document.at_key(("fields", "name", "type")) == Location("x.yaml", 3, 10)
    assert document.at_value(("fields", "name", "type")) == Location("x.yaml", 3, 16)
    assert document.at_value(("fields", "list", 1)) == Location("x.yaml", 4, 13)


def test_columns_count_characters_not_bytes() -> None:
    assert read("标签: {名称: 报价单, 键: 值}\n").at_value(("标签", "键")) == Location("x.yaml", 1, 18)


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ("when: a > 1", 1, 7),
        ("when: 'a > 1'", 1, 8),
        ('when: "a > 1"', 1, 8),
        ("when: |\n\n  a > 1", 3, 3),
        ("when: >-\n    a\n    > 1", 2, 5),
    ],
)
def test_the_place_of_a_text_is_that_of_its_first_character(text: str, line: int, column: int) -> None:
    assert read(text).at_text(("when",)) == Location("x.yaml", line, column)


@pytest.mark.parametrize("text", ["a: 1\r\nb: 2\r\n", "a: 1\rb: 2\r", "\ufeffa: 1\nb: 2\n"])
def test_files_of_any_editor_are_read_alike(text: str) -> None:
    document = read(text)
    assert document.data == {"a": 1, "b": 2}
    assert document.at_key(("b",)) == Location("x.yaml", 2, 1)


def test_all_repeated_keys_are_reported_at_once() -> None:
    assert codes_of("a: 1\na: 2\nb: {c: 1, c: 2}\n") == ["D011", "D011"]


@pytest.mark.parametrize(
    "text", ["a: !!str 5\n", "a: !x 5\n", "a: !!python/name:os.system ''\n", "!!map {a: 1}\n", "a: ! x\n", "!x a: 1\n"]
)
def test_tags_are_refused(text: str) -> None:
    assert codes_of(text) == ["D012"]


def test_an_alias_is_never_expanded() -> None:
    bomb = "a: &a [x]\n" + "".join(
        f"{key}: &{key} [*{last},*{last},*{last}]\n" for last, key in zip("abcdef", "bcdefg", strict=True)
    )
    assert set(codes_of(bomb)) == {"D013"}
    assert codes_of("*a : 1\n") == ["D013", "D019"]


def test_a_megabyte_is_refused_before_it_is_parsed() -> None:
    assert codes_of("a: b\n" * 250_000) == ["D016"]
    assert codes_of("x" * (MAX_FILE_BYTES + 1)) == ["D016"]
    assert codes_of("键" * (MAX_FILE_BYTES // 3 + 1)) == ["D016"]


@pytest.mark.parametrize(
    "text",
    ["[" * 100_000, "{a: " * 40_000, "- " * 50_000, "? " * 50_000, "".join("  " * n + "a:\n" for n in range(60))],
)
def test_deep_nesting_is_refused_without_overflowing(text: str) -> None:
    assert codes_of(text)[0] in ("D017", "D019")


def test_no_more_than_two_hundred_problems_are_listed() -> None:
    codes = codes_of("a: 1\n" * 20_000)
    assert codes.count("D011") == 200
    assert codes.count("D030") == 1


@pytest.mark.parametrize(
    "text", ["a: \x00", "a: \x1b[31m", "a: \x7f", "a: \ud800", "a: \u2028", "a: \x85", "a: \ufeff", "a: \uffff"]
)
def test_invisible_characters_are_refused_with_their_place(text: str) -> None:
    with pytest.raises(DefinitionError) as refused:
        read(text)
    assert [(item.code, item.location) for item in refused.value.problems] == [("D002", Location("x.yaml", 1, 4))]


@pytest.mark.parametrize("text", ["", "\n", "# only a remark\n", "---\n", "---\n...\n", "~\n"])
def test_an_empty_file_is_refused(text: str) -> None:
    assert codes_of(text) == ["D021"]


def test_chinese_and_emoji_are_text() -> None:
    assert value_of("密封垫 🔧") == "密封垫 🔧"
