"""Choosing: yes or no, one option, several options, free tags.

Enters: keys or labels of options, words. Leaves: booleans, keys, lists. Must not invent an option.
"""

import re
import unicodedata
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from engine.compiler.field_types.declaration import ENTERED, EQUAL, ORDERED, FieldType, schema
from engine.compiler.readers import Wrong, checked_text, is_empty, require_text
from engine.expression import Kind

if TYPE_CHECKING:
    from engine.compiler.app import Field

_YES = frozenset({"true", "1", "on", "yes", "y", "是", "有", "√"})
_NO = frozenset({"false", "0", "off", "no", "n", "否", "无", "×"})
_BETWEEN = re.compile(r"[,;、，；\n]")
_NOT_IN_TAGS = re.compile(r'["\\,;、，；\[\]{}]')
MOST_TAGS = 50
LONGEST_TAG = 40


def read_boolean(raw: Any, field: "Field") -> bool:
    """Read yes or no, also 是/否."""
    if isinstance(raw, bool):
        return raw
    said = unicodedata.normalize("NFKC", require_text(raw, "value.boolean")).strip().lower()
    if said in _YES:
        return True
    if said in _NO:
        return False
    raise Wrong("value.boolean")


def read_choice(raw: Any, field: "Field") -> str:
    """Read one option, by its key or by its label in any language; capitals matter only between two options."""
    try:
        said = unicodedata.normalize("NFKC", require_text(raw)).strip()
    except Wrong:
        raise Wrong("value.choice", options=_Options(field)) from None
    key = field.option_names.get(said) or field.option_names.get(said.casefold())
    if key is None:
        raise Wrong("value.choice", options=_Options(field))
    return key


def read_choices(raw: Any, field: "Field") -> list[str]:
    """Read several options, as a list or as text separated by commas, semicolons or 、."""
    parts = re.split(r"[,;、，；]", raw) if isinstance(raw, str) else raw
    if not isinstance(parts, Sequence) or isinstance(parts, bytes):
        raise Wrong("value.choices")
    chosen = {read_choice(part, field) for part in parts if not is_empty(part)}
    return [key for key in field.options if key in chosen]


class _Options:
    """The labels of a field's options, in the reader's language."""

    def __init__(self, field: "Field") -> None:
        self._labels = tuple(field.options.values())

    def text(self, language: str) -> str:
        between = "、" if language == "zh" else ", "
        return between.join(str(label.get(language) or next(iter(label.values()), "")) for label in self._labels)


def read_tags(raw: Any, field: "Field") -> list[str]:
    """Read free words, as a list or as text separated by commas: folded to lower case, without repeats, in order.

    Kept folded, so that ``VIP`` and ``vip`` are one tag to lists, formulas and both databases alike.
    """
    parts = [raw] if isinstance(raw, str) else raw
    if not isinstance(parts, Sequence) or isinstance(parts, bytes):
        raise Wrong("value.tags")
    words = [word for part in parts if not is_empty(part) for word in _BETWEEN.split(require_text(part, "value.tags"))]
    tags = list(dict.fromkeys(_tag(word, field) for word in words if not is_empty(word)))
    if len(tags) > MOST_TAGS:
        raise Wrong("value.too_many_tags", max=MOST_TAGS)
    return tags


def fold_tag(word: str) -> str:
    """Return a word as tags are kept: one width, lower case, single blanks."""
    return " ".join(unicodedata.normalize("NFKC", word).casefold().split())


def _tag(word: str, field: "Field") -> str:
    tag = fold_tag(checked_text(word, field))
    if not tag or len(tag) > LONGEST_TAG or _NOT_IN_TAGS.search(tag) or fold_tag(tag) != tag:
        raise Wrong("value.tags")
    return tag


def _choice_schema(field: "Field") -> dict[str, Any]:
    return {"type": "string", "enum": list(field.options)}


