"""Text to a tree, or the first mistake in its form.

Enters: the text of one expression. Leaves: a ``syntax.Node``. Must not know fields or types. Everything is bounded
(length, depth, number of nodes, size of numbers and texts), and nothing recurses over the input.
"""

from collections.abc import Callable, Iterable
from datetime import date, timedelta
from decimal import Decimal
from functools import cache, lru_cache
from pathlib import Path as FilePath
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from engine import memory
from engine.expression import syntax
from engine.expression.errors import ExpressionError, ExpressionErrors, Word
from engine.expression.habits import find_habit, find_wide_signs, word_at
from engine.expression.types import MAX_DIGITS, MAX_PLACES
from engine.expression.values import Value, WorkingTime

if TYPE_CHECKING:
    from lark import Lark, Token

MAX_LENGTH = 4000
MAX_DEPTH = 40
MAX_NODES = 400
MAX_TEXT = 500
MAX_WHOLE_DIGITS = 15
MAX_DAYS = 36525

RESERVED = frozenset(["and", "or", "not", "in", "is", "between", "missing", "where", "true", "false"])
"""Words of the grammar; a field cannot have one of them as its key."""

_UNITS = {"w": timedelta(weeks=1), "d": timedelta(days=1), "h": timedelta(hours=1), "m": timedelta(minutes=1)}
_EXPECTED = (
    ("NUMBER", Word("value")),
    ("NAME", Word("name")),
    ("COMPARE", Word("operator")),
    ("AND", "and"),
    ("OR", "or"),
    ("IN", "in"),
    ("LSQB", "'['"),
    ("MISSING", "missing"),
    ("WHERE", "where"),
    ("COMMA", "','"),
    ("RPAR", "')'"),
    ("RSQB", "']'"),
    ("$END", Word("end")),
)


@lru_cache(maxsize=4096)
def parse(text: str) -> syntax.Node:
    """Parse one expression.

    Raises:
        ExpressionError: the first mistake in the form of the text, with what was expected there.
        ExpressionErrors: all signs of a Chinese keyboard in it, when the first mistake is one of them.
    """
    if len(text) > MAX_LENGTH:
        raise ExpressionError("too_long", {"length": len(text), "limit": MAX_LENGTH}, MAX_LENGTH, 1)
    if not text.strip():
        raise ExpressionError("empty", {}, 0, 1)
    return _recall(text) or _parse_anew(text)


def _recall(text: str) -> syntax.Node | None:
    written = memory.recall("trees", text)
    if written is None:
        return None
    from engine.expression.portable import tree_from_json

    try:
        return tree_from_json(written)
    except ValueError:
        return None


def _parse_anew(text: str) -> syntax.Node:
    tree = _parse_by_grammar(text)
    if memory.is_open():
        from engine.expression.portable import tree_to_json

        memory.remember("trees", text, tree_to_json(tree))
    return tree


@cache
def grammar() -> "Lark":
    """Return the parser made from ``grammar.lark``, once per process."""
    # Loading Lark takes some 50 ms; a process that only runs stored expressions never needs it.
    from lark import Lark

    source = FilePath(__file__).with_name("grammar.lark").read_text(encoding="utf-8")
    made = SimpleNamespace(value=_in_parentheses, **{rule: _maker(build) for rule, build in _BUILDERS.items()})
    # Every token is kept, so that each part knows where it begins and ends; what says no more is dropped.
    return Lark(source, parser="lalr", lexer="basic", transformer=made, keep_all_tokens=True, maybe_placeholders=False)


def _parse_by_grammar(text: str) -> syntax.Node:
    from lark.exceptions import UnexpectedCharacters, UnexpectedToken

    try:
        whole: Any = grammar().parse(text)
        return cast(_Part, whole).node
    except UnexpectedCharacters as error:
        mistake, signs = _unknown_character(text, error.pos_in_stream or 0), find_wide_signs(text)
        if any((one.offset, one.params) == (mistake.offset, mistake.params) for one in signs):
            raise ExpressionErrors(signs) from None
        raise mistake from None
    except UnexpectedToken as error:
        raise _unexpected(text, error.token, error.accepts or error.expected) from None


