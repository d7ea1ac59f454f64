"""A key that vanished beside a similar new one: renamed or replaced, only whoever wrote it knows.

Enters: the apps before and after, former keys followed, and the steps between their tables. Leaves: blocked items that
ask, also about a ``was`` that names what never was there. Must not guess: nothing is renamed here.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from difflib import SequenceMatcher

from engine.compiler.app import CompiledApp
from engine.expression import nearest
from engine.storage.changes import AddColumn, CreateTables, Step
from engine.storage.differences import Part, Path, compared
from engine.storage.plan import PlanItem
from engine.storage.tables import table_name

_ASKED = {
    "entity": "blocked_similar",
    "field": "blocked_similar",
    "stage": "blocked_similar",
    "move": "blocked_similar",
    "role": "blocked_similar",
    "step": "blocked_similar",
    "option": "blocked_similar_option",
}
_ALIKE = 0.75
"""How much of two keys must agree (twice the common letters by all letters, as ``difflib`` counts them)."""


def find_likenesses(old: CompiledApp | None, new: CompiledApp, steps: Sequence[Step] = ()) -> list[PlanItem]:
    """Return a question for each part that is gone while one like it is new in the same place."""
    old_parts, new_parts = compared(old, new)
    fresh = [part for path, part in new_parts.items() if path not in old_parts and part.thing in _ASKED]
    made = _made(steps)
    items: list[PlanItem] = []
    for part in fresh:
        if old is not None and _names_nothing(part, old_parts, made):
            items.append(_say_unknown(part, old_parts, new_parts))
        else:
            items += _ask(part, old_parts, new_parts)
    return items


def _made(steps: Sequence[Step]) -> frozenset[str]:
    """Return the tables and columns that are not there yet; whatever else a former key names has been renamed."""
    tables = {table.name for step in steps if isinstance(step, CreateTables) for table in step.tables}
    return frozenset(tables | {f"{step.table}.{step.column.name}" for step in steps if isinstance(step, AddColumn)})


def _names_nothing(part: Part, old_parts: Mapping[Path, Part], made: Collection[str]) -> bool:
    """Tell whether a part says that it was another, which nothing in its place ever was."""
    above = part.path[:-2]
    if part.was is None or (above and above not in old_parts):
        return False
    if part.thing == "entity":
        return table_name(part.path[-1]) in made
    if part.thing == "field":
        keys = part.path[1::2]
        return f"{table_name(*keys[:-1])}.{keys[-1]}" in made or table_name(*keys[:2]) in made
    if part.thing == "option":  # a text that becomes an option was none
        return part.was.isascii() and any(path[:-1] == part.path[:-1] for path in old_parts)
    return any(path[:-1] == part.path[:-1] for path in old_parts)


def _say_unknown(part: Part, old_parts: Mapping[Path, Part], new_parts: Mapping[Path, Part]) -> PlanItem:
    siblings = [path[-1] for path in old_parts if path[:-1] == part.path[:-1] and path not in new_parts]
    near = nearest(part.was or "", siblings)
    params = {"was": part.was or "", **({} if near is None else {"near": near})}
    code = "blocked_was" if near is None else "blocked_was_near"
    return PlanItem("blocked", code, part.thing, part.labels, params=params, location=part.location)


def _ask(part: Part, old_parts: Mapping[Path, Part], new_parts: Mapping[Path, Part]) -> Iterator[PlanItem]:
    siblings = [
        one
        for path, one in old_parts.items()
        if path[:-1] == part.path[:-1] and path not in new_parts and _are_alike(one, part)
    ]
    if siblings:
        gone = max(siblings, key=lambda one: _likeness(one.path[-1], part.path[-1]))
        params = {"key": gone.path[-1], "was": gone.labels[-1], "new_key": part.path[-1]}
        yield PlanItem("blocked", _ASKED[part.thing], part.thing, part.labels, params=params, location=part.location)


def _are_alike(gone: Part, new: Part) -> bool:
    if gone.settings.get("type") != new.settings.get("type"):
        return False
    return gone.labels[-1] == new.labels[-1] or _likeness(gone.path[-1], new.path[-1]) >= _ALIKE


def _likeness(one: str, other: str) -> float:
    return SequenceMatcher(None, one, other).ratio()
