"""Write the language reference in ``docs/reference/`` from the JSON Schemas.

Run ``python docs/build_reference.py`` after a change of ``schemas/`` or of ``docs/reference/example/``; a test refuses
pages that are older than what they are made from.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from engine import messages  # noqa: E402
from engine.definition.kinds import find_kind  # noqa: E402
from engine.definition.schema import OTHERS, read_schema  # noqa: E402

REFERENCE = HERE / "reference"
EXAMPLE = REFERENCE / "example"
BROKEN = HERE.parent / "tests" / "definition" / "broken"
ORDER = (
    "app", "entity", "workflow", "approval", "automations", "reports", "dashboard", "pattern", "print", "locale",
    "demo", "course", "example",
)  # fmt: skip
WRITTEN = "<!-- Written by docs/build_reference.py from schemas/; change those instead. -->\n"
TYPES = {"string": "text", "integer": "whole number", "number": "number", "boolean": "true or false"}


def main() -> None:
    """Write all pages."""
    for name, text in pages().items():
        (REFERENCE / name).write_text(text, encoding="utf-8", newline="\n")


def pages() -> dict[str, str]:
    """Return the text of each page by file name."""
    made = {f"{kind}.md": "\n".join(_page(kind)) + "\n" for kind in ORDER}
    others = {f"{name}.md": "\n".join(_page(name)) + "\n" for name in OTHERS}
    rest = {"shared.md": "\n".join(_shared()) + "\n", "mistakes.md": "\n".join(_mistakes()) + "\n"}
    return {"README.md": "\n".join(_index()) + "\n", **made, **others, **rest}


def _index() -> Iterator[str]:
    yield WRITTEN
    yield "# The definition language · 定义语言\n"
    yield "One page for each kind of file. The example on the pages is one small app, built by the tests:"
    yield "[example/](example/)."
    yield "每种文件一页；各页的例子合起来是一个小应用，由测试构建。\n"
    yield "| file | says | 内容 |"
    yield "|---|---|---|"
    for kind in (*ORDER, *OTHERS):
        schema = read_schema(kind)
        yield f"| [{_cell(schema['title'])}]({kind}.md) | {schema['description']} | {schema['x-zh']['description']} |"
    yield "\nParts that several kinds of file share stand in [shared.md](shared.md). 共用部分见 shared.md。"
    yield "What `formwork check` says, with an example of each mistake: [mistakes.md](mistakes.md)."
    yield "各种错误的说法和例子见 mistakes.md。"


def _page(kind: str) -> Iterator[str]:
    schema = read_schema(kind)
    yield WRITTEN
    yield f"# {_cell(schema['title'])}\n"
    yield f"{schema['description']}  \n{schema['x-zh']['description']}\n"
    yield from _example(kind)
    yield from _map(schema, "", 2)
    for name, part in schema.get("$defs", {}).items():
        yield from _definition(name, part)
    if kind == "entity":
        yield from _field_types(schema["$defs"]["field"])


def _shared() -> Iterator[str]:
    schema = read_schema("common")
    yield WRITTEN
    yield f"# {schema['title']} · {schema['x-zh']['title']}\n"
    yield f"{schema['description']}  \n{schema['x-zh']['description']}\n"
    for name, part in schema["$defs"].items():
        yield from _definition(name, part)


def _mistakes() -> Iterator[str]:
    yield WRITTEN
    yield "# What `formwork check` says · 检查会指出什么\n"
    yield "Each code with its sentence and the folders of `tests/definition/broken/` that show it; `{…}` is filled in."
    yield "每个代码的句子，以及展示它的例子；花括号处填入实际内容。\n"
    said = {path.parent.name: path.read_text(encoding="utf-8") for path in sorted(BROKEN.glob("*/expected.txt"))}
    english, chinese = messages.catalog("en"), messages.catalog("zh")
    yield "| code | says | 内容 | examples · 例子 |"
    yield "|---|---|---|---|"
    for key in sorted(key for key in english if re.fullmatch(r"problem\.[A-Z]\d{3}", key)):
        code = key.removeprefix("problem.")
        names = [name for name, text in said.items() if f"[{code}]" in text][:3]
        shown = [f"[{name}](../../tests/definition/broken/{name})" for name in names]
        yield f"| {code} | {_cell(english[key])} | {_cell(chinese[key])} | {'<br>'.join(shown)} |"


def _example(kind: str) -> Iterator[str]:
    for path in sorted(EXAMPLE.rglob("*.yaml")):
        if find_kind(path.relative_to(EXAMPLE).as_posix()) == kind:
            name = path.relative_to(REFERENCE).as_posix()
            yield f"[{name}]({name}):\n\n```yaml\n{path.read_text(encoding='utf-8').strip()}\n```\n"


def _definition(name: str, part: dict[str, Any]) -> Iterator[str]:
    yield f'## <a id="{name}"></a>{part["title"]} · {part["x-zh"]["title"]}\n'
    yield f"{part['description']}  \n{part['x-zh']['description']}\n"
    if "properties" in part:
        yield from _map(part, name, 3)
    else:
        yield f"{_kind_of(part, name)}\n"


def _map(part: dict[str, Any], anchor: str, level: int) -> Iterator[str]:
    """Yield the table of a map's keys, then the tables of the maps written out under them."""
    required = part.get("required", [])
    yield "| key | value | meaning | 含义 |"
    yield "|---|---|---|---|"
    for key, value in part["properties"].items():
        must = " **required**" if key in required else ""
        yield f"| `{key}`{must} | {_kind_of(value, _below(anchor, key))} | {_said(value)} | {_said(value['x-zh'])} |"
    yield ""
    yield from _notes(part)
    for key, value in part["properties"].items():
        if "properties" in value:
            below = _below(anchor, key)
            yield f'{"#" * level} <a id="{below}"></a>`{key}` · {value["x-zh"]["title"]}\n'
            yield from _map(value, below, level + 1)