def _unknown_character(text: str, offset: int) -> ExpressionError:
    found = text[offset]
    if found in "'\"":
        return ExpressionError("text_not_closed", {"quote": found}, offset, len(text) - offset)
    if habit := find_habit(text, offset, RESERVED):
        return habit
    if found.isdigit():
        word = word_at(text, offset)
        return ExpressionError("strange_number", {"found": word}, offset, len(word))
    return ExpressionError("unknown_character", {"found": found}, offset, 1)


def _unexpected(text: str, token: "Token", terminals: Iterable[str]) -> ExpressionError:
    expected = _expected_words(set(terminals))
    if token.type == "$END":
        return ExpressionError("unexpected_end", {"expected": expected}, len(text.rstrip()), 1)
    offset = token.start_pos or 0
    if habit := find_habit(text, offset, RESERVED):
        return habit
    return ExpressionError("unexpected", {"found": str(token), "expected": expected}, offset, len(token))


def _expected_words(terminals: set[str]) -> tuple[str, ...]:
    if "NUMBER" in terminals:
        terminals -= {"NAME", "LSQB", "MISSING"}
    if "WHERE" in terminals:  # what stands before it is a whole expression, which could go on
        terminals.add("COMPARE")
    if "COMPARE" in terminals:
        terminals -= {"AND", "OR", "IN"}
    elif "OR" in terminals:  # the parser may have closed the `and` already; the author has not
        terminals.add("AND")
    return tuple(word for terminal, word in _EXPECTED if terminal in terminals)


class _Part(NamedTuple):
    """A node that is made, with its parentheses if it has some; how deep it is, and of how many nodes."""

    node: syntax.Node
    start_pos: int
    end_pos: int
    depth: int
    size: int


def _maker(build: "_Builder") -> "_Maker":
    """Return what Lark calls for a line of the grammar: our nodes are made while it reads, from the leaves up."""

    def make(children: list[Any]) -> _Part:
        start, end = children[0].start_pos, children[-1].end_pos
        depth, size, told = 0, 1, []
        for child in children:
            if type(child) is _Part:
                told.append(child.node)
                size += child.size
                if child.depth > depth:
                    depth = child.depth
            elif child.type in _TELLING:
                told.append(child)
        if depth >= MAX_DEPTH:
            raise ExpressionError("too_deep", {"limit": MAX_DEPTH}, start, end - start)
        if size > MAX_NODES:
            raise ExpressionError("too_many_parts", {"limit": MAX_NODES}, start, end - start)
        return _Part(build(start, end, told), start, end, depth + 1, size)

    return make


def _in_parentheses(children: list[Any]) -> _Part:
    opened, inner, closed = children
    return cast(_Part, inner)._replace(start_pos=opened.start_pos, end_pos=closed.end_pos)


def _number(start: int, end: int, children: list[Any]) -> syntax.Node:
    return syntax.Literal(start, end, "number", _parse_number(str(children[0]), start))


def _percent(start: int, end: int, children: list[Any]) -> syntax.Node:
    return syntax.Literal(start, end, "percent", _parse_number(str(children[0])[:-1], start, shift=2))


def _parse_number(text: str, start: int, shift: int = 0) -> Decimal:
    shift -= {"万": 4, "亿": 8}.get(text[-1], 0)
    digits = text.rstrip("万亿")
    whole, _, places = digits.partition(".")
    before, after = len(whole) - shift, len(places) + shift
    if before > MAX_WHOLE_DIGITS or after > MAX_PLACES or before + max(after, 0) > MAX_DIGITS:
        limits = {"found": text, "whole": MAX_WHOLE_DIGITS, "places": MAX_PLACES, "digits": MAX_DIGITS}
        raise ExpressionError("number_too_big", limits, start, len(text))
    value = Decimal(digits).scaleb(-shift)
    return value if value.as_tuple().exponent <= 0 else value.quantize(Decimal(1))  # type: ignore[operator]


