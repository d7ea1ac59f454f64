"""Texts within a number of bytes: providers count UTF-8, where a Chinese character is three.

Enters: lines, a limit in bytes. Leaves: parts that each keep to it. Must not cut a character in two.
"""

from collections.abc import Iterable
from itertools import chain

MOST_PARTS = 5


def cut(text: str, limit: int) -> str:
    """Return a text that has at most ``limit`` bytes, with an ellipsis where something was left out."""
    encoded = text.encode("utf-8", "replace")
    if len(encoded) <= limit:
        return text
    return encoded[: limit - 3].decode("utf-8", "ignore") + "…"


def pack(lines: Iterable[str], limit: int, *, most: int = MOST_PARTS) -> list[str]:
    """Return lines as few texts of at most ``limit`` bytes each; what would need more than ``most`` is left out."""
    parts: list[str] = []
    rest = ""
    for line in chain.from_iterable(_pieces(one, limit) for one in lines):
        joined = f"{rest}\n{line}" if rest else line
        if len(joined.encode()) <= limit:
            rest = joined
        else:
            parts.append(rest)
            rest = line
    parts.append(rest)
    if len(parts) <= most:
        return parts
    return [*parts[: most - 1], cut(f"{parts[most - 1]}\n…", limit)]


def _pieces(line: str, limit: int) -> Iterable[str]:
    while len(line.encode("utf-8", "replace")) > limit:
        piece = line.encode("utf-8", "replace")[:limit].decode("utf-8", "ignore")
        yield piece
        line = line[len(piece) :]
    yield line
