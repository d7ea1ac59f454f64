"""Write ``docs/field-types.md`` from the declarations of ``engine/compiler/field_types/``.

Run ``python docs/build_field_types.py`` after a change of a declaration; a test refuses a page that is older.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from engine.compiler.app import Field  # noqa: E402
from engine.compiler.field_types import FIELD_TYPES, FieldType  # noqa: E402
from engine.compiler.field_types.declaration import PLAIN  # noqa: E402
from engine.errors import Location  # noqa: E402

PAGE = HERE / "field-types.md"
LABEL = "名称"
FILTERS = {
    "text": "整个值 the whole value",
    "contains": "包含的文字 a part of the text",
    "options": "勾选选项 options to tick",
    "yes_no": "是 / 否 yes or no",
    "numbers": "从…到… from – to",
    "dates": "从…到… from – to",
    "times": "从…到… from – to",
    "spans": "从…到… from – to",
    "link": "选一条记录 a record picked",
    "user": "选一个人 a person picked",
    "department": "选一个部门 a department picked",
    "presence": "已填 / 未填 filled in or not",
}
HEAD = """\
<!-- Written by docs/build_field_types.py from engine/compiler/field_types/; change those instead. -->

# Field types · 字段类型

What each type is for, how it is written, what people may type, what JSON says, and how a list is filtered by it.
Which keys of the notation each type has stands in [reference/entity.md](reference/entity.md#types).
每种类型的用途、写法、可填内容、JSON 形式和列表筛选；各类型可用的键见上述参考页。

- A value is refused in one sentence beside its field, whatever the way in: form, API, import, automation.
  各入口的检查相同。
- Stored values keep their meaning between some types, so that a change of type just applies; every other change asks
  for `migrate:`. 含义不变的类型之间可直接改；其余改动须写 `migrate:`。
- `lines` may hold every type but those marked *not in lines*. 标“不能放在明细中”的类型除外。
"""


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8", newline="\n")


def page() -> str:
    """Return the text of the page."""
    return (
        "\n".join([HEAD, *_index(), *(line for declared in FIELD_TYPES.values() for line in _section(declared))]) + "\n"
    )


def _index() -> Iterator[str]:
    yield "| type | for | 用途 |"
    yield "|---|---|---|"
    for key, declared in FIELD_TYPES.items():
        yield f"| [`{key}`](#{key}) | {declared.purpose['en']} | {declared.purpose['zh']} |"
    yield ""


def _section(declared: FieldType) -> Iterator[str]:
    yield f'## <a id="{declared.key}"></a>`{declared.key}`\n'
    yield f"{declared.purpose['en']}  \n{declared.purpose['zh']}\n"
    yield "```yaml\n" + _yaml(declared) + "\n```\n"
    yield f"- **Typed · 填写**: {declared.typed['en']} {declared.typed['zh']} 例 e.g. `{_plain(declared.example)}`"
    yield f"- **JSON**: `{_json(declared)}`"
    operators = ", ".join(f"`{name}`" for name in sorted(declared.operators)) or "—"
    offered = FILTERS[declared.filter] if declared.operators else "—"
    yield f"- **Filter · 筛选**: {offered}; API: {operators}"
    if declared.takes:
        yield f"- **Takes over · 可直接改自**: {', '.join(f'`{key}`' for key in sorted(declared.takes))}"
    remarks = [*_remarks(declared)]
    if remarks:
        yield f"- {'; '.join(remarks)}"
    yield ""


def _remarks(declared: FieldType) -> Iterator[str]:
    if not declared.in_lines:
        yield "not in lines · 不能放在明细中"
    if not declared.sortable:
        yield "no sorting · 不能排序"
    if declared.in_display:
        yield "may stand in `display` · 可用于 `display`"
    if declared.basis != PLAIN:
        yield "no formula makes it · 不能由公式算出"


def _yaml(declared: FieldType) -> str:
    written = {"type": declared.definition["type"], "label": LABEL} | dict(declared.definition)
    return f"{declared.key}_field: {_flow(written)}"


def _flow(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_flow(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_flow(one) for one in value) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    return f'"{value}"' if isinstance(value, str) and "{" in value else str(value)


def _json(declared: FieldType) -> str:
    options = {key: {"zh": label} for key, label in declared.definition.get("options", {}).items()}
    more: dict[str, Any] = {"options": options, "many": True, "scale": declared.scale}
    field = Field(declared.key, declared, {}, Location(""), min=declared.min, max=declared.max, **more)
    return json.dumps(declared.to_json(declared.parse(declared.example, field)), ensure_ascii=False, default=str)


def _plain(example: Any) -> str:
    return example if isinstance(example, str) else json.dumps(example, ensure_ascii=False)


if __name__ == "__main__":
    main()
