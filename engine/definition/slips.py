"""What people's fingers do that YAML cannot read: full-width punctuation, a missing space or quote, pasted leftovers.

Enters: a line of a file, or a key as it was read. Leaves: the code of the sentence that names the slip, and
its column. Must not decide whether a line is wrong: it is asked only about lines and keys that are.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

FULL_WIDTH: Final[Mapping[str, str]] = dict(zip("：，、｛｝【】［］“”‘’＃－", ":,,{}[][]\"\"''#-", strict=True))
_QUOTED: Final = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^']|'')*'|(?<![^\s])#.*$")
_LEFT_OVER: Final = re.compile(r"(<{7}|={7}|>{7}|`{3})\S*")
_BRACES: Final = re.compile(r"\{[a-z][a-z0-9_]*(?::[0-9]+)?\}")
_NO_SPACE: Final = re.compile(r"(?:^\s*(?:-\s+)?|[{,]\s*)([a-z][a-z0-9_]*):(?=[^\s:/\d])")
_INDENTED: Final = re.compile(r"^ *([\u3000\u00a0])[ \u3000\u00a0]*[\w-]+:", re.MULTILINE)


@dataclass(frozen=True)
class Slip:
    """``column`` counts from 1; ``params`` are those of the sentence ``code``."""

    code: str
    column: int
    params: Mapping[str, str]


def find_slip(row: str) -> Slip | None:
    """Return the first slip in a line that could not be read; what stands in quotes or a comment is none."""
    left = _LEFT_OVER.match(row)
    if left:
        return Slip("D033", 1, {"value": left[0]})
    plain = _QUOTED.sub(lambda quoted: "\0" * len(quoted[0]), row)
    wide = next((at for at, character in enumerate(plain) if character in FULL_WIDTH), None)
    if wide is not None:
        return _full_width(plain[wide], wide + 1)
    braces = _BRACES.search(plain)
    if braces:
        return Slip("D035", braces.start() + 1, {"value": braces[0]})
    close = _NO_SPACE.search(plain)
    return Slip("D036", close.start(1) + 1, {"key": close[1]}) if close else None


def find_slip_in_key(key: str) -> Slip | None:
    """Return the slip that made a key of what was meant as a key and its value."""
    name, colon, rest = re.split(r"([:：])", key, maxsplit=1) if re.search("[:：]", key) else (key, "", "")
    if not colon or not re.fullmatch(r"[a-z][a-z0-9_]*", name.strip()):
        return None
    return _full_width(colon, len(name) + 1) if colon in FULL_WIDTH else Slip("D036", 1, {"key": name})


def find_wide_indent(text: str) -> int | None:
    """Return where a full-width or fixed space stands before a key, which YAML takes for a part of the key."""
    found = _INDENTED.search(text)
    return found.start(1) if found else None


def _full_width(character: str, column: int) -> Slip:
    return Slip("D034", column, {"character": character, "instead": FULL_WIDTH[character]})