def _duration(start: int, end: int, children: list[Any]) -> syntax.Node:
    text = str(children[0])
    amount, unit = int("".join(filter(str.isdecimal, text))), text.lstrip("0123456789")
    value: Value
    if amount > MAX_DAYS or (unit == "w" and amount > MAX_DAYS // 7):
        raise ExpressionError("duration_too_long", {"found": text, "limit": MAX_DAYS}, start, len(text))
    if unit == "wd":
        value = WorkingTime(days=amount)
    elif unit == "wh":
        value = WorkingTime(hours=amount)
    else:
        value = _UNITS[unit] * amount
    return syntax.Literal(start, end, "duration", value)


def _date(start: int, end: int, children: list[Any]) -> syntax.Node:
    try:
        return syntax.Literal(start, end, "date", date.fromisoformat(children[0]))
    except ValueError:
        raise ExpressionError("no_such_date", {"found": str(children[0])}, start, end - start) from None


def _text(start: int, end: int, children: list[Any]) -> syntax.Node:
    quote = children[0][0]
    value = str(children[0])[1:-1].replace(quote * 2, quote)
    if len(value) > MAX_TEXT:
        raise ExpressionError("text_too_long", {"length": len(value), "limit": MAX_TEXT}, start, end - start)
    if any(character < " " or "\ud800" <= character <= "\udfff" for character in value):
        raise ExpressionError("text_not_printable", {}, start, end - start)
    return syntax.Literal(start, end, "text", value)


def _constant(form: str, value: Value) -> "_Builder":
    return lambda start, end, children: syntax.Literal(start, end, form, value)


def _name(start: int, end: int, children: list[Any]) -> syntax.Node:
    return syntax.Name(start, end, str(children[0]))


def _path(start: int, end: int, children: list[Any]) -> syntax.Node:
    return syntax.Path(start, end, tuple(map(str, children)), tuple(token.start_pos for token in children))


def _operation(start: int, end: int, children: list[Any]) -> syntax.Node:
    left, operator, right = children
    return syntax.Binary(start, end, str(operator), left, right)


def _logic(operator: str) -> "_Builder":
    return lambda start, end, children: syntax.Binary(start, end, operator, *children)


def _in(negated: bool) -> "_Builder":
    return lambda start, end, children: syntax.In(start, end, negated, *children)


def _is_missing(negated: bool) -> "_Builder":
    return lambda start, end, children: syntax.IsMissing(start, end, negated, children[0])


def _call(start: int, end: int, children: list[Any]) -> syntax.Node:
    return syntax.Call(start, end, str(children[0]), tuple(children[1:]))


def _call_where(start: int, end: int, children: list[Any]) -> syntax.Node:
    name, *arguments, where = children
    return syntax.Call(start, end, str(name), tuple(arguments), where)


_TELLING = frozenset(
    ["NUMBER", "PERCENT", "DURATION", "DATE", "TEXT", "NAME", "COMPARE", "PLUS", "MINUS", "TIMES", "DIVIDE"]
)
"""The tokens that say more than which line of the grammar it is."""

_Builder = Callable[[int, int, list[Any]], syntax.Node]
_Maker = Callable[[list[Any]], _Part]
_BUILDERS: dict[str, _Builder] = {
    "or_": _logic("or"),
    "and_": _logic("and"),
    "not_": lambda start, end, children: syntax.Unary(start, end, "not", children[0]),
    "negative": lambda start, end, children: syntax.Unary(start, end, "-", children[1]),
    "compare": _operation,
    "arithmetic": _operation,
    "between": lambda start, end, children: syntax.Between(start, end, *children),
    "in_": _in(False),
    "not_in": _in(True),
    "is_missing": _is_missing(False),
    "is_not_missing": _is_missing(True),
    "list": lambda start, end, children: syntax.List(start, end, tuple(children)),
    "number": _number,
    "percent": _percent,
    "duration": _duration,
    "date": _date,
    "text": _text,
    "true": _constant("boolean", True),
    "false": _constant("boolean", False),
    "missing": _constant("missing", None),
    "name": _name,
    "path": _path,
    "call": _call,
    "call_where": _call_where,
}