def _choices_schema(field: "Field") -> dict[str, Any]:
    return {"type": "array", "uniqueItems": True, "items": _choice_schema(field)}


def _ticked(value: bool) -> str:
    return "true" if value else ""


def _yes_or_no(value: bool) -> str:
    return "true" if value else "false"


def _listed(values: Sequence[str]) -> str:
    return ", ".join(values)


_OPTIONS = {"price": "价格", "delivery": "交期"}

TYPES = (
    FieldType(
        key="boolean",
        kind=Kind.BOOLEAN,
        column="boolean",
        parse=read_boolean,
        to_form=_ticked,
        to_text=_yes_or_no,
        json_schema=schema(type="boolean"),
        widget="boolean",
        cell="boolean",
        filter="yes_no",
        operators=EQUAL,
        keys=frozenset({"default"}),
        definition={"type": "boolean"},
        example="是",
        filtered_by_default=True,
        purpose={"zh": "是或否，例如是否开票。", "en": "Yes or no: is an invoice wanted."},
        typed={"zh": "是/否、true/false、1/0。", "en": "yes/no, true/false, 1/0, 是/否."},
    ),
    FieldType(
        key="choice",
        kind=Kind.CHOICE,
        column="text",
        parse=read_choice,
        json_schema=_choice_schema,
        widget="choice",
        cell="choice",
        filter="options",
        operators=ORDERED | {"in", "contains"},
        keys=frozenset({"became", "default", "options", "retired_options"}),
        needs=frozenset({"options"}),
        listed=3,
        takes=frozenset({"text", "long_text"}),
        definition={"type": "choice", "options": _OPTIONS},
        example="交期",
        in_display=True,
        filtered_by_default=True,
        purpose={"zh": "从几个选项中选一个。", "en": "One of several options."},
        typed={"zh": "选项的键，或它在任一语言中的名称。", "en": "The key of an option, or its label in any language."},
    ),
    FieldType(
        key="choices",
        kind=Kind.CHOICES,
        column="json",
        parse=read_choices,
        to_json=list,
        to_form=list,
        json_schema=_choices_schema,
        widget="choices",
        cell="choices",
        filter="options",
        operators=EQUAL | {"in", "contains"},
        to_sheet=_listed,
        to_text=_listed,
        keys=frozenset({"became", "default", "options", "retired_options"}),
        needs=frozenset({"options"}),
        definition={"type": "choices", "options": _OPTIONS},
        example="价格、交期",
        sortable=False,
        many=True,
        wide=True,
        in_lines=False,
        purpose={"zh": "从几个选项中选多个。", "en": "Several of several options."},
        typed={"zh": "用逗号或顿号分开的选项；JSON 用列表。", "en": "Options separated by commas; in JSON a list."},
    ),
    FieldType(
        key="tags",
        kind=Kind.TAGS,
        column="json",
        parse=read_tags,
        to_json=list,
        to_form=list,
        json_schema=schema(
            type="array", uniqueItems=True, maxItems=MOST_TAGS, items={"type": "string", "maxLength": LONGEST_TAG}
        ),
        widget="tags",
        cell="tags",
        filter="text",
        operators=EQUAL | {"in", "contains"},
        to_sheet=_listed,
        to_text=_listed,
        basis=ENTERED,
        keys=frozenset({"default", "search"}),
        takes=frozenset({"choices"}),
        definition={"type": "tags"},
        example="vip, 华东",
        sortable=False,
        searchable=True,
        many=True,
        wide=True,
        in_lines=False,
        purpose={
            "zh": "自由标签；输入时提示已用过的标签。公式写作 'vip' in tags。",
            "en": "Free words; those already in use are suggested. In a formula: 'vip' in tags.",
        },
        typed={
            "zh": "用逗号或顿号分开的词，最多 50 个，每个最多 40 字；统一存为小写，重复的合并。",
            "en": "Words separated by commas, at most 50 of 40 characters; kept in lower case, repeats merged.",
        },
    ),
)
