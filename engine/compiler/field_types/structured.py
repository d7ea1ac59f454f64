"""Text with markup, and any value JSON can say.

Enters: HTML or JSON from anybody. Leaves: markup from a short list of tags, plain data of bounded size. Must not let a
script, a style, an event handler or a foreign address through.
"""

import json
import re
from collections.abc import Mapping
from html import escape, unescape
from typing import TYPE_CHECKING, Any

import nh3

from engine.compiler.field_types.declaration import ENTERED, PRESENCE, FieldType
from engine.compiler.field_types.texts import text_type
from engine.compiler.readers import REFUSED, Wrong, checked_text, require_text
from engine.expression import Kind

if TYPE_CHECKING:
    from engine.compiler.app import Field

_TAGS = {
    "p",
    "br",
    "strong",
    "b",
    "em",
    "i",
    "u",
    "s",
    "h3",
    "h4",
    "ul",
    "ol",
    "li",
    "blockquote",
    "pre",
    "code",
    "a",
    "hr",
}
_GONE = {"script", "style", "title", "textarea", "iframe", "object", "svg", "math"}
_BLOCK = re.compile(r"</(?:p|h3|h4|li|blockquote|pre)>|<br>|<hr>")
_MARKUP = re.compile(r"<[^>]*>")
_LOOKS_LIKE_MARKUP = re.compile(r"</?[a-zA-Z][^<>]*>")
_LONGEST_JSON = 20_000
_DEEPEST_JSON = 20
_LARGEST_INTEGER = 10**30


def read_rich_text(raw: Any, field: "Field") -> str:
    """Read markup and keep what is on the list; text without any tag becomes paragraphs."""
    text = require_text(raw).replace("\r\n", "\n").replace("\r", "\n").strip()
    if len(text) > 10 * (field.type.max_length or 0):
        raise Wrong("value.too_long", max=field.max_length or field.type.max_length, length=len(text))
    if REFUSED.search(text):
        raise Wrong("value.control")
    markup = clean_markup(text if _LOOKS_LIKE_MARKUP.search(text) else _paragraphs(text))
    if not plain_text(markup):
        raise Wrong("value.rich_text_empty")
    return checked_text(markup, field)


def clean_markup(markup: str) -> str:
    """Return the markup with nothing in it but the tags of the list; a link does not tell where one comes from."""
    return nh3.clean(
        markup,
        tags=_TAGS,
        clean_content_tags=_GONE,
        attributes={"a": {"href"}},
        url_schemes={"http", "https", "mailto"},
        strip_comments=True,
        link_rel="noopener noreferrer nofollow",
    ).strip()


def plain_text(markup: str) -> str:
    """Return the text of cleaned markup, a line for each block."""
    text = unescape(_MARKUP.sub("", _BLOCK.sub("\n", markup)))
    return "\n".join(line.strip() for line in text.splitlines() if line.strip())


def read_json(raw: Any, field: "Field") -> Any:
    """Read any JSON value; text is JSON text, as in a form. ``null`` says nothing and is refused."""
    value = _parsed(raw) if isinstance(raw, str) else raw
    _require_plain(value, _DEEPEST_JSON)
    try:
        said = json.dumps(value, ensure_ascii=False, allow_nan=False)
    except (ValueError, TypeError, RecursionError):
        raise Wrong("value.json") from None
    if value is None or REFUSED.search(said):
        raise Wrong("value.json")
    if len(said) > _LONGEST_JSON:
        raise Wrong("value.too_long", max=_LONGEST_JSON, length=len(said))
    return value


def say_json(value: Any) -> Any:
    """Return the value; a text as JSON text, in quotes, since that is how text is read."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else value


def read_kept(said: Any) -> Any:
    """Return the value ``say_json`` said."""
    return json.loads(said) if isinstance(said, str) else said


def json_text(value: Any) -> str:
    """Return the value as JSON text."""
    return json.dumps(value, ensure_ascii=False)


def _parsed(text: str) -> Any:
    try:
        return json.loads(text) if len(text) <= _LONGEST_JSON else _refuse()
    except (ValueError, RecursionError):
        return _refuse()


def _refuse() -> Any:
    raise Wrong("value.json")


def _require_plain(value: Any, depth: int) -> None:
    """Refuse what JSON cannot say, before anything walks it to its depth."""
    if isinstance(value, Mapping | list) and depth == 0:
        raise Wrong("value.json")
    if isinstance(value, Mapping):
        for key, one in value.items():
            if not isinstance(key, str):
                raise Wrong("value.json")
            _require_plain(one, depth - 1)
    elif isinstance(value, list):
        for one in value:
            _require_plain(one, depth - 1)
    elif not _is_plain(value):
        raise Wrong("value.json")


def _is_plain(value: Any) -> bool:
    if isinstance(value, int) and not isinstance(value, bool):
        return abs(value) < _LARGEST_INTEGER
    return value is None or type(value) in (str, float, bool)


def _paragraphs(text: str) -> str:
    return "".join(f"<p>{part}</p>" for part in escape(text, quote=False).split("\n") if part.strip())


TYPES = (
    text_type(
        "rich_text",
        read_rich_text,
        max_length=20_000,
        column="long_text",
        wide=True,
        keys=frozenset({"max_length", "search"}),
        cell="rich_text",
        operators=PRESENCE | {"contains"},
        filter="contains",
        to_text=plain_text,
        to_sheet=plain_text,
        in_lines=False,
        basis=ENTERED,
        purpose=("带格式的文字：段落、粗体、列表、链接。", "Text with paragraphs, bold, lists and links."),
        typed=(
            "在编辑框里排版；脚本、样式和图片会去掉。纯文本按行成段。",
            "Set in the editor; scripts, styles and pictures go. Plain text becomes paragraphs.",
        ),
        example="<p>先看<strong>样品</strong></p>",
    ),
    FieldType(
        key="json",
        kind=Kind.JSON,
        column="json",
        parse=read_json,
        to_json=say_json,
        from_json=read_kept,
        json_schema=lambda field: {},
        widget="json",
        cell="json",
        filter="presence",
        operators=PRESENCE,
        to_form=json_text,
        to_sheet=json_text,
        to_text=json_text,
        basis=ENTERED,
        definition={"type": "json"},
        example='{"speed": [1, 2]}',
        sortable=False,
        wide=True,
        in_lines=False,
        purpose={
            "zh": "任意 JSON 数据，例如设备返回的参数。公式只能问是否为空。",
            "en": "Any JSON: the parameters a device reports. Formulas only ask whether it is missing.",
        },
        typed={
            "zh": "JSON 文本，最多 20000 字、20 层。",
            "en": "JSON text of at most 20,000 characters and 20 levels.",
        },
    ),
)
