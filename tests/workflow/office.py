"""People as plain facts, and whom an approval asks of them: the small model of ``who``.

The same fourteen people and an administrator in the pure plays and on the databases, so their ids agree.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from engine.workflow.approval.plan import Person, StepPlan
from engine.workflow.approval.world import Holders
from tests.workflow.people_world import NOON, STARTER, person

PEOPLE = range(1, 15)
ADMIN = 15
ROLES: Mapping[str, tuple[int, ...]] = {"alpha": (1, 2, 3), "beta": (4, 5), "gamma": (), "delta": (6, 9)}
GROUPS: Mapping[str, tuple[int, ...]] = {"north": (2, 5, 6), "south": (1, 7)}
MANAGERS: Mapping[int, int] = {9: 3, 1: 3, 2: 3, 4: 3, 5: 6, 7: 6, 3: 6, 6: 8, 10: 8, 11: 10}

Rule = Mapping[str, Any]


@dataclass(frozen=True)
class Delegation:
    """Who decides for whom, and when."""

    principal: int
    deputy: int
    starts: datetime
    ends: datetime


@dataclass
class Office:
    """Who there is now. ``away`` are those who are disabled."""

    roles: dict[str, tuple[int, ...]] = field(default_factory=lambda: {**ROLES, "admin": (ADMIN,)})
    groups: dict[str, tuple[int, ...]] = field(default_factory=lambda: dict(GROUPS))
    managers: dict[int, int] = field(default_factory=lambda: dict(MANAGERS))
    away: frozenset[int] = frozenset()
    delegations: list[Delegation] = field(default_factory=list)

    def manager_of(self, one: int | None) -> int | None:
        manager = self.managers.get(one or 0)
        return None if manager in self.away else manager

    def managers_of(self, one: int) -> list[int]:
        chain: list[int] = []
        above = self.manager_of(one)
        while above is not None and above not in (one, *chain):
            chain.append(above)
            above = self.manager_of(above)
        return chain

    def manages(self, one: int, others: Iterable[int]) -> bool:
        """Whether somebody stands above one of the others, whoever on the way is away."""
        for other in others:
            above, seen = self.managers.get(other), {other}
            while above is not None and above not in seen:
                if above == one:
                    return True
                seen.add(above)
                above = self.managers.get(above)
        return False

    def principals(self, deputy: int, at: datetime) -> frozenset[int]:
        """For whom somebody may decide at a moment: for who named them, and for who named those, three steps far."""
        now = [one for one in self.delegations if one.starts <= at < one.ends and one.principal not in self.away]
        found: set[int] = set()
        near = {deputy}
        for _ in range(3):
            near = {one.principal for one in now if one.deputy in near} - {deputy}
            found |= near
        return frozenset(found)


@dataclass
class Case:
    """The world of one approval: the office, the values of its record, and how its definition settles who is asked."""

    office: Office
    at: datetime = NOON
    values: Mapping[str, Any] = field(default_factory=dict)
    starter: int = STARTER
    self_: str = "next_manager"
    empty: Sequence[Rule] = ()
    chosen: Mapping[str, Sequence[int]] = field(default_factory=dict)
    can_call_: bool = True

    def find(self, rules: Iterable[Rule], *, holder: int | None = None, step: str = "") -> list[int]:
        """Whom rules name, in order; nobody who is away."""
        found = [one for rule in rules for one in self._named(rule, holder, step)]
        return [one for one in found if one is not None and one not in self.office.away]

    def holders(self, step: StepPlan) -> Holders:
        """Who is asked: never the starter; when that leaves nobody, whom the definition names for nobody."""
        found = self.find(step.who, step=step.key)
        people = self._without_starter(found)
        if not people and found and self.self_ == "skip":
            return Holders((), skip=True)
        if not people:
            people = self._without_starter(self.find(self.empty))
        return Holders(tuple(person(one) for one in people))

    def people(self, rules: Sequence[Rule], holder: int | None = None) -> tuple[Person, ...]:
        return tuple(person(one) for one in dict.fromkeys(self.find(rules, holder=holder)))

    def due(self, step: StepPlan) -> datetime | None:
        return self.later(step.due, self.at) if step.due else None

    def moments(self, step: StepPlan) -> tuple[tuple[str, datetime], ...]:
        return tuple((late.key, self._late_at(late.at, step.due)) for late in step.late)

    def can_call(self, step: StepPlan) -> bool:
        return not step.of or self.values.get(step.of) is not None

    def later(self, duration: str, start: datetime) -> datetime:
        amount = int(duration.rstrip("dh"))
        return start + (timedelta(days=amount) if duration.endswith("d") else timedelta(hours=amount))

    def at_moment(self, at: datetime) -> "Case":
        return replace(self, at=at)

    def _late_at(self, at: str, due: str | None) -> datetime:
        if at.endswith("%"):
            assert due is not None
            return self.at + (self.later(due, self.at) - self.at) * int(at[:-1]) / 100
        return self.later(at, self.at)

    def _without_starter(self, found: Sequence[int]) -> list[int]:
        manager = self.office.manager_of(self.starter) if self.self_ == "next_manager" else None
        placed = [manager if one == self.starter else one for one in found]
        return list(dict.fromkeys(one for one in placed if one is not None and one != self.starter))

    def _named(self, rule: Rule, holder: int | None, step: str) -> Sequence[int | None]:
        kind, name = rule["kind"], rule["name"]
        whose = holder if name == "holder" else self.starter
        if kind == "role":
            return sorted(self.office.roles[name])
        if kind == "group":
            return sorted(self.office.groups[name])
        if kind == "user":
            return [int(name[1:])]
        if kind == "field":
            return [self.values.get(name)]
        if kind == "chosen_by":
            return list(self.chosen.get(step, ()))
        if kind == "manager_of":
            return [self.office.manager_of(whose)]
        if kind == "managers_of":
            return self.office.managers_of(self.starter)[: rule["levels"]]
        assert kind in ("starter", "holder"), kind
        return [self.starter if kind == "starter" else holder]
