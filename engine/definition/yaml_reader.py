"""From the text of one YAML file to plain data, with a place for every node.

Enters: text. Leaves: a ``Document`` of maps, lists, text, whole numbers, ``Decimal``, true, false and None, or
``DefinitionError`` with every mistake found. Must not know what a key means, nor read a disk.

Plain YAML corrupts business values in silence (``22:30`` becomes 1350, ``0123`` becomes 83, ``no`` becomes false, the
last of two equal keys wins), so values are built here from the parser's events and almost everything stays text.
Events, not nodes, because they still carry anchors and tags, and because a loop cannot overflow the stack.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import Any, Final, NamedTuple, NoReturn, TypeAlias

import yaml

from engine.definition.model import Scalar
from engine.definition.problems import PROBLEMS_PER_FILE, problem
from engine.definition.slips import find_slip, find_wide_indent
from engine.errors import DefinitionError, Location, Problem

MAX_FILE_BYTES: Final = 256 * 1024
MAX_DEPTH: Final = 20
MAX_DIGITS: Final = 30

NodePath: TypeAlias = tuple[str | int, ...]
Mark: TypeAlias = tuple[int, int]
"""Line and column, counted from 1."""


class Place(NamedTuple):
    """Where a node stands: its key, its value, and the first character of its text inside quotes.

    ``file`` is said when that is another one than the document's: a site and its template make one document.
    """

    key: Mark
    value: Mark
    text: Mark
    file: str = ""


@dataclass(frozen=True)
class Document:
    """One file as plain data; ``locations`` gives the place of every node by its path, ``()`` being the whole."""

    file: str
    data: Any
    locations: Mapping[NodePath, Place]

    def at_key(self, path: NodePath) -> Location:
        """Return where the key of the node stands (for an element of a list: the element)."""
        place = self.locations[path]
        return Location(place.file or self.file, *place.key)

    def at_value(self, path: NodePath) -> Location:
        """Return where the value of the node starts."""
        place = self.locations[path]
        return Location(place.file or self.file, *place.value)

    def at_text(self, path: NodePath) -> Location:
        """Return where the text of a scalar starts, after its quote."""
        place = self.locations[path]
        return Location(place.file or self.file, *place.text)


def parse_yaml(text: str, file: str) -> Document:
    """Return the document in ``text``; ``file`` is the name said in problems.

    Raises ``DefinitionError`` with the problems of this file.
    """
    clean = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    problems = _check_characters(clean, file)
    if problems:
        raise DefinitionError(problems)
    return _Builder(file, clean).build()


_UNREADABLE = re.compile("[^\n\t -~\u00a0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]|[\u2028\u2029]")
_WHOLE = re.compile(r"-?(?:0|[1-9][0-9]*)\Z")
_DIGITS: Final = frozenset("-0123456789")
_DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]*)\.[0-9]+\Z")
_WORDS: Final[Mapping[str, Scalar]] = {"": None, "~": None, "null": None, "true": True, "false": False}
_SYNTAX: Final = (
    ("mapping values are not allowed", "D005"),
    ("could not find expected ':'", "D006"),
    ("did not find expected key", "D007"),
    ("did not find expected '-' indicator", "D007"),
    ("block sequence entries are not allowed", "D007"),
    ("block mapping", "D007"),
    ("did not find expected <document start>", "D007"),
    ("found unexpected end of stream", "D008"),
    ("did not find expected ',' or", "D009"),
    ("cannot start any token", "D010"),
    ("escape character", "D032"),
    ("exceeded maximum nesting depth", "D017"),  # libyaml 0.2.6 stops at a depth of its own, deeper than ours
)


def _check_characters(text: str, file: str) -> list[Problem]:
    if len(text.encode("utf-8", "surrogatepass")) > MAX_FILE_BYTES:
        return [problem("D016", Location(file), limit=MAX_FILE_BYTES // 1024)]
    bad = _UNREADABLE.search(text)
    if bad:
        return [problem("D002", _location_of(text, bad.start(), file), character=f"U+{ord(bad[0]):04X}")]
    tab = text.find("\t")
    if tab >= 0:
        return [problem("D003", _location_of(text, tab, file))]
    wide = find_wide_indent(text)
    return [problem("D037", _location_of(text, wide, file))] if wide is not None else []


def _location_of(text: str, position: int, file: str) -> Location:
    return Location(file, text.count("\n", 0, position) + 1, position - text.rfind("\n", 0, position))


def _mark(event: Any) -> Mark:
    start = event.start_mark
    return (start.line + 1, start.column + 1)


def _mark_of(mark: Any) -> Mark:
    return (mark.line + 1, mark.column + 1) if mark else (1, 1)


@dataclass(slots=True)
class _Frame:
    """A map or list that is still open; ``key`` waits for its value."""

    value: Any
    path: NodePath
    awaits_key: bool
    key: str = ""
    key_mark: Mark = (1, 1)


@dataclass
class _Builder:
    file: str
    text: str
    data: Any = None
    documents: int = 0
    stack: list[_Frame] = field(default_factory=list)
    places: dict[NodePath, Place] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    @cached_property
    def rows(self) -> list[str]:
        return self.text.split("\n")

    def build(self) -> Document:
        try:
            read = yaml.CSafeLoader(self.text).get_event
            while (event := read()) is not None:
                handle = _HANDLERS.get(type(event))
                if handle is not None:
                    handle(self, event)
        except yaml.YAMLError as error:
            self._refuse_syntax(error)
        if self.data is None and not self.problems:
            self._report("D021", (1, 1))
        if self.problems:
            raise DefinitionError(self.problems)
        return Document(self.file, self.data, self.places)

    def start_document(self, event: Any) -> None:
        self.documents += 1
        if event.version or event.tags:
            self._report("D028", _mark(event))
        if self.documents > 1:
            self._stop("D015", _mark(event))

    def alias(self, event: Any) -> None:
        self._report("D013", _mark(event), name=f"*{event.anchor}")
        if self.stack and self.stack[-1].awaits_key:
            self._stop("D019", _mark(event))
        self._add(None, _mark(event), _mark(event))

    def scalar(self, event: Any) -> None:
        if event.anchor is not None or event.tag is not None:
            self._check_node(event)
        mark, style = _mark(event), event.style
        if self.stack and self.stack[-1].awaits_key:
            self._open_key(event.value, mark)
        elif style:
            self._add(event.value, mark, self._text_mark(style, *mark))
        else:
            self._add(self._plain(event.value, mark), mark, mark)

    def open(self, event: Any) -> None:
        if event.anchor is not None or event.tag is not None:
            self._check_node(event)
        mark = _mark(event)
        if len(self.stack) >= MAX_DEPTH:
            self._stop("D017", mark, limit=MAX_DEPTH)
        if self.stack and self.stack[-1].awaits_key:
            self._stop("D019", mark)
        is_map = type(event) is yaml.MappingStartEvent
        value: Any = {} if is_map else []
        path = self._add(value, mark, mark)
        self.stack.append(_Frame(value, path, is_map))

    def close(self, event: Any) -> None:
        self.stack.pop()

    def _check_node(self, event: Any) -> None:
        if event.anchor is not None:
            self._report("D013", _mark(event), name=f"&{event.anchor}")
        if event.tag is not None:
            self._report("D012", _mark(event), tag=event.tag.replace("tag:yaml.org,2002:", "!!"))

    def _open_key(self, key: str, mark: Mark) -> None:
        frame = self.stack[-1]
        if key == "<<":
            self._report("D014", mark)
        elif not key.strip():
            self._report("D020", mark)
        elif key in frame.value:
            first = self.places[(*frame.path, key)].key[0]
            self._report("D011", mark, key=key, line=first)
        frame.key, frame.key_mark, frame.awaits_key = key, mark, False

    def _plain(self, text: str, mark: Mark) -> Scalar:
        if text in _WORDS:
            return _WORDS[text]
        if text[0] not in _DIGITS:
            return text
        whole = _WHOLE.match(text)
        if not whole and not _DECIMAL.match(text):
            return text
        if len(text) > MAX_DIGITS:
            self._report("D029", mark, value=text)
            return text
        return int(text) if whole else Decimal(text)

    def _add(self, value: Any, mark: Mark, text_mark: Mark) -> NodePath:
        """Put a value where the innermost open map or list expects one, and note its place."""
        if not self.stack:
            self.data = value
            self.places[()] = Place((1, 1), mark, text_mark)
            return ()
        frame = self.stack[-1]
        within, key_mark, key = frame.value, mark, frame.key
        path: NodePath
        if type(within) is list:
            path = (*frame.path, len(within))
            within.append(value)
        else:
            path, key_mark, frame.awaits_key = (*frame.path, key), frame.key_mark, True
            within[key] = value
        self.places[path] = Place(key_mark, mark, text_mark)
        return path

    def _text_mark(self, style: str, line: int, column: int) -> Mark:
        return (line, column + 1) if style in ("'", '"') else self._block_mark(line, column)

    def _block_mark(self, line: int, column: int) -> Mark:
        for number in range(line, len(self.rows)):
            row = self.rows[number]
            if row.strip():
                return number + 1, len(row) - len(row.lstrip(" ")) + 1
        return line, column

    def _refuse_syntax(self, error: yaml.YAMLError) -> None:
        said = str(getattr(error, "problem", "") or "")
        code = next((code for part, code in _SYNTAX if part in said), "D004")
        here, opened = (_mark_of(getattr(error, name, None)) for name in ("problem_mark", "context_mark"))
        if self._refuse_slip(here, opened):
            return
        if code in ("D006", "D008"):
            self._report(code, opened)
        elif code == "D009":
            self._report(code, here, line=opened[0])
        elif code == "D017":
            self._report(code, here, limit=MAX_DEPTH)
        elif code == "D010":
            self._report(code, here, character=self._character(*here))
        else:
            self._report(code, here)

    def _refuse_slip(self, *marks: Mark) -> bool:
        """A slip on the line that could not be read, or on the one where it began, says more than the parser."""
        for line, _ in dict.fromkeys(marks):
            slip = find_slip(self.rows[line - 1]) if line <= len(self.rows) else None
            if slip is not None:
                self._report(slip.code, (line, slip.column), **slip.params)
                return True
        return False

    def _character(self, line: int, column: int) -> str:
        return self.rows[line - 1][column - 1 : column] if line <= len(self.rows) else ""

    def _report(self, code: str, mark: Mark, **params: object) -> None:
        if len(self.problems) >= PROBLEMS_PER_FILE:
            self._stop("D030", mark)
        self.problems.append(problem(code, Location(self.file, *mark), None, **params))

    def _stop(self, code: str, mark: Mark, **params: object) -> NoReturn:
        self.problems.append(problem(code, Location(self.file, *mark), None, **params))
        raise DefinitionError(self.problems)


_HANDLERS: Final[Mapping[type, Callable[[_Builder, Any], None]]] = {
    yaml.DocumentStartEvent: _Builder.start_document,
    yaml.AliasEvent: _Builder.alias,
    yaml.ScalarEvent: _Builder.scalar,
    yaml.MappingStartEvent: _Builder.open,
    yaml.SequenceStartEvent: _Builder.open,
    yaml.MappingEndEvent: _Builder.close,
    yaml.SequenceEndEvent: _Builder.close,
}
