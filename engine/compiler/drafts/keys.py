"""From a name in any language to a key: ``客户名称`` becomes ``ke_hu_ming_cheng``, ``unitPrice`` ``unit_price``.

Enters: a name and the keys that are taken. Leaves: a key nobody has yet. Must not return a word the language
has for itself.
"""

import re
from collections.abc import Iterable
from typing import Final

from engine.compiler.dead_ends import RESERVED_ENTITIES
from engine.compiler.fields import RESERVED
from engine.expression import RESERVED as WORDS
from engine.romanised import has_characters, syllables

LONGEST: Final = 28
_LONGEST_OPTION: Final = 40
_OF_YAML: Final = frozenset({"null", "true", "false"})
"""What a definition file reads as no text."""


def to_key(name: str, taken: Iterable[str] = (), *, otherwise: str = "field") -> str:
    """Return a key for a field or an entity; a name without Latin letters or Chinese characters becomes ``field``."""
    key = _snake(name)
    if not key[:1].isalpha():
        key = f"{otherwise}_{key}".strip("_")
    key = _cut(key, LONGEST)
    if key in RESERVED | WORDS | RESERVED_ENTITIES | _OF_YAML:
        key = _cut(f"{key}_value", LONGEST)
    return _free(key, set(taken), LONGEST)


def to_option(name: str, taken: Iterable[str] = ()) -> str:
    """Return a key for an option, which may start with a digit."""
    key = _cut(_snake(name), _LONGEST_OPTION) or "option"
    return _free(f"{key}_option" if key in _OF_YAML else key, set(taken), _LONGEST_OPTION)


def _snake(name: str) -> str:
    latin = "_".join(syllables(name)) if has_characters(name) else name
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", latin)
    return re.sub(r"[^a-z0-9]+", "_", apart.lower()).strip("_")


def _cut(key: str, longest: int) -> str:
    """Cut a long key, between words where that leaves most of it."""
    if len(key) <= longest:
        return key
    short = key[: longest + 1].rpartition("_")[0]
    return short if len(short) > longest // 2 else key[:longest].strip("_")


def _free(key: str, taken: set[str], longest: int) -> str:
    number, found = 2, key
    while found in taken:
        found = f"{key[: longest - len(str(number)) - 1].strip('_')}_{number}"
        number += 1
    return found