def _notes(part: dict[str, Any]) -> Iterator[str]:
    if "oneOf" in part:
        keys = ", ".join(f"`{key}`" for choice in part["oneOf"] for key in choice["required"])
        yield f"Exactly one of / 必须且只能写其中一个: {keys}.\n"
    for key, needed in part.get("dependentRequired", {}).items():
        yield f"`{key}` needs / 须同时写: {', '.join(f'`{other}`' for other in needed)}.\n"
    for rule in part.get("allOf", ()):
        if "properties" not in rule["if"]:
            present = rule["if"]["required"][0]
            others = ", ".join(f"`{key}`" for key in rule["then"]["propertyNames"]["enum"] if key != present)
            yield f"With `{present}` only / 与 `{present}` 一起只能写: {others or '—'}.\n"


def _field_types(field: dict[str, Any]) -> Iterator[str]:
    """Yield which keys each type of field has, the keys all types have being said once."""
    rules = {rule["if"]["properties"]["type"]["const"]: rule["then"] for rule in field["allOf"]}
    keys = {name: rule["propertyNames"]["enum"] for name, rule in rules.items()}
    shared = [key for key in next(iter(keys.values())) if all(key in each for each in keys.values())]
    yield '## <a id="types"></a>Field types · 字段类型\n'
    yield f"Every type has / 所有类型都有: {', '.join(f'`{key}`' for key in shared)}.\n"
    yield "| type | further keys / 另有 |\n|---|---|"
    for name, known in keys.items():
        must = rules[name].get("required", [])
        more = [f"`{key}`{' **required**' if key in must else ''}" for key in known if key not in shared]
        yield f"| `{name}` | {', '.join(more)} |"


def _kind_of(part: dict[str, Any], anchor: str) -> str:
    if "$ref" in part:
        return _link(part["$ref"])
    if "enum" in part:
        return " ".join(f"`{value}`" for value in part["enum"])
    if "properties" in part:
        return f"[map](#{anchor})"
    if part.get("type") == "array":
        return f"list of {_kind_of(part['items'], anchor)}"
    if part.get("type") == "object":
        each = part.get("additionalProperties")
        return f"map of {_kind_of(each, anchor)}" if each else "map"
    return _plain(part)


def _plain(part: dict[str, Any]) -> str:
    types = part["type"] if isinstance(part["type"], list) else [part["type"]]
    said = " or ".join(TYPES.get(name, "list") for name in types)
    low, high = part.get("minimum"), part.get("maximum")
    return f"{said} {low}–{high}" if low is not None and high is not None else said


def _link(reference: str) -> str:
    file, _, name = reference.partition("#/$defs/")
    kind = file.removesuffix(".json")
    title = read_schema(kind)["$defs"][name]["title"] if kind else name.replace("_", " ").capitalize()
    return f"[{title}]({'shared.md' if kind == 'common' else ''}#{name})"


def _below(anchor: str, key: str) -> str:
    return f"{anchor}-{key}" if anchor else key


def _said(part: dict[str, Any]) -> str:
    return f"{part['title']}: {part['description']}".replace("|", "\\|")


def _cell(text: str) -> str:
    return text.replace("<", "&lt;").replace(">", "&gt;")


if __name__ == "__main__":
    main()
