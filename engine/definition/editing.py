"""Small changes to the text of a YAML file: an entry put, dropped or renamed, everything else as its author wrote it.

Enters: a text and the changes. Leaves: a text whose data is exactly the data with the changes made. Must not touch what
stands inside a list: a list is replaced whole. Comments right above an entry go with it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import yaml

from engine.definition.yaml_reader import NodePath, parse_yaml
from engine.definition.yaml_writer import WIDTH, write_entry, write_value, write_yaml
from engine.errors import DefinitionError


@dataclass(frozen=True)
class Put:
    """Write ``value`` at ``path``; a new entry stands behind the first of ``behind`` that is there, else last."""

    path: NodePath
    value: Any
    behind: tuple[str, ...] = ()


@dataclass(frozen=True)
class Drop:
    """Take the entry at ``path`` away, and every map that is empty then."""

    path: NodePath


@dataclass(frozen=True)
class Rename:
    """Give the entry at ``path`` another key."""

    path: NodePath
    key: str


Change: TypeAlias = Put | Drop | Rename


def edit(text: str, changes: Sequence[Change]) -> str:
    """Return ``text`` with the changes made, in their order; an empty text when nothing is left.

    Where the text is laid out in a way that cannot be followed, the file is written anew, without its comments.
    """
    wanted: dict[str, Any] = parse_yaml(text, "").data
    for change in changes:
        wanted = change_data(wanted, change)
    if not wanted:
        return ""
    done = text
    for change in changes:
        done = _change_text(done, change)
    return done if _read(done) == wanted else _head(text) + write_yaml(wanted)


def _read(text: str) -> Any:
    """Return the data of a text; an exception equals no data."""
    try:
        return parse_yaml(text, "").data
    except DefinitionError as error:
        return error


def _head(text: str) -> str:
    """Return the comments a file begins with: the first of them leads editors to its schema."""
    lines = text.split("\n")
    count = next((at for at, line in enumerate(lines) if not line.startswith("#")), len(lines))
    return "".join(f"{line}\n" for line in lines[:count])


# ---- data


def change_data(data: Any, change: Change) -> dict[str, Any]:
    """Return the data of a file with the change made."""
    return _change_below(data, change.path, change)


def _change_below(data: Any, path: NodePath, change: Change) -> dict[str, Any]:
    """Return a map with the change made; what stands in the way of a new entry is no map and is replaced."""
    here: dict[str, Any] = dict(data) if isinstance(data, dict) else {}
    key, rest = str(path[0]), path[1:]
    if isinstance(change, Put):
        here[key] = _change_below(here.get(key), rest, change) if rest else change.value
    elif isinstance(change, Rename) and not rest:
        here = {change.key if name == key else name: value for name, value in here.items()}
    elif key in here and (not rest or isinstance(here[key], dict)):
        left = _change_below(here[key], rest, change) if rest else None
        if left:
            here[key] = left
        else:
            del here[key]
    return here


# ---- text


@dataclass(frozen=True)
class _Entry:
    """One entry of a map: its nodes, the map, and where it is among the entries."""

    above: yaml.MappingNode
    at: int

    @property
    def key(self) -> yaml.Node:
        node: yaml.Node = self.above.value[self.at][0]
        return node

    @property
    def value(self) -> yaml.Node:
        node: yaml.Node = self.above.value[self.at][1]
        return node


def _change_text(text: str, change: Change) -> str:
    root = yaml.compose(text, Loader=yaml.CSafeLoader)
    if not isinstance(root, yaml.MappingNode):
        return text
    return _CHANGES[type(change)](text, root, change)


def _find(root: yaml.Node, path: Sequence[str | int]) -> _Entry | None:
    node, found = root, None
    for key in path:
        if not isinstance(node, yaml.MappingNode):
            return None
        at = next((at for at, (name, _) in enumerate(node.value) if name.value == key), None)
        if at is None:
            return None
        found = _Entry(node, at)
        node = found.value
    return found


def _rename(text: str, root: yaml.Node, change: Any) -> str:
    found = _find(root, change.path)
    return text if found is None else _replace(text, found.key, write_value(change.key))


def _drop(text: str, root: yaml.Node, change: Any) -> str:
    found = _find(root, change.path)
    if found is None:
        return text
    if len(found.above.value) == 1 and len(change.path) > 1:
        return _drop(text, root, Drop(change.path[:-1]))
    if found.above.flow_style:
        return _drop_from_flow(text, found)
    lines = text.split("\n")
    first, last = _first_line(lines, found.key), _last_line(found.value)
    return "\n".join([*lines[:first], *lines[last + 1 :]])


def _drop_from_flow(text: str, found: _Entry) -> str:
    entries = found.above.value
    if found.at + 1 < len(entries):
        return text[: found.key.start_mark.index] + text[entries[found.at + 1][0].start_mark.index :]
    start = entries[found.at - 1][1].end_mark.index if found.at else found.key.start_mark.index
    return text[:start] + text[found.value.end_mark.index :]


def _put(text: str, root: yaml.Node, change: Any) -> str:
    found = _find(root, change.path)
    if found is not None:
        return _put_instead(text, found, change)
    above = root if len(change.path) == 1 else getattr(_find(root, change.path[:-1]), "value", None)
    if not isinstance(above, yaml.MappingNode):
        return _put(text, root, Put(change.path[:-1], {str(change.path[-1]): change.value}))
    behind = next((at for name in change.behind for at, (key, _) in enumerate(above.value) if key.value == name), -1)
    if above.flow_style:
        return _put_into_flow(text, above, behind, change)
    before = _Entry(above, behind if behind >= 0 else len(above.value) - 1)
    lines, last = text.split("\n"), _last_line(before.value)
    new = write_entry(str(change.path[-1]), change.value, before.key.start_mark.column)
    return "\n".join([*lines[: last + 1], *new, *lines[last + 1 :]])


def _put_instead(text: str, found: _Entry, change: Any) -> str:
    """Replace a value; where both stand on one line, the comment behind it stays too."""
    value, written = found.value, write_value(change.value)
    one_line = value.start_mark.line == _last_line(value) and (found.above.flow_style or len(written) <= WIDTH)
    if one_line and value.start_mark.index < value.end_mark.index and value.start_mark.line == found.key.end_mark.line:
        return _replace(text, value, written)
    if found.above.flow_style:
        return _replace(text, value, written)
    lines = text.split("\n")
    new = write_entry(str(change.path[-1]), change.value, found.key.start_mark.column)
    return "\n".join([*lines[: found.key.start_mark.line], *new, *lines[_last_line(value) + 1 :]])


def _put_into_flow(text: str, above: yaml.MappingNode, behind: int, change: Any) -> str:
    new = f"{write_value(str(change.path[-1]))}: {write_value(change.value)}"
    if not above.value:
        return _replace(text, above, "{" + new + "}")
    at = above.value[behind][1].end_mark.index
    return f"{text[:at]}, {new}{text[at:]}"


def _replace(text: str, node: yaml.Node, instead: str) -> str:
    return text[: node.start_mark.index] + instead + text[node.end_mark.index :]


def _first_line(lines: Sequence[str], key: yaml.Node) -> int:
    """Return the line an entry begins on, with the comments right above it that stand as far in."""
    line, indent = key.start_mark.line, " " * key.start_mark.column
    while line > 1 and lines[line - 1].startswith(f"{indent}#"):
        line -= 1
    return int(line)


def _last_line(node: yaml.Node) -> int:
    """Return the line a value ends on; the reader says of a block only where the next thing begins."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _last_line(last[1] if isinstance(last, tuple) else last)
    line, column = node.end_mark.line, node.end_mark.column
    return int(line - 1 if column == 0 and line > node.start_mark.line else line)


_CHANGES: Final[Mapping[type, Callable[[str, yaml.Node, Any], str]]] = {Put: _put, Drop: _drop, Rename: _rename}
