"""One canonical form for definition files, so that two people's edits differ only where they mean something else.

Enters: the text of a file. Leaves: the same text with other blanks and, at the top level, in the order of its schema.
Must not change what the file says: every character that is no blank stays, and the data is compared before and after.

What a reader sees stays as its author wrote it: comments, quotes, what stands on one line and what on several, and
whether the values of a map are aligned. A printer that starts from the data would lose all of these.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

from engine.definition.kinds import Kind
from engine.definition.patching import DIRECTIVES
from engine.definition.schema import read_schema
from engine.definition.yaml_reader import parse_yaml
from engine.errors import DefinitionError, NotPossibleNow

_STEP: Final = 2
_FLOW: Final = {"{", "[", "}", "]", ",}", ",]"}


def format_text(text: str, file: str, kind: Kind | None) -> str:
    """Return ``text`` in its canonical form; doing it again changes nothing.

    ``kind`` gives the order of the top-level keys; None leaves them. Raises ``DefinitionError`` for a file that cannot
    be read, and ``NotPossibleNow`` for one that would say something else afterwards.
    """
    clean = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    before = parse_yaml(clean, file).data
    order = kind if isinstance(before, dict) else None
    done = _lay_out(clean, order)
    if _ink(done) != _ink(clean) or _read(done, file) != before or _lay_out(done, order) != done:
        raise NotPossibleNow("format.would_change", file=file)
    return done


def _lay_out(text: str, kind: Kind | None) -> str:
    laid_out = _Layout(text).text()
    return laid_out if kind is None else _in_order(laid_out, kind)


def _read(text: str, file: str) -> Any:
    """Return the data of a text; an exception equals no data."""
    try:
        return parse_yaml(text, file).data
    except DefinitionError as error:
        return error


def _ink(text: str) -> Counter[str]:
    """Return every line without its blanks, however often it is there, in any order."""
    return Counter(filter(None, ("".join(line.split()) for line in text.split("\n"))))


# ---- the order of the top level


def _in_order(text: str, kind: Kind) -> str:
    """Move each top-level key, with the comments right above it, to where the schema has it."""
    order = _order(kind)
    head, parts = _split(text.split("\n"))
    keys = [re.match(r"[\w-]+", part.key) for part in parts]
    if not parts or any(key is None or key[0] not in order for key in keys):
        return text
    ranked = sorted(parts, key=lambda part: order[part.key.partition(":")[0]])
    lines = [*head, *(line for part in ranked for line in part.lines)]
    return "\n".join(lines).rstrip("\n") + "\n"


def _order(kind: Kind) -> dict[str, int]:
    """Return the place of each key: what a site says about its template stands right below what the file is about."""
    keys = list(read_schema(kind).get("properties", {}))
    head = [key for key in keys if key == kind]
    return {key: at for at, key in enumerate([*head, *DIRECTIVES, *(key for key in keys if key != kind)])}


@dataclass
class _Part:
    key: str
    lines: list[str]


def _split(lines: list[str]) -> tuple[list[str], list[_Part]]:
    """Return what stands above the first key, and each top-level key with its lines and the comments right above."""
    starts = [at for at, line in enumerate(lines) if line and line[0] not in " #-"]
    parts = []
    begins = [starts[0]] if starts else []
    for at in starts[1:]:
        while lines[at - 1].startswith("#"):
            at -= 1
        begins.append(at)
    for start, begin, end in zip(starts, begins, [*begins[1:], len(lines)], strict=True):
        parts.append(_Part(lines[start], lines[begin:end]))
    return lines[: begins[0]] if begins else lines, parts


# ---- blanks


@dataclass
class _Layout:
    """A text and, for each of its lines, what to do with its blanks."""

    source: str
    lines: list[str] = field(init=False)
    edits: dict[int, list[tuple[int, int, str]]] = field(default_factory=dict)  # line -> (from, to, instead)
    indents: dict[int, int] = field(default_factory=dict)  # line that starts an entry -> its new indent
    inside: dict[int, int] = field(default_factory=dict)  # line within a value -> line the value belongs to
    exact: set[int] = field(default_factory=set)  # lines whose blanks are part of a text

    def text(self) -> str:
        """Return the text laid out anew."""
        self.lines = self.source.split("\n")
        root = yaml.compose(self.source, Loader=yaml.CSafeLoader)
        if root is not None:
            self._visit(root, 0)
        return "\n".join(self._without_gaps()).strip("\n") + "\n"

    # -- reading

    def _visit(self, node: yaml.Node, indent: int) -> None:
        if isinstance(node, yaml.MappingNode) and not node.flow_style:
            self._visit_map(node, indent)
        elif isinstance(node, yaml.SequenceNode) and not node.flow_style:
            self._visit_list(node, indent)
        else:
            self._visit_value(node)

    def _visit_map(self, node: yaml.MappingNode, indent: int) -> None:
        beside = _beside(node)
        width = max(_length(key) for key, _ in node.value) if _is_aligned(beside) else 0
        for key, value in beside:
            gap = " " * max(1, width - _length(key) + 1)
            self._edit(key.start_mark.line, key.end_mark.column + 1, value.start_mark.column, gap)
        for key, value in node.value:
            self.indents.setdefault(key.start_mark.line, indent)  # the first key of an item shares the dash's line
            self._visit(value, indent + _STEP)

    def _visit_list(self, node: yaml.SequenceNode, indent: int) -> None:
        for item in node.value:
            line, column = item.start_mark.line, item.start_mark.column
            dash = self.lines[line].rfind("-", 0, column)
            if dash >= 0 and not self.lines[line][dash + 1 : column].strip():
                self.indents.setdefault(line, indent)
                if item.start_mark.index < item.end_mark.index:
                    self._edit(line, dash + 1, column, " ")
            self._visit(item, indent + _STEP)

    def _visit_value(self, node: yaml.Node) -> None:
        first, last = node.start_mark.line, node.end_mark.line
        if isinstance(node, yaml.CollectionNode) and first == last:
            self._tidy_flow(node)
        if node.end_mark.column == 0:
            last -= 1
        for line in range(first + 1, last + 1):
            self.inside[line] = first
            if isinstance(node, yaml.ScalarNode):
                self.exact.add(line)

    def _tidy_flow(self, node: yaml.Node) -> None:
        """Write ``{a: 1, b: [c, d]}``: a blank after commas and colons, none inside the brackets."""
        at = node.start_mark.column
        for child in _children(node):
            self._tidy_between(child.start_mark.line, at, child.start_mark.column)
            if isinstance(child, yaml.CollectionNode):
                self._tidy_flow(child)
            at = child.end_mark.column
        self._tidy_between(node.start_mark.line, at, node.end_mark.column)

    def _tidy_between(self, line: int, start: int, end: int) -> None:
        said = "".join(self.lines[line][start:end].split())
        if said in _FLOW:
            self._edit(line, start, end, said)
        elif said in (",", ":"):
            self._edit(line, start, end, f"{said} ")

    def _edit(self, line: int, start: int, end: int, instead: str) -> None:
        self.edits.setdefault(line, []).append((start, end, instead))

    # -- writing

    def _without_gaps(self) -> Iterator[str]:
        """Yield the new lines; of several empty ones in a row the first."""
        empty = False
        for number in range(len(self.lines)):
            line = self._line(number)
            if line or not empty or number in self.exact:
                yield line
            empty = not line

    def _line(self, number: int) -> str:
        line = self.lines[number]
        for start, end, instead in sorted(self.edits.get(number, ()), reverse=True):
            line = line[:start] + instead + line[end:]
        indent = self._indent(number)
        if number in self.exact:
            return " " * indent + line.lstrip(" ") if line.strip() else line
        return (" " * indent + line.strip()).rstrip()

    def _indent(self, number: int) -> int:
        if number in self.indents:
            return self.indents[number]
        had = _indent_of(self.lines[number])
        if number in self.inside:
            owner = self.inside[number]
            while owner in self.inside:
                owner = self.inside[owner]
            return max(0, had + self._moved(owner))
        return self._comment_indent(number, had)

    def _moved(self, number: int) -> int:
        """Return by how much a line that starts an entry moves."""
        return self.indents.get(number, _indent_of(self.lines[number])) - _indent_of(self.lines[number])

    def _comment_indent(self, number: int, had: int) -> int:
        """Put a comment where the entry goes that it was level with: the next one, else one above."""
        following = next((at for at in range(number + 1, len(self.lines)) if at in self.indents), None)
        if following is not None and _indent_of(self.lines[following]) == had:
            return self.indents[following]
        for at in range(number - 1, -1, -1):
            if at in self.indents and _indent_of(self.lines[at]) <= had:
                return self.indents[at] + (_indent_of(self.lines[at]) < had) * _STEP
        return 0


def _children(node: yaml.Node) -> Iterator[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield key
            yield value
    elif isinstance(node, yaml.SequenceNode):
        yield from node.value


def _beside(node: yaml.MappingNode) -> list[tuple[yaml.Node, yaml.Node]]:
    """Return the entries whose value stands on the line of its key."""
    return [
        (key, value)
        for key, value in node.value
        if value.start_mark.line == key.end_mark.line and value.start_mark.index > key.end_mark.index + 1
    ]


def _is_aligned(beside: Sequence[tuple[yaml.Node, yaml.Node]]) -> bool:
    """Tell whether most of these values begin in one column although their keys differ in length."""
    columns = Counter(value.start_mark.column for _, value in beside)
    for column, count in columns.most_common(1):
        lengths = {_length(key) for key, value in beside if value.start_mark.column == column}
        return len(lengths) > 1 and count * 2 > len(beside)
    return False


def _length(key: Any) -> int:
    width: int = key.end_mark.column - key.start_mark.column
    return width


def _indent_of(line: str) -> int:
    return len(line) - len(line.lstrip(" "))
