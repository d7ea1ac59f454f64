"""What every source becomes first: an entity with fields as they will be written, and notes on what was left out.

Enters: nothing. Leaves: the classes ``Draft``, ``DraftField`` and ``Note``. Must not know where a draft comes from.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from engine import messages

MAX_LABEL: Final = 200
MAX_HELP: Final = 2000


@dataclass(frozen=True)
class Note:
    """Something of the source that the draft does not say, as the sentence ``draft.<code>``, and where it stood."""

    code: str
    path: str
    params: dict[str, object] = field(default_factory=dict)

    def text(self, language: str) -> str:
        """Return the note in one sentence."""
        return messages.text(f"draft.{self.code}", language, path=self.path, **self.params)


@dataclass
class DraftField:
    """One field; ``settings`` are further keys of the notation with plain values, in their order."""

    key: str
    label: str
    type: str
    settings: dict[str, Any] = field(default_factory=dict)
    fields: list["DraftField"] = field(default_factory=list)
    agree: tuple[int, int] | None = None
    """How many of how many filled cells are of the type, where it was taken from content."""


@dataclass
class Draft:
    """An entity that somebody will read, correct and complete."""

    key: str
    label: str
    fields: list[DraftField] = field(default_factory=list)
    help: str = ""
    notes: list[Note] = field(default_factory=list)


def plain(text: object, longest: int) -> str:
    """Return a text on one line without invisible characters, cut to ``longest``."""
    visible = "".join(character if character.isprintable() else " " for character in str(text))
    one_line = " ".join(visible.split())
    return one_line if len(one_line) <= longest else one_line[: longest - 1].rstrip() + "…"


def all_fields(fields: Iterable[DraftField]) -> Iterator[DraftField]:
    """Yield the fields and their columns."""
    for one in fields:
        yield one
        yield from all_fields(one.fields)
