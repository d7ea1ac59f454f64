"""A plan: what publishing would change, in words and in SQL.

Enters: items found by ``differences.py`` and ``migration.py``. Leaves: frozen data that a person reads before saying
yes, and that is kept with the release. Must not look at a database.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import Any, Literal

from engine import messages
from engine.compiler.app import Label
from engine.errors import Location, NotPossibleNow

ItemKind = Literal["added", "removed", "changed", "renamed", "data", "blocked"]

_LONGEST_VALUE = 60
_REPLACING = frozenset(
    {"filled_narrow", "filled_option", "moved_stage", "rounded_type", "unread_type"}
    | {"rounded", "emptied", "filled_otherwise"}
)
"""What puts another value, or none, in the place of one that somebody typed: how many is part of the consent."""


@dataclass(frozen=True)
class Setting:
    """One setting that changed; ``old`` and ``new`` are plain data."""

    name: str
    old: Any = None
    new: Any = None

    def text(self, language: str) -> str:
        """Return the setting in words, with both values where they are short."""
        word = messages.text(f"plan.what.{self.name}", language)
        old, new = _short(self.old, language), _short(self.new, language)
        return word if old is None or new is None else f"{word} {old} → {new}"


@dataclass(frozen=True)
class Group:
    """Records that share ``values``, in JSON form by field: ``rows`` counts them, ``records`` are ids of some."""

    values: Mapping[str, Any]
    rows: int
    records: tuple[int, ...]


@dataclass(frozen=True)
class PlanItem:
    """One change. ``thing`` is what kind of part it is about, ``path`` its labels from the entity down.

    ``rows`` counts the records concerned, ``records`` are ids of some of them, and ``entity`` is the key under which
    they are found today. ``groups`` are records that have to do with each other. A ``blocked`` item keeps the plan
    from being published.
    """

    kind: ItemKind
    code: str
    thing: str
    path: tuple[Label, ...]
    settings: tuple[Setting, ...] = ()
    params: Mapping[str, object] = field(default_factory=dict)
    rows: int = 0
    records: tuple[int, ...] = ()
    location: Location | None = None
    entity: str | None = None
    groups: tuple[Group, ...] = ()

    def text(self, language: str = messages.DEFAULT_LANGUAGE) -> str:
        """Return the change in one sentence."""
        separator = messages.text("plan.comma", language)
        return messages.text(
            f"plan.{self.code}",
            language,
            thing=messages.text(f"plan.thing.{self.thing}", language),
            name=".".join(_said(label, language) for label in self.path),
            what=separator.join(setting.text(language) for setting in self.settings),
            rows=self.rows,
            **{key: _said(value, language) if isinstance(value, Mapping) else value
               for key, value in self.params.items()},
        )  # fmt: skip


@dataclass(frozen=True)
class Plan:
    """What publishing a folder would do. ``statements`` were run and rolled back; ``digest`` is that of the folder."""

    items: tuple[PlanItem, ...]
    statements: tuple[str, ...]
    base_release: int | None
    digest: str

    @cached_property
    def effect(self) -> str:
        """What this plan would do, as a sha256: two plans with the same effect are one for whoever agreed to it.

        How many empty values are filled or formulas worked out anew may grow while somebody reads the plan; how many
        typed values are replaced may not.
        """
        said = [
            (item.kind, item.code, item.thing, item.path, item.settings, sorted(item.params.items(), key=str))
            + ((item.rows,) if item.code in _REPLACING else ())
            for item in self.items
        ]
        return hashlib.sha256(repr((said, self.statements)).encode()).hexdigest()

    @property
    def blocked(self) -> bool:
        """Whether something must be written in the definition before this can be published."""
        return any(item.kind == "blocked" for item in self.items)

    @property
    def is_empty(self) -> bool:
        """Whether neither the rules nor the tables would change."""
        return not self.items and not self.statements


class PlanBlocked(NotPossibleNow):
    """The plan holds items that need a decision first; ``items`` are those."""

    def __init__(self, items: tuple[PlanItem, ...]) -> None:
        self.items = items
        super().__init__("plan.blocked", count=len(items), first=items[0].text())


def to_plain(plan: Plan) -> dict[str, Any]:
    """Return a plan as it is kept with its release."""
    return {
        "base_release": plan.base_release,
        "items": [
            {"kind": item.kind, "rows": item.rows, **{language: item.text(language) for language in messages.LANGUAGES}}
            for item in plan.items
        ],
        "effect": plan.effect,
        "statements": list(plan.statements),
    }


def _said(label: Any, language: str) -> str:
    if not isinstance(label, Mapping):
        return str(label)
    return str(label.get(language) or next(iter(label.values()), ""))


def _short(value: Any, language: str) -> str | None:
    """Return a value short enough to be shown, or None."""
    if isinstance(value, bool):
        return messages.text("plan.yes" if value else "plan.no", language)
    if value is None:
        return messages.text("plan.nothing", language)
    if isinstance(value, Mapping):
        value = _said(value, language) if value.keys() <= set(messages.LANGUAGES) and value else None
    if isinstance(value, (str, int, Decimal)) and len(str(value)) <= _LONGEST_VALUE:
        return str(value) or messages.text("plan.nothing", language)
    return None
