"""The help page of a command in the reader's language, the library's own words included.

Enters: a language. Leaves: the class of context a command is made with, which writes such pages. Must not know a
command.
"""

import re
import unicodedata
from collections.abc import Iterable
from functools import cache

import click

from engine import messages

_OWN = {
    "Usage:": "cli.help_usage",
    "Options": "cli.help_options",
    "Commands": "cli.commands",
    "Show this message and exit.": "cli.help_help",
}
"""What the library writes by itself, and the codes of the same in our words."""
_WIDE_END = re.compile("[：]$")
_WORDS = re.compile(r"[\x21-\x7e]+|\s+|.")
_NEVER_FIRST = frozenset("，。；：、！？）”》】…,.;:!?)]")
_MARKS = {"[default: ": "cli.help_default", "[required]": "cli.help_required"}
_SHAPES = {"[OPTIONS]": "cli.help_any_options", "COMMAND [ARGS]...": "cli.help_any_command"}


@cache
def context_class(language: str) -> type[click.Context]:
    """Return the context whose help pages are in ``language``."""

    class Page(click.HelpFormatter):
        """Writes the page."""

        def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
            """Write how the command is called."""
            said = prefix or _said("Usage:", language)
            super().write_usage(
                prog, _replaced(args, _SHAPES, language), said if _WIDE_END.search(said) else f"{said} "
            )

        def write_heading(self, heading: str) -> None:
            """Write the heading of a part."""
            said = messages.text("cli.help_heading", language, name=_said(heading, language))
            self.write(f"{'':>{self.current_indent}}{said}\n")

        def write_dl(self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2) -> None:
            """Write what there is, each with what it does."""
            told = [(name, _replaced(_said(text, language), _MARKS, language)) for name, text in rows]
            first = min(max((_width(name) for name, _ in told), default=0), col_max) + col_spacing
            for name, text in told:
                lines = _wrapped(text, max(self.width - self.current_indent - first, 10))
                beside = _width(name) + col_spacing <= first
                head = name + " " * (first - _width(name)) if beside else f"{name}\n{'':>{self.current_indent + first}}"
                between = f"\n{'':>{self.current_indent + first}}"
                self.write(f"{'':>{self.current_indent}}{head}{between.join(lines)}".rstrip() + "\n")

    class Speaking(click.Context):
        """Makes such pages."""

        formatter_class = Page

    return Speaking


def _width(text: str) -> int:
    """Return how many columns of a terminal a text takes: a Chinese character takes two."""
    return sum(2 if unicodedata.east_asian_width(one) in "WF" else 1 for one in text)


def _wrapped(text: str, width: int) -> list[str]:
    """Return lines of at most ``width`` columns: between words, and between any two Chinese characters."""
    lines = [""]
    for word in _WORDS.findall(text):
        if _width(lines[-1] + word.rstrip()) > width and lines[-1] and word[0] not in _NEVER_FIRST:
            lines.append("")
        lines[-1] += word if lines[-1] or word.strip() else ""
    return [line.rstrip() for line in lines]


def _said(words: str, language: str) -> str:
    return messages.text(_OWN[words], language) if words in _OWN else words


def _replaced(words: str, known: dict[str, str], language: str) -> str:
    for found, code in known.items():
        words = words.replace(found, messages.text(code, language))
    return words
