"""Mistakes in an expression, each with the place it stands at.

Enters: a code, its parameters, an offset and a length in characters. Leaves: exceptions whose sentence stands in
``engine/messages`` under ``expression.<code>``. Must not hold a sentence itself.

A parameter whose value is a ``Kind`` or a ``Word`` is said in the reader's language: see ``ExpressionError.text``.
"""

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches

from engine import messages
from engine.expression.types import Kind


class Word(str):
    """A parameter that is itself a word with a translation: ``expression.word.<value>``."""


class ExpressionError(Exception):
    """One mistake: ``code`` without its prefix, ``offset`` and ``length`` in characters of the source text."""

    def __init__(self, code: str, params: Mapping[str, object], offset: int, length: int) -> None:
        self.code = code
        self.params = dict(params)
        self.offset = offset
        self.length = max(length, 1)
        super().__init__(f"{code} {self.params} at {offset}")

    @property
    def message_code(self) -> str:
        """The key of the sentence in ``engine/messages``."""
        return f"expression.{self.code}"

    def text(self, language: str = messages.DEFAULT_LANGUAGE) -> str:
        """Return the mistake in one sentence, with a suggestion where there is one."""
        said = messages.text(self.message_code, language, **self.words(language))
        suggestion = self.params.get("suggestion")
        if suggestion:
            said += messages.text("expression.did_you_mean", language, suggestion=suggestion)
        return said

    def words(self, language: str = messages.DEFAULT_LANGUAGE) -> dict[str, str]:
        """Return the parameters as the reader's language says them."""
        return {name: _say(value, language) for name, value in self.params.items()}


class ExpressionErrors(Exception):
    """All mistakes of one expression, in the order they stand in the text."""

    def __init__(self, errors: Sequence[ExpressionError]) -> None:
        self.errors = tuple(sorted(errors, key=lambda error: error.offset))
        super().__init__("; ".join(str(error) for error in self.errors))


def caret(text: str, error: ExpressionError, language: str = messages.DEFAULT_LANGUAGE) -> str:
    """Return three lines: the source line with the mistake, carets below it, and the sentence."""
    start = text.rfind("\n", 0, error.offset) + 1
    end = text.find("\n", error.offset)
    line = text[start:] if end < 0 else text[start:end]
    column = error.offset - start
    length = min(error.length, max(len(line) - column, 1))
    return f"{line}\n{_blank(line[:column])}{_underline(line[column : column + length])}\n{error.text(language)}"


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word most like ``word``, or None when nothing is near."""
    matches = get_close_matches(word, list(known), n=1, cutoff=0.6)
    return matches[0] if matches else None


def _say(value: object, language: str) -> str:
    if isinstance(value, Kind):
        return messages.text(f"expression.kind.{value.value}", language)
    if isinstance(value, Word):
        return messages.text(f"expression.word.{value}", language)
    if isinstance(value, (list, tuple)):
        return messages.text("expression.word.list_separator", language).join(_say(item, language) for item in value)
    return str(value)


def _blank(before: str) -> str:
    return "".join(" " * _width(character) for character in before)


def _underline(part: str) -> str:
    return "^" * max(sum(_width(character) for character in part), 1)


def _width(character: str) -> int:
    """A Chinese character takes two columns of a terminal."""
    return 2 if character >= "\u1100" else 1
