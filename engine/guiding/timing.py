"""How long setting up took, step by step, and what an administrator called done or left out.

Enters: that somebody looked at a step. Leaves: seconds by step, in one row of ``fw_settings``. The time between two
looks counts for the step that was looked at first, a quarter of an hour at most: whoever went to lunch set nothing up.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Literal

from engine.storage.chosen import keep_setting, read_setting
from engine.storage.store import Session

Said = Literal["done", "skipped"]

LONGEST = timedelta(minutes=15)
"""More than this between two looks was a break."""
TARGET = timedelta(hours=8)
"""What configuring the shipped template may take."""
TEMPLATE = "template"
"""The step that is done before anybody can look at the guide."""
_KEY = "guide"


@dataclass(frozen=True)
class Kept:
    """What is kept of the guide: since when, what was said of each step, seconds spent on each."""

    began: datetime | None = None
    closed: bool = False
    said: Mapping[str, Said] = field(default_factory=lambda: MappingProxyType({}))
    spent: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    last: tuple[str, datetime] | None = None

    @property
    def seconds(self) -> int:
        """Seconds spent so far."""
        return sum(self.spent.values())


def read_kept(session: Session) -> Kept:
    """Return what is kept."""
    found = read_setting(session.connection, _KEY)
    if found is None:
        return Kept()
    last = found.get("last")
    return Kept(
        began=datetime.fromisoformat(found["began"]) if found.get("began") else None,
        closed=bool(found.get("closed")),
        said=found.get("said", {}),
        spent=found.get("spent", {}),
        last=(last[0], datetime.fromisoformat(last[1])) if last else None,
    )


def note_look(session: Session, step: str) -> None:
    """Note that an administrator looks at a step now."""
    kept, now = read_kept(session), session.now()
    spent = dict(kept.spent)
    if kept.last is not None:
        before, at = kept.last
        gone = now - at
        if timedelta() < gone <= LONGEST:
            spent[before] = spent.get(before, 0) + round(gone.total_seconds())
    _keep(session, replace(kept, began=kept.began or now, spent=spent, last=(step, now)))


def note_choice(session: Session, began: datetime) -> None:
    """Note that a template was chosen at this moment: what passes until the first look at the guide counts for that."""
    kept = read_kept(session)
    _keep(session, replace(kept, began=kept.began or began, last=(TEMPLATE, began)))


def say_of(session: Session, step: str, said: Said | None) -> None:
    """Keep what an administrator says of a step; None takes it back."""
    kept = read_kept(session)
    others = {key: value for key, value in kept.said.items() if key != step}
    _keep(session, replace(kept, said=others if said is None else {**others, step: said}))


def close(session: Session, closed: bool = True) -> None:
    """Take the guide off the first page, or put it back."""
    _keep(session, replace(read_kept(session), closed=closed))


def _keep(session: Session, kept: Kept) -> None:
    value: dict[str, Any] = {"closed": kept.closed, "said": dict(kept.said), "spent": dict(kept.spent)}
    if kept.began is not None:
        value["began"] = kept.began.isoformat()
    if kept.last is not None:
        value["last"] = [kept.last[0], kept.last[1].isoformat()]
    keep_setting(session.connection, _KEY, value)
