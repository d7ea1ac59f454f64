"""The check digit of a 统一社会信用代码, by GB 32100-2015.

Enters: 18 characters, upper case. Leaves: None, or the name of the mistake. Must not say whether the company exists.
"""

from typing import Literal

ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
"""The 31 characters of the standard; I, O, S, V and Z are left out, and a letter's value is its index here."""

_VALUES = {character: value for value, character in enumerate(ALPHABET)}
WEIGHTS = tuple(pow(3, position, 31) for position in range(17))


def find_mistake(code: str) -> Literal["length", "character", "check"] | None:
    """Return what is wrong with ``code``, or None when it is valid."""
    if len(code) != 18:
        return "length"
    if not _VALUES.keys() >= set(code):
        return "character"
    return None if check_character(code[:17]) == code[17] else "check"


def check_character(body: str) -> str:
    """Return the 18th character for the first 17: 31 minus the weighted sum modulo 31, where 31 counts as 0."""
    values = [_VALUES[character] for character in body]
    total = sum([value * weight for value, weight in zip(values, WEIGHTS, strict=True)])
    return ALPHABET[(31 - total % 31) % 31]
