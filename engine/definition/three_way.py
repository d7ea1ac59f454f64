"""Two people changed the same thing: what each of them did, key by key, and where they contradict each other.

Enters: the data of three sets of documents: as it was, theirs, ours. Leaves: differences with their addresses. Must not
decide anything: whoever is asked does.

A map is compared by key, anything else whole. Lists are values: two who add to one list contradict each other.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from engine.definition.documents import Identity
from engine.definition.kinds import Kind
from engine.definition.problems import shown
from engine.definition.resolved_schemas import resolved_schema
from engine.definition.yaml_reader import NodePath
from engine.definition.yaml_writer import write_value


class _Absent:
    """Stands where there is nothing."""

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT: Final = _Absent()
Side: TypeAlias = Literal["ours", "theirs"]
Trees: TypeAlias = Mapping[Identity, Any]
"""The data of each document by what it is about."""


@dataclass(frozen=True)
class Difference:
    """What they changed at an address; a conflict when we changed it too, otherwise."""

    about: Identity
    path: NodePath
    old: Any
    theirs: Any
    ours: Any

    @property
    def is_conflict(self) -> bool:
        """Tell whether somebody has to decide."""
        return bool(self.ours != self.old)

    @property
    def key(self) -> str:
        """The address people name it by, such as ``entity.quote.fields.freight``."""
        return ".".join(map(str, filter(None, (*self.about, *self.path))))

    @property
    def code(self) -> str:
        """What happened, in one word."""
        if self.theirs is ABSENT:
            return "they_removed"
        if self.ours is ABSENT:
            return "you_removed"
        return "both_added" if self.old is ABSENT else "both_changed"

    def params(self) -> dict[str, Any]:
        """Return what a sentence about it says."""
        known = next(side for side in (self.ours, self.theirs, self.old) if side is not ABSENT)
        values = {"old": self.old, "theirs": self.theirs, "ours": self.ours}
        said = {name: shown(_plain(value)) for name, value in values.items() if value is not ABSENT}
        return {"key": self.key, "known": known, **said}


def compare_sides(old: Trees, theirs: Trees, ours: Trees) -> list[Difference]:
    """Return what they changed and we have not, in the order of the things."""
    abouts = dict.fromkeys([*old, *theirs, *ours])
    return [
        Difference(about, *found)
        for about in abouts
        for found in _compare((), *(side.get(about, ABSENT) for side in (old, theirs, ours)))
    ]


def _compare(path: NodePath, old: Any, theirs: Any, ours: Any) -> Iterator[tuple[NodePath, Any, Any, Any]]:
    if theirs in (old, ours):
        return
    if not (isinstance(theirs, dict) and isinstance(ours, dict)):
        yield path, old, theirs, ours
        return
    before = old if isinstance(old, dict) else {}
    for key in dict.fromkeys([*theirs, *before, *ours]):
        yield from _compare((*path, key), *(side.get(key, ABSENT) for side in (before, theirs, ours)))


# ---- in words


def describe(difference: Difference, trees: Trees) -> dict[str, str]:
    """Return where it is in words, in both languages: ``Quote · Freight · Label``; names are those in ``trees``."""
    kind, name = difference.about
    data = trees.get(difference.about)
    root = _name(data) or name or kind
    return {language: " · ".join([root, *_steps(kind, data, difference.path, language)]) for language in ("zh", "en")}


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else write_value(value)


def _steps(kind: Kind, data: Any, path: NodePath, language: str) -> Iterator[str]:
    schema: Mapping[str, Any] = resolved_schema(kind)
    for at, key in enumerate(path):
        data = data.get(key) if isinstance(data, dict) else None
        known = schema.get("properties", {}).get(key)
        schema = known or schema.get("additionalProperties") or {}
        if known is None:
            yield _name(data) or str(key)
        elif at == len(path) - 1:
            titles = known.get("x-zh", {}) if language == "zh" else known
            yield str(titles.get("title", key))
        if not isinstance(schema, dict):
            schema = {}


def _name(data: Any) -> str | None:
    """Return what people call a thing."""
    found = (
        next((data[key] for key in ("label", "example", "name") if key in data), None)
        if isinstance(data, dict)
        else None
    )
    return found if isinstance(found, str) else None
