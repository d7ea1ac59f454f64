"""From a draft to the text of an ``entity.yaml`` in its canonical form.

Enters: a ``Draft``. Leaves: text. Must not write what the reader of definitions would read as something else.
"""

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

from engine import messages
from engine.compiler.drafts.draft import Draft, DraftField
from engine.definition.formatting import format_text

_SAFE: Final = re.compile(r"[A-Za-z\u3400-\u9fff][\w\u3400-\u9fff ./-]*(?<! )")
_WORDS: Final = frozenset(("true", "false", "null", "yes", "no", "on", "off", "y", "n"))
_SCHEMA: Final = "# yaml-language-server: $schema=../schemas/entity.json"


def write_entity(draft: Draft, language: str = messages.DEFAULT_LANGUAGE) -> str:
    """Return the definition of an entity, laid out as ``formwork format`` does; comments are in ``language``."""
    lines = [_SCHEMA, f"entity: {draft.key}", f"label: {_scalar(draft.label)}"]
    lines += [f"help: {_scalar(draft.help)}"] if draft.help else []
    lines += ["fields:", *_fields(draft.fields, "  ", language)]
    return format_text("\n".join(lines) + "\n", f"{draft.key}/entity.yaml", "entity")


def _fields(fields: list[DraftField], indent: str, language: str) -> Iterator[str]:
    for one in fields:
        head = {"type": one.type, "label": one.label, **one.settings}
        if not one.fields:
            yield f"{indent}{one.key}: {_flow(head)}{_comment(one, language)}"
            continue
        yield f"{indent}{one.key}:"
        yield from (f"{indent}  {key}: {_flow(value)}" for key, value in head.items())
        yield f"{indent}  fields:"
        yield from _fields(one.fields, indent + "    ", language)


def _comment(one: DraftField, language: str) -> str:
    if one.agree is None:
        return ""
    agree, total = one.agree
    share = f"{int(100 * agree / total)}%"
    return "  # " + messages.text("draft.agree", language, agree=agree, total=total, share=share)


def _flow(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_scalar(key)}: {_flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    return _scalar(value)


def _scalar(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | Decimal):
        return f"{value:f}" if isinstance(value, Decimal) else str(value)
    text = str(value)
    if _SAFE.fullmatch(text) and text.lower() not in _WORDS:
        return text
    return json.dumps(text, ensure_ascii=False)
