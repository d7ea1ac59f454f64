"""From plain data to the text of a YAML file that the strict reader reads as the same data.

Enters: maps, lists and scalars as the reader makes them. Leaves: text in the style of the bundled templates: what fits
on a line stands on one. Must not know what a key means.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any, Final, TypeAlias

from engine.definition.yaml_reader import NodePath, parse_yaml
from engine.errors import DefinitionError

WIDTH: Final = 100
Note: TypeAlias = Callable[[NodePath], str]
_STEP: Final = 2
_SURELY_PLAIN: Final = re.compile(r"[A-Za-z_\u4e00-\u9fff][A-Za-z0-9_\u4e00-\u9fff.]*")
_UNSEEN: Final = re.compile("[^\\t -~\u00a0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]|[\u2028\u2029]")
_SHORT: Final = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}
_WORDS: Final = ("true", "false", "null")


def write_yaml(data: dict[str, Any], note: Note | None = None) -> str:
    """Return the text of a file; ``note`` gives a comment for the value at each path, an empty one for none."""
    return "\n".join(_map(data, (), 0, note)) + "\n"


def write_value(value: Any) -> str:
    """Return a value as it stands on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_text(key)}: {write_value(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(write_value(item) for item in value) + "]"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return _text(value) if isinstance(value, str) else str(value)


def write_entry(key: str, value: Any, indent: int) -> list[str]:
    """Return the lines of one entry of a map that stands ``indent`` blanks in."""
    return list(_entry(key, value, (key,), indent, None))


def _map(data: dict[str, Any], path: NodePath, indent: int, note: Note | None) -> Iterator[str]:
    for key, value in data.items():
        yield from _entry(key, value, (*path, key), indent, note)


def _entry(key: str, value: Any, path: NodePath, indent: int, note: Note | None) -> Iterator[str]:
    head = f"{' ' * indent}{_text(key)}:"
    if _is_short(value, len(head), note):
        yield _noted(f"{head} {write_value(value)}", path, note)
    elif isinstance(value, dict):
        yield head
        yield from _map(value, path, indent + _STEP, note)
    else:
        yield head
        yield from _list(value, path, indent + _STEP, note)


def _list(items: list[Any], path: NodePath, indent: int, note: Note | None) -> Iterator[str]:
    for index, item in enumerate(items):
        inner, dash = (*path, index), f"{' ' * indent}-"
        if _is_short(item, len(dash), note) or not isinstance(item, dict):
            yield _noted(f"{dash} {write_value(item)}", inner, note)
            continue
        first, *others = _map(item, inner, indent + _STEP, note)
        yield f"{dash} {first[indent + _STEP :]}"
        yield from others


def _is_short(value: Any, before: int, note: Note | None) -> bool:
    """Tell whether a value stands on the line of its key; with notes, each entry of a map has a line of its own."""
    if not isinstance(value, dict | list) or not value:
        return True
    if isinstance(value, dict) and (note is not None or _is_deep(value) or any(map(_is_deep, value.values()))):
        return False
    if isinstance(value, list) and any(isinstance(item, dict) for item in value) and note is not None:
        return False
    return before + 1 + len(write_value(value)) <= WIDTH


def _is_deep(value: Any) -> bool:
    """Tell whether a value is a map of things, such as fields by their keys."""
    return isinstance(value, dict) and bool(value) and all(isinstance(item, dict) for item in value.values())


def _noted(line: str, path: NodePath, note: Note | None) -> str:
    said = note(path) if note is not None else ""
    return f"{line}  # {said}" if said else line


def _text(text: str) -> str:
    """Return a text without quotes where it is read as the same text, on a line and between brackets."""
    if _SURELY_PLAIN.fullmatch(text):
        return f'"{text}"' if text in _WORDS else text
    return text if _reads_the_same(text) else '"' + "".join(map(_escape, text)) + '"'


def _reads_the_same(text: str) -> bool:
    if text != text.strip() or not text or len(text) > WIDTH or any(sign in text for sign in "\"'{}[],:#=<>\n"):
        return False
    try:
        probe = f"- [{text}, x]\n- {{{text}: {text}}}\n- {text}\n- x: {text}\n"
        return bool(parse_yaml(probe, "").data == [[text, "x"], {text: text}, text, {"x": text}])
    except DefinitionError:
        return False


def _escape(character: str) -> str:
    if character in _SHORT:
        return _SHORT[character]
    if _UNSEEN.match(character):
        code = ord(character)
        return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
    return character
