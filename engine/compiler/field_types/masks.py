"""What is left of a value for whoever may see it in part only: ``138****5678``.

Enters: a typed value that is there. Leaves: a text that cannot be read back into the value. Must not tell how long the
value is.
"""

from typing import Any

GONE = "****"
_HEAD, _TAIL, _LEAST = 3, 4, 10


def mask_whole(value: Any) -> str:
    """Leave nothing: amounts, dates, choices."""
    return GONE


def mask_text(value: Any) -> str:
    """Leave the first character of a longer text: ``甬****``."""
    text = str(value)
    return text[0] + GONE if len(text) > 1 else GONE


def mask_phone(value: Any) -> str:
    """Leave the head and the tail of a number: ``138****5678``; of a short one the last two digits."""
    text = str(value)
    if sum(one.isdigit() for one in text) >= _LEAST:
        return text[:_HEAD] + GONE + text[-_TAIL:]
    return GONE + text[-2:] if len(text) > _TAIL else GONE


def mask_email(value: Any) -> str:
    """Leave the first letter and the company: ``w****@yongjiang.cn``."""
    name, _, house = str(value).rpartition("@")
    return f"{name[:1]}{GONE}@{house}"


def mask_code(value: Any) -> str:
    """Leave both ends of a code of many characters: ``9133****22XA``."""
    text = str(value)
    return text[:_TAIL] + GONE + text[-_TAIL:] if len(text) > 3 * _TAIL else mask_text(text)
