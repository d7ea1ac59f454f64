"""Files this process has read and checked already: whoever works on one file does not wait for the others.

Enters: the text of a file, or the document made of it. Leaves: the document, or its problems, as the first time.
Must not be asked for stored releases, which are read once: a server would keep their documents for nothing.
"""

import hashlib
import json
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from engine import memory
from engine.definition.yaml_reader import Document, parse_yaml
from engine.errors import Problem

_KEPT: Final = 512


@lru_cache(maxsize=_KEPT)
def parse_kept(text: str, file: str) -> Document:
    """Return ``parse_yaml(text, file)``, the same object for the same text; a refusal is not kept."""
    return parse_yaml(text, file)


def check_kept(document: Document, name: str) -> list[Problem]:
    """Return ``check_schema(document, name)``."""
    return list(_check(_Same(document), name))


@dataclass(frozen=True, eq=False)
class _Same:
    """A document as this very object: comparing two of them would read both."""

    document: Document

    def __hash__(self) -> int:
        return id(self.document)

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, _Same) and other.document is self.document


@lru_cache(maxsize=_KEPT)
def _check(same: _Same, name: str) -> tuple[Problem, ...]:
    """The library behind it takes 60 ms to load, which a server that runs a stored release never needs."""
    digest = _digest(same.document.data, name)
    if memory.recall("shapes", digest):
        return ()
    from engine.definition.schema import check_schema

    found = tuple(check_schema(same.document, name))
    if not found:
        memory.remember("shapes", digest, 1)
    return found


def _digest(data: Any, name: str) -> str:
    """What has no problem has none wherever it stands, so places do not matter."""
    text = json.dumps([name, data], default=lambda number: {"": str(number)}, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()
